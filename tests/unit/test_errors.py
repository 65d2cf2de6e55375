"""Errors: one tree, ordered by what to do, drawn at the top of its module as it is."""

import inspect
import re

import pytest

from shared import errors
from shared.errors import ConnectorError, LimitReached, RetryLater

KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, ConnectorError)
}


def drawn() -> dict[str, str]:
    """Each error of the drawing and the one that it hangs from."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"([│├└─ ]*)([A-Z]\w+)(?:\s{1,}\S|$)", line)
        if not found or found[2] not in KINDS:
            continue
        depth = len(found[1])
        above = [entry for entry in above if entry[0] < depth]
        parents[found[2]] = above[-1][1] if above else "Exception"
        above.append((depth, found[2]))
    return parents


def test_the_drawing_is_the_tree() -> None:
    """A reader of the module sees every error, once, under the one that it is a case of."""
    assert drawn() == {name: kind.__mro__[1].__name__ for name, kind in KINDS.items()}


def test_every_error_says_what_to_do() -> None:
    """Each is retried, ends the run, is given up or asks a person: what is handled is handled by one of the four."""
    ways = (errors.RetryLater, errors.RunEnded, errors.GiveUp, errors.AskPerson)
    assert all(
        sum(issubclass(kind, way) for way in ways) == 1
        for name, kind in KINDS.items()
        if kind is not ConnectorError
    )


@pytest.mark.parametrize("kind", KINDS.values())
def test_every_error_has_a_sentence(kind: type[ConnectorError]) -> None:
    """What it means, in its own docstring."""
    assert re.match(r"[A-Z`].*\.", (kind.__doc__ or "").split("\n\n")[0], re.DOTALL)


def test_the_vendors_words_stand_beside_ours() -> None:
    """What the vendor said is shown, and kept apart, so that either can be told without the other."""
    error = LimitReached("Invoices: wait.", limit="day", seconds=60, vendor_words="429 day")
    assert str(error) == "Invoices: wait. They said: 429 day"
    assert (error.limit, error.seconds, error.vendor_words) == ("day", 60, "429 day")
    assert str(RetryLater("Invoices: wait.", seconds=1)) == "Invoices: wait."
