"""Decides what a unit is told at its start about its device group, and what units tell each other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

BEAT_S: Final = 0.2
MISSED_BEATS: Final = 3
MOST_UNITS: Final = 8
"""More devices cannot be in one sync-failover group (Scale-N)."""

_NAME: Final = re.compile(r"[A-Za-z][\w.-]{0,63}")
_SYSTEM_GROUPS: Final = ("device_trust_group", "gtm")

State = Literal["active", "standby", "offline", "forced-offline"]
"""Of a unit for the floating traffic group; "offline" is one that has started and has not heard from its peers yet."""


class GroupMistake(ValueError):
    """A device group that cannot be; the text is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Membership:
    """What makes a device a unit of a group: the group's name, and where other units are.

    A unit that nobody named as a peer is known to all as soon as it names one of them. `beat_s` is how often
    units hear of each other, in seconds; `reluctant` units become active only when no other one can.
    """

    name: str
    peers: tuple[str, ...] = ()
    auto_sync: bool = False
    reluctant: bool = False
    beat_s: float = BEAT_S

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in _SYSTEM_GROUPS:
            raise GroupMistake(
                f'a device group cannot be called "{self.name}"; write a letter, then letters, digits, ".", "-", "_"'
            )
        if len(self.peers) >= MOST_UNITS:
            raise GroupMistake(f"{len(self.peers)} peers are too many; a device group has at most {MOST_UNITS} units")
        for url in self.peers:
            checked_url(url)


def checked_url(url: str) -> str:
    """The URL of another unit without a trailing slash.

    Raises:
        GroupMistake: it is not of the form https://HOST:PORT.
    """
    try:
        parts = urlsplit(url)
        complete = parts.scheme == "https" and bool(parts.hostname) and bool(parts.port) and parts.path in ("", "/")
    except ValueError:
        complete = False
    if not complete:
        raise GroupMistake(f'the peer "{url}" is not a URL of a bigipsim; write it like https://127.0.0.1:8443')
    return url.rstrip("/")


class Commit(msgspec.Struct, frozen=True, order=True):
    """Which change of the shared configuration a unit has: when it was made, the how many-eth it was, and where."""

    at_s: float
    number: int
    by: str


NEVER: Final = Commit(0.0, 0, "")
"""Older than every change."""


class Report(msgspec.Struct, frozen=True):
    """What a unit tells of itself with each beat.

    `since_s` is when its state began. `rank_s` is when it last gave up being active: of several that could take over,
    the one that did so the longest time ago does. `commit` is None before the first change or sync. `units` are the
    URLs of all the units that it knows.
    """

    group: str
    name: str
    url: str
    version: str
    state: State
    since_s: float
    rank_s: float = 0.0
    reluctant: bool = False
    commit: Commit | None = None
    units: tuple[str, ...] = ()


class Shared(msgspec.Struct, frozen=True):
    """The configuration that one unit gives to another: whole, with the commit that it stands for.

    `folders` are those that travel and `apart` those that its sender keeps to itself; `objects` are as in a dump. What
    is in their files goes along, private keys too: another unit could not take over without them.
    """

    group: str
    commit: Commit
    folders: list[str]
    apart: list[str]
    last_index: int
    objects: dict[str, list[dict[str, Any]]]
    files: dict[str, str] = {}
    private: dict[str, dict[str, str]] = {}
