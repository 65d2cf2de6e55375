"""Tax rates: one row a tax type. Xero has no other id for one than its type."""

from shared.tables.table import TENANT, Table, amount, flag, key, text

TAX_RATES = Table(
    name="TaxRates",
    means="The tax types that lines refer to, with their rates.",
    resources=("TaxRates",),
    version_key="TaxRateKey",
    columns=(
        TENANT,
        key("TaxRateKey", "Unique over organisations.", "TaxType"),
        text("TaxType", "The tax type as lines name it, such as OUTPUT2."),
        text("Name", "The rate's name."),
        text("Status", "ACTIVE, DELETED, ARCHIVED or PENDING."),
        text("ReportTaxType", "Where the tax return shows it."),
        amount("DisplayTaxRate", "The rate as shown, in percent."),
        amount("EffectiveRate", "The rate in effect, in percent, compound components included."),
        flag("CanApplyToAssets", "Whether asset accounts may use it."),
        flag("CanApplyToEquity", "Whether equity accounts may use it."),
        flag("CanApplyToExpenses", "Whether expense accounts may use it."),
        flag("CanApplyToLiabilities", "Whether liability accounts may use it."),
        flag("CanApplyToRevenue", "Whether revenue accounts may use it."),
    ),
)
