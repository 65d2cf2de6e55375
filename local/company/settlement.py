"""How documents are paid: whole, in parts, in batches, late or never, by credit, and undone again."""

from datetime import date, timedelta
from random import Random

from local.company.catalogue import BASE_CURRENCY, market_rate
from local.company.chart import BANKS
from local.company.documents import Credit, Document, Payment, later
from local.company.wire import guid, half_up, midnight


def settle(random: Random, document: Document, today: date, *, on: date | None = None) -> None:
    """Give a document of fate "open", "part" or "paid" the payments and credits that its fate asks for.

    A document whose money has not come yet by `today` becomes "open". on: the payment's day, else drawn.
    """
    limit = midnight(today)
    paid_on = on or _working_day(document.due + timedelta(days=round(random.gauss(-1, 9))))
    paid_on = max(paid_on, document.on)
    if document.fate not in ("part", "paid"):
        return
    if paid_on >= today:
        document.fate = "open"
        return
    owed = document.total
    if owed > 0 and on is None and random.random() < 0.04:
        kind = random.choices(("CreditNotes", "Prepayments", "Overpayments"), (70, 18, 12))[0]
        share = owed if document.fate == "paid" and random.random() < 0.3 else max(1, owed // 5)
        document.credits.append(Credit(kind, guid(random), paid_on, share))
        owed -= share
    if document.fate == "part":
        owed = owed * random.randrange(20, 71) // 100
    parts = [owed]
    if owed > 10_000 and on is None and random.random() < 0.12:
        parts = [owed // 3, owed - owed // 3]
    for amount in parts:
        if amount > 0:
            document.payments.append(_payment(random, document, amount, paid_on, limit))
        gone = _working_day(paid_on + timedelta(days=random.randrange(3, 15)))
        paid_on = gone if gone < today else paid_on
    if document.payments and on is None and random.random() < 0.02:
        # A payment cannot be edited: the wrong one was deleted and made anew.
        wrong = _payment(random, document, document.payments[0].amount, document.payments[0].on, limit)
        wrong.deleted, wrong.reconciled = True, False
        document.payments.insert(0, wrong)
    stamps = [payment.updated for payment in document.payments]
    stamps += [later(random, credit.on, limit) for credit in document.credits]
    document.updated = max([document.updated, *stamps])


def batch(random: Random, documents: list[Document]) -> None:
    """Bills of one supply run, paid on one day from one account, become batches with one stamp."""
    runs: dict[tuple[date, int], list[tuple[Document, Payment]]] = {}
    for document in documents:
        for payment in document.payments:
            if not document.sale and document.currency == BASE_CURRENCY and not payment.deleted:
                runs.setdefault((payment.on, payment.account), []).append((document, payment))
    for members in runs.values():
        if len(members) < 2:
            continue
        identifier, moment = guid(random), max(payment.updated for _, payment in members)
        for document, payment in members:
            payment.batch, payment.updated, payment.reconciled = identifier, moment, True
            document.updated = max(document.updated, moment)


def _payment(random: Random, document: Document, amount: int, on: date, limit: int) -> Payment:
    rate = market_rate(document.currency, on, random.randrange(6, 11))
    currencies = [currency for _, _, _, currency, _ in BANKS]
    account = 1 if random.random() < 0.06 else 0
    bank_amount = amount
    if document.currency != BASE_CURRENCY:
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
        later(random, on + timedelta(days=random.choice((0, 0, 1, 2))), limit),
        reconciled=random.random() < 0.8,
    )


def _working_day(on: date) -> date:
    return on + timedelta(days=max(0, 7 - on.isoweekday() + 1)) if on.isoweekday() > 5 else on
