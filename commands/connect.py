"""connect: a user's consent at Xero, in the browser, becomes organisations that are read."""

import webbrowser
from collections.abc import Collection, Iterable

from commands import terminal
from commands.choose import Wanted, choose, yes
from commands.dataset import command_for, dataset_name, is_made
from commands.redirect import LIMITS, Redirect
from commands.terminal import Where, connector, console, say
from shared.errors import AskPerson, ConnectorError
from shared.state import connections
from shared.state.connections import Organisation
from shared.sync import connect
from shared.sync.connect import Consent, Granted
from shared.sync.connector import Connector
from shared.xero.client import CUSTOM
from shared.xero.identity import Connection

WAIT_SECONDS = 300
# Xero's Starter tier: so many connections of an app, 1,000 calls a day for each.
STARTER_CONNECTIONS = 5
STARTER_CALLS = 1000


def run(where: Where, wanted: Wanted, *, browser: bool) -> int:
    """Ask for consent, wait for it, connect what is chosen. A custom connection needs neither browser nor consent."""
    dataset_name(wanted.dataset)
    ours = connector(where)
    if ours.settings.xero_connection == CUSTOM:
        console.print("Asking Xero for a token of the custom connection.")
        conclude(ours, connect.take_custom_connection(ours), wanted)
        return 0
    consent = connect.ask_for_consent(ours)
    redirected_to = _wait_for_browser(ours, consent) if browser else _wait_for_paste(consent)
    finish(ours, consent, redirected_to, wanted)
    return 0


def finish(connector: Connector, consent: Consent, redirected_to: str, wanted: Wanted) -> None:
    """Take the consent that the browser came back with, then as `conclude`."""
    conclude(connector, connect.take_consent(connector, consent, redirected_to), wanted)


def conclude(connector: Connector, granted: Granted, wanted: Wanted) -> None:
    """Have a person choose, connect what is chosen; say what became of each organisation, and what to do next."""
    before = {each.tenant_id for each in connections.connected(connector.store)}
    say(_opens(granted))
    tell(granted.renewed, before)
    terminal.tell(_warnings(granted))
    chosen = choose(connector, granted, wanted)
    try:
        connected = connect.connect_chosen(connector, granted, chosen)
    except ConnectorError:
        # What stopped one did not stop those that are new since.
        tell(each for each in connections.connected(connector.store) if each.tenant_id not in before)
        raise
    tell(each for each in connected if each.tenant_id not in before)
    others = [each for each in granted.new if each.tenant_id not in chosen]
    if others:
        _leave(connector, others, wanted)
    terminal.tell(_near_the_limit(connector))
    terminal.tell(what_next(connector, connected))


def _wait_for_browser(connector: Connector, consent: Consent) -> str:
    with Redirect(connector.settings.xero_redirect_uri, consent.state) as redirect:
        console.print("Opening Xero in your browser. If nothing opens, go to:")
        console.print(consent.url, soft_wrap=True, markup=False)
        webbrowser.open(consent.url)
        return redirect.wait(WAIT_SECONDS)


def _wait_for_paste(consent: Consent) -> str:
    console.print("Open this address, allow access, and paste the address that you end at:")
    console.print(consent.url, soft_wrap=True, markup=False)
    try:
        return str(console.input("> ")).strip()
    except EOFError as error:
        raise AskPerson(f"No address was pasted: start connect again. {LIMITS}") from error


def tell(organisations: Iterable[Organisation], before: Collection[str] = ()) -> None:
    """Say of each organisation what became of it. before: the tenant ids of those that were connected already."""
    say(
        f"{'Renewed' if each.tenant_id in before else 'Connected'}: {each.name} ({each.base_currency}), "
        f"{each.tenant_id}, dataset {each.dataset}"
        for each in organisations
    )


def what_next(connector: Connector, organisations: Iterable[Organisation]) -> list[str]:
    """Which datasets are still to be made; else that nothing is to be done."""
    datasets = sorted({each.dataset for each in organisations})
    if not datasets:
        return ["Next: nothing is read. `python3 manage.py connect` offers the same organisations again."]
    missing = [name for name in datasets if not is_made(connector, name)]
    if not missing:
        return ["Next: poll_timer reads by itself; `python3 manage.py backfill --watch` shows how far it is."]
    return [f"Next: `{command_for(name)}`, since that dataset is not in Power BI yet." for name in missing]


def _opens(granted: Granted) -> list[str]:
    new, known = len(granted.new), len(granted.renewed)
    count = new + known + len(granted.stopped)
    return [f"Xero opens {count} organisation{'' if count == 1 else 's'} by this consent, {new} new."]


def _warnings(granted: Granted) -> list[str]:
    """What the consent no longer opens, and what it never did."""
    lines = [
        f"Lost: {each.name}, {each.tenant_id}. Xero lists its connection no more, so nothing is read of it until a user "
        f"connects it again; its rows stay in dataset {each.dataset} as they are."
        for each in granted.lost
    ]
    if granted.missing:
        lines.append(
            f"Xero did not grant {', '.join(granted.missing)}: what needs it will wait. See that the app at developer.xero.com > "
            "My Apps has these scopes, then connect again."
        )
    return lines


def _leave(connector: Connector, others: Collection[Connection], wanted: Wanted) -> None:
    """Say what becomes of those that nobody chose, and end their connections at Xero where that is wished."""
    terminal.tell(f"Not chosen: {each.name}, {each.tenant_id}. Nothing is read of it." for each in others)
    if not wanted.disconnect_others and not (
        wanted.asks
        and yes("Xero counts each as a connection of the app. End these at Xero, too?", default=False)
    ):
        return
    ended = connect.disconnect_not_chosen(connector, [each.tenant_id for each in others])
    say(f"Disconnected at Xero: {each.name}" for each in ended)


def _near_the_limit(connector: Connector) -> list[str]:
    """Said when no more fit, as far as this deployment knows."""
    if connector.settings.xero_connection == CUSTOM or connector.settings.xero_day_limit > STARTER_CALLS:
        return []
    known = {
        *(each.tenant_id for each in connections.connected(connector.store)),
        *(each.tenant_id for each in connections.not_chosen(connector.store)),
    }
    if len(known) < STARTER_CONNECTIONS:
        return []
    return [
        f"Xero counts {len(known)} connections of this app, and its Starter tier takes {STARTER_CONNECTIONS}: disconnect one before "
        "the next, or take a larger tier (docs/xero-setup.md)."
    ]
