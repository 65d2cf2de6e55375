"""The Power BI simulator takes, keeps, alters and deletes rows as the service does."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.powerbi_simulator import Simulator, dataset, said, table


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def service(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.reset()


def test_rows_are_appended_and_duplicates_kept(service: Simulator) -> None:
    """A POST answers 200 without body and only appends: sent twice is there twice."""
    made = service.create()
    answer = service.post(made, [{"Number": 1, "Text": "a"}])
    assert (answer.status_code, answer.content) == (200, b"")
    service.post(made, [{"Number": 1, "Text": "a"}, {"Number": 2}])
    assert service.content(made) == [{"Number": 1, "Text": "a"}, {"Number": 1, "Text": "a"}, {"Number": 2}]
    assert service.count(made) == 3


def test_missing_columns_and_null_are_blank(service: Simulator) -> None:
    """A column that a row leaves out becomes blank without any error, like one that is null."""
    made = service.create()
    assert service.post(made, [{"Number": 1, "Text": None}]).status_code == 200
    shown = service.call("GET", f"/_sim/datasets/{made}/tables/T/rows").json()
    assert shown == {
        "columns": ["Number", "Ratio", "Flag", "At", "Text", "Amount"],
        "rows": [[1, None, None, None, None, None]],
    }


@pytest.mark.parametrize(
    ("column", "sent", "kept"),
    [
        ("Number", 2**63 - 2, 2**63 - 2),
        ("Number", -(2**63) + 1, -(2**63) + 1),
        ("Ratio", Decimal("0.1"), Decimal("0.1")),
        ("Ratio", 3, Decimal("3.0")),
        ("Flag", True, True),
        ("Flag", False, False),
        ("Text", "", ""),
        ("Text", "é" * 4000, "é" * 4000),
        ("Text", "😀" * 2000, "😀" * 2000),
        ("At", "2026-11-23T09:08:07", "2026-11-23T09:08:07"),
        ("At", "2026-11-23T09:08:07.000", "2026-11-23T09:08:07"),
        ("At", "2026-11-23T09:08:07.005", "2026-11-23T09:08:07.007"),
        ("At", "2026-11-23T09:08:07.0016", "2026-11-23T09:08:07"),
        ("At", "2026-11-23T09:08:07.0017", "2026-11-23T09:08:07.003"),
        ("At", "2026-11-23T23:59:59.999", "2026-11-24T00:00:00"),
        ("At", "1900-01-01T00:00:00", "1900-01-01T00:00:00"),
        ("Amount", Decimal("12.34"), Decimal("12.34")),
        ("Amount", 7, Decimal(7)),
        ("Amount", Decimal("-0.12345"), Decimal("-0.1234")),
        ("Amount", Decimal("0.12355"), Decimal("0.1236")),
        ("Amount", Decimal("1e3"), Decimal(1000)),
        ("Amount", Decimal("999999999999999999999999.9999"), Decimal("999999999999999999999999.9999")),
        ("Amount", Decimal("123456789012345678.0001"), Decimal("123456789012345678.0001")),
    ],
)
def test_values_as_the_columns_keep_them(service: Simulator, column: str, sent: Any, kept: Any) -> None:
    """Each type takes its values and quantises them: DateTime to 1/300 s, Decimal to 4 places, exactly."""
    made = service.create()
    answer = service.post(made, [{column: sent}])
    assert answer.status_code == 200, answer.text
    assert service.content(made) == [{column: kept}]


@pytest.mark.parametrize(
    ("column", "sent"),
    [
        ("Number", 2**63 - 1),
        ("Number", -(2**63)),
        ("Number", 2**70),
        ("Number", Decimal("1.0")),
        ("Number", "1"),
        ("Number", True),
        ("Ratio", Decimal("1.7976931348623157e308")),
        ("Ratio", Decimal("-1e400")),
        ("Ratio", 10**400),
        ("Ratio", "0.1"),
        ("Ratio", True),
        ("Flag", 1),
        ("Flag", "true"),
        ("Text", 1),
        ("Text", "x" * 4001),
        ("Text", "😀" * 2001),
        ("Text", ["x"]),
        ("Text", {"x": 1}),
        ("At", "07/30/2014"),
        ("At", "2026-11-23"),
        ("At", "2026-11-23 09:08:07"),
        ("At", "2026-11-23T09:08:07Z"),
        ("At", "2026-11-23T09:08:07+13:00"),
        ("At", "2026-02-30T00:00:00"),
        ("At", "2026-11-23T24:00:00"),
        ("At", 1763888887),
        ("Amount", "12.34"),
        ("Amount", False),
        ("Amount", Decimal("1000000000000000000000000.0001")),
        ("Amount", Decimal("1e40")),
    ],
)
def test_values_that_columns_refuse(service: Simulator, column: str, sent: Any) -> None:
    """A value of another type, or outside of its type's range, is refused and named, and nothing is kept."""
    made = service.create()
    answer = service.post(made, [{"Text": "good"}, {column: sent}])
    assert answer.status_code == 400
    assert said(answer).startswith(f"Row 1: the value of column '<pi>{column}</pi>'")
    assert service.count(made) == 0


def test_true_is_no_number_even_after_one(service: Simulator) -> None:
    """Equal in Python is not equal here: true after a good 1, and 1 after true, are still refused."""
    made = service.create()
    assert service.post(made, [{"Amount": 1}, {"Amount": True}]).status_code == 400
    assert service.post(made, [{"Flag": True}, {"Flag": 1}]).status_code == 400


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_json_number_is_refused(service: Simulator, text: str) -> None:
    """NaN and Infinity, which Python writes into JSON by default, make the body unreadable."""
    made = service.create()
    path = f"{service.datasets}/{made}/tables/T/rows"
    answer = service.call("POST", path, f'{{"rows":[{{"Ratio":{text}}}]}}'.encode())
    assert (answer.status_code, said(answer)) == (400, "The request body is not valid JSON.")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"Rows":[]}',
        b'{"rows":{}}',
        b'{"rows":[]}',
        b'{"rows":[1]}',
        b'{"rows":[{}]}',
        b'{"rows":[{"Number":1}],"more":1}',
        b'{"rows":[{"Number":1}]',
        b'[{"Number":1}]',
        b'{"rows":[{"Text":"\xff"}]}',
        b"[" * 100_000,
    ],
)
def test_bodies_that_hold_no_rows_are_refused(service: Simulator, body: bytes) -> None:
    """A body is an object with the one property `rows`, an array of at least one object with values."""
    made = service.create()
    answer = service.call("POST", f"{service.datasets}/{made}/tables/T/rows", body)
    assert answer.status_code == 400
    assert service.count(made) == 0


def test_another_media_type_is_refused(service: Simulator) -> None:
    """A body that does not say that it is JSON is 415, in the third shape of errors."""
    made = service.create()
    answer = service.post(made, [{"Number": 1}], headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert answer.json().keys() == {"Message"}


@pytest.mark.parametrize("row", [{"Nobody": 1}, {"number": 1}])
def test_unknown_columns_are_refused(service: Simulator, row: dict[str, Any]) -> None:
    """A column that the table has not, or not in this case, is refused with nothing kept."""
    made = service.create()
    answer = service.post(made, [{"Number": 1}, row])
    assert answer.status_code == 400
    assert "is not found in the table" in said(answer)
    assert service.count(made) == 0


def test_tables_are_found_by_exact_name(service: Simulator) -> None:
    """The name of a table is case-sensitive; it may have spaces and other letters when it is encoded."""
    made = service.create(dataset(table("Très bien #1", {"A": "Int64"}), table("T", {"A": "Int64"})))
    assert service.post(made, [{"A": 1}], "Tr%C3%A8s%20bien%20%231").status_code == 200
    assert service.count(made, "Très bien #1") == 1
    answer = service.post(made, [{"A": 1}], "t")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ItemNotFound")


@pytest.mark.parametrize("status", [400, 404, 500])
@pytest.mark.parametrize("effect", ["nothing", "rows_before"])
def test_a_bad_row_by_switch(service: Simulator, status: int, effect: str) -> None:
    """Status and effect of a bad row are switches: nothing of the POST is kept, or what stood before it."""
    service.switch(bad_row_status=status, bad_row_effect=effect)
    made = service.create()
    answer = service.post(made, [{"Number": 1}, {"Number": "x"}, {"Number": 3}])
    assert answer.status_code == status
    assert service.content(made) == ([] if effect == "nothing" else [{"Number": 1}])


def test_strings_for_numbers_by_switch(service: Simulator) -> None:
    """Where the switch accepts them, texts of numbers become numbers of the column's type, and nothing else does."""
    service.switch(numbers_as_strings="accepted")
    made = service.create()
    assert service.post(made, [{"Number": "12", "Ratio": "0.5", "Amount": "-3.14159"}]).status_code == 200
    assert service.content(made) == [{"Number": 12, "Ratio": Decimal("0.5"), "Amount": Decimal("-3.1416")}]
    for wrong in ("1.5", "", "x", "٣"):
        assert service.post(made, [{"Number": wrong}]).status_code == 400


@pytest.mark.parametrize(
    ("zone", "kept"), [("converted", "2026-11-22T20:00:00"), ("ignored", "2026-11-23T09:00:00")]
)
def test_time_zones_by_switch(service: Simulator, zone: str, kept: str) -> None:
    """An offset is refused by default; by switch it is converted to UTC or cut off."""
    service.switch(datetime_zone=zone)
    made = service.create()
    assert service.post(made, [{"At": "2026-11-23T09:00:00+13:00"}]).status_code == 200
    assert service.content(made) == [{"At": kept}]


def test_duplicates_on_the_one_side_by_switch(service: Simulator) -> None:
    """A second row of a key on the one-side is taken by default and refused where the switch says so."""
    join = {"name": "R", "fromTable": "F", "fromColumn": "K", "toTable": "D", "toColumn": "K"}
    made = service.create(
        dataset(table("F", {"K": "Int64"}), table("D", {"K": "Int64"}), relationships=[join])
    )
    assert service.post(made, [{"K": 1}, {"K": 1}], "F").status_code == 200
    assert service.post(made, [{"K": 1}], "D").status_code == 200
    service.switch(duplicate_on_one_side="refused")
    assert service.post(made, [{"K": 1}], "D").status_code == 400
    assert service.post(made, [{"K": 2}, {"K": 2}], "D").status_code == 400
    assert service.post(made, [{"K": 2}], "D").status_code == 200
    assert service.post(made, [{"K": 1}], "F").status_code == 200
    service.switch(duplicate_on_one_side="accepted")
    assert service.post(made, [{"K": 1}], "D").status_code == 200


# DELETE, and effects that come late


def test_delete_removes_all_rows_of_one_table(service: Simulator) -> None:
    """DELETE rows answers 200 without body and empties the table at once, and no other."""
    made = service.create(dataset(table("T", {"A": "Int64"}), table("U", {"A": "Int64"})))
    service.post(made, [{"A": 1}, {"A": 2}])
    service.post(made, [{"A": 3}], "U")
    answer = service.delete_rows(made)
    assert (answer.status_code, answer.content) == (200, b"")
    assert (service.count(made, "T"), service.count(made, "U")) == (0, 1)
    service.post(made, [{"A": 4}])
    assert service.content(made) == [{"A": 4}]


def test_a_delete_may_take_effect_late(service: Simulator) -> None:
    """Delayed by switch, a DELETE takes all rows that it finds, so also those posted after its answer."""
    service.switch(delete_seconds=30)
    made = service.create()
    service.post(made, [{"Number": 1}])
    assert service.delete_rows(made).status_code == 200
    service.post(made, [{"Number": 2}])
    service.clock.advance(29)
    assert service.count(made) == 2
    service.clock.advance(1)
    assert service.count(made) == 0
    service.post(made, [{"Number": 3}])
    assert service.content(made) == [{"Number": 3}]


def test_a_late_delete_may_spare_what_came_after_it(service: Simulator) -> None:
    """By switch, a delayed DELETE takes only the rows posted before it."""
    service.switch(delete_seconds=30, delete_takes="older")
    made = service.create()
    service.post(made, [{"Number": 1}, {"Number": 2}])
    service.delete_rows(made)
    service.post(made, [{"Number": 3}])
    service.clock.advance(30)
    assert service.content(made) == [{"Number": 3}]


def test_a_second_late_delete_counts_from_the_first(service: Simulator) -> None:
    """What an earlier DELETE took does not make a later one take more than what was posted before it."""
    service.switch(delete_seconds=30, delete_takes="older")
    made = service.create()
    service.post(made, [{"Number": 1}, {"Number": 2}])
    service.delete_rows(made)
    service.clock.advance(30)
    service.post(made, [{"Number": 3}])
    service.delete_rows(made)
    service.post(made, [{"Number": 4}])
    service.clock.advance(30)
    assert service.content(made) == [{"Number": 4}]


def test_rows_may_be_seen_late(service: Simulator) -> None:
    """By switch, rows that were answered 200 are seen later, and survive a DELETE that came between."""
    service.switch(ingest_seconds=20)
    made = service.create()
    assert service.post(made, [{"Number": 1}]).status_code == 200
    assert service.count(made) == 0
    service.delete_rows(made)
    service.clock.advance(20)
    assert service.content(made) == [{"Number": 1}]


# Unknown outcomes


@pytest.mark.parametrize("commits", [True, False])
@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_error_says_nothing_about_the_rows(service: Simulator, status: int, commits: bool) -> None:
    """A gateway's error looks the same whether the rows are in or not."""
    made = service.create()
    service.fault(kind="status", method="POST", path=".*/rows", status=status, commits=commits, body="<html>")
    answer = service.post(made, [{"Number": 1}])
    assert (answer.status_code, answer.text) == (status, "<html>")
    assert service.count(made) == int(commits)


@pytest.mark.parametrize("commits", [True, False])
def test_a_broken_connection_says_nothing_about_the_rows(service: Simulator, commits: bool) -> None:
    """A reset comes after the rows were taken, or before."""
    made = service.create()
    service.fault(kind="reset", method="POST", path=".*/rows", commits=commits)
    with pytest.raises(OSError, match=r"reset|aborted"):
        service.post(made, [{"Number": 1}])
    assert service.count(made) == int(commits)


def test_a_post_that_timed_out_may_land_later(service: Simulator) -> None:
    """With late ingestion, a POST whose answer was lost is first absent and then there."""
    service.switch(ingest_seconds=60)
    made = service.create()
    service.fault(kind="status", method="POST", path=".*/rows", status=504, commits=True)
    assert service.post(made, [{"Number": 1}]).status_code == 504
    assert service.count(made) == 0
    service.clock.advance(60)
    assert service.count(made) == 1


# Sequence numbers


def numbers(service: Simulator, made: str) -> list[int]:
    answer = service.call("GET", f"{service.datasets}/{made}/tables/T/sequenceNumbers")
    assert answer.status_code == 200
    entries = answer.json()["value"]
    assert all(entry["clientId"] == "44444444-4444-4444-8444-444444444444" for entry in entries)
    return [entry["sequenceNumber"] for entry in entries]


@pytest.mark.parametrize(
    ("sequence_header", "statuses", "recorded", "kept"),
    [
        ("recorded", [200, 200, 200], [[2], [2], [1]], 3),
        ("ignored", [200, 200, 200], [[], [], []], 3),
        ("refuses_old", [200, 400, 400], [[2], [2], [2]], 1),
        ("drops_old", [200, 200, 200], [[2], [2], [2]], 1),
    ],
)
def test_sequence_numbers_by_switch(
    service: Simulator, sequence_header: str, statuses: list[int], recorded: list[list[int]], kept: int
) -> None:
    """The undocumented header is recorded per client, ignored, or keeps repeated numbers out, by switch."""
    service.switch(sequence_header=sequence_header)
    made = service.create()
    assert service.post(made, [{"Number": 0}]).status_code == 200
    assert numbers(service, made) == []
    for number, status, known in zip(("2", "2", "1"), statuses, recorded, strict=True):
        answer = service.post(made, [{"Number": 1}], headers={"X-PowerBI-PushData-SequenceNumber": number})
        assert answer.status_code == status
        assert numbers(service, made) == known
    assert service.count(made) == 1 + kept
    service.delete_rows(made)
    assert numbers(service, made) == recorded[-1]


def test_a_sequence_number_is_a_number(service: Simulator) -> None:
    """Anything else in the header is refused."""
    made = service.create()
    headers = {"X-PowerBI-PushData-SequenceNumber": "x"}
    assert service.post(made, [{"Number": 1}], headers=headers).status_code == 400
