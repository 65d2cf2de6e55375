"""The `where` filter: its grammar and what it does to a record.

    any        = every { ("OR" | "||") every }
    every      = term { ("AND" | "&&") term }
    term       = "(" any ")" | operand [ comparison operand ]
    comparison = "==" | "!=" | "<=" | ">=" | "<" | ">"
    operand    = literal | field { "." field } [ "." method "(" [ operand ] ")" ]
    literal    = "text" | number | true | false | null | guid("...")
               | DateTime(y,m,d[,h,m,s]) | DateTime.Parse("...")

Methods are Contains, StartsWith, EndsWith, ToLower and ToUpper. Words and field names have no case. Both sides of a
comparison must be of one kind, as in the .NET expressions that Xero makes of it: an id is compared with `guid(...)`,
a date with `DateTime(...)`. A field that a record lacks is null: equal to null only, smaller or greater than nothing.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from local.xero.wire import Record, milliseconds, parse_date

type Reader = Callable[[Record], Any]


class WhereError(ValueError):
    """A filter that Xero refuses, with what is wrong about it."""


class Guid(str):
    """An id, in lower case."""


class Instant(int):
    """Milliseconds since 1970."""


@dataclass(frozen=True)
class Condition:
    """A parsed filter. `matches` raises WhereError when the two sides of a comparison are of different kinds."""

    matches: Callable[[Record], bool]
    fields: tuple[str, ...]
    has_or: bool


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"]|"")*")
      | (?P<number>-?\d+(?:\.\d+)?)[mMdDfF]?(?![\w.])
      | (?P<word>[A-Za-z_]\w*)
      | (?P<sign>==|!=|<=|>=|&&|\|\||[<>().,])
    )""",
    re.VERBOSE,
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    "<=": lambda left, right: bool(left <= right),
    ">=": lambda left, right: bool(left >= right),
    "<": lambda left, right: bool(left < right),
    ">": lambda left, right: bool(left > right),
}
_METHODS: dict[str, Callable[..., Any]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
    "tolower": str.lower,
    "toupper": str.upper,
}
_ARGUMENTS = {"contains": 1, "startswith": 1, "endswith": 1, "tolower": 0, "toupper": 0}
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def parse(text: str) -> Condition:
    """The condition that `text` states. WhereError when it states none."""
    return _Parser(text).condition()


def value_of(record: Record, path: str) -> Any:
    """What a record holds at a dotted path, as a filter or an order sees it; None when it is not there."""
    value: Any = record
    name = ""
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        if name not in value:
            name = next((key for key in value if key.casefold() == name.casefold()), name)
        value = value.get(name)
    if isinstance(value, str):
        if (date := parse_date(value)) is not None:
            return Instant(date)
        return Guid(value.lower()) if name.endswith("ID") else value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(value)
    return value


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0
        self._fields: list[str] = []
        self._has_or = False

    def condition(self) -> Condition:
        matches = self._any()
        if self._next < len(self._tokens):
            raise WhereError(f"Syntax error near '{self._tokens[self._next][1]}'")
        return Condition(lambda record: matches(record) is True, tuple(self._fields), self._has_or)

    def _accept(self, *words: str) -> str | None:
        if self._next < len(self._tokens):
            kind, token = self._tokens[self._next]
            if kind in ("word", "sign") and token.upper() in words:
                self._next += 1
                return token.upper()
        return None

    def _expect(self, sign: str) -> None:
        if self._accept(sign) is None:
            raise WhereError(f"'{sign}' expected")

    def _any(self) -> Reader:
        terms = [self._every()]
        while self._accept("OR", "||"):
            self._has_or = True
            terms.append(self._every())
        return terms[0] if len(terms) == 1 else lambda record: any(_each(terms, record))

    def _every(self) -> Reader:
        terms = [self._term()]
        while self._accept("AND", "&&"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else lambda record: all(_each(terms, record))

    def _term(self) -> Reader:
        if self._accept("("):
            inner = self._any()
            self._expect(")")
            return inner
        left = self._operand()
        sign = self._accept(*_COMPARISONS)
        if sign is None:
            return lambda record: _truth(left(record))
        right = self._operand()
        return lambda record: _compare(left(record), sign, right(record))

    def _operand(self) -> Reader:
        if self._next >= len(self._tokens):
            raise WhereError("Expression expected")
        kind, token = self._tokens[self._next]
        self._next += 1
        if kind == "text":
            return _constant(token)
        if kind == "number":
            return _constant(Decimal(token))
        if kind == "sign":
            raise WhereError("Expression expected")
        word = token.lower()
        if word in ("true", "false", "null"):
            return _constant({"true": True, "false": False, "null": None}[word])
        if word == "guid":
            return _constant(self._guid())
        if word == "datetime":
            return _constant(self._datetime())
        return self._field(token)

    def _field(self, name: str) -> Reader:
        path = [name]
        while self._accept("."):
            word = self._literal("word")
            if word.lower() in _METHODS and self._accept("("):
                return self._method(path, word)
            path.append(word)
        dotted = ".".join(path)
        self._fields.append(dotted)
        return lambda record: value_of(record, dotted)

    def _method(self, path: list[str], name: str) -> Reader:
        dotted, word = ".".join(path), name.lower()
        self._fields.append(dotted)
        read: Reader = lambda record: value_of(record, dotted)  # noqa: E731
        while True:
            arguments = [self._operand()] if _ARGUMENTS[word] else []
            self._expect(")")
            read = _call(read, word, arguments)
            if self._accept(".") is None:
                return read
            word = self._literal("word").lower()
            if word not in _METHODS:
                raise WhereError(f"No applicable method '{word}' exists in type 'String'")
            self._expect("(")

    def _literal(self, kind: str) -> str:
        if self._next < len(self._tokens) and self._tokens[self._next][0] == kind:
            self._next += 1
            return self._tokens[self._next - 1][1]
        raise WhereError(f"a {kind} expected")

    def _guid(self) -> Guid:
        self._expect("(")
        text = self._literal("text")
        self._expect(")")
        if not _GUID.fullmatch(text):
            raise WhereError(f"'{text}' is not a Guid")
        return Guid(text.lower())

    def _datetime(self) -> Instant:
        if self._accept("."):
            self._expect("PARSE")
            self._expect("(")
            text = self._literal("text")
            self._expect(")")
            return _instant(lambda: datetime.fromisoformat(text))
        self._expect("(")
        parts = [self._literal("number")]
        while self._accept(","):
            parts.append(self._literal("number"))
        self._expect(")")
        if len(parts) not in (3, 6):
            raise WhereError("No applicable constructor exists in type 'DateTime'")
        return _instant(lambda: datetime(*map(int, parts)))  # type: ignore[arg-type]  # noqa: DTZ001


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise WhereError(f"Syntax error '{text[position:].strip()[:1]}'")
        token = match[match.lastgroup]
        yield match.lastgroup, token[1:-1].replace('""', '"') if match.lastgroup == "text" else token
        position = match.end()


def _constant(value: Any) -> Reader:
    return lambda _: value


def _instant(make: Callable[[], datetime]) -> Instant:
    try:
        return Instant(milliseconds(make().replace(tzinfo=UTC)))
    except ValueError as error:
        raise WhereError(f"not a DateTime: {error}") from error


def _each(terms: list[Reader], record: Record) -> list[bool]:
    """Every term's truth, also of those that no longer matter: kinds are wrong whatever the record holds."""
    return [_truth(term(record)) for term in terms]


def _truth(value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return value is True
    raise WhereError("Expression of type 'Boolean' expected")


def _call(read: Reader, method: str, arguments: list[Reader]) -> Reader:
    def call(record: Record) -> Any:
        text, parts = read(record), [argument(record) for argument in arguments]
        if text is None:
            return None
        if not all(isinstance(value, str) for value in (text, *parts)):
            raise WhereError(f"No applicable method '{method}' exists")
        return _METHODS[method](text, *parts)

    return call


def _compare(left: Any, sign: str, right: Any) -> bool:
    if left is None or right is None:
        return _COMPARISONS[sign](left, right) if sign in ("==", "!=") else False
    if type(left) is not type(right):
        # Numbers that a record holds as text, as some of Xero's documented samples do.
        if {type(left), type(right)} == {str, Decimal}:
            try:
                return _compare(Decimal(left), sign, Decimal(right))
            except ArithmeticError:
                pass
        kinds = f"'{type(left).__name__}' and '{type(right).__name__}'"
        raise WhereError(f"Operator '{sign}' incompatible with operand types {kinds}")
    if sign not in ("==", "!=") and not isinstance(left, Decimal | Instant):
        raise WhereError(f"Operator '{sign}' incompatible with operand type '{type(left).__name__}'")
    return _COMPARISONS[sign](left, right)
