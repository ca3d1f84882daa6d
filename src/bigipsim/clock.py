"""Decides where the simulated device takes its time from: the machine's clock, or one that a test moves."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What everything in the device asks for the time."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return time.time()


class ManualClock:
    """A clock that stands still until a test moves it on."""

    def __init__(self, now_s: float = 1_700_000_000.0) -> None:
        self._now_s = now_s

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Moves the clock forward by that many seconds."""
        self._now_s += seconds
