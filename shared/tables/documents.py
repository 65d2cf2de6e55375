"""What documents have in common: what kind each resource holds, and the columns that they share."""

from shared.tables.table import Column, amount, base_amount, key, rate, text

# Each resource of documents, and what one of its documents is called. Its id stands in the field <kind>ID.
KINDS = {
    "Invoices": "Invoice",
    "CreditNotes": "CreditNote",
    "Prepayments": "Prepayment",
    "Overpayments": "Overpayment",
    "BankTransactions": "BankTransaction",
    "PurchaseOrders": "PurchaseOrder",
    "ManualJournals": "ManualJournal",
}

CONTACT = (
    text("ContactID", "Xero's id of the customer or supplier.", "Contact.ContactID"),
    key("ContactKey", "The contact, unique over organisations.", "Contact.ContactID"),
    text(
        "ContactName",
        "The contact's name as Xero last sent it with the document; as it is now: Contacts.",
        "Contact.Name",
    ),
)
AMOUNT_TYPES = text("LineAmountTypes", "Whether line amounts include tax: Inclusive, Exclusive or NoTax.")
CURRENCY = (
    AMOUNT_TYPES,
    text("CurrencyCode", "The document's currency."),
    rate("CurrencyRate", "Units of the document's currency for one of the base currency."),
)
TOTALS = (
    amount("SubTotal", "Total without tax."),
    amount("TotalTax", "Tax."),
    amount("TotalAmount", "Total with tax (Xero: Total).", "Total"),
)
TOTALS_BASE = (
    base_amount("SubTotalBase", "SubTotal in base currency.", "SubTotal"),
    base_amount("TotalTaxBase", "TotalTax in base currency.", "TotalTax"),
    base_amount("TotalAmountBase", "TotalAmount in base currency.", "Total"),
)
# What can be set against invoices has, beside its totals, what is left of it and what was used.
CREDIT: tuple[Column, ...] = (
    *TOTALS,
    amount("RemainingCredit", "What is left to set against invoices or to refund."),
    amount("AppliedAmount", "What was set against invoices or refunded."),
    *TOTALS_BASE,
    base_amount("RemainingCreditBase", "RemainingCredit in base currency.", "RemainingCredit"),
    base_amount("AppliedAmountBase", "AppliedAmount in base currency.", "AppliedAmount"),
)
BRANDING_THEME = text("BrandingThemeID", "The branding theme that it is printed with.")
