"""Xero's consent on the laptop: what `connect` does, with a browser that presses the button by itself."""

from html.parser import HTMLParser

import requests

from commands.redirect import Redirect
from shared.state.connections import DEFAULT_DATASET, Organisation
from shared.sync import connect
from shared.sync.connector import Connector


def give_consent(connector: Connector, user: str, *, dataset: str = DEFAULT_DATASET) -> list[Organisation]:
    """The organisations that a user of the simulator has, all connected."""
    consent = connect.ask_for_consent(connector)
    with Redirect(connector.settings.xero_redirect_uri) as redirect:
        press_allow(consent.url, user)
        return connect.finish_consent(connector, consent, redirect.wait(30), dataset=dataset)


def press_allow(consent_url: str, user: str) -> None:
    """Allow everything on the simulator's consent page and follow its redirect."""
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(consent_url, timeout=30)
        page.raise_for_status()
        forms = _Forms()
        forms.feed(page.text)
        form = next(form for form in forms.found if ("user", user) in form)
        browser.post(consent_url, data=[*form, ("decision", "allow")], timeout=30).raise_for_status()


class _Forms(HTMLParser):
    """The fields of each form of a page, as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[tuple[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.found.append([])
        if tag == "input" and self.found and given.get("name"):
            self.found[-1].append((str(given["name"]), given.get("value") or ""))
