"""What the operator's commands do and say, with a real connector and no terminal."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from commands import backfill, compact, connect, dataset, disconnect, organisations, replay
from commands.choose import Wanted
from commands.terminal import Where, console
from shared.errors import AskPerson, LimitReached
from shared.state import checkpoints, connections, outbox, quarantine, sink
from shared.state.connections import DEFAULT_DATASET
from shared.sync.connect import ask_for_consent
from shared.tables import TABLES
from shared.tables.table import text
from tests.support import books, offices
from tests.support.offices import AUCKLAND, NAMES, PERTH, SYDNEY
from tests.support.world import World

NewWorld = Callable[..., World]
MELBOURNE = "3e8c5f41-6d77-4e31-8d8a-9e4a8d5c2f43"


class Terminal:
    """Runs commands against a world and keeps what they print. answer: what is typed when one asks."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self.answer: str | None = None
        for command in (backfill, compact, connect, dataset, disconnect, organisations, replay):
            patch.setattr(command, "connector", lambda where: world.connector)
        patch.setattr(console, "input", self._typed)

    def __call__(self, run: Callable[..., int], *arguments: object, **options: object) -> tuple[int, str]:
        """The exit code, and what was shown."""
        with console.capture() as captured:
            code = run(Where(), *arguments, **options)
        return code, captured.get()

    def _typed(self, prompt: str) -> str:
        if self.answer is None:
            raise EOFError
        return self.answer


@pytest.fixture
def company(new_world: NewWorld) -> World:
    """Sydney and Perth are connected, by two users; Auckland is not. Nothing is read yet."""
    world = new_world(settings={"POLL_MINUTES": "15"})
    offices.load(world, SYDNEY)
    offices.load(world, PERTH, user="user-2")
    offices.join(world)
    offices.join(world, user="user-2")
    return world


@pytest.fixture
def terminal(company: World, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(company, monkeypatch)


def connected(world: World) -> set[str]:
    return {each.tenant_id for each in connections.connected(world.store)}


# connect


def finish(world: World, into: str = DEFAULT_DATASET) -> list[str]:
    """What it says, each sentence in a line."""
    consent = ask_for_consent(world.connector)
    with console.capture() as captured:
        wanted = Wanted(dataset=into, everything=True, yes=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(console, "_width", 1000)
            connect.finish(world.connector, consent, world.press_allow(consent.url), wanted)
    return captured.get().splitlines()


def test_connect_says_what_became_of_each(company: World) -> None:
    """Renewed or connected, name, base currency, dataset; and which dataset is still to be made."""
    offices.load(company, AUCKLAND)
    assert finish(company, "islands") == [
        "Xero opens 2 organisations by this consent, 1 new.",
        f"Renewed: Larkspur Sydney (AUD), {SYDNEY}, dataset default",
        "Larkspur Auckland: everybody who may read 'Xero islands' in Power BI will see all of it; push datasets have no "
        "row-level security.",
        f"Connected: Larkspur Auckland (NZD), {AUCKLAND}, dataset islands",
        "Next: `python3 manage.py dataset create islands`, since that dataset is not in Power BI yet.",
    ]


def test_connect_says_when_nothing_is_to_be_done(company: World) -> None:
    """With every dataset in Power BI it says that reading goes on by itself."""
    following = finish(company)[-1]
    assert following.startswith("Next: poll_timer reads by itself")


def test_connect_tells_of_those_that_one_did_not_stop(company: World) -> None:
    """When Xero does not answer about one new organisation, the others are told, then what to do about that one."""
    offices.load(company, AUCKLAND)
    offices.use_up(company, AUCKLAND, "minute")
    company.load(offices.office(PERTH), tenant_id=MELBOURNE, name="Larkspur Melbourne")
    consent = ask_for_consent(company.connector)
    with console.capture() as captured, pytest.raises(LimitReached) as caught:
        connect.finish(company.connector, consent, company.press_allow(consent.url), Wanted(everything=True))
    assert captured.get().splitlines()[-1] == (
        f"Connected: Larkspur Melbourne (AUD), {MELBOURNE}, dataset default"
    )
    [note] = caught.value.__notes__
    assert note.startswith("Larkspur Auckland is not connected: start connect again")


def test_names_are_shown_as_they_are(company: World) -> None:
    """What looks like markup in an organisation's name is shown, not obeyed."""
    company.load(offices.office(AUCKLAND), tenant_id=AUCKLAND, name="[red]Odd & [Co]")
    assert any("[red]Odd & [Co] (NZD)" in line for line in finish(company))


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 64, "naïve", "west\n"])
@pytest.mark.parametrize("command", [connect, dataset])
def test_a_bad_name_of_a_dataset(name: str, command: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused in words before settings are looked for or anybody is asked."""
    for module in (connect, dataset):
        monkeypatch.setattr(module, "connector", lambda where: pytest.fail("settings were read"))
    with pytest.raises(AskPerson, match="names no dataset"):
        if command is connect:
            connect.run(Where(), Wanted(dataset=name), browser=True)
        else:
            dataset.run(Where(), name)


# disconnect


@pytest.mark.parametrize("called", ["Larkspur Sydney", "larkspur sydney ", SYDNEY, SYDNEY.upper()])
def test_disconnect_by_name_or_id(company: World, terminal: Terminal, called: str) -> None:
    """A name in any case or a tenant id; what goes and what stays where is said."""
    code, said = terminal(disconnect.run, called, yes=True)
    assert (code, connected(company)) == (0, {PERTH})
    told = [line for line in said.splitlines() if line.startswith("-")]
    assert [line.partition(":")[0] for line in told[-4:]] == [
        "- Power BI",
        "- Storage",
        "- Key Vault",
        "- Xero",
    ]
    assert "stay in 'Xero'" in told[-4]
    assert "are ended" in told[-2]
    assert told[-1] == "- Xero: the connection is gone."


@pytest.mark.parametrize(
    ("answer", "code"), [("yes", 0), (" Y ", 0), ("no", 1), ("", 1), (None, 1), ("yessir", 1)]
)
def test_disconnect_asks(company: World, terminal: Terminal, answer: str | None, code: int) -> None:
    """Nothing is changed without a yes; what will happen is said before."""
    terminal.answer = answer
    found, said = terminal(disconnect.run, "Larkspur Sydney", yes=False)
    assert (found, SYDNEY in connected(company)) == (code, code == 1)
    assert said.startswith(f"Disconnecting Larkspur Sydney ({SYDNEY}), dataset default:")
    assert ("Nothing was changed." in said) == (code == 1)


def test_disconnect_says_who_still_uses_the_tokens(company: World, terminal: Terminal) -> None:
    """A token set that other organisations live on is named with them."""
    offices.load(company, AUCKLAND)
    offices.join(company)
    _, said = terminal(disconnect.run, AUCKLAND, yes=True)
    assert "is still used by Larkspur Sydney." in said


def test_disconnect_with_a_dead_consent_says_what_to_click(company: World, terminal: Terminal) -> None:
    """When Xero cannot be told, a person learns where to do it there."""
    company.xero.identity._access.clear()
    code, said = terminal(disconnect.run, SYDNEY, yes=True)
    assert (code, connected(company)) == (0, {PERTH})
    assert "Xero could not be told: Xero refuses the token" in said
    assert "Settings > Connected apps" in said
    assert "were not ended" in said


def test_an_unknown_organisation(company: World, terminal: Terminal) -> None:
    """The refusal lists those that are connected."""
    with pytest.raises(AskPerson) as caught:
        terminal(disconnect.run, "Larkspur", yes=True)
    assert str(caught.value).splitlines() == [
        "No connected organisation is called 'Larkspur'; connected are:",
        f"  {PERTH}  Larkspur Perth",
        f"  {SYDNEY}  Larkspur Sydney",
    ]
    assert connected(company) == {SYDNEY, PERTH}


def test_two_organisations_of_one_name(company: World, terminal: Terminal) -> None:
    """An ambiguous name is refused with the ids to choose from."""
    connections.save(company.store, replace(offices.organisation(company, PERTH), name="Larkspur Sydney"))
    with pytest.raises(AskPerson) as caught:
        terminal(disconnect.run, "Larkspur Sydney", yes=True)
    assert "Several organisations are called" in str(caught.value)
    assert PERTH in str(caught.value)
    assert SYDNEY in str(caught.value)
    assert connected(company) == {SYDNEY, PERTH}


# dataset


def test_dataset_makes_all_that_are_in_use(company: World, terminal: Terminal) -> None:
    """Without a name each dataset that organisations go into is made or found, and they are named."""
    offices.load(company, AUCKLAND)
    consent = ask_for_consent(company.connector)
    wanted = Wanted(dataset="islands", everything=True, yes=True)
    connect.finish(company.connector, consent, company.press_allow(consent.url), wanted)
    code, said = terminal(dataset.run, None)
    ids = {name: sink.read(company.store, name).powerbi_id for name in (DEFAULT_DATASET, "islands")}
    assert code == 0
    assert said.splitlines()[:4] == [
        f"Found dataset 'Xero' in Power BI: {ids[DEFAULT_DATASET]}",
        "  Organisations: Larkspur Perth, Larkspur Sydney",
        f"Made dataset 'Xero islands' in Power BI: {ids['islands']}",
        "  Organisations: Larkspur Auckland",
    ]


def test_dataset_by_name(company: World, terminal: Terminal) -> None:
    """One that nobody goes into yet is made too, and says how to fill it."""
    _, said = terminal(dataset.run, "later")
    assert "Made dataset 'Xero later' in Power BI" in said
    assert "none yet: `python3 manage.py connect --dataset later` adds one" in said
    assert sink.read(company.store, "later").powerbi_id


def test_dataset_before_anybody_is_connected(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without organisations the default dataset is made."""
    world = new_world()
    _, said = Terminal(world, monkeypatch)(dataset.run, None)
    assert said.startswith("Made dataset 'Xero' in Power BI: ")
    assert "none yet: `python3 manage.py connect` adds one" in said


# organisations


def test_organisations_in_one_line_each(company: World, terminal: Terminal) -> None:
    """Name, currency, id, dataset, consent, token set and history of each, by name."""
    company.xero_fault("status", path=r"/api\.xro/2\.0/Invoices", status=503)
    company.poll()
    company.drain_queue()
    connections.mark_consent_lost(company.store, offices.organisation(company, PERTH))
    code, said = terminal(organisations.run)
    perth, sydney = (offices.organisation(company, each) for each in (PERTH, SYDNEY))
    resources = len(company.connector.resources)
    [first, second] = said.splitlines()
    assert code == 0
    assert first.startswith(
        f"Larkspur Perth (AUD), {PERTH}: dataset default, consent lost, token set {perth.token_set}, history"
    )
    assert second.startswith(
        f"Larkspur Sydney (AUD), {SYDNEY}: dataset default, consent given, token set {sydney.token_set}, history"
    )
    # Xero failed once, in the history of one of them; what waits for the invoices' history counts as unread.
    assert {line.rpartition(", ")[2] for line in (first, second)} > {"history read"}
    assert f"of {resources} resources read" in said


def test_no_organisation(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first connect each command says what to do first, and none fails."""
    run = Terminal(new_world(), monkeypatch)
    for command, options in ((organisations.run, {}), (backfill.run, {"watch": True})):
        code, said = run(command, **options)
        assert (code, said.strip()) == (0, organisations.NOBODY)
    with pytest.raises(AskPerson, match=r"manage\.py connect"):
        run(disconnect.run, "Larkspur", yes=True)


# backfill


def cells(said: str, resource: str) -> list[list[str]]:
    """The cells of a resource's rows, one row an organisation."""
    found = [
        line.strip("│┃ ").split("│") for line in said.splitlines() if f" {resource} " in line and "│" in line
    ]
    return [[cell.strip() for cell in row] for row in found]


def test_backfill_before_during_and_after(company: World, terminal: Terminal) -> None:
    """What is to be read, is being read and is read, with records, pages and calls left; no call is made for it."""
    company.environment["XERO_PAGE_SIZE"] = "2"
    company.restart()
    company.calls.clear()
    code, said = terminal(backfill.run, watch=False)
    assert code == 0
    assert cells(said, "Invoices") == [["Invoices", "to be read", "", "0", "1"]] * 2
    assert "Calls left: at least" in said
    assert company.calls == []

    def stop_in_the_invoices(call: object) -> None:
        if len(company.calls_of("Invoices")) == 2:
            company.advance(301)

    company.on_xero_call = stop_in_the_invoices
    company.poll()
    company.on_xero_call = lambda call: None
    states = [row[1] for row in cells(terminal(backfill.run, watch=False)[1], "Invoices")]
    assert "being read" in states
    [row] = [
        row for row in cells(terminal(backfill.run, watch=False)[1], "Invoices") if row[1] == "being read"
    ][:1]
    assert row[2].endswith(" of 3")
    assert int(row[4]) > 0

    offices.settle(company)
    calls = len(company.calls)
    _, said = terminal(backfill.run, watch=False)
    assert cells(said, "Invoices") == [["Invoices", "read", "", "5", "0"]] * 2
    assert "All histories are read and in Power BI" in said
    assert len(company.calls) == calls


def test_backfill_says_why_something_waits(company: World, terminal: Terminal) -> None:
    """A lost consent, a limit and a dataset that is not there are told in words, with what to do."""
    connections.mark_consent_lost(company.store, offices.organisation(company, PERTH))
    connections.save(company.store, replace(offices.organisation(company, SYDNEY), dataset="islands"))
    offices.use_up(company, SYDNEY, "day")
    company.poll()
    _, said = terminal(backfill.run, watch=False)
    assert "Larkspur Perth waits: its consent is lost." in said
    assert "day limit is reached" in said
    assert re.search(r"Organisation \(waits until 2026-11-2\d \d\d:\d\d UTC\): GET ", said)
    assert "Next: `python3 manage.py connect`" in said
    assert "Next: `python3 manage.py dataset create islands`" in said


def test_backfill_watches_until_all_is_read(company: World, terminal: Terminal) -> None:
    """With --watch it looks again until every history is read that can be; one without consent does not hold it up."""
    connections.mark_consent_lost(company.store, offices.organisation(company, PERTH))
    waited: list[float] = []

    def wait(seconds: float) -> None:
        assert len(waited) < 50
        waited.append(seconds)
        company.advance(seconds)
        company.poll(seconds=0.3)
        company.drain_queue()

    code, said = terminal(backfill.run, watch=True, wait=wait)
    assert code == 0
    assert len(waited) > 1
    assert ["Invoices", "read", "", "5", "0"] in cells(said, "Invoices")
    resources = len(company.connector.resources)
    [line] = cells(said, "Larkspur Sydney")
    assert (line[1:3], line[4:]) == ([f"{resources} of {resources}", ""], ["0", "0"])
    assert checkpoints.load(company.store, SYDNEY, "Invoices").history


def test_backfill_counts_what_is_on_its_way(company: World, terminal: Terminal) -> None:
    """Batches that are read but not in Power BI yet are told."""
    company.poll()
    waiting = len(list(outbox.pending(company.store, DEFAULT_DATASET)))
    assert waiting
    _, said = terminal(backfill.run, watch=False)
    assert f"Dataset default: {waiting} batches are on their way to Power BI." in said


# compact


def test_compact_queues_and_says_what_comes_next(company: World, terminal: Terminal) -> None:
    """Nothing that is due is said and queues nothing; a table by name, in any case, is compacted; others are refused."""
    with pytest.raises(AskPerson, match="not in Power BI yet"):
        terminal(compact.run, "nowhere", table="")
    offices.settle(company)
    code, said = terminal(compact.run, "default", table="")
    assert (code, company.store.queue_length("push")) == (0, 0)
    assert "No table is due now" in said
    with pytest.raises(AskPerson, match="no table"):
        terminal(compact.run, "default", table="Nothing")
    company.change("Invoices", 1, tenant_id=SYDNEY, Reference="newer")
    company.webhook([("INVOICE", books.record_id("Invoices", 1))], tenant_id=SYDNEY)
    company.drain_queue()
    company.dataset_id = sink.read(company.store, "default").powerbi_id
    rows = len(company.rows("Invoices"))
    _, said = terminal(compact.run, "default", table="invoices")
    assert f"Invoices: up to {rows} rows, about {rows - 1} of them current." in said
    assert "Queued: Invoices of dataset default." in said
    company.drain_queue()
    assert len(company.rows("Invoices")) == rows - 1


# replay


def quarantined(world: World) -> Mapping[str, list[str]]:
    names = {name: quarantine.listed(world.store, SYDNEY, name) for name in world.connector.resources}
    return {name: found for name, found in names.items() if found}


def spoil(world: World, *numbers: int) -> list[str]:
    """Break invoices of Sydney, and have Xero tell of them."""
    for number in numbers:
        world.change("Invoices", number, tenant_id=SYDNEY, Total="a lot")
    ids = [books.record_id("Invoices", number) for number in numbers]
    world.webhook([("INVOICE", each) for each in ids], tenant_id=SYDNEY)
    world.drain_queue()
    return ids


def test_replay_with_nothing_in_the_quarantine(company: World, terminal: Terminal) -> None:
    """It says so, and queues nothing."""
    everything = {"organisation": "", "resource": "", "record_id": ""}
    assert terminal(replay.run, **everything) == (
        0,
        "Nothing lies in the quarantine that could be tried again.\n",
    )
    _, said = terminal(replay.run, **(everything | {"resource": "invoices"}))
    assert said.startswith("Nothing that fits lies in the quarantine")
    assert company.audit("replay") == []


def test_replay_counts_and_says_where_to_look(company: World, terminal: Terminal) -> None:
    """What fits is queued and counted; what is mended leaves the quarantine, the rest stays."""
    offices.settle(company)
    ids = spoil(company, 1, 2, 3)
    assert quarantined(company) == {"Invoices": ids}
    company.change("Invoices", 1, tenant_id=SYDNEY, Total=200)
    company.change("Invoices", 2, tenant_id=SYDNEY, Total=200)

    code, said = terminal(replay.run, organisation="larkspur sydney", resource="INVOICES", record_id=ids[0])
    assert (code, said.splitlines()[0]) == (0, "Queued: 1 Invoices.")
    company.drain_queue()
    assert quarantined(company) == {"Invoices": ids[1:]}

    _, said = terminal(replay.run, organisation="", resource="", record_id="")
    assert said.splitlines()[0] == "Queued: 2 Invoices."
    assert "table quarantine" in said
    company.drain_queue()
    assert quarantined(company) == {"Invoices": ids[2:]}
    assert [row["count"] for row in company.audit("replay", "queued")] == [1, 2]


def test_replay_of_a_lost_consent_says_what_to_do_first(company: World, terminal: Terminal) -> None:
    """What cannot be fetched is told as such."""
    offices.settle(company)
    spoil(company, 1)
    connections.mark_consent_lost(company.store, offices.organisation(company, SYDNEY))
    _, said = terminal(replay.run, organisation="", resource="", record_id="")
    assert "Larkspur Sydney: its consent is lost" in said


@pytest.mark.parametrize(
    ("named", "words"),
    [({"resource": "Cats"}, "there are Organisation, Accounts"), ({"organisation": "Cats"}, NAMES[PERTH])],
)
def test_replay_of_what_is_not_there(terminal: Terminal, named: dict[str, str], words: str) -> None:
    """A resource or organisation that there is not is refused with those that there are."""
    with pytest.raises(AskPerson, match=words):
        terminal(replay.run, **({"organisation": "", "resource": "", "record_id": ""} | named))


# dataset


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the code newer: a column more, and a table more when asked for."""

    def newer(*, table: bool) -> None:
        column = text("AlsoNumber", "The number once more.", "InvoiceNumber")
        invoices = TABLES["Invoices"]
        extended = replace(invoices, columns=(*invoices.columns, column))
        monkeypatch.setitem(TABLES, "Invoices", extended)
        if table:
            monkeypatch.setitem(TABLES, "Extra", replace(extended, name="Extra"))

    return newer


def manage(terminal: Terminal, *words: str, **options: bool) -> tuple[int, str]:
    action, name, *_ = (*words, None, None)
    return terminal(dataset.manage, action, name, **options)


def test_dataset_creates_with_or_without_the_word(company: World, terminal: Terminal) -> None:
    """`dataset`, `dataset create`, `dataset NAME` and `dataset create NAME` make or find it."""
    for words in (("create",), ("create", "default"), ("default",)):
        code, said = manage(terminal, *words)
        assert (code, said.splitlines()[0][:28]) == (0, "Found dataset 'Xero' in Powe")
    assert "Made dataset 'Xero west'" in manage(terminal, "create", "west")[1]


def test_dataset_show(company: World, terminal: Terminal) -> None:
    """Name, id, organisations, rows of each table, and that the code declares nothing else; no secret, nothing changed."""
    offices.settle(company)
    before = sink.read(company.store, DEFAULT_DATASET)
    code, said = manage(terminal, "show")
    assert code == 0
    assert said.startswith(f"Dataset default: 'Xero' in Power BI, {before.powerbi_id}\n")
    assert "  Organisations: Larkspur Perth, Larkspur Sydney\n" in said
    assert re.search(r"    Invoices: \d+, about \d+ current\n", said)
    assert "It has all that the code declares." in said
    assert sink.read(company.store, DEFAULT_DATASET) == before
    assert "not in Power BI yet" in manage(terminal, "show", "west")[1]


def test_dataset_show_tells_what_differs(
    company: World, terminal: Terminal, newer: Callable[..., None]
) -> None:
    """New columns go in place, a new table needs a dataset side by side; both with the reason."""
    newer(table=False)
    said = manage(terminal, "show")[1]
    assert "New columns: Invoices[AlsoNumber]" in said
    assert "`dataset upgrade` changes it in place: Invoices defined anew" in said
    newer(table=True)
    said = manage(terminal, "show")[1]
    assert "Tables that it lacks: Extra" in said
    assert "side by side, since Power BI adds no table" in said


def test_dataset_show_of_one_that_is_gone(company: World, terminal: Terminal) -> None:
    """A dataset that somebody deleted in Power BI is said to be, with what to run."""
    company.powerbi.datasets.clear()
    assert "is not in Power BI any more; `dataset create default`" in manage(terminal, "show")[1]


def test_dataset_upgrade_switch_and_delete_old(
    company: World, terminal: Terminal, newer: Callable[..., None]
) -> None:
    """The operator's whole way: what differs, how far it is, the switch, and what is left to delete."""
    offices.settle(company)
    assert "It has all that the code declares." in manage(terminal, "upgrade")[1]
    assert company.store.queue_length("push") == 0
    newer(table=True)
    with pytest.raises(AskPerson, match="Nothing is to take the place"):
        manage(terminal, "upgrade", switch=True)
    code, said = manage(terminal, "upgrade")
    assert code == 0
    assert "Tables that it lacks: Extra" in said
    assert len(company.powerbi.datasets) == 1, "nothing is touched from here"
    company.drain_queue()
    said = manage(terminal, "show")[1]
    assert "Successor 'Xero (2)'" in said
    assert "Filled at 2026" in said
    assert "'Xero (2)' takes the place" in manage(terminal, "upgrade", switch=True)[1]
    company.drain_queue()
    said = manage(terminal, "show")[1]
    assert "Dataset default: 'Xero (2)' in Power BI" in said
    assert "Succeeded, and still in Power BI: 'Xero'" in said
    terminal.answer = "default"
    assert manage(terminal, "delete", old=True)[0] == 0
    assert [each.name for each in company.powerbi.datasets.values()] == ["Xero (2)"]


def test_dataset_upgrade_cancel(company: World, terminal: Terminal, newer: Callable[..., None]) -> None:
    """Giving up asks for the name, and deletes the successor only."""
    newer(table=True)
    manage(terminal, "upgrade")
    company.drain_queue()
    terminal.answer = "no"
    assert manage(terminal, "upgrade", cancel=True)[0] == 1
    assert len(company.powerbi.datasets) == 2
    terminal.answer = "default"
    assert manage(terminal, "upgrade", cancel=True)[0] == 0
    assert [each.name for each in company.powerbi.datasets.values()] == ["Xero"]
    with pytest.raises(AskPerson, match="Nothing is to take the place"):
        manage(terminal, "upgrade", cancel=True)


@pytest.mark.parametrize("typed", [None, "", "yes", "Default"])
def test_dataset_delete_asks_for_the_name(company: World, terminal: Terminal, typed: str | None) -> None:
    """Whose rows go is said first, and anything but the name changes nothing."""
    terminal.answer = typed
    code, said = manage(terminal, "delete")
    assert code == 1
    assert "Larkspur Perth, Larkspur Sydney go into it" in said
    assert said.endswith("Nothing was changed.\n")
    assert len(company.powerbi.datasets) == 1


def test_dataset_delete(company: World, terminal: Terminal) -> None:
    """The name typed again deletes it; what is known of the organisations stays; create is told as the next step."""
    terminal.answer = "default"
    code, said = manage(terminal, "delete")
    assert code == 0
    assert "Next: `python3 manage.py dataset create`" in said
    assert company.powerbi.datasets == {}
    assert connected(company) == {SYDNEY, PERTH}
    with pytest.raises(AskPerson, match="is not in Power BI"):
        manage(terminal, "delete", yes=True)


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (("remove", "west"), {}, "create, show, upgrade, delete"),
        (("show",), {"switch": True}, "takes no --switch"),
        (("create",), {"old": True}, "takes no --old"),
        (("upgrade",), {"switch": True, "cancel": True}, "one of"),
        (("upgrade",), {"side_by_side": True, "old": True}, "takes no --old"),
        (("delete", "a b"), {}, "names no dataset"),
    ],
)
def test_dataset_words_that_do_not_go_together(
    terminal: Terminal, words: tuple[str, ...], options: dict[str, bool], said: str
) -> None:
    """They are refused in words, before anything is asked or changed."""
    with pytest.raises(AskPerson, match=said):
        manage(terminal, *words, **options)
