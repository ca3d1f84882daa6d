"""Whether profiles that objects name are on the BIG-IP: the device is asked when somebody names one.

One that is missing is looked for again, since an operator may make it any time. One that is there is not: it is in use
before long, and the device lets nobody delete what is in use.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from turnbuckle.drivers.base import DriverError
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.kinds.device_profile import ON_DEMAND, DeviceProfileSpec, path_of
from turnbuckle.model.ref import Event, Gone, Put, Ref, SourceObject
from turnbuckle.model.state import Path
from turnbuckle.sources.base import PutEvents
from turnbuckle.sources.pace import Pace

log = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""How long a start waits for the first answers."""

_ASKED_AGAIN_S = (2.0, 30.0)
"""After how long the device is asked again, at first and at most."""

Missing = Callable[[Collection[Path]], Awaitable[frozenset[Path]]]
"""See Driver.missing."""


class Profiles:
    """Answers what snapshots ask for. missing: asks the device."""

    name = "profiles"

    def __init__(self, missing: Missing) -> None:
        self._missing = missing
        self._demand: Mapping[Ref, frozenset[Ref]] = {}
        self._asked: frozenset[Ref] = frozenset()
        self._told: dict[Ref, bool] = {}
        self._news, self._pace = asyncio.Event(), Pace(*_ASKED_AGAIN_S)

    def asked(self, snapshot: Snapshot) -> None:
        """The newest snapshot."""
        if snapshot.demand is self._demand:
            return
        self._demand = snapshot.demand
        asked = frozenset(ref for ref in snapshot.demand if ref.kind == ON_DEMAND)
        if asked != self._asked:
            self._asked = asked
            self._news.set()

    async def first(self, snapshot: Snapshot) -> list[Event]:
        """The answers to what the first snapshot asks for, if they come soon."""
        self.asked(snapshot)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._look()
        except TimeoutError:
            return []

    async def run(self, put: PutEvents) -> None:
        """Answers until it is cancelled."""
        while True:
            await self._pause()
            if events := await self._look():
                await put(events)

    async def _pause(self) -> None:
        """Waits until others are asked for, or it is time to look for those that are not there."""
        waits = any(not self._told.get(ref, False) for ref in self._asked)
        try:
            async with asyncio.timeout(self._pace.pause_s() if waits else None):
                await self._news.wait()
            self._pace.reset()
        except TimeoutError:
            pass
        self._news.clear()

    async def _look(self) -> list[Event]:
        """What differs from what was told before; nothing of what the device does not answer."""
        events: list[Event] = [Gone(ref) for ref in self._told.keys() - self._asked]
        self._told = {ref: there for ref, there in self._told.items() if ref in self._asked}
        unsure = {path_of(ref): ref for ref in self._asked if not self._told.get(ref, False)}
        if not unsure:
            return events
        try:
            missing = await self._missing(unsure)
        except DriverError as error:
            log.debug("the device cannot be asked for profiles: %s", error)
            return events
        for path, ref in unsure.items():
            there = path not in missing
            if self._told.get(ref) is not there:
                self._told[ref] = there
                events.append(Put(SourceObject(ref, DeviceProfileSpec(there))))
        return events
