"""Key Vault: whether it answers and lets one in, and each secret that must be there."""

import re
from datetime import timedelta

from commands.checks.check import Check, Patient, Trouble, Wrong
from shared.errors import PermissionMissing, Unavailable
from shared.powerbi.certificate import read_certificate
from shared.secrets import (
    POWERBI_CLIENT_CERTIFICATE,
    POWERBI_CLIENT_SECRET,
    XERO_CLIENT_SECRET,
    XERO_WEBHOOK_KEYS,
)

ADD = "Key vault > Objects > Secrets > Generate/Import"
SOON = timedelta(days=30)
# Xero's are base64; the local cloud's have the alphabet for addresses.
KEY = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")


def _answers(patient: Patient) -> str:
    try:
        patient.described = patient.connector.secrets().described()
    except PermissionMissing as error:
        raise Wrong(
            Trouble(
                f"Key Vault does not let {patient.whose} in: the role Key Vault Secrets Officer is missing.",
                "Key vault > Access control (IAM) > Add role assignment > Key Vault Secrets Officer.",
                error.vendor_words,
            )
        ) from error
    except Unavailable as error:
        raise Wrong(
            Trouble(
                "Key Vault does not answer.",
                "Compare KEY_VAULT_URL with Key vault > Overview > Vault URI; Settings > Networking shows whether it takes "
                "calls from here.",
                error.vendor_words,
            )
        ) from error
    return f"{len(patient.described)} secrets"


def _xero_secret(patient: Patient) -> str:
    _secret(
        patient,
        XERO_CLIENT_SECRET,
        "At developer.xero.com > My Apps > the app > Configuration generate a secret",
    )
    return "there"


def _powerbi_secret(patient: Patient) -> str:
    mode = patient.connector.settings.powerbi_auth
    if mode == "managed-identity":
        return "a managed identity needs none"
    if mode == "secret":
        _secret(
            patient,
            POWERBI_CLIENT_SECRET,
            "In Entra > App registrations > the app > Certificates & secrets add a client secret",
        )
        return "there"
    renew = "Key vault > Objects > Certificates: renew it, and upload it in Entra > App registrations > the app > Certificates & secrets"
    text = _secret(patient, POWERBI_CLIENT_CERTIFICATE, renew)
    certificate = read_certificate(text, POWERBI_CLIENT_CERTIFICATE)
    left = certificate.expires - patient.clock.now()
    if left < SOON:
        raise Wrong(
            Trouble(
                f"The certificate {certificate.thumbprint} {_ends(left)} ({certificate.expires:%Y-%m-%d}).",
                f"{renew}.",
            )
        )
    return f"certificate {certificate.thumbprint}, until {certificate.expires:%Y-%m-%d}"


def _webhook_key(patient: Patient) -> str:
    """Without one the endpoint answers 503, and the rest works; the form is all that can be looked at from here."""
    current, previous = XERO_WEBHOOK_KEYS
    get = "At developer.xero.com > My Apps > the app > Webhooks copy the webhooks key"
    for name in (current, previous) if previous in patient.described else (current,):
        if not KEY.fullmatch(_secret(patient, name, get)):
            raise Wrong(
                Trouble(
                    f"The secret {name} does not look like a webhook key: letters and digits, + and /, = at the end, no "
                    "space or line end.",
                    f"{get}, and put it in anew: {ADD}, name {name}.",
                )
            )
    return "there, with the previous one" if previous in patient.described else "there"


def _secret(patient: Patient, name: str, get: str) -> str:
    """A secret's value. Raises Wrong when it is missing, off, empty, or ends soon."""
    described = patient.described.get(name)
    put = f"{get}, and put it into the vault: {ADD}, name {name}."
    if described is None:
        raise Wrong(Trouble(f"The vault has no secret {name}.", put))
    if not described.enabled:
        raise Wrong(
            Trouble(f"The secret {name} is disabled.", f"Key vault > Objects > Secrets > {name}: enable it.")
        )
    if described.expires is not None and (left := described.expires - patient.clock.now()) < SOON:
        raise Wrong(Trouble(f"The secret {name} {_ends(left)} ({described.expires:%Y-%m-%d}).", put))
    value = patient.connector.secrets().read(name) or ""
    if not value.strip():
        raise Wrong(Trouble(f"The secret {name} is empty.", put))
    return value


def _ends(left: timedelta) -> str:
    return "is expired" if left <= timedelta() else f"expires in {left.days} days"


CHECKS = (
    Check("vault", "Key Vault", _answers, ("settings",)),
    Check("xero-secret", "Key Vault: Xero's client secret", _xero_secret, ("vault",)),
    Check("powerbi-secret", "Key Vault: Power BI's secret or certificate", _powerbi_secret, ("vault",)),
    Check("webhook-key", "Key Vault: webhook key", _webhook_key, ("vault",)),
)
