"""The same figures from Xero's records, in plain Python: shares no code with the product, nor its lists of types."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from local.expected import reports
from local.expected.effects import effect_of, ledger_amount
from local.expected.values import Record, converted, day, elements, inside, number, rate_of, truth

CREDITS = ("CreditNotes", "Prepayments", "Overpayments")
LINED = {
    "Invoices": "Invoice",
    "CreditNotes": "CreditNote",
    "Prepayments": "Prepayment",
    "Overpayments": "Overpayment",
    "BankTransactions": "BankTransaction",
    "PurchaseOrders": "PurchaseOrder",
    "ManualJournals": "ManualJournal",
}
RESOURCES = (*LINED, "Payments", "BankTransfers", "Accounts", "Contacts", "Items", "TrackingCategories")
# A type that nobody knows counts for nothing; a transfer counts by its own record.
BANKED = [f"{way}{what}" for way in ("RECEIVE", "SPEND") for what in ("", "-PREPAYMENT", "-OVERPAYMENT")]
BUCKETS = {
    "Current": (-99999, 0),
    "1–30": (1, 30),
    "31–60": (31, 60),
    "61–90": (61, 90),
    "Over 90": (91, 99999),
}


@dataclass(frozen=True)
class Books:
    """An organisation's records, by resource, as Xero has them now; its reports; its own day; where its history begins."""

    tenant_id: str
    currency: str
    records: Mapping[str, Sequence[Record]]
    today: date = date.max
    start: date = date.min
    reports: Mapping[str, Sequence[Record]] = field(default_factory=dict)

    def of(self, resource: str, statuses: str, **wanted: Any) -> Iterator[Record]:
        """Records of these statuses (words), whose fields meet what is wanted of them."""
        for record in self.records.get(resource, ()):
            if record.get("Status") in statuses.split() and all(
                wanted[name](record.get(name) or "") for name in wanted
            ):
                yield record

    def base(self, record: Record, value: Decimal | None) -> Decimal | None:
        """In base currency, at the document's own rate."""
        return converted(value, rate_of(record, record.get("CurrencyCode"), self.currency))

    def accounts(self, **wanted: Callable[[str], bool]) -> set[str]:
        """Ids and codes of the accounts whose fields meet what is wanted."""
        return {
            str(account.get(name)).lower()
            for account in self.records.get("Accounts", ())
            for name in ("AccountID", "Code")
            if account.get(name) and all(test(account.get(each) or "") for each, test in wanted.items())
        }


@dataclass(frozen=True)
class Choice:
    """What a report chooses; "" or None: everything. month: such as 2026-11. as_at: a day. contact, account, item: ids.
    tracking: a tracking category's id, the number of its columns, and the name of an option."""

    month: str = ""
    as_at: date | None = None
    bucket: str = ""
    by_invoice_date: bool = False
    contact: str = ""
    account: str = ""
    item: str = ""
    tracking: tuple[str, int, str] | None = None


@dataclass(frozen=True)
class Entry:
    """An amount and what one may choose it by."""

    amount: Decimal | None
    on: date | None
    contact: str = ""
    account: str = ""
    item: str = ""
    # The options of a line, by the category's id.
    tracking: Mapping[str, str] = field(default_factory=dict)


EVERYTHING = Choice()


def of_customers(kind: str) -> bool:
    """Whose a document is: ACCREC…, AR… and RECEIVE… are of customers, ACCPAY…, AP… and SPEND… of suppliers."""
    return kind.startswith(("ACCREC", "AR", "RECEIVE"))


def of_suppliers(kind: str) -> bool:
    return kind.startswith(("ACCPAY", "AP", "SPEND"))


def on(record: Record, name: str = "Date") -> date | None:
    found = day(record, name)
    return found.date() if found else None


def whose(record: Record) -> str:
    return str(inside(record, "Contact").get("ContactID") or "").lower()


# Documents as they stand


def documents(
    books: Books, side: Callable[[str], bool], resource: str, statuses: str, name: str, sign: int = 1
) -> Iterator[Entry]:
    for record in books.of(resource, statuses, Type=side):
        base = books.base(record, number(record.get(name)))
        yield Entry(None if base is None else sign * base, on(record), whose(record))


def outstanding(books: Books, side: Callable[[str], bool]) -> Iterator[Entry]:
    yield from documents(books, side, "Invoices", "AUTHORISED", "AmountDue")
    for resource in CREDITS:
        yield from documents(books, side, resource, "AUTHORISED", "RemainingCredit", -1)


def booked(books: Books, side: Callable[[str], bool], name: str) -> Iterator[Entry]:
    yield from documents(books, side, "Invoices", "AUTHORISED PAID", name)
    yield from documents(books, side, "CreditNotes", "AUTHORISED PAID", name, -1)


# Documents as at a day


def day_of(books: Books, choice: Choice) -> date:
    return choice.as_at or books.today


def open_on(books: Books, side: Callable[[str], bool], at: date) -> Iterator[tuple[str, Record, Decimal]]:
    """Approved documents of one side with what was open of each on a day, in its own currency, as it adds to what is owed."""
    counted: dict[str, list[Any]] = {}
    for resource in ("Invoices", *CREDITS):
        sign = 1 if resource == "Invoices" else -1
        for record in books.of(resource, "AUTHORISED PAID", Type=side):
            left = sign * _until(record, at, "Total")
            for payment in elements(record, "Payments"):
                if payment.get("Status") != "DELETED":
                    left -= sign * _until(payment, at, "Amount")
            counted[record[f"{LINED[resource]}ID"].lower()] = [resource, record, left]
    for resource in CREDITS:
        for record in books.records.get(resource, ()):
            if record.get("Status") in ("VOIDED", "DELETED"):
                continue
            for allocation in elements(record, "Allocations"):
                if truth(allocation.get("IsDeleted")) is True:
                    continue
                moved = _until(allocation, at, "Amount")
                credit = counted.get(record[f"{LINED[resource]}ID"].lower())
                if credit:
                    credit[2] += moved
                invoice = counted.get(str(inside(allocation, "Invoice").get("InvoiceID")).lower())
                if invoice:
                    invoice[2] -= moved
    for resource, record, left in counted.values():
        yield resource, record, left


def _until(entry: Record, at: date, name: str) -> Decimal:
    dated = on(entry)
    return (number(entry.get(name)) or Decimal()) if dated is None or dated <= at else Decimal()


def owed(
    books: Books, choice: Choice, side: Callable[[str], bool], keep: Callable[[str, Record, int], bool]
) -> Iterator[Entry]:
    """keep: of resource, record and its age in days."""
    at = day_of(books, choice)
    for resource, record, left in open_on(books, side, at):
        due = None if choice.by_invoice_date else on(record, "DueDate")
        aged_from = due or on(record)
        age = (at - aged_from).days if aged_from else 0
        if left and keep(resource, record, age):
            yield Entry(books.base(record, left), on(record), whose(record))


def days_open(books: Books, choice: Choice, side: Callable[[str], bool]) -> Iterator[Entry]:
    """What the 90 days up to the day come to, with tax."""
    at = day_of(books, choice)
    for entry in booked(books, side, "Total"):
        if entry.on and at - timedelta(days=90) < entry.on <= at:
            yield entry


# Lines


def lines(
    books: Books, effect: str, accounts: set[str] | None, *, kinds: str = "", status: str = ""
) -> Iterator[Entry]:
    for resource, kind in LINED.items():
        for record in books.records.get(resource, ()):
            if (kinds and kind not in kinds) or (status and record.get("Status") != status):
                continue
            if effect and effect_of(kind, record) != effect:
                continue
            for line in elements(record, "JournalLines" if kind == "ManualJournal" else "LineItems"):
                account = str(line.get("AccountID") or line.get("AccountCode") or "").lower()
                if accounts is not None and account not in accounts:
                    continue
                net = number(line.get("LineAmount"))
                if net is not None and str(record.get("LineAmountTypes")).lower() == "inclusive":
                    net -= number(line.get("TaxAmount")) or 0
                base = books.base(record, net)
                amount = base if kind == "PurchaseOrder" else ledger_amount(kind, record, base)
                tracking = {
                    str(each["TrackingCategoryID"]).lower(): each["Option"]
                    for each in elements(line, "Tracking")
                }
                item = str(line.get("ItemCode") or "")
                yield Entry(amount, on(record), whose(record), account, item, tracking)


def income(kind: str) -> Callable[[Books], set[str]]:
    return {
        "revenue": lambda books: books.accounts(
            Class=lambda name: name == "REVENUE", Type=lambda name: name != "OTHERINCOME"
        ),
        "other": lambda books: books.accounts(Type=lambda name: name == "OTHERINCOME"),
        "direct": lambda books: books.accounts(Type=lambda name: name == "DIRECTCOSTS"),
        "expenses": lambda books: books.accounts(
            Class=lambda name: name == "EXPENSE", Type=lambda name: name != "DIRECTCOSTS"
        ),
        "all": lambda books: books.accounts(Class=lambda name: name in ("REVENUE", "EXPENSE")),
    }[kind]


def profit(kind: str, sign: int) -> Callable[[Books, Choice], Iterator[Entry]]:
    def found(books: Books, _: Choice) -> Iterator[Entry]:
        for entry in lines(books, "Posted", income(kind)(books)):
            yield replace(entry, amount=None if entry.amount is None else sign * entry.amount)

    return found


def reported(books: Books, choice: Choice) -> Iterator[Entry]:
    """The report's own last line, not its accounts; the accounts' lines when one is chosen."""
    costs = books.accounts(Class=lambda name: name == "EXPENSE")
    for report in books.reports.get("ProfitAndLoss", ()):
        for row in reports.profit_and_loss(report, books.tenant_id, books.currency):
            account, amount = row["AccountID"] or "", row["Amount"]
            if choice.account and account and amount is not None:
                yield Entry(-amount if account in costs else amount, row["Date"].date(), account=account)
            elif not choice.account and row["Line"] == "Net Profit":
                yield Entry(amount, row["Date"].date())


def not_in_documents(books: Books, choice: Choice) -> Iterator[Entry]:
    months = {str(report["Through"])[:7] for report in books.reports.get("ProfitAndLoss", ())}
    told = list(reported(books, choice))
    if not any(_is_chosen(books, entry, choice) for entry in told):
        return
    yield from told
    for entry in profit("all", -1)(books, choice):
        if entry.on and entry.on.strftime("%Y-%m") in months and entry.amount is not None:
            yield Entry(-entry.amount, entry.on, account=entry.account)


def control(system: str, sign: int) -> Callable[[Books, Choice], Iterator[Entry]]:
    def found(books: Books, choice: Choice) -> Iterator[Entry]:
        at = day_of(books, choice)
        whole = (at + timedelta(days=1)).month != at.month
        accounts = books.accounts(SystemAccount=lambda name: name == system)
        for report in books.reports.get("TrialBalance", ()):
            for row in reports.trial_balance(report, books.tenant_id, books.currency):
                same = row["Date"].strftime("%Y-%m") == at.strftime("%Y-%m")
                if same and (whole or at == books.today) and row["AccountID"] in accounts:
                    yield Entry(None if row["Balance"] is None else sign * row["Balance"], None)

    return found


# Money


@dataclass(frozen=True)
class Moved(Entry):
    transfer: bool = False
    reconciled: bool = False
    opening: bool = False


def movements(books: Books, *, opening: bool = False) -> Iterator[Moved]:
    """Each movement of a bank account."""
    banks = books.accounts(Type=lambda name: name == "BANK")
    for entry in _movements(books):
        if entry.account not in banks or (entry.opening and not opening):
            continue
        # What was before is in the opening balance; of it only some is read.
        if entry.opening or (entry.on and entry.on >= books.start):
            yield entry


def _movements(books: Books) -> Iterator[Moved]:
    for record in books.of("BankTransactions", "AUTHORISED"):
        kind = record["Type"]
        if kind not in BANKED or inside(record, "BatchPayment"):
            continue
        base = books.base(record, number(record.get("Total")))
        yield Moved(
            base if base is None or kind.startswith("RECEIVE") else -base,
            on(record),
            whose(record),
            str(inside(record, "BankAccount").get("AccountID")).lower(),
            reconciled=truth(record.get("IsReconciled")) is True,
        )
    for record in books.of("Payments", "AUTHORISED"):
        paid = [inside(record, name) for name in ("Invoice", "CreditNote", "Prepayment", "Overpayment")]
        currency = next((stub["CurrencyCode"] for stub in paid if "CurrencyCode" in stub), None)
        base = converted(number(record["Amount"]), rate_of(record, currency, books.currency))
        if currency not in (None, books.currency) and base is not None:
            seen = number(record.get("BankAmount"))
            # Neither the document's own amount nor a third currency's: the account is kept in base currency.
            if seen is not None and seen != number(record["Amount"]):
                near = abs(seen - base) <= max(Decimal("0.01"), abs(base) / 100_000)
                base = seen if near else base
        # A customer's payment comes in, and so does a supplier's refund.
        kind = record["PaymentType"]
        came_in = kind == "ACCRECPAYMENT" or (kind.startswith("AP") and kind != "ACCPAYPAYMENT")
        contact = next((whose(stub) for stub in paid if whose(stub)), "")
        yield Moved(
            base if base is None or came_in else -base,
            on(record),
            contact,
            str(inside(record, "Account").get("AccountID")).lower(),
            reconciled=truth(record.get("IsReconciled")) is True,
        )
    for record in books.records.get("BankTransfers", ()):
        if record.get("Status") in (None, "AUTHORISED"):
            base = converted(number(record.get("Amount")), rate_of(record, None, books.currency))
            for end, sign in (("From", -1), ("To", 1)):
                yield Moved(
                    None if base is None else sign * base,
                    on(record),
                    account=str(inside(record, f"{end}BankAccount").get("AccountID")).lower(),
                    transfer=True,
                    reconciled=truth(record.get(f"{end}IsReconciled")) is True,
                )
    for record in books.reports.get("BankSummary", ()):
        for row in reports.opening_balances(record, books.tenant_id, books.currency):
            yield Moved(row["AmountBase"], row["Date"].date(), account=row["AccountID"] or "", opening=True)


def balance(books: Books, choice: Choice) -> Iterator[Entry]:
    """All movements up to the end of the month, or to the day; dated by none, since a month chooses no movement."""
    if choice.month:
        until = (date.fromisoformat(f"{choice.month}-28") + timedelta(days=4)).replace(day=1) - timedelta(
            days=1
        )
    else:
        until = day_of(books, choice)
    for entry in movements(books, opening=True):
        if entry.on is None or entry.on <= until:
            yield Entry(entry.amount, None, account=entry.account)


def expected(books: Books, kind: str, name: str) -> Iterator[Entry]:
    for record in books.of("Invoices", "AUTHORISED", Type=lambda type_: type_ == kind):
        written = on(record, name) or on(record, "DueDate") or on(record)
        when = max(written, books.today) if written else books.today
        yield Entry(books.base(record, number(record.get("AmountDue"))), when, whose(record))


def money(keep: Callable[[Moved], bool], sign: int = 1) -> Callable[[Books, Choice], Iterator[Entry]]:
    def found(books: Books, _: Choice) -> Iterator[Entry]:
        for each in movements(books):
            if each.amount is not None and keep(each):
                yield Entry(sign * each.amount, each.on, each.contact, each.account)

    return found


def _owed(name: str, side: Callable[[str], bool]) -> dict[str, "Figure"]:
    def in_bucket(books: Books, choice: Choice) -> Iterator[Entry]:
        low, high = BUCKETS[choice.bucket] if choice.bucket else (-99999, 99999)
        return owed(books, choice, side, lambda _resource, _record, age: low <= age <= high)

    def undated(resource: str, record: Record, _: int) -> bool:
        return resource == "Invoices" and on(record, "DueDate") is None

    return {
        f"{name} As At": lambda books, choice: owed(books, choice, side, lambda *_: True),
        f"{name} Overdue": lambda books, choice: owed(books, choice, side, lambda *of: of[2] > 0),
        f"{name} Aged": in_bucket,
        f"{name} Without Due Date": lambda books, choice: owed(books, choice, side, undated),
    }


def _plain(found: Callable[[Books], Iterator[Entry]]) -> "Figure":
    return lambda books, _: found(books)


Figure = Callable[[Books, Choice], Iterator[Entry]]
FIGURES: dict[str, Figure] = {
    "Receivables Outstanding": _plain(lambda books: outstanding(books, of_customers)),
    "Invoices Outstanding": _plain(
        lambda books: documents(books, of_customers, "Invoices", "AUTHORISED", "AmountDue")
    ),
    "Invoices Awaiting Approval": _plain(
        lambda books: documents(books, of_customers, "Invoices", "SUBMITTED", "Total")
    ),
    "Invoices in Draft": _plain(lambda books: documents(books, of_customers, "Invoices", "DRAFT", "Total")),
    "Payables Outstanding": _plain(lambda books: outstanding(books, of_suppliers)),
    "Bills Outstanding": _plain(
        lambda books: documents(books, of_suppliers, "Invoices", "AUTHORISED", "AmountDue")
    ),
    "Bills Awaiting Approval": _plain(
        lambda books: documents(books, of_suppliers, "Invoices", "SUBMITTED", "Total")
    ),
    "Bills in Draft": _plain(lambda books: documents(books, of_suppliers, "Invoices", "DRAFT", "Total")),
    "Sales": _plain(lambda books: booked(books, of_customers, "SubTotal")),
    "Tax on Sales": _plain(lambda books: booked(books, of_customers, "TotalTax")),
    "Purchases": _plain(lambda books: booked(books, of_suppliers, "SubTotal")),
    "Tax on Purchases": _plain(lambda books: booked(books, of_suppliers, "TotalTax")),
    **_owed("Receivables", of_customers),
    **_owed("Payables", of_suppliers),
    "Revenue": profit("revenue", -1),
    "Other Income": profit("other", -1),
    "Cost of Sales": profit("direct", 1),
    "Operating Expenses": profit("expenses", 1),
    "Net Profit": profit("all", -1),
    "Net Profit (Xero)": reported,
    "Profit Not in Documents": not_in_documents,
    "Receivables Control Account": control("DEBTORS", 1),
    "Payables Control Account": control("CREDITORS", -1),
    "Cash In": money(lambda each: not each.transfer and (each.amount or 0) > 0),
    "Cash Out": money(lambda each: not each.transfer and (each.amount or 0) < 0, -1),
    "Net Cash": money(lambda each: True),
    "Cash Transferred": money(lambda each: each.transfer),
    "Cash Balance": balance,
    "Expected Cash In": _plain(lambda books: expected(books, "ACCREC", "ExpectedPaymentDate")),
    "Expected Cash Out": _plain(lambda books: expected(books, "ACCPAY", "PlannedPaymentDate")),
    "Unreconciled Bank Amount": money(lambda each: not each.reconciled),
    "Open Purchase Commitments": _plain(lambda books: lines(books, "Commitment", None)),
    "Purchase Orders Awaiting Approval": _plain(
        lambda books: lines(books, "", None, kinds="PurchaseOrder", status="SUBMITTED")
    ),
}
RATIOS = {
    "Days Sales Outstanding": ("Receivables", of_customers),
    "Days Payable Outstanding": ("Payables", of_suppliers),
}
# What each figure can be chosen by, beside organisations; by anything else it is nothing.
_NOW, _AS_AT = "month contact", "month contact as_at"
CHOSEN_BY = {
    **dict.fromkeys(FIGURES, _NOW),
    **{
        name: _AS_AT
        for name in FIGURES
        if name.startswith(("Receivables ", "Payables ")) and "Outstanding" not in name
    },
    **dict.fromkeys(("Receivables Aged", "Payables Aged"), f"{_AS_AT} bucket by_invoice_date"),
    **dict.fromkeys(("Receivables Control Account", "Payables Control Account"), "as_at"),
    **dict.fromkeys(RATIOS, "contact as_at"),
    **dict.fromkeys(
        ("Revenue", "Other Income", "Cost of Sales", "Operating Expenses", "Net Profit", "Gross Profit"),
        "month contact account item tracking",
    ),
    **dict.fromkeys(
        ("Open Purchase Commitments", "Purchase Orders Awaiting Approval"),
        "month contact account item tracking",
    ),
    **dict.fromkeys(("Net Profit (Xero)", "Profit Not in Documents"), "month account"),
    **dict.fromkeys(("Cash In", "Cash Out", "Net Cash", "Cash Transferred"), "month contact account"),
    "Unreconciled Bank Amount": "month contact account",
    "Cash Balance": "month account as_at",
}
NO_BALANCE = ("Cash Balance",)


def figure(name: str, chosen: Sequence[Books], choice: Choice = EVERYTHING) -> Decimal | str | None:
    """A measure of these organisations and this choice; None where there is nothing, or where it cannot be told."""
    currencies = {books.currency for books in chosen}
    if name == "Currency":
        return "several" if len(currencies) > 1 else next(iter(currencies))
    picked = {each for each in vars(choice) if getattr(choice, each)}
    if len(currencies) > 1 or picked - set(CHOSEN_BY[name].split()):
        return None
    if name == "Gross Profit":
        return _less(figure("Revenue", chosen, choice), figure("Cost of Sales", chosen, choice))
    dated = "as_at" in CHOSEN_BY[name].split()
    if dated and name != "Cash Balance" and any(day_of(books, choice) < books.start for books in chosen):
        return None
    if name == "Cash Balance" and (
        _before_start(chosen, choice) or not all(_has_opening(books) for books in chosen)
    ):
        return None
    if name in RATIOS:
        return _days(name, chosen, choice)
    found = [
        entry.amount
        for books in chosen
        for entry in FIGURES[name](books, choice)
        if entry.amount is not None and _is_chosen(books, entry, choice, by_month=name not in NO_BALANCE)
    ]
    return sum(found, Decimal()) if found else None


def _before_start(chosen: Sequence[Books], choice: Choice) -> bool:
    return any(
        choice.month < books.start.strftime("%Y-%m") if choice.month else day_of(books, choice) < books.start
        for books in chosen
    )


def _has_opening(books: Books) -> bool:
    return bool(books.reports.get("BankSummary"))


def _days(name: str, chosen: Sequence[Books], choice: Choice) -> Decimal | None:
    plural, side = RATIOS[name]
    if any(day_of(books, choice) - timedelta(days=90) < books.start for books in chosen):
        return None
    open_ = figure(f"{plural} As At", chosen, choice)
    sold = [
        entry.amount
        for books in chosen
        for entry in days_open(books, choice, side)
        if entry.amount is not None and _is_chosen(books, entry, choice)
    ]
    if not isinstance(open_, Decimal) or not sum(sold):
        return None
    return (open_ * 90 / sum(sold)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _less(one: Any, other: Any) -> Decimal | None:
    return None if one is None and other is None else (one or Decimal()) - (other or Decimal())


def _is_chosen(books: Books, entry: Entry, choice: Choice, *, by_month: bool = True) -> bool:
    if by_month and choice.month and (entry.on is None or entry.on.strftime("%Y-%m") != choice.month):
        return False
    if choice.contact and survivor(books, entry.contact) != choice.contact.lower():
        return False
    if choice.account:
        account = next(one for one in books.records["Accounts"] if one["AccountID"] == choice.account)
        if entry.account not in (choice.account.lower(), str(account.get("Code")).lower()):
            return False
    if choice.tracking:
        category, _, option = choice.tracking
        if entry.tracking.get(category, "Unassigned") != option:
            return False
    return not choice.item or entry.item == choice.item


def survivor(books: Books, contact: str) -> str:
    """The contact that is left of one, however often it was merged."""
    merged = {
        one["ContactID"].lower(): str(one.get("MergedToContactID") or "").lower()
        for one in books.records["Contacts"]
    }
    for _ in range(3):
        contact = merged.get(contact) or contact
    return contact


def month_of(record: Record) -> str:
    dated = on(record)
    return dated.strftime("%Y-%m") if dated else ""
