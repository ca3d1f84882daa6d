"""The controller: sources tell, the engine answers snapshots, the worker brings the device in line."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Protocol

from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Event, Grounds, Put, Ref, SourceObject
from turnbuckle.model.settings import SETTINGS, Settings
from turnbuckle.planner.freeze import Freeze
from turnbuckle.runtime.calendar import Calendar
from turnbuckle.runtime.device import DeviceWorker
from turnbuckle.runtime.latest import Latest
from turnbuckle.runtime.leader import Election
from turnbuckle.runtime.profiles import Profiles
from turnbuckle.runtime.report import Report
from turnbuckle.runtime.telling import Telling
from turnbuckle.sources.base import PutEvents, Source
from turnbuckle.sources.leases_desk import Desk, Leases
from turnbuckle.sources.leases_pools import NO_POOLS, Pools
from turnbuckle.sources.leases_range import RangeLeases
from turnbuckle.sources.names import Names, Resolver

log = logging.getLogger(__name__)

YOUNG_AT_ONCE = 20_000
"""So many new objects are made before the garbage collector looks at them; Python's own 700 are for small programs."""

AT_ONCE = 200
"""So many events are taken in without a pause: some 100 ms in the worst case."""


def snapshots() -> Latest[Snapshot]:
    """The slot between engine and worker; a worker that was busy finds what changed meanwhile in one snapshot."""
    return Latest(lambda unseen, newer: newer.after(unseen))


LeaseKeeper = Callable[[Desk, Callable[[], bool]], Leases]
"""Makes who answers for addresses, given who asks, and whether this process may grant what nobody has yet."""


def no_pools(desk: Desk, may_grant: Callable[[], bool]) -> Leases:
    """Nobody gets an address, and everybody who asks is told so."""
    return RangeLeases(NO_POOLS, desk, may_grant=may_grant)


class Answerer(Protocol):
    """Whoever knows objects that are made when a snapshot asks for them (see engine/demand.py)."""

    name: str

    def asked(self, snapshot: Snapshot) -> None:
        """The newest snapshot."""
        ...

    async def first(self, snapshot: Snapshot) -> Sequence[Event]:
        """The answers to what the first snapshot asks for, as far as they come soon."""
        ...

    async def run(self, put: PutEvents) -> None:
        """Answers until it is cancelled."""
        ...


class Controller:
    """One engine, its sources and one device."""

    def __init__(
        self,
        sources: Sequence[Source],
        worker: DeviceWorker,
        slot: Latest[Snapshot],
        report: Report,
        settings: Settings,
        telling: Telling | None = None,
        election: Election | None = None,
        keeper: LeaseKeeper = no_pools,
        resolver: Resolver | None = None,
    ) -> None:
        self._sources, self._worker, self._slot, self.report = sources, worker, slot, report
        self._inbox: asyncio.Queue[Sequence[Event]] = asyncio.Queue()
        self._engine = Engine(
            registry.kinds(), registry.composers(), [source.name for source in sources], registry.on_demand()
        )
        self.leases = keeper(Desk(self._engine.get, settings), lambda: worker.in_charge)
        names = [Names(resolver, self._engine.get)] if resolver is not None else []
        self._answerers: Sequence[Answerer] = (Profiles(worker.missing), *names)
        self._settings, self._calendar = settings, Calendar()
        self._telling, self._election = telling or Telling(), election
        report.place = self._place
        worker.confirm, worker.knows = self._confirm, self.leases.observed
        self._synced = asyncio.Event()

    @property
    def settings(self) -> Settings:
        """The settings that it was started with; the identities in them never change."""
        return self._settings

    def get(self, ref: Ref) -> SourceObject | None:
        """An object as its source told it last."""
        return self._engine.get(ref)

    async def run(self) -> None:
        """Works until it is cancelled; what is not saved on the device is saved then."""
        try:
            async with self._election or nullcontext(), asyncio.TaskGroup() as tasks:
                tasks.create_task(self._think(), name="engine")
                tasks.create_task(self._worker.run(), name="device")
                tasks.create_task(self._settle_memory(), name="memory")
                tasks.create_task(self._calendar.run(self._put), name="calendar")
                tasks.create_task(self._telling.run(), name="telling")
                tasks.create_task(self.leases.run(self._put), name=self.leases.name)
                for one in self._answerers:
                    tasks.create_task(one.run(self._put), name=one.name)
                if self._election is not None:
                    tasks.create_task(self._election.run(), name="election")
                for source in self._sources:
                    tasks.create_task(source.run(self._put), name=source.name)
        finally:
            await self._worker.finish()

    async def once(self, patience_s: float = 300.0) -> bool:
        """Synchronises once; whether the device is as it should be and nothing is wrong with any object."""
        running = asyncio.create_task(self.run())
        ends = [asyncio.create_task(event.wait()) for event in (self._worker.in_sync, self._worker.failed_for_good)]
        try:
            await asyncio.wait([running, *ends], timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                # It ends by itself only when a source or the engine fails, which whoever asked has to hear.
                await running
            return self._worker.in_sync.is_set() and self._worker.clean and not self.report.has_errors
        finally:
            for task in (running, *ends):
                task.cancel()
            await asyncio.gather(running, *ends, return_exceptions=True)

    async def reconfigure(self, settings: Settings, *, freeze: Freeze, allow_mass_delete: bool, pools: Pools) -> None:
        """Puts other settings in force; what depends on them is computed again."""
        self.brake(freeze=freeze, allow_mass_delete=allow_mass_delete)
        self.leases.configure(pools)
        await self._put([_fact(settings)])

    def brake(self, *, freeze: Freeze, allow_mass_delete: bool) -> None:
        """What the settings say must not be written, and whether much may go at once; Leases may add to it."""
        if self._election is not None:
            self._election.configured(freeze=freeze, allow_mass_delete=allow_mass_delete)
        else:
            self._worker.freeze(freeze)
            self._worker.allow_mass_delete(allow_mass_delete)

    def _place(self, issue: Issue) -> str:
        """Where the object of an issue stands, if it comes from a file."""
        obj = self._engine.get(issue.about)
        origin = obj.origin if obj is not None else None
        return f"{origin.file}:{origin.line_of(issue.field)}: " if origin is not None else ""

    async def _confirm(self) -> None:
        for source in self._sources:
            await source.confirm()

    async def _put(self, events: Sequence[Event]) -> None:
        self._telling.arrived(events)
        await self._inbox.put(events)

    async def _think(self) -> None:
        events: list[Event] = [_fact(self._settings), self._calendar.fact()]
        while True:
            snapshot = await self._ingest(events)
            self._telling.computed(snapshot, events)
            if snapshot.synced:
                snapshot = await self._answered(snapshot)
                self.leases.asked(snapshot)
                # Whoever has seen nothing before has everything to compare.
                self._slot.put(snapshot if self._synced.is_set() else replace(snapshot, changed=None))
                self._synced.set()
            gathered = list(await self._inbox.get())
            while not self._inbox.empty():
                gathered += self._inbox.get_nowait()
            events = gathered

    async def _answered(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the answers to what it asks for; only the first one waits for them."""
        for one in self._answerers:
            if self._synced.is_set():
                one.asked(snapshot)
            elif events := await one.first(snapshot):
                snapshot = (await self._ingest(events)).after(snapshot)
        return snapshot

    async def _ingest(self, events: Sequence[Event]) -> Snapshot:
        """The state after all of these events; in between, others have their turn, such as the renewal of a Lease."""
        snapshot = self._engine.ingest(events[:AT_ONCE])
        for start in range(AT_ONCE, len(events), AT_ONCE):
            await asyncio.sleep(0)
            snapshot = self._engine.ingest(events[start : start + AT_ONCE]).after(snapshot)
        return snapshot

    async def _settle_memory(self) -> None:
        """What is there after the first comparison stays: the garbage collector need not look at it again."""
        # While everything is new, collecting finds nothing and looks at all of it again and again.
        gc.set_threshold(YOUNG_AT_ONCE, 20, 50)
        await self._worker.in_sync.wait()
        gc.collect()
        gc.freeze()


def _fact(settings: Settings) -> Event:
    """The settings as the engine reads them. A controller has somebody who answers for profiles: see Profiles."""
    return Put(SourceObject(SETTINGS, replace(settings, profiles_asked_for=True)), Grounds.FILTER)
