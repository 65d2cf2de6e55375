"""The vault over https: the table of requests, tokens, paging, and the JSON of bundles and errors."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from flask import Flask, Response, jsonify, request

from local.identity.tokens import MANAGED_IDENTITY, TENANT, VAULT, Unacceptable, bearer
from local.keyvault.vault import RECOVERABLE_DAYS, Secret, Vault, VaultError, Version
from local.simulation import Clock, Faults, Statistics, create_app

PAGE = 25


def create(
    *,
    clock: Clock | None = None,
    tenant: str = TENANT,
    secrets: Mapping[str, str] | None = None,
    allowed: Collection[str] = (MANAGED_IDENTITY.object_id,),
    faults: Faults | None = None,
    statistics: Statistics | None = None,
) -> tuple[Flask, Vault]:
    """A vault's application, to be served over https, and the vault itself.

    secrets: name to value, there from the beginning. allowed: object ids of the principals that may use it.
    A fault also strikes the SDK's first call of a process, the one without token that asks for the challenge.
    """
    clock = clock or Clock()
    vault = Vault(clock, secrets)
    app = create_app("key vault", clock, faults or Faults(), statistics or Statistics())

    @app.before_request
    def admit() -> Response | None:
        request.get_data()  # A client that is still sending would be reset by an early refusal.
        if request.path.startswith("/_sim/"):
            return None
        try:
            claims = bearer(request.headers.get("Authorization"), VAULT, clock, tenant)
        except Unacceptable as refusal:
            return _challenge(tenant, refusal)
        if claims["oid"] not in allowed:
            message = "Caller is not authorized to perform action on resource."
            raise VaultError(403, "Forbidden", message, "ForbiddenByRbac")
        if not request.args.get("api-version"):
            raise VaultError(400, "BadParameter", "api-version must be specified")
        return None

    @app.errorhandler(VaultError)
    def refuse(error: VaultError) -> tuple[Response, int]:
        described: dict[str, Any] = {"code": error.code, "message": str(error)}
        if error.inner:
            described["innererror"] = {"code": error.inner}
        return jsonify(error=described), error.status

    @app.put("/secrets/<name>")
    def set_secret(name: str) -> Response:
        return jsonify(_bundle(*vault.set(name, _body())))

    @app.get("/secrets/<name>/")
    @app.get("/secrets/<name>/<version>")
    def get_secret(name: str, version: str = "") -> Response:
        return jsonify(_bundle(*vault.get(name, version)))

    @app.patch("/secrets/<name>/")
    @app.patch("/secrets/<name>/<version>")
    def update_secret(name: str, version: str = "") -> Response:
        return jsonify(_bundle(*vault.update(name, version, _body()), value=False))

    @app.get("/secrets")
    def list_secrets() -> Response:
        return _page(vault.names(deleted=False), lambda secret: _item(secret, secret.versions[-1]))

    @app.get("/secrets/<name>/versions")
    def list_versions(name: str) -> Response:
        secret, versions = vault.versions(name)
        return _page(versions, lambda version: _bundle(secret, version, value=False))

    @app.delete("/secrets/<name>")
    def delete_secret(name: str) -> Response:
        return jsonify(_deleted(vault.delete(name), versioned=True))

    @app.get("/deletedsecrets")
    def list_deleted() -> Response:
        return _page(vault.names(deleted=True), lambda secret: _deleted(secret, versioned=False))

    @app.get("/deletedsecrets/<name>")
    def get_deleted(name: str) -> Response:
        return jsonify(_deleted(vault.deleted(name), versioned=True))

    @app.post("/deletedsecrets/<name>/recover")
    def recover(name: str) -> Response:
        return jsonify(_bundle(*vault.recover(name), value=False))

    @app.delete("/deletedsecrets/<name>")
    def purge(name: str) -> tuple[str, int]:
        vault.purge(name)
        return "", 204

    @app.post("/secrets/<name>/backup")
    def backup(name: str) -> Response:
        return jsonify(value=vault.backup(name))

    @app.post("/secrets/restore")
    def restore() -> Response:
        return jsonify(_bundle(*vault.restore(_body().get("value")), value=False))

    return app, vault


def _challenge(tenant: str, refusal: Unacceptable) -> Response:
    challenge = f'Bearer authorization="https://login.microsoftonline.com/{tenant}", resource="{VAULT}"'
    message = "AKV10000: Request is missing a Bearer or PoP token."
    if refusal.reason != "absent":
        message = f"AKV10032: The access token is not valid ({refusal.reason})."
    answer = jsonify(error={"code": "Unauthorized", "message": message})
    answer.status_code = 401
    answer.headers["WWW-Authenticate"] = challenge
    return answer


def _body() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise VaultError(400, "BadParameter", "The request body is not a JSON object.")
    return body


def _page[T](entries: list[T], shown: Callable[[T], dict[str, Any]]) -> Response:
    try:
        size = int(request.args.get("maxresults", PAGE))
        start = int(request.args.get("$skiptoken", 0))
    except ValueError as error:
        raise VaultError(400, "BadParameter", "maxresults and $skiptoken are numbers.") from error
    if not 1 <= size <= PAGE:
        raise VaultError(400, "BadParameter", f"maxresults must be from 1 to {PAGE}.")
    following = None
    if start + size < len(entries):
        version = request.args["api-version"]
        query = f"api-version={version}&$skiptoken={start + size}&maxresults={size}"
        following = f"{request.host_url.rstrip('/')}{request.path}?{query}"
    return jsonify(value=[shown(entry) for entry in entries[start : start + size]], nextLink=following)


def _item(secret: Secret, version: Version) -> dict[str, Any]:
    """An entry of a list of secrets: no value, and an id without version."""
    item: dict[str, Any] = {
        "id": f"{request.host_url}secrets/{secret.name}",
        "attributes": {
            "enabled": version.enabled,
            "created": version.created,
            "updated": version.updated,
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": RECOVERABLE_DAYS,
        },
    }
    if version.expires is not None:
        item["attributes"]["exp"] = version.expires
    if version.not_before is not None:
        item["attributes"]["nbf"] = version.not_before
    if version.content_type is not None:
        item["contentType"] = version.content_type
    if version.tags is not None:
        item["tags"] = version.tags
    return item


def _bundle(secret: Secret, version: Version, *, value: bool = True) -> dict[str, Any]:
    bundle = _item(secret, version)
    bundle["id"] += f"/{version.id}"
    return {"value": version.value, **bundle} if value else bundle


def _deleted(secret: Secret, *, versioned: bool) -> dict[str, Any]:
    assert secret.deleted is not None
    latest = secret.versions[-1]
    return {
        **(_bundle(secret, latest, value=False) if versioned else _item(secret, latest)),
        "recoveryId": f"{request.host_url}deletedsecrets/{secret.name}",
        "deletedDate": int(secret.deleted.timestamp()),
        "scheduledPurgeDate": int(secret.purge_at.timestamp()),
    }
