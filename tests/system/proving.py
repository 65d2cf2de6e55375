"""A demo that stays up, and its measures held against Xero's records."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests

from local.comparison import RESOURCES, in_scope
from local.expected.tables import ID_FIELDS, REPORTS
from shared.tables import TABLES
from tests.system.running import eventually, terminal
from tests.unit.dax.conftest import ZONES
from tests.unit.dax.oracle import Books
from tests.unit.dax.proof import Rows, books_of

# Twelve thousand documents take some five minutes on two busy cores.
READY_SECONDS = 900


@dataclass
class Demo:
    """A demo that is up. shown: what it wrote on the terminal until then; code: what it ended with, None while it is up."""

    shown: str
    xero_url: str
    powerbi_url: str
    code: int | None = None

    def rows(self) -> Rows:
        """What Power BI holds, by table."""
        [dataset] = self._read(f"{self.powerbi_url}/_sim/datasets")
        found: dict[str, list[dict[str, Any]]] = {}
        for table in TABLES:
            answer = self._read(f"{self.powerbi_url}/_sim/datasets/{dataset['id']}/tables/{table}/rows")
            found[table] = [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]
        return found

    def books(self, tenant_id: str, start: date, *, reports: bool) -> Books:
        """What Xero holds of an organisation, as far as its history reaches."""
        every = {
            name: self._read(f"{self.xero_url}/_sim/records/{tenant_id}/{name}")["records"]
            for name in RESOURCES
            if name not in REPORTS
        }
        scope = in_scope(every, start)
        records = {
            name: [each for each in some if str(each[ID_FIELDS[name]]).lower() in scope[name]]
            for name, some in every.items()
        }
        [owner] = records["Organisation"]
        today = datetime.now(ZoneInfo(ZONES.get(owner.get("Timezone", ""), "UTC"))).date()
        served = {name: self._reports(tenant_id, name, start, today) for name in REPORTS} if reports else {}
        return books_of(tenant_id, records, today=today, start=start, reports=served)

    def _reports(self, tenant_id: str, name: str, start: date, today: date) -> list[dict[str, Any]]:
        found = []
        year, month = start.year, start.month
        while (year, month) <= (today.year, today.month):
            following = date(year + month // 12, month % 12 + 1, 1)
            first = date(year, month, 1)
            last = date.fromordinal(following.toordinal() - 1)
            if name == "BankSummary":
                first = last = start
            query = f"date={last}&fromDate={first}&toDate={last}"
            answer = self._read(f"{self.xero_url}/_sim/reports/{tenant_id}/{name}?{query}")
            found.append({"Through": last.isoformat()} | answer)
            if name == "BankSummary":
                break
            year, month = following.year, following.month
        return found

    def _read(self, url: str) -> Any:
        answer = requests.get(url, timeout=120)
        answer.raise_for_status()
        return answer.json(parse_float=Decimal)


@contextmanager
def staying(*arguments: str, folder: Path) -> Iterator[Demo]:
    """The demo as a person runs it in a terminal, from when it stays up until Ctrl-C."""
    output = folder / "demo.txt"
    with output.open("w", encoding="utf-8") as written:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", *arguments],
            cwd=folder,
            env=terminal(COLUMNS="80"),
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:

        def shown() -> str:
            text = output.read_text(encoding="utf-8")
            return text if "The local cloud stays up" in text or process.poll() is not None else ""

        text = eventually(shown, "the demo stays up", seconds=READY_SECONDS, every=0.5)
        assert process.poll() is None, text
        xero, powerbi = (
            re.findall(rf"^  {name} +(http://\S+) \(control", text, re.MULTILINE)[-1]
            for name in ("Xero", "Power BI")
        )
        demo = Demo(text, xero, powerbi)
        yield demo
        process.send_signal(signal.SIGINT)
        demo.code = process.wait(60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(30)
