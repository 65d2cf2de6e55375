"""Compare what documents sum to with what Xero's own trial balance says: receivables, payables, and each bank account.

One call a day. The trial balance is asked for as at today, in base currency; documents count by their own dates up to then. A
difference is told as one once it was found twice with the same figures, an hour apart: documents may have changed since they
were last read. Accounts of other currencies are left out, since Xero revalues them.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.audit import Audit
from shared.errors import AskPerson, BadRecord, ConsentLost, GiveUp, Unavailable
from shared.state import mirror, proofs
from shared.state.connections import Organisation
from shared.state.proofs import ReportProof
from shared.sync.connector import Connector
from shared.sync.land import report_of
from shared.sync.reports import local_day
from shared.tables.cash_movements import CASH_MOVEMENTS
from shared.tables.credit_notes import CREDIT_NOTES
from shared.tables.invoices import INVOICES
from shared.tables.open_items import COUNTED, PAYABLE, RECEIVABLE
from shared.tables.open_items import SIDES as DOCUMENT_SIDES
from shared.tables.prepayments import OVERPAYMENTS, PREPAYMENTS
from shared.tables.table import Source, Table
from shared.tables.trial_balance import TRIAL_BALANCE as TABLE
from shared.xero.paging import parse_page
from shared.xero.resources import RESOURCES

COMPARED_FOR, AGAIN_AFTER = timedelta(days=1), timedelta(hours=1)
# What Xero itself uses these accounts for, and what they are called here.
SIDES = {"DEBTORS": RECEIVABLE, "CREDITORS": PAYABLE}
# By table: what is open of a document, in base currency.
OPEN = {
    INVOICES: "AmountDueBase",
    CREDIT_NOTES: "RemainingCreditBase",
    PREPAYMENTS: "RemainingCreditBase",
    OVERPAYMENTS: "RemainingCreditBase",
}
ABOUT = {RECEIVABLE: "receivables", PAYABLE: "payables"}
# Xero rounds each entry in a foreign currency to the cent, and we to four places: that adds up to cents, or to a millionth.
ROUNDED, OF_ALL = Decimal("0.05"), Decimal("0.000001")


def compare_reports(
    connector: Connector, audit: Audit, organisation: Organisation, *, asked_at: datetime | None, at: datetime
) -> int:
    """Compare once a day, and once more where something differed; answers how many calls that took.

    asked_at: when somebody asked for it, None when nobody did. Raises LimitReached, ConsentLost.
    """
    known = {each.about: each for each in proofs.reports_of(connector.store, organisation.tenant_id)}
    if not connector.settings.read_reports or not _is_due(known.values(), asked_at, at):
        return 0
    day = local_day(connector, at).isoformat()
    try:
        balances = _balances(connector, audit, organisation, day)
    except ConsentLost:
        raise
    except (AskPerson, GiveUp, Unavailable) as error:
        audit.add(
            "reconcile", "unproven", organisation=organisation.tenant_id, resource="TrialBalance", error=error
        )
        return 1
    ours = _owed(connector, organisation, day) | _held(connector, organisation, day)
    theirs: dict[str, Decimal] = {}
    for account in _accounts(connector, organisation):
        about = _about(account, organisation)
        if about:
            owed = balances.get(str(account.get("AccountID")), Decimal())
            theirs[about] = theirs.get(about, Decimal()) + (-owed if about == "payables" else owed)
    for about, xero in sorted(theirs.items()):
        _conclude(
            connector, audit, organisation, about, day, xero, ours.get(about, Decimal()), known.get(about)
        )
    return 1


def _is_due(known: Collection[ReportProof], asked_at: datetime | None, at: datetime) -> bool:
    """Once a day; an hour after a difference that may be of the moment; and once for whoever asks."""
    if asked_at is not None:
        return not known or any(each.at < asked_at for each in known)
    waits = [AGAIN_AFTER if each.outcome == "unproven" else COMPARED_FOR for each in known]
    return not waits or any(at - each.at >= wait for each, wait in zip(known, waits, strict=True))


def _conclude(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    about: str,
    day: str,
    xero: Decimal,
    ours: Decimal,
    before: ReportProof | None,
) -> None:
    words, outcome = "", "same"
    if abs(xero - ours) > max(ROUNDED, abs(xero) * OF_ALL):
        words = f"Xero's report says {xero}, the documents come to {ours}"
        same = before is not None and (before.xero, before.ours) == (str(xero), str(ours))
        if before is not None and same and connector.clock.now() - before.at < AGAIN_AFTER:
            # Its hour goes on.
            return
        outcome = "differs" if same else "unproven"
    elif before is not None and before.outcome == "differs":
        outcome = "repaired"
    proof = ReportProof(
        organisation=organisation.tenant_id,
        about=about,
        at=connector.clock.now(),
        as_of=day,
        xero=str(xero),
        ours=str(ours),
        outcome=outcome,
        words=words,
    )
    proofs.save(connector.store, proof)
    audit.add(
        "reconcile",
        outcome,
        organisation=organisation.tenant_id,
        resource="TrialBalance",
        why=f"{about} as at {day}",
        error=words,
    )


def _balances(connector: Connector, audit: Audit, organisation: Organisation, day: str) -> dict[str, Decimal]:
    """Each account's balance as at a day, by its id: debit less credit."""
    resource = RESOURCES["TrialBalance"]
    request = report_of(resource, day)
    answer = connector.xero().get(organisation.tenant, request, urgent=False)
    page = parse_page(answer, resource)
    audit.add(
        "fetch",
        "compared",
        organisation=organisation.tenant_id,
        resource=resource.name,
        why="reconcile",
        count=1,
        request_id=page.request_id,
        bytes=len(answer.body),
    )
    record = resource.named(page.records[0], request.params)
    rows = _rows(TABLE, organisation, resource.name, record)
    return {str(row["AccountID"]): Decimal(str(row["Balance"] or 0)) for row in rows if row["AccountID"]}


def _owed(connector: Connector, organisation: Organisation, day: str) -> dict[str, Decimal]:
    """What is open by Xero's own word on each document, at the document's rate, by side; a credit takes from it."""
    found = {about: Decimal() for about in ABOUT.values()}
    for table, column in OPEN.items():
        for row in _all_rows(connector, organisation, table):
            about = ABOUT.get(DOCUMENT_SIDES.get(str(row["Type"]), ""))
            if about and row["Status"] in COUNTED and _is_until(row, day):
                found[about] += _open(row, column)
    return found


def _open(row: dict[str, Any], column: str) -> Decimal:
    amount = Decimal(str(row[column] or 0))
    return amount if column == "AmountDueBase" else -amount


def _held(connector: Connector, organisation: Organisation, day: str) -> dict[str, Decimal]:
    """What each account holds, by its id."""
    found: dict[str, Decimal] = {}
    for row in _all_rows(connector, organisation, CASH_MOVEMENTS):
        if row["AccountID"] and _is_until(row, day):
            account = str(row["AccountID"])
            found[account] = found.get(account, Decimal()) + Decimal(str(row["AmountBase"] or 0))
    return found


def _is_until(row: dict[str, Any], day: str) -> bool:
    return str(row["Date"] or "")[:10] <= day


def _accounts(connector: Connector, organisation: Organisation) -> Iterator[dict[str, Any]]:
    for _, record in mirror.living(connector.store, organisation.tenant_id, "Accounts"):
        yield record


def _about(account: dict[str, Any], organisation: Organisation) -> str:
    """As what an account is compared, "" when it is not: a bank account by its id."""
    if account.get("SystemAccount") in SIDES:
        return ABOUT[SIDES[account["SystemAccount"]]]
    is_bank = account.get("Type") == "BANK"
    is_base = account.get("CurrencyCode") in (None, "", organisation.base_currency)
    return str(account["AccountID"]).lower() if is_bank and is_base else ""


def _all_rows(connector: Connector, organisation: Organisation, table: Table) -> Iterator[dict[str, Any]]:
    for name in table.resources:
        for _, record in mirror.living(connector.store, organisation.tenant_id, name):
            yield from _rows(table, organisation, name, record)


def _rows(
    table: Table, organisation: Organisation, resource: str, record: dict[str, Any]
) -> list[dict[str, Any]]:
    """A record's rows; none of one that cannot be shaped, which is in the quarantine."""
    try:
        return table.shape(
            Source(
                tenant_id=organisation.tenant_id,
                base_currency=organisation.base_currency,
                resource=resource,
                record=record,
                document=record,
            )
        )
    except BadRecord:
        return []
