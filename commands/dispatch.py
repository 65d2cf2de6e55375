"""From what was typed to the command that does it."""

import argparse

from azure.core.exceptions import AzureError

from commands.terminal import Where, console
from local.errors import LocalError
from shared.errors import ConnectorError


def dispatch(arguments: argparse.Namespace) -> int:
    """Run what was typed. An error that is foreseen is said in its own words; the exit code is 1."""
    try:
        return run(arguments)
    except (ConnectorError, LocalError) as error:
        notes = getattr(error, "__notes__", [])
        console.print("\n".join([str(error), *notes]), style="red", markup=False)
        return 1
    except AzureError as error:
        console.print(f"Azure refused or did not answer: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130


def run(arguments: argparse.Namespace) -> int:
    """One command; it alone is imported, since each has libraries of its own."""
    where = Where.of(arguments)
    match arguments.command:
        case "demo":
            from commands import demo

            return demo.run(
                once=arguments.once,
                report=arguments.report,
                documents=arguments.documents,
                seed=demo.SEED if arguments.seed is None else arguments.seed,
                company=arguments.company,
            )
        case "local":
            from commands import local

            return local.run(arguments.host)
        case "test":
            from commands import test

            return test.run(arguments.kind, arguments.more, seeds=arguments.seeds, seed=arguments.seed)
        case "connect":
            from commands import connect
            from commands.choose import Wanted

            return connect.run(
                where,
                Wanted(
                    dataset=arguments.dataset,
                    organisations=arguments.organisation,
                    everything=arguments.all,
                    yes=arguments.yes,
                    disconnect_others=arguments.disconnect_others,
                ),
                browser=not arguments.no_browser,
            )
        case "disconnect":
            from commands import disconnect

            return disconnect.run(where, arguments.organisation, yes=arguments.yes)
        case "dataset":
            from commands import dataset

            return dataset.manage(
                where,
                arguments.action,
                arguments.name,
                side_by_side=arguments.side_by_side,
                switch=arguments.switch,
                cancel=arguments.cancel,
                old=arguments.old,
                adopt=arguments.adopt,
                yes=arguments.yes,
            )
        case "compact":
            from commands import compact

            return compact.run(where, arguments.dataset, table=arguments.table)
        case "reconcile":
            from commands import reconcile

            return reconcile.run(
                where,
                arguments.organisation,
                now=arguments.now,
                repair=arguments.repair,
                as_json=arguments.json,
                yes=arguments.yes,
            )
        case "organisations":
            from commands import organisations

            return organisations.run(where)
        case "backfill":
            from commands import backfill

            return backfill.run(
                where,
                watch=arguments.watch,
                again=arguments.again,
                organisation=arguments.organisation,
                resource=arguments.resource,
                yes=arguments.yes,
            )
        case "status":
            from commands import status

            return status.run(where, arguments.organisation, everything=arguments.all, as_json=arguments.json)
        case "alarm":
            from commands import alarm

            return alarm.run(where, arguments.action, as_json=arguments.json)
        case "replay":
            from commands import replay

            return replay.run(
                where,
                organisation=arguments.organisation,
                resource=arguments.resource,
                record_id=arguments.record,
            )
        case "doctor":
            from commands import doctor

            return doctor.run(where, as_json=arguments.json)
        case "webhook":
            from commands import webhook

            return webhook.run(where, arguments.url, as_json=arguments.json)
        case "pause":
            from commands import pause

            return pause.run(where, arguments.organisation, why=arguments.why, yes=arguments.yes)
        case "resume":
            from commands import pause

            return pause.end(where, arguments.organisation)
        case "forget":
            from commands import forget

            return forget.run(where, arguments.contact, arguments.organisation, yes=arguments.yes)
        case "support":
            from commands import support

            return support.run(where, arguments.output, days=arguments.days)
        case "uninstall":
            from commands import uninstall

            return uninstall.run(where, yes=arguments.yes, delete_datasets=arguments.delete_datasets)
        case "package":
            from commands import package

            return package.run(arguments.output)
        case "version":
            from commands import version

            return version.run(where, as_json=arguments.json)
        case "audit":
            from commands import audit

            return audit.run(
                where,
                organisation=arguments.organisation,
                resource=arguments.resource,
                record_id=arguments.record,
                operation=arguments.operation,
                since=arguments.since,
                failed=arguments.failed,
                limit=arguments.limit,
                as_json=arguments.json,
            )
        case "lock":
            from commands import lock

            return lock.run()
        case "docs":
            from commands import docs

            return docs.run()
    raise AssertionError(f"{arguments.command} is declared, and nothing runs it")
