"""A local stand-in of the Azure Functions host, around Microsoft's own Python runtime.

    python -m local.host [--app DIR] [--port 7071] [--settings local.settings.json]

The app is indexed and run by `azure-functions-runtime`, the library that the Python 3.13 worker loads in Azure; what is
written here is the part around it, which in Azure is .NET: triggers, output bindings, host.json. One process runs one app,
because that library keeps its registry in module globals.

What Azure does and this host does not: scale to several instances, check function keys, take the blob lease that lets one
of several hosts run a timer, end a function that exceeds `functionTimeout` (its invocation fails at that time, its thread
runs on). Apps that use other triggers or bindings than http, timer and queue, or retry policies, are refused at the start.
"""
