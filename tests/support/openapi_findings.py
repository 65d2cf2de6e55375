"""What is said when a call and a vendor's OpenAPI file do not agree."""

import re
from dataclasses import dataclass

_SHOWN = 120


@dataclass(frozen=True)
class Mismatch:
    """A value that is not as a schema says. place: `Invoice.Type`; at: where in the body; rule: enum, type, unknown ..."""

    place: str
    rule: str
    says: str
    sent: str
    at: str


@dataclass(frozen=True)
class Finding:
    """A difference between a call and the file.

    part: "request" or "answer 200". place: "path", "query page_size", "header Accept", "status", or a schema's field.
    """

    file: str
    operation: str
    part: str
    place: str
    rule: str
    says: str
    sent: str
    at: str = ""

    def __str__(self) -> str:
        where = f" (at {self.at})" if self.at else ""
        sent = self.sent if len(self.sent) <= _SHOWN else f"{self.sent[:_SHOWN]}…"
        return (
            f"{self.file}: {self.operation}, {self.part}, {self.place} [{self.rule}]{where}: "
            f"the file says: {self.says}; sent: {sent}"
        )


@dataclass(frozen=True, kw_only=True)
class Known:
    """A difference that is not ours: operation, part, place, rule and sent are regular expressions, each of the whole.

    says: what the file says; truth: what is true; source: how we know.
    """

    file: str
    operation: str = ".*"
    part: str = ".*"
    place: str
    rule: str
    sent: str = ".*"
    says: str
    truth: str
    source: str

    def covers(self, finding: Finding) -> bool:
        return self.file == finding.file and all(
            re.fullmatch(pattern, value, re.DOTALL)
            for pattern, value in (
                (self.rule, finding.rule),
                (self.place, finding.place),
                (self.part, finding.part),
                (self.operation, finding.operation),
                (self.sent, finding.sent),
            )
        )
