"""Which endpoint of the Accounting API can do what, as data: Xero's OpenAPI file 16.1.0 and its endpoint pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

_DOCUMENT_ENDS = {"AUTHORISED": "VOIDED", "DRAFT": "DELETED", "SUBMITTED": "DELETED"}
_DELETED = dict.fromkeys(("AUTHORISED", "DRAFT", "SUBMITTED", "SENT", "BILLED"), "DELETED")


@dataclass(frozen=True)
class Hidden:
    """Rows whose `field` has `value` are listed only when the query says `flag=true`."""

    flag: str
    field: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One endpoint.

    name, key: the endpoint's path and the record's id field; plural: what the answer calls the list, if not so too.
    scopes: each opens the resource, and so does each with `.read` at its end.
    stamp: the field that If-Modified-Since looks at and that orders a list; None when records have none.
    paging: "page" (a list without `page` is whole), "offset" (journals) or "none"; page_size: pageSize is obeyed and
        `pagination` answered.
    lists, equals: parameter -> field, for comma-separated and for single values; ranges: parameter -> (field, sign),
        the sign being 1 for "from" and -1 for "to".
    lacks: what a record in a list without lines lacks (arrays are emptied, the rest left out); lines_with: parameters
        that bring it back; summary_lacks: what `summaryOnly=true` leaves out.
    by_key: a record can be asked for by itself.
    limited: too many rows are refused; optimised, optimised_order: what does not count as a scan of all rows.
    category: of its webhooks; event_data: the fields that an event's `data` holds.
    ends: what voiding or deleting makes of a status.
    """

    name: str
    key: str
    scopes: tuple[str, ...]
    plural: str = ""
    stamp: str | None = "UpdatedDateUTC"
    paging: Literal["none", "page", "offset"] = "none"
    page_size: bool = False
    modified_since: bool = True
    where: bool = True
    order: bool = True
    lists: Mapping[str, str] = field(default_factory=dict)
    equals: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    hidden: Hidden | None = None
    search: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    lines_with: tuple[str, ...] = ("page",)
    summary_lacks: tuple[str, ...] = ()
    unitdp: bool = False
    by_key: bool = True
    limited: bool = False
    optimised: tuple[str, ...] = ()
    optimised_order: tuple[str, ...] = ()
    category: str | None = None
    event_data: tuple[str, ...] = ()
    ends: Mapping[str, str] = field(default_factory=dict)


_INVOICES = ("accounting.invoices", "accounting.transactions")
_PAYMENTS = ("accounting.payments", "accounting.transactions")
_BANK = ("accounting.banktransactions", "accounting.transactions")
_SETTINGS = ("accounting.settings",)

_DECLARED = (
    Resource(
        name="Invoices",
        key="InvoiceID",
        scopes=_INVOICES,
        paging="page",
        page_size=True,
        limited=True,
        lists={
            "IDs": "InvoiceID",
            "InvoiceNumbers": "InvoiceNumber",
            "ContactIDs": "Contact.ContactID",
            "Statuses": "Status",
        },
        hidden=Hidden("includeArchived", "Status", "ARCHIVED"),
        search=("InvoiceNumber", "Reference"),
        lacks=("LineItems",),
        lines_with=("page", "Statuses"),
        summary_lacks=("LineItems", "Payments", "HasAttachments", "CISDeduction"),
        unitdp=True,
        optimised=(
            *("Status", "Type", "Contact.ContactID", "Contact.Name", "Contact.ContactNumber", "Reference"),
            *("InvoiceNumber", "InvoiceID", "Date", "DueDate", "AmountDue", "AmountPaid"),
        ),
        optimised_order=("InvoiceID", "UpdatedDateUTC", "Date"),
        category="INVOICE",
        ends=_DOCUMENT_ENDS,
    ),
    Resource(
        name="CreditNotes",
        key="CreditNoteID",
        scopes=_INVOICES,
        paging="page",
        page_size=True,
        limited=True,
        lacks=("LineItems",),
        unitdp=True,
        category="CREDITNOTE",
        event_data=("Type", "Status"),
        ends=_DOCUMENT_ENDS,
    ),
    Resource(
        name="Payments",
        key="PaymentID",
        scopes=_PAYMENTS,
        paging="page",
        page_size=True,
        limited=True,
        optimised=("PaymentID", "Invoice.InvoiceID"),
        category="PAYMENT",
        ends=_DELETED,
    ),
    Resource(
        name="BankTransactions",
        key="BankTransactionID",
        scopes=_BANK,
        paging="page",
        page_size=True,
        lacks=("LineItems",),
        unitdp=True,
        ends=_DELETED,
    ),
    Resource(
        name="PurchaseOrders",
        key="PurchaseOrderID",
        scopes=_INVOICES,
        paging="page",
        page_size=True,
        limited=True,
        where=False,
        equals={"Status": "Status"},
        ranges={"DateFrom": ("Date", 1), "DateTo": ("Date", -1)},
        lacks=("LineItems",),
        ends=_DELETED,
    ),
    Resource(
        name="ManualJournals",
        key="ManualJournalID",
        scopes=("accounting.manualjournals", "accounting.transactions"),
        paging="page",
        page_size=True,
        limited=True,
        lacks=("JournalLines",),
        ends={"POSTED": "VOIDED", "DRAFT": "DELETED"},
    ),
    Resource(
        name="Overpayments",
        key="OverpaymentID",
        scopes=_PAYMENTS,
        paging="page",
        page_size=True,
        lists={"References": "Reference"},
        lacks=("LineItems",),
        unitdp=True,
        category="OVERPAYMENT",
        ends={"AUTHORISED": "VOIDED"},
    ),
    Resource(
        name="Prepayments",
        key="PrepaymentID",
        scopes=_PAYMENTS,
        paging="page",
        page_size=True,
        lists={"InvoiceNumbers": "InvoiceNumber"},
        lacks=("LineItems",),
        unitdp=True,
        category="PREPAYMENT",
        event_data=("Type", "Status", "UpdatedDateUTCString"),
        ends={"AUTHORISED": "VOIDED"},
    ),
    Resource(
        name="Contacts",
        key="ContactID",
        scopes=("accounting.contacts",),
        paging="page",
        page_size=True,
        limited=True,
        lists={"IDs": "ContactID"},
        hidden=Hidden("includeArchived", "ContactStatus", "ARCHIVED"),
        search=("Name", "FirstName", "LastName", "ContactNumber", "EmailAddress"),
        lacks=("MergedToContactID", "ContactPersons", "ContactGroups", "Balances"),
        summary_lacks=(
            *("Addresses", "Balances", "ContactGroups", "ContactPersons", "IsCustomer", "IsSupplier"),
            *("SalesDefaultAccountCode", "PurchasesDefaultAccountCode", "SalesTrackingCategories"),
            "PurchasesTrackingCategories",
        ),
        category="CONTACT",
        ends={"ACTIVE": "ARCHIVED"},
    ),
    Resource(
        name="Quotes",
        key="QuoteID",
        scopes=_INVOICES,
        paging="page",
        where=False,
        equals={"ContactID": "Contact.ContactID", "Status": "Status", "QuoteNumber": "QuoteNumber"},
        ranges={
            "DateFrom": ("Date", 1),
            "DateTo": ("Date", -1),
            "ExpiryDateFrom": ("ExpiryDate", 1),
            "ExpiryDateTo": ("ExpiryDate", -1),
        },
        ends=_DELETED,
    ),
    Resource(
        name="LinkedTransactions",
        key="LinkedTransactionID",
        scopes=_INVOICES,
        paging="page",
        modified_since=False,
        where=False,
        order=False,
        equals={
            name: name
            for name in (
                *("LinkedTransactionID", "SourceTransactionID", "TargetTransactionID", "ContactID", "Status"),
            )
        },
    ),
    Resource(
        name="Journals",
        key="JournalID",
        scopes=("accounting.journals",),
        stamp="CreatedDateUTC",
        paging="offset",
        where=False,
        order=False,
    ),
    Resource(name="Accounts", key="AccountID", scopes=_SETTINGS, ends={"ACTIVE": "ARCHIVED"}),
    Resource(name="BatchPayments", key="BatchPaymentID", scopes=_PAYMENTS, ends=_DELETED),
    Resource(name="Users", key="UserID", scopes=_SETTINGS),
    Resource(name="Items", key="ItemID", scopes=(*_SETTINGS, *_INVOICES), unitdp=True),
    Resource(
        name="BankTransfers",
        key="BankTransferID",
        scopes=_BANK,
        stamp="CreatedDateUTC",
        hidden=Hidden("includeDeleted", "Status", "DELETED"),
        ends=_DELETED,
    ),
    Resource(
        name="TrackingCategories",
        key="TrackingCategoryID",
        scopes=_SETTINGS,
        stamp=None,
        modified_since=False,
        hidden=Hidden("includeArchived", "Status", "ARCHIVED"),
        ends={"ACTIVE": "ARCHIVED"},
    ),
    Resource(name="TaxRates", key="TaxType", scopes=_SETTINGS, stamp=None, modified_since=False),
    Resource(name="Currencies", key="Code", scopes=_SETTINGS, stamp=None, modified_since=False),
    Resource(
        name="ContactGroups",
        key="ContactGroupID",
        scopes=("accounting.contacts",),
        stamp=None,
        modified_since=False,
    ),
    Resource(
        name="RepeatingInvoices",
        key="RepeatingInvoiceID",
        scopes=_INVOICES,
        stamp=None,
        modified_since=False,
    ),
    Resource(
        name="Organisation",
        plural="Organisations",
        key="OrganisationID",
        by_key=False,
        scopes=_SETTINGS,
        stamp=None,
        modified_since=False,
        where=False,
        order=False,
    ),
    Resource(
        name="BrandingThemes",
        key="BrandingThemeID",
        scopes=_SETTINGS,
        stamp=None,
        modified_since=False,
        where=False,
        order=False,
    ),
    Resource(
        name="Budgets",
        key="BudgetID",
        scopes=("accounting.budgets",),
        modified_since=False,
        where=False,
        order=False,
        lists={"IDs": "BudgetID"},
    ),
)

RESOURCES: dict[str, Resource] = {resource.name: resource for resource in _DECLARED}
