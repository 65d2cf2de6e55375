"""What can be typed after manage.py. Read before the environment exists: only the standard library, on old Pythons too."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def parser():  # type: ignore[no-untyped-def]  # runs on old Pythons too
    top = argparse.ArgumentParser(
        prog="python3 manage.py", description="Xero's books in Power BI: the operator's commands."
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    for add in (_on_the_laptop, _organisations, _datasets, _looking, _mending, _leaving, _building):
        add(commands)
    return top


def _on_the_laptop(commands: "Commands") -> None:
    """What needs no account."""
    demo = commands.add_parser("demo", help="play the whole path on this machine, without any account")
    demo.add_argument("--once", action="store_true", help="exit when it is played; 1 when any figure differs")
    demo.add_argument("--report", type=Path, metavar="FILE", help="write the figures as JSON")
    demo.add_argument(
        "--documents",
        type=documents,
        default=12000,
        metavar="N",
        help="documents of the made-up company's three offices, 300 or more (%(default)s)",
    )
    demo.add_argument("--seed", type=int, metavar="S", help="another number makes another company")
    demo.add_argument(
        "--company",
        type=folder,
        metavar="DIR",
        help="recorded answers of Xero's API (JSON, XML) in place of the made-up company",
    )

    local = commands.add_parser("local", help="start the local cloud and leave the rest to you")
    local.add_argument(
        "--host",
        choices=("own", "func"),
        default="own",
        help="what runs the functions: the project's own host, or `func start` of "
        "Azure Functions Core Tools (%(default)s)",
    )


def _organisations(commands: "Commands") -> None:
    """Who is read."""
    connect = with_settings(commands, "connect", "connect organisations, by a user's consent at Xero")
    connect.add_argument(
        "--dataset",
        default="default",
        metavar="NAME",
        help="where new organisations go; others stay in theirs (%(default)s)",
    )
    connect.add_argument(
        "--no-browser", action="store_true", help="print the address, and take the redirect pasted"
    )
    which = connect.add_mutually_exclusive_group()
    which.add_argument(
        "--organisation",
        action="append",
        default=[],
        metavar="X",
        help="do not ask which: this one, by name or tenant id; may be repeated",
    )
    which.add_argument("--all", action="store_true", help="do not ask which: all of them")
    connect.add_argument(
        "--disconnect-others",
        action="store_true",
        help="have Xero end its connection to those that are not chosen",
    )
    connect.add_argument(
        "--yes", action="store_true", help="go on where one would be asked, say for a new dataset"
    )

    disconnect = with_settings(commands, "disconnect", "stop reading an organisation; its rows stay")
    disconnect.add_argument("organisation", metavar="ORGANISATION", help="its name or tenant id")
    disconnect.add_argument("--yes", action="store_true", help="do not ask")

    with_settings(commands, "organisations", "list the connected organisations")

    webhook = commands.add_parser(
        "webhook", help="try how Xero's webhooks arrive", description="Try how Xero's webhooks arrive."
    )
    actions = webhook.add_subparsers(dest="action", metavar="ACTION", required=True)
    test_webhook = with_settings(
        actions, "test", "send what Xero sends before it believes an address (Intent to Receive)"
    )
    test_webhook.add_argument(
        "--url",
        default="",
        metavar="URL",
        help="where to; else that of --app, or of the local cloud",
    )
    test_webhook.add_argument("--json", action="store_true", help="one JSON document in place of words")


def _datasets(commands: "Commands") -> None:
    """Where rows go."""
    dataset = with_settings(commands, "dataset", "make, show, upgrade or delete datasets in Power BI")
    dataset.add_argument(
        "action",
        nargs="?",
        default="create",
        metavar="ACTION",
        help="create (the default; finds it when it is there), show, upgrade or delete",
    )
    dataset.add_argument("name", nargs="?", metavar="NAME", help="only this one, not all in use")
    dataset.add_argument(
        "--side-by-side", action="store_true", help="upgrade: a new dataset, whatever could be done in place"
    )
    dataset.add_argument("--switch", action="store_true", help="upgrade: the new dataset takes the place")
    dataset.add_argument("--cancel", action="store_true", help="upgrade: give the new dataset up")
    dataset.add_argument(
        "--adopt",
        action="store_true",
        help="create: take over one that this deployment did not make",
    )
    dataset.add_argument("--old", action="store_true", help="delete: those that were succeeded")
    dataset.add_argument("--yes", action="store_true", help="do not ask")

    compact = with_settings(commands, "compact", "take superseded rows out of Power BI")
    compact.add_argument("dataset", nargs="?", default="default", metavar="DATASET", help="(%(default)s)")
    compact.add_argument(
        "--table", default="", metavar="T", help="this one, due or not, also when it is parked"
    )


def _looking(commands: "Commands") -> None:
    """What tells, and changes nothing."""
    status = with_settings(commands, "status", "show whether figures are fresh, and what to do")
    status.epilog = (
        "Ends with 1 while an alarm of severity 0 to 2 stands. No call to Xero or Power BI is made."
    )
    status.add_argument("organisation", nargs="?", default="", metavar="ORGANISATION", help="only this one")
    status.add_argument("--all", action="store_true", help="every table, not only those that are not good")
    status.add_argument("--json", action="store_true", help="for machines, see docs/operate.md")

    doctor = with_settings(commands, "doctor", "look at all that is needed, and say what to click where")
    doctor.add_argument("--json", action="store_true", help="for a machine")

    alarm = with_settings(commands, "alarm", "list the alarms that stand, or test their way to the mailbox")
    alarm.epilog = "`list` ends with 1 while an alarm of severity 0 to 2 stands."
    alarm.add_argument(
        "action", choices=("list", "test"), help="list them, or have the deployed app tell a test alarm"
    )
    alarm.add_argument("--json", action="store_true", help="list: for machines")

    audit = with_settings(commands, "audit", "show what happened, newest first")
    audit.add_argument(
        "--organisation", default="", metavar="X", help="only of this one, by name or tenant id"
    )
    audit.add_argument("--resource", default="", metavar="R", help="only of this one, such as Invoices")
    audit.add_argument("--record", default="", metavar="ID", help="what became of this record")
    audit.add_argument("--operation", default="", metavar="ID", help="only of this run, as the log names it")
    audit.add_argument(
        "--since", default="24h", metavar="WHEN", help="90m, 24h, 7d, or a date or time in UTC (%(default)s)"
    )
    audit.add_argument("--failed", action="store_true", help="only what went wrong or waits")
    audit.add_argument("--limit", type=number, default=100, metavar="N", help="at most so many (%(default)s)")
    audit.add_argument("--json", action="store_true", help="print JSON")


def _mending(commands: "Commands") -> None:
    """What brings work forward, or holds it up."""
    backfill = with_settings(commands, "backfill", "show how far the histories are read")
    backfill.add_argument("--watch", action="store_true", help="until they are")
    backfill.add_argument("--again", action="store_true", help="read what was read once more, whole")
    backfill.add_argument("--organisation", default="", metavar="X", help="again: only this one")
    backfill.add_argument(
        "--resource", default="", metavar="R", help="again: only this one, such as Invoices"
    )
    backfill.add_argument("--yes", action="store_true", help="again: do not ask")

    reconcile = with_settings(commands, "reconcile", "compare Xero, mirror and Power BI, and repair")
    reconcile.epilog = "Ends with 1 when anything differs, or a side could not be asked."
    reconcile.add_argument(
        "organisation", nargs="?", default="", metavar="ORGANISATION", help="its name or tenant id"
    )
    reconcile.add_argument("--now", action="store_true", help="everything, not only the next slice")
    reconcile.add_argument("--repair", action="store_true", help="fetch and push what differs")
    reconcile.add_argument("--yes", action="store_true", help="now: do not ask")
    reconcile.add_argument("--json", action="store_true", help="for machines")

    replay = with_settings(commands, "replay", "try again what lies in the quarantine or is parked")
    replay.add_argument(
        "--organisation", default="", metavar="X", help="only of this one, by name or tenant id"
    )
    replay.add_argument("--resource", default="", metavar="R", help="only of this one, such as Invoices")
    replay.add_argument("--record", default="", metavar="ID", help="only this record")

    pause = with_settings(commands, "pause", "stop reading an organisation, or everything, for a while")
    pause.add_argument(
        "organisation", nargs="?", default="", metavar="ORGANISATION", help="its name or tenant id"
    )
    pause.add_argument("--why", default="", metavar="TEXT", help="is shown wherever the pause is")
    pause.add_argument("--yes", action="store_true", help="do not ask")

    resume = with_settings(commands, "resume", "end a pause")
    resume.add_argument(
        "organisation", nargs="?", default="", metavar="ORGANISATION", help="its name or tenant id"
    )


def _leaving(commands: "Commands") -> None:
    """What goes to others, or is gone afterwards."""
    support = with_settings(commands, "support", "pack what a maintainer needs, without names or amounts")
    support.add_argument(
        "--output", type=Path, metavar="FILE", help="a zip file (support-DATE.zip in this folder)"
    )
    support.add_argument("--days", type=int, default=7, metavar="N", help="of the audit (%(default)s)")

    forget = with_settings(commands, "forget", "remove a contact's person from all that is held")
    forget.epilog = "Without --contact: the contacts that were to be forgotten, and how far each is."
    forget.add_argument("--contact", default="", metavar="ID", help="its ContactID")
    forget.add_argument(
        "--organisation", default="", metavar="X", help="whose contact it is, by name or tenant id"
    )
    forget.add_argument("--yes", action="store_true", help="do not ask")

    uninstall = with_settings(commands, "uninstall", "say what it takes to be rid of all, or do it")
    uninstall.epilog = "Without --yes nothing is changed."
    uninstall.add_argument("--yes", action="store_true", help="do it, once the deployment's name was typed")
    uninstall.add_argument("--delete-datasets", action="store_true", help="in Power BI, too")


def _building(commands: "Commands") -> None:
    """What a maintainer needs."""
    test = commands.add_parser("test", help="run the checks and tests")
    test.add_argument(
        "kind", nargs="?", choices=("unit", "contract", "system", "chaos"), help="only one kind"
    )
    test.add_argument("--seeds", type=positive, metavar="N", help="chaos: play so many seeds")
    test.add_argument(
        "--seed", type=positive, metavar="S", help="chaos: from this one on; alone, only this one"
    )
    test.add_argument("more", nargs="*", metavar="-- ARGUMENTS", help="arguments for pytest, after --")

    package = commands.add_parser("package", help="build the zip that Azure runs")
    package.add_argument(
        "--output", type=Path, metavar="FILE", help="where to (dist/connector.zip); unpacked beside it"
    )

    version = with_settings(commands, "version", "show what this is, and what a deployment runs")
    version.add_argument("--json", action="store_true", help="for machines")

    commands.add_parser("lock", help="pin the requirements anew, with hashes")

    commands.add_parser("docs", help="write the pages that are derived from the code")


def with_settings(commands: "Commands", name: str, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    where = command.add_mutually_exclusive_group()
    where.add_argument("--settings", type=Path, metavar="FILE", help="settings as in local.settings.json")
    where.add_argument(
        "--app",
        default="",
        metavar="NAME",
        help="a function app in Azure, by `az login` (or XERO_POWERBI_APP)",
    )
    command.add_argument(
        "--resource-group", default="", metavar="RG", help="of --app, which is looked for else"
    )
    return command


def positive(text):  # type: ignore[no-untyped-def]
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 on")
    return int(text)


def documents(text):  # type: ignore[no-untyped-def]
    if not text.isdecimal() or int(text) < 300:
        raise argparse.ArgumentTypeError(
            f"{text} is no number of documents: the made-up company has 300 at least"
        )
    return int(text)


def number(text):  # type: ignore[no-untyped-def]
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 on")
    return int(text)


def folder(text):  # type: ignore[no-untyped-def]
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    return Path(text)
