"""JSON that people write, checked against tables: what is valid comes back, every mistake as an issue.

A table row (Field) says when a field exists (since, until: schema versions), from when to when it is required, and how
its value is checked. A check answers the value as it is to be used, or a `Flaw` after it has reported issues.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ref import Ref

MOST_TOLD = 20
"""So much is told about one object at a time: who pasted the wrong file is not to fill everybody's log."""


class Flaw:
    """Stands for a value that was reported and must not be used."""


FLAW: Final = Flaw()


@dataclass(slots=True)
class Reader:
    """One pass over one object's JSON. version: the object's schema version, the last number of v0.1.N."""

    about: Ref
    version: int
    issues: list[Issue] = field(default_factory=list)

    def flaw(self, issue: Issue) -> Flaw:
        """Reports and answers FLAW."""
        self.issues.append(issue)
        return FLAW

    def told(self) -> tuple[Issue, ...]:
        """What was reported; where that is more than anybody reads, the beginning with the errors first."""
        if len(self.issues) <= MOST_TOLD:
            return tuple(self.issues)
        errors_first = sorted(self.issues, key=lambda issue: issue.severity is not Severity.ERROR)
        rest = errors_first[MOST_TOLD:]
        return (*errors_first[:MOST_TOLD], issues_of.more_to_say(self.about, len(rest), rest[0].severity))


Check = Callable[[Reader, str, Any], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A row: versions are the last number of v0.1.N; `until` and `required` ends are inclusive.

    meaning and example go into the sentence about a missing field; instead names the successor of a removed one.
    """

    name: str
    check: Check
    since: int = 0
    until: int = 99
    required: tuple[int, int] | None = None
    meaning: str = ""
    example: str = ""
    instead: str = ""


def record(fields: Sequence[Field]) -> Check:
    """An object with just these fields; answers a dict of those that are valid."""

    def check(reader: Reader, path: str, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return reader.flaw(issues_of.wrong_type(reader.about, path, as_json(value), 'an object, {"…": …}'))
        known = {row.name: row for row in fields}
        here = [row.name for row in fields if row.since <= reader.version <= row.until]
        found: dict[str, Any] = {}
        for name, part in value.items():
            at = f"{path}.{issues_of.key(name)}"
            row = known.get(name)
            if row is None:
                reader.flaw(issues_of.unknown_field(reader.about, at, name, here))
            elif reader.version < row.since:
                since, used = f"0.1.{row.since}", f"0.1.{reader.version}"
                reader.flaw(issues_of.field_of_later_schema(reader.about, at, since, used))
            elif reader.version > row.until:
                until, used = f"0.1.{row.until}", f"0.1.{reader.version}"
                reader.flaw(issues_of.field_of_earlier_schema(reader.about, at, until, used, row.instead))
            else:
                checked = row.check(reader, at, part)
                if checked is not FLAW:
                    found[name] = checked
        for row in fields:
            if row.required and row.required[0] <= reader.version <= row.required[1] and row.name not in value:
                reader.flaw(issues_of.missing_field(reader.about, f"{path}.{row.name}", row.meaning, row.example))
        return found

    return check


def text(wanted: str = 'a text in quotes, for example "web"') -> Check:
    """A text that is not empty."""

    def check(reader: Reader, path: str, value: Any) -> Any:
        if not isinstance(value, str):
            return reader.flaw(issues_of.wrong_type(reader.about, path, as_json(value), wanted))
        if not value:
            return reader.flaw(issues_of.empty_text(reader.about, path))
        return value

    return check


def integer(low: int, high: int) -> Check:
    """A whole number in a range, ends included."""

    def check(reader: Reader, path: str, value: Any) -> Any:
        whole = isinstance(value, float) and value.is_integer()
        if isinstance(value, bool) or not (isinstance(value, int) or whole):
            wanted = f"a whole number from {low} to {high}, without quotes"
            return reader.flaw(issues_of.wrong_type(reader.about, path, as_json(value), wanted))
        if not low <= value <= high:
            return reader.flaw(issues_of.out_of_range(reader.about, path, as_json(value), low, high))
        return int(value)

    return check


def one_of(words: Callable[[int], Sequence[str] | None]) -> Check:
    """A word of a list that depends on the schema version; None: any text that is not empty."""
    any_text = text()

    def check(reader: Reader, path: str, value: Any) -> Any:
        known = words(reader.version)
        if known is None or not isinstance(value, str):
            return any_text(reader, path, value)
        if value not in known:
            return reader.flaw(issues_of.not_one_of(reader.about, path, value, known))
        return value

    return check


def sequence(item: Check, least: int = 0, wanted: str = "a list, […]") -> Check:
    """A list; answers a tuple of the valid items."""

    def check(reader: Reader, path: str, value: Any) -> Any:
        if not isinstance(value, list):
            return reader.flaw(issues_of.wrong_type(reader.about, path, as_json(value), wanted))
        if len(value) < least:
            return reader.flaw(issues_of.wrong_type(reader.about, path, "[]", f"a list of at least {least}"))
        checked = [item(reader, f"{path}[{index}]", part) for index, part in enumerate(value)]
        return tuple(part for part in checked if part is not FLAW)

    return check


_KEY = re.compile(r"^[a-zA-Z0-9_-]+$")


def mapping(item: Check) -> Check:
    """An object whose keys are free, of letters, digits, underscores and hyphens."""

    def check(reader: Reader, path: str, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return reader.flaw(issues_of.wrong_type(reader.about, path, as_json(value), 'an object, {"…": …}'))
        found: dict[str, Any] = {}
        for name, part in value.items():
            if not _KEY.match(name):
                reader.flaw(issues_of.bad_key(reader.about, path, name))
                continue
            checked = item(reader, f"{path}.{name}", part)
            if checked is not FLAW:
                found[name] = checked
        return found

    return check


def as_json(value: Any) -> str:
    """A JSON value as it is shown in a sentence: as it is written, so that "80" and 80 can be told apart."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "{…}" if value else "{}"
        case list():
            return "[…]" if value else "[]"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)
