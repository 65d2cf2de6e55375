"""ASP.NET route templates: literals, {name}, {name?}, {name:int}, {*rest}; without regard to case."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from local.host.settings import HostError

_CONSTRAINTS = {
    "int": r"[+-]?\d{1,10}",
    "long": r"[+-]?\d{1,19}",
    "bool": r"true|false",
    "alpha": r"[a-z]+",
    "guid": r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
}
# The order in which ASP.NET tries templates, by their first segment that differs.
_LITERAL, _CONSTRAINED, _FREE, _REST = range(4)


class Route:
    """One template. Raises HostError for what this host does not know, such as default values and other constraints.

    precedence: sorts routes into the order in which they are tried.
    """

    def __init__(self, template: str) -> None:
        self.template = template.strip("/")
        self._names: list[str] = []
        pattern, precedence = "", []
        for segment in self.template.split("/") if self.template else []:
            part, rank = self._segment(segment)
            pattern += part
            precedence.append(rank)
        self._pattern = re.compile(pattern + "/?", re.IGNORECASE)
        self.precedence = tuple(precedence)

    def match(self, path: str) -> Mapping[str, str] | None:
        """The values in a path as it came over the wire, unquoted; None when it is another path.

        A %2F inside of a value stays as it is.
        """
        found = self._pattern.fullmatch(unquote(re.sub("%2f", "%252F", path, flags=re.IGNORECASE)))
        if found is None:
            return None
        return {name: value for name, value in zip(self._names, found.groups(), strict=True) if value}

    def _segment(self, segment: str) -> tuple[str, int]:
        if not re.fullmatch(r"(?:[^{}]|\{[^{}]*\})+", segment):
            raise HostError(f"the route {self.template!r} has a part that this host cannot read: {segment!r}")
        pattern, rank = "", _LITERAL
        for literal, parameter in re.findall(r"([^{}]+)|\{([^{}]*)\}", segment):
            if literal:
                pattern += re.escape(literal)
                continue
            match = re.fullmatch(r"(\*{1,2})?(\w+)(?::(\w+))?(\?)?", parameter)
            if match is None or (match[3] and match[3].lower() not in _CONSTRAINTS):
                raise HostError(
                    f"the route {self.template!r} has a part that this host does not know: {{{parameter}}}"
                )
            rest, name, constraint, optional = match.groups()
            self._names.append(name)
            rank = max(rank, _REST if rest else _CONSTRAINED if constraint else _FREE)
            value = "(.*)" if rest else f"({_CONSTRAINTS[constraint.lower()]})" if constraint else "([^/]+)"
            if (rest or optional) and segment == f"{{{parameter}}}":
                return f"(?:/{value})?", rank
            pattern += value
        return f"/{pattern}", rank
