"""disconnect: stop reading an organisation, and say what stays where."""

from commands.organisations import choose
from commands.terminal import Where, agreed, connector, say
from shared.state import connections
from shared.state.connections import Organisation
from shared.sync.connector import Connector
from shared.sync.dataset import name_in_powerbi
from shared.sync.disconnect import Disconnected, disconnect


def run(where: Where, organisation: str, *, yes: bool) -> int:
    """Say what will happen, ask, disconnect, say what stays; 1 when the person does not agree."""
    ours = connector(where)
    chosen = choose(ours, organisation)
    say(what_will_happen(ours, chosen))
    if not yes and not agreed("Disconnect?"):
        say(["Nothing was changed."])
        return 1
    say(what_stays(ours, disconnect(ours, chosen)))
    return 0


def what_will_happen(connector: Connector, organisation: Organisation) -> list[str]:
    """What a person agrees to."""
    return [
        f"Disconnecting {organisation.name} ({organisation.tenant_id}), dataset {organisation.dataset}:",
        "- Xero forgets this app's connection to it; nothing is read of it any more.",
        f"- Its rows stay in {name_in_powerbi(connector, organisation.dataset)!r} in Power BI, as they are now.",
        "- How far it was read is forgotten: connected again, its history is read again.",
    ]


def what_stays(connector: Connector, done: Disconnected) -> list[str]:
    """What is where after a disconnection, and what is left for a person to do."""
    organisation = done.organisation
    name = name_in_powerbi(connector, organisation.dataset)
    lines = [
        f"Disconnected {organisation.name}.",
        f"- Power BI: its rows stay in {name!r}. No command removes them yet; reports leave them out by TenantID.",
        "- Storage: its records stay in table mirror, what happened in tables auditYYYYMM.",
        f"- Key Vault: {_tokens(connector, done)}",
    ]
    if done.trouble:
        lines += [
            f"- Xero could not be told: {done.trouble}",
            f"  In Xero, open {organisation.name}, Settings > Connected apps, and disconnect this app there. Until then "
            "it comes back with the next `connect` of the same user.",
        ]
    else:
        lines.append("- Xero: the connection is gone.")
    return lines


def _tokens(connector: Connector, done: Disconnected) -> str:
    token_set = done.organisation.token_set
    secret = f"xero-tokens-{token_set}"
    others = [each.name for each in connections.connected(connector.store) if each.token_set == token_set]
    if others:
        return f"{secret} is still used by {', '.join(others)}."
    if done.token_set_ended:
        return f"the tokens of {secret} are ended; nobody needs that secret any more."
    return f"nobody needs {secret} any more; its tokens were not ended at Xero."
