"""What a test may set: the limits, the lifetimes, and both answers to whatever is not known about Xero."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args, get_type_hints


@dataclass
class Switches:
    """Read and written under `/_sim/switches`. Defaults are documented values, or the stricter of two guesses."""

    # Limits. `url_limit` counts the query string: 53 ids joined by an encoded comma are the first to exceed 2,048.
    minute_limit: int = 60
    day_limit: int = 1000
    concurrent_limit: int = 5
    app_minute_limit: int = 10_000
    row_limit: int = 100_000
    url_limit: int = 2048
    limit_problem_case: Literal["lower", "title"] = "lower"
    app_minute_problem: Literal["appminute", "app-minute"] = "appminute"
    retry_after_on_concurrent: bool = False
    retry_after_on_app_minute: bool = False
    # Real seconds that a call to the Accounting API lasts, so that calls can be in progress together.
    call_seconds: float = 0.0

    # Tokens, in seconds. The 2020 recordings of /connections have neither tenantName nor authEventId.
    code_seconds: int = 300
    access_token_seconds: int = 1800
    refresh_grace_seconds: int = 1800
    refresh_unused_seconds: int = 60 * 86400
    connection_names: bool = True
    revocation_removes_connections: bool = True
    redirect_to_loopback_address: bool = False
    # Organisations an app (Starter tier), and apps that Xero has not certified an organisation; both end on Xero's own page,
    # from which no redirect comes. A custom connection counts in neither.
    connections_limit: int = 5
    uncertified_apps_limit: int = 2
    # What a custom connection that nobody authorised yet is told: no token, or a token and no connection.
    custom_unauthorised_refused: bool = True
    scope_error: Literal["insufficent_scope", "insufficient_scope"] = "insufficent_scope"
    journals_premium: bool = False

    # Lists.
    if_modified_since_inclusive: bool = True
    if_modified_since_formats: Literal["documented", "any"] = "documented"
    manual_journals_order_unpaged: bool = True
    journals_short_pages: bool = True
    query_error: Literal["ValidationException", "QueryParseException"] = "ValidationException"

    # How records look.
    numbers_as_strings: bool = False
    date_strings: bool = True
    tracking_option_ids: bool = True

    # What operations on documents do besides the obvious.
    payment_moves_invoice_stamp: bool = True
    payment_fires_invoice_event: bool = True
    payment_moves_balances: bool = True
    void_fires_event: bool = True
    voided_amount_due: Literal["zero", "total"] = "zero"
    deleted_total: Literal["kept", "zero"] = "kept"

    # Reports. What no document shows is there: a conversion balance, and the depreciation of each month. Nobody knows
    # which of two row types the lines of gross and net profit have.
    conversion_balance: bool = True
    depreciation: bool = True
    profit_row_type: Literal["Row", "SummaryRow"] = "Row"

    # Webhooks, in seconds.
    webhook_answer_seconds: float = 5.0
    webhook_disable_seconds: int = 86400
    webhook_keep_seconds: int = 31 * 86400

    def update(self, changes: dict[str, Any]) -> None:
        """Set some switches, all or none. ValueError for an unknown name or a value of another kind."""
        kinds = get_type_hints(type(self))
        for name, value in changes.items():
            kind = kinds.get(name)
            if kind is None:
                raise ValueError(f"no switch is called {name!r}; there are {', '.join(sorted(kinds))}")
            choices = get_args(kind)
            if choices and value not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}, not {value!r}")
            numeric = isinstance(value, int | float) and not isinstance(value, bool)
            if not choices and not (numeric if kind is float else type(value) is kind):
                raise ValueError(f"{name} is a {kind.__name__}, not {value!r}")
        for name, value in changes.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
