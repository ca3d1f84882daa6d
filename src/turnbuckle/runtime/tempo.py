"""How much travels in one transaction: more while the device is quick, half when it is slow, little when it fails.

A transaction holds up whatever arrives meanwhile, a pod's new address too. So its size follows the time that the last
ones took: additive increase, multiplicative decrease. A device that takes its time for any commit, however small, is
helped by nothing of that: there, half as much at a time only takes twice as long.
"""

from __future__ import annotations

FIRST = 50
MOST = 100
STEP = 10
QUICK_S = 0.5
SLOW_S = 1.5
WORTH = 0.8
"""What half as much may take, compared with the whole, to be worth it."""


class Tempo:
    """The size of the next batch, in operations."""

    def __init__(self) -> None:
        self.operations = FIRST
        # The slow batch on whose account the next ones were made smaller, and how long it took.
        self._slow: tuple[int, float] | None = None

    def took(self, operations: int, seconds: float) -> None:
        """A batch was done. One that was smaller than it might have been says nothing about larger ones."""
        if seconds > SLOW_S:
            self._was_slow(operations, seconds)
            return
        self._slow = None
        if seconds < QUICK_S and operations >= self.operations:
            self.operations = min(MOST, self.operations + STEP)

    def _was_slow(self, operations: int, seconds: float) -> None:
        if self._slow is None:
            self._slow = operations, seconds
            self.operations = max(1, self.operations // 2)
            return
        before, took_s = self._slow
        if operations <= before // 2 and seconds > took_s * WORTH:
            self.operations = max(self.operations, before)
        elif operations < before:
            self._slow = operations, seconds
            self.operations = max(1, self.operations // 2)

    def lost(self) -> None:
        """It is not known what became of a batch."""
        self._slow = None
        self.operations = max(1, self.operations // 8)
