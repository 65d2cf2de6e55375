"""What can be typed after manage.py. Read before the environment exists: only the standard library, on old Pythons too."""

import argparse
from pathlib import Path


def parser():  # type: ignore[no-untyped-def]  # runs on old Pythons too
    top = argparse.ArgumentParser(
        prog="python3 manage.py", description="Xero's books in Power BI: the operator's commands."
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

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

    commands.add_parser("local", help="start the local cloud and leave the rest to you")

    test = commands.add_parser("test", help="run the checks and tests")
    test.add_argument("kind", nargs="?", choices=("unit", "contract", "system"), help="only one kind")
    test.add_argument("more", nargs="*", metavar="-- ARGUMENTS", help="arguments for pytest, after --")

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

    disconnect = with_settings(commands, "disconnect", "stop reading an organisation; its rows stay")
    disconnect.add_argument("organisation", metavar="ORGANISATION", help="its name or tenant id")
    disconnect.add_argument("--yes", action="store_true", help="do not ask")

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
    dataset.add_argument("--old", action="store_true", help="delete: those that were succeeded")
    dataset.add_argument("--yes", action="store_true", help="do not ask")

    compact = with_settings(commands, "compact", "take superseded rows out of Power BI")
    compact.add_argument("dataset", nargs="?", default="default", metavar="DATASET", help="(%(default)s)")
    compact.add_argument(
        "--table", default="", metavar="T", help="this one, due or not, also when it is parked"
    )

    with_settings(commands, "organisations", "list the connected organisations")

    backfill = with_settings(commands, "backfill", "show how far the histories are read")
    backfill.add_argument("--watch", action="store_true", help="until they are")

    replay = with_settings(commands, "replay", "try again what lies in the quarantine")
    replay.add_argument(
        "--organisation", default="", metavar="X", help="only of this one, by name or tenant id"
    )
    replay.add_argument("--resource", default="", metavar="R", help="only of this one, such as Invoices")
    replay.add_argument("--record", default="", metavar="ID", help="only this record")

    commands.add_parser("lock", help="pin the requirements anew, with hashes")
    commands.add_parser("docs", help="write the pages that are derived from the code")
    return top


def with_settings(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    command.add_argument("--settings", type=Path, metavar="FILE", help="settings as in local.settings.json")
    return command


def documents(text):  # type: ignore[no-untyped-def]
    if not text.isdecimal() or int(text) < 300:
        raise argparse.ArgumentTypeError(
            f"{text} is no number of documents: the made-up company has 300 at least"
        )
    return int(text)


def folder(text):  # type: ignore[no-untyped-def]
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    return Path(text)
