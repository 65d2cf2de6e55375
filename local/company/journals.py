"""Draws manual journals: the cost of stock sold, depreciation, accruals and their reversals, pay, corrections."""

from calendar import monthrange
from datetime import date, timedelta
from random import Random

from local.company.documents import Invoice, Journal, JournalLine
from local.company.offices import Scene
from local.company.wire import guid, half_up

# Goods cost about so many hundredths of what they are sold for.
COST = 58
KINDS = ("stock cost", "depreciation", "accrual", "reversal", "pay", "correction", "stock count")
# The latest so many are one of each, in this order.
STATUSES = (
    ("POSTED", 90),
    ("DRAFT", 5),
    ("POSTED", 1),
    ("VOIDED", 3),
    ("DELETED", 2),
    ("ARCHIVED", 2),
    ("POSTED", 1),
)


def journals(random: Random, scene: Scene, invoices: list[Invoice], count: int) -> list[Journal]:
    """So many, spread over the months, each kind in turn; every one adds up to nothing."""
    months = _months(scene)
    sales = _sales(scene, invoices)
    statuses, weights = zip(*STATUSES, strict=True)
    drawn = []
    for number in range(count):
        month = months[number * len(months) // count]
        rest = count - 1 - number
        status = statuses[rest] if rest < len(statuses) else random.choices(statuses, weights)[0]
        kind = KINDS[number % len(KINDS)]
        drawn.append(_journal(random, scene, kind, month, status, sales.get(month, 0)))
    return drawn


def _months(scene: Scene) -> list[date]:
    """The first day of each month of the books, the running one included if it has a day."""
    months, month = [], scene.first
    while month < scene.today:
        months.append(month)
        month = (month + timedelta(days=31)).replace(day=1)
    return months


def _sales(scene: Scene, invoices: list[Invoice]) -> dict[date, int]:
    """What was sold in each month, net, in cents of base currency."""
    sold: dict[date, int] = {}
    for invoice in invoices:
        if invoice.sale and invoice.finished:
            net = half_up((invoice.total - invoice.tax) * 10**10, round(invoice.rate * 10**10))
            month = invoice.on.replace(day=1)
            sold[month] = sold.get(month, 0) + net
    return sold


def _journal(random: Random, scene: Scene, kind: str, month: date, status: str, sold: int) -> Journal:
    last = month.replace(day=monthrange(month.year, month.month)[1])
    on = min(month if kind == "reversal" else last, scene.today - timedelta(days=1))
    name = f"{month:%B %Y}"
    none = scene.office.tax("BASEXCLUDED")
    amount_types = "NoTax"
    region = random.choice(scene.office.regions)

    def pair(debit: str, credit: str, cents: int, words: str) -> list[JournalLine]:
        return [
            JournalLine(cents, debit, words, none, region=region),
            JournalLine(-cents, credit, words, none),
        ]

    if kind == "stock cost":
        narration = f"Cost of goods sold, {name}"
        lines = pair("310", "630", half_up(sold * COST, 100) or 1_000, "Goods sold at cost")
    elif kind == "depreciation":
        narration = f"Depreciation, {name}"
        lines = pair("416", "711", random.randrange(180_000, 240_000), "Vans and racking")
        lines += pair("416", "711", random.randrange(40_000, 60_000), "Forklifts")
    elif kind in ("accrual", "reversal"):
        narration = f"{'Accrual' if kind == 'accrual' else 'Reversal of accrual'}: energy, {name}"
        debit, credit = ("445", "805") if kind == "accrual" else ("805", "445")
        lines = pair(debit, credit, random.randrange(150_000, 260_000), "Electricity used, not billed yet")
    elif kind == "pay":
        narration = f"Pay run, {name}"
        gross = random.randrange(6_000_000, 9_000_000)
        withheld, pension = gross * 22 // 100, gross * 12 // 100
        lines = [
            JournalLine(gross, "477", "Gross pay", none, region=region),
            JournalLine(pension, "478", "Employer's contribution", none),
            JournalLine(-withheld, "825", "Tax withheld", none),
            JournalLine(withheld - gross - pension, "850", "To be paid out", none),
        ]
    elif kind == "stock count":
        narration = f"Stock count, {name}"
        lines = pair("310", "630", random.randrange(-90_000, 120_000) or 100, "Counted less than booked")
    else:
        # Amounts with their tax: the wrong account gives back what the right one takes.
        narration = f"Office chairs were booked as stationery, {name}"
        amount_types = "Exclusive"
        cents = random.randrange(20_000, 90_000)
        tax_type, percent = scene.office.tax("INPUT"), 15 if scene.office.country == "NZ" else 10
        tax = half_up(cents * percent, 100)
        lines = [
            JournalLine(-cents, "461", "Out of stationery", tax_type, -tax, region),
            JournalLine(cents, "453", "Into office expenses", tax_type, tax, region),
        ]
    updated = scene.at_work(random, on + timedelta(days=random.randrange(0, 4)))
    return Journal(guid(random), on, narration, amount_types, status, lines, updated)
