"""How long to wait for an API server, and how long before the next try."""

from __future__ import annotations

import random
from dataclasses import dataclass

_LONGEST_WISH_S = 300.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Waiting times.

    watch_s: the server is asked to end a watch after a random time in this range, in whole seconds.
    margin_s: silence that much longer than agreed means that the connection is dead.
    connect_s, reply_s: for a connection, and for the whole answer to a list.
    first_delay_s, longest_delay_s: pauses after failures double from the first to the longest.
    at_once_s: a watch that ends sooner counts as a failure. healthy_s: one that lives so long ends a row of
    failures.
    """

    watch_s: tuple[int, int] = (290, 310)
    margin_s: float = 30.0
    connect_s: float = 10.0
    reply_s: float = 60.0
    first_delay_s: float = 0.2
    longest_delay_s: float = 30.0
    at_once_s: float = 1.0
    healthy_s: float = 10.0


class Backoff:
    """Pauses between tries: doubled after each failure, with jitter so that not all come back together."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._failures = 0

    @property
    def failures(self) -> int:
        """How many failures there were in a row."""
        return self._failures

    def reset(self) -> None:
        """All is well again."""
        self._failures = 0

    def failed(self, retry_after_s: float = 0.0) -> float:
        """Seconds to wait after one more failure; not less than the server asked for, up to five minutes."""
        # The exponent is bounded because 2 ** 2000 is no float; thirty doublings exceed every longest delay.
        full = self._timing.first_delay_s * float(2 ** min(self._failures, 30))
        self._failures += 1
        pause = min(full, self._timing.longest_delay_s) * random.uniform(0.5, 1.0)
        return max(pause, min(retry_after_s, _LONGEST_WISH_S) * random.uniform(1.0, 1.1))

    def expired(self) -> float:
        """Seconds to wait before a new list: none the first time, for watches do grow too old."""
        pause = self.failed()
        return pause if self._failures > 1 else 0.0
