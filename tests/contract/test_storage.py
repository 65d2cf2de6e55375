"""One contract for both stores: what `shared.storage` promises, AzureStore on Azurite and MemoryStore keep alike.

First what both are asked, then what needs time to pass or what Azurite lets through (in memory only), then what is the
SDK's own (Azurite only), last both of them through the same sequences of table operations.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from azure.core.exceptions import AzureError, ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.queue import QueueServiceClient
from hypothesis import given, settings
from hypothesis import strategies as st

from local.azurite import Azurite
from shared.clock import Clock, SystemClock
from shared.settings import StorageSettings
from shared.storage import (
    CONTAINERS,
    QUEUES,
    TABLES,
    Conflict,
    Entity,
    Lease,
    LeaseLost,
    Message,
    Store,
    Value,
    Write,
    transactions,
)
from shared.storage_azure import AzureStore
from tests.support.clock import ManualClock
from tests.support.memory_store import MemoryStore

TABLE = "mirror"
KINDS: Sequence[Literal["replace", "merge", "delete"]] = ("replace", "merge", "delete")
KIB = 1024
MIB = 1024 * KIB


@dataclass
class Subject:
    """A store under test, and what a test does to it from outside."""

    store: Store
    clock: Clock
    create_queue: Callable[[], str]
    reveal: Callable[[str, Message], None]
    """Makes a received message visible again at once."""


@pytest.fixture(scope="module")
def azure_store(azurite: Azurite) -> AzureStore:
    store = AzureStore(StorageSettings(connection_string=azurite.connection_string), None, SystemClock())
    store.prepare()
    return store


@pytest.fixture(scope="module")
def azure_queues(azurite: Azurite) -> QueueServiceClient:
    return QueueServiceClient.from_connection_string(azurite.connection_string)


@pytest.fixture(params=["memory", "azurite"])
def subject(request: pytest.FixtureRequest) -> Subject:
    queue = f"q{uuid.uuid4().hex}"
    if request.param == "memory":
        clock = ManualClock()
        memory = MemoryStore(clock)
        memory.create_queue(queue)
        return Subject(memory, clock, lambda: queue, lambda _, message: clock.advance(3600))
    queues: QueueServiceClient = request.getfixturevalue("azure_queues")

    def create_queue() -> str:
        queues.create_queue(queue)
        return queue

    def reveal(queue: str, message: Message) -> None:
        queues.get_queue_client(queue).update_message(
            message.message_id, message.receipt, visibility_timeout=0
        )

    return Subject(request.getfixturevalue("azure_store"), SystemClock(), create_queue, reveal)


@pytest.fixture
def store(subject: Subject) -> Store:
    return subject.store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def memory(clock: ManualClock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def unique() -> str:
    """A partition, name or prefix of this test's own."""
    return uuid.uuid4().hex


def entity(partition: str, row: str, **properties: Value) -> Entity:
    return {"PartitionKey": partition, "RowKey": row, **properties}


def rows(store: Store, partition: str, **bounds: str) -> list[str]:
    return [str(stored.entity["RowKey"]) for stored in store.query_entities(TABLE, partition, **bounds)]


def read(store: Store, partition: str, row: str) -> Entity | None:
    stored = store.get_entity(TABLE, partition, row)
    return stored.entity if stored else None


def at_once[T](work: Callable[[int], T], times: int = 8) -> list[T]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times)))


def test_preparing_makes_what_is_missing_and_keeps_the_rest(store: Store, unique: str) -> None:
    """Every container, table and queue of the seam is there, and `prepare` may run at any time."""
    lease = store.acquire_lease(f"{unique}/lease", 60)
    for container in CONTAINERS:
        store.put_blob(container, unique, b"1")
    for table in TABLES:
        store.write_entity(table, Write("insert", entity(unique, "a")))
    lengths = [store.queue_length(queue) for queue in QUEUES]
    store.prepare()
    assert lease is not None
    assert store.acquire_lease(f"{unique}/lease", 60) is None
    assert {store.get_blob(container, unique) for container in CONTAINERS} == {b"1"}
    assert all(store.get_entity(table, unique, "a") for table in TABLES)
    assert [store.queue_length(queue) for queue in QUEUES] == lengths


class TestEntities:
    def test_values_come_back_as_they_were_written(self, store: Store, unique: str) -> None:
        """Every value keeps its type and every bit, at the ends of each range too."""
        written = entity(
            unique,
            "a",
            text="Zoë's “café” — 株式会社 😀 \n\t\"'\\",
            empty_text="",
            digits="0042",
            instant="2026-11-23T09:00:00Z",
            zero=0,
            negative=-7,
            most_32=2**31 - 1,
            least_32=-(2**31),
            above_32=2**31,
            below_32=-(2**31) - 1,
            version=2**53 - 1,
            negative_version=-(2**53) + 1,
            most_64=2**63 - 1,
            least_64=-(2**63),
            third=1 / 3,
            whole=1.0,
            vast=1.7976931348623157e308,
            tiny=5e-324,
            yes=True,
            no=False,
            binary=bytes(range(256)),
            empty_binary=b"",
        )
        store.write_entity(TABLE, Write("insert", written))
        found = read(store, unique, "a")
        assert found == written
        assert {name: repr(value) for name, value in found.items()} == {
            name: repr(value) for name, value in written.items()
        }
        assert [stored.entity for stored in store.query_entities(TABLE, unique)] == [written]

    def test_a_transaction_writes_the_same_values(self, store: Store, unique: str) -> None:
        """What goes in by a transaction comes out as what goes in alone."""
        written = entity(
            unique, "a", text="é😀\r\n--x", version=2**53 - 1, binary=b"\x00\r\n\xff", whole=2.0, yes=True
        )
        store.write_entities(TABLE, [Write("insert", written)])
        found = read(store, unique, "a")
        assert found == written
        assert {name: type(value) for name, value in found.items()} == {
            name: type(value) for name, value in written.items()
        }

    def test_what_is_not_there_is_none(self, store: Store, unique: str) -> None:
        """A missing entity is None, a query without a match is empty."""
        assert store.get_entity(TABLE, unique, "a") is None
        assert rows(store, unique) == []

    def test_a_missing_table_is_no_missing_entity(self, store: Store, unique: str) -> None:
        """Reading or writing a table that does not exist fails, and not as a Conflict."""
        gone = entity(unique, "a")
        for attempt in (
            lambda: store.get_entity("nowhere", unique, "a"),
            lambda: list(store.query_entities("nowhere", unique)),
            lambda: store.write_entity("nowhere", Write("insert", gone)),
            lambda: store.write_entity("nowhere", Write("replace", gone)),
            lambda: store.write_entity("nowhere", Write("replace", gone, 'W/"1"')),
            lambda: store.write_entity("nowhere", Write("delete", gone, 'W/"1"')),
            lambda: store.write_entities("nowhere", [Write("insert", gone)]),
            lambda: store.write_entities("nowhere", [Write("delete", gone)]),
        ):
            with pytest.raises(AzureError):
                attempt()

    def test_a_table_is_created_once_and_kept(self, store: Store, unique: str) -> None:
        """Creating a table again leaves what it holds."""
        table = f"audit{unique}"
        store.create_table(table)
        store.write_entity(table, Write("insert", entity("p", "r")))
        store.create_table(table)
        assert [stored.entity["RowKey"] for stored in store.query_entities(table, "p")] == ["r"]

    def test_tables_are_listed_and_dropped(self, store: Store, unique: str) -> None:
        """Those that begin so, in their order; a dropped one is gone with what it held, however often it is dropped."""
        for name in ("b", "a", "c"):
            store.create_table(f"audit{unique}{name}")
        store.write_entity(f"audit{unique}b", Write("insert", entity("p", "r")))
        store.create_table(f"other{unique}")
        assert store.list_tables(f"audit{unique}") == [f"audit{unique}{name}" for name in "abc"]
        for _ in range(2):
            store.delete_table(f"audit{unique}b")
        assert store.list_tables(f"audit{unique}") == [f"audit{unique}a", f"audit{unique}c"]
        assert store.list_tables(f"audit{unique}x") == []
        with pytest.raises(AzureError):
            list(store.query_entities(f"audit{unique}b", "p"))

    def test_insert_needs_an_empty_place(self, store: Store, unique: str) -> None:
        """An insert where something is raises Conflict and changes nothing."""
        store.write_entity(TABLE, Write("insert", entity(unique, "a", n=1)))
        with pytest.raises(Conflict, match=r"insert of mirror .* 'a'"):
            store.write_entity(TABLE, Write("insert", entity(unique, "a", n=2)))
        assert read(store, unique, "a") == entity(unique, "a", n=1)

    def test_the_answered_etag_is_the_one_that_is_read(self, store: Store, unique: str) -> None:
        """A writer may go on with the ETag that it was given, without reading first; no two are the same."""
        etag = store.write_entity(TABLE, Write("insert", entity(unique, "a", n=0)))
        etags = [etag]
        for number in range(1, 6):
            kind: Literal["replace", "merge"] = "replace" if number % 2 else "merge"
            etags.append(store.write_entity(TABLE, Write(kind, entity(unique, "a", n=number), etags[-1])))
        found = store.get_entity(TABLE, unique, "a")
        assert found is not None
        assert (found.etag, found.entity["n"]) == (etags[-1], 5)
        assert [stored.etag for stored in store.query_entities(TABLE, unique)] == [etags[-1]]
        assert len(set(etags)) == 6

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("together", [False, True], ids=["alone", "transaction"])
    def test_a_stale_etag_is_a_conflict(
        self, store: Store, unique: str, kind: Literal["replace", "merge", "delete"], together: bool
    ) -> None:
        """What changed since it was read is not written over."""
        stale = store.write_entity(TABLE, Write("insert", entity(unique, "a", n=1)))
        store.write_entity(TABLE, Write("merge", entity(unique, "a", n=2)))
        write = Write(kind, entity(unique, "a", n=3), stale)
        with pytest.raises(Conflict, match=f"{kind} of mirror .* 'a'"):
            store.write_entities(TABLE, [write]) if together else store.write_entity(TABLE, write)
        assert read(store, unique, "a") == entity(unique, "a", n=2)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("together", [False, True], ids=["alone", "transaction"])
    def test_an_etag_of_what_is_gone_is_a_conflict(
        self, store: Store, unique: str, kind: Literal["replace", "merge", "delete"], together: bool
    ) -> None:
        """A guarded write of an entity that was deleted meanwhile raises Conflict and does not bring it back."""
        etag = store.write_entity(TABLE, Write("insert", entity(unique, "a", n=1)))
        store.write_entity(TABLE, Write("delete", entity(unique, "a")))
        write = Write(kind, entity(unique, "a", n=2), etag)
        with pytest.raises(Conflict, match=f"{kind} of mirror .* 'a'"):
            store.write_entities(TABLE, [write]) if together else store.write_entity(TABLE, write)
        assert read(store, unique, "a") is None

    @pytest.mark.parametrize("together", [False, True], ids=["alone", "transaction"])
    def test_a_current_etag_lets_every_kind_pass(self, store: Store, unique: str, together: bool) -> None:
        """Replace, merge and delete go through while the entity is as it was read."""
        store.write_entity(TABLE, Write("insert", entity(unique, "a", first=1)))
        seen: list[Entity | None] = []
        for kind in ("merge", "replace", "delete"):
            found = store.get_entity(TABLE, unique, "a")
            assert found is not None
            write = Write(kind, entity(unique, "a", second=kind), found.etag)
            store.write_entities(TABLE, [write]) if together else store.write_entity(TABLE, write)
            seen.append(read(store, unique, "a"))
        assert seen == [
            entity(unique, "a", first=1, second="merge"),
            entity(unique, "a", second="replace"),
            None,
        ]

    @pytest.mark.parametrize("together", [False, True], ids=["alone", "transaction"])
    def test_without_an_etag_writes_insert_or_overwrite(
        self, store: Store, unique: str, together: bool
    ) -> None:
        """Replace drops what it does not name, merge keeps it, both insert what is not there."""

        def write(kind: Literal["replace", "merge"], row: str, **properties: Value) -> None:
            one = Write(kind, entity(unique, row, **properties))
            store.write_entities(TABLE, [one]) if together else store.write_entity(TABLE, one)

        write("replace", "a", x=1, y=2)
        write("merge", "b", x=1, y=2)
        write("replace", "a", y=3)
        write("merge", "b", y=3)
        assert read(store, unique, "a") == entity(unique, "a", y=3)
        assert read(store, unique, "b") == entity(unique, "b", x=1, y=3)

    def test_merge_may_change_a_type(self, store: Store, unique: str) -> None:
        """A property takes the type of what was written last."""
        values: list[Value] = ["text", 2**40, b"bytes", True, 7, 1.5, "42"]
        for value in values:
            store.write_entity(TABLE, Write("merge", entity(unique, "a", x=value)))
            found = read(store, unique, "a")
            assert found is not None
            assert (found["x"], type(found["x"])) == (value, type(value))

    @pytest.mark.parametrize("together", [False, True], ids=["alone", "transaction"])
    def test_deleting_what_is_gone_is_done(self, store: Store, unique: str, together: bool) -> None:
        """A delete without an ETag may come twice; in a transaction the other operations happen."""
        writes = [Write("delete", entity(unique, "a")), Write("delete", entity(unique, "b"))]
        if together:
            store.write_entities(TABLE, [writes[0], Write("insert", entity(unique, "c")), writes[1]])
            store.write_entities(TABLE, writes)
            assert rows(store, unique) == ["c"]
        else:
            assert [store.write_entity(TABLE, write) for write in writes] == ["", ""]

    def test_an_empty_etag_is_refused(self, store: Store, unique: str) -> None:
        """The "" that a delete answers never passes for "no guard"."""
        for write in (Write("replace", entity(unique, "a"), ""), Write("delete", entity(unique, "a"), "")):
            with pytest.raises(ValueError, match=r"(?i)etag"):
                store.write_entity(TABLE, write)

    def test_entities_go_in_and_out_as_copies(self, store: Store, unique: str) -> None:
        """Changing a dict after it was written, or after it was read, changes nothing that is stored."""
        written = entity(unique, "a", n=1)
        store.write_entity(TABLE, Write("insert", written))
        written["n"] = 2
        found = store.get_entity(TABLE, unique, "a")
        assert found is not None
        found.entity["n"] = 3
        next(iter(store.query_entities(TABLE, unique))).entity["n"] = 4
        assert read(store, unique, "a") == entity(unique, "a", n=1)

    @pytest.mark.parametrize("kind", ["insert", "replace"])
    def test_of_many_at_once_one_wins(
        self, store: Store, unique: str, kind: Literal["insert", "replace"]
    ) -> None:
        """Of eight writers with the same expectation exactly one gets through, and its value stays."""
        etag = None
        if kind == "replace":
            etag = store.write_entity(TABLE, Write("insert", entity(unique, "a", n=-1)))

        def attempt(number: int) -> int | None:
            try:
                store.write_entity(TABLE, Write(kind, entity(unique, "a", n=number), etag))
            except Conflict:
                return None
            return number

        [winner] = [number for number in at_once(attempt) if number is not None]
        assert read(store, unique, "a") == entity(unique, "a", n=winner)

    @pytest.mark.parametrize(
        "key",
        [
            "it's",
            "a''b",
            "two words",
            " ",
            "",
            "é株😀",
            "100%",
            "%2F",
            "a&b=c+d",
            "(1),[2]:;|",
            "@x",
            "x" * 512,
        ],
    )
    def test_keys_may_hold_most_characters(self, store: Store, unique: str, key: str) -> None:
        """Quotes, spaces, signs of URLs and of filters mean nothing in a key, alone, in transactions, in queries."""
        store.write_entity(TABLE, Write("insert", entity(unique, key, n=1)))
        store.write_entities(TABLE, [Write("merge", entity(unique, key, m=2))])
        assert read(store, unique, key) == entity(unique, key, n=1, m=2)
        assert rows(store, unique, first=key, last=key) == [key]
        store.write_entities(TABLE, [Write("delete", entity(unique, key))])
        assert rows(store, unique) == []

    @pytest.mark.parametrize(
        "key", ["a/b", "a\\b", "a#b", "a?b", "a\tb", "a\nb", "a\x7fb", "a\x9fb", "x" * 513]
    )
    def test_keys_that_azure_forbids_are_refused(self, store: Store, unique: str, key: str) -> None:
        """Slashes, number and question signs, control characters and over-long keys never get in."""
        for write in (Write("insert", entity(unique, key)), Write("insert", entity(unique + key, "a"))):
            with pytest.raises(AzureError):
                store.write_entity(TABLE, write)
            with pytest.raises(AzureError):
                store.write_entities(TABLE, [write])

    def test_a_property_holds_64_kib(self, store: Store, unique: str) -> None:
        """65,536 bytes or 32,768 UTF-16 characters fit into a property, one more does not."""
        fits: list[Value] = [b"x" * (64 * KIB), "x" * (32 * KIB), "😀" * (16 * KIB)]
        for row, value in enumerate(fits):
            store.write_entity(TABLE, Write("replace", entity(unique, str(row), x=value)))
            assert read(store, unique, str(row)) == entity(unique, str(row), x=value)
        for value in (b"x" * (64 * KIB + 1), "x" * (32 * KIB + 1), "😀" * (16 * KIB) + "x"):
            for write in (
                Write("insert", entity(unique, "more", x=value)),
                Write("merge", entity(unique, "0", x=value)),
            ):
                with pytest.raises(AzureError):
                    store.write_entity(TABLE, write)
        assert rows(store, unique) == ["0", "1", "2"]

    def test_an_entity_holds_less_than_1_mib(self, store: Store, unique: str) -> None:
        """700 KB fit into an entity, more than 1 MiB do not."""
        fits = {f"part{number:02}": b"x" * 64000 for number in range(11)}
        store.write_entity(TABLE, Write("replace", entity(unique, "a", **fits)))
        assert read(store, unique, "a") == entity(unique, "a", **fits)
        with pytest.raises(AzureError):
            store.write_entity(
                TABLE,
                Write(
                    "replace", entity(unique, "a", **{f"part{number}": b"x" * 64000 for number in range(17)})
                ),
            )

    def test_timestamp_belongs_to_the_service(self, store: Store, unique: str) -> None:
        """A property called Timestamp is not kept: nothing may be stored under this name."""
        store.write_entity(TABLE, Write("insert", entity(unique, "a", Timestamp="2026-11-23T09:00:00Z", n=1)))
        assert read(store, unique, "a") == entity(unique, "a", n=1)

    def test_an_int_holds_64_bits(self, store: Store, unique: str) -> None:
        """A number that would not come back is a TypeError, not a wrong number."""
        for value in (2**63, -(2**63) - 1):
            with pytest.raises(TypeError):
                store.write_entity(TABLE, Write("insert", entity(unique, "a", x=value)))


class TestQueries:
    def test_a_range_includes_both_ends_in_order(self, store: Store, unique: str) -> None:
        """first <= RowKey <= last by code units, each end optional, in order, of this partition only."""
        names = ["B", "a", "a0", "a1", "a10", "a2", "b", "é"]
        store.write_entities(TABLE, [Write("insert", entity(unique, row)) for row in reversed(names)])
        for neighbour in (unique[:-1], unique + "0"):
            store.write_entity(TABLE, Write("insert", entity(neighbour, "a1")))
        assert rows(store, unique) == names
        assert rows(store, unique, first="a0", last="a2") == ["a0", "a1", "a10", "a2"]
        assert rows(store, unique, first="a1") == ["a1", "a10", "a2", "b", "é"]
        assert rows(store, unique, last="a0") == ["B", "a", "a0"]
        assert rows(store, unique, first="a1", last="a1") == ["a1"]
        assert rows(store, unique, first="a1", last="a1\uffff") == ["a1", "a10"]
        assert rows(store, unique, first="b", last="a") == []
        assert rows(store, unique, first="", last="A") == []

    def test_a_query_reads_on_beyond_a_page(self, store: Store, unique: str) -> None:
        """More than 1,000 entities, the most that Azure answers at once, come complete and in order."""
        names = [f"{number:05}" for number in range(1001)]
        for start in range(0, len(names), 100):
            store.write_entities(
                TABLE, [Write("insert", entity(unique, row, n=1)) for row in names[start : start + 100]]
            )
        assert rows(store, unique) == names
        assert rows(store, unique, first="00001", last="00999") == names[1:1000]

    def test_select_brings_the_keys_and_what_it_names(self, store: Store, unique: str) -> None:
        """The keys always come along, what an entity lacks is left out, the ETag still guards."""
        etag = store.write_entity(TABLE, Write("insert", entity(unique, "a", x=1, y=b"2", z="3")))
        for select, properties in (
            (["x", "nowhere"], {"x": 1}),
            (["RowKey", "y"], {"y": b"2"}),
            ([], {}),
            (("z",), {"z": "3"}),
        ):
            found = store.get_entity(TABLE, unique, "a", select=select)
            assert found is not None
            assert (found.entity, found.etag) == (entity(unique, "a", **properties), etag)
            assert list(store.query_entities(TABLE, unique, select=select)) == [found]


class TestTransactions:
    @pytest.mark.parametrize("position", [0, 1, 2])
    def test_all_or_nothing_and_the_culprit_is_named(self, store: Store, unique: str, position: int) -> None:
        """One operation that does not hold undoes the whole; the Conflict names its kind, table and keys."""
        stale = store.write_entity(TABLE, Write("insert", entity(unique, "old", n=1)))
        store.write_entity(TABLE, Write("replace", entity(unique, "old", n=2)))
        store.write_entity(TABLE, Write("insert", entity(unique, "kept", n=1)))
        writes = [Write("insert", entity(unique, "new")), Write("delete", entity(unique, "kept"))]
        writes.insert(position, Write("merge", entity(unique, "old", n=3), stale))
        with pytest.raises(Conflict) as conflict:
            store.write_entities(TABLE, writes)
        assert str(conflict.value) == f"merge of mirror {unique!r} 'old'"
        assert [stored.entity for stored in store.query_entities(TABLE, unique)] == [
            entity(unique, "kept", n=1),
            entity(unique, "old", n=2),
        ]

    def test_a_conflict_is_named_right_beside_a_delete_of_what_is_gone(
        self, store: Store, unique: str
    ) -> None:
        """A delete that had nothing to do neither hides a conflict nor takes its name."""
        store.write_entity(TABLE, Write("insert", entity(unique, "there")))
        with pytest.raises(Conflict) as conflict:
            store.write_entities(
                TABLE,
                [
                    Write("insert", entity(unique, "new")),
                    Write("delete", entity(unique, "gone")),
                    Write("insert", entity(unique, "there")),
                ],
            )
        assert str(conflict.value) == f"insert of mirror {unique!r} 'there'"
        assert rows(store, unique) == ["there"]

    @pytest.mark.parametrize("size", [10, 30_600, 60_000])
    def test_writes_are_split_as_the_store_allows(self, store: Store, unique: str, size: int) -> None:
        """Transactions of as many writes as fit are never refused for their size, and lose none."""
        writes = [
            Write(
                "insert",
                {"PartitionKey": unique, "RowKey": f"{number:03}", "p0": b"\xff" * size, "text": "é" * 50},
            )
            for number in range(150)
        ]
        parts = list(transactions(writes))
        for part in parts:
            store.write_entities(TABLE, part)
        assert [stored.entity["RowKey"] for stored in store.query_entities(TABLE, unique)] == [
            f"{number:03}" for number in range(150)
        ]
        assert len(parts) == {10: 2, 30_600: 2, 60_000: 3}[size]

    def test_a_hundred_entities_of_30_kib_fit(self, store: Store, unique: str) -> None:
        """100 entities with 30 KiB each go in one transaction and come back whole."""
        written = [
            entity(unique, f"{number:03}", data=bytes([number]) * 30 * KIB, n=2**53 - number)
            for number in range(100)
        ]
        store.write_entities(TABLE, [Write("replace", one) for one in written])
        assert [stored.entity for stored in store.query_entities(TABLE, unique)] == written

    def test_more_than_4_mib_as_sent_are_refused(self, store: Store, unique: str) -> None:
        """Bytes travel in base64: 100 entities with 32 KiB each are too much, and none is stored."""
        with pytest.raises(AzureError):
            store.write_entities(
                TABLE,
                [
                    Write("insert", entity(unique, f"{number:03}", data=b"x" * 32 * KIB))
                    for number in range(100)
                ],
            )
        assert rows(store, unique) == []

    def test_more_than_a_hundred_or_two_partitions_are_a_mistake(self, store: Store, unique: str) -> None:
        """A transaction that Azure could not keep is a ValueError of the caller, before anything is sent."""
        with pytest.raises(ValueError, match="100"):
            store.write_entities(TABLE, [Write("insert", entity(unique, f"{n:03}")) for n in range(101)])
        with pytest.raises(ValueError, match=r"(?i)partition"):
            store.write_entities(
                TABLE, [Write("insert", entity(unique, "a")), Write("insert", entity(unique + "x", "a"))]
            )
        assert rows(store, unique) == rows(store, unique + "x") == []

    def test_an_entity_appears_once(self, store: Store, unique: str) -> None:
        """Two operations on one entity are a mistake, also where the first would have had nothing to do."""
        for kind in ("insert", "delete"):
            with pytest.raises(ValueError, match="twice"):
                store.write_entities(
                    TABLE, [Write(kind, entity(unique, "a")), Write("merge", entity(unique, "a", n=1))]
                )
        assert rows(store, unique) == []

    def test_no_operations_are_nothing(self, store: Store) -> None:
        """An empty transaction does nothing, also where there is no table."""
        store.write_entities("nowhere", [])

    def test_transactions_do_not_mix(self, store: Store, unique: str) -> None:
        """Of eight transactions that collide in one entity exactly one happens, with all that it wrote."""

        def attempt(number: int) -> bool:
            try:
                store.write_entities(
                    TABLE,
                    [
                        Write("insert", entity(unique, f"own-{number}", n=number)),
                        Write("insert", entity(unique, "shared", n=number)),
                    ],
                )
            except Conflict:
                return False
            return True

        outcomes = at_once(attempt)
        assert sum(outcomes) == 1
        winner = outcomes.index(True)
        assert [stored.entity for stored in store.query_entities(TABLE, unique)] == [
            entity(unique, f"own-{winner}", n=winner),
            entity(unique, "shared", n=winner),
        ]


class TestBlobs:
    def test_blobs_come_back_as_written(self, store: Store, unique: str) -> None:
        """Bytes stay bytes, none of them and five million of them."""
        for data in (b"", b"\x00\xff", bytes(range(256)) * 20000):
            store.put_blob("outbox", unique, data)
            assert store.get_blob("outbox", unique) == data

    def test_overwriting_is_a_choice(self, store: Store, unique: str) -> None:
        """A blob is replaced unless that is ruled out: then Conflict, and the first stays."""
        store.put_blob("outbox", unique, b"1", overwrite=False)
        with pytest.raises(Conflict):
            store.put_blob("outbox", unique, b"2", overwrite=False)
        assert store.get_blob("outbox", unique) == b"1"
        store.put_blob("outbox", unique, b"3")
        assert store.get_blob("outbox", unique) == b"3"

    def test_of_many_first_writers_one_wins(self, store: Store, unique: str) -> None:
        """Of eight that must not overwrite, one writes."""

        def attempt(number: int) -> bytes | None:
            try:
                store.put_blob("outbox", unique, b"%d" % number, overwrite=False)
            except Conflict:
                return None
            return b"%d" % number

        [winner] = [data for data in at_once(attempt) if data is not None]
        assert store.get_blob("outbox", unique) == winner

    def test_deleting_is_final_and_may_repeat(self, store: Store, unique: str) -> None:
        """A deleted blob is None and not listed; deleting it again is done already."""
        store.put_blob("outbox", unique, b"1")
        for _ in range(2):
            store.delete_blob("outbox", unique)
            assert store.get_blob("outbox", unique) is None
            assert list(store.list_blobs("outbox", unique)) == []

    def test_listing_goes_by_name_below_a_prefix(self, store: Store, unique: str) -> None:
        """Blobs that start with the prefix, with their sizes, ordered by name whatever order they came in."""
        names = ["pending/10", "pending/2", "pending/Z", "pending/a b", "pending/é", "pendingx"]
        for size, name in enumerate([*reversed(names), "done/1"]):
            store.put_blob("outbox", f"{unique}/{name}", b"x" * size)
        store.put_blob("reads", f"{unique}/pending/elsewhere", b"")
        assert [(blob.name, blob.size) for blob in store.list_blobs("outbox", f"{unique}/pending")] == [
            (f"{unique}/{name}", 5 - position) for position, name in enumerate(names)
        ]
        assert len(list(store.list_blobs("outbox", f"{unique}/pending/"))) == 5
        assert list(store.list_blobs("outbox", f"{unique}/nothing")) == []

    @pytest.mark.parametrize("name", ["a b", "a#b?c=d&e", "100%", "%41", "é株😀", "it's", "a/b/c"])
    def test_names_may_hold_most_characters(self, store: Store, unique: str, name: str) -> None:
        """A name is found again as it was given, not as a URL would read it."""
        store.put_blob("outbox", f"{unique}/{name}", name.encode())
        assert store.get_blob("outbox", f"{unique}/{name}") == name.encode()
        assert [blob.name for blob in store.list_blobs("outbox", unique)] == [f"{unique}/{name}"]

    def test_a_missing_container_is_no_missing_blob(self, store: Store, unique: str) -> None:
        """Reading from a container that does not exist fails instead of finding nothing."""
        for attempt in (
            lambda: store.get_blob("nowhere", unique),
            lambda: list(store.list_blobs("nowhere", unique)),
            lambda: store.put_blob("nowhere", unique, b""),
        ):
            with pytest.raises(AzureError):
                attempt()


class TestQueues:
    def test_a_message_is_received_once(self, subject: Subject) -> None:
        """Texts of every kind come in the order sent, hidden from others once received, counted until deleted."""
        store, queue = subject.store, subject.create_queue()
        texts = ['{"kind": "wake"}', "Zoë 😀 <&>\r\n", "", "YWJj"]
        for text in texts:
            store.send_message(queue, text)
        received = store.receive_messages(queue, most=32, visibility=600)
        assert [message.text for message in received] == texts
        assert {message.dequeue_count for message in received} == {1}
        assert len({message.message_id for message in received}) == 4
        assert store.receive_messages(queue, most=32, visibility=600) == []
        assert store.queue_length(queue) == 4
        for message in received:
            store.delete_message(queue, message)
        assert store.queue_length(queue) == 0

    def test_at_most_as_many_as_asked(self, subject: Subject) -> None:
        """`most` bounds what one call receives; 32 is the most that can be asked, 1 the least."""
        store, queue = subject.store, subject.create_queue()
        for number in range(5):
            store.send_message(queue, str(number))
        first = store.receive_messages(queue, most=2, visibility=600)
        rest = store.receive_messages(queue, most=32, visibility=600)
        assert [message.text for message in first] == ["0", "1"]
        assert [message.text for message in rest] == ["2", "3", "4"]
        for most in (0, 33):
            with pytest.raises(AzureError):
                store.receive_messages(queue, most=most, visibility=600)

    def test_a_delayed_message_waits(self, subject: Subject) -> None:
        """A message with a delay is there but not received yet; seven days are the longest."""
        store, queue = subject.store, subject.create_queue()
        store.send_message(queue, "week", delay=7 * 24 * 3600)
        store.send_message(queue, "hour", delay=3599.5)
        assert store.receive_messages(queue, most=32, visibility=600) == []
        assert store.queue_length(queue) == 2
        for delay in (7 * 24 * 3600 + 1, -1):
            with pytest.raises(AzureError):
                store.send_message(queue, "never", delay=delay)
        assert store.queue_length(queue) == 2

    def test_visibility_lies_between_a_second_and_a_week(self, subject: Subject) -> None:
        """A part of a second counts as one; none at all, or more than a week, is refused."""
        store, queue = subject.store, subject.create_queue()
        store.send_message(queue, "one")
        for visibility in (0, 7 * 24 * 3600 + 1):
            with pytest.raises(AzureError):
                store.receive_messages(queue, most=1, visibility=visibility)
        [message] = store.receive_messages(queue, most=1, visibility=0.4)
        assert message.text == "one"

    def test_a_receipt_goes_stale_when_another_receives(self, subject: Subject) -> None:
        """Who was too slow deletes nothing: the message stays with its new holder, who can delete it."""
        store, queue = subject.store, subject.create_queue()
        store.send_message(queue, "one")
        [slow] = store.receive_messages(queue, most=1, visibility=600)
        subject.reveal(queue, slow)
        [quick] = store.receive_messages(queue, most=1, visibility=600)
        assert (quick.message_id, quick.text, quick.dequeue_count) == (slow.message_id, "one", 2)
        assert quick.receipt != slow.receipt
        store.delete_message(queue, slow)
        assert store.queue_length(queue) == 1
        store.delete_message(queue, quick)
        assert store.queue_length(queue) == 0
        store.delete_message(queue, quick)

    def test_a_message_holds_48_kib(self, subject: Subject) -> None:
        """48 KiB of UTF-8 fit, which are 64 KiB in base64; one byte more is refused."""
        store, queue = subject.store, subject.create_queue()
        text = "é" * (24 * KIB)
        store.send_message(queue, text)
        with pytest.raises(AzureError):
            store.send_message(queue, text + "x")
        assert [message.text for message in store.receive_messages(queue, most=32, visibility=600)] == [text]

    def test_each_message_goes_to_one_receiver(self, subject: Subject) -> None:
        """Eight receivers at once share the messages, none twice."""
        store, queue = subject.store, subject.create_queue()
        for number in range(24):
            store.send_message(queue, str(number))
        shares = at_once(lambda _: store.receive_messages(queue, most=3, visibility=600))
        texts = [message.text for share in shares for message in share]
        assert len(texts) == len(set(texts))

    def test_a_missing_queue_fails(self, subject: Subject, unique: str) -> None:
        """Nothing is sent to, received from or counted in a queue that does not exist."""
        store = subject.store
        for attempt in (
            lambda: store.send_message("nowhere", "one"),
            lambda: store.receive_messages("nowhere", most=1, visibility=600),
            lambda: store.delete_message("nowhere", Message(unique, "x", "one", 1)),
            lambda: store.queue_length("nowhere"),
        ):
            with pytest.raises(AzureError):
                attempt()


class TestLeases:
    def test_a_lease_is_held_by_one(self, store: Store, unique: str) -> None:
        """While it is held nobody else gets it, not even who holds it; once released the next one does."""
        lease = store.acquire_lease(f"dataset/{unique}", 60)
        assert lease is not None
        assert store.acquire_lease(lease.name, 60) is None
        store.release_lease(lease)
        again = store.acquire_lease(lease.name, 60)
        assert again is not None
        assert again.lease_id != lease.lease_id

    def test_until_never_flatters(self, subject: Subject, unique: str) -> None:
        """`until` lies no later than the duration after the request, for a new lease and a renewed one."""
        before = subject.clock.now()
        lease = subject.store.acquire_lease(unique, 30)
        assert lease is not None
        between = subject.clock.now()
        renewed = subject.store.renew_lease(lease)
        after = subject.clock.now()
        assert (lease.until - before).total_seconds() >= 30
        assert (lease.until - between).total_seconds() <= 30 <= (renewed.until - between).total_seconds()
        assert (renewed.until - after).total_seconds() <= 30

    def test_a_lost_lease_stays_lost(self, store: Store, unique: str) -> None:
        """Who released, or was followed by another, cannot renew, and its release frees nothing."""
        first = store.acquire_lease(unique, 60)
        assert first is not None
        store.release_lease(first)
        with pytest.raises(LeaseLost):
            store.renew_lease(first)
        second = store.acquire_lease(unique, 60)
        assert second is not None
        with pytest.raises(LeaseLost):
            store.renew_lease(first)
        store.release_lease(first)
        assert store.acquire_lease(unique, 60) is None
        store.release_lease(second)
        store.release_lease(second)
        assert store.acquire_lease(unique, 60) is not None

    def test_a_lease_that_never_was_is_lost(self, subject: Subject, unique: str) -> None:
        """Renewing it raises LeaseLost, releasing it does nothing."""
        never = Lease(unique, str(uuid.uuid4()), subject.clock.now(), 60)
        with pytest.raises(LeaseLost):
            subject.store.renew_lease(never)
        subject.store.release_lease(never)

    def test_the_blob_of_a_held_lease_is_not_touched(self, store: Store, unique: str) -> None:
        """Nobody writes or deletes the blob below a lease while it is held; deleted later, the lease is lost."""
        lease = store.acquire_lease(unique, 60)
        assert lease is not None
        with pytest.raises(AzureError):
            store.put_blob("leases", unique, b"1")
        with pytest.raises(AzureError):
            store.delete_blob("leases", unique)
        assert [blob.size for blob in store.list_blobs("leases", unique)] == [0]
        store.release_lease(lease)
        store.delete_blob("leases", unique)
        with pytest.raises(LeaseLost):
            store.renew_lease(lease)
        assert store.acquire_lease(unique, 60) is not None

    def test_a_lease_lasts_15_to_60_seconds(self, store: Store, unique: str) -> None:
        """Azure's bounds for a lease that ends by itself."""
        for seconds in (14, 61):
            with pytest.raises(AzureError):
                store.acquire_lease(unique, seconds)
        for seconds in (15, 60):
            lease = store.acquire_lease(unique, seconds)
            assert lease is not None
            store.release_lease(lease)

    def test_of_many_at_once_one_holds_it(self, store: Store, unique: str) -> None:
        """Of eight that ask for a lease that nobody ever had, one gets it and none fails."""
        leases = at_once(lambda _: store.acquire_lease(unique, 60))
        assert sum(lease is not None for lease in leases) == 1


class TestTimeInMemory:
    """What needs time to pass: MemoryStore on a clock that the test moves. Azurite's only clock is the machine's."""

    def test_a_lease_ends_by_itself(self, memory: MemoryStore, clock: ManualClock) -> None:
        """Held up to its end, free at its end."""
        lease = memory.acquire_lease("a", 15)
        assert lease is not None
        assert (lease.until - clock.now()).total_seconds() == 15
        clock.advance(14.999)
        assert memory.acquire_lease("a", 15) is None
        clock.advance(0.001)
        assert memory.acquire_lease("a", 15) is not None

    def test_renewal_counts_from_the_renewal(self, memory: MemoryStore, clock: ManualClock) -> None:
        """A renewed lease lasts its duration again."""
        lease = memory.acquire_lease("a", 20)
        assert lease is not None
        clock.advance(15)
        assert (memory.renew_lease(lease).until - clock.now()).total_seconds() == 20
        clock.advance(19)
        assert memory.acquire_lease("a", 15) is None
        clock.advance(1)
        assert memory.acquire_lease("a", 15) is not None

    def test_an_expired_lease_that_nobody_took_is_renewed(
        self, memory: MemoryStore, clock: ManualClock
    ) -> None:
        """As in Azure: expiry alone does not lose a lease, another holder does."""
        lease = memory.acquire_lease("a", 15)
        assert lease is not None
        clock.advance(3600)
        renewed = memory.renew_lease(lease)
        assert memory.acquire_lease("a", 15) is None
        clock.advance(15)
        assert memory.acquire_lease("a", 15) is not None
        with pytest.raises(LeaseLost):
            memory.renew_lease(renewed)

    def test_an_expired_lease_goes_with_its_blob(self, memory: MemoryStore, clock: ManualClock) -> None:
        """Where the blob was deleted after the lease had expired there is nothing left to renew."""
        lease = memory.acquire_lease("a", 15)
        assert lease is not None
        clock.advance(15)
        memory.delete_blob("leases", "a")
        with pytest.raises(LeaseLost):
            memory.renew_lease(lease)

    def test_one_who_took_it_and_let_it_expire_keeps_it_from_the_first(
        self, memory: MemoryStore, clock: ManualClock
    ) -> None:
        """Between two holds of the first there was another: the first has lost it for good."""
        first = memory.acquire_lease("a", 15)
        assert first is not None
        clock.advance(15)
        assert memory.acquire_lease("a", 15) is not None
        clock.advance(15)
        with pytest.raises(LeaseLost):
            memory.renew_lease(first)

    def test_a_message_comes_back_when_its_time_is_up(self, memory: MemoryStore, clock: ManualClock) -> None:
        """Hidden up to the end of its visibility, received again at it, counted each time."""
        memory.send_message("push", "one")
        for count in (1, 2, 3):
            [message] = memory.receive_messages("push", most=1, visibility=30)
            assert message.dequeue_count == count
            clock.advance(29.999)
            assert memory.receive_messages("push", most=1, visibility=30) == []
            clock.advance(0.001)

    def test_a_late_delete_counts_while_nobody_else_received(
        self, memory: MemoryStore, clock: ManualClock
    ) -> None:
        """A receipt outlives the visibility; only the next receiver makes it stale."""
        memory.send_message("push", "one")
        [message] = memory.receive_messages("push", most=1, visibility=30)
        clock.advance(3600)
        memory.delete_message("push", message)
        assert memory.queue_length("push") == 0

    def test_a_delay_ends(self, memory: MemoryStore, clock: ManualClock) -> None:
        """A delayed message is received when its delay is over, never before; parts of a second round up."""
        memory.send_message("push", "later", delay=59.2)
        clock.advance(59.9)
        assert memory.receive_messages("push", most=1, visibility=30) == []
        clock.advance(0.1)
        assert [message.text for message in memory.receive_messages("push", most=1, visibility=30)] == [
            "later"
        ]

    def test_messages_come_in_the_order_of_their_visibility(
        self, memory: MemoryStore, clock: ManualClock
    ) -> None:
        """Who becomes visible first comes first, whoever was sent first."""
        memory.send_message("push", "third", delay=20)
        memory.send_message("push", "second", delay=10)
        memory.send_message("push", "first")
        clock.advance(20)
        received = memory.receive_messages("push", most=32, visibility=30)
        assert [message.text for message in received] == ["first", "second", "third"]

    def test_messages_never_expire(self, memory: MemoryStore, clock: ManualClock) -> None:
        """A year later the message is still there."""
        memory.send_message("push", "old")
        clock.advance(365 * 24 * 3600)
        assert len(memory.receive_messages("push", most=1, visibility=30)) == 1


class TestAzureRulesThatAzuriteLacks:
    """Azure refuses more than Azurite does: MemoryStore keeps these rules, so that nothing is built on their absence."""

    def test_an_entity_has_at_most_252_properties(self, memory: MemoryStore) -> None:
        """The limit counts what a merge keeps."""
        memory.write_entity(
            TABLE, Write("insert", entity("p", "r", **{f"p{number}": number for number in range(252)}))
        )
        with pytest.raises(AzureError, match="TooManyProperties"):
            memory.write_entity(TABLE, Write("merge", entity("p", "r", more=1)))

    def test_an_entity_of_more_than_1_mib_is_not_inserted(self, memory: MemoryStore) -> None:
        """Neither at once nor by merging until it is too large."""
        half = {f"a{number}": b"x" * 64000 for number in range(9)}
        other = {f"b{number}": b"x" * 64000 for number in range(9)}
        with pytest.raises(AzureError, match="EntityTooLarge"):
            memory.write_entity(TABLE, Write("insert", entity("p", "r", **half, **other)))
        memory.write_entity(TABLE, Write("insert", entity("p", "r", **half)))
        with pytest.raises(AzureError, match="EntityTooLarge"):
            memory.write_entities(TABLE, [Write("merge", entity("p", "r", **other))])
        assert read(memory, "p", "r") == entity("p", "r", **half)

    def test_an_entity_weighs_what_azure_documents(self, memory: MemoryStore) -> None:
        """4 bytes, 2 a character of the keys, and 8 + 2 a character of its name + 4 + its bytes for each property."""
        parts = {f"p{number:02}": b"x" * 65536 for number in range(15)}
        left = 1024 * 1024 - 4 - 2 * len("pr") - 16 * (8 + 2 * len("p00") + 4) - 15 * 65536
        memory.write_entity(TABLE, Write("insert", entity("p", "r", **parts, p15=b"x" * left)))
        with pytest.raises(AzureError, match="EntityTooLarge"):
            memory.write_entity(TABLE, Write("replace", entity("p", "r", **parts, p15=b"x" * (left + 1))))

    @pytest.mark.parametrize("name", ["has space", "has-dash", "2nd", "", "x" * 256])
    def test_property_names_are_identifiers(self, memory: MemoryStore, name: str) -> None:
        """A property's name is an identifier of at most 255 characters."""
        with pytest.raises(AzureError, match="PropertyNameInvalid"):
            memory.write_entity(TABLE, Write("insert", {"PartitionKey": "p", "RowKey": "r", name: 1}))

    def test_only_plain_values_are_taken(self, memory: MemoryStore) -> None:
        """What the SDK would store as something else, or not at all, is a TypeError."""
        for value in (None, [1], {"a": 1}, Exception):
            with pytest.raises(TypeError):
                memory.write_entity(TABLE, Write("insert", {"PartitionKey": "p", "RowKey": "r", "x": value}))  # type: ignore[dict-item]


class TestTheSdk:
    """What lies between AzureStore and the service."""

    @pytest.mark.parametrize(
        ("method", "outcome"),
        [
            ("insert", AzureError),
            ("replace", None),
            ("guarded replace", Conflict),
            ("transaction", AzureError),
        ],
    )
    def test_a_lost_reply_hides_no_write(
        self,
        azure_store: AzureStore,
        unique: str,
        monkeypatch: pytest.MonkeyPatch,
        method: str,
        outcome: type[Exception] | None,
    ) -> None:
        """What landed although its reply was lost is there, once: told as done, as unknown, or as the Conflict that the SDK's second try met."""
        etag = azure_store.write_entity(TABLE, Write("insert", entity(unique, "old", n=1)))
        send = RequestsTransport.send
        lost: list[str] = []

        def lose_first_reply(self: RequestsTransport, request: Any, **options: Any) -> Any:
            answer = send(self, request, **options)
            if not lost:
                lost.append(request.method)
                raise ServiceResponseError("the connection was reset")
            return answer

        monkeypatch.setattr(RequestsTransport, "send", lose_first_reply)
        row = "new" if method in ("insert", "transaction") else "old"
        written = entity(unique, row, n=2)
        attempts: dict[str, Callable[[], object]] = {
            "insert": lambda: azure_store.write_entity(TABLE, Write("insert", written)),
            "replace": lambda: azure_store.write_entity(TABLE, Write("replace", written)),
            "guarded replace": lambda: azure_store.write_entity(TABLE, Write("replace", written, etag)),
            "transaction": lambda: azure_store.write_entities(TABLE, [Write("insert", written)]),
        }
        if outcome is None:
            attempts[method]()
        else:
            with pytest.raises(outcome):
                attempts[method]()
        assert len(lost) == 1
        assert read(azure_store, unique, row) == written

    def test_a_short_receive_is_one_request(
        self, azure_store: AzureStore, azure_queues: QueueServiceClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Receiving fewer messages than asked, or none, costs one storage operation."""
        queue = f"q{uuid.uuid4().hex}"
        azure_queues.create_queue(queue)
        azure_store.send_message(queue, "one")
        send = RequestsTransport.send
        sent: list[str] = []

        def count(self: RequestsTransport, request: Any, **options: Any) -> Any:
            sent.append(request.method)
            return send(self, request, **options)

        monkeypatch.setattr(RequestsTransport, "send", count)
        assert len(azure_store.receive_messages(queue, most=32, visibility=600)) == 1
        assert azure_store.receive_messages(queue, most=32, visibility=600) == []
        assert sent == ["GET", "GET"]

    @pytest.mark.parametrize("text", ["put in by hand", '{"kind": "wake"}', "//79"])
    def test_a_message_put_in_by_hand_is_read_as_it_lies(
        self, azure_store: AzureStore, azure_queues: QueueServiceClient, text: str
    ) -> None:
        """A text that is not base64 of UTF-8 reaches the reader instead of blocking the queue."""
        queue = f"q{uuid.uuid4().hex}"
        azure_queues.create_queue(queue).send_message(text)
        [message] = azure_store.receive_messages(queue, most=1, visibility=600)
        assert message.text == text


# Sequences of table operations. An ETag is drawn as a word, since the two stores give different ones: "current" as
# last read, "stale" as read before that.
ROWS = st.sampled_from(["a", "a1", "B", "é"])
VALUES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-5, 5),
    # Azurite does not keep the sign of a zero.
    st.floats(allow_nan=False).map(lambda number: number + 0.0),
    st.booleans(),
    st.binary(max_size=20),
)
PROPERTIES = st.dictionaries(st.sampled_from(["x", "y", "z"]), VALUES, max_size=3)
OPERATIONS = st.tuples(
    st.sampled_from(["insert", "replace", "merge", "delete"]),
    ROWS,
    PROPERTIES,
    st.sampled_from(["none", "none", "current", "stale"]),
)
STEPS = st.one_of(
    st.tuples(st.just("one"), OPERATIONS),
    st.tuples(st.just("together"), st.lists(OPERATIONS, min_size=1, max_size=4)),
    st.tuples(st.just("query"), st.tuples(st.none() | ROWS, st.none() | ROWS, st.none() | st.just(["x"]))),
)


class Run:
    """Performs drawn steps on one store and tells what came of each, without what may differ (the ETags)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._partition = uuid.uuid4().hex
        self._etags: dict[str, list[str]] = {}

    def step(self, step: Any) -> object:
        kind, drawn = step
        outcome: object
        try:
            match kind:
                case "one":
                    self._store.write_entity(TABLE, self._write(drawn))
                    outcome = "done"
                case "together":
                    self._store.write_entities(TABLE, [self._write(operation) for operation in drawn])
                    outcome = "done"
                case _:
                    first, last, select = drawn
                    outcome = self._entities(first=first, last=last, select=select)
        except Conflict as conflict:
            outcome = str(conflict).replace(self._partition, "")
        except ValueError:
            outcome = "a mistake"
        return outcome, self._entities()

    def _write(self, operation: Any) -> Write:
        kind, row, properties, guard = operation
        known = ["W/\"datetime'2026-01-01T00%3A00%3A00.0000000Z'\"", *self._etags.get(row, [])]
        etag = {"none": None, "current": known[-1], "stale": known[max(len(known) - 2, 0)]}[guard]
        return Write(kind, entity(self._partition, row, **properties), None if kind == "insert" else etag)

    def _entities(self, **options: Any) -> list[dict[str, str]]:
        found = []
        for stored in self._store.query_entities(TABLE, self._partition, **options):
            etags = self._etags.setdefault(str(stored.entity["RowKey"]), [])
            if stored.etag not in etags:
                etags.append(stored.etag)
            found.append(
                {name: repr(value) for name, value in sorted(stored.entity.items()) if name != "PartitionKey"}
            )
        return found


@pytest.fixture(scope="module")
def both(azure_store: AzureStore) -> Iterator[Callable[[], tuple[Run, Run]]]:
    yield lambda: (Run(MemoryStore(ManualClock())), Run(azure_store))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(steps=st.lists(STEPS, min_size=4, max_size=15))
def test_both_stores_answer_alike(both: Callable[[], tuple[Run, Run]], steps: list[Any]) -> None:
    """Whatever is written, guarded, undone and asked: both stores answer and hold the same after every step."""
    memory, azure = both()
    for step in steps:
        assert memory.step(step) == azure.step(step), step
