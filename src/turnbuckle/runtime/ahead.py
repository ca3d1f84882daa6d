"""Reading a device while the sources are still telling what they have: at a start, neither needs the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from turnbuckle.drivers.base import DriverError, Unauthorized
from turnbuckle.model.state import State

KEEPS_S = 30.0
"""How long after its beginning a reading counts; after that somebody may have changed too much."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A device as it was read. at: when the reading began, in seconds of the clock."""

    state: State
    at: float


class ReadAhead:
    """One state of a device, read before it is asked for. clock: seconds that only grow."""

    def __init__(self, read: Callable[[], Awaitable[State]], clock: Callable[[], float]) -> None:
        self._read, self._clock = read, clock
        self._reading: asyncio.Task[Seen] | None = None

    def begin(self) -> None:
        """Begins to read; what was read before counts no more."""
        self.drop()
        self._reading = asyncio.create_task(self._seen(self._clock()), name="read ahead")

    def drop(self) -> None:
        """Ends a reading that nobody will ask for."""
        if self._reading is not None:
            self._reading.cancel()
            # Whatever it failed with is nobody's business any more.
            self._reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._reading = None

    async def taken(self) -> Seen | None:
        """What was read, once; None when nothing was, or not lately, or it failed: then it is to be read anew.

        Raises:
            Unauthorized: the credentials are wrong; the same ones are not to be tried again at once.
        """
        if self._reading is None:
            return None
        reading, self._reading = self._reading, None
        try:
            found = await reading
        except Unauthorized:
            raise
        except DriverError:
            return None
        return found if self._clock() - found.at <= KEEPS_S else None

    async def _seen(self, at: float) -> Seen:
        return Seen(await self._read(), at)
