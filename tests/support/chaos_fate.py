"""Fate: what goes wrong, and when, drawn from a seed; and the story of what did, for people.

A seed draws a few kinds of trouble and how often they come, so that some seeds are about one thing and some about all.
At each point (an effect on storage, a call to a vendor or to the vault) fate may strike once.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

# By where they strike. What is said of a call: "unsent" never left, "lost" took effect and its answer did not come, "late" takes
# effect only later, "slow" is answered just in time. Of storage: "again" is a write that the SDK repeated, after an answer
# was lost.
TROUBLES: dict[str, tuple[str, ...]] = {
    "store": ("store fails", "store lost", "store again"),
    "xero": (
        *("xero minute", "xero day", "xero concurrent", "xero 401", "xero 403", "xero 404", "xero 5xx"),
        *("xero html", "xero cut", "xero lost", "xero unsent", "xero slow", "xero lag"),
        *("xero scope", "xero gone"),
    ),
    "token": ("token lost", "token 5xx", "token unsent"),
    "powerbi": (
        *("powerbi 429", "powerbi 5xx", "powerbi lost", "powerbi late", "powerbi unsent", "powerbi slow"),
        *("powerbi 401", "powerbi refuses"),
    ),
    "vault": ("vault fails", "vault lost", "vault down"),
    # Anywhere.
    "any": ("kill", "stall", "turn", "edit", "backward"),
}
EVERY = tuple(name for names in TROUBLES.values() for name in names)
# How often trouble strikes, by point; and how often at most.
# How often trouble strikes at a point of storage; at others, of which there are fewer, so many times as often; how often at
# most.
RATES = (0.002, 0.005, 0.02, 0.05)
OFTENER = {"store": 1, "xero": 20, "powerbi": 20, "vault": 5, "token": 40}
MOST = 30


@dataclass(frozen=True)
class Point:
    """Where a run is: storage, a vendor or the vault; what it is about to do; whether that has an effect."""

    where: str
    what: str
    effect: bool


@dataclass(frozen=True, kw_only=True)
class Focus:
    """What seeds are about, where they are about one thing; what is empty is drawn as ever.

    only: kinds of trouble. rate: how often they strike. at: where alone, as a point tells what is done there. steps: weights of what a schedule does, in place of the usual
    ones. edits: what people do in Xero, by the names of `chaos_edits`; then nothing is read twice, as `stamped`.
    """

    only: tuple[str, ...] = ()
    rate: float = 0.0
    at: str = ""
    steps: Mapping[str, float] = field(default_factory=dict)
    edits: tuple[str, ...] = ()


@dataclass
class Fate:
    """All that a seed decides. `story` tells what happened, in the order in which it did."""

    seed: int
    focus: Focus = field(default_factory=Focus)
    story: list[str] = field(default_factory=list)
    struck: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        drawn = self.random
        some = drawn.sample(TROUBLES["any"], 2)
        for place in ("store", "xero", "token", "powerbi", "vault"):
            if drawn.random() < 0.4:
                some += drawn.sample(TROUBLES[place], drawn.randint(1, len(TROUBLES[place])))
        self.palette = frozenset(self.focus.only or some)
        self.rate = self.focus.rate or drawn.choice(RATES)
        # Without what only a whole read finds, nor what only a whole read mends: then none is made, which would hide
        # that something else went wrong.
        self.stamped = drawn.random() < 0.6 or bool(self.focus.edits)
        if self.stamped:
            self.palette -= {"xero lag", "xero 404"}
        self.on = True
        self.left = MOST
        self.tell(None, f"seed {self.seed}: {', '.join(sorted(self.palette))} at {self.rate}")

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def tell(self, at: datetime | None, text: str) -> None:
        self.story.append(f"{at:%d %H:%M:%S.%f} {text}"[:200] if at else text)

    def strike(self, point: Point, *, alone: bool) -> str:
        """The trouble that comes at this point, "" for none. alone: no other run could have a turn."""
        rate = min(0.4, self.rate * OFTENER[point.where])
        if not self.on or not self.left or self.focus.at not in point.what or self.random.random() >= rate:
            return ""
        found = [name for name in TROUBLES[point.where] if name in self.palette]
        if point.where == "store" and not point.effect:
            found = [name for name in found if name == "store fails"]
        anywhere = [
            name for name in TROUBLES["any"] if name in self.palette and (name != "turn" or not alone)
        ]
        if not found or (anywhere and self.random.random() < 0.3):
            found = anywhere
        if not found:
            return ""
        self.left -= 1
        name = self.random.choice(found)
        self.struck.add(name)
        return name

    def pick(self, weighted: dict[str, float]) -> str:
        [name] = self.random.choices(list(weighted), list(weighted.values()))
        return name

    def between(self, low: float, high: float) -> float:
        return self.random.uniform(low, high)

    def one_of[T](self, some: Sequence[T]) -> T:
        return self.random.choice(some)
