"""One tenanted GET of Xero's API: within the budget, with a living token, every bad answer under its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.budgets import XeroBudget
from shared.clock import Clock
from shared.errors import (
    ConsentLost,
    LimitReached,
    NotFound,
    Refused,
    RetryLater,
    ScopeMissing,
    TierMissing,
    Unavailable,
)
from shared.http import Answer, Http
from shared.secrets import Secrets

API = "/api.xro/2.0"
# Retry-After is promised for the minute and the day only (facts of the limits page); these stand in for it.
WAIT_SECONDS = {"minute": 60.0, "day": 3600.0, "concurrent": 2.0, "appminute": 60.0}


# The token set of a custom connection. No user's is called so: theirs are GUIDs.
CUSTOM = "custom"


@dataclass(frozen=True)
class Tenant:
    """An organisation as a call needs it: whose books, and whose consent."""

    tenant_id: str
    token_set: str


@dataclass(frozen=True)
class Request:
    """What is asked, so that the outbox and the audit can say it."""

    path: str
    params: Mapping[str, str]
    modified_since: str = ""


class XeroClient:
    """Reads Xero. `ask_for_refresh` is called when a token died before its time; it must not block."""

    def __init__(
        self,
        http: Http,
        api_url: str,
        secrets: Secrets,
        budget: XeroBudget,
        clock: Clock,
        ask_for_refresh: Callable[[str], None],
    ) -> None:
        self._http = http
        self._api_url = api_url
        self._secrets = secrets
        self._budget = budget
        self._clock = clock
        self._ask_for_refresh = ask_for_refresh

    def get(self, tenant: Tenant, request: Request, *, urgent: bool = False) -> Answer:
        """A 200 answer. `urgent` calls (webhooks) may use the day's reserve.

        Raises LimitReached, Unavailable, OutcomeUnknown, RetryLater, Refused, NotFound, ConsentLost, ScopeMissing,
        TierMissing.
        """
        access_token = self._access_token(tenant)
        answer = self._send(tenant, request, access_token, urgent=urgent)
        if answer.status == 401 and not (_scope_is_missing(answer) or _tier_is_missing(answer)):
            answer = self._send(tenant, request, self._newer_access_token(tenant, answer), urgent=True)
        if answer.status == 200:
            return answer
        raise self._error(tenant, request, answer)

    def _send(self, tenant: Tenant, request: Request, access_token: str, *, urgent: bool) -> Answer:
        place = self._budget.take(tenant.tenant_id, urgent=urgent)
        size, headers = 0, None
        try:
            answer = self._call(tenant, request, access_token)
            size, headers = len(answer.body), answer.headers
            return answer
        finally:
            self._budget.release(place, size, headers)

    def _call(self, tenant: Tenant, request: Request, access_token: str) -> Answer:
        headers = {
            "Authorization": f"Bearer {access_token}",
            # Xero answers XML to whoever does not ask for JSON.
            "Accept": "application/json",
        }
        # A custom connection is to one organisation, which its token names (Xero FAQ "Custom integration").
        if tenant.token_set != CUSTOM:
            headers["xero-tenant-id"] = tenant.tenant_id
        if request.modified_since:
            headers["If-Modified-Since"] = request.modified_since
        return self._http.request(
            "GET", f"{self._api_url}{API}/{request.path}", headers=headers, params=request.params
        )

    def _access_token(self, tenant: Tenant) -> str:
        tokens = self._secrets.token_set(tenant.token_set)
        if tokens.expires_at <= self._clock.now():
            tokens = self._secrets.token_set(tenant.token_set, fresh=True)
        if tokens.expires_at <= self._clock.now():
            self._ask_for_refresh(tenant.token_set)
            raise RetryLater(
                f"The access token of token set {tenant.token_set} expired; a refresh is asked for.",
                seconds=30,
            )
        return tokens.access_token

    def _newer_access_token(self, tenant: Tenant, answer: Answer) -> str:
        used = self._secrets.token_set(tenant.token_set)
        tokens = self._secrets.token_set(tenant.token_set, fresh=True)
        if tokens.generation > used.generation:
            return tokens.access_token
        self._ask_for_refresh(tenant.token_set)
        raise RetryLater(
            f"Xero refuses the newest access token of token set {tenant.token_set}; a refresh is asked for.",
            seconds=30,
            vendor_words=answer.words(),
        )

    def _error(self, tenant: Tenant, request: Request, answer: Answer) -> Exception:
        asked, words = f"GET {request.path} of {tenant.tenant_id}", answer.words()
        match answer.status:
            case 401 if _scope_is_missing(answer):
                return ScopeMissing(
                    f"{asked}: the consent lacks a scope; run `python3 manage.py connect` again.",
                    vendor_words=words,
                )
            case 401 if _tier_is_missing(answer):
                return TierMissing(
                    f"{asked}: Xero does not open this to the app or its user. Journals need Xero's Advanced tier (else "
                    "leave READ_JOURNALS off); manual journals and reports need a user who may see reports.",
                    vendor_words=words,
                )
            case 401:
                self._ask_for_refresh(tenant.token_set)
                return RetryLater(f"{asked}: the token is refused twice.", seconds=60, vendor_words=words)
            case 403:
                return self._forbidden(tenant, asked, words)
            case 404:
                return NotFound(f"{asked}: not found.", vendor_words=words)
            case 429:
                return self._limit(tenant, asked, answer)
            case status if status >= 500:
                return Unavailable(
                    f"{asked}: Xero answered {status}.",
                    seconds=60 if status != 503 else 300,
                    vendor_words=words,
                )
            case status:
                return Refused(f"{asked}: Xero answered {status}.", status=status, vendor_words=words)

    def _forbidden(self, tenant: Tenant, asked: str, words: str) -> Exception:
        """403 is passing when /connections still lists the organisation, and a lost consent when it does not."""
        answer = self._http.request(
            "GET",
            f"{self._api_url}/connections",
            headers={
                "Authorization": f"Bearer {self._secrets.token_set(tenant.token_set).access_token}",
                "Accept": "application/json",
            },
        )
        found = answer.json()
        if answer.status == 200 and isinstance(found, list):
            listed = {str(entry.get("tenantId", "")).lower() for entry in found if isinstance(entry, dict)}
            if tenant.tenant_id not in listed:
                return ConsentLost(
                    f"{asked}: the organisation is no longer connected; run `python3 manage.py connect` again.",
                    vendor_words=words,
                )
        return Unavailable(f"{asked}: Xero answered 403.", seconds=60, vendor_words=words)

    def _limit(self, tenant: Tenant, asked: str, answer: Answer) -> LimitReached:
        # Lower-case in recordings, "Minute" in older documents, "app-minute" in one source.
        limit = answer.headers.get("X-Rate-Limit-Problem", "").strip().lower().replace("-", "") or "minute"
        try:
            seconds = float(answer.headers["Retry-After"])
        except (KeyError, ValueError):
            seconds = WAIT_SECONDS.get(limit, 60.0)
        if limit != "concurrent":
            self._budget.block(tenant.tenant_id, limit, seconds)
        return LimitReached(
            f"{asked}: Xero's {limit} limit is reached.",
            limit=limit,
            seconds=seconds,
            vendor_words=answer.words(),
        )


def _scope_is_missing(answer: Answer) -> bool:
    # Xero's FAQ spells it "insufficent_scope".
    challenge = answer.headers.get("WWW-Authenticate", "").lower()
    return "insufficent_scope" in challenge or "insufficient_scope" in challenge


def _tier_is_missing(answer: Answer) -> bool:
    """Journals without the tier for it: 401 with a detail that no dead token gets (seen; facts of the endpoint)."""
    found = answer.json()
    details = (
        [value for name, value in found.items() if name.lower() == "detail"]
        if isinstance(found, dict)
        else []
    )
    return details == ["AuthorizationUnsuccessful"]


def if_modified_since(instant: datetime) -> str:
    """The documented form: UTC, whole seconds, no zone (Xero "Requests and responses", If-Modified-Since)."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}"
