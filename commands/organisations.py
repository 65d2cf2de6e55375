"""organisations: which are connected, by whose consent, into which dataset, and how far each is read."""

from commands.terminal import Where, connector, say
from shared.errors import AskPerson
from shared.state import connections
from shared.state.connections import Organisation
from shared.sync.connector import Connector
from shared.sync.progress import history_progress

NOBODY = "No organisation is connected. Next: `python3 manage.py connect`."


def run(where: Where) -> int:
    """One line for each connected organisation."""
    say(listed(connector(where)))
    return 0


def listed(connector: Connector) -> list[str]:
    """One line for each connected organisation, by name."""
    return [
        f"{each.name} ({each.base_currency}), {each.tenant_id}: dataset {each.dataset}, "
        f"consent {'lost' if each.consent_lost else 'given'}, token set {each.token_set}, {_history(connector, each)}"
        for each in by_name(connector)
    ] or [NOBODY]


def by_name(connector: Connector) -> list[Organisation]:
    """The connected organisations in the order in which people are shown them."""
    return sorted(
        connections.connected(connector.store), key=lambda each: (each.name.casefold(), each.tenant_id)
    )


def choose(connector: Connector, text: str) -> Organisation:
    """The connected organisation of a tenant id or a name, in any case. Raises AskPerson with those that there are."""
    wanted = text.strip().casefold()
    connected = by_name(connector)
    found = [each for each in connected if each.tenant_id == wanted] or [
        each for each in connected if each.name.casefold() == wanted
    ]
    if len(found) == 1:
        return found[0]
    if not connected:
        raise AskPerson(NOBODY)
    what = "Several organisations are called" if found else "No connected organisation is called"
    take = "take the id of one" if found else "connected are"
    raise AskPerson(
        "\n".join(
            [
                f"{what} {text!r}; {take}:",
                *(f"  {each.tenant_id}  {each.name}" for each in found or connected),
            ]
        )
    )


def _history(connector: Connector, organisation: Organisation) -> str:
    progress = history_progress(connector, organisation)
    done = sum(each.done for each in progress)
    return "history read" if done == len(progress) else f"history of {done} of {len(progress)} resources read"
