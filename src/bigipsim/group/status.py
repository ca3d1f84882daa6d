"""Decides in which words a unit tells how far its device group is synchronised, and who of it is active.

Source: iControl REST, cm sync-status and cm failover-status, for the words of `status` and the colours; the sentences
are assumed, but for "Recommended action: Synchronize … to group …", which clients look for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bigipsim.group.group import Group
from bigipsim.group.membership import State
from bigipsim.objects.virtual_address import FLOATING


@dataclass(frozen=True, slots=True)
class Told:
    """A status with its colour, a summary, and sentences that explain it; `mode` only for synchronisation."""

    status: str
    color: str
    summary: str
    details: tuple[str, ...]
    mode: str = ""

    def leaves(self) -> dict[str, str]:
        """The texts beside the details, as statistics show them."""
        mode = {"mode": self.mode} if self.mode else {}
        return {"color": self.color, **mode, "status": self.status, "summary": self.summary}


STANDALONE: Final = Told("Standalone", "green", " ", ("Optional action: Add a device to the group",), mode="standalone")

_FAILOVER: Final[Mapping[State, tuple[str, str, str]]] = {
    "active": ("ACTIVE", "green", "1/1 active"),
    "standby": ("STANDBY", "gray", "1/1 standby"),
    "offline": ("OFFLINE", "red", "0/1 active"),
    "forced-offline": ("FORCED OFFLINE", "black", "0/1 active"),
}


def failover(state: State) -> Told:
    """What a unit in that state tells of it."""
    status, color, summary = _FAILOVER[state]
    word = state.replace("-", " ")
    return Told(status, color, summary, (f"{word} for {FLOATING}",))


def synchronisation(group: Group) -> Told:
    """How far the configurations of all units agree, as this one sees it."""
    if group.alone:
        return STANDALONE
    name = group.membership.name
    status, color, summary, advice = _judged(group)
    peers = sorted(group.peers.values(), key=lambda peer: peer.name)
    lines = [f"{peer.name}: {'connected' if peer.reachable else 'disconnected'}" for peer in peers]
    lines.append(f"{name} ({status}): {summary}")
    if advice:
        lines.append(f"Recommended action: {advice}")
    return Told(status, color, summary, tuple(lines), mode="high-availability")


def _judged(group: Group) -> tuple[str, str, str, str]:
    """Status, colour, summary and what is to be done, "" for nothing."""
    name = group.membership.name
    gone = [peer for peer in group.peers.values() if not peer.reachable]
    commits = {report.commit for report in (group.report(), *group.present())}
    newest = group.newest().name
    if group.synchronising:
        return "Syncing", "blue", f"The devices of the group {name} are being synchronized", ""
    if gone:
        return "Disconnected", "red", "Not every device of the group can be reached", "Restore the connection"
    if group.failure:
        return "Sync Failure", "red", group.failure, f"Synchronize {newest} to group {name}"
    if commits == {None}:
        advice = f"Synchronize one of the devices to group {name}"
        return "Awaiting Initial Sync", "blue", "The group awaits the first sync from one of its devices", advice
    if len(commits) == 1:
        return "In Sync", "green", "All devices in the device group are in sync", ""
    summary = f"{newest} has the newest changes, which other devices of the group do not have"
    return "Changes Pending", "yellow", summary, f"Synchronize {newest} to group {name}"
