"""How documents are paid: whole, in parts, in batches, late or never, and undone again."""

from datetime import date, timedelta
from random import Random

from local.company.catalogue import market_rate
from local.company.chart import banks
from local.company.documents import Document, Invoice, Payment
from local.company.offices import Scene
from local.company.wire import guid, half_up


def settle(random: Random, scene: Scene, invoice: Invoice, *, on: date | None = None) -> None:
    """Give an invoice of fate "open", "part" or "paid" the payments that its fate asks for, after its credits.

    One whose money has not come yet by today becomes "open". on: the payment's day, else drawn.
    """
    if not invoice.finished:
        return
    paid_on = on or _working_day(invoice.due + timedelta(days=round(random.gauss(-1, 9))))
    paid_on = max(paid_on, invoice.on)
    if invoice.fate in ("part", "paid") and paid_on < scene.today:
        _pay(random, scene, invoice, paid_on, plain=on is not None)
    if invoice.allocations or invoice.payments:
        invoice.fate = "part" if invoice.due_amount else "paid"
    elif invoice.fate in ("part", "paid"):
        invoice.fate = "open"
    stamps = [payment.updated for payment in invoice.payments]
    stamps += [allocation.instant for allocation in invoice.allocations if allocation.moves_invoice]
    invoice.updated = max([invoice.updated, *stamps])


def _pay(random: Random, scene: Scene, invoice: Invoice, paid_on: date, *, plain: bool) -> None:
    owed = invoice.due_amount
    if invoice.fate == "part":
        owed = owed * random.randrange(20, 71) // 100
    parts = [owed]
    if owed > 10_000 and not plain and random.random() < 0.12:
        parts = [owed // 3, owed - owed // 3]
    for amount in parts:
        if amount > 0:
            invoice.payments.append(payment_of(random, scene, invoice, amount, paid_on))
        gone = _working_day(paid_on + timedelta(days=random.randrange(3, 15)))
        paid_on = gone if gone < scene.today else paid_on
    if invoice.payments and not plain and random.random() < 0.02:
        correct(random, scene, invoice)


def correct(random: Random, scene: Scene, invoice: Invoice) -> None:
    """A payment cannot be edited: the wrong one was deleted and made anew."""
    first = invoice.payments[0]
    wrong = payment_of(random, scene, invoice, first.amount, first.on)
    wrong.deleted, wrong.reconciled = True, False
    invoice.payments.insert(0, wrong)
    invoice.updated = max(invoice.updated, wrong.updated)


def batch(random: Random, scene: Scene, invoices: list[Invoice]) -> None:
    """Bills of one supply run, paid on one day from one account, become batches with one stamp."""
    runs: dict[tuple[date, int], list[tuple[Invoice, Payment]]] = {}
    for invoice in invoices:
        for payment in invoice.payments:
            if not invoice.sale and invoice.currency == scene.office.currency and not payment.deleted:
                runs.setdefault((payment.on, payment.account), []).append((invoice, payment))
    for members in runs.values():
        if len(members) < 2:
            continue
        identifier, moment = guid(random), max(payment.updated for _, payment in members)
        for invoice, payment in members:
            payment.batch, payment.updated, payment.reconciled = identifier, moment, True
            invoice.updated = max(invoice.updated, moment)


def payment_of(random: Random, scene: Scene, document: Document, amount: int, on: date) -> Payment:
    """A payment of or from a document, or a refund of a credit, of so many cents."""
    base = scene.office.currency
    rate = market_rate(base, document.currency, on, random.randrange(6, 11))
    currencies = [currency for _, _, _, currency, _ in banks(scene.office)]
    account = 1 if random.random() < 0.06 else 0
    bank_amount = amount
    if document.currency != base:
        if document.currency in currencies and random.random() < 0.7:
            account = currencies.index(document.currency)
        else:
            # From the base-currency account: the bank saw other money than the document.
            bank_amount = half_up(amount * 10**10, round(rate * 10**10))
    return Payment(
        guid(random),
        on,
        amount,
        bank_amount,
        account,
        rate,
        scene.at_work(random, on + timedelta(days=random.choice((0, 0, 1, 2)))),
        reconciled=random.random() < 0.8,
    )


def _working_day(on: date) -> date:
    return on + timedelta(days=max(0, 7 - on.isoweekday() + 1)) if on.isoweekday() > 5 else on
