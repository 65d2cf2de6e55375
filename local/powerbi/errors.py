"""Refusals, in the three shapes in which Power BI answers errors (facts: Power BI, errors)."""

from typing import Any


class Refusal(Exception):
    """An answer that is not a success. `body` is JSON; `headers` go with it."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(message_of(body))
        self.status = status
        self.body = body
        self.headers = headers or {}


def bad_request(message: str, target: str = "requestMessage", status: int = 400) -> Refusal:
    """The first shape: a code, a message and details, each with the parameter that it is about."""
    details = [{"message": message, "target": target}]
    return Refusal(status, {"error": {"code": "BadRequest", "message": "Bad Request", "details": details}})


def refused(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Refusal:
    """The first shape without details."""
    return Refusal(status, {"error": {"code": code, "message": message}}, headers)


def power_bi(status: int, code: str) -> Refusal:
    """The second shape: no message at all, only codes."""
    inner = {"code": code, "parameters": {}, "details": [], "exceptionCulprit": 1}
    return Refusal(status, {"error": {"code": code, "pbi.error": inner}})


def plain(status: int, message: str) -> Refusal:
    """The third shape: what the web framework in front of the service says."""
    return Refusal(status, {"Message": message})


def not_push(dataset_id: str) -> Refusal:
    return refused(404, "ItemNotFound", f"Dataset {dataset_id} is not Push API dataset.")


def no_table(table: str, dataset_id: str) -> Refusal:
    return refused(404, "ItemNotFound", f"Table '<pi>{table}</pi>' not found in dataset '{dataset_id}'.")


def too_many(message: str, retry_after: int | None) -> Refusal:
    """429; `retry_after` in seconds, None leaves the header away."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return refused(429, "TooManyRequests", message, headers)


def message_of(body: dict[str, Any]) -> str:
    """The words of a body of any of the three shapes."""
    if "Message" in body:
        return str(body["Message"])
    error = body["error"]
    details = error.get("details")
    return str(details[0]["message"] if details else error.get("message", error["code"]))
