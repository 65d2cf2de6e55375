"""Draws credit notes, prepayments and overpayments: what was credited, to which invoices it went, what was refunded."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from random import Random

from local.company.catalogue import market_rate
from local.company.chart import banks
from local.company.documents import Allocation, BankTransaction, Credit, Invoice, Line
from local.company.lines import part_of
from local.company.offices import Scene
from local.company.settlement import payment_of
from local.company.wire import guid

# What becomes of them, as (fate, weight); the first so many of a kind are one of each, in this order.
# A "tied" one is older than the books' months and was applied within them.
NOTES = (
    ("tied", 0),
    ("open", 8),
    ("refunded", 4),
    ("refunded", 2),
    ("draft", 3),
    ("voided", 4),
    ("applied", 60),
    ("submitted", 2),
    ("deleted", 3),
    ("part", 9),
)
ADVANCES = (("tied", 0), ("open", 12), ("refunded", 6), ("voided", 4), ("applied", 60), ("part", 18))
DAY = timedelta(days=1)


class Crediting:
    """Credits the invoices of an office. Old invoices come first in `invoices`, as `Trade.invoices` draws them."""

    def __init__(self, random: Random, scene: Scene, invoices: list[Invoice]) -> None:
        self._random, self._scene = random, scene
        self._tied = [invoice for invoice in invoices if invoice.on < scene.first][1:4]
        # Bills and invoices that nothing has happened to; what is wholly open stays so, mostly.
        free = [
            invoice
            for invoice in invoices
            if invoice.on >= scene.first
            and invoice.finished
            and not invoice.payments
            and invoice.total > 10_000
        ]
        self._free = [invoice for invoice in free if invoice.fate != "open"]
        self._refunded: Counter[str] = Counter()
        self._models = [invoice for invoice in invoices if invoice.finished and invoice.total > 10_000]

    def notes(self, count: int) -> list[Credit]:
        drawn = [self._credit("CreditNotes", fate, self._note) for fate in self._fates(NOTES, count)]
        for place, credit in enumerate(sorted(drawn, key=lambda one: (one.on, one.id)), start=101):
            credit.number = f"CN-{place:05}" if credit.sale else ""
        for place, credit in enumerate(one for one in drawn if one.refunds):
            credit.refunded_as_invoice = bool(place % 2)
        return drawn

    def prepayments(self, count: int) -> list[Credit]:
        return [self._credit("Prepayments", fate, self._prepayment) for fate in self._fates(ADVANCES, count)]

    def overpayments(self, count: int) -> list[Credit]:
        return [
            self._credit("Overpayments", fate, self._overpayment) for fate in self._fates(ADVANCES, count)
        ]

    def _fates(self, table: tuple[tuple[str, int], ...], count: int) -> list[str]:
        fates, weights = zip(*table, strict=True)
        return [*fates[:count], *self._random.choices(fates, weights, k=max(0, count - len(fates)))]

    def _credit(self, kind: str, fate: str, draw: Callable[[Invoice, str], Credit]) -> Credit:
        invoice = self._invoice(kind, fate)
        credit = draw(invoice, fate)
        random, scene = self._random, self._scene
        if fate in ("voided", "deleted"):
            credit.updated = scene.at_work(random, credit.on + random.randrange(1, 15) * DAY)
        if fate in ("tied", "applied", "part"):
            ready = invoice.due_amount
            share = min(credit.total, ready) if fate != "part" else max(1, min(credit.total, ready) // 2)
            on = self._applied_on(credit, invoice, fate)
            moves = fate != "tied"
            allocation = Allocation(
                guid(random), credit, invoice, on, share, scene.at_work(random, on), moves
            )
            credit.allocations.append(allocation)
            invoice.allocations.append(allocation)
            credit.updated = max(credit.updated, allocation.instant)
        if fate == "refunded":
            whole = not self._refunded[kind] or random.random() < 0.7
            self._refunded[kind] += 1
            amount = credit.total if whole else max(1, credit.total // 3)
            on = self._before_today(credit.on + random.randrange(1, 20) * DAY)
            credit.refunds.append(payment_of(random, scene, credit, amount, on))
            credit.updated = max(credit.updated, credit.refunds[0].updated)
        return credit

    def _invoice(self, kind: str, fate: str) -> Invoice:
        """What is credited; it is only the model of a credit that is not applied."""
        if fate == "tied":
            return self._tied[("CreditNotes", "Prepayments", "Overpayments").index(kind)]
        sale = True if fate == "open" else None
        if fate == "refunded":
            # In turn; the first prepayment is a supplier's, the first overpayment a customer's.
            sale = self._refunded[kind] % 2 == (1 if kind == "Prepayments" else 0)
        # An advance goes through a bank account in its currency.
        held = {currency for _, _, _, currency, _ in banks(self._scene.office)}
        base = self._scene.office.currency

        def fits(invoice: Invoice) -> bool:
            return (
                (sale is None or invoice.sale == sale)
                and (kind == "CreditNotes" or invoice.currency in held)
                and (fate != "open" or invoice.currency == base)
            )

        applied = fate in ("applied", "part")
        pool = [invoice for invoice in self._free if fits(invoice)] if applied else []
        pool = pool or [
            invoice for invoice in self._models if fits(invoice) and (not applied or invoice.due_amount)
        ]
        invoice = self._random.choice(pool)
        if applied and invoice in self._free:
            # Each is credited once.
            self._free.remove(invoice)
        return invoice

    def _applied_on(self, credit: Credit, invoice: Invoice, fate: str) -> date:
        if fate == "tied":
            return self._before_today(self._scene.first + self._random.randrange(20, 60) * DAY)
        return self._before_today(max(credit.on, invoice.on) + self._random.randrange(6) * DAY)

    def _before_today(self, on: date) -> date:
        return min(on, self._scene.today - DAY)

    def _note(self, invoice: Invoice, fate: str) -> Credit:
        random = self._random
        on = self._before_today(invoice.on + random.randrange(1, 26) * DAY)
        dear = sorted(invoice.lines, key=lambda line: (-line.amount, line.id))
        words = random.choice(("Returned: ", "Damaged in transit: ", "Short delivery: ", "Price corrected: "))
        lines = [part_of(random, line, words + line.description) for line in dear[: random.randrange(1, 3)]]
        lines = [line for line in lines if line.amount > 0]
        kind = "ACCRECCREDIT" if invoice.sale else "ACCPAYCREDIT"
        return self._made("CreditNotes", kind, invoice, on, fate, lines, invoice.amount_types)

    def _prepayment(self, invoice: Invoice, fate: str) -> Credit:
        random, office = self._random, self._scene.office
        on = invoice.on - random.randrange(3, 21) * DAY
        price = invoice.total * random.randrange(20, 61) // 100
        foreign = invoice.contact.foreign
        amount_types = "NoTax" if foreign else "Inclusive"
        tax = office.tax("OUTPUT" if invoice.sale else "INPUT")
        account = "200" if invoice.sale else "300"
        words = f"Deposit for order {random.randrange(1000, 99_999)}"
        line = Line(guid(random), words, 10_000, price, account, "NONE" if foreign else tax)
        kind = "RECEIVE-PREPAYMENT" if invoice.sale else "SPEND-PREPAYMENT"
        return self._made("Prepayments", kind, invoice, on, fate, [line], amount_types)

    def _overpayment(self, invoice: Invoice, fate: str) -> Credit:
        random = self._random
        on = invoice.on - random.randrange(1, 31) * DAY
        price = invoice.total * random.randrange(5, 41) // 100
        words, account = ("Paid too much", "610") if invoice.sale else ("Paid the supplier twice", "800")
        line = Line(guid(random), words, 10_000, price, account, "NONE")
        kind = "RECEIVE-OVERPAYMENT" if invoice.sale else "SPEND-OVERPAYMENT"
        return self._made("Overpayments", kind, invoice, on, fate, [line], "NoTax")

    def _made(
        self,
        resource: str,
        kind: str,
        invoice: Invoice,
        on: date,
        fate: str,
        lines: list[Line],
        amount_types: str,
    ) -> Credit:
        random, scene = self._random, self._scene
        currencies = [currency for _, _, _, currency, _ in banks(scene.office)]
        created = scene.at_work(random, on)
        return Credit(
            id=guid(random),
            type=kind,
            contact=invoice.contact,
            on=on,
            currency=invoice.currency,
            rate=market_rate(scene.office.currency, invoice.currency, on, random.randrange(6, 11)),
            amount_types=amount_types,
            lines=lines,
            fate=fate,
            created=created,
            updated=created,
            kind=resource,
            sale=invoice.sale,
            bank=currencies.index(invoice.currency) if invoice.currency in currencies else 0,
            bank_id=guid(random),
        )


def bank_side(random: Random, credit: Credit) -> BankTransaction:
    """The bank transaction that a prepayment or overpayment is as well."""
    return BankTransaction(
        id=credit.bank_id,
        type=credit.type,
        contact=credit.contact,
        on=credit.on,
        currency=credit.currency,
        rate=credit.rate,
        amount_types=credit.amount_types,
        lines=credit.lines,
        fate=credit.fate,
        created=credit.created,
        updated=credit.updated if credit.fate == "voided" else credit.created,
        bank=credit.bank,
        reconciled=random.random() < 0.8,
        credit={f"{credit.kind[:-1]}ID": credit.id},
    )
