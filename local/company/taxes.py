"""Tax rates, and tracking categories with their options, as Xero lists them: whole, and without a stamp."""

from local.company.catalogue import CHANNELS
from local.company.offices import OVERSEAS, Office
from local.company.wire import Record

REGION, CHANNEL, CAMPAIGN = "Region", "Channel", "Campaign"
# A category that is in use no more; Xero allows two active ones.
CAMPAIGNS = ("Winter catalogue", "Opening of the showroom")

# Tax type, name, report tax type, percent, and what it applies to: assets, equity, expenses, liabilities, revenue.
_AUSTRALIAN = (
    ("OUTPUT", "GST on Income", "OUTPUT", 10, "AELR"),
    ("INPUT", "GST on Expenses", "INPUT", 10, "AEXL"),
    ("CAPEXINPUT", "GST on Capital", "CAPITALEXPENSESINPUT", 10, "AEXL"),
    ("EXEMPTEXPORT", "GST Free Exports", "EXEMPTEXPORT", 0, "AELR"),
    ("EXEMPTOUTPUT", "GST Free Income", "EXEMPTOUTPUT", 0, "AELR"),
    ("EXEMPTEXPENSES", "GST Free Expenses", "EXEMPTEXPENSES", 0, "AEXL"),
    ("GSTONIMPORTS", "GST on Imports", "GSTONIMPORTS", 0, "L"),
    ("BASEXCLUDED", "BAS Excluded", "BASEXCLUDED", 0, "AEXLR"),
    ("NONE", "No Tax", "NONE", 0, "AEXLR"),
)
_NEW_ZEALAND = (
    ("OUTPUT2", "15% GST on Income", "OUTPUT", 15, "AELR"),
    ("INPUT2", "15% GST on Expenses", "INPUT", 15, "AEXL"),
    ("GSTONIMPORTS", "GST on Imports", "GSTONIMPORTS", 0, "L"),
    ("ZERORATED", "Zero Rated", "OUTPUT", 0, "LR"),
    ("NONE", "No GST", "NONE", 0, "AEXLR"),
)
PERCENT = {kind: percent for kind, _, _, percent, _ in (*_AUSTRALIAN, *_NEW_ZEALAND)}


def tax_rates(office: Office) -> list[Record]:
    """The rates of the office's country, and one of former days that is deleted."""
    rates = _NEW_ZEALAND if office.country == "NZ" else _AUSTRALIAN
    former = ("TAX001", "12.5% GST of former years", "OUTPUT", 12.5, "LR")
    return [
        {
            "Name": name,
            "TaxType": kind,
            "ReportTaxType": report,
            "CanApplyToAssets": "A" in applies,
            "CanApplyToEquity": "E" in applies,
            "CanApplyToExpenses": "X" in applies,
            "CanApplyToLiabilities": "L" in applies,
            "CanApplyToRevenue": "R" in applies,
            "DisplayTaxRate": float(percent),
            "EffectiveRate": float(percent),
            "Status": "DELETED" if kind == "TAX001" else "ACTIVE",
            "TaxComponents": [
                {"Name": "GST", "Rate": float(percent), "IsCompound": False, "IsNonRecoverable": False}
            ],
        }
        for kind, name, report, percent, applies in (*rates, former)
    ]


def options(office: Office) -> dict[str, tuple[str, ...]]:
    """The options of each tracking category, archived ones too."""
    return {
        REGION: (*office.regions, OVERSEAS, office.closed_region),
        CHANNEL: CHANNELS,
        CAMPAIGN: CAMPAIGNS,
    }


def tracking_categories(office: Office, ids: dict[str, str]) -> list[Record]:
    """Two active categories, one of them with an archived option, and an archived category."""
    records = []
    for category, names in options(office).items():
        archived = category == CAMPAIGN
        records.append(
            {
                "Name": category,
                "Status": "ARCHIVED" if archived else "ACTIVE",
                "TrackingCategoryID": ids[category],
                "Options": [
                    {
                        "TrackingOptionID": ids[f"{category} {name}"],
                        "Name": name,
                        "Status": "ARCHIVED" if archived or name == office.closed_region else "ACTIVE",
                        "HasValidationErrors": False,
                        "IsDeleted": False,
                        "IsArchived": archived or name == office.closed_region,
                        "IsActive": not archived and name != office.closed_region,
                    }
                    for name in names
                ],
            }
        )
    return records
