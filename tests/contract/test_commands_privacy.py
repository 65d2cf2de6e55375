"""What `forget` and `uninstall` say, ask and answer, with a real connector and no terminal."""

from collections.abc import Callable

import pytest

from commands import forget, uninstall
from commands.terminal import Where, console
from shared.errors import AskPerson
from shared.state import connections, forgotten
from shared.sync import compact, disconnect
from tests.support import books
from tests.support.world import World

CONTACT = books.record_id("Contacts", 2)


class Terminal:
    """Runs commands against a world and keeps what they print. answer: what is typed when one asks."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self.answer: str | None = None
        for command in (forget, uninstall):
            patch.setattr(command, "connector", lambda where: world.connector)
        patch.setattr(console, "input", self._typed)

    def __call__(self, run: Callable[..., int], *arguments: object, **options: object) -> tuple[int, str]:
        """The exit code, and what was shown."""
        with console.capture() as captured:
            code = run(Where(app="xero-books-prod", resource_group="rg-books"), *arguments, **options)
        return code, captured.get()

    def _typed(self, prompt: str) -> str:
        if self.answer is None:
            raise EOFError
        return self.answer


@pytest.fixture
def terminal(settled: World, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(settled, monkeypatch)


def ask(
    terminal: Terminal, contact: str = CONTACT, organisation: str = "", *, yes: bool = True
) -> tuple[int, str]:
    return terminal(forget.run, contact, organisation, yes=yes)


def test_forget_ends_with_what_was_removed_where(settled: World, terminal: Terminal) -> None:
    """First what will happen, then how far it is, at last where it was removed and what remains; asked again, the same."""
    code, said = ask(terminal)
    assert (code, said.splitlines()[0]) == (0, f"Forgetting contact {CONTACT} of Larkspur:")
    assert "Tables of 'Xero' are compacted" in said
    assert "nothing that Xero tells of" in said
    code, said = ask(terminal)
    assert (code, "is being forgotten since" in said) == (0, True)
    settled.settle()
    for _ in range(2):
        code, said = ask(terminal)
        assert code == 0
        assert f"Contact {CONTACT} of Larkspur ({books.TENANT}) is forgotten." in said
        assert "- mirror: 1 records" in said
        assert "dataset default" in said
        assert "- Xero: the contact itself" in said
    assert "Café 2" not in said
    assert f"{CONTACT} of Larkspur: forgotten 20" in ask(terminal, "")[1]


@pytest.mark.parametrize("answer", ["no", "", None, CONTACT])
def test_forget_asks(settled: World, terminal: Terminal, answer: str | None) -> None:
    """Nothing is changed without a yes."""
    terminal.answer = answer
    code, said = ask(terminal, yes=False)
    assert (code, said.splitlines()[-1]) == (1, "Nothing was changed.")
    assert forgotten.every(settled.store) == []


@pytest.mark.parametrize(
    ("contact", "organisation", "words"),
    [
        (books.record_id("Contacts", 99), "", "is held"),
        ("Café 2", "", "is held"),
        (CONTACT, "Cats", "No single organisation is called 'Cats'"),
        ("Café 2", "Larkspur", "is no ContactID"),
    ],
)
def test_forget_of_what_is_not_there(
    settled: World, terminal: Terminal, contact: str, organisation: str, words: str
) -> None:
    """Names, strangers and organisations that there are not are refused in words, and nothing is written."""
    with pytest.raises(AskPerson, match=words):
        ask(terminal, contact, organisation)
    assert forgotten.every(settled.store) == []


def test_forget_says_what_is_in_the_way(settled: World, terminal: Terminal) -> None:
    """A table that cannot be compacted is told with its reason, and the exit code is 1 until it is mended."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compact, "_refusal", lambda *_: "there is no room")
        ask(terminal)
        settled.drain_queue()
        code, said = ask(terminal)
    assert code == 1
    assert "It waits for you: Contacts of dataset default holds the name still: there is no room" in said
    assert ask(terminal, "")[0] == 1
    settled.settle()
    assert ask(terminal)[0] == 0


def test_forget_tells_of_datasets_that_hold_the_name(settled: World, terminal: Terminal) -> None:
    """Rows of before an organisation moved to another dataset are nobody's to compact unasked, so they are named."""
    found = connections.find(settled.store, books.TENANT)
    assert found is not None
    disconnect.disconnect(settled.connector, found)
    connections.save(settled.store, connections.Organisation(**{**found.__dict__, "dataset": "west"}))
    ask(terminal)
    settled.drain_queue()
    code, said = ask(terminal)
    assert (code, "is forgotten." in said) == (0, True)
    assert "Dataset default: rows from before Larkspur went elsewhere" in said
    assert "manage.py compact default --table Contacts" in said


def test_uninstall_says_what_it_would_do(settled: World, terminal: Terminal) -> None:
    """By default nothing is changed, whatever there is to do; what stays is told with the command that takes it away."""
    code, said = terminal(uninstall.run, yes=False, delete_datasets=False)
    assert code == 0
    assert "To uninstall xero-books-prod, this would" in said
    assert "- disconnect Larkspur at Xero" in said
    assert "az group delete --name rg-books" in said
    assert "Nothing was changed." in said
    assert connections.connected(settled.store)


@pytest.mark.parametrize("answer", ["yes", "xero-books", "", None])
def test_uninstall_needs_the_name(settled: World, terminal: Terminal, answer: str | None) -> None:
    """Whoever types anything but the deployment's name changes nothing."""
    terminal.answer = answer
    code, said = terminal(uninstall.run, yes=True, delete_datasets=True)
    assert (code, said.splitlines()[-1]) == (1, "Nothing was changed.")
    assert connections.connected(settled.store)
    assert not connections.is_paused(settled.store)


def test_uninstall(settled: World, terminal: Terminal) -> None:
    """With the name typed it is done; exit code 1 and what to do while something could not be."""
    terminal.answer = "xero-books-prod"
    settled.xero_fault("status", path="/connections/.*", status=503, times=1)
    code, said = terminal(uninstall.run, yes=True, delete_datasets=True)
    assert code == 1
    assert "- Larkspur is disconnected here, not at Xero. Xero answered 503" in said
    assert "1 of it could not be done. Next: run this again" in said
    assert settled.powerbi.datasets == {}
    code, said = terminal(uninstall.run, yes=True, delete_datasets=True)
    assert code == 0
    assert "could not" not in said
