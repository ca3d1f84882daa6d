"""A cluster as a source: what is to be read from it, found out at the start and again from time to time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from turnbuckle.engine.protocol import Kind, Resource
from turnbuckle.model.ref import Event, Gone, Put, Ref, SourceObject
from turnbuckle.sources.base import PutEvents
from turnbuckle.sources.kubernetes.connection import Connection
from turnbuckle.sources.kubernetes.discovery import Streams, served
from turnbuckle.sources.kubernetes.errors import KubernetesError
from turnbuckle.sources.kubernetes.login import Login
from turnbuckle.sources.kubernetes.reflector import KindHealth
from turnbuckle.sources.kubernetes.roster import EVERYWHERE, Roster
from turnbuckle.sources.kubernetes.timing import Backoff, Timing

log = logging.getLogger(__name__)


class _Meta(msgspec.Struct):
    uid: str


class _Object(msgspec.Struct):
    metadata: _Meta


class KubernetesSource:
    """Objects of one cluster.

    namespaces: read these only. namespace_label: a label selector; read the namespaces that bear it, followed
    live. With neither, all namespaces are read. Kinds without namespaces are read in any case. connect: makes the
    connections.
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
        connect: Callable[[Login, Timing], Connection] = Connection,
    ) -> None:
        if namespaces and namespace_label:
            raise ValueError("namespaces and namespace_label exclude each other")
        self.name = name
        self._kinds = tuple(kinds)
        self._login = login
        self._namespaces = tuple(dict.fromkeys(namespaces))
        self._namespace_label = namespace_label
        self._timing = timing or Timing()
        self._connect = connect
        self._roster: Roster | None = None
        self._made_at = time.monotonic()
        self._trouble = ""

    async def cluster_id(self) -> str:
        """What tells this cluster from all others: the UID of the namespace kube-system.

        Raises:
            KubernetesError: it could not be read.
        """
        async with self._connect(self._login, self._timing) as connection:
            return (await connection.get("/api/v1/namespaces/kube-system", {}, _Object)).metadata.uid

    async def run(self, put: PutEvents) -> None:
        """Tells everything that is there, then Synced, then what changes, until it is cancelled."""
        async with self._connect(self._login, self._timing) as connection:
            streams = Streams()
            kinds = await self._served(connection, streams)
            async with asyncio.TaskGroup() as tasks:
                roster = self._roster = Roster(tasks, connection, put, self.name, self._timing)
                roster.serve(kinds)
                if self._namespace_label:
                    roster.follow(_Namespaces(self._namespace_label), _Follower(roster).take)
                else:
                    for namespace in self._namespaces or (EVERYWHERE,):
                        roster.enter(namespace)
                await roster.begun()
                await self._look_again(connection, streams, roster)

    async def confirm(self) -> None:
        """See Source.confirm. Before the first Synced there is nothing to confirm."""
        if self._roster is not None:
            await self._roster.confirm()

    def health(self) -> tuple[KindHealth, ...]:
        """How well each kind is read, in each namespace that is read by itself."""
        if self._roster is not None:
            return self._roster.health()
        lag_s = time.monotonic() - self._made_at
        return tuple(KindHealth(kind.name, EVERYWHERE, lag_s=lag_s, trouble=self._trouble) for kind in self._kinds)

    async def _served(self, connection: Connection, streams: Streams) -> tuple[Kind, ...]:
        """The kinds that the server has, asked until it tells."""
        backoff = Backoff(self._timing)
        while True:
            try:
                kinds = await served(connection, self._kinds)
                await streams.learn(connection)
                self._trouble = ""
                return kinds
            except KubernetesError as error:
                if str(error) != self._trouble:
                    self._trouble = str(error)
                    log.error("the cluster cannot be asked which kinds it has: %s", error)
                await asyncio.sleep(backoff.failed(error.retry_after_s))

    async def _look_again(self, connection: Connection, streams: Streams, roster: Roster) -> None:
        """Asks from time to time, and when a kind is missing, which kinds there are: servers are upgraded."""
        while True:
            try:
                await asyncio.wait_for(roster.doubtful.wait(), self._timing.rediscover_s)
            except TimeoutError:
                pass
            roster.doubtful.clear()
            roster.serve(await self._served(connection, streams))


class _Follower:
    """Reads namespaces as they come and go. One that could not be read has not gone."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    async def take(self, events: Sequence[Event]) -> None:
        """Takes what is told about namespaces."""
        for event in events:
            if isinstance(event, Put):
                self._roster.enter(event.obj.ref.name)
            elif isinstance(event, Gone):
                await self._roster.leave(event.ref.name, event.grounds)


class _Namespaces:
    """Namespaces that bear a label, as a kind of which only the names matter."""

    name = "Namespace"

    def __init__(self, selector: str) -> None:
        self.resource = Resource("", "v1", "namespaces", namespaced=False, selector=selector)

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The name."""
        return Put(SourceObject(Ref("", self.name, "", str(raw["metadata"]["name"])), None))
