"""A simulated device behind HTTPS for clients that block: the server has a thread and an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bigipsim.box import Box
from bigipsim.clock import SystemClock
from bigipsim.server import SimServer


@contextmanager
def served(box: Box | None = None) -> Iterator[SimServer]:
    """Serves a box, without data plane, until the block is left."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = SimServer(box or Box(SystemClock()), dataplane=False)
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
