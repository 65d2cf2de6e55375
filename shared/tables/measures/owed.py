"""What was owed as at a day: overdue, by age, and how long customers take to pay.

What is open of a document is worked out in its own currency from the entries of OpenItems dated up to the day, then
converted at the document's own rate: as at today it is Xero's AmountDue or RemainingCredit to the cent.
"""

from collections.abc import Mapping, Sequence

from shared.tables.calendar import BY_INVOICE_DATE
from shared.tables.measures.choices import Scope, Sum, carried, tenant
from shared.tables.measures.days import AS_AT, KNOWN, days, over_tenants
from shared.tables.measures.measure import TRUE, Measure, is_
from shared.tables.measures.rows import current
from shared.tables.measures.trade import BOOKED, PAYABLE, RECEIVABLE, documents

# Columns of OpenItems that say something of an entry only: by one of them a document would be torn apart.
OF_ENTRIES = ("EntryKey", "EntryNumber", "Entry", "Date", "Amount", "AmountBase", "InvoiceKey")
TURNOVER_DAYS = 90
CHOICES = ("Calendar", "Contacts", "AsAt")
_CARRIED = ("Calendar", "Contacts")

# What a credit settled is settled, also by one of a status that Xero is not known to have; only a void one gives it back.
_STANDS = '<> "VOIDED" && OpenItems[DocumentStatus] <> "DELETED"'
_AGE = "IF ( ISBLANK ( [@From] ), 0, INT ( OnDay - [@From] ) )"
_OVERDUE = f"{_AGE} > 0"
_IN_BUCKET = (
    "( NOT ChoseBuckets || NOT ISEMPTY ( FILTER ( Buckets, AgingBuckets[TenantID] = Tenant"
    f" && AgingBuckets[MinDays] <= {_AGE} && {_AGE} <= AgingBuckets[MaxDays] ) ) )"
)
_BUCKETS = (
    "VAR ChoseBuckets = ISFILTERED ( AgingBuckets )\n"
    f"VAR Buckets = {current('AgingBuckets', {}, ['TenantID', 'MinDays', 'MaxDays'])}\n"
    f'VAR ByDocument = SELECTEDVALUE ( AgingBuckets[Basis] ) = "{BY_INVOICE_DATE}"'
)


def _open(side: str, where: Mapping[str, str], aged_from: str) -> str:
    """Documents of the organisation in Tenant with what is open of each on OnDay: own entries, less what was set against it.

    The row that is always there keeps the join from being one with an empty table.
    """
    columns = ["Date", "Amount", "AmountBase", "CurrencyRate", "AgeingDate", "DocumentDate"]
    own = current(
        "OpenItems",
        {"Side": is_(side), "Counts": TRUE, **where},
        columns,
        [tenant("OpenItems"), *carried("OpenItems", _CARRIED)],
    )
    applied = current(
        "OpenItems",
        {"Entry": is_("Allocation"), "DocumentStatus": _STANDS},
        ["InvoiceKey", "Date", "Amount"],
        [tenant("OpenItems")],
        everywhere=True,
    )
    amount = "SUMX ( CURRENTGROUP (), IF ( OpenItems[Date] <= OnDay, OpenItems[Amount] ) )"
    return f"""        VAR Own = GROUPBY (
            {own},
            OpenItems[DocumentKey],
            "@Own", {amount},
            "@Rate", MAXX ( CURRENTGROUP (), OpenItems[CurrencyRate] ),
            "@Known", MAXX ( CURRENTGROUP (), IF ( ISBLANK ( OpenItems[AmountBase] ), 0, 1 ) ),
            "@From", MAXX ( CURRENTGROUP (), {aged_from} )
        )
        VAR Applied = GROUPBY ( {applied}, OpenItems[InvoiceKey], "@Applied", {amount} )
        VAR Documents = NATURALLEFTOUTERJOIN (
            SELECTCOLUMNS ( Own, "Document", OpenItems[DocumentKey] & "", "@Own", [@Own], "@Rate", [@Rate], "@Known", [@Known], "@From", [@From] ),
            UNION (
                ROW ( "Document", "", "@Applied", 0 ),
                SELECTCOLUMNS ( Applied, "Document", OpenItems[InvoiceKey] & "", "@Applied", [@Applied] )
            )
        )
"""


def owed(side: str, *, only: str = "", where: Mapping[str, str] | None = None, aged: bool = False) -> str:
    """What is open on one side. only: a condition on age. where: conditions on documents. aged: whether buckets choose."""
    left = "ROUND ( [@Own] - [@Applied], 4 )"
    conditions = ["[@Known] = 1", f"{left} <> 0", *([only] if only else [])]
    base = f"ROUND ( DIVIDE ( {left}, IF ( ISBLANK ( [@Rate] ), 1, [@Rate] ) ), 4 )"
    aged_from = "OpenItems[AgeingDate]"
    if aged:
        aged_from = f"IF ( ByDocument, OpenItems[DocumentDate], {aged_from} )"
    body = over_tenants(
        f"SUMX ( FILTER ( Documents, {' && '.join(conditions)} ), {base} )",
        _open(side, where or {}, aged_from),
    )
    scope = Scope(
        tables=["OpenItems"],
        choices=_CARRIED,
        beside=["AsAt", *(["AgingBuckets"] if aged else [])],
        also=["SyncStatus"],
    )
    torn = " || ".join(f"ISFILTERED ( OpenItems[{name}] )" for name in OF_ENTRIES)
    variables = days(AS_AT) + (f"\n{_BUCKETS}" if aged else "")
    return scope.measure(body, variables=variables, guards=[f"NOT ( {torn} )", KNOWN])


def turnover_days(measure: str, types: Mapping[str, Sequence[str]]) -> str:
    """How many days' sales are open: what is owed, by the day's share of the last 90 days' documents with tax."""

    def sum_(table: str) -> str:
        one = documents(table, "TotalAmountBase", types, BOOKED)
        within = f"<= OnDay && INT ( OnDay - {table}[Date] ) < {TURNOVER_DAYS}"
        return Sum(table, one.amount, {**one.where, "Date": within}).dax(["Contacts"], tenant(table))

    body = over_tenants(f"{sum_('Invoices')}\n        - {sum_('CreditNotes')}")
    scope = Scope(
        tables=["Invoices", "CreditNotes"], choices=["Contacts"], beside=["AsAt"], also=["SyncStatus"]
    )
    whole = f"ISEMPTY ( FILTER ( TenantDays, INT ( [@Day] - [@Start] ) < {TURNOVER_DAYS} ) )"
    untorn = "NOT ISFILTERED ( Invoices )"
    return scope.measure(
        f"DIVIDE ( [{measure}] * {TURNOVER_DAYS}, {body} )",
        variables=days(AS_AT),
        guards=[KNOWN, whole, untorn],
    )


_AS_AT = (
    "as at the day chosen in AsAt, or today in each organisation: documents, payments and allocations dated up to then that"
    " are not void now; nothing before the start date. Gross, in base currency at each document's own rate; days of Calendar"
    " are those of the documents' own dates."
)
_AGED = (
    "Credits age by their own date, and so does a document without due date; one without any date is current. A slicer on"
    f" AgingBuckets[Basis] that says “{BY_INVOICE_DATE}” ages everything by the documents' dates instead"
)


def _side(side: str, who: str, plural: str, documents_: str, name: str) -> tuple[Measure, ...]:
    credits = "credit notes, prepayments and overpayments"
    return (
        Measure(
            name=f"{plural} As At",
            means=f"{who}: approved {documents_} less approved {credits}, {_AS_AT}",
            expression=owed(side),
        ),
        Measure(
            name=f"{plural} Overdue",
            means=f"What of {plural} As At was due before the day; credits count from the day after their date, {_AS_AT}",
            expression=owed(side, only=_OVERDUE),
        ),
        Measure(
            name=f"{plural} Aged",
            means=f"{plural} As At by AgingBuckets: by how many days each document is overdue. {_AGED}. All buckets sum to"
            f" {plural} As At, {_AS_AT}",
            expression=owed(side, only=_IN_BUCKET, aged=True),
        ),
        Measure(
            name=f"{plural} Without Due Date",
            means=f"What of {plural} As At is open on {documents_} that have no due date, and so age by their own date,"
            f" {_AS_AT}",
            expression=owed(side, where={"DocumentKind": is_("Invoice"), "IsWithoutDueDate": TRUE}),
        ),
        Measure(
            name=name,
            means=f"How many days' {documents_} are open: {plural} As At times {TURNOVER_DAYS}, over what the {documents_} less"
            f" credit notes of the {TURNOVER_DAYS} days up to the day come to, with tax, in base currency. Empty where those"
            " days begin before the start date.",
            expression=turnover_days(f"{plural} As At", RECEIVABLE if side == "Receivable" else PAYABLE),
            format="#,0.0",
        ),
    )


MEASURES = (
    *_side("Receivable", "What customers owed", "Receivables", "sales invoices", "Days Sales Outstanding"),
    *_side("Payable", "What suppliers were owed", "Payables", "bills", "Days Payable Outstanding"),
)
