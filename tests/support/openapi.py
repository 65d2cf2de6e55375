"""Calls and answers beside the vendors' OpenAPI files: paths, parameters, headers, statuses and bodies.

accounting = read("xero_accounting.yaml")
accounting.check(Exchange("GET", "/api.xro/2.0/Invoices", query=[("page", "1")], ...)) -> [Finding, ...]
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import yaml

from tests.support.openapi_findings import Finding
from tests.support.openapi_operations import FORM, Operation, operations, schemas_of
from tests.support.openapi_schemas import Schemas

SPECS = Path(__file__).resolve().parents[2].parent / "shared" / "specs"
# Headers of HTTP itself, of which OpenAPI says that a file does not list them, or need not.
_OF_HTTP = frozenset(
    [
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    ]
)


@dataclass(frozen=True)
class Exchange:
    """A call, and its answer unless there was none of the vendor's own. Names of headers are in lower case."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    status: int | None = None
    answer_type: str = ""
    answer: bytes = b""


class ApiFile:
    """A vendor's file, read. `fallbacks`: schemas of answers whose status an operation does not declare."""

    def __init__(self, name: str, document: Mapping[str, Any]) -> None:
        self.name = name
        self.document = document
        place = ("definitions",) if "swagger" in document else ("components", "schemas")
        named = document
        for part in place:
            named = named[part]
        self.schemas = Schemas(named, place)
        self.operations = list(operations(document))
        error = document.get("components", {}).get("responses", {}).get("400Error")
        self.fallbacks = {400: schemas_of(error)} if error else {}

    def check(self, exchange: Exchange) -> list[Finding]:
        """All differences between the file and a call with its answer."""
        operation, values, findings = self._find(exchange)
        if operation is None:
            return findings
        findings += self._request(operation, values, exchange)
        if exchange.status is not None:
            findings += self._answer(operation, exchange, exchange.status)
        return findings

    def check_webhook(self, name: str, body: bytes) -> list[Finding]:
        """All differences between a delivery and the webhook of that name (`invoices`, `contacts`, ...)."""
        content = self.document["webhooks"][name]["post"]["requestBody"]["content"]["application/json"]
        return [
            Finding(
                self.name, f"webhook {name}", "request", each.place, each.rule, each.says, each.sent, each.at
            )
            for each in self.schemas.mismatches(content["schema"], msgspec.json.decode(body))
        ]

    def check_scope(self, method: str, template: str, scope: str) -> list[Finding]:
        """Whether an operation may be called with a scope, by the file."""
        operation = next(
            each for each in self.operations if (each.method, each.template) == (method, template)
        )
        if scope in operation.scopes:
            return []
        says = f"scopes {', '.join(operation.scopes) or 'none'}"
        return [self._finding(operation, "request", f"scope {scope}", "unknown", says, scope)]

    def check_examples(self) -> list[Finding]:
        """What the file's own examples of answers differ in from its schemas."""
        found: list[Finding] = []
        for operation in self.operations:
            for status, answer in operation.answers.items():
                media = answer.get("content", {}).items()
                examples = {kind: said["example"] for kind, said in media if "example" in said}
                for kind, example in (examples | answer.get("examples", {})).items():
                    schema = schemas_of(answer).get(kind, {})
                    found += self._mismatches(operation, f"answer {status}", schema, example)
        return found

    def webhook_examples(self) -> Iterator[tuple[str, bytes]]:
        """The file's own deliveries, by webhook."""
        for name, item in self.document["webhooks"].items():
            content = item["post"]["requestBody"]["content"]["application/json"]
            for example in content.get("examples", {}).values():
                yield name, msgspec.json.encode(example["value"])

    # Checking

    def _find(self, exchange: Exchange) -> tuple[Operation | None, dict[str, str], list[Finding]]:
        """The operation of a call, however its path is written; of several the one whose path parameters fit, and are fewest."""
        candidates: list[tuple[list[Finding], Operation, dict[str, str]]] = []
        for flags in (0, re.IGNORECASE):
            for operation in self.operations:
                if operation.method != exchange.method:
                    continue
                values = operation.match(exchange.path, flags)
                if values is None:
                    continue
                findings = []
                if flags or not operation.declared:
                    says = f"path {operation.template}" if flags else "no such path, only a tokenUrl"
                    findings = [self._finding(operation, "request", "path", "unknown", says, exchange.path)]
                candidates.append((findings, operation, values))
            if candidates:
                break
        if not candidates:
            called = f"{exchange.method} {exchange.path}"
            return (
                None,
                {},
                [Finding(self.name, called, "request", "path", "unknown", "no such operation", called)],
            )
        best = min(
            candidates,
            key=lambda found: (
                sum(1 for _ in self._parameters(found[1], "path", list(found[2].items()))),
                # OpenAPI: a path that is written out comes before one with parameters.
                len(found[2]),
            ),
        )
        return best[1], best[2], best[0]

    def _request(self, operation: Operation, values: dict[str, str], exchange: Exchange) -> Iterator[Finding]:
        yield from self._parameters(operation, "path", list(values.items()))
        yield from self._parameters(operation, "query", exchange.query)
        headers = [(name, value) for name, value in exchange.headers.items() if name not in _OF_HTTP]
        yield from self._parameters(operation, "header", headers)
        accepted = exchange.headers.get("accept", "")
        offered = {kind for answer in operation.answers.values() for kind in schemas_of(answer)}
        # Xero's Accounting API answers XML to whoever does not name JSON.
        anything = "*/*" in accepted and operation.base != "/api.xro/2.0"
        if offered and not anything and not any(kind in accepted for kind in offered):
            says = f"answers {', '.join(sorted(offered))}"
            yield self._finding(operation, "request", "header Accept", "accept", says, accepted or "nothing")
        if not operation.bodies:
            if exchange.body:
                sent = f"{len(exchange.body)} bytes"
                yield self._finding(operation, "request", "body", "unknown", "takes no body", sent)
            return
        kind = exchange.headers.get("content-type", "").partition(";")[0]
        if kind not in operation.bodies:
            says = f"takes {', '.join(operation.bodies)}"
            yield self._finding(
                operation, "request", "header Content-Type", "content type", says, kind or "nothing"
            )
            return
        yield from self._body(operation, "request", operation.bodies[kind], exchange.body, kind)

    def _parameters(
        self, operation: Operation, place: str, sent: Sequence[tuple[str, str]]
    ) -> Iterator[Finding]:
        exact = place != "header"
        declared = {
            each["name"] if exact else each["name"].lower(): each
            for each in operation.parameters
            if each["in"] == place
        }
        seen: set[str] = set()
        for name, text in sent:
            found = declared.get(name)
            if found is None:
                says = f"parameters {', '.join(declared) or 'none'}"
                yield self._finding(
                    operation, "request", f"{place} {name}", "unknown", says, f"{name}={text}"
                )
                continue
            if name in seen:
                yield self._finding(operation, "request", f"{place} {name}", "repeated", "one value", text)
            seen.add(name)
            # Swagger writes a parameter's type beside its name.
            schema = found.get("schema", found)
            for each in self.schemas.mismatches(schema, _typed(schema, text)):
                shown = f"{place} {found['name']}"
                yield self._finding(operation, "request", shown, each.rule, each.says, text)
        for name, found in declared.items():
            if found.get("required") and name not in seen:
                shown = f"{place} {found['name']}"
                yield self._finding(operation, "request", shown, "required", "requires it", "nothing")

    def _answer(self, operation: Operation, exchange: Exchange, status: int) -> Iterator[Finding]:
        part = f"answer {status}"
        declared = operation.answers.get(str(status))
        if declared is None:
            says = f"answers {', '.join(operation.answers)}"
            yield self._finding(operation, part, "status", "unknown", says, str(status))
        schemas = self.fallbacks.get(status, {}) if declared is None else schemas_of(declared)
        kind = exchange.answer_type.partition(";")[0]
        if not schemas:
            if declared is not None and exchange.answer:
                yield self._finding(
                    operation, part, "body", "unknown", "no body", f"{exchange.answer[:80]!r}"
                )
        elif kind not in schemas:
            says = f"answers {', '.join(schemas)}"
            yield self._finding(operation, part, "content type", "content type", says, kind or "none")
        else:
            yield from self._body(operation, part, schemas[kind], exchange.answer, kind)

    def _body(
        self, operation: Operation, part: str, schema: Mapping[str, Any], body: bytes, kind: str
    ) -> Iterator[Finding]:
        try:
            value = dict(parse_qsl(body.decode())) if kind == FORM else msgspec.json.decode(body)
        except (ValueError, msgspec.DecodeError) as error:
            yield self._finding(operation, part, "body", "syntax", kind, f"{body[:80]!r}: {error}")
            return
        yield from self._mismatches(operation, part, schema, value)

    def _mismatches(
        self, operation: Operation, part: str, schema: Mapping[str, Any], value: Any
    ) -> Iterator[Finding]:
        for each in self.schemas.mismatches(schema, value):
            yield self._finding(operation, part, each.place, each.rule, each.says, each.sent, each.at)

    def _finding(
        self, operation: Operation, part: str, place: str, rule: str, says: str, sent: str, at: str = ""
    ) -> Finding:
        return Finding(self.name, str(operation), part, place, rule, says, sent, at)


def read(name: str) -> ApiFile:
    """A file of ../shared/specs. YAML's dates stay text, as JSON's would."""
    text = (SPECS / name).read_text(encoding="utf-8")
    document = msgspec.json.decode(text) if name.endswith(".json") else yaml.load(text, Loader=_Loader)
    return ApiFile(name, document)


class _Loader(yaml.CSafeLoader):
    """YAML without timestamps: Xero's file has dates as examples, which are text on the wire."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _typed(schema: Mapping[str, Any], text: str) -> Any:
    """A parameter's text as the type that the file gives it; the text itself when it is none of those."""
    match schema.get("type"):
        case "integer" if re.fullmatch(r"-?\d+", text):
            return int(text)
        case "boolean" if text in ("true", "false"):
            return text == "true"
        case "array":
            return text.split(",")
        case _:
            return text
