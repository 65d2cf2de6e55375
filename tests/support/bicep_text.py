"""What the tests read in `infra/`: the text of the Bicep files, by plain patterns. Knows the shape in which this project writes them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Texts = Mapping[str, str]
"""Text by path below infra/, without comments where it is Bicep."""


def texts() -> dict[str, str]:
    """All that is in infra/."""
    folder = ROOT / "infra"
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def code(text: str) -> str:
    """Bicep without its comments. An address has no comment in it: its slashes follow a colon."""
    return re.sub(r"(?<!:)//.*", "", text)


def strings(text: str, variable: str) -> list[str]:
    """The items of `var NAME = ['a' 'b']`."""
    found = re.search(rf"^var {variable} = \[(.*?)^\]", code(text), re.MULTILINE | re.DOTALL)
    assert found, f"var {variable} is no list of this shape"
    return re.findall(r"'([^']*)'", found[1])


def parameters(text: str) -> dict[str, str]:
    """What is written after each `param NAME`: type and default, or the value in a .bicepparam."""
    return dict(re.findall(r"^param (\w+) (.*)$", code(text), re.MULTILINE))


def app_settings(text: str) -> dict[str, str]:
    """The settings that modules/app.bicep sets, by name, as Bicep expressions."""
    found = re.search(r"name: 'appsettings'\n  properties: union\(\n(.*?)\n  \)\n", code(text), re.DOTALL)
    assert found, "the settings have not this shape"
    return dict(re.findall(r"\b([A-Z]\w+): ((?:'[^']*'|[\w.]+))", found[1]))


def always_set(text: str) -> set[str]:
    """Those that are set whatever is chosen: not within `cond ? {} : {...}`."""
    return set(app_settings(re.sub(r"\? \{\} : \{[^}]*\}", "", code(text))))


def alarms(text: str) -> dict[str, dict[str, Any]]:
    """The items of `var alarms` in modules/alerts.bicep, by code."""
    found = re.search(r"^var alarms = \[(.*?)^\]", code(text), re.MULTILINE | re.DOTALL)
    assert found, "var alarms has not this shape"
    items = re.findall(
        r"\{ code: '([^']*)', severity: (\d), line: '([^']*)', above: (\d+), text: '((?:[^'\\]|\\.)*)' \}",
        found[1],
    )
    assert len(items) == found[1].count("{"), "an alarm has not this shape"
    return {
        name: {"severity": int(severity), "line": line, "above": int(above), "text": text}
        for name, severity, line, above, text in items
    }


def roles(text: str) -> list[str]:
    """GUIDs of the roles that a module assigns, in order."""
    return re.findall(r"'([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'", code(text))


def lifecycle_rules(text: str) -> list[str]:
    """Each rule of the lifecycle policy, as text between its name and the next one's."""
    found = re.search(r"rules: \[(.*?)\n      \]", code(text), re.DOTALL)
    assert found, "the lifecycle policy has not this shape"
    return re.split(r"(?=\bname: ')", found[1])[1:]


def workbook_queries(text: str) -> list[str]:
    """The KQL of the workbook."""
    return [item["content"]["query"] for item in json.loads(text)["items"] if item["type"] == 3]
