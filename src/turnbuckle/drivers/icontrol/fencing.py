"""That a replica which no longer leads writes nothing: a transaction needs what the next leader takes away.

A leader has a number, greater than that of any before it for the same seat: what is led, by its address. In each
partition it has a data group `turnbuckle_leader_<seat>_<number>`, made in its first transaction there, which deletes
the predecessor's; every later one begins with a change of it. So a transaction of a predecessor, however late it is
committed, names something that is gone, and fails as a whole. Before that first transaction nothing is written there
without one, however small it is.

A config-sync within a device group brings the data groups of another unit's leader, whose seat is another one, and may
take away the leader's own. A leader whose data group is gone and that finds none of a later one makes it again.

Where nobody led before, the first transaction would take nothing away, and two first transactions could both succeed.
Therefore a data group with the number 0 is made first, for one of them to delete.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

from turnbuckle.drivers.base import Deposed, TransactionLost
from turnbuckle.drivers.icontrol import uri, values
from turnbuckle.drivers.icontrol.answers import Answer, Sense
from turnbuckle.drivers.icontrol.commands import Command
from turnbuckle.drivers.icontrol.connection import Connection
from turnbuckle.model import mark as marks
from turnbuckle.model.ltm import DataGroup

_PREFIX = f"{marks.NAME}_leader_"
_FENCE = re.compile(rf"^/[^/]+/{_PREFIX}(?P<seat>(?:[0-9a-f]{{8}}_)?)(?P<number>\d+)$")
_NAMED = re.compile(rf"/{_PREFIX}(?:[0-9a-f]{{8}}_)?\d+\b")
_NOBODY = 0
_TOUCH = {"description": "turnbuckle writes here"}


def is_fence(full_path: str) -> bool:
    """Whether a data group is one of these, which are nobody's configuration."""
    return _FENCE.match(full_path) is not None


def seat(url: str) -> str:
    """What tells the leaders that write by way of that URL from those of other units: 8 hex digits."""
    parts = urlsplit(url)
    return hashlib.sha256(f"{parts.hostname}:{parts.port or 443}".encode()).hexdigest()[:8]


class Fence:
    """The fences of one leader on one device. number: 1 or more. seat: see there; may be empty."""

    def __init__(self, connection: Connection, number: int, seat: str = "") -> None:
        self._connection = connection
        self._number = number
        self._seat = f"{seat}_" if seat else ""
        self._standing: set[str] = set()

    async def commands(self, partition: str) -> tuple[Command, ...]:
        """What a transaction in a partition begins with.

        Raises:
            Deposed: a later leader has been here.
        """
        own = self._path(partition, self._number)
        touch = Command("PATCH", uri.of(DataGroup.KIND, own), own, _TOUCH)
        if partition in self._standing:
            return (touch,)
        found = await self._found(partition)
        if not found:
            await self._stand_in(partition)
            found = await self._found(partition)
        make = Command("POST", uri.collection(DataGroup.KIND), own, {**uri.naming(own), "type": "string", **_TOUCH})
        before = (self._path(partition, number) for number in sorted(found - {self._number}))
        return (
            touch if self._number in found else make,
            *(Command("DELETE", uri.of(DataGroup.KIND, path), path) for path in before),
        )

    async def _found(self, partition: str) -> set[int]:
        answer = await self._connection.patiently("GET", uri.in_partition(DataGroup.KIND, partition, "fullPath"))
        paths = (values.full_path(raw) for raw in answer.listed(f"list the data groups of partition {partition}"))
        matches = (_FENCE.match(path) for path in paths)
        found = {int(match["number"]) for match in matches if match is not None and match["seat"] == self._seat}
        if any(number > self._number for number in found):
            raise Deposed
        return found

    async def _stand_in(self, partition: str) -> None:
        path = self._path(partition, _NOBODY)
        body = {**uri.naming(path), "type": "string", **_TOUCH}
        answer = await self._connection.write("POST", uri.collection(DataGroup.KIND), body)
        if answer.sense is not Sense.STALE:
            answer.required(f"create data group {path}")

    def is_up(self, partition: str) -> bool:
        """Whether nothing of a predecessor can be committed in a partition any more."""
        return partition in self._standing

    def stands(self, partition: str) -> None:
        """Takes in that a transaction with these commands was committed."""
        self._standing.add(partition)

    async def judge(self, partition: str, answer: Answer) -> None:
        """Tells a refusal that is about a fence from any other.

        Raises:
            Deposed: a later leader has taken the fence away.
            TransactionLost: the fences are others than was thought, and no later leader has been here.
        """
        if answer.sense not in (Sense.GONE, Sense.STALE) or not _NAMED.search(answer.words):
            return
        may_write = self._connection.may_write
        if may_write is not None and not may_write():
            raise Deposed
        self._standing.discard(partition)
        await self._found(partition)
        raise TransactionLost(answer.words)

    def _path(self, partition: str, number: int) -> str:
        return f"/{partition}/{_PREFIX}{self._seat}{number}"
