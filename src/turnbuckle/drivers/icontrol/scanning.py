"""What has changed on the device since it was read, found by the numbers that objects bear: their generations.

One light request for each collection and partition tells the generations; what bears another one than before is read
whole, and so is what we wrote ourselves, since its generation is not known, and what shows none. What is then equal to
what is known has only its generation remembered: an int for each object is all the memory that this takes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from turnbuckle.drivers.base import DriverError
from turnbuckle.drivers.icontrol import uri
from turnbuckle.drivers.icontrol.codec import Codec, Scene
from turnbuckle.drivers.icontrol.objects import CODECS
from turnbuckle.drivers.icontrol.objects.pool import POOL
from turnbuckle.drivers.icontrol.reading import Picture, Reader, Seen, decoding, together
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
        monitors = {path.name: path for path in seen if path.kind.startswith("ltm/monitor/")}
        look = Look(self._reader, known, Scene(self._picture.domains, monitors), designated)
        fresh = await together(
            self._fresh(look, codec, partition, part) for (codec, partition), part in zip(kinds, told, strict=True)
        )
        read = {path: one for part in fresh for path, one in part.items()}
        apart = sorted(path for path in designated if uri.split(path)[0] not in partitions)
        pools = dict(zip(apart, await together(self._reader.part(path, look.scene) for path in apart), strict=True))
        seen |= {path: 0 if one is None else one.generation for path, one in read.items()}
        there = {path for path in seen if path not in read or read[path] is not None}
        there |= {Path(POOL.kind, path) for path, one in pools.items() if one is not None}
        changes = self._changes(known, [*read.values(), *(one and look.reduced(one) for one in pools.values())], there)
        # The keys are the paths of what is known already, so that an object costs an int and not another path.
        self._generations = {
            path: seen[path] for path in (*known, *changes.objects) if path in seen and path not in self._written
        }
        return changes

    async def _told(self, codec: Codec, partition: str) -> dict[Path, int]:
        def take(raw: Wire) -> tuple[Path, int]:
            if not isinstance(raw.get("fullPath"), str):
                raise ValueError(f"{codec.kind.replace('/', ' ')} without saying where it is")
            return Path(codec.kind, raw["fullPath"]), codec.generation_of(raw)

        return dict(await self._reader.listed(codec, partition, codec.select_generation, take))

    async def _fresh(self, look: Look, codec: Codec, partition: str, told: dict[Path, int]) -> dict[Path, Seen | None]:
        """What has to be looked at, whole; None for what went in the meantime."""
        stale = [path for path, found in told.items() if not found or self._generations.get(path) != found]
        if not stale:
            return {}
        if len(stale) == 1 or (len(stale) <= MOST_SINGLES and all(told[path] for path in stale)):
            return dict(zip(stale, await together(look.one(codec, path.name) for path in stale), strict=True))
        found = await self._reader.listed(codec, partition, codec.select, lambda raw: look.at(codec, raw))
        return dict.fromkeys(told) | {one.path: one for one in found}

    def _changes(self, known: State, read: Iterable[Seen | None], there: set[Path]) -> Changes:
        found: dict[Path, LtmObject | None] = {}
        names: dict[str, dict[str, str]] = {}
        for one in read:
            if one is not None:
                found |= {obj.path: obj for obj in one.objects}
                names |= {one.path.name: one.names} if one.path.kind == POOL.kind else {}
        for path in known:
            if (Path(POOL.kind, path.name) if path.kind == DesignatedPool.KIND else path) not in there:
                found[path] = None
        return Changes(
            {path: obj for path, obj in found.items() if path not in self._written},
            {pool: of for pool, of in names.items() if Path(POOL.kind, pool) not in self._written},
        )


@dataclass(frozen=True, slots=True)
class Look:
    """How a scan looks at objects: what equals what is known is dropped at once, so that a scan takes little memory."""

    reader: Reader
    known: State
    scene: Scene
    designated: frozenset[str]

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
        objects = tuple(obj for obj in seen.objects if not self._is_known(obj))
        return seen if len(objects) == len(seen.objects) else replace(seen, objects=objects)

    def _is_known(self, obj: LtmObject) -> bool:
        before = self.known.get(obj.path)
        return before is not None and identical(before, obj)
