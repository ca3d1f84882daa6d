"""What is planned and not yet written, and how newer plans change it.

A cold start plans tens of thousands of operations, and pods come and go while they are written. What changed meanwhile
is planned by itself and takes its place among what waits: members go ahead, behind the members that wait already; what
replaces an operation stands where that one stood; what is new comes last, when all that it could need is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import replace

from turnbuckle.model.plan import Batch, Operation, Plan
from turnbuckle.model.state import Path
from turnbuckle.planner import cut
from turnbuckle.runtime.tempo import MOST


class Backlog:
    """Batches in the order in which they are to be written.

    A batch says what is written when; the operations themselves are those in `_waiting`, which may be newer.
    """

    def __init__(self) -> None:
        self._batches: deque[Batch] = deque()
        self._waiting: dict[Path, Operation] = {}

    def replace(self, operations: Iterable[Operation]) -> None:
        """Forgets what waits; this is all there is to do."""
        ordered = tuple(operations)
        self._waiting = {operation.path: operation for operation in ordered}
        self._batches = deque(cut(Plan(ordered), MOST))

    def merge(self, operations: Iterable[Operation], compared: frozenset[Path]) -> bool:
        """Takes in what was planned for some paths; False when what waits has to be planned together with them.

        compared: the paths that were planned; what waits there and is not asked for any more is dropped. Whatever
        refers to something that was dropped has changed as well, so that it is among them.
        """
        newer = {operation.path: operation for operation in operations}
        instead = {path: one for path, one in newer.items() if path in self._waiting}
        moved = {path for path, one in instead.items() if not _alike(self._waiting[path], one)}
        if moved and self._needs_any_of(moved):
            return False
        self._drop({path for path in compared if path in self._waiting and path not in newer} | moved)
        fresh = [one for path, one in newer.items() if path not in instead or path in moved]
        self._waiting |= newer
        self._add_members([one for one in fresh if one.members_only])
        self._batches.extend(cut(Plan(tuple(one for one in fresh if not one.members_only)), MOST))
        return True

    def _drop(self, paths: set[Path]) -> None:
        if not paths:
            return
        for path in paths:
            del self._waiting[path]
        left = (replace(one, operations=tuple(self._current(one))) for one in self._batches)
        self._batches = deque(batch for batch in left if batch.operations)

    def _needs_any_of(self, paths: set[Path]) -> bool:
        """Whether something that waits refers to one of some objects, so that it must not come after it."""
        return any(
            one.after is not None and not paths.isdisjoint(one.after.references())
            for path, one in self._waiting.items()
            if path not in paths
        )

    def _add_members(self, members: list[Operation]) -> None:
        """Members go ahead of the rest, behind those that were there first: else those would wait for ever."""
        ahead: list[Operation] = []
        while self._batches and members and all(one.members_only for one in self._batches[0].operations):
            ahead += self._current(self._batches.popleft())
        self._batches.extendleft(reversed(cut(Plan((*ahead, *members)), MOST)))

    def _current(self, batch: Batch) -> list[Operation]:
        return [self._waiting[one.path] for one in batch.operations if one.path in self._waiting]

    def pop(self, largest: int) -> Batch | None:
        """The next batch, of at most `largest` operations unless they only work together; None: nothing waits."""
        if not self._batches:
            return None
        batch = self._batches.popleft()
        batch = replace(batch, operations=tuple(self._current(batch)))
        if len(batch.operations) > largest:
            batch, *rest = _split(batch, largest)
            self._batches.extendleft(reversed(rest))
        for operation in batch.operations:
            del self._waiting[operation.path]
        return batch

    def operations(self) -> Collection[Operation]:
        """What waits, in no order."""
        return self._waiting.values()

    def paths(self) -> frozenset[Path]:
        """The paths of what waits."""
        return frozenset(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)


def _split(batch: Batch, largest: int) -> list[Batch]:
    return [replace(part, form=batch.form) for part in cut(Plan(batch.operations), largest)]


def _alike(one: Operation, other: Operation) -> bool:
    """Whether one operation may stand where the other stood."""
    if one.verb is not other.verb or one.members_only != other.members_only:
        return False
    if one.after is None or other.after is None:
        return True
    return one.after.occupies() == other.after.occupies() and one.after.references() == other.after.references()
