"""What a report chooses, carried from the table where it is chosen to those that are summed, without relationships.

A relationship may not lead to a table with two rows of a key, so none is there. Each measure carries: organisations, always;
days, contacts, accounts and items as CARRIED says, when the report chooses among them. A choice in any other table, which the
measure cannot follow, makes it BLANK, because a sum of everything would be taken for a sum of what was chosen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.tables import TABLES
from shared.tables.measures.measure import SEVERAL, TRUE, among
from shared.tables.measures.rows import current, values

# By the table that is summed: the tables in which one may choose, and the columns that the choice arrives at. A choice of
# days arrives with the organisation, since each has its own financial year.
CARRIED: Mapping[str, Mapping[str, Sequence[str]]] = {
    **{
        table: {"Calendar": ("TenantID", "Date"), "Contacts": ("ContactKey",)}
        for table in ("Invoices", "CreditNotes", "Prepayments", "Overpayments")
    },
    "OpenItems": {"Calendar": ("TenantID", "DocumentDate"), "Contacts": ("ContactKey",)},
    "Lines": {
        "Calendar": ("TenantID", "DocumentDate"),
        "Contacts": ("ContactKey",),
        "Accounts": ("AccountKey", "AccountCodeKey"),
        "Items": ("TenantID", "ItemCode"),
    },
    "CashMovements": {
        "Calendar": ("TenantID", "Date"),
        "Contacts": ("ContactKey",),
        "Accounts": ("AccountKey",),
    },
    "ProfitAndLoss": {"Calendar": ("TenantID", "Date"), "Accounts": ("AccountKey",)},
    "TrialBalance": {"Accounts": ("AccountKey",)},
    "SyncStatus": {},
}


def tenants(table: str) -> str:
    """The filter that the rows are of the chosen organisations."""
    return f"KEEPFILTERS ( TREATAS ( Tenants, {table}[TenantID] ) )"


def _chosen(table: str, columns: Sequence[str], **where: str) -> str:
    """The current rows of a table that the report chose; none when it did not choose, so that nobody waits for them."""
    return current(table, where, columns, [tenants(table)], when=f"Chose{table}")


def _contacts() -> str:
    """Chosen contacts, and those that were merged into them, in up to three steps.

    A contact that was merged into another one is no choice of its own: what it did counts under the one that is left.
    """
    everyone = current(
        "Contacts",
        {"MergedToContactKey": "<> BLANK ()"},
        [],
        everywhere=True,
    )
    merged = "FILTER ( MergedContacts, Contacts[MergedToContactKey] IN {into} )"
    steps = [("Contacts0", _chosen("Contacts", [], MergedToContactKey="= BLANK ()"))]
    steps += [(f"Contacts{step}", merged.format(into=f"Contacts{step - 1}")) for step in range(1, 4)]
    lines = [f"VAR MergedContacts = {everyone}"]
    lines += [f"VAR {name} = {values('Contacts', ['ContactKey'], rows)}" for name, rows in steps]
    lines.append("VAR ChosenContacts = UNION ( Contacts0, Contacts1, Contacts2, Contacts3 )")
    return "\n".join(lines)


_DAYS = f"""VAR CalendarRows = {_chosen("Calendar", ["TenantID", "Date", "MonthEnd"])}
VAR ChosenDays = {values("Calendar", ["TenantID", "Date"], "CalendarRows")}"""
_ACCOUNTS = f"""VAR AccountRows = {_chosen("Accounts", ["CodeKey"])}
VAR ChosenAccounts = {values("Accounts", ["AccountKey"], "AccountRows")}
VAR ChosenCodes = {values("Accounts", ["CodeKey"], "AccountRows")}"""
_ITEMS = f"VAR ChosenItems = {values('Items', ['TenantID', 'Code'], _chosen('Items', ['TenantID', 'Code']))}"
# What each choice is called in an expression.
VARIABLES = {"Calendar": _DAYS, "Contacts": _contacts(), "Accounts": _ACCOUNTS, "Items": _ITEMS}
CHOSEN = {"Calendar": "ChosenDays", "Contacts": "ChosenContacts", "Items": "ChosenItems"}


def _variables(choice: str) -> str:
    return f"VAR Chose{choice} = ISFILTERED ( {choice} )\n{VARIABLES[choice]}"


TENANTS = f"VAR Tenants = {values('Organisations', ['TenantID'], current('Organisations', {}, ['TenantID']))}"


def tenant(table: str) -> str:
    """The filter that the rows are of the one organisation in the variable Tenant."""
    return f"KEEPFILTERS ( TREATAS ( {{ Tenant }}, {table}[TenantID] ) )"


def carried(table: str, choices: Sequence[str]) -> list[str]:
    """The filters by which a table follows the choices; each lets all rows pass when the report did not choose."""
    return [_follow(table, choice, CARRIED[table][choice]) for choice in choices]


def _follow(table: str, choice: str, names: Sequence[str]) -> str:
    columns = ", ".join(f"{table}[{name}]" for name in names)
    if choice == "Accounts":
        return _follow_accounts(table, [f"{table}[{name}]" for name in names])
    everything = f"FILTER ( SUMMARIZE ( {table}, {columns} ), NOT Chose{choice} )"
    return f"KEEPFILTERS ( TREATAS ( UNION ( {CHOSEN[choice]}, {everything} ), {columns} ) )"


def _follow_accounts(table: str, columns: Sequence[str]) -> str:
    """By the account's id, or by its code where a line has no id."""
    found = [f"{columns[0]} IN ChosenAccounts"]
    found += [f"ISBLANK ( {columns[0]} ) && {column} IN ChosenCodes" for column in columns[1:]]
    rows = f"SUMMARIZE ( {table}, {', '.join(columns)} )"
    passed = f"FILTER ( {rows}, NOT ChoseAccounts || {' || '.join(found)} )"
    return f"KEEPFILTERS ( TREATAS ( {passed}, {', '.join(columns)} ) )"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """tables: whose rows a measure sums. choices: the tables whose choice it carries to them, beside Organisations. beside:
    tables whose choice it reads itself. also: tables that it reads whatever is chosen. money: whether it is BLANK over
    several base currencies. rebuilding: whether it says something while a table that it reads is rebuilt."""

    tables: Sequence[str]
    choices: Sequence[str] = ()
    beside: Sequence[str] = ()
    also: Sequence[str] = ()
    money: bool = True
    rebuilding: bool = False

    def guards(self) -> list[str]:
        """What must be true for a measure not to be BLANK."""
        first, *others = self.tables
        followed = {*self.tables, *self.choices, *self.beside, "Organisations"}
        strange = " || ".join(f"ISFILTERED ( {name} )" for name in TABLES if name not in followed)
        return [
            *([f'[Currency] <> "{SEVERAL}"'] if self.money else []),
            # October's invoices less everybody's credit notes would be a figure of nothing.
            *(f"ISFILTERED ( {first} ) = ISFILTERED ( {other} )" for other in others),
            f"NOT ( {strange} )",
            *([] if self.rebuilding else [f"ISEMPTY ( {self._rebuilding()} )"]),
        ]

    def _rebuilding(self) -> str:
        """Tables that are being emptied and filled again: a sum of them would be a part. Those of other organisations may be;
        the list of organisations itself may not."""
        read = sorted({*self.tables, *self.choices, *self.beside, *self.also, "Organisations"})
        rows = current(
            "SyncStatus",
            {"TableName": among(read), "IsRebuilding": TRUE},
            ["TenantID"],
            everywhere=True,
        )
        return (
            f'FILTER ( {rows}, SyncStatus[TenantID] IN Tenants || SyncStatus[TableName] = "Organisations" )'
        )

    def measure(self, body: str, *, variables: str = "", guards: Sequence[str] = ()) -> str:
        """The expression: BLANK unless all guards are met, else the body."""
        parts = [
            TENANTS,
            *map(_variables, self.choices),
            *([variables] if variables else []),
        ]
        return "\n".join(parts) + f"\nRETURN IF ( {' && '.join([*self.guards(), *guards])},\n    {body} )"


@dataclass(frozen=True)
class Sum:
    """An amount over the current rows of a table that meet conditions: what stands behind each column, such as = 1."""

    table: str
    amount: str
    where: Mapping[str, str]

    def dax(self, choices: Sequence[str], *only: str) -> str:
        """The sum over the organisations in the variable Tenants; BLANK when there are no such rows."""
        filters = [tenants(self.table), *carried(self.table, choices), *only]
        return (
            f"SUMX ( {current(self.table, self.where, [self.amount], filters)}, {self.table}[{self.amount}] )"
        )


def total(plus: Sequence[Sum], minus: Sequence[Sum] = (), *, choices: Sequence[str]) -> str:
    """Sums of money added and taken away."""
    added = "\n    + ".join(one.dax(choices) for one in plus)
    taken = "".join(f"\n    - {one.dax(choices)}" for one in minus)
    tables = [*dict.fromkeys(one.table for one in (*plus, *minus))]
    return Scope(tables=tables, choices=choices).measure(f"{added}{taken}")
