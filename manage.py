"""The operator's commands. Needs only Python to start: it makes its own environment, in .venv, the first time."""

import argparse
import sys
from pathlib import Path

from commands.arguments import parser

ROOT = Path(__file__).resolve().parent


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
