"""Clocks: this machine's beside the Date headers of the vendors' answers."""

from email.utils import parsedate_to_datetime

import requests

from commands.checks.check import Check, NotChecked, Patient, Trouble, Wrong

MOST_SECONDS = 60
PATIENCE_SECONDS = 10


def _clocks(patient: Patient) -> str:
    settings = patient.connector.settings
    try:
        # Refused without a token, which will do.
        answer = requests.get(
            settings.key_vault_url, timeout=PATIENCE_SECONDS, verify=settings.local_ca_file or True
        )
        patient.note_time("Azure", answer.headers.get("Date", ""))
    except requests.RequestException:
        pass
    troubles, seen = [], []
    for service, (date, ours) in patient.times.items():
        try:
            theirs = parsedate_to_datetime(date)
        except ValueError:
            continue
        seen.append(service)
        ahead = (ours - theirs).total_seconds()
        if abs(ahead) > MOST_SECONDS:
            troubles.append(
                Trouble(
                    f"This machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} {service}'s.",
                    "Set it from the network: Windows: Settings > Time & language > Date & time > Sync now; macOS: System "
                    "Settings > General > Date & Time; Linux: `timedatectl set-ntp true`.",
                )
            )
    if troubles:
        raise Wrong(*troubles)
    if not seen:
        raise NotChecked("because nobody told the time")
    return f"as {', '.join(seen)} has it"


CHECKS = (Check("clock", "Clock", _clocks, ("settings",)),)
