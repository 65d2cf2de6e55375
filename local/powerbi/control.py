"""The control interface of the Power BI simulator, beside that of every stand-in (see `local.simulation`).

GET         /_sim/datasets                          [{"id", "name", "tables": [{"name", "rows": n}]}]
GET         /_sim/datasets/<id>                     with columns, measures, quotas and what is pending
GET         /_sim/datasets/<id>/tables/<t>/rows     {"columns": [...], "rows": [[...], ...]}
GET, POST   /_sim/switches                          {"name": value, ...}; POST changes those it names
DELETE      /_sim/switches                          all as at the start
GET, DELETE /_sim/posts                             [{"table", "rows": n, "at", "status"}]; ?dataset=<id>
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from local.powerbi.dataset import Dataset, Row, Table
from local.powerbi.switches import Limits, Switches
from local.powerbi.values import shown
from local.powerbi.workspace import Workspace

_CHUNK = 10_000
encoder = msgspec.json.Encoder(decimal_format="number")


def add_routes(app: Flask, workspace: Workspace) -> None:
    """Put the control interface of `workspace` into its application."""
    at_start = workspace.switches

    def settled(dataset_id: str) -> Dataset:
        dataset = workspace.settled(dataset_id)
        if dataset is None:
            raise NotFound(f"no dataset {dataset_id}")
        return dataset

    @app.get("/_sim/datasets")
    def read_datasets() -> Response:
        with workspace.lock:
            every = [settled(dataset_id) for dataset_id in workspace.datasets]
            return as_json(
                [
                    {
                        "id": dataset.id,
                        "name": dataset.name,
                        "tables": [
                            {"name": name, "rows": len(table.rows)} for name, table in dataset.tables.items()
                        ],
                    }
                    for dataset in every
                ]
            )

    @app.get("/_sim/datasets/<dataset_id>")
    def read_dataset(dataset_id: str) -> Response:
        with workspace.lock:
            dataset = settled(dataset_id)
            now = workspace.clock.now().timestamp()
            return as_json(_summary(dataset, workspace.limits, workspace.switches, now))

    @app.get("/_sim/datasets/<dataset_id>/tables/<name>/rows")
    def read_rows(dataset_id: str, name: str) -> Response:
        with workspace.lock:
            table = settled(dataset_id).tables.get(name)
            if table is None:
                raise NotFound(f"no table {name}")
            frozen = Table(table.schema, list(table.rows))
        return Response(_rows(frozen), mimetype="application/json")

    @app.get("/_sim/switches")
    def read_switches() -> Response:
        return as_json(workspace.switches)

    @app.post("/_sim/switches")
    def change_switches() -> Response:
        try:
            workspace.switches = workspace.switches.changed(request.get_json())
        except (msgspec.ValidationError, TypeError) as error:
            raise BadRequest(str(error)) from error
        return read_switches()

    @app.delete("/_sim/switches")
    def reset_switches() -> Response:
        workspace.switches = at_start
        return read_switches()

    @app.get("/_sim/posts")
    def read_posts() -> Response:
        wanted = request.args.get("dataset")
        with workspace.lock:
            posts = [post for post in workspace.posts if wanted in (None, post.dataset)]
        return as_json(
            [{"table": post.table, "rows": post.rows, "at": post.at, "status": post.status} for post in posts]
        )

    @app.delete("/_sim/posts")
    def clear_posts() -> Response:
        with workspace.lock:
            workspace.posts.clear()
        return read_posts()


def as_json(content: Any, status: int = 200) -> Response:
    """An answer whose Decimals are JSON numbers with all their digits."""
    return Response(encoder.encode(content), status, mimetype="application/json")


def _rows(table: Table) -> Iterator[bytes]:
    """The rows in pieces: a million of them as one text would need more memory than the table."""
    names = [column.name for column in table.schema.columns]
    yield b'{"columns":' + encoder.encode(names) + b',"rows":['
    for start in range(0, len(table.rows), _CHUNK):
        piece: list[Row] = table.rows[start : start + _CHUNK]
        yield (b"," if start else b"") + encoder.encode([_shown_row(table, row) for row in piece])[1:-1]
    yield b"]}"


def _shown_row(table: Table, row: Row) -> list[Any]:
    """Decimals with all four places, DateTimes as ISO text."""
    return [shown(column.kind, value) for column, value in zip(table.schema.columns, row, strict=True)]


def _summary(dataset: Dataset, limits: Limits, switches: Switches, now: float) -> dict[str, Any]:
    """Where a settled dataset stands against its limits."""
    return {
        "id": dataset.id,
        "name": dataset.name,
        "push": dataset.push,
        "defaultRetentionPolicy": dataset.retention,
        "pending_posts": dataset.pending_posts(now),
        "posts_of_minute": dataset.posts_of_minute.sum(now),
        "posts_of_hour": dataset.posts_of_hour.sum(now),
        "rows_of_hour": dataset.rows_of_hour.sum(now),
        "slow_lane": dataset.in_slow_lane(limits, switches),
        "relationships": [vars(relationship) for relationship in dataset.relationships],
        "tables": [
            {
                "name": name,
                "rows": len(table.rows),
                "ignored_rows": table.ignored,
                "columns": [
                    {"name": column.name, "dataType": column.kind} for column in table.schema.columns
                ],
                "measures": dict(table.schema.measures),
            }
            for name, table in dataset.tables.items()
        ],
    }
