"""The schemas of an OpenAPI or Swagger file as JSON Schema 2020-12, compiled once each.

An object that lists its properties knows no others, so that a field which the vendor's file lacks is found; for that, what
`allOf` puts together becomes one schema.
"""

from collections.abc import Mapping
from typing import Any, cast

import jsonschema_rs

from tests.support.openapi_findings import Mismatch

type Json = Any
# What the mark x-is-msdate (a day) or x-is-msdate-time (an instant) of Xero's file stands for on the wire.
MS_DATE = r"^/Date\(-?\d+([+-]\d{4})?\)/$"
# Only what constrains a value: descriptions, examples and the vendors' own marks are left behind.
_KEPT = frozenset(
    [
        "type",
        "enum",
        "const",
        "format",
        "required",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "pattern",
    ]
)


class Schemas:
    """The named schemas of a file. `place`: their path in it, as in ("components", "schemas")."""

    def __init__(self, named: Mapping[str, Json], place: tuple[str, ...]) -> None:
        self._named, self._prefix = named, f"#/{'/'.join(place)}/"
        self._root: Json = {name: self._convert(schema) for name, schema in named.items()}
        for name in reversed(place):
            self._root = {name: self._root}
        self._compiled: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def mismatches(self, schema: Json, value: Json) -> list[Mismatch]:
        """How a value differs from a schema of the file, or from one of its named schemas (a `$ref`)."""
        key = schema["$ref"] if "$ref" in schema else repr(schema)
        if key not in self._compiled:
            self._compiled[key] = jsonschema_rs.Draft202012Validator(
                {**self._root, "allOf": [self._convert(schema)]}, validate_formats=True
            )
        compiled = self._compiled[key]
        # Most values conform, and saying so is many times as fast as looking for reasons.
        if compiled.is_valid(value):
            return []
        return [found for error in compiled.iter_errors(value) for found in self._explain(error)]

    def _convert(self, schema: Json) -> Json:
        if "$ref" in schema:
            return {"$ref": schema["$ref"]}
        if "allOf" in schema:
            whole: Json = {name: value for name, value in schema.items() if name != "allOf"}
            for part in schema["allOf"]:
                whole = self._together(whole, part)
            return self._convert(whole)
        made = {name: value for name, value in schema.items() if name in _KEPT}
        if isinstance(made.get("required"), bool):
            # Of a parameter in a Swagger file, which is not its schema's.
            del made["required"]
        if schema.get("x-is-msdate") or schema.get("x-is-msdate-time"):
            made["pattern"] = MS_DATE
        if schema.get("nullable") and "type" in made:
            made["type"] = [made["type"], "null"]
        if "items" in schema:
            made["items"] = self._convert(schema["items"])
        if "oneOf" in schema:
            # The one place that has it lists constants.
            made["enum"] = [each["const"] for each in schema["oneOf"]]
        if "properties" in schema:
            made.setdefault("type", "object")
            made["properties"] = {name: self._convert(each) for name, each in schema["properties"].items()}
            made["additionalProperties"] = False
        elif isinstance(extra := schema.get("additionalProperties"), dict):
            # The mark x-scalar of the push subset: a cell of a row is no object and no list.
            scalar = {"type": ["string", "number", "boolean", "null"]} if "x-scalar" in extra else {}
            made["additionalProperties"] = {**self._convert(extra), **scalar}
        return made

    def _together(self, one: Json, other: Json) -> Json:
        """A schema that asks for what both ask for, as far as the vendors' `allOf`s need it."""
        one, other = self._resolved(one), self._resolved(other)
        for each in (one, other):
            if "allOf" in each:
                whole: Json = {}
                for part in each["allOf"]:
                    whole = self._together(whole, part)
                return self._together(whole, other if each is one else one)
        made = {**one, **other}
        if "properties" in one and "properties" in other:
            made["properties"] = {**one["properties"], **other["properties"]}
            for name in one["properties"].keys() & other["properties"].keys():
                made["properties"][name] = self._together(one["properties"][name], other["properties"][name])
        if "items" in one and "items" in other:
            # Of [items, and more of them] the second repeats the first.
            made["items"] = self._together(one["items"], other["items"])
        if "required" in one and "required" in other:
            made["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
        return made

    def _resolved(self, schema: Json) -> Json:
        while "$ref" in schema:
            found: Json = self._named
            for part in str(schema["$ref"]).removeprefix(self._prefix).split("/"):
                found = found[part]
            schema = found
        return schema

    def _explain(self, error: jsonschema_rs.ValidationError) -> list[Mismatch]:
        rule = str(error.schema_path[-1]) if error.schema_path else ""
        at = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
        place = _place([str(part) for part in error.schema_path])
        kind = cast(Any, error.kind)
        match rule:
            case "additionalProperties":
                held = cast(dict[str, Json], error.instance)
                return [
                    Mismatch(
                        f"{place}.{name}",
                        "unknown",
                        "has no such property",
                        f"{held[name]!r}",
                        f"{at}.{name}",
                    )
                    for name in kind.unexpected
                ]
            case "required":
                return [Mismatch(f"{place}.{kind.property}", rule, "requires it", "nothing", at)]
            case _:
                says = _said(rule, kind)
                return [Mismatch(place, rule, says, f"{error.instance!r}", at)]


def _place(path: list[str]) -> str:
    """`Invoice.Type` for what stands at components/schemas/Invoice/properties/Type."""
    names = [path[at + 1] for at in range(len(path) - 1) if path[at] in ("schemas", "definitions")][:1]
    names += [path[at + 1] for at in range(len(path) - 1) if path[at] == "properties"]
    return ".".join(names)


def _said(rule: str, kind: Any) -> str:
    match rule:
        case "enum":
            return f"enum {kind.options}"
        case "type":
            return f"type {' or '.join(str(each) for each in kind.types)}"
        case "format":
            return f"format {kind.format}"
        case "pattern":
            return f"pattern {kind.pattern}" if hasattr(kind, "pattern") else "a pattern"
        case _:
            return f"{rule} {getattr(kind, 'limit', '')}".strip()
