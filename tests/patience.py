"""How long tests wait for what has to come true: longer than a slow machine needs, for speed is the bench's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 90.0

LOOK_S = 0.01


async def eventually(
    holds: Callable[[], bool] | Callable[[], Awaitable[bool]],
    instead: Callable[[], object],
    seconds: float = PATIENCE_S,
) -> None:
    """Waits until something holds, looking often; fails at the deadline with what is the case instead."""
    ends = time.monotonic() + seconds
    while True:
        found = holds()
        if await found if isinstance(found, Awaitable) else found:
            return
        assert time.monotonic() < ends, f"it does not come true: {instead()}"
        await asyncio.sleep(LOOK_S)
