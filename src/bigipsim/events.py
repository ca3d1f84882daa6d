"""Decides what those who watch a simulated device are told: committed changes, health, faults, outages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Final

from bigipsim.box import Box
from bigipsim.faults import Armed
from bigipsim.objects.model import Change, Item

WAITING_EVENTS: Final = 10_000
Event = tuple[str, Any]


class Events:
    """Hands out what happens in one device to everybody who listens."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._listeners: set[asyncio.Queue[Event | None]] = set()
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Follows the device from now on."""
        self._undo = [
            self._box.tree.subscribe(self._changed),
            self._box.runtime.watch(self._health),
            self._box.faults.watch(self._fault),
        ]

    def stop(self) -> None:
        """Follows it no longer, and ends every stream."""
        for undo in self._undo:
            undo()
        self._undo.clear()
        self.end_streams()

    def end_streams(self) -> None:
        """Ends every stream that is open; new ones may be opened."""
        for queue in tuple(self._listeners):
            self._end(queue)

    def tell(self, name: str, value: Any) -> None:
        """Sends one event to everybody; who has left thousands unread is cut off."""
        for queue in tuple(self._listeners):
            if queue.qsize() >= WAITING_EVENTS:
                self._end(queue)
            else:
                queue.put_nowait((name, value))

    async def stream(self) -> AsyncGenerator[Event, None]:
        """Events from now on, until the device stops."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._listeners.discard(queue)

    def _end(self, queue: asyncio.Queue[Event | None]) -> None:
        self._listeners.discard(queue)
        queue.put_nowait(None)

    def _changed(self, changes: Sequence[Change]) -> None:
        if self._listeners and changes:
            self.tell("changes", [described(change) for change in changes])

    def _health(self, pool: str, member: str, before: str, after: str) -> None:
        self.tell("member", {"pool": pool, "member": member, "before": before, "after": after})

    def _fault(self, what: str, armed: Armed, request: str) -> None:
        self.tell("fault", {"what": what, "number": armed.number, "kind": armed.fault.kind, "request": request})


def described(change: Change) -> dict[str, Any]:
    """A change as JSON: the verb, the collection, the full path, and the names of the fields that differ."""
    before, after = change.before, change.after
    verb = "CREATE" if before is None else "DELETE" if after is None else "UPDATE"
    fields = sorted(_differing(before, after)) if before is not None and after is not None else []
    return {"verb": verb, "kind": change.kind, "path": change.path, "fields": fields}


def _differing(before: Item, after: Item) -> set[str]:
    names = before.values.keys() | after.values.keys()
    found = {name for name in names if before.values.get(name) != after.values.get(name)}
    children = before.children.keys() | after.children.keys()
    return found | {name for name in children if before.children.get(name) != after.children.get(name)}
