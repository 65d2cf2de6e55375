"""How a record looks in an answer: with or without lines, summarised, rounded, by the switches of its fields."""

from decimal import ROUND_HALF_UP, Decimal

from werkzeug.datastructures import MultiDict

from local.xero.resources import Resource
from local.xero.store import Row
from local.xero.switches import Switches
from local.xero.wire import Record, render

type Query = MultiDict[str, str]


def look(resource: Resource, row: Row, query: Query, switches: Switches, lacking: bool = False) -> bytes:
    """A record as an answer shows it; `lacking` means as in a list without lines."""
    summary = query.get("summaryOnly") == "true"
    style = (
        *(lacking, summary, query.get("unitdp") == "4", switches.numbers_as_strings),
        *(switches.date_strings, switches.tracking_option_ids),
    )
    if style not in row.renderings:
        record = dict(row.record)
        for name in resource.lacks if lacking else ():
            if isinstance(record.get(name), list):
                record[name] = []
            else:
                record.pop(name, None)
        for name in resource.summary_lacks if summary else ():
            record.pop(name, None)
        if resource.unitdp:
            record = _round_units(record, 4 if query.get("unitdp") == "4" else 2)
        if not switches.date_strings:
            record = {
                name: value
                for name, value in record.items()
                if name not in ("DateString", "DueDateString", "UpdatedDateUTCString")
            }
        if not switches.tracking_option_ids:
            record = _without_option_ids(record)
        row.renderings[style] = render(record, switches.numbers_as_strings)
    return row.renderings[style]


def _round_units(record: Record, places: int) -> Record:
    """UnitAmount to 2 decimals, or to 4 when the query says so."""
    step = Decimal(1).scaleb(-places)

    def rounded(holder: Record) -> Record:
        amount = holder.get("UnitAmount")
        if not isinstance(amount, Decimal | int) or isinstance(amount, bool):
            return holder
        return {**holder, "UnitAmount": Decimal(amount).quantize(step, ROUND_HALF_UP)}

    for name in ("LineItems", "SalesDetails", "PurchaseDetails"):
        held = record.get(name)
        if isinstance(held, list):
            record = {**record, name: [rounded(line) for line in held]}
        elif isinstance(held, dict):
            record = {**record, name: rounded(held)}
    return record


def _without_option_ids(record: Record) -> Record:
    """TrackingOptionID is in the OpenAPI file, but not in the lines that were recorded."""
    lines = record.get("LineItems")
    if not isinstance(lines, list):
        return record
    return {
        **record,
        "LineItems": [
            {
                **line,
                "Tracking": [
                    {name: value for name, value in entry.items() if name != "TrackingOptionID"}
                    for entry in line["Tracking"]
                ],
            }
            if isinstance(line.get("Tracking"), list)
            else line
            for line in lines
        ],
    }
