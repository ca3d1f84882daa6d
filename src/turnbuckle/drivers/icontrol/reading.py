"""What is on the device, in as few requests as its collections allow.

Each managed partition is one request for each type, whatever it holds. Objects of others are read too: a plan has to
say that they are there, and what is in the way. Where every partition counts, one light request for each type finds
those that hold something of ours, and only they are read. What an answer says is made into our objects page by page, so
that never more than a page of it is in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import msgspec

from turnbuckle.drivers.base import DriverError, PartitionMissing
from turnbuckle.drivers.icontrol import ledger, uri, values
from turnbuckle.drivers.icontrol.answers import FOLDER_MISSING, Answer, Sense, piece
from turnbuckle.drivers.icontrol.codec import Codec, Scene
from turnbuckle.drivers.icontrol.connection import Connection
from turnbuckle.drivers.icontrol.fencing import is_fence
from turnbuckle.drivers.icontrol.objects import CODECS
from turnbuckle.drivers.icontrol.objects import member as members
from turnbuckle.drivers.icontrol.objects.data_group import DATA_GROUP
from turnbuckle.drivers.icontrol.objects.policy import POLICY
from turnbuckle.drivers.icontrol.objects.pool import POOL
from turnbuckle.drivers.icontrol.objects.ssl_profile import CLIENT_SSL, SERVER_SSL
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.drivers.icontrol.window import Window
from turnbuckle.model.ledger import Row, is_ledger
from turnbuckle.model.ltm import DesignatedPool, IRule, LtmObject
from turnbuckle.model.mark import Mark
from turnbuckle.model.state import Path, State

PARTITIONS = "auth/partition"
COMMON = "Common"
PAGE = 200
"""Objects with their subcollections in one answer; devices have timed out on answers with some thousands of them."""

TRIES = 3

_MARKED = frozenset({CLIENT_SSL.kind, SERVER_SSL.kind, POLICY.kind})
"""What virtual servers use, and whose mark decides how that is read. Marks of iRules are in the ledger."""
_USED = _MARKED | {IRule.KIND}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Picture:
    """What was read.

    names: as in commands.Names. generations: as in Codec.generation_of, of what was told as a whole, ledgers included.
    partitions: those that were read whole. domains: as in Scene.
    """

    state: State
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    generations: dict[Path, int] = field(default_factory=dict)
    partitions: tuple[str, ...] = ()
    domains: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one object of an answer is to us.

    objects: itself, its parts, and our part in it. generation: as in Codec.generation_of. names: as in commands.Names,
    of a pool. rows: of a ledger, which is no object of ours. gone: parts of it that were known and are not there any
    more.
    """

    path: Path
    objects: tuple[LtmObject, ...]
    generation: int
    names: dict[str, str] = field(default_factory=dict)
    rows: Mapping[str, Row] = field(default_factory=dict)
    gone: frozenset[Path] = frozenset()


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
        wanted = frozenset(designated)
        apart = sorted(path for path in wanted if uri.split(path)[0] not in partitions)
        first = await self._seen([c for c in CODECS.values() if is_needed_first(c)], partitions, Scene(domains), wanted)
        scene = scene_of(domains, first)
        rest = await self._seen([c for c in CODECS.values() if not is_needed_first(c)], partitions, scene, wanted)
        parts = [one for one in await together(self.part(path, scene) for path in apart) if one is not None]
        everything = [*first, *rest]
        objects = {obj.path: obj for one in (*everything, *parts) for obj in one.objects}
        state = State((objects | ledger.keys_of_replaced(objects, {})).values())
        told = {one.path: one.generation for one in everything}
        names = {one.path.name: one.names for one in (*everything, *parts) if one.names}
        # The state's own paths are the keys, so that an object costs an int and not another path.
        ledgers = (one.path for one in first if one.rows)
        generations = {path: told[path] for path in (*state, *ledgers) if path in told}
        return Picture(state, names, generations, partitions, domains)

    async def _seen(
        self, codecs: Collection[Codec], partitions: Iterable[str], scene: Scene, designated: frozenset[str]
    ) -> list[Seen]:
        """What collections have in partitions."""
        kinds = [(codec, partition) for partition in partitions for codec in codecs]
        found = await together(
            self.listed(codec, partition, codec.select, partial(self.see, codec, scene=scene, designated=designated))
            for codec, partition in kinds
        )
        return [one for part in found for one in part]

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

    async def listed(
        self,
        codec: Codec,
        partition: str,
        select: str,
        take: Callable[[Wire], T],
        read: Callable[[msgspec.Raw], Wire] = piece,
    ) -> list[T]:
        """What `take` makes of each object that a collection has in a partition. select: what is asked for of each.

        read: makes the object of its text.

        Raises:
            PartitionMissing: a managed partition is not there any more.
            DriverError: it could not be read, or not as it was at one time.
        """
        path = uri.in_partition(codec.kind, partition, select, codec.expand)
        if not codec.expand:
            return _taken(await self._items(codec, partition, path), lambda raw: take(read(raw)))
        for _ in range(TRIES):
            found = await self._paged(codec, partition, path, lambda raw: take(read(raw)))
            if found is not None:
                return found
        raise DriverError(f"The BIG-IP's list of {codec.kind.replace('/', ' ')} changes faster than it can be read.")

    async def _paged(self, codec: Codec, partition: str, path: str, take: Callable[[msgspec.Raw], T]) -> list[T] | None:
        """The items of a collection whose items are large, page by page; None when it has changed in between.

        Each page begins with the last item of the page before, so that one that moved is noticed: pages are no
        snapshot, and what slipped through between two of them must not be taken for gone.
        """
        found: list[T] = []
        last: object = None
        while True:
            place = f"&$skip={len(found) - 1}" if found else ""
            page = await self._items(codec, partition, f"{path}&$top={PAGE}{place}")
            if not found:
                found = _taken(page, take)
            elif page and _place(page[0]) == last:
                found += _taken(page[1:], take)
            else:
                return None
            if len(page) < PAGE:
                return found
            last = _place(page[-1])

    async def _items(self, codec: Codec, partition: str, path: str) -> list[msgspec.Raw]:
        answer = await self._get(path, path.partition("&$top")[0])
        missing = FOLDER_MISSING.search(answer.words)
        if missing is not None:
            if partition in self._partitions:
                raise PartitionMissing(missing["partition"])
            return []
        found = answer.pieces(f"list {codec.kind.replace('/', ' ')} in partition {partition}")
        return [raw for raw in found if not is_fence(str(_place(raw)))] if codec is DATA_GROUP else found

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

    def see(self, codec: Codec, raw: Wire, scene: Scene, designated: frozenset[str]) -> Seen:
        """An object of one of the partitions. designated: full paths of pools that we have members in."""
        path = Path(codec.kind, values.full_path(raw))
        if codec is DATA_GROUP and is_ledger(path.name):
            return Seen(path, (), codec.generation_of(raw), rows=ledger.rows(raw))
        objects = tuple(codec.objects(raw, scene))
        if codec is not POOL:
            return Seen(path, objects, codec.generation_of(raw))
        objects += (self._designated(raw, scene),) if path.name in designated else ()
        return Seen(path, objects, codec.generation_of(raw), _names(raw, scene))

    async def part(self, path: str, scene: Scene) -> Seen | None:
        """Our members in a pool that is elsewhere; None when there is no such pool."""
        raw = await self.one(POOL, path)
        if raw is None:
            return None
        with decoding():
            return Seen(Path(POOL.kind, path), (self._designated(raw, scene),), 0, _names(raw, scene))

    def _designated(self, raw: Wire, scene: Scene) -> DesignatedPool:
        path = values.full_path(raw)
        found = [members.decode(item, path, scene) for item in values.listed(raw.get("membersReference"))]
        ours = [m for m in found if m.mark is not None and m.mark.controller_id == self._controller_id]
        taken = frozenset(m.name for m in found if m not in ours)
        return DesignatedPool(path, ours[0].mark if ours else None, frozenset(ours), taken)


def is_monitor(codec: Codec) -> bool:
    """Whether a collection is one of monitors."""
    return codec.kind.startswith("ltm/monitor/")


def is_needed_first(codec: Codec) -> bool:
    """Whether others cannot be read before it is known what a collection has.

    Pools need the monitors, virtual servers those whose mark counts, files the ledger.
    """
    return is_monitor(codec) or codec.kind in _MARKED or codec is DATA_GROUP


def scene_of(domains: Mapping[str, int], first: Iterable[Seen]) -> Scene:
    """What has to be known to read the rest. first: what is needed first."""
    seen = [*first]
    return Scene(
        domains,
        {one.path.name: one.path for one in seen if one.path.kind.startswith("ltm/monitor/")},
        marks(obj for one in seen for obj in one.objects),
        {name: row for one in seen for name, row in one.rows.items()},
    )


def marks(objects: Iterable[LtmObject]) -> dict[Path, Mark]:
    """Whose those objects are of whom virtual servers need to know it."""
    return {obj.path: obj.mark for obj in objects if obj.mark is not None and obj.path.kind in _USED}


def _taken(raws: Iterable[msgspec.Raw], take: Callable[[msgspec.Raw], T]) -> list[T]:
    with decoding():
        return [take(raw) for raw in raws]


def _place(raw: msgspec.Raw) -> object:
    with decoding():
        return piece(raw).get("fullPath")


def _names(raw: Wire, scene: Scene) -> dict[str, str]:
    """The members of a pool whose name is not made of their address as we have it, for example with %0 in it."""
    found = {}
    pool = values.full_path(raw)
    for item in values.listed(raw.get("membersReference")):
        path = values.full_path(item, uri.split(pool)[0])
        if values.split_port(uri.split(path)[2])[0] == item.get("address"):
            continue
        called = members.path_of(members.decode(item, pool, scene), pool)
        if called != path:
            found[called] = path
    return found
