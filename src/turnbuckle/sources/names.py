"""Addresses of hosts as objects: what is asked for is looked up, and looked up again before the answer is too old.

An address stays as long as it is among the answers, so that a name with several, which servers tell in another order
each time, moves nobody. After a restart it is the one that the status of whoever asks has. A name that cannot be looked
up any more keeps its address: a server that does not answer takes nothing away.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.kinds.host_address import ON_DEMAND, HostAddressSpec
from turnbuckle.kinds.lease import Addressed
from turnbuckle.model.ref import Event, Gone, Put, Ref, SourceObject
from turnbuckle.sources.base import PutEvents
from turnbuckle.sources.pace import Pace

AT_ONCE = 16
"""So many names are looked up at the same time."""

AGE_S = (5.0, 300.0)
"""How old an answer gets at least and at most, whatever the server says."""

PATIENCE_S = 5.0
"""How long a start waits for the first answers."""

_TRIED_AGAIN_S = (2.0, 60.0)
"""After how long a name that could not be looked up is tried again, at first and at most."""


class NotFound(Exception):
    """A name has no address, or nobody answers; the text is a clause."""


@dataclass(frozen=True, slots=True)
class Found:
    """The addresses of a name, in any order, and how long that holds."""

    addresses: tuple[str, ...]
    ttl_s: float


class Resolver(Protocol):
    """Whoever knows the addresses of names."""

    async def look_up(self, name: str) -> Found:
        """The addresses of a name. Raises NotFound."""
        ...


@dataclass(slots=True)
class _Name:
    """What is known of a name. told: what was said about it last; due_at: when it is looked up next."""

    host: str
    spec: HostAddressSpec = field(default_factory=HostAddressSpec)
    told: HostAddressSpec | None = None
    due_at: float = 0.0
    pace: Pace = field(default_factory=lambda: Pace(*_TRIED_AGAIN_S))
    roots: frozenset[Ref] = field(default_factory=frozenset)


class Names:
    """Answers what snapshots ask for. objects: an object as it is now; clock: seconds."""

    name = "names"

    def __init__(
        self,
        resolver: Resolver,
        objects: Callable[[Ref], SourceObject | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver, self._objects, self._clock = resolver, objects, clock
        self._demand: Mapping[Ref, frozenset[Ref]] = {}
        self._names: dict[Ref, _Name] = {}
        self._gone: list[Ref] = []
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._news = asyncio.Event()

    def asked(self, snapshot: Snapshot) -> None:
        """The newest snapshot."""
        if snapshot.demand is self._demand:
            return
        self._demand = snapshot.demand
        wanted = {ref: roots for ref, roots in snapshot.demand.items() if ref.kind == ON_DEMAND}
        if wanted.keys() != self._names.keys():
            self._news.set()
        self._gone += [ref for ref, one in self._names.items() if ref not in wanted and one.told is not None]
        self._names = {ref: self._names.get(ref) or _Name(ref.name) for ref in wanted}
        for ref, roots in wanted.items():
            self._names[ref].roots = roots

    async def first(self, snapshot: Snapshot) -> list[Event]:
        """The answers to what the first snapshot asks for, as far as they come soon."""
        self.asked(snapshot)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._look()
        except TimeoutError:
            pass
        return self._events()

    async def run(self, put: PutEvents) -> None:
        """Answers until it is cancelled."""
        while True:
            await self._pause()
            await self._look()
            if events := self._events():
                await put(events)

    async def _pause(self) -> None:
        """Waits until a name is due, or other names are asked for."""
        due_at = min((one.due_at for one in self._names.values()), default=None)
        try:
            async with asyncio.timeout(None if due_at is None else max(0.0, due_at - self._clock())):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    async def _look(self) -> None:
        now = self._clock()
        async with asyncio.TaskGroup() as tasks:
            for one in list(self._names.values()):
                if one.due_at <= now:
                    tasks.create_task(self._look_up(one))

    async def _look_up(self, one: _Name) -> None:
        try:
            async with self._turns:
                found = await self._resolver.look_up(one.host)
            address = _chosen(found.addresses, (one.spec.address, *self._told(one)))
        except NotFound as error:
            one.spec = replace(one.spec, trouble=str(error))
            one.due_at = self._clock() + one.pace.pause_s()
        else:
            one.pace.reset()
            one.spec = HostAddressSpec(address)
            one.due_at = self._clock() + min(max(found.ttl_s, AGE_S[0]), AGE_S[1])

    def _events(self) -> list[Event]:
        """What differs from what was told before."""
        gone, self._gone = self._gone, []
        events: list[Event] = [Gone(ref) for ref in gone if ref not in self._names]
        for ref, one in self._names.items():
            if one.spec not in (one.told, HostAddressSpec()):
                one.told = one.spec
                events.append(Put(SourceObject(ref, one.spec)))
        return events

    def _told(self, one: _Name) -> Iterable[str]:
        """The addresses that the status of whoever asks has."""
        for root in sorted(one.roots):
            obj = self._objects(root)
            if obj is not None and isinstance(obj.spec, Addressed):
                yield from obj.spec.addresses


def _chosen(addresses: Iterable[str], before: Iterable[str]) -> str:
    """The address to use: one that was used before if it still is one of them, else the lowest, IPv4 first.

    Raises:
        NotFound: none is one that a virtual server could have.
    """
    usable = sorted(filter(_is_usable, map(ipaddress.ip_address, addresses)), key=lambda one: (one.version, int(one)))
    texts = [str(one) for one in usable]
    if not texts:
        raise NotFound("it has no address that a virtual server could have")
    return next((one for one in before if one in texts), texts[0])


def _is_usable(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return not (address.is_unspecified or address.is_loopback or address.is_link_local or address.is_multicast)
