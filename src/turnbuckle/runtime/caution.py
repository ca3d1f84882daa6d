"""Which removals have to wait until they are confirmed: what a device loses must have gone, not just be out of sight.

A removal on weak grounds (a start, a list, another filter) waits until a second look, some seconds later, still finds
it; then it goes. When there are too many of them they wait for a second list of all sources, for a person, or, when a
filter was changed, for a person only. A pool that is emptied waits only when there are too many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.ref import Grounds, Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner.caution import takes_away, too_many


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A removal that waits. found_at: seconds of a monotonic clock; lists: how many full lists there were then."""

    operation: Operation
    found_at: float
    lists: int
    grounds: Grounds


class Caution:
    """The removals of one device that wait.

    max_percent: of our pools or objects, so much may go in one step. second_look_s: pause before the second look.
    allowed: set when a person allows more.
    """

    def __init__(self, device: Ref, controller_id: str, *, max_percent: int = 30, second_look_s: float = 5) -> None:
        self._device, self._controller_id = device, controller_id
        self._max_percent, self._second_look_s = max_percent, second_look_s
        self._grounds: dict[Path, Grounds] = {}
        self._suspects: dict[Path, _Suspect] = {}
        self._tripped: dict[Path, _Suspect] = {}
        self._step = ""
        self.allowed = False

    def learn(self, grounds: Mapping[Path, Grounds]) -> None:
        """Takes in how the newest changes of the desired state are known."""
        self._grounds.update(grounds)

    def forget(self, still_waiting: Iterable[Path]) -> None:
        """Everything is done but what waits: what is found from now on was not told by a watch."""
        kept = {*still_waiting, *self._suspects}
        self._grounds = {path: grounds for path, grounds in self._grounds.items() if path in kept}

    def doubts(self, operation: Operation) -> bool:
        """Whether an operation takes something away on weak grounds."""
        return takes_away(operation) and self._known_by(operation.path) is not Grounds.WATCHED

    def _known_by(self, path: Path) -> Grounds:
        # What nobody told is found on the device: at a start, or because it was put there by hand.
        return self._grounds.get(path, Grounds.LISTED)

    def weigh(
        self, removals: Iterable[Operation], compared: frozenset[Path] | None, observed: State, now: float, lists: int
    ) -> frozenset[Path]:
        """Which of the doubtful removals of a plan have to wait. compared: the paths planned, None for all."""
        doubtful = {operation.path: operation for operation in removals}
        self._drop(doubtful, compared)
        for path, operation in doubtful.items():
            grounds = self._known_by(path)
            if path not in self._suspects or self._suspects[path].grounds < grounds:
                self._suspects[path] = _Suspect(operation, now, lists, grounds)
        fresh = {path: one for path, one in self._suspects.items() if path not in self._tripped}
        step = too_many((one.operation for one in fresh.values()), observed, self._controller_id, self._max_percent)
        if step:
            self._step = step
            self._tripped |= fresh
        waiting = frozenset(path for path in doubtful if not self._confirmed(path, now, lists))
        for path in doubtful.keys() - waiting:
            self._suspects.pop(path)
            self._tripped.pop(path, None)
        return waiting

    def _drop(self, doubtful: Mapping[Path, Operation], compared: frozenset[Path] | None) -> None:
        for path in list(self._suspects):
            if path not in doubtful and (compared is None or path in compared):
                del self._suspects[path]
                self._tripped.pop(path, None)

    def _confirmed(self, path: Path, now: float, lists: int) -> bool:
        suspect = self._suspects[path]
        if self.allowed:
            return True
        if path in self._tripped:
            return suspect.grounds is Grounds.LISTED and lists > suspect.lists
        return suspect.operation.verb is not Verb.DELETE or now >= suspect.found_at + self._second_look_s

    # ---- when to look again, and what to say

    @property
    def wants_list(self) -> bool:
        """Whether a second list of all sources would let something go."""
        return any(suspect.grounds is Grounds.LISTED for suspect in self._tripped.values())

    @property
    def tripped(self) -> bool:
        """Whether too much would go at once, and is held back."""
        return bool(self._tripped)

    def next_at(self) -> float | None:
        """When the next second look is, or None."""
        waiting = (suspect for path, suspect in self._suspects.items() if path not in self._tripped)
        return min((suspect.found_at + self._second_look_s for suspect in waiting), default=None)

    def due(self, now: float, lists: int) -> frozenset[Path]:
        """The paths that are to be looked at again."""
        return frozenset(
            path
            for path, suspect in self._suspects.items()
            if self.allowed
            or (path in self._tripped and lists > suspect.lists)
            or (path not in self._tripped and now >= suspect.found_at + self._second_look_s)
        )

    def issues(self) -> tuple[Issue, ...]:
        """What there is to say about what waits because it is too much."""
        if not self._tripped:
            return ()
        return (issues_of.mass_removal(self._device, self._step, self.wants_list),)

    def __len__(self) -> int:
        return len(self._suspects)
