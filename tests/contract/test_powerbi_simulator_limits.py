"""The Power BI simulator holds every limit of a push dataset, by its own clock."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from local.powerbi.switches import Limits
from tests.contract.powerbi_simulator import Simulator, dataset, table

NARROW = dataset(table("T", {"N": "Int64"}), table("U", {"N": "Int64"}))
TEN_THOUSAND = json.dumps({"rows": [{"N": number} for number in range(10_000)]}).encode()


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def service(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.reset()


@pytest.fixture
def small() -> Iterator[Simulator]:
    """The same rules with limits that a test can reach in few calls."""
    with Simulator(
        limits=Limits(
            slow_lane_rows=25,
            posts_an_hour_in_slow_lane=10,
            rows_of_table=50,
            rows_of_fifo_table=20,
            rows_an_hour=100,
        )
    ) as simulator:
        yield simulator


def post_many(service: Simulator, made: str, name: str = "T") -> requests.Response:
    return service.call("POST", f"{service.datasets}/{made}/tables/{name}/rows", TEN_THOUSAND)


def fill(service: Simulator, made: str, rows: int, name: str = "T", start: int = 0) -> requests.Response:
    return service.post(made, [{"N": number} for number in range(start, start + rows)], name)


def test_the_limits_are_the_published_ones() -> None:
    """push-datasets-limitations, and 16 MB a body."""
    limits = Limits()
    assert (limits.columns, limits.tables, limits.relationships) == (75, 75, 75)
    assert (limits.rows_in_post, limits.rows_an_hour, limits.pending_posts) == (10_000, 1_000_000, 5)
    assert (limits.posts_a_minute, limits.posts_an_hour_in_slow_lane) == (120, 120)
    assert (limits.slow_lane_rows, limits.rows_of_fifo_table, limits.rows_of_table) == (
        250_000,
        200_000,
        5_000_000,
    )
    assert limits.body_bytes == 16_000_000


@pytest.mark.parametrize("status", [400, 413])
def test_a_post_has_at_most_10_000_rows(service: Simulator, status: int) -> None:
    """10,000 rows are taken; one more is refused, with either status, and nothing kept."""
    service.switch(too_many_rows_status=status)
    made = service.create(NARROW)
    assert fill(service, made, 10_001).status_code == status
    assert service.count(made) == 0
    assert post_many(service, made).status_code == 200
    assert service.count(made) == 10_000


@pytest.mark.parametrize("status", [413, 400])
def test_a_body_has_at_most_16_mb(service: Simulator, status: int) -> None:
    """The body is measured in bytes as sent; the connection stays usable after the refusal."""
    service.switch(body_too_large_status=status)
    made = service.create(NARROW)
    path = f"{service.datasets}/{made}/tables/T/rows"
    body = b'{"rows":[{"N":1}]' + b" " * (16_000_000 - 18) + b"}"
    assert len(body) == 16_000_000
    assert service.call("POST", path, body).status_code == 200
    assert service.call("POST", path, b" " + body).status_code == status
    assert service.count(made) == 1


def test_120_posts_a_minute(service: Simulator) -> None:
    """The 121st POST within a minute waits for the first to be a minute old; each dataset has its own count."""
    made, other = service.create(NARROW), service.create(NARROW)
    assert fill(service, made, 1).status_code == 200
    service.clock.advance(20)
    for _ in range(119):
        assert fill(service, made, 1).status_code == 200
    refused = fill(service, made, 1, "U")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
    assert fill(service, other, 1).status_code == 200
    assert service.delete_rows(made).status_code == 200
    service.clock.advance(39)
    assert fill(service, made, 1).status_code == 429
    service.clock.advance(1)
    assert fill(service, made, 1).status_code == 200
    assert fill(service, made, 1).status_code == 429


def test_retry_after_may_be_absent(service: Simulator) -> None:
    """By switch a 429 does not say when to come back."""
    service.switch(retry_after=False)
    made = service.create(NARROW)
    for _ in range(120):
        fill(service, made, 1)
    refused = fill(service, made, 1)
    assert refused.status_code == 429
    assert "Retry-After" not in refused.headers


def test_a_million_rows_an_hour(service: Simulator) -> None:
    """A million rows go into a dataset and fit; the next is 429 for up to an hour, deleted rows counting on."""
    made = service.create(NARROW)
    for _ in range(100):
        assert post_many(service, made).status_code == 200
    assert service.count(made) == 1_000_000
    service.clock.advance(60)
    service.delete_rows(made)
    refused = fill(service, made, 1)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3540")
    assert refused.json()["error"]["message"].startswith("You are over your rows per hour limit")
    service.clock.advance(3539)
    assert fill(service, made, 1).status_code == 429
    service.clock.advance(1)
    assert fill(service, made, 1).status_code == 200


def test_the_wait_for_rows_is_as_long_as_the_post_needs(small: Simulator) -> None:
    """Retry-After of the hourly limit is when enough rows have left the hour for this POST."""
    made = small.create(NARROW)
    for rows in (40, 20, 40):
        assert fill(small, made, rows).status_code == 200
        small.clock.advance(600)
    assert fill(small, made, 40).headers["Retry-After"] == "1800"
    assert fill(small, made, 41).headers["Retry-After"] == "2400"


def test_the_slow_lane_begins_at_250_000_rows(service: Simulator) -> None:
    """Once a table holds 250,000 rows, the whole dataset has 120 POSTs an hour."""
    made = service.create(NARROW)
    for _ in range(24):
        post_many(service, made)
    assert service.summary(made)["slow_lane"] is False
    post_many(service, made)
    assert service.summary(made)["slow_lane"] is True
    service.clock.advance(60)
    for _ in range(95):
        assert fill(service, made, 1, "U").status_code == 200
    refused = fill(service, made, 1, "U")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3540")
    service.clock.advance(3540)
    assert fill(service, made, 1, "U").status_code == 200


@pytest.mark.parametrize(("after", "status"), [("ends", 200), ("stays", 429)])
def test_whether_the_slow_lane_ends_with_a_delete(small: Simulator, after: str, status: int) -> None:
    """By switch, a dataset whose large table was emptied has its normal speed again, or never."""
    small.switch(slow_lane_after_delete=after)
    made = small.create(NARROW)
    assert fill(small, made, 25).status_code == 200
    small.delete_rows(made)
    for _ in range(9):
        assert fill(small, made, 1, "U").status_code == 200
    assert fill(small, made, 1, "U").status_code == status


def hold(service: Simulator, made: str) -> socket.socket:
    """Begin a POST whose body does not come."""
    address = urlsplit(service.url)
    connection = socket.create_connection((str(address.hostname), address.port or 0), timeout=10)
    head = (
        f"POST {service.datasets}/{made}/tables/T/rows HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {service.token()}\r\nContent-Type: application/json\r\n"
        "Content-Length: 18\r\nConnection: close\r\n\r\n"
    )
    connection.sendall(head.encode())
    return connection


def reached(service: Simulator, made: str, pending: int) -> bool:
    """Whether the service sees so many open POSTs, asked often enough for all of them to arrive."""
    return any(service.summary(made)["pending_posts"] == pending for _ in range(3000))


def test_5_posts_may_be_under_way(service: Simulator) -> None:
    """While five POSTs to a dataset are being answered a sixth is 429; each that ends makes room."""
    made, other = service.create(NARROW), service.create(NARROW)
    connections = [hold(service, made) for _ in range(5)]
    try:
        assert reached(service, made, 5)
        refused = fill(service, made, 1)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert fill(service, other, 1).status_code == 200
        connections[0].sendall(b'{"rows":[{"N":1}]}')
        assert connections[0].recv(100).startswith(b"HTTP/1.1 200 ")
        assert reached(service, made, 4)
        assert fill(service, made, 1).status_code == 200
    finally:
        for connection in connections:
            connection.close()
    assert reached(service, made, 0)
    assert service.count(made) == 2


def test_posts_stay_pending_until_their_rows_are_in(service: Simulator) -> None:
    """With late ingestion five answered POSTs fill the queue until the clock has moved on."""
    service.switch(ingest_seconds=10)
    made = service.create(NARROW)
    assert [fill(service, made, 1).status_code for _ in range(6)] == [200] * 5 + [429]
    service.clock.advance(10)
    assert fill(service, made, 1).status_code == 200
    assert service.count(made) == 5


def test_basic_fifo_drops_the_oldest(service: Simulator) -> None:
    """A basicFIFO table silently keeps the newest 200,000 rows, or up to 210,000 by switch."""
    made = service.create(NARROW, "?defaultRetentionPolicy=basicFIFO")
    for _ in range(20):
        post_many(service, made)
    assert service.count(made) == 200_000
    assert fill(service, made, 5).status_code == 200
    assert service.count(made) == 200_000
    answer = service.query(made, 'EVALUATE ROW("n", COUNTROWS(T))')
    assert answer.json()["results"][0]["tables"][0]["rows"] == [{"[n]": 200_000}]

    service.switch(fifo_slack=10_000)
    post_many(service, made)
    assert service.count(made) == 210_000
    fill(service, made, 1)
    assert service.count(made) == 200_000


def test_basic_fifo_drops_in_the_order_of_arrival(small: Simulator) -> None:
    """What is gone is what came first."""
    made = small.create(NARROW, "?defaultRetentionPolicy=basicFIFO")
    fill(small, made, 15)
    fill(small, made, 10, start=15)
    assert [row["N"] for row in small.content(made)] == list(range(5, 25))


def test_a_full_table_ignores_new_rows_and_says_200(small: Simulator) -> None:
    """Policy None: rows above the limit are lost without any error, the rest of their POST is kept."""
    made = small.create(NARROW)
    fill(small, made, 45)
    answer = fill(small, made, 10, start=45)
    assert (answer.status_code, answer.content) == (200, b"")
    assert [row["N"] for row in small.content(made)] == list(range(50))
    assert fill(small, made, 1).status_code == 200
    assert small.count(made) == 50
    assert small.summary(made)["tables"][0]["ignored_rows"] == 6
    assert fill(small, made, 1, "U").status_code == 200
    assert small.count(made, "U") == 1
    small.delete_rows(made)
    fill(small, made, 1)
    assert small.count(made) == 1


def test_120_queries_a_minute(service: Simulator) -> None:
    """One identity has 120 queries a minute over all datasets."""
    made, other = service.create(NARROW), service.create(NARROW)
    service.clock.advance(60)
    for number in range(120):
        service.query(made if number % 2 else other, 'EVALUATE ROW("n", COUNTROWS(T))')
    assert service.query(made, 'EVALUATE ROW("n", COUNTROWS(T))').status_code == 429
    service.clock.advance(60)
    assert service.query(made, 'EVALUATE ROW("n", COUNTROWS(T))').status_code == 200
