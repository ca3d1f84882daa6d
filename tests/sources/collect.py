"""Plain kinds, and a reader of events to wait on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from patience import PATIENCE_S
from turnbuckle.engine.protocol import Resource
from turnbuckle.model.ref import Event, Flawed, Gone, Put, Ref, SourceObject, Synced
from turnbuckle.sources.base import Source


class PlainKind:
    """Keeps the data of an object as text; data "crash" makes the decoder fail, the label hidden=yes makes it Gone."""

    def __init__(self, name: str, resource: Resource) -> None:
        self.name = name
        self.resource = resource

    def decode(self, raw: Mapping[str, Any]) -> Event:
        metadata = raw["metadata"]
        ref = Ref("", self.name, metadata.get("namespace", ""), metadata["name"])
        if raw.get("data") == "crash":
            raise KeyError("crash")
        if (metadata.get("labels") or {}).get("hidden") == "yes":
            return Gone(ref)
        return Put(SourceObject(ref, str(raw.get("data", ""))))


CONFIG_MAPS = PlainKind("ConfigMap", Resource("", "v1", "configmaps", selector="f5type in (virtual-server)"))
SERVICES = PlainKind("Service", Resource("", "v1", "services"))
ENDPOINTS = PlainKind("Endpoints", Resource("", "v1", "endpoints"))
SLICES = PlainKind("EndpointSlice", Resource("discovery.k8s.io", "v1", "endpointslices"))
NODES = PlainKind("Node", Resource("", "v1", "nodes", namespaced=False))


def service(name: str, data: Any = "", namespace: str = "default", **labels: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "data": data}


class Reader:
    """Everything that a source put, batch by batch, and what is there in the end."""

    def __init__(self) -> None:
        self.batches: list[list[Event]] = []
        self.objects: dict[str, str] = {}
        self.source: Any = None
        self.task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def put(self, events: Sequence[Event]) -> None:
        self.batches.append(list(events))
        for event in events:
            if isinstance(event, Put):
                self.objects[str(event.obj.ref)] = event.obj.spec
            elif isinstance(event, Gone):
                self.objects.pop(str(event.ref), None)
        self._news.set()

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]

    @property
    def synced(self) -> int:
        return sum(isinstance(event, Synced) for event in self.events)

    @property
    def gone(self) -> list[str]:
        return [str(event.ref) for event in self.events if isinstance(event, Gone)]

    @property
    def flawed(self) -> list[Flawed]:
        return [event for event in self.events if isinstance(event, Flawed)]

    async def until(self, what: Callable[[], object], seconds: float = PATIENCE_S) -> None:
        """Waits until something is so; fails after a time that no healthy run needs."""
        async with asyncio.timeout(seconds):
            while not what():
                if self.task is not None and self.task.done():
                    self.task.result()
                self._news.clear()
                try:
                    await asyncio.wait_for(self._news.wait(), 0.02)
                except TimeoutError:
                    pass


@asynccontextmanager
async def reading(source: Source) -> AsyncIterator[Reader]:
    """A source that runs, and what it tells."""
    reader = Reader()
    reader.source = source
    task = reader.task = asyncio.create_task(source.run(reader.put))
    try:
        yield reader
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
