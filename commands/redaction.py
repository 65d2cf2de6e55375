"""What may leave the house: texts of which only the connector's own words are left, ids as short labels that stay the same.

Nobody can list what must not be said, so what may be said is listed: the words of the product's own messages, its settings,
resources and tables. Everything else, all numbers but a few of known meaning included, is left out.
"""

import ast
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from commands.terminal import ROOT

GONE, NUMBER = "…", "#"
_PARTS = re.compile(
    r"""
    (?P<instant>\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?\b)
    | (?P<id>\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b)
    | (?P<batch>\b\d{8}T\d{12}-[A-Za-z]+-[0-9a-f]{12}\b)
    | (?P<operation>\b[0-9a-f]{32}\b)
    | (?P<status>(?<=answered\ )[2-5]\d\d\b|(?<=status\ )[2-5]\d\d\b|(?<=HTTP\ )[2-5]\d\d\b)
    | (?P<word>\w+)
    """,
    re.VERBOSE,
)


class Redactor:
    """Redacts for one bundle. organisations: their tenant ids. names: what must not be said though its words are ours."""

    def __init__(self, organisations: Iterable[str], names: Iterable[str] = ()) -> None:
        self._organisations = set(organisations)
        self._forbidden = {word for name in names for word in re.findall(r"\w+", name)}

    def label(self, found: str) -> str:
        """A short label of an id, the same each time; "" for none."""
        if not found:
            return ""
        kind = "organisation" if found.lower() in self._organisations else "id"
        return f"{kind}-{hashlib.sha256(found.lower().encode()).hexdigest()[:8]}"

    def dataset(self, name: str) -> str:
        """A dataset's name, which an operator chose, as a label; the default one as it is."""
        return name if name in ("", "default") else f"dataset-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

    def text(self, found: str) -> str:
        """A text without anything but the connector's own words."""
        return _PARTS.sub(self._part, found)

    def everything(self, found: Any) -> Any:
        """JSON with every text in it redacted; names of fields are ours."""
        if isinstance(found, str):
            return self.text(found)
        if isinstance(found, Mapping):
            return {name: self.everything(each) for name, each in found.items()}
        if isinstance(found, list | tuple):
            return [self.everything(each) for each in found]
        return found

    def _part(self, match: re.Match[str]) -> str:
        text = match.group()
        if match.lastgroup == "id":
            return self.label(text)
        if match.lastgroup != "word":
            return text
        if text in words() and text not in self._forbidden:
            return text
        return NUMBER if text.isdecimal() else GONE


@cache
def words() -> frozenset[str]:
    """The words of the product's own texts, as its source has them; no number is among them."""
    found: set[str] = set()
    for file in sorted((ROOT / "shared").rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                found.update(re.findall(r"\w+", node.value))
    return frozenset(word for word in found if word.isascii() and not any(map(str.isdigit, word)))
