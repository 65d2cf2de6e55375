"""The operator's commands. Needs only Python to start: it makes its own environment, in .venv, the first time."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


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


def main() -> int:
    arguments = parser().parse_args()  # type: ignore[no-untyped-call]
    from local.bootstrap import run_in_environment

    # Returns only in the project's own environment; elsewhere it makes that and runs this script there.
    run_in_environment(ROOT, [__file__, *sys.argv[1:]])
    return dispatch(arguments)


def dispatch(arguments: argparse.Namespace) -> int:
    from azure.core.exceptions import AzureError

    from commands import (
        backfill,
        compact,
        connect,
        dataset,
        demo,
        disconnect,
        docs,
        local,
        lock,
        organisations,
        replay,
        test,
    )
    from commands.terminal import console
    from local.azurite import AzuriteError
    from local.cloud import CloudError
    from local.host.settings import HostError
    from local.recorded import NotRecorded
    from shared.errors import ConnectorError

    run = {
        "demo": lambda: demo.run(
            once=arguments.once,
            report=arguments.report,
            documents=arguments.documents,
            seed=demo.SEED if arguments.seed is None else arguments.seed,
            company=arguments.company,
        ),
        "local": local.run,
        "test": lambda: test.run(arguments.kind, arguments.more),
        "connect": lambda: connect.run(
            arguments.settings, dataset=arguments.dataset, browser=not arguments.no_browser
        ),
        "disconnect": lambda: disconnect.run(arguments.settings, arguments.organisation, yes=arguments.yes),
        "dataset": lambda: dataset.manage(
            arguments.settings,
            arguments.action,
            arguments.name,
            side_by_side=arguments.side_by_side,
            switch=arguments.switch,
            cancel=arguments.cancel,
            old=arguments.old,
            yes=arguments.yes,
        ),
        "compact": lambda: compact.run(arguments.settings, arguments.dataset, table=arguments.table),
        "organisations": lambda: organisations.run(arguments.settings),
        "backfill": lambda: backfill.run(arguments.settings, watch=arguments.watch),
        "replay": lambda: replay.run(
            arguments.settings,
            organisation=arguments.organisation,
            resource=arguments.resource,
            record_id=arguments.record,
        ),
        "lock": lock.run,
        "docs": docs.run,
    }
    try:
        return run[arguments.command]()
    except (ConnectorError, AzuriteError, CloudError, HostError, NotRecorded) as error:
        notes = getattr(error, "__notes__", [])
        console.print("\n".join([str(error), *notes]), style="red", markup=False)
        return 1
    except AzureError as error:
        console.print(f"Azure refused or did not answer: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
