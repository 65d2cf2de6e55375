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
        default=4000,
        metavar="N",
        help="invoices and bills of the made-up company, 200 or more (%(default)s)",
    )
    demo.add_argument("--seed", type=int, metavar="S", help="another number makes another company")

    commands.add_parser("local", help="start the local cloud and leave the rest to you")

    test = commands.add_parser("test", help="run the checks and tests")
    test.add_argument("kind", nargs="?", choices=("unit", "contract", "system"), help="only one kind")
    test.add_argument("more", nargs="*", metavar="-- ARGUMENTS", help="arguments for pytest, after --")

    for name, text in (
        ("connect", "connect organisations, by a user's consent at Xero"),
        ("dataset", "make sure that the dataset is in Power BI"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "--settings", type=Path, metavar="FILE", help="settings as in local.settings.json"
        )
        if name == "connect":
            command.add_argument(
                "--no-browser", action="store_true", help="print the address, and take the redirect pasted"
            )

    commands.add_parser("lock", help="pin the requirements anew, with hashes")
    commands.add_parser("docs", help="write the pages that are derived from the code")
    return top


def documents(text):  # type: ignore[no-untyped-def]
    if not text.isdigit() or int(text) < 200:
        raise argparse.ArgumentTypeError("the company has 200 documents at least")
    return int(text)


def main() -> int:
    arguments = parser().parse_args()  # type: ignore[no-untyped-call]
    from local.bootstrap import run_in_environment

    # Returns only in the project's own environment; elsewhere it makes that and runs this script there.
    run_in_environment(ROOT, [__file__, *sys.argv[1:]])
    return dispatch(arguments)


def dispatch(arguments: argparse.Namespace) -> int:
    from azure.core.exceptions import AzureError

    from commands import connect, dataset, demo, docs, local, lock, test
    from commands.terminal import console
    from local.azurite import AzuriteError
    from local.cloud import CloudError
    from local.host.settings import HostError
    from shared.errors import ConnectorError

    run = {
        "demo": lambda: demo.run(
            once=arguments.once,
            report=arguments.report,
            documents=arguments.documents,
            seed=demo.SEED if arguments.seed is None else arguments.seed,
        ),
        "local": local.run,
        "test": lambda: test.run(arguments.kind, arguments.more),
        "connect": lambda: connect.run(arguments.settings, browser=not arguments.no_browser),
        "dataset": lambda: dataset.run(arguments.settings),
        "lock": lock.run,
        "docs": docs.run,
    }
    try:
        return run[arguments.command]()
    except (ConnectorError, AzuriteError, CloudError, HostError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except AzureError as error:
        console.print(f"Azure refused or did not answer: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
