"""webhook_http: Xero's webhooks, verified and queued. The only open door."""

import logging

import azure.functions as func

from shared.errors import BadWebhook
from shared.sync.receive import receive_webhook
from shared.wiring import connector

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
logger = logging.getLogger(__name__)


@blueprint.function_name("webhook_http")
@blueprint.route(route="xero/webhook", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def webhook_http(req: func.HttpRequest) -> func.HttpResponse:
    """200 with an empty body when every event is stored, 401 for a wrong signature, 5xx so that Xero sends again."""
    try:
        receive_webhook(connector(), req.get_body(), req.headers.get("x-xero-signature", ""))
    except BadWebhook as refused:
        logger.warning("Webhook answered %s: %s", refused.status, refused)
        return func.HttpResponse(status_code=refused.status)
    except Exception:
        logger.exception("Webhook answered 500; Xero will send it again.")
        return func.HttpResponse(status_code=500)
    return func.HttpResponse(status_code=200)
