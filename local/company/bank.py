"""Draws what goes through the bank without an invoice: money spent and received, and transfers between accounts."""

from datetime import date, timedelta
from random import Random

from local.company.catalogue import market_rate
from local.company.chart import banks
from local.company.documents import BankTransaction, Line, Transfer, TransferEnd
from local.company.lines import expense_line
from local.company.offices import Scene
from local.company.trade import Trade
from local.company.wire import guid, half_up

# What comes in over the counter and elsewhere: code, words, usual amount in cents, tax.
RECEIPTS = (
    ("200", "Takings of the trade counter", 148_500, "OUTPUT"),
    ("201", "Pay-outs of the web shop", 92_400, "OUTPUT"),
    ("270", "Interest on savings", 8_350, "EXEMPTOUTPUT"),
    ("260", "Sale of used pallets", 22_000, "OUTPUT"),
)
# The first so many are one of each, in this order: fate, and whether money is spent.
FIRST = (
    ("open", True),
    ("open", False),
    ("deleted", True),
    ("open", True),
    ("voided", False),
    ("open", True),
)


def transactions(random: Random, scene: Scene, trade: Trade, count: int) -> list[BankTransaction]:
    """So many bank transactions of the plain kinds; the first few date from the last weeks."""
    drawn = []
    recent = [scene.today - timedelta(days=random.randrange(1, 21)) for _ in FIRST][:count]
    for place, on in enumerate([*recent, *trade.days(count - len(recent))]):
        fate, spent = FIRST[place] if place < len(FIRST) else _fate(random)
        drawn.append(_transaction(random, scene, trade, on, fate, spent=spent))
    return drawn


def _fate(random: Random) -> tuple[str, bool]:
    return random.choices(("open", "deleted", "voided"), (95, 3, 2))[0], random.random() < 0.6


def _transaction(
    random: Random, scene: Scene, trade: Trade, on: date, fate: str, *, spent: bool
) -> BankTransaction:
    office = scene.office
    # Now and then from the dollar account; cards are for spending.
    bank = random.choices((0, 1, 2, 4), (70, 8, 7, 15 if spent else 0))[0]
    currency = banks(office)[bank][3]
    rate = market_rate(office.currency, currency, on, random.randrange(6, 11))
    amount_types = "NoTax" if currency != office.currency else random.choice(("Inclusive", "Exclusive"))
    taxable = amount_types != "NoTax"
    count = random.choices((1, 2, 3), (80, 15, 5))[0]
    if spent:
        lines = [expense_line(random, office, taxable=taxable) for _ in range(count)]
    else:
        lines = []
        for code, words, usual, tax in random.sample(RECEIPTS, count):
            price = half_up(int(usual * office.price_level * random.randrange(40, 161)), 100)
            region = random.choice((None, *office.regions))
            tax_type = office.tax(tax) if taxable else "NONE"
            lines.append(Line(guid(random), words, 10_000, price, code, tax_type, region=region))
    created = updated = scene.at_work(random, on)
    if fate != "open":
        updated = scene.at_work(random, on + timedelta(days=random.randrange(1, 12)))
    return BankTransaction(
        id=guid(random),
        type="SPEND" if spent else "RECEIVE",
        contact=trade.domestic(on, sale=not spent),
        on=on,
        currency=currency,
        rate=rate,
        amount_types=amount_types,
        lines=lines,
        fate=fate,
        created=created,
        updated=updated,
        reference=random.choice(("", f"EFTPOS {random.randrange(10_000, 99_999)}", "Direct debit")),
        bank=bank,
        reconciled=fate == "open" and random.random() < 0.85,
    )


def transfers(random: Random, scene: Scene, trade: Trade, count: int) -> list[Transfer]:
    """So many transfers: to and from the savings, and of foreign takings into the trading account.

    Of the first three, which date from the last weeks, one is foreign and one deleted.
    """
    recent = [scene.today - timedelta(days=random.randrange(1, 21)) for _ in range(3)]
    drawn = []
    for place, on in enumerate([*recent, *trade.days(count - len(recent))]):
        foreign = place == 1 or (place > 2 and random.random() < 0.3)
        deleted = place == 2 or (place > 2 and random.random() < 0.05)
        drawn.append(_transfer(random, scene, on, foreign=foreign, deleted=deleted))
    return drawn


def _transfer(random: Random, scene: Scene, on: date, *, foreign: bool, deleted: bool) -> Transfer:
    office = scene.office
    source, target = (
        (random.choice((2, 3)), 0) if foreign else random.choice(((0, 1), (0, 1), (1, 0), (0, 4)))
    )
    currency = banks(office)[source][3]
    rate = market_rate(office.currency, currency, on, 6)
    amount = random.randrange(50_000, 2_500_000)
    arrived = half_up(amount * 10**10, round(rate * 10**10))

    def end(kind: str, bank: int, cents: int) -> TransferEnd:
        held = banks(office)[bank][3]
        seen = not deleted and random.random() < 0.8
        own_rate = rate if held == currency else 1.0
        return TransferEnd(guid(random), kind, bank, cents, held, own_rate, guid(random), seen)

    return Transfer(
        id=guid(random),
        on=on,
        source=end("SPEND-TRANSFER", source, amount),
        target=end("RECEIVE-TRANSFER", target, arrived),
        reference=random.choice(("", f"TRF {random.randrange(1000, 9999)}")),
        created=scene.at_work(random, on),
        deleted=deleted,
    )
