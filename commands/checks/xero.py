"""Xero: token sets and consents as they are stored, then three calls at most: the connections, and one organisation."""

from datetime import timedelta

from commands.checks.check import Check, NotChecked, Patient, Trouble, Wrong, of_error
from shared.errors import ConnectorError, ConsentLost, LimitReached, RetryLater, Unavailable
from shared.secrets import TokenSet
from shared.state import connections
from shared.state.connections import Organisation
from shared.xero.client import Request

CONNECT = "Run `python3 manage.py connect`, as the user who gave the consent."
# The timer renews at 20 minutes; at 30 the access token is over.
OLDEST = timedelta(minutes=30)


def _consents(patient: Patient) -> str:
    found = connections.connected(patient.connector.store)
    if not found:
        raise Wrong(Trouble("No organisation is connected.", "Run `python3 manage.py connect`."))
    lost = [each for each in found if each.consent_lost]
    if lost:
        raise Wrong(
            *(Trouble(f"The consent of {each.name} ({each.tenant_id}) is lost.", CONNECT) for each in lost)
        )
    return f"{len(found)} organisations, all with consent"


def _tokens(patient: Patient) -> str:
    now = patient.clock.now()
    troubles, oldest = [], timedelta()
    for token_set, organisations in _by_token_set(patient).items():
        names = ", ".join(each.name for each in organisations)
        tokens = patient.connector.secrets().find_token_set(token_set)
        if tokens is None:
            troubles.append(Trouble(f"Key Vault has no tokens xero-tokens-{token_set} ({names}).", CONNECT))
            continue
        age = now - tokens.obtained_at
        oldest = max(oldest, age)
        if age > OLDEST or tokens.expires_at <= now:
            troubles.append(
                Trouble(
                    f"The tokens of {names} are {age.total_seconds() / 60:.0f} minutes old: token_refresh_timer does not "
                    "renew them.",
                    "Function App > Functions > token_refresh_timer > Invocations tells why; after 60 days a new consent is "
                    "needed.",
                )
            )
    if troubles:
        raise Wrong(*troubles)
    return f"the oldest is {oldest.total_seconds() / 60:.0f} min old"


def _scopes(patient: Patient) -> str:
    wanted = sorted({resource.scope for resource in patient.connector.resources.values()})
    troubles = []
    for token_set, organisations in _by_token_set(patient).items():
        granted = set(_token_set(patient, token_set).scope.split())
        if not granted:
            raise NotChecked("because Xero did not tell which scopes it granted")
        # accounting.invoices includes accounting.invoices.read.
        missing = [scope for scope in wanted if not {scope, scope.removesuffix(".read")} & granted]
        if missing:
            names = ", ".join(each.name for each in organisations)
            troubles.append(Trouble(f"The consent for {names} lacks {', '.join(missing)}.", CONNECT))
    if troubles:
        raise Wrong(*troubles)
    return f"all {len(wanted)} that are read with"


def _connections(patient: Patient) -> str:
    """One call, of the first token set: Xero lists the organisations that its user connected to this app."""
    token_set, organisations = next(iter(_by_token_set(patient).items()))
    token = _token_set(patient, token_set).access_token
    try:
        found = patient.connector.xero_identity().connections(token)
    except ConsentLost as error:
        raise Wrong(of_error(error, CONNECT)) from error
    except ConnectorError as error:
        raise Wrong(
            Trouble(
                "Xero does not answer when asked for the connections.",
                "See status.xero.com, and whether this machine reaches api.xero.com.",
                f"{error.args[0]} {error.vendor_words}".strip(),
            )
        ) from error
    patient.listed = frozenset(each.tenant_id for each in found)
    gone = [each for each in organisations if each.tenant_id not in patient.listed]
    if gone:
        raise Wrong(
            *(
                Trouble(
                    f"Xero does not list {each.name} ({each.tenant_id}) among the connections: its user disconnected it.",
                    f"{CONNECT} In Xero: the organisation's name > Settings > Connected apps shows this app.",
                )
                for each in gone
            )
        )
    return f"Xero lists {len(found)}"


def _organisation(patient: Patient) -> str:
    """One call, as each poll makes them: budget, token, tenant and scope together."""
    [organisation, *_] = next(iter(_by_token_set(patient).values()))
    try:
        answer = patient.connector.xero().get(organisation.tenant, Request("Organisation", {}), urgent=True)
    except (LimitReached, Unavailable):
        raise
    except RetryLater as error:
        raise Wrong(
            Trouble(
                f"Xero refuses the newest access token when asked for {organisation.name}.",
                "Look again in five minutes, when token_refresh_timer has had its turn; if it stays so, run "
                "`python3 manage.py connect`.",
                error.vendor_words,
            )
        ) from error
    patient.note_time("Xero", answer.headers.get("Date", ""))
    return f"{organisation.name} answers"


def _by_token_set(patient: Patient) -> dict[str, list[Organisation]]:
    """The organisations whose consent is given, by the token set that reads them."""
    found: dict[str, list[Organisation]] = {}
    for each in connections.connected(patient.connector.store):
        found.setdefault(each.token_set, []).append(each)
    return dict(sorted(found.items()))


def _token_set(patient: Patient, name: str) -> TokenSet:
    return patient.connector.secrets().token_set(name)


STORED = (
    Check("xero-consent", "Xero: organisations", _consents, ("storage-tables",)),
    Check("xero-tokens", "Xero: tokens", _tokens, ("xero-consent", "vault")),
    Check("xero-scopes", "Xero: scopes of the consent", _scopes, ("xero-tokens",)),
)
ASKED = (
    Check("xero-connections", "Xero: connections", _connections, ("xero-tokens",)),
    Check("xero-organisation", "Xero: reading", _organisation, ("xero-connections", "xero-scopes")),
)
