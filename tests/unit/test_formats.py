"""Every stored thing bears a format number, and docs/upgrade-the-connector.md lists each, with what else is read."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "upgrade-the-connector.md").read_text("utf-8")
ROW = re.compile(r"^\| [^|]+ \| [^|]+ \| `(shared/[\w/]+\.py)` \| (\d+) \| ([^|]*)\|$", re.MULTILINE)
LISTED = [(module, int(number), also.strip()) for module, number, also in ROW.findall(PAGE)]
WRITES = {"write_entity", "write_entities", "put_blob", "send_message", "set_secret"}
# The seam itself, what passes through it as it came, and what only merges into an entity of another's.
PASSES_ON = {
    *("shared/storage.py", "shared/storage_azure.py", "shared/sync/honour.py"),
    # A message that waits for the end of a pause; what is written back without a person's data.
    *("shared/sync/pause.py", "shared/sync/forget_traces.py"),
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted((ROOT / "shared").rglob("*.py")):
        yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text("utf-8"))


def formats(tree: ast.Module) -> Iterator[int]:
    """The numbers that a module writes: `"format": 1` of an entity, `format: int = 1` of what is encoded."""
    for node in ast.walk(tree):
        values: list[ast.expr | None] = []
        if isinstance(node, ast.Dict):
            named = zip(node.keys, node.values, strict=True)
            values = [
                value for key, value in named if isinstance(key, ast.Constant) and key.value == "format"
            ]
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node).startswith("format: int"):
            values = [node.value]
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, int):
                yield value.value


def test_the_page_lists_every_format() -> None:
    """Whoever raises a number, or stores something new, also says so on the page; nothing is listed that is not there."""
    written = {(name, number) for name, tree in sources() for number in formats(tree)}
    assert len(written) > 10
    assert {(name, number) for name, number, _ in LISTED} == written


def test_nothing_is_stored_without_a_format() -> None:
    """Every module that writes to storage, the queue or the vault writes numbered things."""
    writing = {
        name
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES
    }
    assert len(writing) > 10
    assert writing - PASSES_ON == {name for name, _, _ in LISTED}


def test_older_formats_are_read() -> None:
    """Of a format above 1 the page says which older ones are read, and the version before is among them."""
    for name, number, also in LISTED:
        if number > 1:
            assert str(number - 1) in also.split(", "), name
