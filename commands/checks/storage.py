"""Storage: whether it answers, whether everything is there, and which role is missing. Reads only."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

from commands.checks.check import Check, Patient, Trouble, Wrong, words
from shared.storage import CONTAINERS, QUEUES, TABLES

# Nothing is called so.
NOTHING = "doctor"
REFUSED = (401, 403)


def _answers(patient: Patient) -> str:
    """Any answer will do, also one that refuses."""
    try:
        patient.connector.store.get_entity("connections", NOTHING, NOTHING)
    except HttpResponseError as error:
        if error.status_code is None or error.status_code >= 500:
            raise Wrong(_silent(error)) from error
    except (AzureError, OSError) as error:
        raise Wrong(_silent(error)) from error
    return "it answers"


def _silent(error: Exception) -> Trouble:
    return Trouble(
        "Storage does not answer.",
        "Storage account > Overview shows whether it is there; Security + networking > Networking, whether it takes calls "
        "from here. On a laptop: is Azurite running?",
        words(error),
    )


def _tables(patient: Patient) -> str:
    for table in TABLES:
        with _refusals(patient, "Storage Table Data Contributor", f"table {table}"):
            list(patient.connector.store.query_entities(table, NOTHING))
    return f"{len(TABLES)} tables can be read"


def _blobs(patient: Patient) -> str:
    for container in CONTAINERS:
        with _refusals(patient, "Storage Blob Data Owner", f"container {container}"):
            list(patient.connector.store.list_blobs(container, NOTHING))
    return f"{len(CONTAINERS)} containers can be read"


def _queues(patient: Patient) -> str:
    for queue in QUEUES:
        with _refusals(patient, "Storage Queue Data Contributor", f"queue {queue}"):
            patient.connector.store.queue_length(queue)
    return f"{len(QUEUES)} queues can be read"


@contextmanager
def _refusals(patient: Patient, role: str, what: str) -> Iterator[None]:
    try:
        yield
    except ResourceNotFoundError as error:
        raise Wrong(
            Trouble(f"There is no {what}.", "Deploy infra/ again: it makes what is missing.", words(error))
        ) from error
    except HttpResponseError as error:
        if error.status_code not in REFUSED:
            raise
        raise Wrong(
            Trouble(
                f"Storage does not let {patient.whose} read {what}: the role {role} is missing.",
                f"Storage account > Access control (IAM) > Add role assignment > {role}. It takes some minutes to count.",
                words(error),
            )
        ) from error


CHECKS = (
    Check("storage", "Storage", _answers, ("settings",)),
    Check("storage-tables", "Storage: tables", _tables, ("storage",)),
    Check("storage-blobs", "Storage: blobs", _blobs, ("storage",)),
    Check("storage-queues", "Storage: queues", _queues, ("storage",)),
)
