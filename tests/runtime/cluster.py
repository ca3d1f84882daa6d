"""A cluster in memory that is written to, a clock that stands, and the parts that write."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from fakes.kubeapi import FakeKubeApi
from turnbuckle import registry
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Put, Ref, SourceObject
from turnbuckle.runtime.events import Announcer
from turnbuckle.runtime.manners import Manners
from turnbuckle.sources.kubernetes import Access, FixedLogin
from turnbuckle.sources.kubernetes.writing import ObjectWriter

KINDS = {kind.name: kind for kind in registry.kinds()}
WEB = Ref("", "ConfigMap", "default", "web")


class Clock:
    """Seconds that pass only when somebody sleeps, or a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def date(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now)


def config_map(name: str = "web", *, annotations: dict[str, str] | None = None, **labels: str) -> dict[str, Any]:
    """A ConfigMap for us, of which only the metadata matter here."""
    metadata = {"name": name, "namespace": "default", "labels": {"f5type": "virtual-server", **labels}}
    return {"kind": "ConfigMap", "metadata": {**metadata, "annotations": annotations or {}}, "data": {}}


class Written:
    """A cluster that is written to. issues: those in force."""

    def __init__(self, api: FakeKubeApi, writer: ObjectWriter, clock: Clock) -> None:
        self.api, self.writer, self.clock = api, writer, clock
        self.issues: list[Issue] = []
        self.leads = True
        self.known: dict[Ref, SourceObject] = {}

    def put(self, raw: dict[str, Any]) -> SourceObject:
        """An object in the cluster, which its source has told."""
        event = KINDS[raw["kind"]].decode(self.api.put(raw))
        assert isinstance(event, Put)
        self.known[event.obj.ref] = event.obj
        return event.obj

    def object(self, ref: Ref) -> SourceObject | None:
        return self.known.get(ref)

    def leading(self) -> bool:
        return self.leads

    def manners(self) -> Manners:
        return Manners("things", clock=self.clock, sleep=self.clock.sleep)

    def announcer(self, lease: Ref | None = None) -> Announcer:
        """One that remembers nothing."""
        resources = {name: kind.resource for name, kind in KINDS.items()}
        return Announcer(
            self.writer,
            resources,
            self.object,
            lambda: self.issues,
            self.leading,
            lease=lease,
            manners=self.manners(),
            clock=self.clock,
            date=self.clock.date,
        )

    def all(self, kind: str) -> list[dict[str, Any]]:
        """The objects of a kind that the server has, in the order in which they came."""
        served = next(one for one in self.api.kinds.values() if one.kind == kind)
        return sorted(self.api._objects[served].values(), key=lambda raw: int(raw["metadata"]["resourceVersion"]))

    def events(self) -> list[dict[str, Any]]:
        return self.all("Event")


@contextlib.asynccontextmanager
async def written() -> AsyncIterator[Written]:
    """A cluster with nothing in it."""
    api = FakeKubeApi()
    url = await api.start()
    try:
        async with ObjectWriter(FixedLogin(Access(url))) as writer:
            yield Written(api, writer, Clock())
    finally:
        await api.stop()
