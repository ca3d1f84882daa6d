"""What every source is, and how one object becomes one event whatever its decoder does."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from turnbuckle.engine.protocol import Kind
from turnbuckle.model.issue import program_fault
from turnbuckle.model.ref import Event, Flawed, Ref

log = logging.getLogger(__name__)

PutEvents = Callable[[Sequence[Event]], Awaitable[None]]
"""Takes what has happened, oldest first; a source waits for it before it reads on."""


class Source(Protocol):
    """Something that knows objects and tells when they change."""

    name: str

    async def run(self, put: PutEvents) -> None:
        """Tells events until it is cancelled.

        Must put Synced(name) after everything that was there at the start. Must not tell that an object
        is gone because it could not be read.
        """
        ...

    async def confirm(self) -> None:
        """Lists everything anew, tells what differs, then Synced(name) again; returns at once, the list follows.

        Somebody is about to remove a lot on the grounds of what was told, and wants to hear it a second time.
        """
        ...


def decoded(kind: Kind, raw: Mapping[str, Any], ref: Ref) -> Event:
    """What a kind makes of an object; a decoder that fails concerns this object only."""
    try:
        return kind.decode(raw)
    except Exception as error:
        log.debug("decoding %s failed", ref, exc_info=True)
        return Flawed(ref, (program_fault(ref, f"{type(error).__name__}: {error}"),))
