"""The function app: four blueprints, nothing else."""

import azure.functions as func

from poll_timer import blueprint as poll_timer
from push_queue import blueprint as push_queue
from token_refresh_timer import blueprint as token_refresh_timer
from webhook_http import blueprint as webhook_http

app = func.FunctionApp()

for blueprint in (webhook_http, poll_timer, push_queue, token_refresh_timer):
    app.register_functions(blueprint)
