"""A running Power BI simulator with a still clock, as the tests of it use it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import requests

from local.identity.tokens import APPLICATION, POWER_BI, Principal, TokenIssuer
from local.powerbi.access import DEFAULT_ROLES, GROUP
from local.powerbi.app import create
from local.powerbi.switches import Limits, Switches
from local.simulation import Clock, Served

_encoder = msgspec.json.Encoder(decimal_format="number")

COLUMNS = {
    "Number": "Int64",
    "Ratio": "Double",
    "Flag": "Boolean",
    "At": "DateTime",
    "Text": "String",
    "Amount": "Decimal",
}


def table(name: str, columns: Mapping[str, str] = COLUMNS, **more: Any) -> dict[str, Any]:
    """A table's definition; `columns` gives each name its dataType."""
    listed = [{"name": column, "dataType": kind} for column, kind in columns.items()]
    return {"name": name, "columns": listed, **more}


def dataset(*tables: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A dataset's definition, of one table called T by default."""
    return {"name": "Books", "defaultMode": "Push", "tables": list(tables) or [table("T")], **more}


class Simulator:
    """The simulator over a real socket. Use as a context manager.

    Calls carry a fresh token of a Contributor unless they bring their own headers.
    """

    def __init__(self, *, limits: Limits | None = None, roles: Mapping[str, str] = DEFAULT_ROLES) -> None:
        self.clock = Clock()
        self.clock.freeze()
        self.app, self.workspace = create(clock=self.clock, limits=limits, roles=roles)
        self.issuer = TokenIssuer(self.clock)
        self._served = Served(self.app)
        self.url = self._served.url
        self.datasets = f"/v1.0/myorg/groups/{GROUP}/datasets"
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> "Simulator":
        self._served.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._served.stop()

    def token(self, principal: Principal = APPLICATION, resource: str = POWER_BI) -> str:
        return self.issuer.issue(resource, principal).text

    def call(
        self,
        method: str,
        path: str,
        content: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """One request. `path` begins with a slash; `content` is JSON, or bytes as they are."""
        sent = {"Authorization": f"Bearer {token or self.token()}"}
        body = content if isinstance(content, bytes) else None
        if content is not None:
            sent["Content-Type"] = "application/json"
            body = body if body is not None else _encoder.encode(content)
        complete = {key: value for key, value in (sent | dict(headers or {})).items() if value}
        return self._session.request(method, self.url + path, data=body, headers=complete, timeout=30)

    def create(self, definition: dict[str, Any] | None = None, query: str = "") -> str:
        """Create a dataset and return its id."""
        answer = self.call("POST", self.datasets + query, definition or dataset())
        assert answer.status_code == 201, answer.text
        identifier: str = answer.json()["id"]
        return identifier

    def post(self, dataset_id: str, rows: Any, name: str = "T", **options: Any) -> requests.Response:
        return self.call(
            "POST", f"{self.datasets}/{dataset_id}/tables/{name}/rows", {"rows": rows}, **options
        )

    def delete_rows(self, dataset_id: str, name: str = "T") -> requests.Response:
        return self.call("DELETE", f"{self.datasets}/{dataset_id}/tables/{name}/rows")

    def put(self, dataset_id: str, definition: dict[str, Any], name: str = "T") -> requests.Response:
        return self.call("PUT", f"{self.datasets}/{dataset_id}/tables/{name}", definition)

    def query(self, dataset_id: str, dax: str, *, nulls: bool = True) -> requests.Response:
        body = {"queries": [{"query": dax}], "serializerSettings": {"includeNulls": nulls}}
        return self.call("POST", f"{self.datasets}/{dataset_id}/executeQueries", body)

    def content(self, dataset_id: str, name: str = "T") -> list[dict[str, Any]]:
        """The rows that a report would see, numbers exact, blanks left out."""
        answer = self.call("GET", f"/_sim/datasets/{dataset_id}/tables/{name}/rows")
        shown = answer.json(parse_float=Decimal)
        rows = (zip(shown["columns"], row, strict=True) for row in shown["rows"])
        return [{column: value for column, value in row if value is not None} for row in rows]

    def count(self, dataset_id: str, name: str = "T") -> int:
        for found in self.call("GET", "/_sim/datasets").json():
            if found["id"] == dataset_id:
                return int(next(entry["rows"] for entry in found["tables"] if entry["name"] == name))
        raise LookupError(dataset_id)

    def summary(self, dataset_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/_sim/datasets/{dataset_id}").json()
        return found

    def switch(self, **switches: Any) -> None:
        answer = self.call("POST", "/_sim/switches", switches)
        assert answer.status_code == 200, answer.text

    def reset(self) -> None:
        """All switches as at the start, no faults."""
        self.workspace.switches = Switches()
        self.call("DELETE", "/_sim/faults")

    def fault(self, **fault: Any) -> None:
        self.call("POST", "/_sim/faults", fault).raise_for_status()


def said(answer: requests.Response) -> str:
    """The words of an error of the first shape."""
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == ("BadRequest", "Bad Request"), answer.text
    text: str = error["details"][0]["message"]
    return text
