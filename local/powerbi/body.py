"""Bodies of requests: JSON with exact numbers, and the outer form of what the two larger operations take."""

import json
from decimal import Decimal, DecimalException
from typing import Any, NoReturn

from local.powerbi.errors import bad_request


def read_json(body: bytes, target: str = "requestMessage") -> Any:
    """The content: whole numbers as int, all others as Decimal. Raises: Refusal."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, DecimalException) as error:
        raise bad_request("The request body is not valid JSON.", target) from error


def read_rows(body: bytes) -> list[Any]:
    """The rows of a POST, at least one, not looked into. Raises: Refusal."""
    content = read_json(body)
    if not isinstance(content, dict) or content.keys() != {"rows"} or not isinstance(content["rows"], list):
        raise bad_request("The request body must be an object with the one property 'rows', an array.")
    rows: list[Any] = content["rows"]
    if not rows:
        raise bad_request("There are no rows in the request body.")
    return rows


def read_query(body: bytes) -> tuple[str, bool]:
    """The DAX of a request, and whether BLANK is to be answered as null. Raises: Refusal."""
    content = read_json(body)
    allowed = {"queries", "serializerSettings", "impersonatedUserName"}
    settings = content.get("serializerSettings", {}) if isinstance(content, dict) else None
    queries = content.get("queries") if isinstance(content, dict) else None
    if settings is None or not isinstance(queries, list) or not content.keys() <= allowed:
        raise bad_request("The request body must be an object with the property 'queries', an array.")
    if len(queries) != 1:
        raise bad_request("There must be exactly one query.")
    if not isinstance(queries[0], dict) or not isinstance(queries[0].get("query"), str):
        raise bad_request("A query must be an object with the property 'query', a string.")
    if not isinstance(settings, dict) or not isinstance(settings.get("includeNulls", False), bool):
        raise bad_request("The property 'serializerSettings' is not valid.")
    return queries[0]["query"], settings.get("includeNulls", False)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
