"""Power BI's REST API for push datasets: one call each, every bad answer under its name.

Source: Learn "Power BI REST APIs - Push Datasets", "Push datasets limitations", "Troubleshoot REST APIs".
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from shared.clock import Clock
from shared.errors import (
    LimitReached,
    NotFound,
    OutcomeUnknown,
    PermissionMissing,
    Refused,
    Unavailable,
)
from shared.http import Answer, Http

# A POST must end well inside the writer's lease of 60 seconds.
DEADLINE_SECONDS = 20.0
# Sums of money must not pass through a binary fraction.
_exact = msgspec.json.Decoder(float_hook=Decimal)


class Identity(Protocol):
    def token(self, *, fresh: bool = False) -> str: ...


class PowerBI:
    """The datasets of one workspace. POSTs of rows keep their distance, so that a minute holds no more than allowed."""

    def __init__(
        self,
        http: Http,
        api_url: str,
        workspace_id: str,
        identity: Identity,
        clock: Clock,
        *,
        posts_per_minute: int,
    ) -> None:
        self._http = http
        self._workspaces = f"{api_url}/v1.0/myorg/groups"
        self._datasets = f"{self._workspaces}/{workspace_id}/datasets"
        self._identity = identity
        self._clock = clock
        self._distance = timedelta(minutes=1) / posts_per_minute
        self._last_post: datetime | None = None
        # The Date of the last answer: what the service's clock said.
        self.date = ""

    def somebody_posted(self) -> None:
        """Another instance may have sent a POST just now: the next one keeps its distance from that, too."""
        self._last_post = self._clock.now()

    def sign_in(self) -> None:
        """Have a token, or raise as whoever gives them does."""
        self._identity.token()

    def workspaces(self) -> dict[str, str]:
        """The names of the workspaces that the identity has a role in, by id in lower case."""
        found = self._call("GET", self._workspaces).json()
        listed = found.get("value", []) if isinstance(found, dict) else []
        return {str(each["id"]).lower(): str(each.get("name", "")) for each in listed}

    def ask_to_write(self, dataset_id: str) -> None:
        """Ask for what changes nothing and only a writer may ask for: a row of nothing, into a table that there is not.

        Raises PermissionMissing. Any other refusal, be it 404 or 400, comes after the right to write.
        """
        with suppress(NotFound, Refused):
            self._call("POST", self._rows_url(dataset_id, "No such table"), b'{"rows":[{"Nothing":null}]}')

    def datasets(self) -> list[dict[str, Any]]:
        """`id` and `name` of every dataset of the workspace."""
        found = self._call("GET", self._datasets).json()
        return list(found["value"]) if isinstance(found, dict) and "value" in found else []

    def create_dataset(self, schema: dict[str, Any]) -> str:
        """Make a push dataset that keeps all rows; answers its id. Not idempotent: names may repeat.

        Raises OutcomeUnknown when it may have been made: look it up by name before trying again.
        """
        # basicFIFO would drop the oldest rows of quiet keys, which are current.
        answer = self._call(
            "POST", f"{self._datasets}?defaultRetentionPolicy=None", msgspec.json.encode(schema)
        )
        found = answer.json()
        if not isinstance(found, dict) or not found.get("id"):
            raise OutcomeUnknown(
                "Power BI made a dataset without an id.", seconds=30, vendor_words=answer.words()
            )
        return str(found["id"])

    def post_rows(self, dataset_id: str, table: str, rows: list[bytes]) -> str:
        """Append rows, each as encoded JSON; answers Power BI's request id.

        Raises LimitReached, OutcomeUnknown (the rows may be in), Unavailable (they are not), Refused, NotFound.
        """
        if self._last_post is not None:
            wait = (self._last_post + self._distance - self._clock.now()).total_seconds()
            if wait > 0:
                self._clock.sleep(wait)
        self._last_post = self._clock.now()
        answer = self._call("POST", self._rows_url(dataset_id, table), b'{"rows":[' + b",".join(rows) + b"]}")
        return answer.headers.get("RequestId", "")

    def delete_rows(self, dataset_id: str, table: str) -> None:
        """Delete all rows of a table."""
        self._call("DELETE", self._rows_url(dataset_id, table))

    def delete_dataset(self, dataset_id: str) -> None:
        """Delete a dataset with all its rows; reports on it are empty from then on. Raises NotFound when it is gone."""
        self._call("DELETE", f"{self._datasets}/{dataset_id}")

    def tables(self, dataset_id: str) -> list[str]:
        """The names of a dataset's tables; Power BI tells nothing else of them."""
        found = self._call("GET", f"{self._datasets}/{dataset_id}/tables").json()
        return [str(each["name"]) for each in found["value"]] if isinstance(found, dict) else []

    def put_table(self, dataset_id: str, schema: dict[str, Any]) -> None:
        """Define a table anew, in full. Whether its rows survive is not documented. Raises NotFound: it adds no table."""
        url = f"{self._datasets}/{dataset_id}/tables/{quote(schema['name'], safe='')}"
        self._call("PUT", url, msgspec.json.encode(schema))

    def query(self, dataset_id: str, aggregates: Mapping[str, str]) -> dict[str, Any] | None:
        """Evaluate DAX expressions, by name; answers their values, BLANK as None. None: queries are not permitted.

        Raises LimitReached, Unavailable, NotFound, and Refused for a query that Power BI does not answer in full, be it with
        400 or with an error inside of a 200.
        """
        columns = ", ".join(f'"{name}", {expression}' for name, expression in aggregates.items())
        asked = {
            "queries": [{"query": f"EVALUATE ROW({columns})"}],
            "serializerSettings": {"includeNulls": True},
        }
        try:
            answer = self._call(
                "POST", f"{self._datasets}/{dataset_id}/executeQueries", msgspec.json.encode(asked)
            )
        except PermissionMissing:
            return None
        try:
            [result] = _exact.decode(answer.body)["results"]
            [table] = result["tables"]
            row = table["rows"][0]
            if "error" not in result and "error" not in table:
                return {name: row.get(f"[{name}]") for name in aggregates}
        except (msgspec.DecodeError, LookupError, TypeError, ValueError, AttributeError):
            pass
        raise Refused(
            "POST executeQueries: Power BI answered no whole row.",
            status=answer.status,
            vendor_words=answer.words(),
        )

    def _rows_url(self, dataset_id: str, table: str) -> str:
        return f"{self._datasets}/{dataset_id}/tables/{quote(table, safe='')}/rows"

    def _call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        answer = self._send(method, url, body, self._identity.token())
        if answer.status == 401 or (answer.status == 403 and _code(answer) == "TokenExpired"):
            answer = self._send(method, url, body, self._identity.token(fresh=True))
        if answer.status in (200, 201, 202):
            return answer
        raise _error(method, url, answer)

    def _send(self, method: str, url: str, body: bytes | None, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        answer = self._http.request(method, url, headers=headers, data=body)
        self.date = answer.headers.get("Date", "")
        return answer


def _error(method: str, url: str, answer: Answer) -> Exception:
    path = url.partition("/datasets")[2] or ("/datasets" if "/datasets" in url else "/groups")
    called, words = f"{method} {path}", answer.words()
    if answer.status == 429:
        limit = "rows" if "rows per hour" in words else "posts"
        return LimitReached(
            f"{called}: Power BI's limit is reached.",
            limit=limit,
            seconds=_retry_after(answer),
            vendor_words=words,
        )
    if answer.status in (401, 403):
        return PermissionMissing(
            f"{called}: Power BI answered {answer.status}. Make the app registration a member of the workspace, and let "
            "service principals call Fabric public APIs in the tenant's developer settings.",
            vendor_words=words,
        )
    if answer.status == 404:
        return NotFound(f"{called}: not found.", vendor_words=words)
    if answer.status >= 500:
        kind = OutcomeUnknown if method != "GET" else Unavailable
        return kind(f"{called}: Power BI answered {answer.status}.", seconds=30, vendor_words=words)
    return Refused(f"{called}: Power BI answered {answer.status}.", status=answer.status, vendor_words=words)


def _code(answer: Answer) -> str:
    found = answer.json()
    error = found.get("error") if isinstance(found, dict) else None
    return str(error.get("code", "")) if isinstance(error, dict) else ""


def _retry_after(answer: Answer) -> float:
    try:
        return max(1.0, float(answer.headers["Retry-After"]))
    except (KeyError, ValueError):
        return 60.0
