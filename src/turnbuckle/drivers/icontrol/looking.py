"""How a scan looks at objects, given what is known of others on which that depends.

Files and iRules depend on their ledger, virtual servers on whose the policies, iRules and profiles are. What others
depend on is looked at first, and if it changed, so are those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from turnbuckle.drivers.icontrol import ledger, uri
from turnbuckle.drivers.icontrol.codec import Codec, Scene
from turnbuckle.drivers.icontrol.objects import PARTS
from turnbuckle.drivers.icontrol.objects.data_group import DATA_GROUP
from turnbuckle.drivers.icontrol.objects.pool import POOL
from turnbuckle.drivers.icontrol.objects.virtual import VIRTUAL
from turnbuckle.drivers.icontrol.reading import Reader, Seen, decoding, marks
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ledger import name_of, path_in
from turnbuckle.model.ltm import DesignatedPool, IRule, LtmObject, identical
from turnbuckle.model.state import Path, State

Place = tuple[str, str]
"""A collection within a partition."""

Told = dict[Path, int]
"""What a collection has, and the generation of each."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a scan looks at objects: what equals what is known is dropped at once, so that a scan takes little memory."""

    reader: Reader
    known: State
    scene: Scene
    designated: frozenset[str]
    parts: Mapping[Path, set[Path]]

    def at(self, codec: Codec, raw: Wire) -> Seen:
        """What differs of an object in an answer."""
        return self.reduced(self.reader.see(codec, raw, self.scene, self.designated))

    async def one(self, codec: Codec, path: str) -> Seen | None:
        """What differs of one object; None when it is not there."""
        raw = await self.reader.one(codec, path)
        with decoding():
            return self.at(codec, raw) if raw is not None else None

    def reduced(self, seen: Seen) -> Seen:
        """Only what differs from what is known."""
        gone = frozenset(self.parts.get(seen.path, ())) - {obj.path for obj in seen.objects}
        objects = tuple(obj for obj in seen.objects if not self._is_known(obj))
        if not gone and len(objects) == len(seen.objects):
            return seen
        return replace(seen, objects=objects, gone=gone)

    def _is_known(self, obj: LtmObject) -> bool:
        before = self.known.get(obj.path)
        return before is not None and identical(before, obj)

    def knowing(self, read: Mapping[Path, Seen | None]) -> Look:
        """How the rest is looked at, now that it is known whose is what and what the ledgers say."""
        there = [one for one in read.values() if one is not None]
        # What equals what is known has no object among what was read.
        changed = {p for p, one in read.items() if one is None or any(obj.path == p for obj in one.objects)}
        rows = {name: row for one in there for name, row in one.rows.items()}
        # Whose iRules are is said by the ledgers only, so that one that was read says it for all of its partition.
        told = {path.partition for path in read if path == path_in(path.partition)}
        irules = {path for path in self.scene.marks if path.kind == IRule.KIND and path.partition in told}
        found = {path: mark for path, mark in self.scene.marks.items() if path not in changed | irules}
        found |= {path: row.mark for path in irules if (row := rows.get(name_of(path))) is not None}
        found |= marks(obj for one in there for obj in one.objects)
        return replace(self, scene=replace(self.scene, marks=found, rows=rows))


def with_ledgers(told: Mapping[Place, Told], stale: dict[Place, list[Path]], known: Mapping[Path, int]) -> None:
    """With what a ledger speaks of the ledger is read, and with one that has changed all that it may speak of.

    stale: what is to be read, which grows. known: the generations that were known.
    """
    for partition in {partition for _, partition in told}:
        groups, own = (DATA_GROUP.kind, partition), path_in(partition)
        if own in stale[groups] or (own in known and own not in told[groups]):
            stale |= {(kind, partition): [*told[kind, partition]] for kind in ledger.KINDS}
        if own in told[groups] and own not in stale[groups] and any(stale[kind, partition] for kind in ledger.KINDS):
            stale[groups] = [*stale[groups], own]


def with_virtuals(told: Mapping[Place, Told], stale: dict[Place, list[Path]], before: Look, after: Look) -> None:
    """Where something that virtual servers use became ours, or ceased to be, all of them are read."""
    one, other = before.scene.marks, after.scene.marks
    moved = {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}
    for place in {(VIRTUAL.kind, path.partition) for path in moved}:
        stale[place] = [*told[place]]


def place_of(path: Path) -> Path:
    """What of an answer an object is in."""
    if path.kind == DesignatedPool.KIND:
        return Path(POOL.kind, path.name)
    if path.kind in PARTS:
        return Path(uri.SUBCOLLECTIONS[path.kind][0], path.name.partition(":")[0])
    return path


def by_whole(known: State) -> dict[Path, set[Path]]:
    """The parts of each object that has some."""
    found: dict[Path, set[Path]] = {}
    for path in known:
        if path.kind in PARTS:
            found.setdefault(place_of(path), set()).add(path)
    return found
