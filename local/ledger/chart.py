"""The chart of accounts as the ledger needs it: found by id, by code, or by what Xero itself posts to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

Record = dict[str, Any]

DEBTORS, CREDITORS, TAX = "DEBTORS", "CREDITORS", "GST"
GAINS, ROUNDING, EARNINGS = "REALISEDCURRENCYGAIN", "ROUNDING", "RETAINEDEARNINGS"
# Where what has no other place goes: opening figures, and whatever a record does not say.
HISTORICAL = "HISTORICAL"

# What Xero posts to by itself; a chart that lacks one gets it: name, type and class.
_SYSTEM = {
    DEBTORS: ("Accounts Receivable", "CURRENT", "ASSET"),
    CREDITORS: ("Accounts Payable", "CURRLIAB", "LIABILITY"),
    TAX: ("GST", "CURRLIAB", "LIABILITY"),
    GAINS: ("Realised Currency Gains", "EXPENSE", "EXPENSE"),
    ROUNDING: ("Rounding", "CURRLIAB", "LIABILITY"),
    HISTORICAL: ("Historical Adjustment", "CURRLIAB", "LIABILITY"),
    EARNINGS: ("Retained Earnings", "EQUITY", "EQUITY"),
}
# For an account that does not tell its class.
_CLASSES = {
    **dict.fromkeys(("REVENUE", "SALES", "OTHERINCOME"), "REVENUE"),
    **dict.fromkeys(("DIRECTCOSTS", "EXPENSE", "OVERHEADS", "DEPRECIATN"), "EXPENSE"),
    **dict.fromkeys(("CURRLIAB", "TERMLIAB", "LIABILITY"), "LIABILITY"),
    "EQUITY": "EQUITY",
}


@dataclass(frozen=True)
class Account:
    """id in lower case; kind and class_ are Xero's Type and Class; system is its SystemAccount, often empty."""

    id: str
    code: str
    name: str
    kind: str
    class_: str
    system: str = ""
    currency: str = ""

    @property
    def is_profit(self) -> bool:
        """Whether it begins at nothing each financial year."""
        return self.class_ in ("REVENUE", "EXPENSE")


class Chart:
    """An organisation's accounts, and those that Xero posts to by itself, made up where they are not listed."""

    def __init__(self, tenant_id: str, records: Iterable[Record]) -> None:
        self._tenant_id = tenant_id
        self._by_id: dict[str, Account] = {}
        self._by_code: dict[str, str] = {}
        self._system: dict[str, str] = {}
        for record in records:
            account = _account(record)
            self._by_id[account.id] = account
            if account.code:
                self._by_code.setdefault(account.code.lower(), account.id)
            if account.system:
                self._system.setdefault(account.system, account.id)

    def __getitem__(self, account_id: str) -> Account:
        return self._by_id[account_id]

    def __iter__(self) -> Iterator[Account]:
        return iter(list(self._by_id.values()))

    def has(self, system: str) -> bool:
        """Whether the chart itself lists an account that Xero posts to by itself."""
        found = self._system.get(system)
        return found is not None and found != self._made_up(system)

    def system(self, system: str) -> str:
        """The id of the account that Xero posts to by itself."""
        if system not in self._system:
            name, kind, class_ = _SYSTEM[system]
            account = Account(self._made_up(system), "", name, kind, class_, system)
            self._by_id[account.id] = account
            self._system[system] = account.id
        return self._system[system]

    def named_by(self, part: Any) -> str:
        """The id of the account that a line, or an object inside a record, names; else of the historical adjustment."""
        named = part if isinstance(part, dict) else {}
        account_id = str(named.get("AccountID", "")).lower()
        if account_id in self._by_id:
            return account_id
        code = str(named.get("AccountCode") or named.get("Code") or "").lower()
        return self._by_code.get(code) or self.system(HISTORICAL)

    def _made_up(self, system: str) -> str:
        return str(uuid5(NAMESPACE_OID, f"{self._tenant_id}/{system}"))


def _account(record: Record) -> Account:
    kind = str(record.get("Type") or "")
    return Account(
        id=str(record["AccountID"]).lower(),
        code=str(record.get("Code") or ""),
        name=str(record.get("Name") or ""),
        kind=kind,
        class_=str(record.get("Class") or _CLASSES.get(kind, "ASSET")),
        system=str(record.get("SystemAccount") or ""),
        currency=str(record.get("CurrencyCode") or ""),
    )
