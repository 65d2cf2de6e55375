"""Make sure that a dataset is there in Power BI, once, remember its id, fill it when it is another than before; delete it."""

from contextlib import suppress

from shared.errors import AskPerson, NotFound
from shared.powerbi.client import DEADLINE_SECONDS
from shared.state import connections, definitions, messages, sink
from shared.state.connections import DEFAULT_DATASET
from shared.state.sink import Writer
from shared.sync import refusals
from shared.sync.connector import Connector
from shared.sync.rebuild import rebuild
from shared.tables import schema
from shared.tables.definition import declared


def ensure_dataset(connector: Connector, dataset: str, *, adopt: bool = False) -> tuple[str, bool]:
    """The Power BI id of a dataset, and whether it was made now. May run at any time.

    adopt: take one of its name that this deployment did not make, which else is refused, since another may write it.

    Power BI makes a second dataset of the same name without a word, so it is looked up by name first, and made under the
    dataset's lease. What has landed meanwhile is pushed at once, and so is what the mirror knows to be in another one: a
    dataset that was deleted in Power BI is made anew and filled. Raises LeaseBusy when there is something to make while
    another run holds the dataset, and AskPerson.
    """
    name = name_in_powerbi(connector, dataset)
    powerbi_id, made = sink.read(connector.store, dataset).powerbi_id, False
    if not powerbi_id or powerbi_id not in names(connector):
        powerbi_id, made = _make(connector, dataset, name, adopt=adopt)
    audit = connector.audit()
    audit.add("dataset", "made" if made else "found", why=name, request_id=powerbi_id)
    rebuild(connector, audit, dataset, powerbi_id)
    audit.flush()
    refusals.accepted(connector, dataset)
    # A push that met no dataset has put its wake off for long; this one does not wait for that.
    messages.send_wake(connector.store, connector.clock, dataset, "the dataset is there", audit.operation)
    return powerbi_id, made


def known_datasets(connector: Connector) -> list[str]:
    """The datasets that organisations go into, or went into until they were disconnected; and the default one."""
    tenants = connections.known(connector.store)
    found = {
        each
        for one in tenants
        for part in connections.datasets_of(connector.store, one.tenant_id)
        for each in part
    }
    return sorted({DEFAULT_DATASET, *found})


def name_in_powerbi(connector: Connector, dataset: str) -> str:
    """What a dataset is called there: by POWERBI_DATASET_NAME, and its own name behind it unless it is the default."""
    name = connector.settings.powerbi_dataset_name
    return name if dataset == DEFAULT_DATASET else f"{name} {dataset}"


def _make(connector: Connector, dataset: str, name: str, *, adopt: bool) -> tuple[str, bool]:
    with Writer.take(connector.store, connector.clock, dataset) as writer:
        writer.hold(2 * DEADLINE_SECONDS)
        known = names(connector)
        if writer.state.powerbi_id in known:
            return writer.state.powerbi_id, False
        # What is to succeed it has a name of its own, which its own steps look after.
        ids = [powerbi_id for powerbi_id, called in known.items() if called == name]
        if ids and not adopt and not definitions.is_ours(connector.store, dataset, name, ids[0]):
            raise AskPerson(
                f"The workspace has a dataset {name!r}, {ids[0]}, that this deployment did not make. Two that write one dataset "
                "spoil each other's figures: when another deployment (a test?) writes it, set POWERBI_DATASET_NAME to another "
                "name; when nothing does any more, `python3 manage.py dataset create --adopt` takes it over."
            )
        powerbi_id = ids[0] if ids else create(connector, writer, name)
        definitions.adopt(connector.store, dataset, name, powerbi_id)
        writer.bind(powerbi_id, empty=not ids)
    return powerbi_id, not ids


def names(connector: Connector) -> dict[str, str]:
    """What the datasets of the workspace are called, by id."""
    return {str(each["id"]): str(each.get("name", "")) for each in connector.powerbi().datasets()}


def create(connector: Connector, writer: Writer, name: str) -> str:
    """Make a dataset of that name, of which there is none; what it is made with is known even if the answer is lost."""
    definitions.intend(connector.store, writer.state.dataset, name, declared())
    writer.hold(2 * DEADLINE_SECONDS)
    return connector.powerbi().create_dataset(schema.dataset(name))


def delete_dataset(connector: Connector, dataset: str) -> bool:
    """Delete a dataset in Power BI; answers whether there was one. What its organisations' state says stays.

    Raises LeaseBusy, and AskPerson while another is to take its place.
    """
    with Writer.take(connector.store, connector.clock, dataset) as writer:
        if writer.state.successor is not None:
            raise AskPerson(
                f"{writer.state.successor.name!r} is being filled to take the place of dataset {dataset}: "
                "`dataset upgrade --switch` or `--cancel` comes first."
            )
        powerbi_id = writer.state.powerbi_id
        if not powerbi_id:
            return False
        remove(connector, writer, powerbi_id)
        writer.bind("", empty=True)
        _tell(connector, "deleted", dataset, powerbi_id)
    return True


def delete_old(connector: Connector, dataset: str) -> list[str]:
    """Delete in Power BI what was succeeded; answers the ids."""
    with Writer.take(connector.store, connector.clock, dataset) as writer:
        old = list(writer.state.old)
        for powerbi_id in old:
            remove(connector, writer, powerbi_id)
            writer.forget_old(powerbi_id)
            _tell(connector, "deleted", dataset, powerbi_id)
    return old


def cancel(connector: Connector, dataset: str) -> str:
    """Delete what was to take a dataset's place, however far it was; answers its name, "" when there was none."""
    with Writer.take(connector.store, connector.clock, dataset) as writer:
        successor = writer.state.successor
        if successor is None:
            return ""
        # One whose making had an unknown outcome is known by name only.
        called = [successor.powerbi_id] if successor.powerbi_id else []
        writer.hold(2 * DEADLINE_SECONDS)
        for powerbi_id in called or [one for one, name in names(connector).items() if name == successor.name]:
            remove(connector, writer, powerbi_id)
        writer.give_up()
        _tell(connector, "given up", dataset, successor.powerbi_id)
    return successor.name


def remove(connector: Connector, writer: Writer, powerbi_id: str) -> None:
    """Delete a dataset in Power BI, whether it is there still or not."""
    writer.hold(2 * DEADLINE_SECONDS)
    with suppress(NotFound):
        connector.powerbi().delete_dataset(powerbi_id)
    definitions.forget(connector.store, writer.state.dataset, powerbi_id)


def _tell(connector: Connector, outcome: str, dataset: str, powerbi_id: str) -> None:
    audit = connector.audit()
    audit.add("dataset", outcome, why=dataset, request_id=powerbi_id)
    audit.flush()
