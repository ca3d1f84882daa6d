"""An event loop whose time jumps to the next timer, so that hours of waiting pass at once and always alike.

Nothing may wait for a socket or a thread in it: when there is no timer left, nothing can ever happen again, and the
loop says so instead of hanging.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

EPOCH_S = 1_767_225_600.0
"""The date at which every virtual run begins: 2026-01-01 UTC."""

MOST_TURNS = 20_000
"""So many turns of the loop at one moment are work for nothing."""

T = TypeVar("T")


class Stuck(RuntimeError):
    """Everybody waits for somebody else."""


class _Jump(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    """A selector that never waits: it moves the loop's time on by what it was to wait for."""

    now_s = 0.0
    _turns = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck("Nothing is scheduled any more, so nothing will ever happen.")
        self._turns += 1
        if timeout > 0:
            self.now_s += timeout
            self._turns = 0
        elif self._turns > MOST_TURNS:
            raise Stuck(f"The loop has turned {MOST_TURNS} times at {self.now_s:.2f} s: somebody waits for no time.")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time, in seconds from 0."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        # Sums of many small waits are off by more than the machine's own clock; a timer must not be missed by that.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._jump.now_s


class LoopClock:
    """The simulated device's clock: the date that belongs to a loop's time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return EPOCH_S + self._loop.time()


@contextmanager
def _machine_on(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Lets the machine's own clock show the loop's time: parts that are not handed a clock read that one."""
    monotonic, wall = time.monotonic, time.time
    time.monotonic, time.time = loop.time, lambda: EPOCH_S + loop.time()  # type: ignore[assignment]
    try:
        yield
    finally:
        time.monotonic, time.time = monotonic, wall  # type: ignore[assignment]


def run_virtually(what: Coroutine[Any, Any, T], seed: int) -> T:
    """What a coroutine answers that is run on virtual time. seed: of all chance in the process."""
    loop = VirtualLoop()
    random.seed(seed)
    with _machine_on(loop), asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(what)
