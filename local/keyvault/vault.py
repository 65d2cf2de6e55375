"""What a vault holds: secrets, their versions, and those that were deleted but can come back.

The vault has no ETags: the last writer wins, and every write makes a version (facts of Key Vault's REST API).
"""

import base64
import json
import re
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from local.simulation import Clock

NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
LARGEST_VALUE_BYTES = 25 * 1024
RECOVERABLE_DAYS = 90


class VaultError(Exception):
    """A refusal, with the service's status and codes."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.inner = inner


@dataclass(frozen=True)
class Version:
    """One version of a secret. Times are unix seconds; `expires` and `not_before` only inform."""

    id: str
    value: str
    created: int
    updated: int
    enabled: bool = True
    expires: int | None = None
    not_before: int | None = None
    content_type: str | None = None
    tags: dict[str, str] | None = None


@dataclass
class Secret:
    """The versions of a secret, oldest first; `deleted` says when it went to the deleted ones."""

    name: str
    versions: list[Version] = field(default_factory=list)
    deleted: datetime | None = None

    @property
    def purge_at(self) -> datetime:
        assert self.deleted is not None
        return self.deleted + timedelta(days=RECOVERABLE_DAYS)


class Vault:
    """All operations on secrets. Raises VaultError wherever Key Vault answers with an error."""

    def __init__(self, clock: Clock, secrets: Mapping[str, str] | None = None) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._secrets: dict[str, Secret] = {}
        for name, value in (secrets or {}).items():
            self.set(name, {"value": value})

    def set(self, name: str, body: Mapping[str, Any]) -> tuple[Secret, Version]:
        """A new version; the secret is made if it is new."""
        key = _key(name)
        value = body.get("value")
        if not isinstance(value, str):
            raise VaultError(400, "BadParameter", "The property 'value' is required and must be a string.")
        if len(value.encode()) > LARGEST_VALUE_BYTES:
            raise VaultError(400, "BadParameter", f"The value is larger than {LARGEST_VALUE_BYTES} bytes.")
        now = self._now()
        version = replace(Version(uuid.uuid4().hex, value, now, now), **_changes(body))
        with self._lock:
            secret = self._known(key)
            if secret is not None and secret.deleted:
                raise self._recoverable(name)
            if secret is None:
                secret = self._secrets[key] = Secret(name)
            secret.versions.append(version)
            return secret, version

    def get(self, name: str, version: str = "") -> tuple[Secret, Version]:
        """The version given, or the latest."""
        with self._lock:
            secret, found = self._find(name, version)
        if not found.enabled:
            message = "Operation get is not allowed on a disabled secret."
            raise VaultError(403, "Forbidden", message, "SecretDisabled")
        return secret, found

    def update(self, name: str, version: str, body: Mapping[str, Any]) -> tuple[Secret, Version]:
        """Change a version's properties, never its value."""
        with self._lock:
            secret, found = self._find(name, version)
            changed = replace(found, updated=self._now(), **_changes(body))
            secret.versions[secret.versions.index(found)] = changed
            return secret, changed

    def names(self, *, deleted: bool) -> list[Secret]:
        """The secrets, or the deleted ones, by name."""
        with self._lock:
            found = [self._known(key) for key in sorted(self._secrets)]
            return [secret for secret in found if secret and bool(secret.deleted) is deleted]

    def versions(self, name: str) -> tuple[Secret, list[Version]]:
        """Versions by id, which says nothing about their age: a client that wants the newest must sort."""
        with self._lock:
            secret, _ = self._find(name, "")
            return secret, sorted(secret.versions, key=lambda version: version.id)

    def delete(self, name: str) -> Secret:
        with self._lock:
            secret, _ = self._find(name, "")
            secret.deleted = self._clock.now()
            return secret

    def deleted(self, name: str) -> Secret:
        with self._lock:
            secret = self._known(_key(name))
            if secret is None or not secret.deleted:
                raise VaultError(404, "SecretNotFound", f"Deleted Secret not found: {name}")
            return secret

    def recover(self, name: str) -> tuple[Secret, Version]:
        with self._lock:
            secret = self.deleted(name)
            secret.deleted = None
            return secret, secret.versions[-1]

    def purge(self, name: str) -> None:
        with self._lock:
            self.deleted(name)
            del self._secrets[_key(name)]

    def backup(self, name: str) -> str:
        """Everything about a secret, opaque, base64url."""
        with self._lock:
            secret, _ = self._find(name, "")
            content = {"name": secret.name, "versions": [vars(version) for version in secret.versions]}
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    def restore(self, backup: object) -> tuple[Secret, Version]:
        try:
            padded = str(backup) + "=" * (-len(str(backup)) % 4)
            content = json.loads(base64.urlsafe_b64decode(padded))
            secret = Secret(content["name"], [Version(**version) for version in content["versions"]])
        except (ValueError, KeyError, TypeError) as error:
            raise VaultError(400, "BadParameter", "The backup is not one of this vault's.") from error
        with self._lock:
            present = self._known(_key(secret.name))
            if present is not None:
                if present.deleted:
                    raise self._recoverable(secret.name)
                raise VaultError(409, "Conflict", f"A secret named {secret.name} already exists.")
            self._secrets[_key(secret.name)] = secret
            return secret, secret.versions[-1]

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def _known(self, key: str) -> Secret | None:
        """The secret, deleted or not; a deleted one is gone for good when its days are over."""
        secret = self._secrets.get(key)
        if secret is not None and secret.deleted and secret.purge_at <= self._clock.now():
            del self._secrets[key]
            return None
        return secret

    def _find(self, name: str, version: str) -> tuple[Secret, Version]:
        secret = self._known(_key(name))
        if secret is not None and not secret.deleted:
            if not version:
                return secret, secret.versions[-1]
            for candidate in secret.versions:
                if candidate.id == version:
                    return secret, candidate
        message = f"A secret with (name/id) {name}{'/' + version if version else ''} was not found in this key vault."
        raise VaultError(404, "SecretNotFound", message)

    @staticmethod
    def _recoverable(name: str) -> VaultError:
        message = (
            f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused."
        )
        return VaultError(409, "Conflict", message, "ObjectIsDeletedButRecoverable")


def _key(name: str) -> str:
    if not NAME.fullmatch(name):
        raise VaultError(400, "BadParameter", f"The request URI contains an invalid name: {name}")
    return name.lower()


def _changes(body: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a version that a body sets. What it omits stays as it was."""
    attributes = body.get("attributes") or {}
    tags = body.get("tags")
    fits = (
        isinstance(attributes, dict)
        and isinstance(attributes.get("enabled", True), bool | None)
        and isinstance(attributes.get("exp"), int | None)
        and isinstance(attributes.get("nbf"), int | None)
        and isinstance(body.get("contentType"), str | None)
        and (
            tags is None or (isinstance(tags, dict) and all(isinstance(text, str) for text in tags.values()))
        )
    )
    if not fits:
        raise VaultError(400, "BadParameter", "The body has a property of a wrong type.")
    given = {
        "enabled": attributes.get("enabled"),
        "expires": attributes.get("exp"),
        "not_before": attributes.get("nbf"),
        "content_type": body.get("contentType"),
        "tags": tags,
    }
    return {name: value for name, value in given.items() if value is not None}
