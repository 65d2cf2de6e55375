"""doctor: look at everything that a deployment needs, change nothing, and say what to click where.

At most three calls of Xero: /connections, one organisation, and /connections again when that is refused.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from azure.core.credentials import TokenCredential
from rich.text import Text

from commands.azure import DeployedApp
from commands.checks import CHECKS
from commands.checks.check import Outcome, Patient, examine
from commands.terminal import Where, console, environment, item, say, say_json
from shared import wiring
from shared.clock import SystemClock

# Letters that every terminal has.
MARKS = {"good": ("ok", "green"), "wrong": ("!!", "red"), "not checked": ("--", "dim")}


def run(where: Where, *, as_json: bool) -> int:
    """Examine and tell; 1 when anything is wrong."""
    outcomes = examine(patient(where), CHECKS)
    if as_json:
        say_json(document(outcomes))
    else:
        show(outcomes)
    return 1 if any(outcome.state == "wrong" for outcome in outcomes) else 0


def patient(where: Where) -> Patient:
    """What is examined: the settings where they are, and a connector of them that only looks."""
    clock = SystemClock()
    credentials: list[TokenCredential | None] = []

    def read() -> Mapping[str, str]:
        found, credential = environment(where)
        credentials.append(credential)
        return found

    return Patient(
        read=read,
        build=lambda found: wiring.build(found, clock=clock, credential=credentials[-1], only_looks=True),
        clock=clock,
        app=DeployedApp(where.app, where.resource_group) if where.app else None,
    )


def show(outcomes: Sequence[Outcome]) -> None:
    """One line a check; of what is wrong, what was found, what to do and what the vendor said."""
    for outcome in outcomes:
        mark, colour = MARKS[outcome.state]
        about = f"not checked, {outcome.found}" if outcome.state == "not checked" else outcome.found
        line = Text(f"{mark} {outcome.check.title}" + (f": {about}" if about else ""))
        line.stylize(colour, 0, len(mark))
        console.print(line)
        for trouble in outcome.troubles:
            item(trouble.found)
            if trouble.click:
                item(f"Do: {trouble.click}")
            if trouble.vendor_words:
                item(f"They said: {trouble.vendor_words}")
    wrong = [outcome for outcome in outcomes if outcome.state == "wrong"]
    if wrong:
        say([f"Next: mend {wrong[0].check.title!r}, then `python3 manage.py doctor` again."])
    else:
        say(["Next: nothing; `python3 manage.py status` shows how fresh the figures are."])


def document(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The outcomes for a machine."""
    return {
        "good": not any(outcome.state == "wrong" for outcome in outcomes),
        "checks": [
            {
                "name": outcome.check.name,
                "title": outcome.check.title,
                "state": outcome.state,
                "found": outcome.found,
                "troubles": [
                    {"found": each.found, "click": each.click, "vendor_words": each.vendor_words}
                    for each in outcome.troubles
                ],
            }
            for outcome in outcomes
        ],
    }
