"""webhook test: send an Intent to Receive as Xero does, say what came of each request, and where to mend what is wrong."""

import json
from pathlib import Path

from commands import terminal
from commands.intent import PORTAL, Heard, address_is_wrong, deliver, deliveries
from commands.terminal import Where, connector, item, say, say_json, tell
from shared.errors import AskPerson, SettingsError
from shared.parsing import is_loopback

PATH = "/api/xero/webhook"


def run(where: Where, url: str, *, as_json: bool = False) -> int:
    """1 when Xero would not believe the address. The key is that of the vault."""
    ours = connector(where)
    keys = ours.secrets().webhook_keys()
    if not keys:
        raise SettingsError(
            "Key Vault has no secret xero-webhook-key: put the key there that Xero shows at "
            f"{PORTAL}, under the vault > Objects > Secrets > Generate/Import."
        )
    url = url or _address(where)
    wrong = address_is_wrong(url)
    heard = [] if wrong else [deliver(url, each) for each in deliveries(keys)]
    good = not wrong and not any(each.wrong for each in heard)
    if as_json:
        say_json(_document(url, wrong, heard, good=good))
        return 0 if good else 1
    say([f"Intent to Receive to {url}"])
    if wrong:
        tell([wrong])
    told: set[str] = set()
    for each in heard:
        _tell(each, told)
    refused = "Xero would not believe this address. Next: mend the above, then this command again."
    tell([_next(url) if good else refused])
    return 0 if good else 1


def _tell(heard: Heard, told: set[str]) -> None:
    """What came of one request. told: what was said already, which is not said again."""
    came = "nothing came" if heard.status is None else f"{heard.status} in {heard.seconds:.2f} s"
    item(f"{'ok ' if not heard.wrong else 'NO '} {heard.what}: {came}, wanted {heard.wants}")
    for each in heard.wrong:
        item("   as above" if each in told else f"   {each}")
        told.add(each)


def _next(url: str) -> str:
    if is_loopback(url):
        return "Xero would believe it. Next: the same against the deployed app, with --app or --url."
    return f"Xero would believe it. Next: at {PORTAL} give this delivery URL, Save, and Send 'Intent to receive'."


def _document(url: str, wrong: str, heard: list[Heard], *, good: bool) -> dict[str, object]:
    return {
        "url": url,
        "good": good,
        "wrong": wrong,
        "deliveries": [
            {
                "what": each.what,
                "wanted": each.wants,
                "status": each.status,
                "seconds": round(each.seconds, 3),
                "wrong": list(each.wrong),
            }
            for each in heard
        ],
    }


def _address(where: Where) -> str:
    """Where webhook_http is, of the app or of the local host that the settings are of. Raises AskPerson."""
    if where.app:
        from commands.azure import DeployedApp

        return f"https://{DeployedApp(where.app, where.resource_group).host_name()}{PATH}"
    for file in (where.settings, terminal.ROOT / "local.settings.json", terminal.LOCAL_SETTINGS):
        if file is not None and (port := _port(file)):
            return f"http://127.0.0.1:{port}{PATH}"
    raise AskPerson(f"Say where webhook_http is: --url https://NAME.azurewebsites.net{PATH}")


def _port(file: Path) -> int:
    """The port of the local host, as local.settings.json says it (`Host.LocalHttpPort`); 0 when it does not."""
    try:
        host = json.loads(file.read_text(encoding="utf-8")).get("Host", {})
        return int(host.get("LocalHttpPort", 0))
    except (OSError, ValueError, AttributeError):
        return 0
