"""Decides whether members, pools and virtual servers are available, as statistics tell it: the roll-up upwards.

A pool is available with one available member, a virtual server with its pool; where nothing is known the state is
"unknown", which is usable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bigipsim.objects.model import Item
from bigipsim.runtime import Runtime
from bigipsim.tree import Tree

Availability = Literal["available", "offline", "unknown"]
Enabled = Literal["enabled", "disabled", "disabled-by-parent"]

_NO_CHECKS: Final = (
    "The children pool member(s) either don't have service checking enabled, or service check results are not "
    "available yet"
)
_MEMBER_REASONS: Final[Mapping[str, tuple[Availability, str]]] = {
    "up": ("available", "Pool member is available"),
    "down": ("offline", "Pool member has been marked down by a monitor"),
    "checking": ("unknown", "Pool member has not been checked yet"),
    "unchecked": ("unknown", "Pool member does not have service checking enabled"),
}
_NODE_REASONS: Final[Mapping[str, tuple[Availability, str]]] = {
    "up": ("available", "Node address is available"),
    "down": ("offline", "Node address has been marked down by a monitor"),
    "checking": ("unknown", "Node address has not been checked yet"),
    "unchecked": ("unknown", "Node address does not have service checking enabled"),
}


@dataclass(frozen=True, slots=True)
class Health:
    """The state of one object; `monitor` is the word of its monitor ("up", "down", "checking", "unchecked",
    "forced-down", "" where it has none)."""

    availability: Availability
    enabled: Enabled
    reason: str
    monitor: str = ""

    @property
    def active(self) -> bool:
        """Whether new connections go there."""
        return self.enabled == "enabled" and self.availability != "offline"


def node_health(runtime: Runtime, node: Item) -> Health:
    """The state of a node by its own monitor and what the administrator set."""
    enabled: Enabled = "disabled" if node.values.get("session") == "user-disabled" else "enabled"
    if node.values.get("state") == "user-down":
        return Health("offline", enabled, "Forced down", "forced-down")
    status = runtime.node_status.get(node.full_path, "unchecked")
    availability, reason = _NODE_REASONS[status]
    return Health(availability, enabled, reason, status)


def member_health(runtime: Runtime, pool: str, member: Item, node: Item | None) -> Health:
    """The state of a pool member; a node that is down or disabled is so for all of its members."""
    above = node_health(runtime, node) if node is not None else None
    enabled: Enabled = "enabled"
    if member.values.get("session") == "user-disabled":
        enabled = "disabled"
    elif above is not None and above.enabled != "enabled":
        enabled = "disabled-by-parent"
    if member.values.get("state") == "user-down" or (above is not None and above.monitor == "forced-down"):
        return Health("offline", enabled, "Forced down", "forced-down")
    if above is not None and above.availability == "offline":
        return Health("offline", enabled, "Parent down", "addr-down")
    status = runtime.member_status.get((pool, member.full_path), "unchecked")
    availability, reason = _MEMBER_REASONS[status]
    return Health(availability, enabled, reason, status)


def pool_health(members: Sequence[Health]) -> Health:
    """The state of a pool with these members."""
    enabled = [member for member in members if member.enabled == "enabled"]
    if any(member.availability == "available" for member in enabled):
        return Health("available", "enabled", "The pool is available")
    if not members or any(member.availability == "unknown" for member in enabled):
        return Health("unknown", "enabled", _NO_CHECKS)
    if not enabled and any(member.availability != "offline" for member in members):
        return Health("offline", "enabled", "No enabled pool members available")
    return Health("offline", "enabled", "The children pool member(s) are down")


def virtual_health(tree: Tree, virtual: Item, pool: Health | None) -> Health:
    """The state of a virtual server with that pool."""
    enabled: Enabled = "enabled"
    if virtual.values.get("disabled"):
        enabled = "disabled"
    elif _address_is_off(tree, virtual):
        enabled = "disabled-by-parent"
    if pool is None or pool.availability == "unknown":
        return Health("unknown", enabled, _NO_CHECKS)
    if pool.availability == "available":
        return Health("available", enabled, "The virtual server is available")
    return Health("offline", enabled, pool.reason)


def _address_is_off(tree: Tree, virtual: Item) -> bool:
    destination = str(virtual.values.get("destination", ""))
    separator = "." if destination.count(":") > 1 else ":"
    address = tree.get("ltm/virtual-address", destination.rpartition(separator)[0])
    return address is not None and address.values.get("enabled") == "no"
