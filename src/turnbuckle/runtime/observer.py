"""What the device's worker tells while it works: the seam to metrics, health and status, which it knows nothing of.

Every method returns at once and raises nothing. Times are seconds of the worker's monotonic clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from turnbuckle.model.issue import Issue
from turnbuckle.model.plan import Outcome
from turnbuckle.model.state import Path, State


class Standing(StrEnum):
    """How an object stands, each in exactly one way.

    IN_SYNC: on the device as it shall be. WAITING: to be written. REFUSED: not written, by the device's will or because
    of something there. HELD: left as it is, since its owner errs. FOREIGN: in our partition without a mark of ours.
    """

    IN_SYNC = "in sync"
    WAITING = "waiting"
    REFUSED = "refused"
    HELD = "held"
    FOREIGN = "foreign"


class Circuit(StrEnum):
    """Whether a device is talked to: CLOSED: yes. OPEN: not for now, after a failure. HALF_OPEN: it is tried again."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Observer(Protocol):
    """Is told what a worker does."""

    def busy(self, now: float) -> None:
        """Work begins, or goes on: told before each read, plan and batch."""
        ...

    def idle(self, now: float) -> None:
        """Nothing to do until something comes, a failure's pause included."""
        ...

    def waiting(self, count: int) -> None:
        """How many paths wait for the device."""
        ...

    def observed(self, state: State, paths: frozenset[Path] | None) -> None:
        """What the device has now: after each read and each batch. paths: what may differ from before; None: all."""
        ...

    def outcome(self, outcome: Outcome, now: float) -> None:
        """How one operation went."""
        ...

    def synced(self, version: int, now: float) -> None:
        """Nothing is left to do for the snapshot of that version; what was refused waits for its next try."""
        ...

    def circuit(self, state: Circuit) -> None:
        """Whether the device is talked to has changed."""
        ...

    def drift(self, path: Path, fields: frozenset[str]) -> None:
        """An object was changed on the device by somebody else. fields: what differs; empty when it is gone."""
        ...

    def guard(self, issue: Issue) -> None:
        """A plan was held back, because it would remove or change too much."""
        ...

    def states(self, counts: Mapping[Standing, int]) -> None:
        """How many objects stand in which way; those that are not named are none."""
        ...


class Unobserved:
    """An Observer that nobody listens to."""

    def busy(self, now: float) -> None:
        """See Observer.busy."""

    def idle(self, now: float) -> None:
        """See Observer.idle."""

    def waiting(self, count: int) -> None:
        """See Observer.waiting."""

    def observed(self, state: State, paths: frozenset[Path] | None) -> None:
        """See Observer.observed."""

    def outcome(self, outcome: Outcome, now: float) -> None:
        """See Observer.outcome."""

    def synced(self, version: int, now: float) -> None:
        """See Observer.synced."""

    def circuit(self, state: Circuit) -> None:
        """See Observer.circuit."""

    def drift(self, path: Path, fields: frozenset[str]) -> None:
        """See Observer.drift."""

    def guard(self, issue: Issue) -> None:
        """See Observer.guard."""

    def states(self, counts: Mapping[Standing, int]) -> None:
        """See Observer.states."""
