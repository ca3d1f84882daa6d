"""Nodes that members of ours left behind, and which of them may be deleted.

The device makes a node for the address of a member and never removes it. A node that anybody has given as much as a
description is not ours to delete; one that anybody uses the device itself refuses to delete.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from turnbuckle.drivers.base import DriverError
from turnbuckle.drivers.icontrol import uri, values
from turnbuckle.drivers.icontrol.answers import Sense
from turnbuckle.drivers.icontrol.connection import Connection
from turnbuckle.drivers.icontrol.values import Wire

KIND = "ltm/node"

_ELSEWHERE = re.compile(r"Invalid Node, the IP address (\S+) already exists")

_AS_MADE: dict[str, tuple[str, ...]] = {
    "description": ("",),
    "connectionLimit": ("", "0"),
    "ratio": ("", "1"),
    "dynamicRatio": ("", "1"),
    "monitor": ("", "default"),
    "rateLimit": ("", "disabled"),
    "logging": ("", "disabled"),
    "session": ("", "user-enabled", "monitor-enabled"),
    "ephemeral": ("", "false"),
    "appService": ("",),
}
"""What the device leaves in a node that it made, as text.

Source: BIG-IP 14.1, a node made for the address of a pool member.
"""


def as_made(node: Wire) -> bool:
    """Whether a node still has the form in which the device made it."""
    if any(values.text(node.get(key)) not in accepted for key, accepted in _AS_MADE.items()):
        return False
    _, _, name = uri.split(values.full_path(node))
    same = values.address(name, 0) == values.address(node.get("address"), 0)
    return same and node.get("state") != "user-down" and not node.get("metadata")


async def collect(connection: Connection, candidates: Collection[str]) -> frozenset[str]:
    """Deletes what may be deleted; answers the candidates that are finished with."""
    finished = set()
    for path in sorted(candidates):
        try:
            if await _collect_one(connection, path):
                finished.add(path)
        except DriverError:
            # Nothing waits for a node to go; the rest is asked for again later.
            break
    return frozenset(finished)


async def _collect_one(connection: Connection, path: str) -> bool:
    found = await connection.call("GET", uri.of(KIND, path))
    if found.sense is Sense.GONE:
        return True
    if not found.ok:
        return False
    if not isinstance(found.value, dict) or not as_made(found.value):
        return True
    answer = await connection.write("DELETE", uri.of(KIND, path))
    return answer.sense not in (Sense.BUSY, Sense.UNKNOWN, Sense.DENIED)


async def with_holder(connection: Connection, words: str) -> str:
    """A refusal's words, and where they say that an address is taken, the node that has it.

    An address is a node once on the whole device, whatever the partition, and the device does not say where.
    """
    found = _ELSEWHERE.search(words)
    if found is None:
        return words
    wanted = values.address(found[1].rstrip("."), 0)
    answer = await connection.patiently("GET", f"{uri.collection(KIND)}?$select=fullPath,address")
    holders = [values.full_path(node) for node in answer.items if values.address(node.get("address"), 0) == wanted]
    return f"{words} It is node {holders[0]}." if holders else words
