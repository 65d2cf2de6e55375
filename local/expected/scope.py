"""Which of Xero's records must be in Power BI when the history begins at a given day."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from local.expected.tables import ID_FIELDS
from local.expected.values import Record, day, elements, inside, instant

Resources = Mapping[str, Sequence[Record]]

OPEN_STATUSES = ("DRAFT", "SUBMITTED", "AUTHORISED")
# What can be set against invoices: the resource, and what a payment that refunds it calls it.
CREDITS = {"CreditNotes": "CreditNote", "Prepayments": "Prepayment", "Overpayments": "Overpayment"}


def in_scope(resources: Resources, start: date | None) -> dict[str, set[str]]:
    """The ids, lower-case, of the records that Power BI must show when the history begins at `start`.

    Everything dated or updated from then on; and besides
    - invoices and credit notes: open or without a date;
    - prepayments and overpayments: AUTHORISED, that is with credit left;
    - manual journals: DRAFT;
    - credit notes, prepayments and overpayments: refunded by a payment dated or updated from then on;
    - invoices: paid by such a payment, or in an allocation of one of the credit notes, prepayments and
      overpayments that must be shown;
    - all of the other resources, of any date.
    """
    ids = {name: _ids(name, resources.get(name, ())) for name in ID_FIELDS}
    if start is None:
        return ids
    first = datetime(start.year, start.month, start.day)  # noqa: DTZ001

    def chosen(resource: str, rule: Callable[[Record], bool]) -> set[str]:
        return _ids(resource, filter(rule, resources.get(resource, ())))

    def recent(record: Record) -> bool:
        return _recent(record, first)

    payments = list(filter(recent, resources.get("Payments", ())))
    touched = set(_named(payments, "Invoice"))
    ids["Payments"] = _ids("Payments", payments)
    ids["BankTransactions"] = chosen("BankTransactions", recent)
    ids["ManualJournals"] = chosen("ManualJournals", recent) | chosen("ManualJournals", _draft)
    for resource, name in CREDITS.items():
        open_ = chosen(resource, _unsettled if resource == "CreditNotes" else _authorised)
        ids[resource] &= chosen(resource, recent) | open_ | set(_named(payments, name))
        for record in resources.get(resource, ()):
            if _id(record, ID_FIELDS[resource]) in ids[resource]:
                touched |= set(_named(_listed(record, "Allocations"), "Invoice"))
    ids["Invoices"] &= chosen("Invoices", recent) | chosen("Invoices", _unsettled) | touched
    return ids


def _recent(record: Record, first: datetime) -> bool:
    """Dated or updated from then on; and what cannot be read is not taken for old."""
    try:
        moments = day(record, "Date"), instant(record.get("UpdatedDateUTC"))
    except (ValueError, OverflowError):
        return True
    return any(moment is not None and moment >= first for moment in moments)


def _unsettled(record: Record) -> bool:
    undated = "Date" not in record and "DateString" not in record
    return undated or record.get("Status") in OPEN_STATUSES


def _draft(record: Record) -> bool:
    return record.get("Status") == "DRAFT"


def _authorised(record: Record) -> bool:
    return record.get("Status") == "AUTHORISED"


def _id(record: Record, field: str) -> str:
    return str(record.get(field)).lower()


def _ids(resource: str, records: Iterable[Record]) -> set[str]:
    return {_id(record, ID_FIELDS[resource]) for record in records}


def _named(records: Iterable[Record], name: str) -> Iterator[str]:
    """The ids of the documents that records name, as a payment names its invoice."""
    for record in records:
        try:
            identifier: Any = inside(record, name).get(f"{name}ID")
        except ValueError:
            continue
        if identifier is not None:
            yield str(identifier).lower()


def _listed(record: Record, name: str) -> Sequence[Record]:
    try:
        return elements(record, name)
    except ValueError:
        return ()
