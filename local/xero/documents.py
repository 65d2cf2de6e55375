"""What people do to documents in Xero: pay, take a payment back, apply a credit, void.

Records keep the shape that Xero lists.
"""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import uuid4

from local.simulation import Clock
from local.xero.resources import RESOURCES
from local.xero.store import Store
from local.xero.switches import Switches
from local.xero.webhooks import Webhooks
from local.xero.wire import Record, format_date, format_iso, milliseconds, parse_date

_CENT = Decimal("0.01")
_DAY = 86_400_000
# What an invoice inside an allocation says nothing about.
_EMPTY: Record = {
    "Payments": [],
    "CreditNotes": [],
    "Prepayments": [],
    "Overpayments": [],
    "HasErrors": False,
    "IsDiscounted": False,
    "LineItems": [],
}


class Refused(ValueError):
    """What Xero would not let a person do, with the reason."""


class Documents:
    """Operations on the records of a store, which also fire webhooks. KeyError for what is not there."""

    def __init__(self, clock: Clock, store: Store, webhooks: Webhooks, switches: Switches) -> None:
        self._clock = clock
        self._store = store
        self._webhooks = webhooks
        self._switches = switches

    def add(self, tenant_id: str, resource: str, record: Record) -> Record:
        made = self._store.add(tenant_id, resource, record)
        self._webhooks.record(tenant_id, RESOURCES[resource], made, "CREATE")
        return made

    def change(
        self, tenant_id: str, resource: str, key: str, fields: Record, remove: list[str], touch: bool
    ) -> Record:
        """Edit a record. Without `touch` neither its stamp moves nor a webhook fires: Xero's blind spot."""
        with self._store.lock:
            old = self._store.find(tenant_id, resource, key)
            new = {name: value for name, value in {**old, **fields}.items() if name not in remove}
            if str(new.get(RESOURCES[resource].key)).lower() != key.lower():
                raise Refused("the id of a record never changes")
            new = self._store.put(tenant_id, resource, new, touch)
            if touch:
                self._webhooks.record(tenant_id, RESOURCES[resource], new, "UPDATE")
            return new

    def pay(
        self, tenant_id: str, invoice_id: str, amount: Decimal, account_id: str | None, day: str | None
    ) -> tuple[Record, Record]:
        """Pay an AUTHORISED invoice, wholly or in part, on a day (ISO, today if None); payment and invoice."""
        with self._store.lock:
            invoice = self._store.find(tenant_id, "Invoices", invoice_id)
            amount = amount.quantize(_CENT, ROUND_HALF_UP)
            if invoice["Status"] != "AUTHORISED" or not 0 < amount <= _number(invoice, "AmountDue"):
                raise Refused(
                    f"{amount} cannot be paid on an invoice that is {invoice['Status']}, due {invoice.get('AmountDue')}"
                )
            payment = self._payment(tenant_id, invoice, amount, account_id, _day(day, self._clock.now()))
            self._store.add(tenant_id, "Payments", payment)
            stub = {
                name: payment[name] for name in ("PaymentID", "Date", "Amount", "Reference", "CurrencyRate")
            }
            stub |= {"HasAccount": account_id is not None, "HasValidationErrors": False}
            payments = [*invoice.get("Payments", []), stub]
            invoice = self._settle(tenant_id, invoice, amount, {"Payments": payments})
            self._webhooks.record(tenant_id, RESOURCES["Payments"], payment, "CREATE")
            return payment, invoice

    def unpay(self, tenant_id: str, payment_id: str) -> tuple[Record, Record]:
        """Delete a payment of an invoice: it stays in the list, its amount intact, and the invoice is open again."""
        with self._store.lock:
            payment = self._store.find(tenant_id, "Payments", payment_id)
            if payment["Status"] == "DELETED" or "Invoice" not in payment:
                raise Refused("only a payment of an invoice that is not DELETED can be deleted")
            invoice = self._store.find(tenant_id, "Invoices", payment["Invoice"]["InvoiceID"])
            payment = self._store.put(tenant_id, "Payments", {**payment, "Status": "DELETED"})
            rest = [
                stub
                for stub in invoice.get("Payments", [])
                if stub["PaymentID"].lower() != payment["PaymentID"].lower()
            ]
            invoice = self._settle(tenant_id, invoice, -_number(payment, "Amount"), {"Payments": rest})
            self._webhooks.record(tenant_id, RESOURCES["Payments"], payment, "UPDATE")
            return payment, invoice

    def allocate(
        self, tenant_id: str, resource: str, key: str, invoice_id: str, amount: Decimal, day: str | None
    ) -> tuple[Record, Record]:
        """Apply so much of a credit note, prepayment or overpayment to an invoice; the credit and the invoice.

        Both are AUTHORISED, of one contact and in one currency. day: of the allocation (ISO, today if None).
        """
        with self._store.lock:
            credit = self._store.find(tenant_id, resource, key)
            invoice = self._store.find(tenant_id, "Invoices", invoice_id)
            amount = amount.quantize(_CENT, ROUND_HALF_UP)
            left = _number(credit, "RemainingCredit")
            alike = credit["Contact"]["ContactID"] == invoice["Contact"]["ContactID"]
            alike &= credit.get("CurrencyCode") == invoice.get("CurrencyCode")
            if not alike or {credit["Status"], invoice["Status"]} != {"AUTHORISED"}:
                raise Refused("a credit goes to an invoice of its contact and currency, both AUTHORISED")
            if not 0 < amount <= min(left, _number(invoice, "AmountDue")):
                raise Refused(
                    f"{amount} cannot be applied of {left} to {invoice.get('AmountDue')} that is due"
                )
            on = format_date(_day(day, self._clock.now()))
            named: Record = {
                name: invoice[name] for name in ("InvoiceID", "InvoiceNumber") if name in invoice
            }
            allocation = {
                "AllocationID": str(uuid4()),
                "Amount": amount,
                "Date": on,
                "Invoice": named | _EMPTY,
                "IsDeleted": False,
            }
            new = {
                **credit,
                "RemainingCredit": left - amount,
                "AppliedAmount": _number(credit, "AppliedAmount") + amount,
                "Allocations": [*credit.get("Allocations", []), allocation],
            }
            if left == amount:
                new["Status"] = "PAID"
                if resource == "CreditNotes":
                    new["FullyPaidOnDate"] = on
            new = self._store.put(tenant_id, resource, new)
            self._webhooks.record(tenant_id, RESOURCES[resource], new, "UPDATE")
            names = (RESOURCES[resource].key, "CreditNoteNumber", "ID", "DateString", "Date", "Total")
            stub = {name: new[name] for name in names if name in new}
            stub |= {"HasErrors": False, "AppliedAmount": amount, "LineItems": []}
            fields = {resource: [*invoice.get(resource, []), stub]}
            return new, self._settle(tenant_id, invoice, amount, fields, "AmountCredited", on)

    def void(self, tenant_id: str, resource: str, key: str) -> Record:
        """End a document as its status allows: VOIDED, DELETED or ARCHIVED."""
        with self._store.lock:
            old = self._store.find(tenant_id, resource, key)
            field = "ContactStatus" if resource == "Contacts" else "Status"
            end = RESOURCES[resource].ends.get(old.get(field, ""))
            if end is None:
                raise Refused(f"a record of {resource} that is {old.get(field)} cannot be voided or deleted")
            if resource == "Payments":
                return self.unpay(tenant_id, key)[0]
            if _number(old, "AmountPaid") or _number(old, "AmountCredited") or old.get("Allocations"):
                raise Refused("what is paid, credited or applied in part must be freed of that first")
            new = {**old, field: end}
            if end == "DELETED" and self._switches.deleted_total == "zero":
                new |= {name: Decimal("0.00") for name in ("SubTotal", "TotalTax", "Total") if name in old}
            if "AmountDue" in old and end == "VOIDED":
                voided_is_zero = self._switches.voided_amount_due == "zero"
                new["AmountDue"] = Decimal("0.00") if voided_is_zero else old.get("Total", old["AmountDue"])
            elif "AmountDue" in old and end == "DELETED":
                new["AmountDue"] = new.get("Total", old["AmountDue"])
            new = self._store.put(tenant_id, resource, new)
            if resource == "Invoices" and old[field] == "AUTHORISED":
                self._move_balances(tenant_id, old, -_number(old, "AmountDue"))
            if self._switches.void_fires_event:
                self._webhooks.record(tenant_id, RESOURCES[resource], new, "UPDATE")
            return new

    def _payment(
        self, tenant_id: str, invoice: Record, amount: Decimal, account_id: str | None, day: int
    ) -> Record:
        rate = invoice.get("CurrencyRate", Decimal("1.000000"))
        bank_amount, account = amount, {}
        if account_id is not None:
            found = self._store.find(tenant_id, "Accounts", account_id)
            account = {"Account": {"AccountID": found["AccountID"]}}
            if found.get("CurrencyCode", invoice.get("CurrencyCode")) != invoice.get("CurrencyCode"):
                bank_amount = (amount / Decimal(rate)).quantize(_CENT, ROUND_HALF_UP)
        now = milliseconds(self._clock.now())
        whole = invoice.get("Contact", {})
        contact = {name: whole[name] for name in ("ContactID", "Name") if name in whole}
        names = ("CurrencyCode", "Type", "InvoiceID", "InvoiceNumber")
        return {
            "PaymentID": str(uuid4()),
            "Date": format_date(day),
            "BankAmount": bank_amount,
            "Amount": amount,
            "Reference": "",
            "CurrencyRate": rate,
            "PaymentType": f"{invoice['Type']}PAYMENT",
            "Status": "AUTHORISED",
            "UpdatedDateUTC": format_date(now),
            "UpdatedDateUTCString": format_iso(now),
            "HasAccount": account_id is not None,
            "IsReconciled": False,
            **account,
            "Invoice": {"Contact": contact, **{name: invoice[name] for name in names if name in invoice}},
            "HasValidationErrors": False,
        }

    def _settle(
        self,
        tenant_id: str,
        invoice: Record,
        amount: Decimal,
        fields: Record,
        counted: str = "AmountPaid",
        on: str | None = None,
    ) -> Record:
        """The invoice with other payments or credits (`fields`), after `amount` more of it is settled (less, if negative).

        on: the day of what is not among its payments.
        """
        due = _number(invoice, "AmountDue") - amount
        new = {**invoice, **fields, "AmountDue": due, counted: _number(invoice, counted) + amount}
        new["Status"] = "AUTHORISED" if due else "PAID"
        if due:
            new.pop("FullyPaidOnDate", None)
        else:
            days = [*(stub.get("Date") for stub in new.get("Payments", [])), on]
            new["FullyPaidOnDate"] = format_date(max(parse_date(one) or 0 for one in days))
        new = self._store.put(tenant_id, "Invoices", new, self._switches.payment_moves_invoice_stamp)
        self._move_balances(tenant_id, invoice, -amount)
        if self._switches.payment_fires_invoice_event:
            self._webhooks.record(tenant_id, RESOURCES["Invoices"], new, "UPDATE")
        return new

    def _move_balances(self, tenant_id: str, invoice: Record, amount: Decimal) -> None:
        """What the contact owes or is owed follows, in base currency, where it is shown, and moves no stamp."""
        try:
            contact = self._store.find(tenant_id, "Contacts", invoice["Contact"]["ContactID"])
        except KeyError:
            return
        side = "AccountsReceivable" if invoice["Type"] == "ACCREC" else "AccountsPayable"
        held = contact.get("Balances", {}).get(side)
        if not held or not self._switches.payment_moves_balances:
            return
        base = (amount / Decimal(invoice.get("CurrencyRate", 1))).quantize(_CENT, ROUND_HALF_UP)
        moved = {"Outstanding"}
        due = parse_date(invoice.get("DueDate"))
        if due is not None and due + _DAY <= milliseconds(self._clock.now()):
            moved.add("Overdue")
        after = {name: Decimal(value) + base if name in moved else value for name, value in held.items()}
        balances = {**contact["Balances"], side: after}
        self._store.put(tenant_id, "Contacts", {**contact, "Balances": balances}, touch=False)


def _number(record: Record, name: str) -> Decimal:
    return Decimal(record.get(name, "0.00"))


def _day(text: str | None, now: datetime) -> int:
    day: Any = date.fromisoformat(text) if text else now.date()
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=UTC))
