"""What is on the device, in as few requests as its collections allow.

Each managed partition is one request for each type, whatever it holds. Objects of others are read too: a plan has to
say that they are there, and what is in the way. Where every partition counts, one light request for each type finds
those that hold something of ours, and only they are read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from turnbuckle.drivers.base import DriverError, PartitionMissing
from turnbuckle.drivers.icontrol import uri, values
from turnbuckle.drivers.icontrol.answers import FOLDER_MISSING, Answer, Sense
from turnbuckle.drivers.icontrol.codec import Codec, Scene
from turnbuckle.drivers.icontrol.connection import Connection
from turnbuckle.drivers.icontrol.fencing import is_fence
from turnbuckle.drivers.icontrol.objects import CODECS
from turnbuckle.drivers.icontrol.objects import member as members
from turnbuckle.drivers.icontrol.objects.data_group import DATA_GROUP
from turnbuckle.drivers.icontrol.objects.pool import POOL
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.drivers.icontrol.window import Window
from turnbuckle.model.ltm import DesignatedPool, LtmObject
from turnbuckle.model.state import Path, State

PARTITIONS = "auth/partition"
COMMON = "Common"
PAGE = 500
"""Objects with their subcollections in one answer; devices have timed out on answers with some thousands of them."""

TRIES = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Picture:
    """What was read.

    names: as in commands.Names. generations: as in Codec.generation_of, of all but members in pools of others.
    partitions: those that were read whole. domains: as in Scene.
    """

    state: State
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    generations: dict[Path, int] = field(default_factory=dict)
    partitions: tuple[str, ...] = ()
    domains: Mapping[str, int] = field(default_factory=dict)


@contextmanager
def decoding() -> Iterator[None]:
    """What cannot be decoded is a DriverError: it must not end the process, nor be taken for a part of the whole."""
    try:
        yield
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise DriverError(f"The BIG-IP shows an object in a form that is not known: {error}.") from error


async def together(work: Iterable[Awaitable[T]]) -> list[T]:
    """The results, in order; the first failure ends the rest, so that nothing half read is taken for the whole."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Reader:
    """Reads the managed partitions of one device.

    controller_id: whose marks are ours. create: whether a partition that is missing is made. everywhere: other
    partitions than the named ones are read, too, if they hold an object of ours; Common never is.
    """

    def __init__(
        self,
        connection: Connection,
        partitions: Sequence[str],
        controller_id: str,
        *,
        create: bool = False,
        everywhere: bool = False,
    ) -> None:
        self._connection = connection
        self._partitions = tuple(partitions)
        self._controller_id = controller_id
        self._create, self._everywhere = create, everywhere
        self._window = Window(connection.clock)

    async def read(self, designated: Collection[str] = ()) -> Picture:
        """The state of the partitions, and our part of the designated pools.

        Raises:
            PartitionMissing: a partition is not there, and is not to be made.
            DriverError: something could not be read.
        """
        domains = await self._domains()
        partitions = (*self._partitions, *await self._others_with_ours(domains))
        kinds = [(codec, partition) for partition in partitions for codec in CODECS.values()]
        apart = sorted(path for path in designated if uri.split(path)[0] not in partitions)
        found = await together(self.listed(codec, partition, codec.select) for codec, partition in kinds)
        others = await together(self.one(POOL, path) for path in apart)
        raws = [(codec, raw) for (codec, _), items in zip(kinds, found, strict=True) for raw in items]
        with decoding():
            whole = [raw for raw in others if raw is not None]
            state, names = self.picture(raws, whole, Scene(domains, monitor_paths(raws)), frozenset(designated))
            told = {Path(codec.kind, values.full_path(raw)): codec.generation_of(raw) for codec, raw in raws}
        # The state's own paths are the keys, so that an object costs an int and not another path.
        generations = {path: told[path] for path in state if path in told}
        return Picture(state, names, generations, partitions, domains)

    async def _domains(self) -> dict[str, int]:
        """Partition -> its default route domain, of all there are."""
        answer = await self._get(f"{uri.collection(PARTITIONS)}?$select=name,defaultRouteDomain")
        if answer.sense is Sense.DENIED:
            # A role of one partition may not list them; the collections will tell whether it is there.
            return {}
        partitions = answer.listed("list its partitions")
        found = {str(raw.get("name")): values.number(raw.get("defaultRouteDomain")) for raw in partitions}
        for partition in self._partitions:
            if partition not in found:
                await self._make(partition)
        return found

    async def _make(self, partition: str) -> None:
        if not self._create:
            raise PartitionMissing(partition)
        answer = await self._connection.write("POST", uri.collection(PARTITIONS), {"name": partition})
        if answer.sense is not Sense.STALE:
            answer.required(f"create partition {partition}")

    async def _others_with_ours(self, domains: dict[str, int]) -> list[str]:
        """The partitions that are not named and hold an object of ours."""
        known = {COMMON, *self._partitions}
        if not self._everywhere or (domains and known >= domains.keys()):
            return []
        found = await together(self._marked(codec) for codec in CODECS.values())
        return sorted(frozenset().union(*found) - known)

    async def _marked(self, codec: Codec) -> frozenset[str]:
        """The partitions where a collection has an object of ours."""
        answer = await self._get(f"{uri.collection(codec.kind)}?$select={codec.select_mark}")
        items = answer.listed(f"list {codec.kind.replace('/', ' ')}")
        marks = ((raw, codec.mark_of(raw)) for raw in items)
        return frozenset(
            uri.split(values.full_path(raw))[0]
            for raw, mark in marks
            if mark is not None and mark.controller_id == self._controller_id
        )

    async def listed(self, codec: Codec, partition: str, select: str) -> list[dict[str, Any]]:
        """What a collection has in a partition, `select` of each object.

        Raises:
            PartitionMissing: a managed partition is not there any more.
            DriverError: it could not be read, or not as it was at one time.
        """
        path = uri.in_partition(codec.kind, partition, select, codec.expand)
        if not codec.expand:
            return await self._items(codec, partition, path)
        for _ in range(TRIES):
            found = await self._paged(codec, partition, path)
            if found is not None:
                return found
        raise DriverError(f"The BIG-IP's list of {codec.kind.replace('/', ' ')} changes faster than it can be read.")

    async def _paged(self, codec: Codec, partition: str, path: str) -> list[dict[str, Any]] | None:
        """The items of a collection whose items are large, page by page; None when it has changed in between.

        Each page begins with the last item of the page before, so that one that moved is noticed: pages are no
        snapshot, and what slipped through between two of them must not be taken for gone.
        """
        found: list[dict[str, Any]] = []
        while True:
            place = f"&$skip={len(found) - 1}" if found else ""
            page = await self._items(codec, partition, f"{path}&$top={PAGE}{place}")
            if not found:
                found = page
            elif page and page[0].get("fullPath") == found[-1].get("fullPath"):
                found += page[1:]
            else:
                return None
            if len(page) < PAGE:
                return found

    async def _items(self, codec: Codec, partition: str, path: str) -> list[dict[str, Any]]:
        answer = await self._get(path, path.partition("&$top")[0])
        missing = FOLDER_MISSING.search(answer.words)
        if missing is not None:
            if partition in self._partitions:
                raise PartitionMissing(missing["partition"])
            return []
        found = answer.listed(f"list {codec.kind.replace('/', ' ')} in partition {partition}")
        return [raw for raw in found if not is_fence(values.full_path(raw))] if codec is DATA_GROUP else found

    async def one(self, codec: Codec, path: str) -> Wire | None:
        """One object, whole; None when it is not there."""
        answer = await self._get(uri.one(codec.kind, path, codec.select, codec.expand), codec.kind)
        if answer.sense is Sense.GONE or FOLDER_MISSING.search(answer.words):
            return None
        word = f"{codec.kind.replace('/', ' ')} {path}"
        found = answer.required(f"show {word}").value
        if not isinstance(found, dict):
            raise DriverError(f"The BIG-IP shows {word} in a form that is not known.")
        return {"fullPath": path, **found}

    async def _get(self, path: str, like: str = "") -> Answer:
        return await self._window.through(like or path, lambda: self._connection.patiently("GET", path))

    def picture(
        self, raws: Iterable[tuple[Codec, Wire]], apart: Iterable[Wire], scene: Scene, designated: frozenset[str]
    ) -> tuple[State, dict[str, dict[str, str]]]:
        """What was sent, as objects and as names. apart: designated pools outside of the partitions."""
        objects: list[LtmObject] = []
        pools: list[Wire] = []
        for codec, raw in raws:
            objects.append(codec.decode(raw, scene))
            pools += [raw] if codec is POOL else []
        ours = [raw for raw in pools if values.full_path(raw) in designated] + [*apart]
        objects += [self._designated(raw, scene) for raw in ours]
        return State(objects), _names([*pools, *apart], scene)

    def _designated(self, raw: Wire, scene: Scene) -> DesignatedPool:
        path = values.full_path(raw)
        found = [members.decode(item, path, scene) for item in values.listed(raw.get("membersReference"))]
        ours = [m for m in found if m.mark is not None and m.mark.controller_id == self._controller_id]
        taken = frozenset(m.name for m in found if m not in ours)
        return DesignatedPool(path, ours[0].mark if ours else None, frozenset(ours), taken)


def monitor_paths(raws: Iterable[tuple[Codec, Wire]]) -> dict[str, Path]:
    """The monitors among what was sent: full path -> Path."""
    return {
        values.full_path(raw): Path(codec.kind, values.full_path(raw))
        for codec, raw in raws
        if codec.kind.startswith("ltm/monitor/")
    }


def _names(pools: Iterable[Wire], scene: Scene) -> dict[str, dict[str, str]]:
    """The members whose name is not made of their address as we have it, for example with %0 in it."""
    found: dict[str, dict[str, str]] = {}
    for raw in pools:
        pool = values.full_path(raw)
        for item in values.listed(raw.get("membersReference")):
            path = values.full_path(item, uri.split(pool)[0])
            if values.split_port(uri.split(path)[2])[0] == item.get("address"):
                continue
            called = members.path_of(members.decode(item, pool, scene), pool)
            if called != path:
                found.setdefault(pool, {})[called] = path
    return found
