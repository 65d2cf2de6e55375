"""What a measure's DAX refers to, as far as a scan of its [Names] tells.

Not a parser of DAX: it knows strings, comments, 'quoted tables' and [brackets]. It finds the mistakes that make
the service refuse a whole dataset: a measure or a column that does not exist, and USERELATIONSHIP.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(
    r"""
    (?P<comment> --[^\n]* | //[^\n]* | /\*.*?\*/ )
  | (?P<text> "(?:[^"]|"")*" )
  | (?: (?P<quoted> '(?:[^']|'')+' )\s* | (?P<plain> [^\W\d][\w.]* ) )? \[ (?P<name> (?:[^\]]|\]\])+ ) \]
  | (?P<word> [^\W\d][\w.]* )
    """,
    re.VERBOSE | re.DOTALL,
)
# Functions that make columns whose names stand nowhere in the expression.
_MADE_COLUMNS = {
    "calendar": {"date"},
    "calendarauto": {"date"},
    "generateseries": {"value"},
}
_CONSTRUCTED = re.compile(r"value\d*")


@dataclass(frozen=True)
class Reference:
    """[name], or table[name]. As written, without quotes."""

    table: str | None
    name: str


@dataclass(frozen=True)
class Scan:
    """What an expression mentions; texts and words in lower case."""

    references: tuple[Reference, ...]
    texts: frozenset[str]
    words: frozenset[str]
    constructs_table: bool


@lru_cache(maxsize=1000)
def scan(expression: str) -> Scan:
    """All references of a DAX expression, its string literals and its bare words. The same ones come again and again."""
    references, texts, words = [], set(), set()
    for token in _TOKEN.finditer(expression):
        if token["name"] is not None:
            table = token["quoted"]
            table = table[1:-1].replace("''", "'") if table else token["plain"]
            references.append(Reference(table, token["name"].replace("]]", "]")))
        elif token["text"] is not None:
            texts.add(token["text"][1:-1].replace('""', '"').lower())
        elif token["word"] is not None:
            words.add(token["word"].lower())
    return Scan(tuple(references), frozenset(texts), frozenset(words), "{" in expression)


class Names:
    """What a measure may refer to, in lower case, since DAX ignores case.

    columns: the columns of each table of the dataset; measures: all its measures.
    """

    def __init__(self, columns: Mapping[str, Iterable[str]], measures: Iterable[str]) -> None:
        self.tables = {table.lower(): {name.lower() for name in names} for table, names in columns.items()}
        self.measures = {name.lower() for name in measures}
        self.loose = self.measures.union(*self.tables.values())


def fault(expression: str, names: Names) -> str | None:
    """Why the service would refuse a measure of this expression; None when the scan finds nothing."""
    found = scan(expression)
    if "userelationship" in found.words:
        return "USERELATIONSHIP needs an inactive relationship, which a push dataset cannot have."
    made = {column for word in found.words for column in _MADE_COLUMNS.get(word, ())}
    for reference in found.references:
        name = reference.name.lower()
        if reference.table is None:
            # A text may be the name of a column that ADDCOLUMNS and its like make.
            made_here = name in found.texts or (found.constructs_table and _CONSTRUCTED.fullmatch(name))
            if name not in names.loose and name not in made and not made_here:
                return f"The value for '{reference.name}' cannot be determined: no such measure or column."
        elif reference.table.lower() not in names.tables:
            return f"Cannot find table '{reference.table}'."
        elif name not in names.measures and name not in names.tables[reference.table.lower()]:
            return f"Column '{reference.name}' in table '{reference.table}' cannot be found."
    return None
