"""Draws purchase orders: most of them billed, by a bill that is in the books."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random

from local.company.documents import Invoice, Order
from local.company.lines import draw_invoice
from local.company.offices import Scene
from local.company.trade import Trade
from local.company.wire import guid

# The first so many are one of each, in this order.
FATES = (("billed", 66), ("open", 14), ("submitted", 5), ("draft", 6), ("deleted", 8), ("billed", 1))


def orders(random: Random, scene: Scene, trade: Trade, invoices: list[Invoice], count: int) -> list[Order]:
    """So many purchase orders, numbered by their dates. Those not billed are mostly of the last weeks."""
    fates, weights = zip(*FATES, strict=True)
    drawn_fates = [*fates, *random.choices(fates, weights, k=count - len(fates))]
    bills = [one for one in invoices if not one.sale and one.finished and one.on > scene.first]
    random.shuffle(bills)
    drawn = []
    for fate in drawn_fates:
        if fate == "billed" and bills:
            drawn.append(_billed(random, scene, bills.pop()))
        else:
            drawn.append(_order(random, scene, trade, fate))
    for place, order in enumerate(sorted(drawn, key=lambda one: (one.on, one.id)), start=1001):
        order.number = f"PO-{place:05}"
    return drawn


def _billed(random: Random, scene: Scene, bill: Invoice) -> Order:
    """The order from which a bill was copied: it has the bill's lines, under ids of their own."""
    order = _from(random, scene, bill, "billed", bill.on - timedelta(days=random.randrange(4, 22)))
    order.updated = max(order.created, bill.created)
    return order


def _order(random: Random, scene: Scene, trade: Trade, fate: str) -> Order:
    recent = fate in ("draft", "submitted", "open", "deleted") and random.random() < 0.9
    days = 21 if recent else (scene.today - scene.first).days
    on = scene.today - timedelta(days=random.randrange(1, days))
    model = draw_invoice(random, scene, on, fate, trade.contact(on, sale=False), sale=False)
    order = _from(random, scene, model, fate, on)
    if fate == "deleted":
        order.updated = scene.at_work(random, on + timedelta(days=random.randrange(1, 9)))
    return order


def _from(random: Random, scene: Scene, model: Invoice, fate: str, on: date) -> Order:
    created = scene.at_work(random, on)
    return Order(
        id=guid(random),
        type="PURCHASEORDER",
        contact=model.contact,
        on=on,
        currency=model.currency,
        rate=model.rate,
        amount_types=model.amount_types,
        lines=[replace(line, id=guid(random)) for line in model.lines],
        fate=fate,
        created=created,
        updated=created,
        reference=random.choice(("", f"Quote {random.randrange(100, 999)}")),
        delivery=on + timedelta(days=random.randrange(3, 20)),
    )
