"""Make sure that a dataset is there in Power BI, once, and remember its id."""

from shared.powerbi.client import DEADLINE_SECONDS
from shared.state.sink import Writer
from shared.sync.connector import Connector
from shared.tables import schema


def ensure_dataset(connector: Connector, dataset: str) -> tuple[str, bool]:
    """The Power BI id of a dataset, and whether it was made now. May run at any time.

    Power BI makes a second dataset of the same name without a word, so it is looked up by name first, and made under the
    dataset's lease. Raises LeaseBusy while the dataset is written.
    """
    with Writer.take(connector.store, connector.clock, dataset) as writer:
        powerbi, name = connector.powerbi(), connector.settings.powerbi_dataset_name
        writer.hold(2 * DEADLINE_SECONDS)
        ids = [str(found["id"]) for found in powerbi.datasets() if found.get("name") == name]
        if writer.state.powerbi_id in ids:
            return writer.state.powerbi_id, False
        made = not ids
        writer.hold(2 * DEADLINE_SECONDS)
        powerbi_id = powerbi.create_dataset(schema.dataset(name)) if made else ids[0]
        writer.bind(powerbi_id)
    audit = connector.audit()
    audit.add("dataset", "made" if made else "found", why=name, request_id=powerbi_id)
    audit.flush()
    return powerbi_id, made
