"""How much travels in one transaction: more while the device is quick, half when it is slow, little when it fails.

A transaction holds up whatever arrives meanwhile, a pod's new address too. So its size follows the time that the last
ones took: additive increase, multiplicative decrease. A device that takes its time for any commit, however small, is
helped by nothing of that: there, half as much at a time only takes twice as long.
"""

from __future__ import annotations

FIRST = 50
MOST = 100
STEP = 10
QUICK_S = 0.4
SLOW_S = 0.75
"""A new address that waits for one such batch, and for its own write, is still on the device within a second."""

WORTH = 0.8
"""What half as much may take, compared with the whole, to be worth it."""

WORSE = 2.0
"""How much longer the same has to take before it is tried anew whether less is quicker."""


class Tempo:
    """The size of the next batch, in operations."""

    def __init__(self) -> None:
        self.operations = FIRST
        # The batch on whose account the next ones were made smaller, and how long it took, until the device is quick.
        self._slow: tuple[int, float] | None = None

    def took(self, operations: int, seconds: float) -> None:
        """A batch was done. One that was smaller than it might have been says nothing about larger ones."""
        if operations < self.operations:
            return
        if seconds < QUICK_S:
            self._slow = None
            self._more()
        elif self._slow is not None and seconds < self._slow[1] * WORSE:
            self._compare(operations, seconds, *self._slow)
        elif seconds > SLOW_S:
            self._less(operations, seconds)

    def _compare(self, operations: int, seconds: float, before: int, took_s: float) -> None:
        """What a device that was slow makes of another number of operations."""
        as_slow = seconds > took_s * WORTH
        if operations <= before // 2 and as_slow:
            self.operations = max(self.operations, before)
        elif operations < before and seconds > SLOW_S and not as_slow:
            self._less(operations, seconds)
        elif operations >= before and seconds * WORTH < took_s:
            self._more()

    def _more(self) -> None:
        """A step up, but at most twice as much: where one operation takes a second, eleven are no small step."""
        self.operations = min(MOST, self.operations + STEP, self.operations * 2)

    def _less(self, operations: int, seconds: float) -> None:
        self._slow = operations, seconds
        self.operations = max(1, operations // 2)

    def lost(self) -> None:
        """It is not known what became of a batch."""
        self._slow = None
        self.operations = max(1, self.operations // 8)
