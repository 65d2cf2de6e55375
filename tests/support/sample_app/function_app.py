"""A small function app that shows what it is given: the contract tests run it through the local host."""

# The runtime takes typing.List for an output, not list.
# ruff: noqa: UP006, UP035

import json
import os
import socket
from typing import List

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="echo/{name}/{number:int?}", methods=["POST", "PUT"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Answers with the request as the function sees it."""
    seen = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "query": dict(req.params),
        "route": dict(req.route_params),
        "body": req.get_body().hex(),
        "folder": os.getcwd(),  # noqa: PTH109
    }
    headers = {"X-Sample": "yes", "Set-Cookie": "a=1; Path=/; HttpOnly; SameSite=Lax"}
    return func.HttpResponse(json.dumps(seen), status_code=201, headers=headers, mimetype="application/json")


@app.route(route="text")
async def text(req: func.HttpRequest) -> str:
    return "plain"


@app.route(route="raise")
def raises(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("on purpose")


@app.route(route="slow")
def slow(req: func.HttpRequest) -> func.HttpResponse:
    """Ends when the test, to which it connects, lets it."""
    with socket.create_connection(("127.0.0.1", int(os.environ["SAMPLE_GATE"])), timeout=20) as gate:
        gate.recv(1)
    return func.HttpResponse("ended")


@app.route(route="write", methods=["POST"])
@app.queue_output(arg_name="one", queue_name="%SAMPLE_OUTPUT%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="many", queue_name="%SAMPLE_WORK%", connection="AzureWebJobsStorage")
def write(req: func.HttpRequest, one: func.Out[str], many: func.Out[List[str]]) -> func.HttpResponse:
    """Sets its outputs to what the body says."""
    body = req.get_json()
    if "one" in body:
        one.set(body["one"])
    if "many" in body:
        many.set(body["many"])
    return func.HttpResponse(status_code=204)


@app.queue_trigger(arg_name="msg", queue_name="%SAMPLE_WORK%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="out", queue_name="%SAMPLE_SEEN%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage, out: func.Out[List[str]]) -> None:
    """Says what it got; fails when the text says so."""
    body = msg.get_body().decode()
    if "fail" in body:
        raise ValueError(f"told to fail, try {msg.dequeue_count}")
    seen = {
        "body": body,
        "message_id": msg.id,
        "tries": msg.dequeue_count,
        "inserted": str(msg.insertion_time),
        "expires": str(msg.expiration_time),
        "next_visible": str(msg.time_next_visible),
        "receipt": msg.pop_receipt,
    }
    out.set([json.dumps(seen)])


@app.timer_trigger(arg_name="timer", schedule="%SAMPLE_SCHEDULE%")
@app.queue_output(arg_name="out", queue_name="%SAMPLE_SEEN%", connection="AzureWebJobsStorage")
def tick(timer: func.TimerRequest, out: func.Out[List[str]]) -> None:
    status = timer.schedule_status  # type: ignore[attr-defined]
    out.set([json.dumps({"past_due": timer.past_due, "status": status})])


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
def yearly(timer: func.TimerRequest) -> None:
    pass
