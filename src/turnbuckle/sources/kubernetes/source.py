"""A cluster as a source: a reflector for each kind and namespace, and when all have told everything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from turnbuckle.engine.protocol import Kind, Resource
from turnbuckle.model.ref import Event, Gone, Put, Ref, SourceObject, Synced
from turnbuckle.sources.base import PutEvents
from turnbuckle.sources.kubernetes.connection import Connection
from turnbuckle.sources.kubernetes.discovery import served
from turnbuckle.sources.kubernetes.errors import KubernetesError
from turnbuckle.sources.kubernetes.login import Login
from turnbuckle.sources.kubernetes.reflector import Reflector
from turnbuckle.sources.kubernetes.timing import Backoff, Timing

log = logging.getLogger(__name__)


class _Meta(msgspec.Struct):
    uid: str


class _Object(msgspec.Struct):
    metadata: _Meta


class KubernetesSource:
    """Objects of one cluster.

    namespaces: read these only. namespace_label: a label selector; read the namespaces that bear it, followed
    live. With neither, all namespaces are read. Kinds without namespaces are read in any case.
    """

    def __init__(
        self,
        kinds: Sequence[Kind],
        login: Login,
        *,
        namespaces: Sequence[str] = (),
        namespace_label: str = "",
        timing: Timing | None = None,
        name: str = "kubernetes",
    ) -> None:
        if namespaces and namespace_label:
            raise ValueError("namespaces and namespace_label exclude each other")
        self.name = name
        self._kinds = tuple(kinds)
        self._login = login
        self._namespaces = tuple(dict.fromkeys(namespaces))
        self._namespace_label = namespace_label
        self._timing = timing or Timing()

    async def cluster_id(self) -> str:
        """What tells this cluster from all others: the UID of the namespace kube-system.

        Raises:
            KubernetesError: it could not be read.
        """
        async with Connection(self._login, self._timing) as connection:
            return (await connection.get("/api/v1/namespaces/kube-system", {}, _Object)).metadata.uid

    async def run(self, put: PutEvents) -> None:
        """Tells everything that is there, then Synced, then what changes, until it is cancelled."""
        async with Connection(self._login, self._timing) as connection:
            kinds = await self._served(connection)
            async with asyncio.TaskGroup() as tasks:
                roster = _Roster(tasks, connection, put, self.name, self._timing)
                everywhere = [kind for kind in kinds if not kind.resource.namespaced]
                inside = [kind for kind in kinds if kind.resource.namespaced]
                roster.expect(everywhere, "")
                if self._namespace_label:
                    follower = _Follower(roster, inside)
                    roster.expect([_Namespaces(self._namespace_label)], "", follower.take)
                else:
                    for namespace in self._namespaces or ("",):
                        roster.expect(inside, namespace)
                await roster.begun()

    async def _served(self, connection: Connection) -> tuple[Kind, ...]:
        backoff = Backoff(self._timing)
        trouble = ""
        while True:
            try:
                return await served(connection, self._kinds)
            except KubernetesError as error:
                if str(error) != trouble:
                    trouble = str(error)
                    log.error("the cluster cannot be read yet: %s", error)
                await asyncio.sleep(backoff.failed(error.retry_after_s))


class _Roster:
    """The reflectors that run, and which of them still owe their first list."""

    def __init__(
        self, tasks: asyncio.TaskGroup, connection: Connection, put: PutEvents, name: str, timing: Timing
    ) -> None:
        self._tasks = tasks
        self._connection = connection
        self._timing = timing
        self._name = name
        self._running: dict[Reflector, asyncio.Task[None]] = {}
        self._owing: set[Reflector] = set()
        self._synced = False
        self._complete = False
        self.put = put

    def expect(self, kinds: Sequence[Kind], namespace: str, put: PutEvents | None = None) -> None:
        """Starts a reflector for each kind."""
        for kind in kinds:
            reflector = Reflector(kind, namespace, self._connection, put or self.put, self._listed, self._timing)
            self._owing.add(reflector)
            self._running[reflector] = self._tasks.create_task(reflector.run(), name=f"reflector {reflector}")

    async def dismiss(self, namespace: str) -> None:
        """Ends the reflectors of a namespace; what they told is gone."""
        leaving = [reflector for reflector in self._running if reflector.namespace == namespace]
        ending = [self._running.pop(reflector) for reflector in leaving]
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending)
        self._owing.difference_update(leaving)
        gone = [Gone(ref) for reflector in leaving for ref in reflector.known()]
        if gone:
            await self.put(gone)
        await self._check()

    async def begun(self) -> None:
        """All reflectors that are needed at the start are expected by now."""
        self._complete = True
        await self._check()

    async def _listed(self, reflector: Reflector) -> None:
        self._owing.discard(reflector)
        await self._check()

    async def _check(self) -> None:
        if self._complete and not self._owing and not self._synced:
            self._synced = True
            await self.put([Synced(self._name)])


class _Follower:
    """Starts and ends reflectors as namespaces come and go. One that could not be read has not gone."""

    def __init__(self, roster: _Roster, kinds: Sequence[Kind]) -> None:
        self._roster = roster
        self._kinds = tuple(kinds)
        self._followed: set[str] = set()

    async def take(self, events: Sequence[Event]) -> None:
        """Takes what is told about namespaces."""
        for event in events:
            if isinstance(event, Put) and event.obj.ref.name not in self._followed:
                self._followed.add(event.obj.ref.name)
                self._roster.expect(self._kinds, event.obj.ref.name)
            elif isinstance(event, Gone) and event.ref.name in self._followed:
                self._followed.remove(event.ref.name)
                await self._roster.dismiss(event.ref.name)


class _Namespaces:
    """Namespaces that bear a label, as a kind of which only the names matter."""

    name = "Namespace"

    def __init__(self, selector: str) -> None:
        self.resource = Resource("", "v1", "namespaces", namespaced=False, selector=selector)

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The name."""
        return Put(SourceObject(Ref("", self.name, "", str(raw["metadata"]["name"])), None))
