"""docs: the pages that are derived from declarations in the code."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from commands.terminal import ROOT, console
from shared.secrets import (
    POWERBI_CLIENT_CERTIFICATE,
    POWERBI_CLIENT_SECRET,
    XERO_CLIENT_SECRET,
    XERO_WEBHOOK_KEYS,
)
from shared.settings import MISSING, OF_THE_HOST, WHERE, Settings
from shared.state.made import LANDED, MADE
from shared.sync.alarms import ALARMS
from shared.tables import TABLES, Table, measures, schema
from shared.xero.resources import Resource

SETTINGS = ROOT / "docs" / "settings.md"
DICTIONARY = ROOT / "docs" / "data-dictionary.md"
OPERATE = ROOT / "docs" / "operate.md"
# What stands between these is derived; the rest of that page is written by hand.
BEGIN, END = "<!-- alarms -->", "<!-- /alarms -->"
CURRENT_KEY, PREVIOUS_KEY = XERO_WEBHOOK_KEYS
SECRETS = (
    (XERO_CLIENT_SECRET, "The Xero app's client secret."),
    (
        CURRENT_KEY,
        "The webhook key as Xero shows it. Without it webhooks are answered 503, and everything else runs.",
    ),
    (PREVIOUS_KEY, "During a rotation, the key before; remove it when Xero signs with the new one."),
    (
        POWERBI_CLIENT_SECRET,
        "A client secret of the app registration POWERBI_CLIENT_ID, when POWERBI_AUTH is `secret`.",
    ),
    (
        POWERBI_CLIENT_CERTIFICATE,
        "A certificate of that app registration with its private key, when POWERBI_AUTH is `certificate`: PEM, or base64 of "
        "PKCS#12, as a certificate of this name in Key Vault gives it.",
    ),
    (
        "xero-tokens-…",
        "Written by `connect` and token_refresh_timer, one for each consenting user. Never edit it.",
    ),
)
# What each of Power BI's types holds here; shared/tables/table.py makes the values so.
TYPES = (
    ("String", "A text of at most 4,000 characters; a longer one is cut and ends with …"),
    (
        "Decimal",
        "Money, quantities and percentages, exact to four places; halves are rounded away from zero.",
    ),
    ("Double", "Exchange rates, which have more than four places."),
    ("Int64", "Whole numbers."),
    (
        "DateTime",
        "A calendar day of the organisation, at midnight; an instant in UTC where the name ends in UTC or the meaning says"
        " so.",
    ),
    ("Boolean", "True or false."),
)


def run() -> int:
    """Write the pages."""
    for page, text in ((SETTINGS, settings()), (DICTIONARY, data_dictionary()), (OPERATE, operate())):
        page.write_text(text, encoding="utf-8", newline="\n")
        console.print(f"{page.relative_to(ROOT)} is written.")
    return 0


def settings() -> str:
    """The page of all settings, from the declarations in shared/settings.py and the secrets' names."""
    declared = [field.metadata for field in fields(Settings) if "name" in field.metadata]
    required = [entry for entry in declared if entry["default"] is MISSING]
    optional = [entry for entry in declared if entry["default"] is not MISSING]
    return "\n".join(
        [
            "# Settings",
            "",
            "Derived from `shared/settings.py` by `python3 manage.py docs`; a test fails when this page is stale.",
            "",
            f"Where they go: {WHERE}. What is missing or wrong is named all at once, in one message, at the first run.",
            "",
            "## Required",
            "",
            table(("Setting", "Meaning"), ((_code(entry["name"]), entry["means"]) for entry in required)),
            "",
            "## With a default",
            "",
            "Addresses must be https, except on loopback.",
            "",
            table(
                ("Setting", "Default", "Meaning"),
                ((_code(entry["name"]), _told(entry["default"]), entry["means"]) for entry in optional),
            ),
            "",
            "## Of the Functions host",
            "",
            "The connector uses the same storage account as its triggers, by the same settings.",
            "",
            table(("Setting", "Meaning"), ((_code(name), means) for name, means in OF_THE_HOST)),
            "",
            "## Secrets in Key Vault",
            "",
            "No secret is a setting. They are read anew every five minutes, so a rotation needs no restart.",
            "",
            table(("Secret", "Meaning"), ((_code(name), means) for name, means in SECRETS)),
            "",
        ]
    )


def operate() -> str:
    """The operator's page, with the alarms as shared/sync/alarms.py declares them."""
    before, _, rest = OPERATE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = (
        (_code(code), str(kind.severity), kind.meaning, kind.action or "Nothing.")
        for code, kind in sorted(ALARMS.items(), key=lambda each: each[1].severity)
    )
    alarms = table(("Code", "Severity", "What it means", "What to do"), rows)
    return f"{before}{BEGIN}\n{alarms}\n{END}{after}"


def data_dictionary() -> str:
    """The page of all tables and columns, from the declarations in shared/tables."""
    return "\n".join(
        [
            "# Data dictionary",
            "",
            "Derived from `shared/tables/` by `python3 manage.py docs`; a test fails when this page is stale. How a column"
            " is added: [add-a-column.md](add-a-column.md).",
            "",
            "What a dataset holds of Xero's books, for whoever writes reports. Columns of Xero keep Xero's names, words and"
            " signs. An empty value means that Xero gave none; it is never zero instead.",
            "",
            "## All tables",
            "",
            table(
                ("Table", "Holds", "From Xero's"),
                (
                    (
                        f"[{one.name}](#{one.name.lower()})",
                        one.means,
                        "made here" if _is_made(one) else _resources(one.resources),
                    )
                    for one in TABLES.values()
                ),
            ),
            "",
            "## Which rows are current",
            "",
            "Rows can only be added to a push dataset, so each change of a record in Xero adds rows, and the older ones"
            " stay beside them. Sums over all rows are therefore too high; count current rows only:",
            "",
            "- **The highest `RowVersion` of the version key is current.** Each table names its version key below, such as"
            " `InvoiceKey`: the rows of one key are versions of the same thing. Where a record has several rows, as a"
            " document has lines, the key is the record's, and its current rows are all those of its highest version.",
            "- **A current row with `IsDeleted` counts for nothing.** Xero has the record no more. A record that is voided"
            " or deleted but still shown by Xero has `IsDeleted` false, and its status says so.",
            "- **A row with `IsMarker` counts for nothing either.** It stands where a record has no lines (allocations,"
            " options) or has them no more, so that older ones stop being current.",
            "- **A row may be there twice**, since rows are sent again when Power BI's answer was lost. Take one value of each"
            " row's own key (`InvoiceKey`; for lines `LineKey`), not a sum over its rows.",
            "",
            "A key (`…Key`) begins with the organisation's id, so that it means one thing over all organisations of a dataset;"
            " the same key in two tables is the same thing.",
            "",
            "## Types",
            "",
            table(("Type", "Holds"), ((_code(name), holds) for name, holds in TYPES)),
            "",
            *(line for one in TABLES.values() for line in _section(one)),
            *_measures(),
        ]
    )


def _measures() -> list[str]:
    """What the page says of the measures."""
    return [
        "## Measures",
        "",
        f"Ready figures in the table `{measures.TABLE}`: they count current rows only, each once. Empty where there is nothing"
        " to count.",
        "",
        "- **Organisations are chosen by the columns of `Organisations`**, such as `Name`; the measures carry the choice to"
        " the tables that they read.",
        f"- **Money is in base currency.** Over organisations of different base currencies it is empty, and `Currency` says"
        f" “{measures.SEVERAL}”.",
        "- **Days are chosen in `Calendar`, customers and suppliers in `Contacts`, accounts in `Accounts`, items in `Items`**;"
        " tracking by the columns of `Lines`; the day of balances in `AsAt`, ages in `AgingBuckets`. A contact that was merged"
        " into another one counts under that one.",
        "- **What a measure cannot follow makes it empty**, never wrong: a choice in a table that it does not know, or in one of"
        " several tables that it reads.",
        "- **While a table is emptied and filled again** (`SyncStatus`), the measures that read it are empty.",
        "",
        table(("Measure", "Meaning"), ((_code(one.name), one.means) for one in measures.MEASURES.values())),
        "",
    ]


def _section(one: Table) -> list[str]:
    """What the page says of one table."""
    columns = schema.described(one)
    version_key = f"The version key is `{one.version_key}`."
    origin = "Made here." if _is_made(one) else f"From Xero's {_resources(one.resources)}."
    markers = " Leave out rows with `IsMarker`." if "IsMarker" in schema.column_names(one) else ""
    return [
        f"## {one.name}",
        "",
        one.means,
        "",
        f"{origin} {version_key}{markers}",
        "",
        table(
            ("Column", "Type", "Meaning"),
            ((_code(column.name), column.type, column.means) for column in columns),
        ),
        "",
    ]


def _is_made(one: Table) -> bool:
    """Whether no resource of Xero feeds the table."""
    return set(one.resources) <= set(MADE)


def _resources(names: Iterable[str]) -> str:
    """Resources by name, and which of them are read only where somebody asks for it."""
    return ", ".join(f"{name} (off by default)" if _is_off(LANDED[name]) else name for name in names)


def _is_off(resource: Resource) -> bool:
    """Whether it is read only after an operator asked for it."""
    by_default = {each.name: each.metadata.get("default") for each in fields(Settings)}
    return bool(resource.optional) and not by_default[resource.optional]


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; a bar in a cell is escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _told(default: Any) -> str:
    """A default as one would write it into the setting."""
    if isinstance(default, Mapping) and default:
        return _code(",".join(f"{name}={_number(amount)}" for name, amount in default.items()))
    if default in ("", None, {}):
        return "empty"
    if isinstance(default, tuple):
        return _code(",".join(str(each) for each in default))
    if isinstance(default, bool):
        return _code(str(default).lower())
    return _code(_number(default) if isinstance(default, float) else str(default))


def _number(amount: float) -> str:
    return f"{amount:g}"


def _code(text: str) -> str:
    return f"`{text}`"
