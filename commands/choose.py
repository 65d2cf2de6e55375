"""Which of the organisations that a consent opens are read, and into which dataset each goes: asked, or as was said."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from commands.dataset import assigned, dataset_name
from commands.terminal import console, tell
from shared.errors import AskPerson
from shared.state import connections
from shared.state.connections import DEFAULT_DATASET
from shared.sync.connect import Granted
from shared.sync.connector import Connector
from shared.sync.dataset import name_in_powerbi
from shared.xero.identity import Connection

TRIES = 5
KEPT = "The consent is kept, and nothing new is read."


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was said on the command line of the organisations that are new.

    dataset: where they go, or what is proposed. organisations: these alone, by name or tenant id; everything: all; neither: a
    person is asked for each. yes: go on where one would be asked. disconnect_others: end Xero's connection to the others.
    """

    dataset: str = DEFAULT_DATASET
    organisations: Sequence[str] = ()
    everything: bool = False
    yes: bool = False
    disconnect_others: bool = False

    @property
    def asks(self) -> bool:
        return not (self.organisations or self.everything)


def choose(connector: Connector, granted: Granted, wanted: Wanted) -> dict[str, str]:
    """The dataset of each new organisation that is to be read, by tenant id. Raises AskPerson when nobody answers."""
    new = sorted(granted.new, key=lambda each: (each.name.casefold(), each.tenant_id))
    chosen: dict[str, str] = {}
    if wanted.asks:
        for each in new:
            if _is_wanted(granted, each):
                chosen[each.tenant_id] = _dataset(connector, each, wanted.dataset, chosen.values())
        return chosen
    picked = new if wanted.everything else _named(granted, new, wanted.organisations)
    chosen = {each.tenant_id: wanted.dataset for each in picked}
    doubts = [*_strangers(granted, picked)]
    for each in picked:
        tell([f"{each.name}: {who_sees_it(connector, each, wanted.dataset)}"])
    if picked and wanted.dataset not in {*assigned(connector), DEFAULT_DATASET}:
        doubts.append(f"Dataset {wanted.dataset} is new: {name_in_powerbi(connector, wanted.dataset)!r}.")
    if doubts and not wanted.yes:
        tell(doubts)
        if not yes("Go on? (or say --yes)", default=False):
            raise AskPerson(KEPT)
    return chosen


def who_sees_it(connector: Connector, organisation: Connection, dataset: str) -> str:
    """Whoever may read a dataset reads all of it; in one line."""
    beside = [
        each.name
        for each in connections.going_into(connector.store, dataset)
        if each.tenant_id != organisation.tenant_id
    ]
    others = f", and with it {', '.join(sorted(beside))}" if beside else ""
    return (
        f"everybody who may read {name_in_powerbi(connector, dataset)!r} in Power BI will see all of it{others}; push datasets "
        "have no row-level security."
    )


def yes(question: str, *, default: bool) -> bool:
    """What a person answers; an empty line is the default. Raises AskPerson when nobody does."""
    for _ in range(TRIES):
        answer = typed(f"{question} yes or no ({'yes' if default else 'no'})").casefold()
        if not answer:
            return default
        if answer in ("y", "yes", "n", "no"):
            return answer.startswith("y")
        tell(["Type yes or no."])
    raise AskPerson(KEPT)


def typed(question: str) -> str:
    """A line that a person types. Raises AskPerson when the input is at its end."""
    tell([question])
    try:
        return str(console.input("> ")).strip()
    except EOFError as error:
        raise AskPerson(
            f"Nobody answered. {KEPT} In a script say --all or --organisation NAME, and --yes."
        ) from error


def _is_wanted(granted: Granted, organisation: Connection) -> bool:
    strangers = _strangers(granted, [organisation])
    tell(strangers)
    before = " (not chosen last time)" if organisation.tenant_id in granted.left_out else ""
    default = not strangers and not before
    return yes(f"Sync {organisation.name}{before}, {organisation.tenant_id}?", default=default)


def _dataset(connector: Connector, organisation: Connection, proposed: str, also: Iterable[str]) -> str:
    for _ in range(TRIES):
        there = sorted({*assigned(connector), *also, proposed})
        answer = typed(
            f"Into which dataset? There {'is' if len(there) == 1 else 'are'} {', '.join(there)}; another name makes a new one "
            f"({proposed})"
        )
        try:
            name = dataset_name(answer or proposed)
        except AskPerson as error:
            tell([str(error)])
            continue
        tell([f"Who sees it: {who_sees_it(connector, organisation, name)}"])
        if name in there or yes(
            f"{name} is new: {name_in_powerbi(connector, name)!r}. Take it?", default=False
        ):
            return name
    raise AskPerson(KEPT)


def _named(granted: Granted, new: Sequence[Connection], names: Iterable[str]) -> list[Connection]:
    """The new organisations of these names or tenant ids; those that are connected already need not be chosen."""
    picked: list[Connection] = []
    for text in names:
        asked = text.strip().casefold()
        found = [each for each in new if asked in (each.tenant_id, each.name.casefold())]
        known = [each for each in granted.renewed if asked in (each.tenant_id, each.name.casefold())]
        if len(found) + len(known) != 1:
            what = "Several organisations are" if found or known else "No organisation of this consent is"
            raise AskPerson(
                "\n".join(
                    [
                        f"{what} called {text!r}. {KEPT} It opens:",
                        *(f"  {each.tenant_id}  {each.name}" for each in granted.renewed),
                        *(f"  {each.tenant_id}  {each.name}" for each in new),
                    ]
                )
            )
        picked += found
    return picked


def _strangers(granted: Granted, some: Iterable[Connection]) -> list[str]:
    """What speaks for another deployment that uses the same app."""
    return [
        f"Xero connected {each.name} to this app on {each.created_at:%Y-%m-%d %H:%M} UTC, and this deployment did not do it. If "
        "another one (a test?) has the same XERO_CLIENT_ID, give it an app of its own: what one disconnects or revokes the other "
        "loses too, and webhooks reach only one of them."
        for each in some
        if each.tenant_id in granted.elsewhere
    ]
