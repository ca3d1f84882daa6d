"""How long to wait for an API server, and how long before the next try."""

from __future__ import annotations

import random
from dataclasses import dataclass

_LONGEST_WISH_S = 300.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Waiting times.

    watch_s: the server is asked to end a watch after a random time in this range, in whole seconds.
    idle_s: silence after which a connection is dead: servers send a bookmark about once a minute. margin_s: or silence
    so much longer than the agreed time, if that is less.
    start_s: a streamed list without a byte for so long, and without an end, is asked for in pages instead.
    connect_s, reply_s: for a connection, and for the whole answer to a list.
    first_delay_s, longest_delay_s: pauses after failures grow from the first to the longest.
    at_once_s: a watch that ends sooner counts as a failure. healthy_s: one that lives so long ends a row of
    failures.
    rediscover_s: between two looks at which kinds the server has.
    """

    watch_s: tuple[int, int] = (300, 600)
    margin_s: float = 30.0
    idle_s: float = 190.0
    start_s: float = 10.0
    connect_s: float = 10.0
    reply_s: float = 60.0
    first_delay_s: float = 0.2
    longest_delay_s: float = 30.0
    at_once_s: float = 1.0
    healthy_s: float = 60.0
    rediscover_s: float = 600.0


class Backoff:
    """Pauses between tries, random up to a bound that doubles with each failure, so that not all come back together."""

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

    def failed(self, retry_after_s: float = 0.0, spent_s: float = 0.0) -> float:
        """Seconds to wait after one more failure; not less than the server asked for, up to five minutes.

        spent_s: how long the try lasted. The pause counts from its beginning, so that a connection which is cut every
        half minute is taken up again at once, and yet nothing is asked more often than the pauses allow.
        """
        self._failures += 1
        # The exponent is bounded because 2 ** 2000 is no float; thirty doublings exceed every longest delay.
        bound_s = min(self._timing.first_delay_s * float(2 ** min(self._failures, 30)), self._timing.longest_delay_s)
        pause_s = random.uniform(min(self._timing.first_delay_s, bound_s), bound_s) - spent_s
        return max(0.0, pause_s, min(retry_after_s, _LONGEST_WISH_S) * random.uniform(1.0, 1.1))

    def expired(self, spent_s: float = 0.0) -> float:
        """Seconds to wait before a new list: none the first time, for watches do grow too old."""
        pause_s = self.failed(spent_s=spent_s)
        return pause_s if self._failures > 1 else 0.0
