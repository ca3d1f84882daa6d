"""Annotations by table: a kind says which ones it reads; unknown ones in those namespaces are told, with a guess."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import SourceObject

_WATCHED_PREFIXES = ("turnbuckle/", "virtual-server.f5.com/", "status.virtual-server.f5.com/")


@dataclass(frozen=True, slots=True)
class Option:
    """An annotation that a kind reads. doc: one sentence for the reference."""

    name: str
    doc: str


FREEZE = Option("turnbuckle/freeze", "true: nothing is written on this object's account until it is taken away.")
"""A row of every root's table."""


def frozen(obj: SourceObject) -> bool:
    """Whether an object asks that nothing is written on its account."""
    return obj.annotations.get(FREEZE.name, "false").strip().casefold() not in ("false", "no", "0", "")


def options(*rows: Option) -> Mapping[str, Option]:
    """A table of options by annotation name."""
    return {row.name: row for row in rows}


def field_of(name: str) -> str:
    """An annotation as a field path."""
    return f"metadata.annotations[{name}]"


def unknown(obj: SourceObject, table: Iterable[str]) -> tuple[Issue, ...]:
    """A warning for each annotation that looks as if it were for us and is not in the table."""
    known = tuple(table)
    return tuple(
        issues_of.unknown_annotation(obj.ref, name, known)
        for name in sorted(obj.annotations)
        if name.startswith(_WATCHED_PREFIXES) and name not in known
    )
