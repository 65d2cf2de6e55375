"""Organisations: one row a connected organisation."""

from shared.tables.table import TENANT, Table, day, flag, key, moment, text, whole

ORGANISATIONS = Table(
    name="Organisations",
    means="The connected organisations.",
    resources=("Organisation",),
    version_key="OrganisationKey",
    columns=(
        TENANT,
        key("OrganisationKey", "Unique.", "OrganisationID"),
        text("OrganisationID", "Xero's id of the organisation."),
        text("Name", "The name shown in Xero."),
        text("LegalName", "The legal name."),
        text("Version", "Xero's edition by country."),
        text("OrganisationType", "COMPANY, CHARITY and so on."),
        text("OrganisationStatus", "ACTIVE or not."),
        text("BaseCurrency", "The currency of its books."),
        text("CountryCode", "Its country."),
        flag("IsDemoCompany", "Whether it is Xero's demo company."),
        whole("FinancialYearEndDay", "Day of the month on which its year ends."),
        whole("FinancialYearEndMonth", "Month in which its year ends."),
        text("Timezone", "Its time zone, as Xero names it."),
        text("ShortCode", "Xero's short code, for links."),
        text("TaxNumber", "Its tax number."),
        text("SalesTaxBasis", "Whether sales tax counts by invoice or by payment."),
        text("SalesTaxPeriod", "How often sales tax is filed."),
        text("Edition", "Xero's edition."),
        text("Class", "Xero's plan."),
        day("PeriodLockDate", "Books are locked up to this day."),
        day("EndOfYearLockDate", "Books are locked for everybody up to this day."),
        moment("CreatedDateUTC", "When it was created in Xero, in UTC."),
    ),
)
