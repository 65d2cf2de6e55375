"""The operations of an OpenAPI or Swagger file: which methods of which paths, with what parameters, bodies and answers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

FORM = "application/x-www-form-urlencoded"
_METHODS = ("get", "put", "post", "delete", "patch")

type Node = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    bodies: the schema of each media type. answers: what is said of each status. scopes: any of them opens it.
    declared: False for what the file only alludes to.
    """

    method: str
    template: str
    base: str
    parameters: Sequence[Node]
    bodies: Node
    answers: Mapping[str, Node]
    scopes: Sequence[str] = ()
    declared: bool = True

    def __str__(self) -> str:
        return f"{self.method} {self.template}"

    def match(self, path: str, flags: int = 0) -> dict[str, str] | None:
        """The values of the path's parameters; None when it is another path."""
        found = _pattern(self.base + self.template, flags).fullmatch(path)
        return found.groupdict() if found else None


@cache
def _pattern(path: str, flags: int) -> re.Pattern[str]:
    """Each call is held against some two hundred paths: each is compiled once."""
    pieces = re.split(r"\{(\w+)\}", path)
    pattern = "".join(
        f"(?P<{piece}>[^/]+)" if at % 2 else re.escape(piece) for at, piece in enumerate(pieces)
    )
    return re.compile(pattern, flags)


def operations(document: Node) -> Iterator[Operation]:
    """All operations of a file, and the token endpoint that Xero's identity file alludes to."""
    servers = document.get("servers", [])
    base = urlsplit(servers[0]["url"]).path.rstrip("/") if servers else ""
    for template, item in document.get("paths", {}).items():
        shared = [_resolved(document, each) for each in item.get("parameters", [])]
        for method in _METHODS:
            if method not in item:
                continue
            said = item[method]
            parameters = [*shared, *(_resolved(document, each) for each in said.get("parameters", []))]
            bodies = schemas_of(said.get("requestBody", {}))
            for each in parameters:
                if each["in"] == "body":
                    bodies = dict.fromkeys(said.get("consumes", ()), each["schema"])
            answers = {
                status: _resolved(document, answer) | {"produces": said.get("produces", [])}
                for status, answer in said["responses"].items()
            }
            scopes = [scope for each in said.get("security", []) for scope in each.get("OAuth2", [])]
            yield Operation(method.upper(), template, base, parameters, bodies, answers, scopes)
    yield from _token_operation(document.get("components", {}))


def schemas_of(said: Node) -> dict[str, Any]:
    """The schema of each media type of a body."""
    if "schema" in said:
        return dict.fromkeys(said.get("produces") or ["application/json"], said["schema"])
    return {kind: media.get("schema", {}) for kind, media in said.get("content", {}).items()}


def _token_operation(components: Node) -> Iterator[Operation]:
    """The token endpoint is told as a `tokenUrl`, and its form and answer as schemas that nothing refers to."""
    if "AccessToken" in components.get("schemas", {}):
        flow = components["securitySchemes"]["OAuth2"]["flows"]["authorizationCode"]
        form, answer = ({"$ref": f"#/components/schemas/{name}"} for name in ("RefreshToken", "AccessToken"))
        answers = {"200": {"content": {"application/json": {"schema": answer}}}}
        template = urlsplit(flow["tokenUrl"]).path
        yield Operation("POST", template, "", [], {FORM: form}, answers, declared=False)


def _resolved(document: Node, node: Node) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = document
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return dict(node)
