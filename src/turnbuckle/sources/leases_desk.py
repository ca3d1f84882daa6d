"""What every keeper of addresses works from: who asks for which lease, what the device has, what was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.kinds.lease import ON_DEMAND, Addressed, Family, LeaseSpec, asked
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.ref import Event, Gone, Put, Ref, SourceObject
from turnbuckle.model.settings import Settings
from turnbuckle.model.state import State
from turnbuckle.sources.base import PutEvents
from turnbuckle.sources.leases_book import Request, Uses
from turnbuckle.sources.leases_pools import Pools, number_of

LOOK_S = 2.0
"""How often it is looked again while somebody lacks an address, or was not yet seen where it should be."""


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How much of a pool is in use; `used` counts what is granted and what listens on the device."""

    pool: str
    family: Family
    size: int
    used: int


class Leases(Protocol):
    """Who answers what snapshots ask for. It is no source that the first synchronisation waits for: whoever waits for
    a lease keeps meanwhile what it had.
    """

    name: str

    def asked(self, snapshot: Snapshot) -> None:
        """The newest snapshot; every source has told everything."""
        ...

    def observed(self, state: State) -> None:
        """What the device has, each time that it is known."""
        ...

    def configure(self, pools: Pools) -> None:
        """Other ranges are in force."""
        ...

    async def run(self, put: PutEvents) -> None:
        """Answers until it is cancelled."""
        ...

    def usage(self) -> Iterable[PoolUse]:
        """How much of each pool is in use."""
        ...


class Desk:
    """objects: an object as it is now. settings: whose marks are ours.

    news: set when somebody asks for something else, and when the device has been read for the first time.
    """

    def __init__(self, objects: Callable[[Ref], SourceObject | None], settings: Settings) -> None:
        self._objects, self._ids = objects, (settings.controller_id, settings.cluster_id)
        self._all_demand: Mapping[Ref, frozenset[Ref]] = {}
        self.demand: Mapping[Ref, frozenset[Ref]] = {}
        self._desired = State()
        self._device: State | None = None
        self._answers: Mapping[Ref, LeaseSpec] = {}
        self.news = asyncio.Event()

    @property
    def knows_the_device(self) -> bool:
        """Whether the device was read."""
        return self._device is not None

    def asked(self, snapshot: Snapshot) -> None:
        """See Leases.asked."""
        self._desired = snapshot.desired
        if snapshot.demand is self._all_demand:
            return
        self._all_demand = snapshot.demand
        self.demand = {ref: roots for ref, roots in snapshot.demand.items() if ref.kind == ON_DEMAND}
        self.news.set()

    def observed(self, state: State) -> None:
        """See Leases.observed."""
        if self._device is None:
            self.news.set()
        self._device = state

    async def pause(self, timeout_s: float | None) -> None:
        """Waits for news, or until the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.news.wait()
        except TimeoutError:
            pass
        self.news.clear()

    def requests(self) -> list[Request]:
        """Everybody who asks."""
        return [self._request(ref, roots) for ref, roots in self.demand.items()]

    def uses(self) -> Uses:
        """Who uses which address."""
        at: dict[str, frozenset[str]] = {}
        for address, servers in _addresses(self._device or State()).items():
            at[address] = frozenset(map(self._owner, servers))
        return Uses(at, {address: frozenset[str]() for address in _addresses(self._desired)})

    def answered(self, answers: Mapping[Ref, LeaseSpec]) -> list[Event]:
        """What is to be told of the answers that are in force now."""
        before, self._answers = self._answers, answers
        events: list[Event] = [Put(SourceObject(ref, one)) for ref, one in answers.items() if before.get(ref) != one]
        return [*events, *(Gone(ref) for ref in before if ref not in answers)]

    def usage(self, pools: Pools, granted: Iterable[str]) -> Iterable[PoolUse]:
        """How much of each pool is in use."""
        in_use = {*granted, *_addresses(self._device or State())}
        for label, pool in pools.items():
            for family in pool.spans:
                used = sum(number_of(one)[1] == family and pool.has(one) for one in in_use)
                yield PoolUse(label, family, pool.size(family), used)

    def _request(self, ref: Ref, roots: frozenset[Ref]) -> Request:
        told = tuple(address for root in sorted(roots) for address in self._told(root))
        return Request(asked(ref), frozenset(map(str, roots)), told)

    def _told(self, root: Ref) -> tuple[str, ...]:
        """The addresses that the status of an object has."""
        obj = self._objects(root)
        return obj.spec.addresses if obj is not None and isinstance(obj.spec, Addressed) else ()

    def _owner(self, server: VirtualServer) -> str:
        """Whose virtual server it is; empty where it is not ours."""
        mark = server.mark
        return mark.owner if mark is not None and (mark.controller_id, mark.cluster_id) == self._ids else ""


def _addresses(state: State) -> Mapping[str, list[VirtualServer]]:
    """The virtual servers at each address; those that listen on every address are at none."""
    found: dict[str, list[VirtualServer]] = {}
    for obj in state.values():
        if isinstance(obj, VirtualServer):
            try:
                number_of(obj.destination_address)
            except ValueError:
                continue
            found.setdefault(obj.destination_address, []).append(obj)
    return found
