"""Which fields are no text, by name, from Xero's OpenAPI file 16.1.0: what JSON says by its form, XML does not.

A name has one kind wherever it stands, but for those of `SCHEDULE`. What is not named here is text, also where it
looks like a number: an InvoiceNumber, an account's Code.
"""

from typing import Literal

type Kind = Literal["number", "integer", "boolean", "date"]

_NAMES: dict[Kind, str] = {
    "number": """
        Amount AmountCredited AmountDue AmountPaid AppliedAmount Balance BankAmount CISDeduction CISRate
        CurrencyRate Discount DiscountAmount DiscountRate DisplayTaxRate EffectiveRate ExemptAmount
        GrossAmount LineAmount NetAmount NonTaxableAmount Outstanding Overdue Quantity QuantityOnHand Rate
        RemainingCredit SalesTaxCodeId SubTotal TaxAmount TaxPercentage TaxableAmount Total TotalAmount
        TotalCostPool TotalDiscount TotalTax UnitAmount UnitPrice
    """,
    "integer": """
        ContentLength Day FinancialYearEndDay FinancialYearEndMonth JournalNumber SortOrder
    """,
    "boolean": """
        AddToWatchlist ApprovedForSending CanApplyToAssets CanApplyToEquity CanApplyToExpenses
        CanApplyToLiabilities CanApplyToRevenue EnablePaymentsToAccount FromIsReconciled HasAccount
        HasAttachments HasErrors HasValidationErrors IncludeInEmails IncludeOnline IncludePDF IsBlank
        IsCompound IsCustomer IsDeleted IsDemoCompany IsDiscounted IsNonRecoverable IsPurchased IsReconciled
        IsSold IsSubscriber IsSupplier IsTrackedAsInventory MarkAsSent PaysTax SendCopy SentToContact
        ShowInExpenseClaims ShowOnCashBasisReports ToIsReconciled
    """,
    "date": """
        CreatedDateUTC Date DeliveryDate DueDate EndDate EndOfYearLockDate ExpectedArrivalDate
        ExpectedPaymentDate ExpiryDate FullyPaidOnDate JournalDate NextScheduledDate PaymentDueDate Period
        PeriodLockDate PlannedPaymentDate StartDate UpdatedDateUTC
    """,
}
KINDS: dict[str, Kind] = {name: kind for kind, names in _NAMES.items() for name in names.split()}
# A repeating invoice falls due on a day of the month, and comes again after so many weeks or months.
SCHEDULE: dict[str, Kind] = {"DueDate": "integer", "Period": "integer"}

# Arrays inside of a record; a contact's BatchPayments is an object, though the list of that resource is none.
_LISTS = """
    Addresses Allocations Attachments BudgetBalances BudgetLines ContactGroups ContactPersons Contacts
    CreditNotes ExternalLinks FromTracking InvoiceAddresses JournalLines LineItems Options Overpayments
    Payments Phones Prepayments PurchasesTrackingCategories SalesTrackingCategories TaxBreakdown TaxComponents
    ToTracking Tracking TrackingCategories ValidationErrors Warnings
"""
LISTS = frozenset(_LISTS.split())
