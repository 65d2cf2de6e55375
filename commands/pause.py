"""pause and resume: read nothing of an organisation, or of any, for a while; tokens stay alive, and nothing is lost."""

from commands.organisations import choose
from commands.terminal import Where, agreed, connector, say
from shared.state import connections
from shared.state.connections import EVERYTHING, Paused
from shared.sync.connector import Connector
from shared.sync.pause import pause, resume

LONGEST_WHY = 200


def run(where: Where, organisation: str, *, why: str, yes: bool) -> int:
    """Pause an organisation; or everything, when the person agrees, else 1."""
    ours = connector(where)
    tenant_id, name = _of(ours, organisation)
    if tenant_id == EVERYTHING and not yes:
        say(what_will_happen())
        if not agreed("Pause everything?"):
            say(["Nothing was changed."])
            return 1
    began = pause(ours, tenant_id, " ".join(why.split())[:LONGEST_WHY])
    say(what_is_paused(name, connections.paused(ours.store)[tenant_id], began=began))
    return 0


def end(where: Where, organisation: str) -> int:
    """End a pause, and say what is paused still."""
    ours = connector(where)
    tenant_id, name = _of(ours, organisation)
    ended = resume(ours, tenant_id)
    say(what_goes_on(ours, name, ended=ended))
    return 0


def what_will_happen() -> list[str]:
    """What a person agrees to who pauses everything."""
    return [
        "Pausing everything:",
        "- Nothing is read from Xero, and nothing is pushed to Power BI; a table that is being rebuilt is finished.",
        "- Webhooks are answered and counted. Tokens are renewed, so that no consent is lost.",
        "- The report says so, and its figures stay as they are.",
    ]


def what_is_paused(name: str, paused: Paused, *, began: bool) -> list[str]:
    """Since when, why, and how it ends."""
    why = f" ({paused.why})" if paused.why else ""
    of = f' "{name}"' if paused.tenant_id != EVERYTHING else ""
    return [
        f"{name} {'is' if began else 'was already'} paused, since {paused.since:%F %T} UTC{why}. What runs now ends "
        "with its next call.",
        f"Next: `python3 manage.py resume{of}` reads what changed meanwhile.",
    ]


def what_goes_on(connector: Connector, name: str, *, ended: bool) -> list[str]:
    """What was resumed, and what is paused still."""
    lines = [f"{name} is resumed." if ended else f"{name} was not paused."]
    names = {each.tenant_id: each.name for each in connections.connected(connector.store)}
    still = connections.paused(connector.store)
    lines += [
        f"{'Everything' if tenant_id == EVERYTHING else names.get(tenant_id, tenant_id)} is paused since "
        f"{paused.since:%F %T} UTC."
        for tenant_id, paused in still.items()
    ]
    if EVERYTHING in still:
        return [*lines, "Next: `python3 manage.py resume` ends that."]
    if ended:
        lines.append("Next: poll_timer reads within a minute what changed meanwhile. Nothing is to be done.")
    return lines


def _of(connector: Connector, organisation: str) -> tuple[str, str]:
    """A tenant id and a name, those of everything when none is named. Raises AskPerson."""
    if not organisation:
        return EVERYTHING, "Everything"
    chosen = choose(connector, organisation)
    return chosen.tenant_id, chosen.name
