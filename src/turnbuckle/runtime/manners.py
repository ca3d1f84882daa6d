"""How we write to the cluster what is only told there: slowly, not again soon where it is refused, and with one line
of log for a trouble, however often it comes back. Nothing of it ever stops the work on the device.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from turnbuckle.sources.kubernetes import Forbidden, KubernetesError, NotFound
from turnbuckle.sources.pace import Pace

PER_S = 10.0
BURST = 50
REFUSED_S = 600.0
"""How long nothing is tried in a namespace where we may not write; rights are granted by people, not within seconds."""

log = logging.getLogger("turnbuckle.cluster")


class Manners:
    """For one sort of thing that is written. what: its name in the log, in the plural."""

    def __init__(
        self,
        what: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._what, self._clock, self._sleep = what, clock, sleep
        self._tokens, self._filled_at = float(BURST), clock()
        self._refused: dict[str, float] = {}
        self._pace, self._away_until = Pace(1.0, 60.0), clock()
        self._trouble: type[KubernetesError] | None = None

    def allows(self, namespace: str) -> bool:
        """Whether something may be written in a namespace now."""
        return max(self._refused.get(namespace, self._away_until), self._away_until) <= self._clock()

    async def turn(self) -> None:
        """Waits until one more request is polite: PER_S on the average, BURST after a quiet time."""
        now = self._clock()
        self._tokens = min(float(BURST), self._tokens + (now - self._filled_at) * PER_S) - 1
        self._filled_at = now
        if self._tokens < 0:
            await self._sleep(-self._tokens / PER_S)

    def failed(self, namespace: str, error: KubernetesError) -> None:
        """Takes in that a request failed."""
        if isinstance(error, Forbidden | NotFound):
            self._refused[namespace] = self._clock() + REFUSED_S
        else:
            self._away_until = self._clock() + max(error.retry_after_s, self._pace.pause_s())
        if self._trouble is not type(error):
            self._trouble = type(error)
            log.warning("%s cannot be written, everything else goes on: %s", self._what, error)

    def succeeded(self, namespace: str) -> None:
        """Takes in that a request did what it should."""
        self._pace.reset()
        self._refused.pop(namespace, None)
        if self._trouble and not self._refused:
            self._trouble = None
            log.info("%s can be written again", self._what)
