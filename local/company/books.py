"""Puts the company's books together: three offices, each an organisation of its own."""

from datetime import date
from random import Random
from typing import Any

from local.company.bank import transactions, transfers
from local.company.catalogue import ITEMS
from local.company.chart import accounts, organisation
from local.company.contacts import contact_record, draw_contacts
from local.company.credits import Crediting, bank_side
from local.company.documents import Credit, Invoice, Payment
from local.company.journals import journals
from local.company.oddities import plant
from local.company.oddities_elsewhere import plant_elsewhere
from local.company.offices import COMPANIES, OFFICES, Office, Scene
from local.company.orders import orders
from local.company.records import Ledger, invoice_record, payment_record
from local.company.records_bank import (
    bank_transaction_record,
    journal_record,
    order_record,
    transfer_end_record,
    transfer_record,
)
from local.company.records_credit import credit_record
from local.company.settlement import batch, correct, settle
from local.company.stock import items
from local.company.taxes import options, tax_rates, tracking_categories
from local.company.trade import Trade, balance, number
from local.company.wire import Record, guid, milliseconds_of

Books = dict[str, Any]

LEAST = 300
# The kinds that count as documents, each with its share of an office's and the least that the books need. A
# prepayment or overpayment is a bank transaction too, a transfer two of them. The rest are invoices and bills.
KINDS = {
    "CreditNotes": (0.05, 10),
    "Prepayments": (0.02, 4),
    "Overpayments": (0.012, 4),
    "PurchaseOrders": (0.07, 6),
    "BankTransactions": (0.08, 6),
    "BankTransfers": (0.02, 3),
    "ManualJournals": (0.035, 7),
}
BANKED = {"Prepayments": 1, "Overpayments": 1, "BankTransfers": 2}


def generate(seed: int, today: date, months: int = 24, documents: int = 12_000) -> list[Books]:
    """The books of a wholesale distributor's three offices, each as the Xero simulator loads them.

    seed, today, months and documents fix every byte of the answer. today: the books end the day before, so
    that no UpdatedDateUTC lies in the future. months: whole calendar months before today's, 3 or more, see `first_day`;
    about one invoice in sixty is older. documents: sales invoices, bills, credit notes, prepayments, overpayments,
    purchase orders, bank transactions, transfers and manual journals of all three offices together, 300 or more.
    Raises ValueError for less, LookupError when chance left no room for one of the awkward values (never seen).
    Answers a list of {"tenant_id", "name", "user", "resources": {name: records}}: records of wire JSON, in Xero's
    default order (UpdatedDateUTC, id). The first office's books hold every awkward value, however small they are.
    """
    if documents < LEAST or months < 3:
        raise ValueError(f"the books need {LEAST} documents and three months at least")
    company = Random(f"{seed}/company").choice(COMPANIES)
    counts = [int(documents * office.share) for office in OFFICES]
    counts[0] += documents - sum(counts)
    return [
        _books(seed, company, Scene(office, first_day(today, months), today), count)
        for office, count in zip(OFFICES, counts, strict=True)
    ]


def first_day(today: date, months: int = 24) -> date:
    """The first day of the month so many months before today's: where the books' history begins."""
    count = today.year * 12 + today.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def _books(seed: int, company: str, scene: Scene, count: int) -> Books:
    office = scene.office

    def random(part: str) -> Random:
        return Random(f"{seed}/{office.key}/{part}")

    first_office = office is OFFICES[0]
    large = count > 1000
    counts = _counts(count)
    owner = organisation(random("organisation"), office, company, scene.first)
    chart = accounts(random("accounts"), office, scene.first)
    ids = _ids(random("ids"), office)
    contacts = draw_contacts(random("contacts"), scene, min(250, max(80, count // 16)))

    trade = Trade(random("documents"), scene, contacts)
    invoices = trade.invoices(counts["Invoices"], complete=first_office)
    crediting = Crediting(random("credits"), scene, invoices)
    credits = [
        *crediting.notes(counts["CreditNotes"]),
        *crediting.prepayments(counts["Prepayments"]),
        *crediting.overpayments(counts["Overpayments"]),
    ]
    # The first is settled already.
    settling = random("settlement")
    for invoice in invoices[1:]:
        settle(settling, scene, invoice)
    # However small the books, a payment was deleted.
    correct(settling, scene, next(invoice for invoice in reversed(invoices) if invoice.payments))
    batch(settling, scene, invoices)
    number(settling, invoices)
    for invoice in invoices:
        balance(invoice, scene.today)
    drawn_orders = orders(random("orders"), scene, trade, invoices, counts["PurchaseOrders"])
    plain = transactions(random("bank"), scene, trade, counts["BankTransactions"])
    moved = transfers(random("transfers"), scene, trade, counts["BankTransfers"])
    drawn_journals = journals(random("journals"), scene, invoices, counts["ManualJournals"])

    ledger, writing = Ledger(office, chart, ids), random("records")
    banked = [bank_side(writing, credit) for credit in credits if credit.kind != "CreditNotes"]
    listed: dict[str, list[Record]] = {
        "Organisation": [owner],
        "Accounts": chart,
        "TaxRates": tax_rates(office),
        "TrackingCategories": tracking_categories(office, ids),
        "Items": items(random("items"), scene, invoices, ids),
        "Contacts": [contact_record(contact, writing) for contact in contacts],
        "Invoices": [invoice_record(invoice, ledger, writing) for invoice in invoices],
        **{
            kind: [credit_record(credit, ledger, writing) for credit in credits if credit.kind == kind]
            for kind in ("CreditNotes", "Prepayments", "Overpayments")
        },
        "PurchaseOrders": [order_record(order, ledger, writing) for order in drawn_orders],
        "BankTransactions": [
            *(bank_transaction_record(one, ledger, writing) for one in (*plain, *banked)),
            *(
                transfer_end_record(transfer, end, ledger)
                for transfer in moved
                for end in (transfer.source, transfer.target)
            ),
        ],
        "BankTransfers": [transfer_record(transfer, ledger, writing) for transfer in moved],
        "ManualJournals": [journal_record(journal, ledger, writing) for journal in drawn_journals],
        "Payments": _payments(invoices, credits, ledger),
    }
    if first_office or large:
        plant(listed, scene, sparing=not large)
        plant_elsewhere(listed, scene)
    return {
        "tenant_id": guid(random("tenant")),
        "name": owner["Name"],
        "user": office.user,
        "resources": {name: _ordered(records, name) for name, records in listed.items()},
    }


def _counts(count: int) -> dict[str, int]:
    counts = {name: max(least, round(count * share)) for name, (share, least) in KINDS.items()}
    counts["Invoices"] = count - sum(some * (1 + BANKED.get(name, 0)) for name, some in counts.items())
    return counts


def _payments(invoices: list[Invoice], credits: list[Credit], ledger: Ledger) -> list[Record]:
    paid: list[tuple[Invoice | Credit, Payment]] = [
        *((invoice, payment) for invoice in invoices for payment in invoice.payments),
        *((credit, refund) for credit in credits for refund in credit.refunds),
    ]
    totals: dict[str | None, int] = {}
    for _, payment in paid:
        totals[payment.batch] = totals.get(payment.batch, 0) + payment.amount
    return [payment_record(document, payment, ledger, totals[payment.batch]) for document, payment in paid]


def _ids(random: Random, office: Office) -> dict[str, str]:
    names = ["theme", "rent", *(f"item {item.code}" for item in ITEMS)]
    for category, found in options(office).items():
        names += [category, *(f"{category} {option}" for option in found)]
    return {name: guid(random) for name in names}


def _ordered(records: list[Record], name: str) -> list[Record]:
    """By stamp and id; lists without a stamp, and accounts, stay as they are."""
    if name in ("Organisation", "Accounts", "TaxRates", "TrackingCategories"):
        return records
    stamp = "CreatedDateUTC" if name == "BankTransfers" else "UpdatedDateUTC"
    key = f"{name[:-1]}ID"
    return sorted(records, key=lambda record: (milliseconds_of(record[stamp]), record[key]))
