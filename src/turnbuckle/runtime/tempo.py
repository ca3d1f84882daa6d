"""How much travels in one transaction: more while the device is quick, half when it is slow, little when it fails.

A transaction holds up whatever arrives meanwhile, a pod's new address too. So its size follows the time that the last
ones took: additive increase, multiplicative decrease.
"""

from __future__ import annotations

FIRST = 50
MOST = 100
STEP = 10
QUICK_S = 0.5
SLOW_S = 1.5


class Tempo:
    """The size of the next batch, in operations."""

    def __init__(self) -> None:
        self.operations = FIRST

    def took(self, operations: int, seconds: float) -> None:
        """A batch was done. One that was smaller than it might have been says nothing about larger ones."""
        if seconds > SLOW_S:
            self.operations = max(1, self.operations // 2)
        elif seconds < QUICK_S and operations >= self.operations:
            self.operations = min(MOST, self.operations + STEP)

    def lost(self) -> None:
        """It is not known what became of a batch."""
        self.operations = max(1, self.operations // 8)
