"""A running Xero stand-in with a still clock, one app, books to load, and the calls that its tests make."""

from decimal import Decimal
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import requests

from local.simulation import Served
from local.xero.app import create
from local.xero.identity import Client
from local.xero.wire import Record, decode, encode

TENANT = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
CONTACT = "c0000000-0000-4000-8000-000000000001"
ACCOUNT = "a0000000-0000-4000-8000-000000000001"
BACK = "http://localhost:7071/back"
SCOPES = (
    "offline_access accounting.invoices.read accounting.payments.read accounting.banktransactions.read "
    "accounting.manualjournals.read accounting.contacts.read accounting.settings.read"
)
START = 1_790_000_000_000
"""The stamp of invoice number 0; each next one is a second later."""
DAY = 1_789_948_800_000
"""A midnight in UTC."""


def identifier(number: int) -> str:
    """Ids whose order is the reverse of the stamps' order, so that a test can tell one order from the other."""
    return f"{0xFFFF - number:08x}-0000-4000-8000-000000000000"


def date(milliseconds: int) -> str:
    return f"/Date({milliseconds}+0000)/"


def invoice(number: int, **fields: Any) -> Record:
    """An AUTHORISED sales invoice of 100.00 with one line, as Xero sends it."""
    return {
        "Type": "ACCREC",
        "InvoiceID": identifier(number),
        "InvoiceNumber": f"INV-{number:04}",
        "Reference": "",
        "Payments": [],
        "AmountDue": Decimal("100.00"),
        "AmountPaid": Decimal("0.00"),
        "AmountCredited": Decimal("0.00"),
        "Contact": {
            "ContactID": CONTACT,
            "Name": "Marine Systems",
            "Addresses": [],
            "HasValidationErrors": False,
        },
        "Date": date(DAY),
        "DueDate": date(DAY),
        "Status": "AUTHORISED",
        "LineItems": [
            {
                "Description": "Hours",
                "UnitAmount": Decimal("33.3333"),
                "LineAmount": Decimal("100.00"),
                "Tracking": [{"Name": "Region", "Option": "South", "TrackingOptionID": identifier(9)}],
            }
        ],
        "Total": Decimal("100.00"),
        "UpdatedDateUTC": date(START + 1000 * number),
        "UpdatedDateUTCString": "2026-09-21T00:00:00Z",
        "CurrencyCode": "NZD",
        **fields,
    }


class Bench:
    """Use as a context manager."""

    def __init__(self, *clients: Client) -> None:
        self.xero = create(clients or (Client(),))
        self.xero.clock.freeze()
        self._served = Served(self.xero.app)
        self.url = self._served.url
        self.token = ""

    def __enter__(self) -> Self:
        self._served.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._served.stop()

    def sim(self, path: str, body: Any = None, status: int = 200) -> Any:
        """Call the control interface: GET without a body, else POST."""
        url = f"{self.url}/_sim/{path}"
        response = requests.get(url) if body is None else requests.post(url, data=encode(body))
        assert response.status_code == status, response.text
        return decode(response.content)

    def load(
        self, tenant: str = TENANT, name: str = "Demo", user: str = "user-1", **resources: list[Record]
    ) -> None:
        self.sim("load", {"tenant_id": tenant, "name": name, "user": user, "resources": resources})

    def authorize(self, **fields: Any) -> requests.Response:
        """What the browser gets when the user presses a button of the consent page."""
        form = {
            "response_type": "code",
            "client_id": "local-xero-app",
            "redirect_uri": BACK,
            "scope": SCOPES,
            "state": "s1",
            "user": "user-1",
            "tenant_id": [TENANT],
            "decision": "allow",
            **fields,
        }
        return requests.post(f"{self.url}/identity/connect/authorize", data=form, allow_redirects=False)

    def code(self, **fields: Any) -> str:
        return parse_qs(urlsplit(self.authorize(**fields).headers["Location"]).query)["code"][0]

    def ask_token(
        self, auth: tuple[str, str] | None = ("local-xero-app", "local-xero-secret"), /, **form: str
    ) -> requests.Response:
        return requests.post(f"{self.url}/connect/token", data=form, auth=auth)

    def tokens(self, **fields: Any) -> Any:
        form = {"grant_type": "authorization_code", "code": self.code(**fields), "redirect_uri": BACK}
        response = self.ask_token(**form)
        assert response.status_code == 200, response.text
        return response.json()

    def connect(self, **fields: Any) -> None:
        """Allow access and use the token from now on."""
        self.token = self.tokens(**fields)["access_token"]

    def get(
        self,
        path: str,
        query: dict[str, Any] | str | None = None,
        *,
        token: str | None = None,
        tenant: str | None = TENANT,
        accept: str = "application/json",
        since: str | None = None,
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.token}", "Accept": accept}
        headers |= {"xero-tenant-id": tenant} if tenant else {}
        headers |= {"If-Modified-Since": since} if since else {}
        return requests.get(f"{self.url}/api.xro/2.0/{path}", params=query, headers=headers)

    def rows(self, path: str, query: dict[str, Any] | str | None = None, **options: Any) -> list[Record]:
        """The records of an answer that must be 200."""
        response = self.get(path, query, **options)
        assert response.status_code == 200, response.text
        rows = decode(response.content)["Organisations" if path == "Organisation" else path.split("/")[0]]
        assert isinstance(rows, list)
        return rows

    def numbers(self, query: dict[str, Any] | str | None = None, **options: Any) -> list[int]:
        """Which invoices a list holds, in its order."""
        return [int(row["InvoiceNumber"][4:]) for row in self.rows("Invoices", query, **options)]
