"""webhook_http: Xero's webhooks, verified and queued. The only open door."""

import logging

import azure.functions as func

from shared import log
from shared.errors import BadWebhook
from shared.sync.receive import receive_webhook
from shared.wiring import connector

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
logger = logging.getLogger(__name__)


@blueprint.function_name("webhook_http")
@blueprint.route(route="xero/webhook", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def webhook_http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """200 with an empty body when every event is stored, 401 for a wrong signature, 5xx so that Xero sends again."""
    operation = log.operation_of(context.trace_context.trace_parent)
    with log.run(invocation=context.invocation_id):
        try:
            signature = req.headers.get("x-xero-signature", "")
            receive_webhook(connector(), req.get_body(), signature, operation=operation)
        except BadWebhook as refused:
            return func.HttpResponse(status_code=refused.status)
        except Exception as error:
            # Xero sends it again.
            log.event(logger, "webhook failed", level=logging.ERROR, operation=operation, **log.cause(error))
            return func.HttpResponse(status_code=500)
    return func.HttpResponse(status_code=200)
