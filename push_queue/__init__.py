"""push_queue: fetches the ids that webhooks named, and sends what landed to Power BI. The only one that does."""

from datetime import timedelta

import azure.functions as func

from shared import log
from shared.state.messages import QUEUE
from shared.sync.honour import honour
from shared.wiring import connector

# Well inside host.json's functionTimeout of ten minutes.
RUN = timedelta(minutes=4)

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("push_queue")
@blueprint.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
def push_queue(message: func.QueueMessage, context: func.Context) -> None:
    """An exception here means a crash or a fault that nobody foresaw; the host tries again, then poisons the message."""
    ours = connector()
    with log.run(invocation=context.invocation_id):
        honour(ours, message.get_body().decode("utf-8", "replace"), until=ours.clock.now() + RUN)
