"""What has changed on the device since it was read, found by the numbers that objects bear: their generations.

One light request for each collection and partition tells the generations; what bears another one than before is read
whole, and so is what we wrote ourselves, since its generation is not known, and what shows none. What is then equal to
what is known has only its generation remembered: an int for each object is all the memory that this takes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from turnbuckle.drivers.base import DriverError
from turnbuckle.drivers.icontrol import ledger, uri
from turnbuckle.drivers.icontrol.answers import outline
from turnbuckle.drivers.icontrol.codec import Scene
from turnbuckle.drivers.icontrol.looking import Look, Place, Told, by_whole, place_of, with_ledgers, with_virtuals
from turnbuckle.drivers.icontrol.objects import CODECS
from turnbuckle.drivers.icontrol.objects.pool import POOL
from turnbuckle.drivers.icontrol.reading import Picture, Reader, Seen, is_needed_first, marks, together
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ledger import path_in
from turnbuckle.model.ltm import DesignatedPool, LtmObject
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
            same = {path, place_of(path)} | ({path_in(path.partition)} if path.kind in ledger.KINDS else set())
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
        places = [(kind, partition) for partition in partitions for kind in CODECS]
        told = dict(zip(places, await together(self._told(*place) for place in places), strict=True))
        look, read = await self._read(known, told, designated)
        apart = sorted(path for path in designated if uri.split(path)[0] not in partitions)
        pools = dict(zip(apart, await together(self._reader.part(path, look.scene) for path in apart), strict=True))
        seen = {path: generation for part in told.values() for path, generation in part.items()}
        seen |= {path: 0 if one is None else one.generation for path, one in read.items()}
        there = {path for path in seen if path not in read or read[path] is not None}
        there |= {Path(POOL.kind, path) for path, one in pools.items() if one is not None}
        changes = self._changes(known, [*read.values(), *(one and look.reduced(one) for one in pools.values())], there)
        # The keys are the paths of what is known already, so that an object costs an int and not another path.
        ledgers = (path_in(partition) for partition in partitions)
        self._generations = {
            path: seen[path]
            for path in (*known, *changes.objects, *ledgers)
            if path in seen and path not in self._written
        }
        return changes

    async def _read(
        self, known: State, told: Mapping[Place, Told], designated: frozenset[str]
    ) -> tuple[Look, dict[Path, Seen | None]]:
        """What has to be looked at, whole, and how; None for what went in the meantime."""
        assert self._picture is not None
        stale = {place: self._stale(part) for place, part in told.items()}
        with_ledgers(told, stale, self._generations)
        monitors = {p.name: p for part in told.values() for p in part if p.kind.startswith("ltm/monitor/")}
        scene = Scene(self._picture.domains, monitors, marks(known.values()))
        first = Look(self._reader, known, scene, designated, by_whole(known))
        ahead = [place for place in told if is_needed_first(CODECS[place[0]])]
        read = await self._fresh(first, told, stale, ahead)
        look = first.knowing(read)
        with_virtuals(told, stale, first, look)
        return look, read | await self._fresh(look, told, stale, [place for place in told if place not in ahead])

    def _stale(self, told: Told) -> list[Path]:
        """What has to be looked at."""
        return [path for path, found in told.items() if not found or self._generations.get(path) != found]

    async def _told(self, kind: str, partition: str) -> Told:
        codec = CODECS[kind]

        def take(raw: Wire) -> tuple[Path, int]:
            if not isinstance(raw.get("fullPath"), str):
                raise ValueError(f"{kind.replace('/', ' ')} without saying where it is")
            return Path(kind, raw["fullPath"]), codec.generation_of(raw)

        return dict(await self._reader.listed(codec, partition, codec.select_generation, take, outline))

    async def _fresh(
        self, look: Look, told: Mapping[Place, Told], stale: Mapping[Place, list[Path]], places: Iterable[Place]
    ) -> dict[Path, Seen | None]:
        found = await together(self._of(look, place, told[place], stale[place]) for place in places)
        return {path: one for part in found for path, one in part.items()}

    async def _of(self, look: Look, place: Place, told: Told, stale: Collection[Path]) -> dict[Path, Seen | None]:
        codec, partition = CODECS[place[0]], place[1]
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
                found |= dict.fromkeys(one.gone)
        for path in known:
            if place_of(path) not in there:
                found[path] = None
        found |= ledger.keys_of_replaced({path: obj for path, obj in found.items() if obj is not None}, known)
        return Changes(
            {path: obj for path, obj in found.items() if path not in self._written},
            {pool: of for pool, of in names.items() if Path(POOL.kind, pool) not in self._written},
        )
