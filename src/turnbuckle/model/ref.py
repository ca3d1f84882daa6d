"""What an object is called, and what one looks like once a kind has decoded it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from sys import intern
from typing import Any

Facet = tuple[str, str]
"""A property that readers look objects up by, for example ("service", "web")."""


Age = tuple[bool, str, str]
"""Sorts the oldest first: see SourceObject.age_key."""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """The name of an object: `cluster` is empty for the one cluster or folder that is configured."""

    cluster: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """`Kind/namespace/name`, or `Kind/name` for what has no namespace."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object was read from, so that a mistake can be shown with its file and line.

    lines: field path (as in Issue.field) -> line, counted from 1.
    """

    file: str
    line: int
    lines: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, field_path: str) -> int:
        """The line of a field, else of the nearest field around it, else of the object."""
        path = field_path
        while path:
            if path in self.lines:
                return self.lines[path]
            cut = max(path.rfind("."), path.rfind("["))
            path = path[:cut] if cut > 0 else ""
        return self.line


@dataclass(frozen=True, slots=True)
class SourceObject:
    """An object as its kind decoded it: `spec` is that kind's own immutable type.

    Two objects are equal when nothing differs that a translator or composer could see: `generation` and `origin` are
    not compared, nor is a resource version or a heartbeat, which no decoder keeps.

    created: RFC 3339 time of creation, empty for objects from a folder.
    """

    ref: Ref
    spec: Any
    uid: str = ""
    generation: int = field(default=0, compare=False)
    created: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    facets: frozenset[Facet] = frozenset()
    origin: Origin | None = field(default=None, compare=False)

    def age_key(self) -> Age:
        """Sorts the oldest first; objects without a time come after those with one."""
        return (not self.created, self.created, intern(str(self.ref)))


class Grounds(IntEnum):
    """How it is known that an object is there, or not any more; the higher, the weaker.

    WATCHED: this very change was told. LISTED: a list differs from what was known before, so that a list which lacks
    something for a wrong reason looks the same. FILTER: what counts was changed, by settings or by a selector.
    """

    WATCHED = 0
    LISTED = 1
    FILTER = 2


@dataclass(frozen=True, slots=True)
class Put:
    """An object is there, new or changed."""

    obj: SourceObject
    grounds: Grounds = Grounds.WATCHED


@dataclass(frozen=True, slots=True)
class Gone:
    """An object is not there any more."""

    ref: Ref
    grounds: Grounds = Grounds.WATCHED


@dataclass(frozen=True, slots=True)
class Flawed:
    """An object is there, but could not be decoded; what was known of it before stays in force."""

    ref: Ref
    issues: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Synced:
    """A source has told everything that it has. Until the first time its silence means nothing.

    It is told again after each time that everything was listed anew because somebody asked for it.
    """

    source: str


Event = Put | Gone | Flawed | Synced
