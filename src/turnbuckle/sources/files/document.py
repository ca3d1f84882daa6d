"""One document of a file: its value, and on which line each field stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DEEPEST = 100
"""Levels of nesting that are read; Kubernetes objects need about twenty."""

MOST_VALUES = 200_000
"""Values in one document, those that aliases repeat counted each time."""

_BRACKETED = ("metadata.annotations", "metadata.labels")


class TextFlaw(Exception):
    """A text that cannot be read as a whole: why, and on which line, counted from 1."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True, slots=True)
class Twice:
    """A key that stands twice in one mapping: the path of the field, and both lines."""

    field: str
    line: int
    first_line: int


@dataclass(slots=True)
class Document:
    """lines: field path (as in Issue.field) -> line of its key, counted from 1.

    literal: field path -> line where the text of a literal block begins, in which lines are as in the file.
    """

    value: Any = None
    line: int = 1
    lines: dict[str, int] = field(default_factory=dict)
    literal: dict[str, int] = field(default_factory=dict)
    twice: list[Twice] = field(default_factory=list)


def child(path: str, key: str) -> str:
    """The path of a key below a path; names of annotations and labels contain dots and stand in brackets."""
    if path.endswith(_BRACKETED):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key
