"""poll_timer: reads from Xero what is due."""

from datetime import timedelta

import azure.functions as func

from shared import log
from shared.sync.deployed import tell_version
from shared.sync.poll import poll
from shared.wiring import connector

# Well inside host.json's functionTimeout of ten minutes.
RUN = timedelta(minutes=5)

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("poll_timer")
@blueprint.timer_trigger(arg_name="timer", schedule="%POLL_SCHEDULE%")
def poll_timer(timer: func.TimerRequest, context: func.Context) -> None:
    """Fires often; what is due is decided by the checkpoints, so a run too many or too few does no harm."""
    ours = connector()
    operation = log.operation_of(context.trace_context.trace_parent)
    with log.run(invocation=context.invocation_id):
        tell_version(ours)
        poll(ours, until=ours.clock.now() + RUN, operation=operation)
