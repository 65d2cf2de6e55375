"""A day of work in the simulated Xero: edits, payments, voids and new records, the same for the same seed.

Everything goes through the simulator's control interface, so that webhooks wait and stamps move as they would.
Nothing is delivered until `deliver` is called.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import UUID

import requests

Record = dict[str, Any]

TAX_RATES = {"OUTPUT": Decimal(10), "INPUT": Decimal(10)}


def play(xero_url: str, tenant_id: str, seed: int, *, session: requests.Session | None = None) -> list[str]:
    """Work through one day in an organisation that `local.company` made; a line of plain words per step.

    Playing again needs another seed: new records get their ids from it.
    Raises LookupError when the books hold nothing that a step could be done to, requests.RequestException.
    """
    day = _Day(xero_url, tenant_id, seed, session or requests.Session())
    steps: Sequence[Callable[[], list[str]]] = (
        day.correct_references,
        day.change_a_line,
        day.empty_a_draft,
        day.pay_in_part,
        day.pay_in_full,
        day.take_a_payment_back,
        day.void_and_delete,
        day.open_an_account,
        day.win_a_customer,
        day.write_invoices,
        day.rename_a_contact,
        day.archive_a_contact,
    )
    return [line for step in steps for line in step()]


def deliver(xero_url: str, *, session: requests.Session | None = None) -> list[Record]:
    """Have the simulator deliver its pending webhook events; the deliveries, as the simulator reports them."""
    response = (session or requests.Session()).post(f"{xero_url}/_sim/webhooks/deliver", json={}, timeout=120)
    response.raise_for_status()
    deliveries: list[Record] = response.json()["deliveries"]
    return deliveries


class _Day:
    """Chooses what to work on; no step touches an invoice that an earlier one of the day has touched."""

    def __init__(self, url: str, tenant_id: str, seed: int, session: requests.Session) -> None:
        self._url, self._tenant, self._session = url, tenant_id, session
        self._random = Random(f"{seed}/scenario")
        self._touched: set[str] = set()
        self._contacts = self._records("Contacts", "ContactID")
        self._accounts = self._records("Accounts", "AccountID")
        self._invoices = self._records("Invoices", "InvoiceID")
        self._base: str = self._records("Organisation", "OrganisationID")[0]["BaseCurrency"]
        now = session.get(f"{url}/_sim/clock", timeout=30).json()["now"]
        self._today = datetime.fromisoformat(now).date()
        numbers = (
            re.fullmatch(r"INV-([0-9]+)", str(record.get("InvoiceNumber"))) for record in self._invoices
        )
        self._number = max((int(found[1]) for found in numbers if found), default=0)

    # What the day brings.

    def correct_references(self) -> list[str]:
        told = []
        for invoice in self._choose(lambda one: one["Status"] == "AUTHORISED" and one["Type"] == "ACCREC", 3):
            reference = f"PO {self._random.randrange(10_000, 99_999)} (corrected)"
            self._change("Invoices", invoice["InvoiceID"], {"Reference": reference})
            told.append(f"{_name(invoice)}: the reference becomes {reference!r}")
        return told

    def change_a_line(self) -> list[str]:
        told = []
        # The second time by a client that sends lines without their ids: Xero makes new ones.
        for recreated in (False, True):
            (invoice,) = self._choose(lambda one: _unpaid(one) and _priced(one["LineItems"][:1]))
            lines = [dict(line) for line in invoice["LineItems"]]
            line = lines[0]
            line["Quantity"] = float(_decimal(line["Quantity"]) + self._random.randrange(1, 6))
            _reprice(line, invoice["LineAmountTypes"])
            if recreated:
                lines = [line | {"LineItemID": self._guid()} for line in lines]
            changed = _with_totals(invoice, lines)
            self._change("Invoices", invoice["InvoiceID"], changed)
            told.append(
                f"{_name(invoice)}: the first line's quantity becomes {line['Quantity']:g}, "
                f"the total {invoice['Total']:.2f} becomes {changed['Total']:.2f}"
                + (", with new line ids" if recreated else "")
            )
        return told

    def empty_a_draft(self) -> list[str]:
        (draft,) = self._choose(
            lambda one: one["Status"] == "DRAFT" and len(one["LineItems"]) == 3 and _priced(one["LineItems"])
        )
        for kept in (1, 0):
            lines = draft["LineItems"][1 : 1 + kept]
            self._change("Invoices", draft["InvoiceID"], _with_totals(draft, lines))
        return [
            f"draft {_name(draft)}: only its second line is kept, of three",
            f"draft {_name(draft)}: its last line is removed",
        ]

    def pay_in_part(self) -> list[str]:
        told = []
        for invoice in self._choose(lambda one: _payable(one) and self._domestic(one), 3):
            told.append(self._pay(invoice, _cents(_decimal(invoice["AmountDue"]) * 2 / 5)))
        return told

    def pay_in_full(self) -> list[str]:
        domestic = self._choose(lambda one: _payable(one) and self._domestic(one), 3)
        foreign = self._choose(lambda one: _payable(one) and not self._domestic(one))
        return [self._pay(invoice, _decimal(invoice["AmountDue"])) for invoice in [*domestic, *foreign]]

    def take_a_payment_back(self) -> list[str]:
        paid = {one["InvoiceID"]: one for one in self._invoices if one["Status"] == "PAID" and _exact(one)}
        payments = [
            payment
            for payment in self._records("Payments", "PaymentID")
            if payment["Status"] == "AUTHORISED"
            and "BatchPaymentID" not in payment
            and payment.get("Invoice", {}).get("InvoiceID") in paid
        ]
        if not payments:
            raise LookupError("no payment of a paid invoice is left to take back")
        payment = self._random.choice(payments)
        invoice = paid[payment["Invoice"]["InvoiceID"]]
        self._touched.add(invoice["InvoiceID"])
        self._post("unpay", payment_id=payment["PaymentID"])
        return [f"{_name(invoice)}: its payment of {float(payment['Amount']):.2f} is taken back"]

    def void_and_delete(self) -> list[str]:
        (valid,) = self._choose(lambda one: _unpaid(one) and one["Type"] == "ACCREC")
        (draft,) = self._choose(lambda one: one["Status"] in ("DRAFT", "SUBMITTED"))
        for invoice in (valid, draft):
            self._post("void", resource="Invoices", id=invoice["InvoiceID"])
        return [f"{_name(valid)}: voided", f"{draft['Status'].lower()} {_name(draft)}: deleted"]

    def open_an_account(self) -> list[str]:
        taken = {account.get("Code") for account in self._accounts}
        code = next(str(code) for code in range(206, 1000) if str(code) not in taken)
        account = {
            "AccountID": self._guid(),
            "Code": code,
            "Name": f"Sales - Pop-up Store {code}",
            "Status": "ACTIVE",
            "Type": "REVENUE",
            "TaxType": "OUTPUT",
            "Description": "Goods sold at markets and fairs",
            "Class": "REVENUE",
            "EnablePaymentsToAccount": False,
            "ShowInExpenseClaims": False,
            "ReportingCode": "REV",
            "ReportingCodeName": "Revenue",
            "HasAttachments": False,
            "AddToWatchlist": False,
        }
        self._accounts.append(self._add("Accounts", account))
        return [f"account {code} {account['Name']!r}: opened"]

    def win_a_customer(self) -> list[str]:
        number = self._random.randrange(100, 1000)
        contact = {
            "ContactID": self._guid(),
            "ContactStatus": "ACTIVE",
            "Name": f"Kiosk № {number} – キオスク 🍡",
            "FirstName": "Noor",
            "LastName": "Ó Briain",
            "EmailAddress": f"kiosk{number}@example.com",
            "BankAccountDetails": "",
            "Addresses": [],
            "Phones": [],
            "ContactGroups": [],
            "IsSupplier": False,
            "IsCustomer": True,
            "ContactPersons": [],
            "HasAttachments": False,
            "HasValidationErrors": False,
        }
        self._contacts.append(self._add("Contacts", contact))
        return [f"contact {contact['Name']!r}: added"]

    def write_invoices(self) -> list[str]:
        newcomer, account = self._contacts[-1], self._accounts[-1]
        regulars = [one for one in self._contacts[:-1] if one.get("ContactStatus") == "ACTIVE"]
        told = []
        for contact, lines in (
            (newcomer, 4),
            (self._random.choice(regulars), 1),
            (self._random.choice(regulars), 12),
        ):
            invoice = self._add("Invoices", self._invoice(contact, account, lines))
            self._touched.add(invoice["InvoiceID"])
            told.append(
                f"{_name(invoice)}: written for {contact['Name']!r}, {lines} line(s), {invoice['Total']:.2f}"
            )
        return told

    def rename_a_contact(self) -> list[str]:
        contact = self._regular()
        name = f"{contact['Name'][:220]} (formerly)"
        self._change("Contacts", contact["ContactID"], {"Name": name})
        return [f"contact {contact['Name']!r}: renamed {name!r}"]

    def archive_a_contact(self) -> list[str]:
        contact = self._regular()
        self._change("Contacts", contact["ContactID"], {"ContactStatus": "ARCHIVED"})
        return [f"contact {contact['Name']!r}: archived"]

    # How it is done.

    def _pay(self, invoice: Record, amount: Decimal) -> str:
        bank = next(
            (
                account
                for account in self._accounts
                if account.get("Type") == "BANK"
                and account.get("CurrencyCode") == invoice.get("CurrencyCode")
            ),
            next(account for account in self._accounts if account.get("Type") == "BANK"),
        )
        self._post("pay", invoice_id=invoice["InvoiceID"], amount=float(amount), account_id=bank["AccountID"])
        return (
            f"{_name(invoice)}: {amount:.2f} of {invoice['AmountDue']:.2f} {invoice.get('CurrencyCode')} paid"
        )

    def _invoice(self, contact: Record, account: Record, count: int) -> Record:
        self._number += 1
        due = self._today + timedelta(days=30)
        lines: list[Record] = []
        for number in range(1, count + 1):
            line: Record = {
                "Description": f"Fair package {number}",
                "UnitAmount": self._random.randrange(500, 20_000) / 100,
                "TaxType": "OUTPUT",
                "TaxAmount": 0.0,
                "LineAmount": 0.0,
                "AccountCode": account["Code"],
                "Tracking": [],
                "Quantity": float(self._random.randrange(1, 30)),
                "LineItemID": self._guid(),
                "AccountID": account["AccountID"],
            }
            _reprice(line, "Exclusive")
            lines.append(line)
        record: Record = {
            "Type": "ACCREC",
            "InvoiceID": self._guid(),
            "InvoiceNumber": f"INV-{self._number}",
            "Reference": "",
            "Payments": [],
            "CreditNotes": [],
            "Prepayments": [],
            "Overpayments": [],
            "AmountDue": 0.0,
            "AmountPaid": 0.0,
            "AmountCredited": 0.0,
            "CurrencyRate": 1.0,
            "IsDiscounted": False,
            "HasAttachments": False,
            "HasErrors": False,
            "Contact": {"ContactID": contact["ContactID"], "Name": contact["Name"]},
            "DateString": f"{self._today}T00:00:00",
            "Date": _wire_day(self._today),
            "DueDateString": f"{due}T00:00:00",
            "DueDate": _wire_day(due),
            "Status": "AUTHORISED",
            "LineAmountTypes": "Exclusive",
            "LineItems": [],
            "SubTotal": 0.0,
            "TotalTax": 0.0,
            "Total": 0.0,
            "CurrencyCode": self._base,
        }
        return record | _with_totals(record, lines)

    def _regular(self) -> Record:
        """An active contact that no step has changed today."""
        known = [
            one
            for one in self._contacts[:-1]
            if one.get("ContactStatus") == "ACTIVE" and one["ContactID"] not in self._touched
        ]
        if not known:
            raise LookupError("no active contact is left")
        contact = self._random.choice(known)
        self._touched.add(contact["ContactID"])
        return contact

    def _choose(self, fits: Callable[[Record], bool], count: int = 1) -> list[Record]:
        """Invoices that no step has touched and whose amounts are numbers, not strings."""
        found = [
            one
            for one in self._invoices
            if one["InvoiceID"] not in self._touched and _exact(one) and fits(one)
        ]
        if len(found) < count:
            raise LookupError(f"{count} invoices are wanted for a step of the day, {len(found)} fit")
        chosen = self._random.sample(found, count)
        self._touched.update(one["InvoiceID"] for one in chosen)
        return chosen

    def _domestic(self, invoice: Record) -> bool:
        return bool(invoice["CurrencyCode"] == self._base)

    def _guid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _records(self, resource: str, key: str) -> list[Record]:
        tenant = quote(self._tenant, safe="")
        response = self._session.get(f"{self._url}/_sim/records/{tenant}/{resource}", timeout=120)
        response.raise_for_status()
        records: list[Record] = response.json()["records"]
        # The order of the store is its own business; the choice must not depend on it.
        return sorted(records, key=lambda record: str(record[key]))

    def _change(self, resource: str, identifier: str, values: Record) -> Record:
        return self._post("change", resource=resource, id=identifier, set=values)

    def _add(self, resource: str, record: Record) -> Record:
        return self._post("add", resource=resource, record=record)

    def _post(self, operation: str, **body: Any) -> Record:
        body["tenant_id"] = self._tenant
        response = self._session.post(f"{self._url}/_sim/{operation}", json=body, timeout=60)
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            error.add_note(f"while {operation} {body}: {response.text[:500]}")
            raise
        answer: Record = response.json()
        return answer


def _name(invoice: Record) -> str:
    kind = "invoice" if invoice["Type"] == "ACCREC" else "bill"
    return f"{kind} {invoice.get('InvoiceNumber') or invoice['InvoiceID']}"


def _exact(invoice: Record) -> bool:
    return all(isinstance(invoice.get(name), int | float) for name in ("Total", "AmountDue", "AmountPaid"))


def _unpaid(invoice: Record) -> bool:
    return bool(invoice["Status"] == "AUTHORISED" and invoice["AmountDue"] == invoice["Total"] > 0)


def _payable(invoice: Record) -> bool:
    """Unpaid, and with the currency and rate that a payment takes over."""
    return _unpaid(invoice) and {"CurrencyCode", "CurrencyRate"} <= invoice.keys()


def _priced(lines: Sequence[Record]) -> bool:
    """Whether there are lines, each with a quantity and a price and no discount."""
    return bool(lines) and all(
        isinstance(line.get("Quantity"), int | float)
        and isinstance(line.get("UnitAmount"), int | float)
        and not line.keys() & {"DiscountRate", "DiscountAmount"}
        for line in lines
    )


def _reprice(line: Record, amount_types: str) -> None:
    """LineAmount from quantity and price, and the tax that is in it or comes on top."""
    amount = _cents(_decimal(line["Quantity"]) * _decimal(line["UnitAmount"]))
    rate = TAX_RATES.get(line.get("TaxType", ""), Decimal(0))
    whole = Decimal(100) + rate if amount_types.lower() == "inclusive" else Decimal(100)
    line["LineAmount"] = float(amount)
    line["TaxAmount"] = float(_cents(amount * rate / whole))


def _with_totals(invoice: Record, lines: Sequence[Record]) -> Record:
    """The fields that follow from new lines on a document that nothing was paid of."""
    amounts = sum((_decimal(line.get("LineAmount", 0)) for line in lines), Decimal(0))
    tax = sum((_decimal(line.get("TaxAmount", 0)) for line in lines), Decimal(0))
    net = amounts - tax if invoice["LineAmountTypes"].lower() == "inclusive" else amounts
    return {
        "LineItems": list(lines),
        "SubTotal": float(net),
        "TotalTax": float(tax),
        "Total": float(net + tax),
        "AmountDue": float(net + tax),
    }


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value))


def _cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _wire_day(on: date) -> str:
    return f"/Date({(on - date(1970, 1, 1)).days * 86_400_000}+0000)/"
