"""What a measure is, and the words that measures share."""

from collections.abc import Sequence
from dataclasses import dataclass

MONEY, COUNT, MOMENT = "#,0.00", "#,0", "yyyy-mm-dd hh:nn"
# What stands for a currency where organisations keep their books in different ones.
SEVERAL = "several"
# Xero may leave a flag out.
TRUE, NOT_TRUE = "= TRUE ()", "<> TRUE ()"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure. means: what it tells, in an accountant's words, with basis, currency and date rule."""

    name: str
    means: str
    expression: str
    format: str = MONEY


def among(values: Sequence[str]) -> str:
    """The condition that a text is one of these."""
    return f"IN {{ {', '.join(f'"{value}"' for value in values)} }}"


def is_(value: str) -> str:
    """The condition that a text is this."""
    return f'= "{value}"'
