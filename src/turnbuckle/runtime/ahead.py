"""Reading a device while the sources are still telling what they have: at a start, neither needs the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from turnbuckle.model.state import State

KEEPS_S = 60.0
"""How long a state counts that was read ahead; after that somebody may have changed too much."""


class ReadAhead:
    """One state of a device, read before it is asked for."""

    def __init__(self, read: Callable[[], Awaitable[State]], clock: Callable[[], float]) -> None:
        self._read, self._clock = read, clock
        self._reading: asyncio.Task[tuple[State, float]] | None = None

    def begin(self) -> None:
        """Begins to read; what was read before counts no more."""
        self.drop()
        self._reading = asyncio.create_task(self._timed(), name="read ahead")

    def drop(self) -> None:
        """Ends a reading that nobody will ask for."""
        if self._reading is not None:
            self._reading.cancel()
            # Whatever it failed with is nobody's business any more.
            self._reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._reading = None

    async def taken(self) -> State | None:
        """What was read, once; None when nothing was, or too long ago.

        Raises:
            DriverError: it could not be read.
        """
        if self._reading is None:
            return None
        reading, self._reading = self._reading, None
        state, at = await reading
        return state if self._clock() - at <= KEEPS_S else None

    async def _timed(self) -> tuple[State, float]:
        return await self._read(), self._clock()
