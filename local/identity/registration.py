"""App registrations: the secrets and certificates with which an application proves to Entra who it is.

Client assertions: Learn "Microsoft identity platform application authentication certificate credentials"; the numbers and
sentences of refusals: "Microsoft Entra authentication and authorization error codes", and answers that people report.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import Certificate

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS256", "PS256")
# The header that names the key, and the hash of the certificate that it holds.
THUMBPRINTS: Mapping[str, hashes.HashAlgorithm] = {"x5t#S256": hashes.SHA256(), "x5t": hashes.SHA1()}
# Clocks may differ by five minutes.
SKEW_SECONDS = 300


class OAuthError(Exception):
    """An answer of the token endpoint that is not a token. `number` is the AADSTS code."""

    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.error = error
        self.number = number
        self.text = text


@dataclass
class Registration:
    """What lies under "Certificates & secrets" of an app registration; a test may change it at any time."""

    secret: str = ""
    secret_expires: datetime | None = None
    certificates: list[Certificate] = field(default_factory=list)

    def check_secret(self, given: str, client_id: str, now: datetime) -> None:
        """Raises OAuthError when the secret is another, or expired."""
        if not hmac.compare_digest(given.encode(), self.secret.encode()):
            raise _refused(7000215, f"Invalid client secret provided for app '{client_id}'.")
        if self.secret_expires is not None and self.secret_expires <= now:
            text = f"The provided client secret keys for app '{client_id}' are expired."
            raise _refused(7000222, text)

    def check_assertion(self, assertion: str, client_id: str, audience: str, now: datetime) -> None:
        """Raises OAuthError unless one of the certificates signed it, for this application and endpoint, and just now."""
        certificate = self._signed_by(assertion)
        if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
            text = (
                "The certificate with identifier used to sign the client assertion is expired on application."
            )
            raise _refused(700027, f"{text} [Reason - The key used is expired.]")
        try:
            claims = jwt.decode(
                assertion,
                certificate.public_key(),  # type: ignore[arg-type]  # those of any other kind do not verify
                algorithms=list(ALGORITHMS),
                options={
                    # Times are compared with the stand-in's clock below, which jwt does not know.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                    "require": ["aud", "iss", "sub", "exp", "jti"],
                },
            )
        except jwt.MissingRequiredClaimError as error:
            raise _refused(50027, f"JWT token is invalid or malformed: {error}") from error
        except (jwt.InvalidTokenError, TypeError, ValueError) as error:
            text = "Client assertion contains an invalid signature."
            raise _refused(700027, f"{text} [Reason - The key was used, but it did not verify.]") from error
        if claims["iss"] != client_id or claims["sub"] != client_id:
            text = "Client assertion application identifier doesn't match 'client_id' parameter."
            raise _refused(700021, text)
        if claims["aud"] != audience:
            raise _refused(700023, "Client assertion audience claim does not match Realm issuer.")
        instant = now.timestamp()
        if not claims.get("nbf", claims.get("iat", instant)) - SKEW_SECONDS <= instant < claims["exp"]:
            raise _refused(700024, "Client assertion is not within its valid time range.")

    def _signed_by(self, assertion: str) -> Certificate:
        """The registered certificate that the assertion's header names."""
        try:
            header = jwt.get_unverified_header(assertion)
        except jwt.InvalidTokenError as error:
            raise _refused(50027, f"JWT token is invalid or malformed: {error}") from error
        if header.get("alg") not in ALGORITHMS:
            raise _refused(5002738, f"Invalid JWT token. '{header.get('alg')}' is not a supported algorithm.")
        named = [name for name in THUMBPRINTS if name in header]
        for certificate in self.certificates:
            # MSAL leaves the padding, which Entra takes.
            if named and all(
                str(header[name]).rstrip("=") == thumbprint(certificate, name) for name in named
            ):
                return certificate
        text = "The certificate with identifier used to sign the client assertion is not registered on application."
        raise _refused(700027, f"{text} [Reason - The key was not found.]")


def thumbprint(certificate: Certificate, name: str) -> str:
    """What the header `name` holds: the certificate's hash, base64url without padding."""
    return base64.urlsafe_b64encode(certificate.fingerprint(THUMBPRINTS[name])).decode().rstrip("=")


def _refused(number: int, text: str) -> OAuthError:
    return OAuthError(401, "invalid_client", number, text)
