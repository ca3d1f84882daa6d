"""Decides where facts live that are true now but are no configuration: health of members, traffic figures.

The data plane writes them, the REST layer reads them; nothing here is saved, and a reboot forgets all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Status = Literal["unchecked", "checking", "up", "down"]
StatusWatcher = Callable[[str, str, str, str], None]


@dataclass(slots=True)
class Counters:
    """Traffic figures of one object since the last reset; all are plain counts, bits and packets per direction.

    "In" is what arrived from the client (of a virtual server) or what was sent to the server (of a pool or
    member), as the device's own statistics count them.
    """

    bits_in: int = 0
    bits_out: int = 0
    pkts_in: int = 0
    pkts_out: int = 0
    cur_conns: int = 0
    max_conns: int = 0
    tot_conns: int = 0
    tot_requests: int = 0

    def opened(self) -> None:
        """Counts one connection that has just been opened."""
        self.cur_conns += 1
        self.tot_conns += 1
        self.max_conns = max(self.max_conns, self.cur_conns)

    def closed(self) -> None:
        """Counts the end of a connection; never below zero, for a reset may have come in between."""
        self.cur_conns = max(0, self.cur_conns - 1)

    def moved_in(self, octets: int) -> None:
        """Counts one packet of that many bytes on the way to the server."""
        self.bits_in += 8 * octets
        self.pkts_in += 1

    def moved_out(self, octets: int) -> None:
        """Counts one packet of that many bytes on the way to the client."""
        self.bits_out += 8 * octets
        self.pkts_out += 1


class Runtime:
    """Health and traffic of one simulated device.

    member_status maps (pool path, member full path), and node_status a node path, to "unchecked", "checking",
    "up" or "down"; an absent key means "unchecked", which counts as usable.
    """

    def __init__(self) -> None:
        self.member_status: dict[tuple[str, str], str] = {}
        self.node_status: dict[str, str] = {}
        self._counters: dict[tuple[str, str], Counters] = {}
        self._watchers: list[StatusWatcher] = []

    def counters(self, kind: str, path: str) -> Counters:
        """The figures of one object, made on first use.

        kind is "ltm/virtual", "ltm/pool", "ltm/node" or "ltm/pool/members"; for the last one path is
        "<pool path> <member full path>".
        """
        key = (kind, path)
        found = self._counters.get(key)
        if found is None:
            found = self._counters[key] = Counters()
        return found

    def set_member_status(self, pool: str, member: str, status: Status) -> None:
        """Stores the health of a member and tells the watchers when it is news."""
        before = self.member_status.get((pool, member), "unchecked")
        self.member_status[(pool, member)] = status
        if before != status:
            for watcher in tuple(self._watchers):
                watcher(pool, member, before, status)

    def forget_member(self, pool: str, member: str) -> None:
        """Drops what is known of a member that is gone or no longer monitored."""
        self.member_status.pop((pool, member), None)

    def forget(self, kind: str, path: str) -> None:
        """Drops the figures of an object that was deleted."""
        self._counters.pop((kind, path), None)

    def watch(self, watcher: StatusWatcher) -> Callable[[], None]:
        """Calls watcher(pool, member, before, after) at each change of health; answers how to stop that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def clear(self) -> None:
        """Forgets health and figures, as a reboot does; watchers stay."""
        self.member_status.clear()
        self.node_status.clear()
        self._counters.clear()
