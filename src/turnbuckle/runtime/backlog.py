"""What is planned and not yet written, and how newer plans change it.

A cold start plans tens of thousands of operations, and pods come and go while they are written. What changed meanwhile
is planned by itself and put in front, or in the place of what it replaces; the rest need not be planned again.
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
    """Batches in the order in which they are to be written."""

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

        Members go in front. What only replaces an operation that waits, and needs and takes the same as that one, goes
        in its place. For everything else the order of the whole may be another one.
        """
        newer = {operation.path: operation for operation in operations}
        if any(path in self._waiting and path not in newer for path in compared):
            return False
        members: list[Operation] = []
        instead: dict[Path, Operation] = {}
        for path, operation in newer.items():
            before = self._waiting.get(path)
            if before is None and operation.members_only:
                members.append(operation)
            elif before is not None and _alike(before, operation):
                instead[path] = operation
            else:
                return False
        self._waiting |= {operation.path: operation for operation in (*members, *instead.values())}
        self._batches.extendleft(reversed(cut(Plan(tuple(members)), MOST)))
        return True

    def pop(self, largest: int) -> Batch | None:
        """The next batch, of at most `largest` operations unless they only work together; None: nothing waits."""
        if not self._batches:
            return None
        batch = self._batches.popleft()
        batch = replace(batch, operations=tuple(self._waiting[operation.path] for operation in batch.operations))
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
