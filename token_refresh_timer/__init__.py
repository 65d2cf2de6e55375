"""token_refresh_timer: renews the token sets in Key Vault."""

import azure.functions as func

from shared import log
from shared.sync.refresh import refresh_tokens
from shared.wiring import connector

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("token_refresh_timer")
@blueprint.timer_trigger(arg_name="timer", schedule="%TOKEN_REFRESH_SCHEDULE%")
def token_refresh_timer(timer: func.TimerRequest, context: func.Context) -> None:
    """Fires every five minutes; a set is renewed when it is 20 minutes old, asked for, or left by a crash."""
    operation = log.operation_of(context.trace_context.trace_parent)
    with log.run(invocation=context.invocation_id):
        refresh_tokens(connector(), operation=operation)
