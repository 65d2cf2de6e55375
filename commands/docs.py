"""docs: the pages that are derived from declarations in the code."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from commands.terminal import ROOT, console
from shared.secrets import POWERBI_CLIENT_SECRET, XERO_CLIENT_SECRET, XERO_WEBHOOK_KEYS
from shared.settings import MISSING, OF_THE_HOST, WHERE, Settings

SETTINGS = ROOT / "docs" / "settings.md"
CURRENT_KEY, PREVIOUS_KEY = XERO_WEBHOOK_KEYS
SECRETS = (
    (XERO_CLIENT_SECRET, "The Xero app's client secret."),
    (
        CURRENT_KEY,
        "The webhook key as Xero shows it. Without it webhooks are answered 503, and everything else runs.",
    ),
    (PREVIOUS_KEY, "During a rotation, the key before; remove it when Xero signs with the new one."),
    (POWERBI_CLIENT_SECRET, "A client secret of the app registration POWERBI_CLIENT_ID."),
    (
        "xero-tokens-…",
        "Written by `connect` and token_refresh_timer, one for each consenting user. Never edit it.",
    ),
)


def run() -> int:
    """Write docs/settings.md."""
    SETTINGS.write_text(settings(), encoding="utf-8", newline="\n")
    console.print(f"{SETTINGS.relative_to(ROOT)} is written.")
    return 0


def settings() -> str:
    """The page of all settings, from the declarations in shared/settings.py and the secrets' names."""
    declared = [field.metadata for field in fields(Settings) if "name" in field.metadata]
    required = [entry for entry in declared if entry["default"] is MISSING]
    optional = [entry for entry in declared if entry["default"] is not MISSING]
    return "\n".join(
        [
            "# Settings",
            "",
            "Derived from `shared/settings.py` by `python3 manage.py docs`; a test fails when this page is stale.",
            "",
            f"Where they go: {WHERE}. What is missing or wrong is named all at once, in one message, at the first run.",
            "",
            "## Required",
            "",
            table(("Setting", "Meaning"), ((_code(entry["name"]), entry["means"]) for entry in required)),
            "",
            "## With a default",
            "",
            "Addresses must be https, except on loopback.",
            "",
            table(
                ("Setting", "Default", "Meaning"),
                ((_code(entry["name"]), _told(entry["default"]), entry["means"]) for entry in optional),
            ),
            "",
            "## Of the Functions host",
            "",
            "The connector uses the same storage account as its triggers, by the same settings.",
            "",
            table(("Setting", "Meaning"), ((_code(name), means) for name, means in OF_THE_HOST)),
            "",
            "## Secrets in Key Vault",
            "",
            "No secret is a setting. They are read anew every five minutes, so a rotation needs no restart.",
            "",
            table(("Secret", "Meaning"), ((_code(name), means) for name, means in SECRETS)),
            "",
        ]
    )


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; a bar in a cell is escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _told(default: Any) -> str:
    """A default as one would write it into the setting."""
    if isinstance(default, Mapping):
        return _code(",".join(f"{name}={_number(amount)}" for name, amount in default.items()))
    if default == "":
        return "empty"
    return _code(_number(default) if isinstance(default, float) else str(default))


def _number(amount: float) -> str:
    return f"{amount:g}"


def _code(text: str) -> str:
    return f"`{text}`"
