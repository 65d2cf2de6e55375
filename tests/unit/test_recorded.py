"""Recorded answers of Xero's API as books: what counts, what is passed over, and that no figure is lost on the way."""

import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from local.recorded import NotRecorded, Recorded, load_folder
from local.recorded.kinds import KINDS, LISTS, SCHEDULE
from local.xero.resources import RESOURCES
from local.xero.wire import encode
from tests.support.recordings import SHARED, STUBS

OPENAPI = SHARED / "specs" / "xero_accounting.yaml"
PLURALS = {resource.plural or name for name, resource in RESOURCES.items()}
ORGANISATION = "<Organisation><Name>Harbour</Name><BaseCurrency>NZD</BaseCurrency></Organisation>"
ID = "0032f627-3156-4d30-9b1c-4d3b994dc921"


def xml(plural: str, records: str) -> str:
    return f"<Response><Id>1</Id><Status>OK</Status><{plural}>{records}</{plural}></Response>"


def load(folder: Path, **files: str) -> Recorded:
    """A folder with an organisation and these files; a double underscore in a name stands for its folder."""
    for name, content in {"organisations_xml": xml("Organisations", ORGANISATION), **files}.items():
        stem, _, suffix = name.replace("__", "/").rpartition("_")
        file = folder / f"{stem}.{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return load_folder(folder)


def only(recorded: Recorded, resource: str) -> dict[str, Any]:
    [record] = recorded.books["resources"][resource]
    found: dict[str, Any] = record
    return found


def test_xml_becomes_the_json_of_xero(tmp_path: Path) -> None:
    """Numbers digit for digit, booleans, instants and lists by the names of the OpenAPI file; codes stay text."""
    invoice = f"""
        <Invoice>
          <Contact><Name>A &amp; B</Name><Phones><Phone><PhoneAreaCode>03</PhoneAreaCode></Phone></Phones></Contact>
          <InvoiceID>{ID}</InvoiceID><InvoiceNumber>9871</InvoiceNumber><Reference /><Payments></Payments>
          <Date>2011-02-16T00:00:00</Date><UpdatedDateUTC>2008-09-16T10:28:51.5179999Z</UpdatedDateUTC>
          <SentToContact>true</SentToContact><Total>-148.50</Total><CurrencyRate>1.000000</CurrencyRate>
          <LineItems><LineItem>
            <AccountCode>200</AccountCode><Quantity>3.0000</Quantity>
            <Tracking><TrackingCategory><Name>Region</Name><Option>North</Option></TrackingCategory></Tracking>
          </LineItem></LineItems>
        </Invoice>"""
    assert encode(only(load(tmp_path, invoices_xml=xml("Invoices", invoice)), "Invoices")).decode() == (
        '{"Contact":{"Name":"A & B","Phones":[{"PhoneAreaCode":"03"}]},'
        f'"InvoiceID":"{ID}","InvoiceNumber":"9871",'
        '"Date":"/Date(1297814400000+0000)/","UpdatedDateUTC":"/Date(1221560931517+0000)/",'
        '"SentToContact":true,"Total":-148.50,"CurrencyRate":1.000000,'
        '"LineItems":[{"AccountCode":"200","Quantity":3.0000,'
        '"Tracking":[{"Name":"Region","Option":"North"}]}]}'
    )


def test_one_name_may_mean_two_things(tmp_path: Path) -> None:
    """A repeating invoice's DueDate is a day of the month; a contact's BatchPayments is an object; options are rows."""
    repeating = (
        f"<RepeatingInvoice><RepeatingInvoiceID>{ID}</RepeatingInvoiceID><Schedule><Period>1</Period>"
        "<DueDate>10</DueDate><StartDate>2013-01-21T00:00:00</StartDate></Schedule></RepeatingInvoice>"
    )
    contact = (
        f"<Contact><ContactID>{ID}</ContactID>"
        "<BatchPayments><BankAccountNumber>0123</BankAccountNumber></BatchPayments></Contact>"
    )
    category = (
        f"<TrackingCategory><TrackingCategoryID>{ID}</TrackingCategoryID>"
        "<Options><Option><Name>North</Name></Option><Option><Name>South</Name></Option></Options>"
        "</TrackingCategory>"
    )
    recorded = load(
        tmp_path,
        repeating_invoices_xml=xml("RepeatingInvoices", repeating),
        contacts_xml=xml("Contacts", contact),
        tracking_categories_xml=xml("TrackingCategories", category),
    )
    schedule = {"Period": 1, "DueDate": 10, "StartDate": "/Date(1358726400000+0000)/"}
    assert only(recorded, "RepeatingInvoices")["Schedule"] == schedule
    assert only(recorded, "Contacts")["BatchPayments"] == {"BankAccountNumber": "0123"}
    assert only(recorded, "TrackingCategories")["Options"] == [{"Name": "North"}, {"Name": "South"}]


def test_a_value_that_is_none_of_its_kind_is_played_back(tmp_path: Path) -> None:
    """What Xero would not say today is kept as it was recorded, so that whoever reads it has to cope."""
    wrong = {"Total": "NaN", "Date": "yesterday", "SentToContact": "maybe"}
    fields = "".join(f"<{name}>{value}</{name}>" for name, value in wrong.items())
    invoice = f"<Invoice><InvoiceID>{ID}</InvoiceID>{fields}</Invoice>"
    assert only(load(tmp_path, invoices_xml=xml("Invoices", invoice)), "Invoices") == {
        "InvoiceID": ID,
        **wrong,
    }


def test_json_is_taken_as_it_is(tmp_path: Path) -> None:
    """Nothing of a JSON answer changes, not the last zero of a number, wherever in the folder it lies."""
    record = f'{{"InvoiceID":"{ID}","Total":90.00,"Date":"/Date(1553126400000+0000)/","Payments":[]}}'
    recorded = load(
        tmp_path, pages__invoices__1_json=f'{{"Id":"1","DateTimeUTC":"/Date(1)/","Invoices":[{record}]}}'
    )
    assert encode(only(recorded, "Invoices")).decode() == record


@pytest.mark.parametrize("full_first", [True, False])
def test_the_fuller_answer_about_a_record_wins(tmp_path: Path, full_first: bool) -> None:
    """A record with lines over a list's row without, whichever is read first; the row lends what else it has."""
    full = f"<ManualJournalID>{ID.upper()}</ManualJournalID><Narration>N</Narration>" + (
        "<JournalLines><JournalLine><LineAmount>679.00</LineAmount></JournalLine></JournalLines>"
    )
    row = f"<ManualJournalID>{ID}</ManualJournalID><Status>POSTED</Status><Narration>Old</Narration>" + (
        "<UpdatedDateUTC>2010-12-29T15:04:00.37</UpdatedDateUTC>"
    )
    first, second = (full, row) if full_first else (row, full)
    recorded = load(
        tmp_path,
        a__1_xml=xml("ManualJournals", f"<ManualJournal>{first}</ManualJournal>"),
        b__1_xml=xml("ManualJournals", f"<ManualJournal>{second}</ManualJournal>"),
    )
    journal = only(recorded, "ManualJournals")
    assert journal["JournalLines"] == [{"LineAmount": Decimal("679.00")}]
    assert (journal["Narration"], journal["UpdatedDateUTC"]) == ("N", "/Date(1293635040370+0000)/")
    assert journal["ManualJournalID"] == ID.upper()


def test_of_two_full_answers_the_newer_wins_whole(tmp_path: Path) -> None:
    """An older answer with more in it lends nothing to a newer one: what is gone stays gone."""

    def answer(second: int, **more: str) -> str:
        record = {"InvoiceID": ID, "LineItems": [{}], "UpdatedDateUTC": f"/Date({second}000+0000)/", **more}
        return json.dumps({"Invoices": [record]})

    old = answer(1, Reference="R", FullyPaidOnDate="/Date(0+0000)/")
    recorded = load(tmp_path, a__1_json=answer(2), b__1_json=old)
    assert only(recorded, "Invoices") == json.loads(answer(2))["Invoices"][0]


def test_what_is_passed_over_is_told(tmp_path: Path) -> None:
    """Each file that gives no records is named, and why, and each record that no list of Xero's could hold."""
    one = f"<InvoiceID>{ID}</InvoiceID>"
    recorded = load(
        tmp_path,
        contacts_xml="",
        notes_txt="hello",
        broken_json='{"Invoices": [',
        html_xml="<html><body /></html>",
        bomb_xml='<!DOCTYPE r [<!ENTITY a "aaaa">]><Response><Invoices>&a;</Invoices></Response>',
        employees_xml=xml("Employees", "<Employee><Name>X</Name></Employee>"),
        error_json='{"Title": "Unauthorized", "Status": 401, "Detail": "TokenExpired"}',
        connections_json='[{"tenantId": "7f5fabdd"}]',
        bare_json=f'{{"InvoiceID": "{ID}", "Payments": [{{"PaymentID": "1"}}]}}',
        create_invoice_xml=xml("Invoices", f"<Invoice>{one}</Invoice>"),
        invoice_xml=xml("Invoices", f"<Invoice>{one}</Invoice>"),
        invoices_xml=xml("Invoices", "<Invoice><Total>1.00</Total></Invoice>"),
        payments_json='{"Payments": [7]}',
    )
    told = {
        "contacts.xml": "is empty",
        "notes.txt": "is neither .json nor .xml",
        "broken.json": "is no JSON",
        "html.xml": "is <html>",
        "bomb.xml": "is no XML to be read: EntitiesForbidden",
        "employees.xml": "holds Employees",
        "error.json": "is an error answer: TokenExpired",
        "connections.json": "is JSON, but no envelope",
        "bare.json": "is a record without its envelope",
        "create_invoice.xml": "answers a write",
        "invoice.xml": "is an example of one record",
        "invoices.xml: Invoices 1": "has no InvoiceID",
        "payments.json: Payments 1": "is no record",
    }
    assert recorded.passed_over.keys() == told.keys()
    for name, why in told.items():
        assert recorded.passed_over[name].startswith(why)
    assert recorded.books["resources"].keys() == {"Organisation"}


def test_an_organisation_without_an_id_is_given_one(tmp_path: Path) -> None:
    """The id follows from what was recorded, so that the same folder is the same organisation; it is told."""
    first, again = load(tmp_path / "a"), load(tmp_path / "b", contacts_xml="")
    other = load(tmp_path / "c", organisations_xml=xml("Organisations", ORGANISATION.replace("Harbour", "H")))
    tenant = first.books["tenant_id"]
    assert again.books["tenant_id"] == tenant != other.books["tenant_id"]
    assert only(first, "Organisation")["OrganisationID"] == tenant
    assert first.given.keys() == {"Organisation.OrganisationID"}
    assert (first.books["name"], first.books["user"]) == ("Harbour", "user-1")


def test_an_organisation_keeps_its_own_id(tmp_path: Path) -> None:
    """Later recordings say it: the books go by it."""
    known = ORGANISATION.replace("<Name>", f"<OrganisationID>{ID}</OrganisationID><Name>")
    recorded = load(tmp_path, organisations_xml=xml("Organisations", known))
    assert (recorded.books["tenant_id"], recorded.given) == (ID, {})


def test_a_folder_that_is_no_organisation_is_refused(tmp_path: Path) -> None:
    """No folder, no organisation in it, or two: said with the folder's name, and what lies there instead."""
    with pytest.raises(NotRecorded, match="nowhere is no folder"):
        load_folder(tmp_path / "nowhere")
    with pytest.raises(NotRecorded, match=rf"{tmp_path.name} holds no .*organisations\.xml is empty"):
        load(tmp_path, organisations_xml="")
    two = xml("Organisations", ORGANISATION + ORGANISATION.replace("Harbour", "Hill"))
    with pytest.raises(NotRecorded, match=f"{tmp_path.name} holds .*several organisations: Harbour, Hill"):
        load(tmp_path, organisations_xml=two)


def declared(schema: dict[str, Any]) -> str:
    """The kind of a property in Xero's OpenAPI file; "" for text and objects."""
    if schema.get("x-is-msdate") or schema.get("x-is-msdate-time"):
        return "date"
    kind = str(schema.get("type", "object"))
    return {"array": "list", "string": "", "object": ""}.get(kind, kind)


def test_the_kinds_are_those_of_the_openapi_file() -> None:
    """Every field that a record of the served resources can hold, at any depth, has the kind that Xero declares."""
    if not OPENAPI.is_file():
        pytest.skip("the OpenAPI file lies beside the repository only")
    schemas = yaml.load(OPENAPI.read_bytes(), Loader=yaml.CSafeLoader)["components"]["schemas"]
    waiting = {resource.plural or name for name, resource in RESOURCES.items()}
    seen = {"Pagination"}
    wrong = []
    while waiting:
        entity = waiting.pop()
        seen.add(entity)
        ours = {**KINDS, **(SCHEDULE if entity == "Schedule" else {}), **dict.fromkeys(LISTS, "list")}
        for name, schema in schemas[entity].get("properties", {}).items():
            wanted = schema.get("items", schema).get("$ref", "").rpartition("/")[2]
            waiting |= {wanted} - seen - {""}
            # A resource's own list is the envelope's, not a field of a record.
            if entity not in PLURALS and ours.get(name, "") != declared(schema):
                wrong.append((entity, name, declared(schema)))
    assert len(seen) > 50
    assert wrong == []


# The recorded Demo Company (AU)


@pytest.fixture(scope="module")
def demo() -> Recorded:
    if not STUBS.is_dir():
        pytest.skip("the recorded answers lie beside the repository only")
    return load_folder(STUBS)


def elements(pattern: str, tag: str) -> Iterator[ElementTree.Element]:
    """The elements of a name in the files of a pattern, straight from the files."""
    for file in sorted(STUBS.glob(pattern)):
        yield from ElementTree.parse(file).iter(tag)


def summed(found: Iterator[tuple[str, str]]) -> dict[str, tuple[int, Decimal]]:
    """Count and sum of (group, number)."""
    sums: dict[str, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal()))
    for group, number in found:
        count, total = sums[group]
        sums[group] = (count + 1, total + Decimal(number))
    return dict(sums)


@pytest.mark.parametrize(
    ("resource", "pattern", "tag", "count"),
    [
        ("Invoices", "records/invoice-*.xml", "Invoice", 82),
        ("CreditNotes", "records/credit_note-*.xml", "CreditNote", 8),
        ("ManualJournals", "records/manual_journal-*.xml", "ManualJournal", 4),
        ("Contacts", "records/contact-*.xml", "Contact", 104),
        ("Prepayments", "records/prepayment-*.xml", "Prepayment", 1),
        ("Payments", "payments.xml", "Payment", 50),
        ("Accounts", "accounts.xml", "Account", 56),
        ("Items", "items.xml", "Item", 9),
        ("TaxRates", "tax_rates.xml", "TaxRate", 10),
        ("TrackingCategories", "tracking_categories.xml", "TrackingCategory", 1),
    ],
)
def test_the_demo_company_is_whole(demo: Recorded, resource: str, pattern: str, tag: str, count: int) -> None:
    """As many records of each resource as the files have."""
    assert len(demo.books["resources"][resource]) == count == len(list(elements(pattern, tag)))


def test_the_demo_companys_invoices_add_up(demo: Recorded) -> None:
    """Totals by type and status are those of the files, to the cent."""
    assert summed(
        (f"{row['Type']} {row['Status']}", str(row["Total"])) for row in demo.books["resources"]["Invoices"]
    ) == summed(
        (f"{element.findtext('Type')} {element.findtext('Status')}", element.findtext("Total") or "")
        for element in elements("records/invoice-*.xml", "Invoice")
    )


def test_the_demo_companys_lines_add_up(demo: Recorded) -> None:
    """The lines of invoices and of journals by account code, and which of them are tracked."""
    for resource, lines, pattern, tag, count in (
        ("Invoices", "LineItems", "records/invoice-*.xml", "LineItem", 90),
        ("ManualJournals", "JournalLines", "records/manual_journal-*.xml", "JournalLine", 9),
    ):
        ours = [line for row in demo.books["resources"][resource] for line in row.get(lines, [])]
        theirs = list(elements(pattern, tag))
        assert len(ours) == count
        assert sum(bool(line.get("Tracking")) for line in ours) == sum(
            each.find("Tracking") is not None for each in theirs
        )
        assert summed((line.get("AccountCode", ""), str(line["LineAmount"])) for line in ours) == summed(
            (each.findtext("AccountCode") or "", each.findtext("LineAmount") or "") for each in theirs
        )


def test_the_demo_companys_payments_add_up(demo: Recorded) -> None:
    """Amounts by status are those of the file; one payment is deleted."""
    ours = summed((row["Status"], str(row["Amount"])) for row in demo.books["resources"]["Payments"])
    assert ours == summed(
        (each.findtext("Status") or "", each.findtext("Amount") or "")
        for each in elements("payments.xml", "Payment")
    )
    assert ours["DELETED"][0] == 1


def test_all_files_of_the_demo_company_are_accounted_for(demo: Recorded) -> None:
    """What is not in the books is named; single examples and writes among it, records and lists not."""
    passed = demo.passed_over.keys()
    assert {"contacts.xml", "contact.xml", "create_invoice.xml", "employees.xml", "token_expired"} <= passed
    assert not [name for name in passed if name.startswith("records/") or ": " in name]
    assert demo.given.keys() == {"Organisation.OrganisationID"}
    used = {path.name for path in STUBS.glob("*") if path.is_file()} - passed
    assert used == {
        *("accounts.xml", "branding_themes.xml", "credit_notes.xml", "currencies.xml", "invoices.xml"),
        *("items.xml", "manual_journals.xml", "organisation.xml", "organisations.xml", "payments.xml"),
        *("prepayments.xml", "repeating_invoices.xml", "tax_rates.xml", "tracking_categories.xml"),
        "users.xml",
    }
