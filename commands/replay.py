"""replay: try again what was put aside, after the cause is mended."""

from collections.abc import Mapping

from commands.organisations import by_name, choose
from commands.terminal import Where, connector, say
from shared.errors import AskPerson
from shared.sync.connector import Connector
from shared.sync.replay import replay
from shared.xero.resources import RESOURCES


def run(where: Where, *, organisation: str, resource: str, record_id: str) -> int:
    """Queue what lies in the quarantine or waits for a person and fits, and say where to look next."""
    resource = resource_name(resource)
    ours = connector(where)
    tenant_id = choose(ours, organisation).tenant_id if organisation else ""
    queued = replay(ours, organisation=tenant_id, resource=resource, record_id=record_id)
    say(what_was_queued(queued, everything=not (tenant_id or resource or record_id)))
    say(who_waits(ours, tenant_id))
    return 0


def resource_name(text: str) -> str:
    """The resource of a name in any case; "" for all. Raises AskPerson with those that there are."""
    names = {name.casefold(): name for name in RESOURCES}
    if text and text.casefold() not in names:
        raise AskPerson(f"{text[:80]!r} is no resource; there are {', '.join(RESOURCES)}.")
    return names.get(text.casefold(), "")


def what_was_queued(queued: Mapping[str, int], *, everything: bool) -> list[str]:
    """How many of each, and where they turn up."""
    if not queued:
        return [
            f"Nothing {'' if everything else 'that fits '}lies in the quarantine that could be tried again."
        ]
    return [
        f"Queued: {', '.join(f'{count} {what}' for what, count in queued.items())}.",
        "Next: push_queue and poll_timer try them now. What is good leaves table quarantine and is in Power BI within "
        "minutes; what is still bad stays there, with a row `quarantine` in today's audit. What still waits for a person is "
        "an alarm again in `python3 manage.py status`.",
    ]


def who_waits(connector: Connector, tenant_id: str) -> list[str]:
    """The organisations of which nothing can be fetched."""
    return [
        f"{each.name}: its consent is lost, so that nothing of it is fetched. Run `python3 manage.py connect`, then "
        "this again."
        for each in by_name(connector)
        if each.consent_lost and tenant_id in ("", each.tenant_id)
    ]
