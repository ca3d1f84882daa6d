"""Decides what is known of an iRule once it was read: what it does and names, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Fault(NamedTuple):
    """Something wrong: its line, what it is, and the command that it is about."""

    line: int
    what: str
    command: str


class Mention(NamedTuple):
    """A literal name of another object: its line, the device's word for what it is, the name, and the command."""

    line: int
    sort: str
    name: str
    command: str


@dataclass(frozen=True, slots=True)
class Handler:
    """The body of one `when`, ready for the interpreter; the line that it begins on."""

    event: str
    priority: int
    body: str
    line: int


@dataclass(frozen=True, slots=True)
class Procedure:
    """One `proc`: its name, its arguments as a list of Tcl, and its body ready for the interpreter."""

    name: str
    arguments: str
    body: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was read: what it does, what it names, which commands it uses, and what is wrong with it.

    libraries are the other rules whose procedures it calls, as it names them.
    """

    handlers: tuple[Handler, ...]
    procedures: tuple[Procedure, ...]
    mentions: tuple[Mention, ...]
    commands: frozenset[str]
    libraries: frozenset[str]
    faults: tuple[Fault, ...]
