"""What a comparison of records finds, and what is told of it. No I/O."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from shared.state.proofs import Side
from shared.sync import sides
from shared.sync.parts import Part
from shared.sync.sides import Entry, Shaper


@dataclass
class Findings:
    """Ids, by what is wrong with them. younger: changed since the last complete read, which is nobody's fault."""

    missing: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    younger: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        return sorted({*self.missing, *self.other, *self.unlisted})

    @property
    def words(self) -> str:
        told = {
            "missing in the mirror": len(self.missing),
            "with other content": len(self.other),
            "not in Xero's list": len(self.unlisted),
        }
        return ", ".join(f"{count} {what}" for what, count in told.items() if count)

    @property
    def fresh(self) -> str:
        """What no one need mend."""
        return f"{len(self.younger)} changed since they were last read" if self.younger else ""


def compare(
    listed: Mapping[str, Entry],
    mine: Mapping[str, Entry],
    held: Mapping[str, Entry],
    aside: Set[str],
    younger_than: int,
) -> Findings:
    """What ordinary reading should have brought, and did not.

    listed: by Xero; mine: of the mirror, what should be among it; held: all that the mirror has; aside: what is in the quarantine.
    younger_than: what was changed from here on, in milliseconds of Xero's clock, need not have been read yet.
    """
    found = Findings()
    for record_id, theirs in listed.items():
        ours = held.get(record_id)
        if record_id in aside or (ours is not None and ours.hash == theirs.hash):
            continue
        if theirs.stamp >= younger_than and (ours is None or theirs.stamp > ours.stamp):
            found.younger.append(record_id)
        elif ours is None:
            found.missing.append(record_id)
        else:
            found.other.append(record_id)
    found.unlisted = sorted(mine.keys() - listed.keys() - aside)
    return found


def of_month(shaper: Shaper, part: Part, entries: Mapping[str, Entry], month: str) -> Side:
    """A month's count and sums; a part with one name is all of it."""
    return sides.side_of(
        shaper.table,
        (each for each in entries.values() if len(part.months) == 1 or each.month == month),
    )


def in_month(
    found: Findings, part: Part, month: str, listed: Mapping[str, Entry], mine: Mapping[str, Entry]
) -> list[str]:
    """The ids that differ in a month, on either side."""
    if len(part.months) == 1:
        return found.wrong
    return [
        each
        for each in found.wrong
        if any(each in some and some[each].month == month for some in (listed, mine))
    ]
