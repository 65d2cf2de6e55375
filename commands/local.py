"""local: the cloud on a laptop, with a company's books in Xero and nothing connected yet."""

import shutil
import time
from datetime import UTC, datetime

from commands import demo
from commands.terminal import ROOT, console
from local.cloud import Cloud
from local.company import first_day, generate
from local.core_tools import find_func
from shared import wiring


def run(host: str = "own") -> int:
    """Start everything and stay until Ctrl-C. host: "func" runs the functions under Core Tools."""
    func = find_func() if host == "func" else None
    folder = ROOT / ".local"
    shutil.rmtree(folder, ignore_errors=True)
    today = datetime.now(UTC).date()
    with Cloud(folder, start_date=first_day(today), func=func) as cloud:
        for books in generate(demo.SEED, today):
            cloud.load(dict(books))
        cloud.use_settings()
        store = wiring.build(cloud.values).store
        store.prepare()
        cloud.start_host()
        cloud.subscribe()
        demo.show_addresses(cloud)
        console.print("Next, in another terminal: `python3 manage.py connect`, then")
        console.print("`python3 manage.py dataset create`. Ctrl-C ends the local cloud.")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            console.print("Stopping.")
    return 0
