"""How long a change takes from the source to the device. It is the one place that knows when an event arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from turnbuckle.model.plan import Outcome, Result
from turnbuckle.model.ref import Event, Gone, Put, Ref
from turnbuckle.model.state import Path


@dataclass(slots=True)
class _Change:
    """What one object's change leads to. version: of the snapshot that has it. paths: not done yet."""

    arrived_at: float
    version: int = 0
    paths: set[Path] = field(default_factory=set)
    done_at: float | None = None


class Propagation:
    """Measures each change until the last path that it leads to is done. Times are seconds of one monotonic clock.

    A second change of an object that has not gone through counts from the first.
    """

    def __init__(self, measured: Callable[[str, float], None]) -> None:
        self._measured = measured
        self._arrived: dict[Ref, float] = {}
        self._changes: dict[Ref, _Change] = {}

    def arrived(self, events: Iterable[Event], now: float) -> None:
        """A source has put events."""
        for event in events:
            if isinstance(event, Put | Gone):
                ref = event.obj.ref if isinstance(event, Put) else event.ref
                self._arrived.setdefault(ref, now)

    def leads_to(self, version: int, causes: Mapping[Path, frozenset[Ref]]) -> None:
        """What has arrived is in the snapshot of that version. causes: what it leads to, as far as it is measured."""
        arrived, self._arrived = self._arrived, {}
        for path, refs in causes.items():
            for ref in refs & arrived.keys():
                change = self._changes.setdefault(ref, _Change(arrived[ref]))
                change.version = version
                change.paths.add(path)

    def outcome(self, outcome: Outcome, now: float) -> None:
        """An operation has ended."""
        if outcome.result is not Result.DONE:
            return
        for ref in outcome.operation.because:
            change = self._changes.get(ref)
            if change is None or outcome.operation.path not in change.paths:
                continue
            change.paths.remove(outcome.operation.path)
            change.done_at = now
            if not change.paths:
                self._end(ref)

    def synced(self, version: int) -> None:
        """Nothing is left to do up to that version: what had nothing to write, or was refused, is not awaited."""
        for ref in [ref for ref, change in self._changes.items() if change.version <= version]:
            self._end(ref)

    def _end(self, ref: Ref) -> None:
        change = self._changes.pop(ref)
        if change.done_at is not None:
            self._measured(ref.kind, change.done_at - change.arrived_at)
