"""Annotations by table: a kind says which ones it reads, of what form, and what holds without them.

A row's form answers the value as it is to be used, or FLAW after it has reported an issue. Annotations that are not in
the table and look as if they were meant to be are told, with a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnbuckle.kit import hosts, partition
from turnbuckle.kit.addresses import bigip_address
from turnbuckle.kit.shape import FLAW, Reader, as_json
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import SourceObject

_OURS = ("turnbuckle/", "virtual-server.f5.com/", "status.virtual-server.f5.com/")
_OF_MANY = ("ingress.kubernetes.io/",)
"""Namespaces that other controllers use as well: only what is nearly a name of ours is told."""

TRUE, FALSE = ("true", "yes", "1", "t"), ("false", "no", "0", "f")
_RELEASED = (*FALSE, "")

Parse = Callable[[Reader, str, str], Any]
"""Reads an annotation: what takes its issues, its field path, its text without the spaces around it."""


def as_it_is(reader: Reader, path: str, text: str) -> Any:
    """Any text."""
    return text


@dataclass(frozen=True, slots=True)
class Option:
    """An annotation that a kind reads. doc: one sentence for the reference. default: what holds without it."""

    name: str
    doc: str
    parse: Parse = as_it_is
    default: Any = None


def _brake(reader: Reader, path: str, text: str) -> Any:
    if text.casefold() not in (*TRUE, *_RELEASED):
        reader.issues.append(issues_of.taken_as_true(reader.about, path, text))
    return text


_DOC = "true: nothing is written on this object's account until it is taken away."
FREEZE = Option("turnbuckle/freeze", _DOC, _brake)
"""A row of every root's table."""


def frozen(obj: SourceObject) -> bool:
    """Whether an object asks that nothing is written on its account."""
    return obj.annotations.get(FREEZE.name, "false").strip().casefold() not in _RELEASED


def options(*rows: Option) -> Mapping[str, Option]:
    """A table of options by annotation name."""
    return {row.name: row for row in rows}


def field_of(name: str) -> str:
    """An annotation as a field path."""
    return f"metadata.annotations[{name}]"


def values(obj: SourceObject, table: Mapping[str, Option], reader: Reader) -> dict[str, Any]:
    """The value of each row; that of one which is wrong is its default, after its issue went to the reader."""
    found = {}
    for name, row in table.items():
        value = row.default
        if name in obj.annotations:
            parsed = row.parse(reader, field_of(name), obj.annotations[name].strip())
            value = value if parsed is FLAW else parsed
        found[name] = value
    return found


def unknown(obj: SourceObject, table: Iterable[str]) -> tuple[Issue, ...]:
    """A warning for each annotation that looks as if it were for us and is not in the table."""
    known = tuple(table)
    return tuple(
        issues_of.unknown_annotation(obj.ref, name, known)
        for name in sorted(obj.annotations)
        if name not in known and _seems_ours(name, known)
    )


def _seems_ours(name: str, known: Sequence[str]) -> bool:
    if name.startswith(_OURS):
        return True
    for prefix in _OF_MANY:
        if name.startswith(prefix):
            rest = [one.removeprefix(prefix) for one in known if one.startswith(prefix)]
            return issues_of.nearest(name.removeprefix(prefix), rest) is not None
    return False


# ---- forms


def yes_no(reader: Reader, path: str, text: str) -> Any:
    """true or false."""
    word = text.casefold()
    if word in TRUE or word in FALSE:
        return word in TRUE
    return reader.flaw(issues_of.not_one_of(reader.about, path, text, ("true", "false")))


def number(low: int, high: int) -> Parse:
    """A whole number in a range, ends included."""

    def parse(reader: Reader, path: str, text: str) -> Any:
        if not text.removeprefix("-").isdecimal() or not text.isascii():
            wanted = f'a whole number from {low} to {high} in quotes, for example "{max(low, min(high, 80))}"'
            return reader.flaw(issues_of.wrong_type(reader.about, path, as_json(text), wanted))
        if len(text) > len(str(high)) + 1 or not low <= int(text) <= high:
            return reader.flaw(issues_of.out_of_range(reader.about, path, text, low, high))
        return int(text)

    return parse


def address(reader: Reader, path: str, text: str) -> Any:
    """An address, with a route domain if it has one; a prefix length is dropped and told."""
    found = bigip_address(text)
    if found is None:
        return reader.flaw(issues_of.bad_address(reader.about, path, text))
    if "/" in text:
        reader.issues.append(issues_of.prefix_ignored(reader.about, path, text, found))
    return found


def partition_name(reader: Reader, path: str, text: str) -> Any:
    """The name of a partition, with or without slashes around it."""
    name = text.strip("/")
    if not partition.is_name(name):
        return reader.flaw(issues_of.bad_partition(reader.about, path, text, partition.ALLOWED))
    return name


def networks(reader: Reader, path: str, text: str) -> Any:
    """Networks with commas between them, as a tuple."""
    found, wrong = hosts.networks_of(text)
    for item in wrong:
        reader.flaw(issues_of.bad_network(reader.about, path, item))
    return FLAW if wrong else found


def object_name(reader: Reader, path: str, text: str) -> Any:
    """An operator's object, as kit.partition.path_in takes it."""
    if not partition.is_object(text):
        return reader.flaw(issues_of.bad_device_path(reader.about, path, text))
    return text
