"""The certificate with which an app registration proves itself: from a secret of Key Vault to what MSAL takes.

Key Vault keeps a certificate as a secret of the same name: base64 of PKCS#12 without a password, or PEM, as its policy says.
"""

import base64
from dataclasses import dataclass
from datetime import datetime

from shared.errors import SettingsError

NO_CERTIFICATE = (
    "The secret {name} in Key Vault holds no certificate with its private key: import a .pem or .pfx under Objects > "
    "Certificates of the vault, with that name."
)


@dataclass(frozen=True, repr=False)
class Certificate:
    """A certificate and its private key, both PEM. `thumbprint` is SHA-1, in the form in which the portal shows it."""

    private_key: str
    public_certificate: str
    thumbprint: str
    expires: datetime

    def credential(self) -> dict[str, str]:
        """As MSAL takes it; without a thumbprint it signs by SHA-256."""
        return {"private_key": self.private_key, "public_certificate": self.public_certificate}


def read_certificate(text: str, name: str) -> Certificate:
    """What a secret of the vault holds; `name` is the secret's. Raises SettingsError."""
    # Slow to import, and most deployments have none.
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509 import load_pem_x509_certificates

    try:
        if "-----BEGIN" in text:
            pem = text.encode()
            key = serialization.load_pem_private_key(pem, password=None)
            certificates = load_pem_x509_certificates(pem)
        else:
            stored = pkcs12.load_pkcs12(base64.b64decode(text, validate=True), None)
            if stored.key is None:
                raise ValueError("no private key")
            key = stored.key
            found = [stored.cert, *stored.additional_certs]
            certificates = [each.certificate for each in found if each is not None]
        # A chain has the certificates of its authorities beside it.
        public = _public_bytes(key.public_key())
        [own] = [each for each in certificates if _public_bytes(each.public_key()) == public]
    except (ValueError, TypeError) as error:
        # Whatever it says, it may be about the key.
        raise SettingsError(NO_CERTIFICATE.format(name=name)) from error
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Certificate(
        private_key=private.decode(),
        public_certificate=own.public_bytes(serialization.Encoding.PEM).decode(),
        thumbprint=own.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303  # as the portal names it
        expires=own.not_valid_after_utc,
    )


def _public_bytes(key: object) -> bytes:
    from cryptography.hazmat.primitives import serialization

    encoded: bytes = key.public_bytes(  # type: ignore[attr-defined]  # every kind of key has it
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded
