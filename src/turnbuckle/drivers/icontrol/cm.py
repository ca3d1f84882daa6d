"""What a unit says of its device group: who is active, how far all have one configuration; and how to change that.

Source: iControl REST, cm device, cm device-group, cm sync-status and the command config-sync, TMOS 13 to 17; the
sentences of the details as a device shows them in pull request 1788 of F5Networks/f5-ansible.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from turnbuckle.drivers.base import DriverError
from turnbuckle.drivers.icontrol import uri, values
from turnbuckle.drivers.icontrol.connection import Connection

DEVICE = uri.collection("cm/device")
DEVICE_GROUP = uri.collection("cm/device-group")
SYNC_STATUS = uri.collection("cm/sync-status")
COMMAND = uri.collection("cm")

ACTIVE = "active"
DOWN = frozenset({"standby", "offline", "forced-offline"})
"""States of which a unit is certain that the other one is not active; one that it cannot hear is "unknown"."""

EVEN = frozenset({"In Sync", "Standalone"})
NEVER = "Awaiting Initial Sync"
BROKEN = frozenset({"Disconnected", "Sync Failure"})

_FAILOVER_GROUP = "sync-failover"
_OF_GROUP = re.compile(r"^(?P<group>\S+) \((?P<status>[^)]+)\): (?P<words>.*)$")
_CONFLICT = re.compile(r"conflict between (?P<units>.+?)\.?$")
_ADVICE = re.compile(r"Synchronize (?P<unit>\S+) to group (?P<group>\S+)")


@dataclass(frozen=True, slots=True)
class Sight:
    """The failover states of a device group as one unit sees them. name: of that unit; others: states by name."""

    name: str
    state: str
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether the unit says that it serves the traffic."""
        return self.state == ACTIVE


@dataclass(frozen=True, slots=True)
class DeviceGroup:
    """The group in which configuration is shared. automatic: the device synchronises by itself (autoSync)."""

    name: str
    automatic: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the units of a group have the same configuration.

    status: in the device's words. changed: names of units with changes that others do not have; empty when that is
    not known. words: what a person has to know.
    """

    status: str
    changed: frozenset[str]
    words: str

    @property
    def even(self) -> bool:
        """Whether all have the same."""
        return self.status in EVEN


async def sight(connection: Connection) -> Sight:
    """Who is active, as a unit sees it.

    Raises:
        DriverError: it does not tell.
    """
    answer = await connection.patiently("GET", f"{DEVICE}?$select=name,failoverState,selfDevice")
    states: dict[str, str] = {}
    itself = ""
    for one in answer.listed("tell which unit of its device group is active"):
        name = _bare(one.get("name"))
        states[name] = values.text(one.get("failoverState"))
        if str(one.get("selfDevice")).lower() == "true":
            itself = name
    if not itself:
        raise DriverError("The BIG-IP does not say which of the devices that it lists it is itself.")
    return Sight(itself, states.pop(itself), states)


async def device_group(connection: Connection, unit: str, wanted: str = "") -> DeviceGroup:
    """The sync-failover group that a unit is in; wanted: its name, where there are several.

    Raises:
        DriverError: it is in none, or in several of which none is named.
    """
    answer = await connection.patiently("GET", f"{DEVICE_GROUP}?expandSubcollections=true")
    groups = {
        _bare(one.get("name")): DeviceGroup(_bare(one.get("name")), one.get("autoSync") == "enabled")
        for one in answer.listed("list its device groups")
        if one.get("type") == _FAILOVER_GROUP
        and any(_bare(member.get("name")) == unit for member in values.listed(one.get("devicesReference")))
    }
    if wanted and wanted in groups:
        return groups[wanted]
    if len(groups) == 1 and not wanted:
        return next(iter(groups.values()))
    there = ", ".join(sorted(groups))
    if wanted:
        raise DriverError(f"{unit} is not in the sync-failover device group {wanted}, but in {there or 'none'}.")
    if groups:
        raise DriverError(f"{unit} is in several sync-failover device groups: {there}. Name one with --device-group.")
    raise DriverError(
        f"{unit} is in no sync-failover device group. Make one (tmsh create cm device-group), "
        "or run a controller for each unit, with --ha-mode=unit."
    )


async def standing(connection: Connection, group: str) -> Standing:
    """How far the units of a group have the same configuration, as one of them sees it.

    Raises:
        DriverError: it does not tell.
    """
    answer = (await connection.patiently("GET", SYNC_STATUS)).required("tell how far its device group is in sync")
    return understood(answer.value, group)


def understood(value: Any, group: str) -> Standing:
    """A sync-status as a Standing: what it says of one group where it says so, else of all.

    Raises:
        DriverError: it holds no status.
    """
    texts = list(_texts(value))
    status = next((text for name, text in texts if name == "status"), "")
    if not status:
        raise DriverError("The BIG-IP answers a sync-status without a status.")
    words = next((text.strip() for name, text in texts if name == "summary"), "") or status
    changed: frozenset[str] = frozenset()
    for line in (text.strip() for name, text in texts if name == "details"):
        if (found := _OF_GROUP.match(line)) and _bare(found["group"]) == group:
            status, words = found["status"], found["words"].rstrip(".")
            if rivals := _CONFLICT.search(line):
                changed |= {_bare(name) for name in re.split(r",\s*|\s+and\s+", rivals["units"])}
        elif (advice := _ADVICE.search(line)) and _bare(advice["group"].rstrip(".")) == group:
            changed |= {_bare(advice["unit"])}
    return Standing(status, changed, words)


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Every text of a tree of statistics, by its name, in the device's order."""
    if not isinstance(value, dict):
        return
    for name, entry in (value.get("entries") or {}).items():
        if not isinstance(entry, dict):
            continue
        if isinstance(entry.get("description"), str):
            yield name, entry["description"]
        yield from _texts(entry.get("nestedStats"))


async def synchronise(connection: Connection, group: str) -> None:
    """Orders a unit to give its configuration to the group; it is done some time after the answer.

    Raises:
        DriverError: it will not.
    """
    body = {"command": "run", "utilCmdArgs": f"config-sync to-group {group}"}
    (await connection.write("POST", COMMAND, body)).required(f"give its configuration to device group {group}")


def _bare(name: object) -> str:
    """The name of a device or a group without the partition, which is always Common."""
    return str(name or "").removeprefix("/Common/")
