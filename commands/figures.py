"""The demo's figures: what each table holds beside Xero, calls, bytes, POSTs, and how long a webhook takes."""

import json
import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
from rich.table import Table

from commands.terminal import console
from local.cloud import Cloud
from local.comparison import TableComparison

Comparison = Mapping[str, TableComparison]
# Differences of a table that are shown one by one.
SHOWN = 5


def conclude(
    cloud: Cloud,
    compared: Mapping[str, Comparison],
    latencies: Sequence[float],
    seconds: float,
    report: Path | None,
) -> int:
    """Show the figures, write them to the report; the exit code, 1 when any figure differs.

    compared: by the organisation's name.
    """
    summary = _summary(cloud, compared, latencies, seconds)
    _show(summary, compared)
    if report:
        report.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return 1 if any(table["mismatches"] for table in summary["tables"].values()) else 0


def _summary(
    cloud: Cloud, compared: Mapping[str, Comparison], latencies: Sequence[float], seconds: float
) -> dict[str, Any]:
    posts = requests.get(f"{cloud.powerbi_url}/_sim/posts", timeout=30).json()
    organisations = {name: _counted(tables) for name, tables in compared.items()}
    tables: dict[str, Counter[str]] = {}
    for counted in organisations.values():
        for name, counts in counted.items():
            tables.setdefault(name, Counter()).update(counts)
    summary: dict[str, Any] = {
        "tables": {name: dict(counts) for name, counts in tables.items()},
        "organisations": organisations,
        "sums": _sums(compared),
        "xero_calls": cloud.xero.statistics.calls,
        "xero_calls_by_resource": _calls_by_resource(cloud),
        "xero_bytes": cloud.xero.statistics.bytes,
        "powerbi_posts": len(posts),
        "seconds": round(seconds, 1),
    }
    if latencies:
        ordered = sorted(latencies)
        summary["webhook_to_row_ms"] = {
            "p50": round(statistics.median(ordered)),
            "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]),
            "max": round(ordered[-1]),
        }
    return summary


def _counted(tables: Comparison) -> dict[str, dict[str, int]]:
    return {
        name: {
            "xero_records": table.xero_records,
            "powerbi_rows": table.powerbi_rows,
            "powerbi_current": table.powerbi_current - table.beyond_scope,
            "mismatches": len(table.mismatches),
        }
        for name, table in tables.items()
    }


def _sums(compared: Mapping[str, Comparison]) -> dict[str, dict[str, str]]:
    """Of each money column, over all organisations, whatever their currencies: to be held against another count."""
    sums: dict[str, dict[str, Decimal]] = {}
    for tables in compared.values():
        for name, table in tables.items():
            of_table = sums.setdefault(name, {})
            for column, total in table.sums.items():
                of_table[column] = of_table.get(column, Decimal(0)) + total
    return {
        name: {column: str(total) for column, total in of_table.items()} for name, of_table in sums.items()
    }


def _calls_by_resource(cloud: Cloud) -> dict[str, int]:
    """Calls of the Accounting API by endpoint, single records with their lists."""
    calls: Counter[str] = Counter()
    for path, count in cloud.xero.statistics.as_dict()["by_path"].items():
        if found := re.match(r"GET /api\.xro/2\.0/(\w+)", path):
            calls[found[1]] += count
    return dict(sorted(calls.items()))


def _show(summary: Mapping[str, Any], compared: Mapping[str, Comparison]) -> None:
    shown = Table("Table", "Xero's records", "Rows in Power BI", "Current in Power BI", "Differences")
    shown.columns[0].no_wrap = True
    for column in shown.columns[1:]:
        column.justify = "right"
    for name, table in summary["tables"].items():
        shown.add_row(
            name,
            *(f"{table[key]:,}" for key in ("xero_records", "powerbi_rows", "powerbi_current", "mismatches")),
        )
    console.print(shown)
    differences = sum(len(table.mismatches) for tables in compared.values() for table in tables.values())
    for organisation, tables in compared.items():
        for table in tables.values():
            for difference in table.mismatches[:SHOWN]:
                console.print(f"  {organisation}, {table.table}: {difference}", style="red", markup=False)
            if (more := len(table.mismatches) - SHOWN) > 0:
                console.print(f"  {organisation}, {table.table}: {more:,} more", style="red", markup=False)
    figures = {
        "Calls to Xero": f"{summary['xero_calls']:,} ({summary['xero_bytes'] / 1e6:.1f} MB)",
        "POSTs to Power BI": f"{summary['powerbi_posts']:,}",
        "In all": f"{summary['seconds']:.0f} s",
    }
    if webhook := summary.get("webhook_to_row_ms"):
        figures["Webhook to row"] = f"{webhook['p50']:,} ms (median) to {webhook['max']:,} ms"
    for name, figure in figures.items():
        console.print(f"  {name:<20}{figure}")
    if differences:
        console.print(f"Power BI differs from Xero in {differences:,} places.", style="bold red")
    else:
        console.print("Power BI holds what Xero holds, in every field of every table.", style="bold green")
