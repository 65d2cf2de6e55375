"""alarm: list those that stand, or have the deployed app tell a test, so that the way to the mailbox is proven."""

from datetime import timedelta

from commands.status import show_alarms
from commands.status_json import document, is_healthy
from commands.terminal import Where, connector, say, say_json
from shared.sync.alarms import ALARMS, ask_for_test
from shared.sync.health import health
from shared.sync.vitals import Health

# A run of poll_timer, the log's way into the workspace, and the pace of an alert rule, each some minutes.
MAIL_WITHIN = timedelta(minutes=25)


def run(where: Where, action: str, *, as_json: bool) -> int:
    """Do as asked; for `list` 1 when an alarm of severity 2 or worse stands."""
    ours = connector(where)
    if action == "test":
        asked_at = ask_for_test(ours)
        say(
            [
                f"A test alarm is asked for, at {asked_at:%H:%M} UTC.",
                "The next run of poll_timer tells it: its log then has a line that begins with `alarm code=test`, and an "
                f"e-mail of Azure Monitor (severity {ALARMS['test'].severity}) should be in the mailbox of the action group by "
                f"{asked_at + MAIL_WITHIN:%H:%M} UTC. Locally there is no mail; the line is in the host's log.",
                "Did none come? `python3 manage.py alarm list` says whether the app told it. If it did not, poll_timer does "
                "not run. If it did, look at the alert rule and at the action group's address in the portal, under Monitor > "
                "Alerts, and in the junk folder.",
                "Next: `python3 manage.py alarm list`, in two minutes.",
            ]
        )
        return 0
    found = health(ours)
    if as_json:
        told = document(ours.settings, found)
        kept = {name: told[name] for name in ("format", "at", "healthy", "alarms", "test_alarm")}
        say_json(kept)
    else:
        say([f"{len(found.alarms)} alarms stand:" if found.alarms else "No alarm stands."])
        show_alarms(found)
        say(_of_test(found))
        say(["Next: `python3 manage.py status` shows what else is known."])
    return 0 if is_healthy(found) else 1


def _of_test(found: Health) -> list[str]:
    """What became of the last test."""
    trial = found.trial
    if trial.asked_at is None:
        return []
    if trial.stands or trial.told_at is None:
        return [f"The test asked for at {trial.asked_at:%Y-%m-%d %H:%M} UTC is not told yet by the app."]
    return [
        f"The test asked for at {trial.asked_at:%Y-%m-%d %H:%M} UTC was told by the app at {trial.told_at:%H:%M} UTC."
    ]
