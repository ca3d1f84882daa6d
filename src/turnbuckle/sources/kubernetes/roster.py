"""Which reflectors run: one for each kind in each place that is read; and whether all have told everything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from turnbuckle.engine.protocol import Kind
from turnbuckle.model.ref import Gone, Grounds, Synced
from turnbuckle.sources.base import PutEvents
from turnbuckle.sources.kubernetes.connection import Connection
from turnbuckle.sources.kubernetes.discovery import twins
from turnbuckle.sources.kubernetes.reflector import KindHealth, Reflector
from turnbuckle.sources.kubernetes.timing import Timing

EVERYWHERE = ""
"""The place of kinds without namespaces, and of all namespaces together."""


class Roster:
    """The reflectors of one cluster, each in a task of its own.

    doubtful: set when a server does not know a kind any more, so that it is worth asking what it has.
    """

    def __init__(
        self, tasks: asyncio.TaskGroup, connection: Connection, put: PutEvents, name: str, timing: Timing
    ) -> None:
        self._tasks = tasks
        self._connection = connection
        self._put = put
        self._name = name
        self._timing = timing
        self._kinds: tuple[Kind, ...] = ()
        self._places: dict[str, None] = {}
        self._running: dict[Reflector, asyncio.Task[None]] = {}
        self._owing: set[Reflector] = set()
        self._told = False
        self._complete = False
        self.doubtful = asyncio.Event()

    # ---- what is read

    def serve(self, kinds: Sequence[Kind]) -> None:
        """Reads these kinds from now on, in every place.

        A kind that is read already and is not among them goes on: a server that does not know it has not said that
        its objects are gone. Only where another form of it is read now it ends, as soon as that has told everything.
        """
        self._kinds = tuple(kinds)
        for kind in kinds:
            for place in (*self._places,) if kind.resource.namespaced else (EVERYWHERE,):
                self._expect(kind, place)

    def enter(self, place: str) -> None:
        """Reads the kinds that have namespaces in one more namespace, or everywhere."""
        self._places[place] = None
        for kind in self._kinds:
            if kind.resource.namespaced:
                self._expect(kind, place)

    async def leave(self, place: str, grounds: Grounds) -> None:
        """Reads a namespace no longer; what was told of it is gone."""
        if place in self._places:
            del self._places[place]
            leaving = [one for one in self._running if one.namespace == place and one.kind.resource.namespaced]
            await self._dismiss(leaving, grounds)
            await self._check()

    def follow(self, kind: Kind, put: PutEvents) -> None:
        """Reads a kind for somebody else."""
        self._start(Reflector(kind, EVERYWHERE, self._connection, put, self, self._timing))

    async def begun(self) -> None:
        """All reflectors that are needed at the start are expected by now."""
        self._complete = True
        await self._check()

    async def confirm(self) -> None:
        """Has every reflector list anew, and Synced told after that; while that goes on nothing more is begun."""
        if self._told:
            self._told = False
            self._owing.update(self._running)
            for reflector in self._running:
                reflector.confirm()
            await self._check()

    def health(self) -> tuple[KindHealth, ...]:
        """How well each kind is read."""
        return tuple(reflector.health() for reflector in self._running)

    # ---- what reflectors say

    async def listed(self, reflector: Reflector) -> None:
        """See Owner.listed."""
        self._owing.discard(reflector)
        kind = reflector.kind
        if kind in self._kinds:
            former = [
                one
                for one in self._running
                if one.namespace == reflector.namespace and twins(one.kind.resource, kind.resource)
            ]
            await self._dismiss(former, Grounds.LISTED)
        await self._check()

    def missing(self) -> None:
        """See Owner.missing."""
        self.doubtful.set()

    # ---- reflectors

    def _expect(self, kind: Kind, place: str) -> None:
        if not any(one.kind is kind and one.namespace == place for one in self._running):
            self._start(Reflector(kind, place, self._connection, self._put, self, self._timing))

    def _start(self, reflector: Reflector) -> None:
        self._owing.add(reflector)
        self._running[reflector] = self._tasks.create_task(reflector.run(), name=f"reflector {reflector}")

    async def _dismiss(self, leaving: Sequence[Reflector], grounds: Grounds) -> None:
        """Ends reflectors; what they told is gone."""
        ending = [self._running.pop(reflector) for reflector in leaving]
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending)
        self._owing.difference_update(leaving)
        gone = [Gone(ref, grounds) for reflector in leaving for ref in reflector.known()]
        if gone:
            await self._put(gone)

    async def _check(self) -> None:
        if self._complete and not self._owing and not self._told:
            self._told = True
            await self._put([Synced(self._name)])
