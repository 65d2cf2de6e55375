"""Who the connector is to Power BI: a secret, a certificate or a managed identity, and every way in which that fails."""

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.identity import ManagedIdentityCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from local.identity.stand_in import IdentityStandIn
from local.identity.tokens import APPLICATION, APPLICATION_SECRET, MANAGED_IDENTITY, POWER_BI, bearer
from local.simulation import Fault
from shared.errors import AskPerson, PermissionMissing, SettingsError, Unavailable
from shared.powerbi.certificate import read_certificate
from shared.powerbi.identity import ManagedIdentity, PowerBIIdentity
from tests.support.world import World

NAME = "powerbi-client-certificate"


@dataclass(frozen=True)
class Made:
    """A certificate and its key, and how Key Vault would hold both."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        private = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return (private + self.certificate.public_bytes(serialization.Encoding.PEM)).decode()

    @property
    def pkcs12(self) -> str:
        stored = pkcs12.serialize_key_and_certificates(
            b"connector", self.key, self.certificate, None, serialization.NoEncryption()
        )
        return base64.b64encode(stored).decode()


def make(*, days: float = 90, key: rsa.RSAPrivateKey | None = None) -> Made:
    """A certificate that began a hundred days ago and ends so many days from now."""
    key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "connector")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return Made(key, built)


@pytest.fixture(scope="module")
def ours() -> Made:
    return make()


@pytest.fixture(scope="module")
def another() -> Made:
    return make()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityStandIn]:
    """A stand-in of Entra by the machine's clock, since MSAL signs assertions by it."""
    with IdentityStandIn(tmp_path_factory.mktemp("entra")) as stand_in:
        yield stand_in


@pytest.fixture
def entra(running: IdentityStandIn, ours: Made) -> Iterator[IdentityStandIn]:
    """The stand-in, whose application has its usual secret and our certificate."""
    running.registration.certificates = [ours.certificate]
    yield running
    running.registration.secret, running.registration.secret_expires = APPLICATION_SECRET, None
    running.faults["authority"].clear()


def app(
    entra: IdentityStandIn,
    credential: Callable[[], str | dict[str, str]],
    *,
    client_id: str = APPLICATION.client_id,
    authority: str = "",
) -> PowerBIIdentity:
    return PowerBIIdentity(
        authority=authority or entra.authority_url,
        client_id=client_id,
        client_credential=credential,
        ca_file=str(entra.ca),
        known_authority=False,
    )


def certified(made: Made, form: str = "pem") -> Callable[[], dict[str, str]]:
    return lambda: read_certificate(getattr(made, form), NAME).credential()


def holder(entra: IdentityStandIn, token: str) -> str:
    """Whose a token for Power BI is."""
    return str(bearer(f"Bearer {token}", POWER_BI, entra.clock)["oid"])


# Each way that works


@pytest.mark.parametrize("form", ["pem", "pkcs12"])
def test_a_certificate_gets_a_token(entra: IdentityStandIn, ours: Made, form: str) -> None:
    """A certificate proves who the app is, in either form in which Key Vault may hold it; no secret goes anywhere."""
    entra.registration.secret = "nobody has it"
    token = app(entra, certified(ours, form)).token()
    assert holder(entra, token) == APPLICATION.object_id


def test_a_secret_gets_a_token(entra: IdentityStandIn) -> None:
    """A client secret does as well."""
    assert holder(entra, app(entra, lambda: APPLICATION_SECRET).token()) == APPLICATION.object_id


def test_a_managed_identity_gets_a_token(entra: IdentityStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a managed identity Entra is not asked by us, and nothing lies in the vault."""
    for name, value in entra.environment().items():
        monkeypatch.setenv(name, value)
    identity = ManagedIdentity(ManagedIdentityCredential(client_id=MANAGED_IDENTITY.client_id))
    assert holder(entra, identity.token()) == MANAGED_IDENTITY.object_id
    assert holder(entra, identity.token(fresh=True)) == MANAGED_IDENTITY.object_id


def test_a_chain_does_not_confuse(entra: IdentityStandIn, ours: Made, another: Made) -> None:
    """Of several certificates in a file the one that belongs to the key is taken, wherever it stands."""
    both = another.certificate.public_bytes(serialization.Encoding.PEM).decode() + ours.pem
    found = read_certificate(both, NAME)
    assert found.thumbprint == ours.certificate.fingerprint(hashes.SHA1()).hex().upper()
    assert holder(entra, app(entra, found.credential).token()) == APPLICATION.object_id


def test_a_rotated_certificate_is_taken(entra: IdentityStandIn, ours: Made, another: Made) -> None:
    """A certificate that was exchanged in the vault is read with the next new client, without a restart."""
    now = [another]
    identity = app(entra, lambda: certified(now[0])())
    with pytest.raises(SettingsError):
        identity.token()
    now[0] = ours
    assert holder(entra, identity.token()) == APPLICATION.object_id


def test_a_rotated_secret_costs_no_run(entra: IdentityStandIn) -> None:
    """When the old secret is refused the vault is asked again before anybody is: a rotation is not noticed."""
    now = [APPLICATION_SECRET]
    identity = app(entra, lambda: now[0])
    identity.token()
    assert identity._client is not None
    identity._client.remove_tokens_for_client()
    entra.registration.secret = now[0] = "the new one"
    assert holder(entra, identity.token()) == APPLICATION.object_id


# Each way that does not


def expired(entra: IdentityStandIn, ours: Made, another: Made) -> PowerBIIdentity:
    old = make(days=-1, key=another.key)
    entra.registration.certificates = [old.certificate]
    return app(entra, certified(old))


def unregistered(entra: IdentityStandIn, ours: Made, another: Made) -> PowerBIIdentity:
    return app(entra, certified(another))


def other_key(entra: IdentityStandIn, ours: Made, another: Made) -> PowerBIIdentity:
    credential = certified(another)() | {"public_certificate": certified(ours)()["public_certificate"]}
    return app(entra, lambda: credential)


def wrong_secret(entra: IdentityStandIn, ours: Made, another: Made) -> PowerBIIdentity:
    return app(entra, lambda: "its Secret ID")


def expired_secret(entra: IdentityStandIn, ours: Made, another: Made) -> PowerBIIdentity:
    entra.registration.secret_expires = entra.clock.now()
    return app(entra, lambda: APPLICATION_SECRET)


def unknown_app(entra: IdentityStandIn, ours: Made, another: Made) -> PowerBIIdentity:
    return app(entra, lambda: APPLICATION_SECRET, client_id="55555555-5555-4555-8555-555555555555")


def unknown_tenant(entra: IdentityStandIn, ours: Made, another: Made) -> PowerBIIdentity:
    elsewhere = entra.authority_url.rpartition("/")[0] + "/55555555-5555-4555-8555-555555555555"
    return app(entra, lambda: APPLICATION_SECRET, authority=elsewhere)


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (expired, "it expired. Upload the certificate"),
        (unregistered, "does not have this certificate"),
        (other_key, "Upload the certificate of powerbi-client-certificate"),
        (wrong_secret, "a client secret's Value, not its Secret ID"),
        (expired_secret, "the secret expired. Add a client secret under Certificates & secrets"),
        (unknown_app, "no such app. Check POWERBI_CLIENT_ID"),
        (unknown_tenant, "no such tenant. Check POWERBI_TENANT_ID"),
    ],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_what_entra_refuses(
    entra: IdentityStandIn, ours: Made, another: Made, refused: Callable[..., PowerBIIdentity], words: str
) -> None:
    """Each refusal asks a person, says what to click, and carries no secret."""
    with pytest.raises(SettingsError) as caught:
        refused(entra, ours, another).token()
    assert words in str(caught.value)
    assert "PRIVATE KEY" not in str(caught.value)
    assert APPLICATION_SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("make_text", "why"),
    [
        (lambda made, other: "", "empty"),
        (lambda made, other: "not base64!", "no base64"),
        (lambda made, other: base64.b64encode(b"nothing").decode(), "no PKCS#12"),
        (lambda made, other: made.pem[made.pem.index("-----BEGIN CERT") :], "no key"),
        (lambda made, other: made.pem[: made.pem.index("-----BEGIN CERT")], "no certificate"),
        (lambda made, other: other.pem[: other.pem.index("-----BEGIN CERT")] + made.pem, "another's key"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_what_is_no_certificate(
    ours: Made, another: Made, make_text: Callable[[Made, Made], str], why: str
) -> None:
    """A secret that holds no certificate with its key asks a person, and is not shown."""
    text = make_text(ours, another)
    with pytest.raises(SettingsError, match=f"{NAME} in Key Vault holds no certificate") as caught:
        read_certificate(text, NAME)
    assert "PRIVATE KEY" not in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (ClientAuthenticationError("no such identity"), PermissionMissing),
        (ServiceRequestError("no answer"), Unavailable),
        (ValueError("<html>"), Unavailable),
        (AskPerson("Nobody is logged in"), AskPerson),
    ],
)
def test_a_managed_identity_that_fails(failure: Exception, kind: type[Exception]) -> None:
    """An identity that is not there asks a person; an endpoint that does not answer is asked again later."""

    class Failing:
        def get_token(self, *scopes: str, **_: object) -> AccessToken:
            raise failure

    with pytest.raises(kind):
        ManagedIdentity(Failing()).token()


def test_an_endpoint_that_is_down_is_asked_again(entra: IdentityStandIn, ours: Made) -> None:
    """With a certificate as with a secret, a broken Entra is nobody's fault."""
    entra.faults["authority"].add(Fault("status", path=".*/token", status=503, times=20))
    with pytest.raises(Unavailable):
        app(entra, certified(ours)).token()


# How strict the stand-in is


def assertion(entra: IdentityStandIn, made: Made, **changed: object) -> str:
    now = entra.clock.now().timestamp()
    claims = {
        "aud": f"{entra.authority_url}/oauth2/v2.0/token",
        "iss": APPLICATION.client_id,
        "sub": APPLICATION.client_id,
        "jti": "1",
        "iat": now,
        "exp": now + 600,
    }
    thumbprint = base64.urlsafe_b64encode(made.certificate.fingerprint(hashes.SHA1())).decode().rstrip("=")
    kept = {name: value for name, value in (claims | changed).items() if value is not None}
    return jwt.encode(kept, made.key, algorithm="RS256", headers={"x5t": thumbprint})


@pytest.mark.parametrize(
    ("changed", "number"),
    [
        ({"aud": "https://login.microsoftonline.com/common"}, 700023),
        ({"iss": "somebody"}, 700021),
        ({"sub": "somebody"}, 700021),
        ({"exp": 1}, 700024),
        ({"nbf": 99999999999}, 700024),
        ({"jti": None}, 50027),
        ({}, 0),
    ],
    ids=str,
)
def test_assertions_are_checked(
    entra: IdentityStandIn, ours: Made, changed: dict[str, object], number: int
) -> None:
    """An assertion for another endpoint or app, too old or too young, is refused under Entra's number; SHA-1 is taken."""
    with entra_error() as found:
        entra.registration.check_assertion(
            assertion(entra, ours, **changed),
            APPLICATION.client_id,
            f"{entra.authority_url}/oauth2/v2.0/token",
            entra.clock.now(),
        )
    assert found == ([number] if number else [])


def entra_error() -> "Refusals":
    return Refusals()


class Refusals(list[int]):
    """Collects the number of the refusal inside of a with."""

    def __enter__(self) -> "Refusals":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is not None and hasattr(error, "number"):
            self.append(error.number)
            return True
        return False


# In the connector


def test_the_connector_uses_the_managed_identity(world: World) -> None:
    """POWERBI_AUTH=managed-identity needs no client id, no secret, and Entra is never asked by MSAL."""
    world.environment |= {"POWERBI_AUTH": "managed-identity", "POWERBI_CLIENT_ID": ""}
    world.vault.delete("powerbi-client-secret")
    assert world.restart().powerbi().datasets() == []
    assert world.identity.statistics["authority"].as_dict()["calls"] == 0


def test_the_certificate_comes_from_the_vault(world: World) -> None:
    """POWERBI_AUTH=certificate reads powerbi-client-certificate, and says so when it is not there."""
    world.environment |= {"POWERBI_AUTH": "certificate"}
    with pytest.raises(SettingsError, match=NAME):
        world.restart().powerbi().datasets()


def test_certificates_cost_nobody_else_time() -> None:
    """A deployment with a secret does not import what reads certificates."""
    program = (
        "import sys, shared.powerbi.identity, shared.powerbi.certificate\n"
        "print('cryptography.x509' in sys.modules, 'cryptography.hazmat.primitives.serialization.pkcs12' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.split()[1] == "False", done.stderr
