"""The date as a fact in the store: told at the start, and again when another day has begun."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from turnbuckle.model.ref import Event, Put, SourceObject
from turnbuckle.model.settings import TODAY, Today
from turnbuckle.sources.base import PutEvents

LOOK_S = 3600.0
"""So often the date is looked at; a process may have been stopped in between, so no midnight is waited for."""


class Calendar:
    """clock: seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def today(self) -> date:
        """The date in UTC."""
        return datetime.fromtimestamp(self._clock(), UTC).date()

    def fact(self) -> Event:
        """The date as an event."""
        return Put(SourceObject(TODAY, Today(self.today())))

    async def run(self, put: PutEvents) -> None:
        """Tells each new day until it is cancelled."""
        told = self.today()
        while True:
            await asyncio.sleep(LOOK_S)
            if self.today() != told:
                told = self.today()
                await put([self.fact()])
