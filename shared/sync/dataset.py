"""Make sure that a dataset is there in Power BI, once, remember its id, and fill it when it is another than before."""

from shared.powerbi.client import DEADLINE_SECONDS
from shared.state import messages, sink
from shared.state.connections import DEFAULT_DATASET
from shared.state.sink import Writer
from shared.sync.connector import Connector
from shared.sync.rebuild import rebuild
from shared.tables import schema


def ensure_dataset(connector: Connector, dataset: str) -> tuple[str, bool]:
    """The Power BI id of a dataset, and whether it was made now. May run at any time.

    Power BI makes a second dataset of the same name without a word, so it is looked up by name first, and made under the
    dataset's lease. What has landed meanwhile is pushed at once, and so is what the mirror knows to be in another one: a
    dataset that was deleted in Power BI is made anew and filled. Raises LeaseBusy when there is something to make while
    another run holds the dataset.
    """
    name = name_in_powerbi(connector, dataset)
    powerbi_id, made = sink.read(connector.store, dataset).powerbi_id, False
    if not powerbi_id or powerbi_id not in _called(connector, name):
        powerbi_id, made = _make(connector, dataset, name)
    audit = connector.audit()
    audit.add("dataset", "made" if made else "found", why=name, request_id=powerbi_id)
    rebuild(connector, audit, dataset, powerbi_id)
    audit.flush()
    # A push that met no dataset has put its wake off for long; this one does not wait for that.
    messages.send_wake(connector.store, connector.clock, dataset, "the dataset is there", audit.operation)
    return powerbi_id, made


def name_in_powerbi(connector: Connector, dataset: str) -> str:
    """What a dataset is called there: by POWERBI_DATASET_NAME, and its own name behind it unless it is the default."""
    name = connector.settings.powerbi_dataset_name
    return name if dataset == DEFAULT_DATASET else f"{name} {dataset}"


def _make(connector: Connector, dataset: str, name: str) -> tuple[str, bool]:
    with Writer.take(connector.store, connector.clock, dataset) as writer:
        writer.hold(2 * DEADLINE_SECONDS)
        ids = _called(connector, name)
        if writer.state.powerbi_id in ids:
            return writer.state.powerbi_id, False
        writer.hold(2 * DEADLINE_SECONDS)
        powerbi_id = ids[0] if ids else connector.powerbi().create_dataset(schema.dataset(name))
        writer.bind(powerbi_id, empty=not ids)
    return powerbi_id, not ids


def _called(connector: Connector, name: str) -> list[str]:
    return [str(found["id"]) for found in connector.powerbi().datasets() if found.get("name") == name]
