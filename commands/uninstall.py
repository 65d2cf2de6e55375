"""uninstall: what it takes to be rid of the connector, done as far as it can be from here; what stays and how it goes is said."""

import os
from urllib.parse import urlsplit

from commands.terminal import Where, connector, say, typed
from shared.parsing import is_loopback
from shared.sync.connector import Connector
from shared.sync.uninstall import plan, uninstall


def run(where: Where, *, yes: bool, delete_datasets: bool) -> int:
    """Say what would be done; with `yes` do it, once the deployment's name was typed. 1 when something could not be done."""
    ours = connector(where)
    name = deployment(ours, where)
    if not yes:
        say(
            [
                f"To uninstall {name}, this would",
                *(f"- {step.about}" for step in plan(ours, delete_datasets=delete_datasets)),
            ]
        )
        say(what_stays(where, deleted=delete_datasets))
        say(
            [
                "Nothing was changed. Next: the same with --yes does it, once you have typed the deployment's name."
            ]
        )
        return 0
    say([f"Uninstalling {name} cannot be undone: whoever wants it back connects every organisation again."])
    if not typed(name):
        return 1
    failed = 0
    for step in uninstall(ours, delete_datasets=delete_datasets):
        failed += bool(step.trouble)
        say([f"- {step.about}{f'. {step.trouble}' if step.trouble else ''}"])
    say(what_stays(where, deleted=delete_datasets))
    if failed:
        say(
            [
                f"{failed} of it could not be done. Next: run this again; what stays listed at Xero a user disconnects there, "
                "in each organisation under Settings > Connected apps."
            ]
        )
    return int(failed > 0)


def deployment(connector: Connector, where: Where) -> str:
    """What the deployment is called: the function app, else the storage account, else `local`."""
    app = where.app or os.environ.get("WEBSITE_SITE_NAME", "")
    account = urlsplit(connector.settings.storage.blob_uri).hostname or ""
    if app:
        return app
    return (
        account.partition(".")[0]
        if account and not is_loopback(connector.settings.storage.blob_uri)
        else "local"
    )


def what_stays(where: Where, *, deleted: bool) -> list[str]:
    """What is left, and how each part goes."""
    group = where.resource_group or "rg-NAME"
    return [
        "What stays, and how it goes:",
        "- Azure: function app, storage with the mirror, the answers of Xero and the audit, logs, alerts:",
        f"    az group delete --name {group}     (`azd down` where azd made it)",
        "- Key Vault goes with the group, and Azure keeps it, and each secret that was deleted, for the days of its soft delete: "
        "90 with purge protection, as infra/ sets it, and nobody can shorten that. The tokens in it are ended; withdraw what you "
        "typed there where it was issued: Xero's client secret and webhook key, Power BI's client secret or certificate.",
        "- Xero: the app itself, with its webhook: at developer.xero.com, under My Apps.",
        f"- Power BI: {'reports and ' if deleted else 'datasets with all rows (or --delete-datasets), reports and '}"
        "the app's role in the workspace: the workspace > Manage access.",
        "- Entra: the app registration that pushes to Power BI: Entra admin centre > App registrations > Delete; and its "
        "membership in the security group of the tenant setting.",
        "- GitHub: the workflow's federated credential, if you deployed by it.",
    ]
