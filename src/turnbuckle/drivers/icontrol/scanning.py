"""What has changed on the device since it was read, found by the numbers that objects bear: their generations.

One light request for each collection and partition tells the generations; what bears another one than before is read
whole, and so is what we wrote ourselves, since its generation is not known, and what shows none. What is then equal to
what is known has only its generation remembered: an int for each object is all the memory that this takes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from turnbuckle.drivers.base import DriverError
from turnbuckle.drivers.icontrol import uri
from turnbuckle.drivers.icontrol.codec import Codec, Scene
from turnbuckle.drivers.icontrol.objects import CODECS
from turnbuckle.drivers.icontrol.objects.pool import POOL
from turnbuckle.drivers.icontrol.reading import Picture, Reader, decoding, together
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ltm import DesignatedPool, LtmObject, identical
from turnbuckle.model.state import Path, State

MOST_SINGLES = 20
"""How many objects of a collection are read one by one; beyond that, reading all of it is cheaper."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs, None for what is gone; names: as in commands.Names, of each pool that was read."""

    objects: dict[Path, LtmObject | None] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)


class Scanner:
    """Remembers what a reader saw of each object, and asks for the rest."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._picture: Picture | None = None
        self._designated: frozenset[str] = frozenset()
        self._generations: dict[Path, int] = {}
        self._written: set[Path] = set()

    def saw(self, picture: Picture, designated: Collection[str]) -> None:
        """Takes in a whole picture; its state is not kept."""
        self._generations = picture.generations
        self._picture = Picture(State(), {}, {}, picture.partitions, picture.domains)
        self._designated = frozenset(designated)

    def wrote(self, paths: Iterable[Path]) -> None:
        """Takes in what was written, or may have been: its generation is not known, and a scan under way is late."""
        for path in paths:
            same = {path, Path(POOL.kind, path.name)} if path.kind == DesignatedPool.KIND else {path}
            self._written |= same
            for one in same:
                self._generations.pop(one, None)

    async def scan(self, known: State) -> Changes:
        """See Driver.scan.

        Raises:
            DriverError: something could not be read, or nothing was read before.
        """
        if self._picture is None:
            raise DriverError("The BIG-IP has not been read yet, so it is not known what has changed on it.")
        self._written = set()
        designated = self._designated | {path.name for path in known if path.kind == DesignatedPool.KIND}
        own = {path.partition for path in known if path.kind != DesignatedPool.KIND}
        partitions = sorted({*self._picture.partitions, *own})
        kinds = [(codec, partition) for partition in partitions for codec in CODECS.values()]
        told = await together(self._told(codec, partition) for codec, partition in kinds)
        seen = {path: generation for part in told for path, generation in part.items()}
        fresh = await together(
            self._fresh(codec, partition, part) for (codec, partition), part in zip(kinds, told, strict=True)
        )
        apart = sorted(path for path in designated if uri.split(path)[0] not in partitions)
        pools = await together(self._reader.one(POOL, path) for path in apart)
        read = {path: raw for part in fresh for path, raw in part.items()}
        for path, raw in read.items():
            seen[path] = 0 if raw is None else CODECS[path.kind].generation_of(raw)
        there = {path for path in seen if path not in read or read[path] is not None}
        with decoding():
            changes = self._compared(known, read, [raw for raw in pools if raw is not None], there, designated)
        # The keys are the paths of what is known already, so that an object costs an int and not another path.
        self._generations = {
            path: seen[path] for path in (*known, *changes.objects) if path in there and path not in self._written
        }
        return changes

    async def _told(self, codec: Codec, partition: str) -> dict[Path, int]:
        items = await self._reader.listed(codec, partition, codec.select_generation)
        if not all(isinstance(raw.get("fullPath"), str) for raw in items):
            raise DriverError(f"The BIG-IP lists {codec.kind.replace('/', ' ')} without saying where each is.")
        return {Path(codec.kind, raw["fullPath"]): codec.generation_of(raw) for raw in items}

    async def _fresh(self, codec: Codec, partition: str, told: dict[Path, int]) -> dict[Path, Wire | None]:
        """What has to be looked at, whole; None for what went in the meantime."""
        stale = [path for path, found in told.items() if not found or self._generations.get(path) != found]
        if not stale:
            return {}
        if len(stale) == 1 or (len(stale) <= MOST_SINGLES and all(told[path] for path in stale)):
            raws = await together(self._reader.one(codec, path.name) for path in stale)
            return dict(zip(stale, raws, strict=True))
        items = await self._reader.listed(codec, partition, codec.select)
        found: dict[Path, Wire | None] = {Path(codec.kind, str(raw.get("fullPath"))): raw for raw in items}
        return dict.fromkeys(told) | found

    def _compared(
        self,
        known: State,
        read: dict[Path, Wire | None],
        apart: list[Wire],
        there: set[Path],
        designated: frozenset[str],
    ) -> Changes:
        assert self._picture is not None
        monitors = {path.name: path for path in there if path.kind.startswith("ltm/monitor/")}
        raws = [(CODECS[path.kind], raw) for path, raw in read.items() if raw is not None]
        state, names = self._reader.picture(raws, apart, Scene(self._picture.domains, monitors), designated)
        found: dict[Path, LtmObject | None] = {}
        for path, obj in state.items():
            before = known.get(path)
            if before is None or not identical(before, obj):
                found[path] = obj
        for path in known:
            place = Path(POOL.kind, path.name) if path.kind == DesignatedPool.KIND else path
            if path not in state and place not in there:
                found[path] = None
        pools = {path.name for path in read if path.kind == POOL.kind} | {str(raw["fullPath"]) for raw in apart}
        return Changes(
            {path: obj for path, obj in found.items() if path not in self._written},
            {pool: names.get(pool, {}) for pool in pools if Path(POOL.kind, pool) not in self._written},
        )
