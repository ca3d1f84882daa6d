"""Latest: a reader gets the newest value, never a backlog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """One value at a time for one reader. `merge(unseen, newer)` is asked when a value was not read before the next."""

    def __init__(self, merge: Callable[[T, T], T]) -> None:
        self._merge = merge
        self._unseen: T | None = None
        self._arrived = asyncio.Event()

    def put(self, value: T) -> None:
        """Sets the newest value."""
        self._unseen = value if self._unseen is None else self._merge(self._unseen, value)
        self._arrived.set()

    def take(self) -> T | None:
        """The newest value, if it has not been taken yet."""
        value, self._unseen = self._unseen, None
        self._arrived.clear()
        return value

    def wake(self) -> None:
        """Lets a reader who waits look at what else there is to do."""
        self._arrived.set()

    async def arrival(self, timeout_s: float | None) -> None:
        """Waits until there is a value to take, or until the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            pass
