"""python -m local.host: run a function app until SIGINT or SIGTERM."""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from local.host.host import Host
from local.host.settings import HostError, load_values

PATIENCE_SECONDS = 30


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--app", type=Path, default=Path(), help="folder of function_app.py and host.json")
    parser.add_argument(
        "--port", type=int, default=7071, help="port of the HTTP functions, 0 for any free one"
    )
    parser.add_argument(
        "--settings", type=Path, help="app settings, by default the app's local.settings.json, if any"
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="stop when standard input closes, as it does when its owner dies",
    )
    arguments = parser.parse_args()
    _log_to_stderr()

    stopping = threading.Event()
    if arguments.follow:
        threading.Thread(target=_follow, args=(stopping,), daemon=True).start()

    def stop(number: int, frame: object) -> None:
        stopping.set()
        # A second signal ends the process at once.
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)

    app = arguments.app.resolve()
    settings = arguments.settings or app / "local.settings.json"
    try:
        if arguments.settings or settings.exists():
            load_values(settings.resolve())
        # As in Azure, the app's own folder is the working directory.
        os.chdir(app)
        host = Host(app, arguments.port)
        functions = host.start()
    except (HostError, OSError) as error:
        print(f"The host cannot start: {error}", file=sys.stderr)
        return _end(1)

    log = logging.getLogger("local.host")
    for function in functions:
        log.info("%s", host.describe(function))
    log.info("listening on %s", host.url)
    # In pieces, because a wait without an end cannot be interrupted on Windows.
    while not stopping.wait(0.5):
        pass
    log.info("stopping")
    if late := host.stop(PATIENCE_SECONDS):
        log.warning("%d runs did not end within %d s and are abandoned", late, PATIENCE_SECONDS)
    return _end(0)


def _follow(stopping: threading.Event) -> None:
    sys.stdin.buffer.read()
    stopping.set()


def _end(code: int) -> int:
    """Leave without the interpreter's wait for threads that still run a function."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _log_to_stderr() -> None:
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # The SDK writes two lines for each request, and the runtime one for each invocation.
    logging.getLogger("azure").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
