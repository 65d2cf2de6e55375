"""Who calls, and whether they may: tokens, the workspace, roles (facts: Power BI, identity and permissions)."""

from collections.abc import Mapping
from dataclasses import dataclass

from local.identity.tokens import APPLICATION, MANAGED_IDENTITY, POWER_BI, TENANT, Unacceptable, bearer
from local.powerbi.errors import Refusal, power_bi, refused
from local.powerbi.switches import Switches
from local.simulation import Clock

GROUP = "11111111-1111-4111-8111-111111111111"
DEFAULT_ROLES: Mapping[str, str] = {
    MANAGED_IDENTITY.object_id: "Contributor",
    APPLICATION.object_id: "Contributor",
}
ROLES = ("Viewer", "Contributor", "Member", "Admin")


@dataclass(frozen=True)
class Caller:
    client_id: str
    object_id: str


def authenticate(authorization: str | None, clock: Clock, switches: Switches, tenant: str = TENANT) -> Caller:
    """Who holds the token of an `Authorization` header. Raises: Refusal; an expired token is 403, not 401."""
    try:
        claims = bearer(authorization, POWER_BI, clock, tenant)
    except Unacceptable as reason:
        raise _refusal(reason, switches) from reason
    if switches.service_principals == "refused":
        raise power_bi(switches.no_role_status, "PowerBINotAuthorizedException")
    return Caller(claims["appid"], claims["oid"])


def authorize(
    caller: Caller, group: str, own_group: str, roles: Mapping[str, str], switches: Switches, *, writes: bool
) -> None:
    """Check the workspace asked for and the caller's role in it. Raises: Refusal."""
    if group.lower() != own_group.lower():
        if switches.unknown_group_status == 404:
            raise refused(404, "PowerBIEntityNotFound", "The workspace was not found.")
        raise power_bi(switches.unknown_group_status, "PowerBINotAuthorizedException")
    role = roles.get(caller.object_id)
    least = switches.least_role if writes else "Viewer"
    if role is None or ROLES.index(role) < ROLES.index(least):
        raise power_bi(switches.no_role_status, "PowerBINotAuthorizedException")


def _refusal(reason: Unacceptable, switches: Switches) -> Refusal:
    if reason.reason == "expired":
        message = "Access token has expired, resubmit with a new access token"
        return refused(403, "TokenExpired", message)
    status = switches.wrong_audience_status if reason.reason == "audience" else 401
    refusal = refused(status, "Unauthorized", f"The access token is {reason.reason}.")
    refusal.headers["WWW-Authenticate"] = "Bearer"
    return refusal
