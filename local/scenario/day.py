"""What the steps of a day share: the books as they were in the morning, chance, and the control interface."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import UUID

import requests

from local.scenario.amounts import is_exact
from local.xero.resources import RESOURCES

Record = dict[str, Any]


class Day:
    """Chooses what to work on; no step touches a record that an earlier one of the day has touched."""

    def __init__(self, url: str, tenant_id: str, seed: int, session: requests.Session) -> None:
        self._url, self._tenant, self._session = url, tenant_id, session
        self.random = Random(f"{seed}/scenario")
        self.touched: set[str] = set()
        self._morning: dict[str, list[Record]] = {}
        self._highest: dict[str, int] = {}
        self.base: str = self.records("Organisation")[0]["BaseCurrency"]
        now = session.get(f"{url}/_sim/clock", timeout=30).json()["now"]
        self.today = datetime.fromisoformat(now).date()
        # What the day adds and later steps use.
        self.new_account: Record = {}
        self.new_contact: Record = {}

    def records(self, resource: str) -> list[Record]:
        """All records as they were when the day first asked for them, by id."""
        if resource not in self._morning:
            tenant = quote(self._tenant, safe="")
            response = self._session.get(f"{self._url}/_sim/records/{tenant}/{resource}", timeout=120)
            response.raise_for_status()
            # The order of the store is its own business; the choice must not depend on it.
            self._morning[resource] = sorted(
                response.json()["records"], key=lambda record: str(record[RESOURCES[resource].key])
            )
        return self._morning[resource]

    def choose(self, resource: str, fits: Callable[[Record], bool], count: int = 1) -> list[Record]:
        """Records that no step has touched and whose amounts are numbers, not strings. LookupError if too few."""
        key = RESOURCES[resource].key
        found = [
            one
            for one in self.records(resource)
            if one[key] not in self.touched and is_exact(one) and fits(one)
        ]
        if len(found) < count:
            raise LookupError(f"{count} of {resource} are wanted for a step of the day, {len(found)} fit")
        chosen = self.random.sample(found, count)
        self.touched.update(one[key] for one in chosen)
        return chosen

    def is_domestic(self, record: Record) -> bool:
        return bool(record.get("CurrencyCode") == self.base)

    def percent(self, tax_type: str) -> Decimal:
        """Of the organisation's tax rates; 0 for one that it does not have."""
        return self._percents.get(tax_type, Decimal(0))

    @cached_property
    def _percents(self) -> dict[str, Decimal]:
        return {one["TaxType"]: Decimal(str(one["EffectiveRate"])) for one in self.records("TaxRates")}

    def bank_account(self, currency: str | None) -> Record:
        """In that currency, else the first."""
        banks = [account for account in self.records("Accounts") if account.get("Type") == "BANK"]
        return next((one for one in banks if one.get("CurrencyCode") == currency), banks[0])

    def next_number(self, prefix: str, resource: str, field: str) -> str:
        """The number after the highest, such as INV-10042; counts on from it."""
        if prefix not in self._highest:
            texts = (str(record.get(field)) for record in self.records(resource))
            found = [match[1] for text in texts if (match := re.fullmatch(rf"{prefix}-([0-9]+)", text))]
            self._highest[prefix] = max((int(digits) for digits in found), default=0)
        self._highest[prefix] += 1
        return f"{prefix}-{self._highest[prefix]:05}"

    def guid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    # What is done.

    def change(self, resource: str, record: Record, values: Record) -> Record:
        key = record[RESOURCES[resource].key]
        return self.post("change", resource=resource, id=key, set=values)

    def add(self, resource: str, record: Record) -> Record:
        made = self.post("add", resource=resource, record=record)
        self.touched.add(made[RESOURCES[resource].key])
        return made

    def end(self, resource: str, key: str) -> Record:
        """Void, delete or archive, as its status allows."""
        return self.post("void", resource=resource, id=key)

    def post(self, operation: str, **body: Any) -> Record:
        body["tenant_id"] = self._tenant
        response = self._session.post(f"{self._url}/_sim/{operation}", json=body, timeout=60)
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            error.add_note(f"while {operation} {body}: {response.text[:500]}")
            raise
        answer: Record = response.json()
        return answer


def name_of(record: Record) -> str:
    """What a person calls a document."""
    for field, kind in (
        ("PurchaseOrderID", "purchase order"),
        ("CreditNoteID", "credit note"),
        ("BankTransactionID", "bank transaction"),
        ("PrepaymentID", "prepayment"),
    ):
        if field in record:
            number = field.replace("ID", "Number")
            return f"{kind} {record.get(number) or record[field]}"
    kind = "invoice" if record["Type"] == "ACCREC" else "bill"
    return f"{kind} {record.get('InvoiceNumber') or record['InvoiceID']}"


def contact_stub(contact: Record) -> Record:
    return {"ContactID": contact["ContactID"], "Name": contact["Name"]}
