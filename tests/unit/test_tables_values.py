"""Every kind of value by its rule: amounts, texts, days, what is left out, and what is of the wrong type."""

import unicodedata
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from shared.errors import BadRecord
from shared.powerbi import rows as powerbi_rows
from shared.tables import fed_by
from shared.tables.table import cut
from shared.xero import wire
from shared.xero.resources import RESOURCES
from tests.support.records import ID_FIELDS, INVOICE_ID, OTHER, UNTRACKED, half_up, shaped, units, value

# Amounts.

money = st.decimals(
    min_value=Decimal(-(10**13)), max_value=Decimal(10**13), places=6, allow_nan=False, allow_infinity=False
)
rates = st.decimals(min_value=Decimal("0.0000000001"), max_value=Decimal(10**8), places=10)


@given(money, rates)
@example(Decimal("1.00005"), Decimal(1))
@example(Decimal("-1.00005"), Decimal(1))
@example(Decimal("0.00015"), Decimal(3))
@example(Decimal("9999999999.99"), Decimal("0.0000000003"))
def test_base_amounts_are_exact_and_rounded_half_up(amount: Decimal, rate: Decimal) -> None:
    """value / CurrencyRate as whole-number arithmetic has it, to the last of the four places."""
    exact = Fraction(amount) / Fraction(rate)
    assume(abs(exact) < 10**23)
    record = {"InvoiceID": INVOICE_ID, "Total": amount, "CurrencyRate": str(rate), "CurrencyCode": "XXX"}
    (row,) = shaped("Invoices", record)
    assert row["TotalAmountBase"] == half_up(exact)
    assert row["TotalAmount"] == half_up(Fraction(amount))


@given(money, money, rates)
def test_net_amounts_in_base_are_rounded_once(gross: Decimal, tax: Decimal, rate: Decimal) -> None:
    """Net is taken from unrounded values, so that rounding happens once, at the end."""
    record = {
        "InvoiceID": INVOICE_ID,
        "LineAmountTypes": "inclusive",
        "CurrencyRate": rate,
        "LineItems": [{"LineAmount": gross, "TaxAmount": tax}],
    }
    net = Fraction(gross) - Fraction(tax)
    assume(abs(net / Fraction(rate)) < 10**23)
    (row,) = shaped("Lines", record)
    assert row["NetAmount"] == half_up(net)
    assert row["NetAmountBase"] == half_up(net / Fraction(rate))


@pytest.mark.parametrize(
    ("currency", "base_amount"),
    [({"CurrencyCode": "NZD"}, Decimal("5.0000")), ({}, Decimal("5.0000")), ({"CurrencyCode": "USD"}, None)],
)
def test_without_a_rate_only_base_currency_has_base_amounts(
    currency: dict[str, str], base_amount: Decimal | None
) -> None:
    """Rate 1 is assumed for the base currency and for no currency at all; for another, nothing is made up."""
    assert value("Invoices", "TotalAmountBase", {"Total": "5"} | currency) == base_amount
    payment = {"Amount": "5", "Invoice": {"InvoiceID": OTHER} | currency}
    assert value("Payments", "AmountBase", payment) == base_amount


@pytest.mark.parametrize("rate", [0, "0.000000"])
def test_a_rate_of_nothing_gives_no_base_amount(rate: Any) -> None:
    """Nothing can be divided by it, and no figure is invented."""
    assert value("Invoices", "TotalAmountBase", {"Total": 5, "CurrencyRate": rate}) is None


def test_a_negative_rate_is_refused() -> None:
    """There is no such rate."""
    with pytest.raises(BadRecord, match="CurrencyRate"):
        value("Invoices", "TotalAmountBase", {"Total": 5, "CurrencyRate": Decimal("-1.5")})


@given(st.integers(0, 10**24 - 1), st.integers(0, 9999))
def test_amounts_reach_power_bi_digit_for_digit(whole: int, places: int) -> None:
    """All 28 digits of Power BI's Decimal arrive from Xero's bytes in the bytes that are sent."""
    written = f"{whole}.{places:04}"
    record = wire.decode(f'{{"InvoiceID":"{INVOICE_ID}","Total":{written}}}'.encode())
    (row,) = shaped("Invoices", record)
    assert f'"TotalAmount":{written},'.encode() in powerbi_rows.encode(0, row).json


@pytest.mark.parametrize("huge", ["1e24", "999999999999999999999999.99995", "-1e60", "1e400", "1e99999999"])
def test_an_amount_beyond_power_bis_digits_is_refused_by_name(huge: str) -> None:
    """More than 24 digits before the point: a BadRecord, never a wrong or infinite figure."""
    for table, column in (("Invoices", "Total"), ("Invoices", "TotalDiscount")):
        with pytest.raises(BadRecord, match=column):
            shaped(table, {"InvoiceID": INVOICE_ID, column: wire.decode(huge.encode())})


# Texts.

texts = st.text(
    st.characters(codec="utf-8") | st.sampled_from("é🧾👩‍👩‍👧ह्रि\U0001f1f3\U0001f1ff"),
    min_size=1,
    max_size=20,
)


@given(texts, st.integers(1, 4200))
def test_a_long_text_is_cut_to_4000_units_between_characters(pattern: str, times: int) -> None:
    """At most 4,000 UTF-16 units, ending with an ellipsis, a beginning of the whole, and never half a character."""
    whole = (pattern * times)[:9000]
    kept = cut(whole)
    assert kept is not None
    if units(whole) <= 4000:
        assert kept == whole
        return
    assert kept.endswith("…")
    assert whole.startswith(kept[:-1])
    assert units(kept) == 4000 or (units(kept) == 3999 and units(whole[len(kept) - 1]) == 2)
    assert not any(unicodedata.category(character) == "Cs" for character in kept)


@pytest.mark.parametrize(
    ("whole", "kept"),
    [
        ("a" * 4000, "a" * 4000),
        ("a" * 4001, "a" * 3999 + "…"),
        ("🧾" * 2000, "🧾" * 2000),
        ("🧾" * 2001, "🧾" * 1999 + "…"),
        ("a" + "🧾" * 2000, "a" + "🧾" * 1999 + "…"),
        ("", ""),
        (None, None),
    ],
)
def test_texts_at_the_limit(whole: str | None, kept: str | None) -> None:
    """4,000 units fit; one more costs two characters' place for the ellipsis of one."""
    assert cut(whole) == kept


# Days.


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ({"DueDateString": "2026-04-24T00:00:00", "DueDate": "/Date(0)/"}, "2026-04-24T00:00:00"),
        ({"DueDateString": "2026-04-24"}, "2026-04-24T00:00:00"),
        ({"DueDateString": None, "DueDate": "/Date(1777075199999+1300)/"}, "2026-04-24T00:00:00"),
        ({"DueDate": "/Date(-2208988800000+0000)/"}, "1900-01-01T00:00:00"),
        ({"DueDate": "/Date(-62135596800000)/"}, "0001-01-01T00:00:00"),
        ({"DueDate": "9999-12-31T00:00:00"}, "9999-12-31T00:00:00"),
        ({"DueDate": ""}, None),
    ],
)
def test_a_day_is_the_organisations_own(fields: dict[str, Any], day: str | None) -> None:
    """Xero's DueDateString before its /Date()/, whose UTC date is the day; far-off days are kept as they are."""
    assert value("Invoices", "DueDate", fields) == day


# Nulls, empty arrays, wrong types.

# Where Xero nests something that it may leave out or write as an empty array.
NESTED = (
    *("Contact", "Balances", "Account", "BankAccount", "FromBankAccount", "ToBankAccount", "BatchPayment"),
    *("Invoice", "CreditNote", "Prepayment", "Overpayment", "SalesDetails", "PurchaseDetails"),
    *("LineItems", "JournalLines", "Allocations", "Options"),
)
# What a marker row says of itself and of the record that it stands for.
OF_A_MARKER = {
    "Lines": {"DocumentKind", "DocumentID", "Effect", "LineKey", "LineNumber", "IsMarker"},
    "Allocations": {"DocumentKind", "DocumentID", "AllocationKey", "AllocationNumber", "IsMarker"},
    "TrackingCategories": {"TrackingOptionKey", "OptionNumber", "IsMarker"},
    "Journals": {"JournalLineKey", "LineNumber", "IsMarker"},
    "OpenItems": {
        *("DocumentKind", "DocumentID", "EntryKey", "EntryNumber", "Entry", "Counts", "IsWithoutDueDate"),
    },
    "CashMovements": {"Source", "SourceID", "MovementKey", "MovementNumber", "IsMarker", "IsTransfer"},
}


@pytest.mark.parametrize("empty", [{}, None, []])
@pytest.mark.parametrize("resource", [name for name in RESOURCES if ID_FIELDS[name] != "Through"])
def test_what_xero_leaves_out_is_null_and_never_zero(resource: str, empty: Any) -> None:
    """Left out, null and the empty array that stands for a null object: null in every column but the keys' own."""
    record = {ID_FIELDS[resource]: OTHER} | ({} if empty == {} else dict.fromkeys(NESTED, empty))
    for table in fed_by(resource):
        (row, *others) = shaped(table.name, record, resource)
        # A transfer that is not known to be deleted moves money from one account to another.
        assert len(others) == (table.name == "CashMovements" and resource == "BankTransfers")
        own = {"TenantID", table.version_key} | OF_A_MARKER.get(table.name, {ID_FIELDS[resource]})
        if table.name in ("TrackingCategories", "Journals"):
            own.add(ID_FIELDS[resource])
        assert {name for name, found in row.items() if found is not None} == own


@pytest.mark.parametrize("empty", [{}, {"Item": [], "Tracking": []}, {"Item": None, "Tracking": None}])
@pytest.mark.parametrize(
    ("table", "resource", "path"),
    [
        ("Lines", "Invoices", "LineItems"),
        ("Lines", "ManualJournals", "JournalLines"),
        ("Allocations", "CreditNotes", "Allocations"),
        ("TrackingCategories", "TrackingCategories", "Options"),
        ("Journals", "Journals", "JournalLines"),
    ],
)
def test_an_element_without_anything_is_null_throughout(
    table: str, resource: str, path: str, empty: dict[str, Any]
) -> None:
    """It has its number and its record's columns like any other, and nothing is made up for it."""
    record = {ID_FIELDS[resource]: OTHER, "Invoice": [], path: [empty]}
    (row,), (without,) = shaped(table, record, resource), shaped(table, record | {path: []}, resource)
    changed = {name for name in row if row[name] != without[name]}
    assert (row["IsMarker"], without["IsMarker"]) == (False, True)
    # Of an option that a line does not name it may be said that there is none.
    assert changed <= OF_A_MARKER[table] | UNTRACKED.keys()
    assert all(row[name] is not None for name in changed)


PLACES_OF_WRONG_VALUES = [
    ("Invoices", {"Total": "twelve"}, "Total"),
    ("Invoices", {"Total": True}, "Total"),
    ("Invoices", {"Total": {}}, "Total"),
    ("Invoices", {"DueDate": "soon"}, "DueDate"),
    ("Invoices", {"DueDate": 12}, "DueDate"),
    ("Invoices", {"Contact": "Ann"}, "Contact.ContactID"),
    ("Invoices", {"Contact": [{"ContactID": OTHER}]}, "Contact.ContactID"),
    ("Invoices", {"SentToContact": "maybe"}, "SentToContact"),
    ("Invoices", {"Status": ["PAID"]}, "Status"),
    ("Invoices", {"CurrencyRate": "1e400"}, "CurrencyRate"),
    ("Lines", {"LineItems": "none"}, "LineItems"),
    ("Lines", {"LineItems": ""}, "LineItems"),
    ("Lines", {"LineItems": {}}, "LineItems"),
    ("Lines", {"LineItems": False}, "LineItems"),
    ("Lines", {"LineItems": [None]}, "LineItems"),
    ("Lines", {"LineItems": [{"Tracking": "North"}]}, "Tracking"),
    ("Lines", {"LineItems": [{"Tracking": 0}]}, "Tracking"),
    ("Lines", {"LineItems": [{"Tracking": [7]}]}, "Tracking"),
    ("Lines", {"LineItems": [{"Tracking": [{"Name": {}}]}]}, "Tracking.Name"),
    ("Lines", {"LineItems": [{"Quantity": "many"}]}, "Quantity"),
    ("Lines", {"LineAmountTypes": True, "LineItems": [{"LineAmount": 1}]}, "LineAmountTypes"),
    ("Lines", {"InvoiceID": None}, "InvoiceID"),
    ("Lines", {"InvoiceID": {"a": 1}}, "InvoiceID"),
    ("Lines", {"InvoiceID": "i" * 5000}, "InvoiceID"),
    ("CreditNotes", {"RemainingCredit": "all"}, "RemainingCredit"),
    ("CreditNotes", {"Contact": {"Name": ["Ann"]}}, "Contact.Name"),
    ("Prepayments", {"AppliedAmount": {}}, "AppliedAmount"),
    ("Overpayments", {"HasAttachments": 1}, "HasAttachments"),
    ("PurchaseOrders", {"DeliveryDate": 5}, "DeliveryDate"),
    ("ManualJournals", {"ShowOnCashBasisReports": "perhaps"}, "ShowOnCashBasisReports"),
    ("BankTransactions", {"BankAccount": "090"}, "BankAccount.AccountID"),
    ("BankTransactions", {"PrepaymentID": {"PrepaymentID": OTHER}}, "PrepaymentID"),
    ("BankTransfers", {"CurrencyRate": "-1", "Amount": 1}, "CurrencyRate"),
    ("BankTransfers", {"CreatedDateUTC": 0}, "CreatedDateUTC"),
    ("Items", {"SalesDetails": {"UnitPrice": "free"}}, "SalesDetails.UnitPrice"),
    ("Items", {"PurchaseDetails": 12}, "PurchaseDetails.UnitPrice"),
    ("TaxRates", {"EffectiveRate": "15%"}, "EffectiveRate"),
    ("TaxRates", {"TaxType": "T" * 101}, "TaxType"),
    ("TrackingCategories", {"Options": {"Name": "North"}}, "Options"),
    ("TrackingCategories", {"Options": ["North"]}, "Options"),
    ("TrackingCategories", {"TrackingCategoryID": None}, "TrackingCategoryID"),
    ("Journals", {"JournalNumber": "1.5"}, "JournalNumber"),
    ("Journals", {"JournalLines": "none"}, "JournalLines"),
    ("Journals", {"JournalLines": [{"TrackingCategories": "North"}]}, "TrackingCategories"),
    ("Journals", {"JournalLines": [{"NetAmount": True}]}, "NetAmount"),
    ("Journals", {"JournalID": ""}, "JournalID"),
    ("Allocations", {"Allocations": 1}, "Allocations"),
    ("Allocations", {"Allocations": [{"Invoice": "INV-1"}]}, "Invoice.InvoiceID"),
    ("Allocations", {"Allocations": [{"Date": "soon"}]}, "Date"),
    ("Allocations", {"Allocations": [{"IsDeleted": "no"}]}, "IsDeleted"),
    ("Allocations", {"CreditNoteID": []}, "CreditNoteID"),
    ("Payments", {"Invoice": "INV-1"}, "Invoice"),
    ("Payments", {"Invoice": {"CurrencyCode": "NZD", "Contact": "Ann"}}, "Contact"),
    ("Payments", {"Invoice": {"CurrencyCode": {}}}, "CurrencyCode"),
    ("Payments", {"BatchPaymentID": {}}, "BatchPaymentID"),
    ("Payments", {"BatchPayment": "b"}, "BatchPayment"),
    ("Payments", {"Account": {"AccountID": True}}, "Account.AccountID"),
    ("Contacts", {"Balances": {"AccountsReceivable": 5}}, "Balances.AccountsReceivable"),
    ("Contacts", {"MergedToContactID": "m" * 5000}, "MergedToContactID"),
    ("Organisations", {"FinancialYearEndDay": "31.5"}, "FinancialYearEndDay"),
    ("Organisations", {"FinancialYearEndDay": "1e30"}, "FinancialYearEndDay"),
    ("Organisations", {"PeriodLockDate": "/Date(1e9)/"}, "PeriodLockDate"),
]


@pytest.mark.parametrize(("table", "fields", "named"), PLACES_OF_WRONG_VALUES)
def test_a_field_of_the_wrong_type_is_refused_by_name(table: str, fields: dict[str, Any], named: str) -> None:
    """The record is bad as a whole, and the error says which field; nothing is dropped and nothing guessed."""
    with pytest.raises(BadRecord) as refused:
        value(table, "TenantID", fields)
    assert refused.value.field.startswith(named)
    assert named in str(refused.value)
