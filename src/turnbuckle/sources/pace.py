"""When to try again: pauses that double, with jitter, so that many controllers do not come back in step."""

from __future__ import annotations

import random
from collections.abc import Callable


class Pace:
    """Pauses of `first_s`, doubled up to `longest_s`, each cut by up to a quarter at random."""

    def __init__(self, first_s: float, longest_s: float, dice: Callable[[], float] = random.random) -> None:
        self._first_s, self._longest_s, self._dice = first_s, longest_s, dice
        self._next_s = first_s

    def pause_s(self) -> float:
        """The pause before the next try, in seconds."""
        pause_s, self._next_s = self._next_s, min(self._next_s * 2, self._longest_s)
        return pause_s * (1 - self._dice() / 4)

    def reset(self) -> None:
        """It went well."""
        self._next_s = self._first_s
