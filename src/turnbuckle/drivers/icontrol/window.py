"""How many reads are under way at once: more while the device answers as fast as it can, half as many when it does not.

Additive increase, multiplicative decrease, from 1 to 4 (the vendor's own tools read with four to eight at most). A
device that is busy with its own work gets room, without a setting and without a timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from turnbuckle.drivers.base import Unreachable

LEAST, MOST = 1, 4
FIRST = 2
TOO_SLOW = 3.0
"""Times its floor that a latency may be before it counts as a sign of trouble."""

LEAST_FLOOR_S = 0.05
"""Below this, differences are noise."""

FLOOR_RISES = 1.1
"""What the floor rises by with each answer that does not touch it, since what there is to be read grows too."""

T = TypeVar("T")


class Pacing:
    """The number of reads that may be under way, and what it learns from; arithmetic only."""

    def __init__(self) -> None:
        self._limit = float(FIRST)
        self._floors_s: dict[str, float] = {}

    @property
    def limit(self) -> int:
        """How many reads may be under way."""
        return int(self._limit)

    def answered(self, what: str, took_s: float) -> None:
        """Takes in a latency. what: which requests are alike enough to be compared."""
        floor_s = self._floors_s.get(what, took_s)
        self._floors_s[what] = min(took_s, floor_s * FLOOR_RISES)
        if took_s > TOO_SLOW * max(floor_s, LEAST_FLOOR_S):
            self.failed()
        else:
            self._limit = min(float(MOST), self._limit + 1 / self._limit)

    def failed(self) -> None:
        """Takes in that there was no answer, or that it was "not now"."""
        self._limit = max(float(LEAST), self._limit / 2)


class Window:
    """Lets as many reads through as the pacing allows, in the order in which they came. clock: seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.pacing = Pacing()

    async def through(self, what: str, read: Callable[[], Awaitable[T]]) -> T:
        """What a read answers, once it was its turn; `what` as in Pacing.answered."""
        await self._turn()
        with self._measured(what):
            return await read()

    async def _turn(self) -> None:
        while self._under_way >= self.pacing.limit:
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self._wake()
                raise
        self._under_way += 1

    @contextmanager
    def _measured(self, what: str) -> Iterator[None]:
        started = self._clock()
        try:
            yield
        except Unreachable:
            self.pacing.failed()
            raise
        else:
            self.pacing.answered(what, self._clock() - started)
        finally:
            self._under_way -= 1
            self._wake()

    def _wake(self) -> None:
        free = self.pacing.limit - self._under_way
        while free > 0 and self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                free -= 1
