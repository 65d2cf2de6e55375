"""A real Chromium without a window, driven through its DevTools over a pipe, as a person's browser would be.

Nothing but Chromium is needed: `--remote-debugging-pipe` reads commands from descriptor 3 and writes answers to 4, JSON texts
with a NUL behind each (Chrome DevTools Protocol).
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 30.0


def find() -> str | None:
    """Where Chromium is on this machine."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One browser with one page, 900 by 700. Use as a context manager. Raises TimeoutError when a page does not come."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        ours, theirs = os.pipe(), os.pipe()
        # Away from 3 and 4, which they take in the child.
        child = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (ours[0], theirs[1])]

        def take_descriptors() -> None:
            os.dup2(child[0], 3)
            os.dup2(child[1], 4)

        self._process = subprocess.Popen(
            [
                program,
                *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
                *("--no-proxy-server", "--disable-background-networking", "--disable-component-update"),
                *("--remote-debugging-pipe", f"--user-data-dir={self._profile.name}"),
                *("--window-size=900,700", "about:blank"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=take_descriptors,
        )
        for one in (ours[0], theirs[1], *child):
            os.close(one)
        self._to, self._from = os.fdopen(ours[1], "wb"), os.fdopen(theirs[0], "rb")
        self._last = 0
        self._buffer = b""
        [page] = [
            each for each in self._browser("Target.getTargets")["targetInfos"] if each["type"] == "page"
        ]
        attached = self._browser("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = str(attached["sessionId"])

    def go(self, url: str) -> None:
        self._page("Page.navigate", url=url)

    def evaluate(self, script: str) -> Any:
        """What an expression of JavaScript is worth on the page as it is now; None while a page is being exchanged."""
        answer = self._page("Runtime.evaluate", expression=script, returnByValue=True)
        return answer.get("result", {}).get("value")

    def wait_for(self, script: str) -> Any:
        """The first true value of an expression, on this page or a later one."""
        deadline = time.monotonic() + SECONDS
        while not (value := self.evaluate(script)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{script} on {self.evaluate('document.body.innerText')!r}")
            time.sleep(0.05)
        return value

    def click(self, selector: str) -> None:
        """Press the one element that there is, as a mouse does, in its middle. Raises TimeoutError."""
        found = self.wait_for(
            f"(found => found.length == 1 && found[0].checkVisibility() && (found[0].scrollIntoView(),"
            f"(box => [box.x + box.width / 2, box.y + box.height / 2])(found[0].getBoundingClientRect())))"
            f"(document.querySelectorAll({json.dumps(selector)}))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._page(
                "Input.dispatchMouseEvent", type=kind, x=found[0], y=found[1], button="left", clickCount=1
            )

    def picture(self, file: Path) -> None:
        """The page as it is seen, as a PNG."""
        file.write_bytes(base64.b64decode(self._page("Page.captureScreenshot", format="png")["data"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._to.close()
        self._from.close()
        self._profile.cleanup()

    def _browser(self, method: str, **parameters: Any) -> Any:
        return self._ask({"method": method, "params": parameters})

    def _page(self, method: str, **parameters: Any) -> Any:
        return self._ask({"method": method, "params": parameters, "sessionId": self._session})

    def _ask(self, command: dict[str, Any]) -> Any:
        self._last += 1
        self._to.write(json.dumps(command | {"id": self._last}).encode() + b"\0")
        self._to.flush()
        while (answer := self._read()).get("id") != self._last:
            pass
        return answer.get("result", {})

    def _read(self) -> Any:
        while b"\0" not in self._buffer:
            some = os.read(self._from.fileno(), 65536)
            if not some:
                raise TimeoutError("Chromium ended")
            self._buffer += some
        text, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(text)
