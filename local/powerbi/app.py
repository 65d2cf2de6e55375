"""The simulator's HTTP side: routes under /v1.0/myorg, who may call them, and the look of answers."""

import contextlib
import uuid
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from local.identity.tokens import TENANT
from local.powerbi import control
from local.powerbi.access import DEFAULT_ROLES, GROUP, Caller, authenticate, authorize
from local.powerbi.errors import Refusal, bad_request, message_of, plain, power_bi
from local.powerbi.switches import Limits, Switches
from local.powerbi.workspace import Workspace
from local.simulation import Clock, Faults, Statistics, create_app

BASE = "/v1.0/myorg"
SEQUENCE_NUMBER = "X-PowerBI-PushData-SequenceNumber"


def create(
    *,
    group: str = GROUP,
    roles: Mapping[str, str] = DEFAULT_ROLES,
    tenant: str = TENANT,
    switches: Switches | None = None,
    limits: Limits | None = None,
    clock: Clock | None = None,
    faults: Faults | None = None,
    statistics: Statistics | None = None,
) -> tuple[Flask, Workspace]:
    """The simulator's application and its state.

    group: the id of its one workspace. roles: object id of a principal to "Viewer", "Contributor", "Member" or
    "Admin". clock: tokens expire by it, so pass the identity stand-in's where both run in one process.
    """
    clock = clock or Clock()
    workspace = Workspace(clock, switches or Switches(), limits or Limits())
    app = create_app("power bi", clock, faults or Faults(), statistics or Statistics())
    control.add_routes(app, workspace)
    datasets = f"{BASE}/groups/<group>/datasets"

    def enter(asked_group: str, *, writes: bool = False) -> Caller:
        """Who calls, once they may do what they ask for in the group."""
        caller = authenticate(request.headers.get("Authorization"), clock, workspace.switches, tenant)
        authorize(caller, asked_group, group, roles, workspace.switches, writes=writes)
        return caller

    @app.get(f"{BASE}/groups")
    def list_groups() -> Response:
        caller = authenticate(request.headers.get("Authorization"), clock, workspace.switches, tenant)
        role = roles.get(caller.object_id)
        of_caller = {"id": group, "name": "Finance", "isReadOnly": role == "Viewer"}
        value = [of_caller | {"isOnDedicatedCapacity": False}] if role else []
        return control.as_json({"value": value})

    @app.post(datasets)
    def create_dataset(group: str) -> Response:
        caller = enter(group, writes=True)
        _expect_json()
        retention = request.args.get("defaultRetentionPolicy")
        made = workspace.create_dataset(request.get_data(), retention, caller)
        return control.as_json(
            {"@odata.context": _context("datasets/$entity"), **made}, workspace.switches.create_status
        )

    @app.get(datasets)
    def list_datasets(group: str) -> Response:
        enter(group)
        return control.as_json({"@odata.context": _context("datasets"), "value": workspace.list_datasets()})

    @app.get(f"{datasets}/<dataset_id>")
    def get_dataset(group: str, dataset_id: str) -> Response:
        enter(group)
        return control.as_json(
            {"@odata.context": _context("datasets/$entity"), **workspace.get_dataset(dataset_id)}
        )

    @app.delete(f"{datasets}/<dataset_id>")
    def delete_dataset(group: str, dataset_id: str) -> Response:
        enter(group, writes=True)
        workspace.delete_dataset(dataset_id)
        return Response()

    @app.get(f"{datasets}/<dataset_id>/tables")
    def list_tables(group: str, dataset_id: str) -> Response:
        enter(group)
        names = workspace.list_tables(dataset_id)
        return control.as_json(
            {"@odata.context": _context("tables"), "value": [{"name": name} for name in names]}
        )

    @app.put(f"{datasets}/<dataset_id>/tables/<table>")
    def put_table(group: str, dataset_id: str, table: str) -> Response:
        enter(group, writes=True)
        _expect_json()
        workspace.put_table(dataset_id, table, request.get_data())
        return control.as_json({"@odata.context": _context("tables/$entity"), "name": table})

    @app.post(f"{datasets}/<dataset_id>/tables/<table>/rows")
    def post_rows(group: str, dataset_id: str, table: str) -> Response:
        with workspace.posting(dataset_id, table) as posting:
            caller = enter(group, writes=True)
            posting.admit()
            _expect_json()
            posting.push(request.get_data(), caller, _sequence_number())
        return Response()

    @app.delete(f"{datasets}/<dataset_id>/tables/<table>/rows")
    def delete_rows(group: str, dataset_id: str, table: str) -> Response:
        enter(group, writes=True)
        workspace.delete_rows(dataset_id, table)
        return Response()

    @app.get(f"{datasets}/<dataset_id>/tables/<table>/sequenceNumbers")
    def sequence_numbers(group: str, dataset_id: str, table: str) -> Response:
        enter(group)
        return control.as_json(
            {
                "@odata.context": _context("sequenceNumbers"),
                "value": workspace.sequence_numbers(dataset_id, table),
            }
        )

    @app.post(f"{datasets}/<dataset_id>/executeQueries")
    def execute_queries(group: str, dataset_id: str) -> Response:
        caller = enter(group, writes=True)
        _expect_json()
        return control.as_json(workspace.execute_queries(dataset_id, request.get_data(), caller))

    @app.route(f"{BASE}/datasets", defaults={"rest": ""}, methods=["GET", "POST"])
    @app.route(f"{BASE}/datasets/<path:rest>", methods=["GET", "POST", "PUT", "DELETE"])
    def my_workspace(rest: str) -> Response:
        # "My workspace" belongs to a user; a service principal has none.
        authenticate(request.headers.get("Authorization"), clock, workspace.switches, tenant)
        raise power_bi(workspace.switches.no_role_status, "PowerBINotAuthorizedException")

    @app.before_request
    def number_request() -> None:
        g.request_id = str(uuid.uuid4())

    @app.after_request
    def finish(answer: Response) -> Response:
        # A client that is still sending would be reset by an early refusal.
        with contextlib.suppress(HTTPException):
            request.get_data(cache=False)
        answer.headers["RequestId"] = g.request_id
        return answer

    @app.errorhandler(Refusal)
    def refuse(refusal: Refusal) -> Response:
        answer = _shaped(refusal, workspace.switches.error_shape)
        answer.headers.update(refusal.headers)
        return answer

    @app.errorhandler(HTTPException)
    def web_error(error: HTTPException) -> Any:
        if request.path.startswith("/_sim/"):
            return error
        message = f"No HTTP resource was found that matches the request URI '{request.url}'."
        if error.code != 404:
            message = str(error.description)
        return refuse(plain(error.code or 500, message))

    return app, workspace


def _context(entity: str) -> str:
    return f"{request.host_url}v1.0/myorg/groups/$metadata#{entity}"


def _expect_json() -> None:
    if request.mimetype != "application/json":
        message = f"The request entity's media type '{request.mimetype}' is not supported for this resource."
        raise plain(415, message)


def _sequence_number() -> int | None:
    text = request.headers.get(SEQUENCE_NUMBER)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise bad_request(f"The header {SEQUENCE_NUMBER} is not a number.") from error


def _shaped(refusal: Refusal, shape: str) -> Response:
    if shape == "message":
        return control.as_json({"Message": message_of(refusal.body)}, refusal.status)
    if shape == "text":
        page = f"<html><body><h2>{refusal.status}</h2></body></html>"
        return Response(page, refusal.status, mimetype="text/html")
    if shape == "extra":
        unknown = {"timeGenerated": "0001-01-01T00:00:00", "innererror": None, "nested": {"a": [1]}}
        return control.as_json({**refusal.body, **unknown}, refusal.status)
    return control.as_json(refusal.body, refusal.status)
