"""Whether the process is alive, and whether it is ready: what /health and /ready answer.

Alive means that what was begun makes progress. A device or a cluster that is away is no reason to restart the process,
so that it is told by /ready and by the issues instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from turnbuckle.runtime.secrecy import Secrets, starred
from turnbuckle.sources.kubernetes import KindHealth

ENGINE_STUCK_S = 60.0
"""An edit is computed in milliseconds, a start of thousands of objects in seconds."""

WORKER_STUCK_S = 300.0
"""The device has longer time-outs than anything else: 120 s for a commit. Each request that ends is a sign of life."""


class Pulse:
    """Takes signs of life, and says what is missing. Times are seconds of `clock`.

    sources: what is known about each kind. waiting_for: a sentence about what has not even begun; empty when it has.
    secrets: what no sentence may hold.
    """

    def __init__(self, clock: Callable[[], float], secrets: Secrets = tuple) -> None:
        self._clock, self._secrets = clock, secrets
        self.sources: Callable[[], Iterable[KindHealth]] = tuple
        self.waiting_for = "The controller has not started yet."
        self._events_since: float | None = None
        self._busy_since: float | None = None
        self._listed = False
        self._compared = False

    def arrived(self) -> None:
        """Events wait for the engine."""
        if self._events_since is None:
            self._events_since = self._clock()

    def computed(self, *, synced: bool) -> None:
        """The engine has taken all events that there were. synced: every source has told everything."""
        self._listed, self._events_since = synced, None

    def busy(self) -> None:
        """The device's worker does something, and goes on."""
        self._busy_since = self._clock()

    def answered(self) -> None:
        """The device has answered a request, or has let it time out."""
        if self._busy_since is not None:
            self._busy_since = self._clock()

    def idle(self) -> None:
        """The device's worker waits for something to do."""
        self._busy_since = None

    def compared(self) -> None:
        """The device was read, and with it compared what it should have; a replica that waits does that, too."""
        self._compared = True

    def health(self) -> list[str]:
        """What is stuck, in sentences; nothing when all is well."""
        found = []
        engine_s, worker_s = self._since(self._events_since), self._since(self._busy_since)
        if engine_s > ENGINE_STUCK_S:
            found.append(f"The engine has not taken what the sources told for {engine_s:.0f} s.")
        if worker_s > WORKER_STUCK_S:
            found.append(f"The work on the BIG-IP has made no progress for {worker_s:.0f} s.")
        return found

    def ready(self) -> list[str]:
        """What is missing, in sentences; nothing when it serves."""
        return [starred(sentence, self._secrets) for sentence in self._missing()]

    def _missing(self) -> list[str]:
        if self.waiting_for:
            return [self.waiting_for]
        found = []
        kinds = list(self.sources())
        for one in kinds:
            where = f" in namespace {one.namespace}" if one.namespace else ""
            if one.trouble:
                found.append(f"{one.kind}{where} cannot be read: {one.trouble}")
            elif not one.synced:
                found.append(f"{one.kind}{where}: the first list is not complete yet.")
        if not self._listed and not found:
            found.append("The sources have not told everything yet.")
        if not self._compared:
            found.append("The BIG-IP has not been compared yet with what it should have.")
        return found

    def _since(self, at: float | None) -> float:
        return 0.0 if at is None else self._clock() - at
