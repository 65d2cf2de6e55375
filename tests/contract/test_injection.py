"""Texts that are data everywhere: nothing that Xero, a webhook or a message says is run, or put where it would be obeyed."""

import json
import logging
import re
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.terminal import visible
from shared import log
from shared.errors import BadMessage, Unavailable
from shared.state import messages, mirror, quarantine
from shared.storage import Write
from shared.sync.alarms import for_a_log
from shared.sync.land import by_ids, one
from shared.sync.receive import receive_webhook
from shared.xero.resources import RESOURCES
from shared.xero.resources.resource import name_of_content
from tests.support import books
from tests.support.world import World, sign

# What some language somewhere would obey.
NASTY = (
    "'; DROP TABLE Invoices; --",
    '") OR 1==1 OR ContactID==guid("',
    "' or PartitionKey ne '",
    "../../../../etc/passwd",
    "a/b\\c#d?e%2f%00",
    "<script>alert(1)</script>&amp;",
    '"] ) EVALUATE Contacts ORDER BY [Name',
    '=HYPERLINK("http://evil.example")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "{{7*7}} ${7*7} %s %(x)s {0}",
    "[red]x[/red] \x1b[2J\x1b]0;owned\x07",
    "line one\nwebhook received operation=forged events=1\r\n\u2028\u2029\u0085",
    "\u202ereversed \u200bzero\ufeff",
    "\U0001f600 e\u0301 \ud7ff",
)
ids = (
    st.text(max_size=70)
    | st.sampled_from(NASTY)
    | st.uuids().map(str)
    | st.from_regex(r"[A-Za-z0-9._/-]{1,70}")
)
# Table service data model: what no key may hold, and the most of one.
FORBIDDEN = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")

quick = settings(max_examples=300, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(found=ids, name=st.sampled_from(sorted(RESOURCES)))
def test_an_id_is_one_or_nothing(found: str, name: str) -> None:
    """What counts as an id can be a key, a blob's name, part of an address and of a filter, as it is."""
    resource = RESOURCES[name]
    if not resource.is_id(found):
        return
    assert not FORBIDDEN.search(found)
    assert len(found) < 100
    path = one(resource, found).path
    assert urlsplit(f"https://api.xero.com/api.xro/2.0/{path}").path.rpartition("/")[2] == found
    filter_text = by_ids(resource, [found, found], 100).params.get("where", "")
    assert filter_text in ("", " OR ".join([f'{resource.id_field} == guid("{found}")'] * 2))


@quick
@given(content=st.dictionaries(st.text(max_size=20) | st.just("InvoiceID"), ids, max_size=4))
def test_a_record_without_an_id_gets_a_name(content: dict[str, str]) -> None:
    """The name by which the quarantine keeps such a record is made by us, whatever stands in it."""
    assert re.fullmatch(r"no-id-[0-9a-f]{8,64}", name_of_content(content))
    for resource in RESOURCES.values():
        assert not FORBIDDEN.search(resource.name_of(content))


@quick
@given(organisation=ids, record_id=ids, resource=ids | st.just("Invoices"))
def test_a_message_names_records_or_is_none(organisation: str, record_id: str, resource: str) -> None:
    """A message of the queue whose ids are none is refused as a whole, in words that are short."""
    fields = {
        "kind": "ids",
        "organisation": organisation,
        "resource": resource,
        "ids": [record_id],
        "reason": "test",
        "operation": "test",
        "first_enqueued_at": "2026-11-23T09:00:00Z",
    }
    try:
        found = messages.decode(msgspec.json.encode(fields).decode())
    except BadMessage as error:
        assert len(str(error)) < 300
    else:
        assert isinstance(found, messages.Ids)
        assert not FORBIDDEN.search(found.organisation + found.ids[0])


@quick
@given(dataset=ids)
def test_a_datasets_name_is_a_name(dataset: str) -> None:
    """The name of a dataset in a message is a part of blobs' names: no path, nothing that ends one."""
    wake = {
        "kind": "wake",
        "dataset": dataset,
        "reason": "",
        "operation": "",
        "first_enqueued_at": "2026-11-23T09:00:00Z",
    }
    try:
        found = messages.decode(msgspec.json.encode(wake).decode())
    except BadMessage:
        return
    assert isinstance(found, messages.Wake)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,63}", found.dataset)


@quick
@given(value=st.text(max_size=200) | st.sampled_from(NASTY), name=st.sampled_from(["why", "operation"]))
def test_a_line_of_the_log_is_one_line(value: str, name: str) -> None:
    """Whatever a value holds, its line is one, it has no pair more, and the value can be read back from it."""
    said: list[str] = []
    logger = logging.getLogger("injection")
    logger.propagate = False
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger.handlers = [handler]
    log.event(logger, "fixed words", level=logging.ERROR, **{name: value}, last="end")
    [line] = said
    assert line.splitlines() == [line]
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)
    if value:
        quoted = line.removeprefix(f"fixed words {name}=").removesuffix(" last=end")
        assert (json.loads(quoted) if quoted.startswith('"') else quoted) == value


@quick
@given(st.text(max_size=200) | st.sampled_from(NASTY))
def test_a_terminal_shows_and_obeys_nothing(text: str) -> None:
    """What a command prints of a name has no control character, no mark of direction, and no line of its own."""
    shown = visible(text)
    assert shown.splitlines() in ([shown], [])
    assert shown.isprintable() or not re.search(
        r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", shown
    )


@quick
@given(st.text(max_size=200) | st.sampled_from(NASTY))
def test_the_words_of_an_alarm_are_one_line(text: str) -> None:
    """An alarm's words become a mail: they are one line, and short."""
    words = for_a_log(text)
    assert words.splitlines() in ([words], [])


def test_texts_come_back_as_they_are(settled: World) -> None:
    """Names, references and descriptions that some language would obey stand in Power BI letter for letter."""
    for number, text in enumerate(NASTY):
        if not text.isprintable():
            # Xero's own JSON escapes such characters; they arrive all the same.
            assert json.loads(json.dumps(text)) == text
        settled.change("Contacts", 1, Name=text, FirstName=text)
        settled.change("Invoices", 2, Reference=text)
        settled.webhook(
            [("CONTACT", books.record_id("Contacts", 1)), ("INVOICE", books.record_id("Invoices", 2))]
        )
        settled.advance(60)
        settled.drain_queue()
        assert settled.current("Contacts", 1)[0]["Name"] == text, number
        assert settled.current("Invoices", 2)[0]["Reference"] == text, number
    assert quarantine.listed(settled.store, books.TENANT, "Contacts") == []


def test_nothing_a_webhook_says_is_asked_for(settled: World) -> None:
    """Ids, organisations and categories that are none leave no trace in a call, a key, or a message."""
    before = len(settled.calls)
    events = [
        {"tenantId": tenant, "resourceId": record_id, "eventCategory": category}
        for text in NASTY
        for tenant, record_id, category in (
            (text, books.record_id("Invoices", 2), "INVOICE"),
            (books.TENANT, text, "INVOICE"),
            (books.TENANT, books.record_id("Invoices", 2) + text, "CONTACT"),
            (books.TENANT, books.record_id("Invoices", 2), text),
        )
    ]
    body = msgspec.json.encode({"events": events})
    assert receive_webhook(settled.connector, body, sign(body)) == 0
    settled.drain_queue()
    assert len(settled.calls) == before


@pytest.mark.parametrize("field", ["id", "tenantId"])
@pytest.mark.parametrize("text", [*NASTY[:5], "", None, 7, "x" * 2000])
def test_ids_of_connections_are_ids(settled: World, field: str, text: Any) -> None:
    """An organisation or connection whose id is none is no organisation: nothing is stored, nothing asked for by it."""
    entry = {"id": books.TENANT, "tenantId": books.OTHER_TENANT, "tenantType": "ORGANISATION"} | {field: text}
    settled.xero_fault("status", path="/connections", status=200, body=json.dumps([entry]))
    before = settled.store._tables["connections"].partitions
    with pytest.raises(Unavailable, match="ids that are none"):
        settled.connector.xero_identity().connections("an access token")
    assert settled.store._tables["connections"].partitions == before


def test_keys_that_storage_refuses_are_never_made(settled: World) -> None:
    """After all that the books hold every key of every table and every name of a blob is of plain characters."""
    keys = [
        key
        for name, table in settled.store._tables.items()
        for partition, rows in table.partitions.items()
        for key in (name, partition, *rows)
    ]
    names = [name for container in settled.store._containers.values() for name in container]
    assert len(keys) > 200
    assert [key for key in keys if FORBIDDEN.search(key) or len(key) > 200] == []
    assert [name for name in names if not re.fullmatch(r"[A-Za-z0-9._/-]{1,200}", name)] == []


def test_a_filter_of_tables_takes_texts_as_texts(settled: World) -> None:
    """A partition's name with quotes in it is that name; what looks like a filter finds no more than itself."""
    odd = "' or PartitionKey ne '"
    settled.store.write_entity("sink", Write("insert", {"PartitionKey": odd, "RowKey": odd, "format": 1}))
    assert [each.entity["RowKey"] for each in settled.store.query_entities("sink", odd)] == [odd]
    assert mirror.alive(settled.store, odd, odd) == set()
