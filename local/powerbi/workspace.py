"""The workspace and what can be done in it: each operation with its checks, limits and effects.

Operations take what the request held and return what the answer holds, or raise `Refusal`.
"""

import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import HTTPException

from local.powerbi import errors, query, schema
from local.powerbi.access import Caller
from local.powerbi.body import read_json, read_query
from local.powerbi.dataset import Dataset, Table
from local.powerbi.errors import Refusal, bad_request
from local.powerbi.posting import Posting
from local.powerbi.quotas import MINUTE, Window
from local.powerbi.switches import Limits, Switches
from local.simulation import Clock

RETENTIONS = ("None", "basicFIFO")


@dataclass(frozen=True)
class PostRecord:
    """A POST of rows: when (ISO time), where, how many rows it held and what it was answered."""

    dataset: str
    table: str
    rows: int
    at: str
    status: int


class Workspace:
    """The state of the simulator. `switches` may be replaced at any time, `limits` never."""

    def __init__(self, clock: Clock, switches: Switches, limits: Limits) -> None:
        self.clock = clock
        self.switches = switches
        self.limits = limits
        self.datasets: dict[str, Dataset] = {}
        self.posts: list[PostRecord] = []
        self.lock = threading.RLock()
        self._queries: dict[str, Window] = defaultdict(lambda: Window(MINUTE))

    # Datasets

    def create_dataset(self, body: bytes, retention: str | None, caller: Caller) -> dict[str, Any]:
        """Post Dataset: a new one each time, also under a name that is taken."""
        if self.switches.create_outage:
            raise bad_request(
                "The request could not be processed due to missing or invalid information.", "dataset"
            )
        if self.retired() and self.switches.create_after_retirement == "refused":
            raise bad_request("Push semantic models can no longer be created.", "dataset")
        if retention is not None and retention not in RETENTIONS:
            raise bad_request(f"'{retention}' is not a retention policy.", "defaultRetentionPolicy")
        definition = schema.read_dataset(read_json(body, "dataset"), self.limits, self.switches)
        made = Dataset.made(str(uuid.uuid4()), definition, retention or "None", caller.client_id)
        with self.lock:
            self.datasets[made.id] = made
        return {"id": made.id, "name": made.name, "defaultRetentionPolicy": made.retention}

    def list_datasets(self) -> list[dict[str, Any]]:
        with self.lock:
            return [_described(dataset) for dataset in self.datasets.values()]

    def get_dataset(self, dataset_id: str) -> dict[str, Any]:
        with self.lock:
            return _described(self._dataset(dataset_id))

    def delete_dataset(self, dataset_id: str) -> None:
        with self.lock:
            del self.datasets[self._dataset(dataset_id).id]

    # Tables

    def list_tables(self, dataset_id: str) -> list[str]:
        with self.lock:
            return list(self._push_dataset(dataset_id).tables)

    def put_table(self, dataset_id: str, name: str, body: bytes) -> None:
        """Put Table: a new definition in place of the old; it makes no table."""
        with self.lock:
            dataset, table = self.table(dataset_id, name)
            definition = schema.read_table(read_json(body), name, self.limits, self.switches)
            tables = [definition if key == name else other.schema for key, other in dataset.tables.items()]
            schema.check_model(tables, dataset.relationships, self.switches)
            table.replace_schema(definition, self.switches.put_rows)

    # Rows

    @contextmanager
    def posting(self, dataset_id: str, table: str) -> Iterator[Posting]:
        """Everything around a POST of rows, from its arrival to its answer; see `Posting`."""
        with self.lock:
            dataset = self.datasets.get(dataset_id)
        posting = Posting(self, dataset_id, table)
        status = 500
        try:
            if dataset is not None:
                with self.lock:
                    dataset.open_posts += 1
            yield posting
            status = 200
        except Refusal as refusal:
            status = refusal.status
            raise
        except HTTPException as broken:  # The body ended too early.
            status = broken.code or status
            raise
        finally:
            with self.lock:
                if dataset is not None:
                    dataset.open_posts -= 1
                at = self.clock.now().isoformat()
                self.posts.append(PostRecord(dataset_id, table, posting.rows, at, status))

    def delete_rows(self, dataset_id: str, name: str) -> None:
        """Delete Rows: all of them; there is no filter."""
        with self.lock:
            dataset, table = self.table(dataset_id, name)
            now = self.now()
            spares = self.switches.delete_takes == "older"
            table.delete_later(now + self.switches.delete_seconds, spares_later_rows=spares)
            dataset.settle(now, self.limits, self.switches)

    def sequence_numbers(self, dataset_id: str, name: str) -> list[dict[str, Any]]:
        with self.lock:
            _, table = self.table(dataset_id, name)
            return [
                {"clientId": client, "sequenceNumber": number}
                for client, number in table.sequence_numbers.items()
            ]

    # Queries

    def execute_queries(self, dataset_id: str, body: bytes, caller: Caller) -> dict[str, Any]:
        """Execute Queries, for the DAX that `query` understands."""
        with self.lock:
            dataset = self._dataset(dataset_id)
            self._limit_queries(caller)
            if self.switches.execute_queries == "refused":
                raise errors.power_bi(401, "PowerBINotAuthorizedException")
            text, nulls = read_query(body)
            dataset.settle(self.now(), self.limits, self.switches)
            try:
                aggregates, more = query.parse(text)
                nothing = 0 if self.switches.countrows_of_nothing == "zero" else None
                row = query.evaluate(aggregates, dataset.tables, nothing)
            except query.DaxError as error:
                raise _dax_failure(error) from error
        if not nulls:
            row = {name: value for name, value in row.items() if value is not None}
        result: dict[str, Any] = {"tables": [{"rows": [row]}]}
        if self.switches.execute_queries == "error_inside":
            result = {
                "tables": [{"rows": []}],
                "error": {"code": "DatasetExecuteQueriesError", "message": "The result was truncated."},
            }
        elif more:
            result["error"] = {"code": "DatasetExecuteQueriesError", "message": query.MORE_THAN_ONE_TABLE}
        return {"results": [result]}

    # For the control interface and for POSTs

    def settled(self, dataset_id: str) -> Dataset | None:
        """The dataset with everything in it that is due, for a caller that holds the lock."""
        dataset = self.datasets.get(dataset_id)
        if dataset is not None:
            dataset.settle(self.now(), self.limits, self.switches)
        return dataset

    def now(self) -> float:
        return self.clock.now().timestamp()

    def retired(self) -> bool:
        return self.clock.now().date() >= self.switches.retired_on

    def _dataset(self, dataset_id: str) -> Dataset:
        dataset = self.datasets.get(dataset_id)
        if dataset is None:
            message = f"Dataset {dataset_id} is not found! please verify datasetId is correct."
            raise errors.refused(404, self.switches.deleted_dataset_code, message)
        return dataset

    def _push_dataset(self, dataset_id: str) -> Dataset:
        dataset = self._dataset(dataset_id)
        if not dataset.push:
            raise errors.not_push(dataset_id)
        dataset.settle(self.now(), self.limits, self.switches)
        return dataset

    def table(self, dataset_id: str, name: str) -> tuple[Dataset, Table]:
        dataset = self._push_dataset(dataset_id)
        table = dataset.tables.get(name)
        if table is None:
            raise errors.no_table(name, dataset_id)
        return dataset, table

    def too_many(self, message: str, seconds: int) -> Refusal:
        """429, with Retry-After unless the switch says otherwise."""
        return errors.too_many(message, seconds if self.switches.retry_after else None)

    def _limit_queries(self, caller: Caller) -> None:
        window, now = self._queries[caller.object_id], self.now()
        wait = window.wait(now, 1, self.limits.queries_a_minute)
        if wait:
            raise self.too_many("Too many queries a minute.", wait)
        window.add(now)


def _dax_failure(error: query.DaxError) -> Refusal:
    refusal = errors.power_bi(400, "DatasetExecuteQueriesError")
    details = [{"code": "DetailsMessage", "detail": {"type": 1, "value": f"DAX query failure. {error}"}}]
    refusal.body["error"]["pbi.error"]["details"] = details
    return refusal


def _described(dataset: Dataset) -> dict[str, Any]:
    return {
        "id": dataset.id,
        "name": dataset.name,
        "addRowsAPIEnabled": dataset.push,
        "configuredBy": dataset.created_by,
        "isRefreshable": False,
        "isEffectiveIdentityRequired": False,
        "isEffectiveIdentityRolesRequired": False,
        "isOnPremGatewayRequired": False,
        "targetStorageMode": "PushStreaming" if dataset.push else "Streaming",
    }
