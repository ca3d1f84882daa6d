"""A plan into batches: pool members first, then the rest by partition.

Members come first because a pod's address must not wait for configuration. Those of one pool are a request of their
own; those of several pools travel together, since a device takes one write at a time and each takes it long. A batch of
configuration is one transaction, which stays within one partition; the device validates a large one slowly, so it has
at most `largest` operations. What one partition has to vacate before another can take it goes ahead, in a batch of its
own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turnbuckle.model.plan import Batch, Operation, Plan
from turnbuckle.model.state import Path
from turnbuckle.planner.order import needs_of, together, vacaters
from turnbuckle.planner.parts import gone_with


def cut(plan: Plan, largest: int = 100) -> tuple[Batch, ...]:
    """The batches of a plan, in the order in which they are to be applied."""
    members = [op for op in plan.operations if op.members_only]
    rest = [op for op in plan.operations if not op.members_only]
    ahead = _ahead({op.path: op for op in rest})
    return (
        *_members(members, largest),
        *_by_partition((op for op in rest if op.path in ahead), largest),
        *_by_partition((op for op in rest if op.path not in ahead), largest),
    )


def _members(operations: list[Operation], largest: int) -> Iterator[Batch]:
    if len(operations) == 1:
        yield Batch("members", operations[0].path.partition, tuple(operations))
    else:
        yield from _by_partition(operations, largest)


def _ahead(todo: dict[Path, Operation]) -> set[Path]:
    """What vacates something that another partition takes, and what that needs."""
    found = {
        vacater
        for taker, others in vacaters(todo).items()
        for vacater in others
        if vacater.partition != taker.partition
    }
    needs = needs_of(todo) if found else {}
    waiting = list(found)
    while waiting:
        first = needs.get(waiting.pop(), set()) - found
        found |= first
        waiting += first
    return found | {part for part, whole in gone_with(todo.values()).items() if whole in found}


def _by_partition(operations: Iterable[Operation], largest: int) -> Iterator[Batch]:
    by_partition: dict[str, list[Operation]] = {}
    for op in operations:
        by_partition.setdefault(op.path.partition, []).append(op)
    for partition, own in by_partition.items():
        for part in _parts(own, largest):
            yield Batch("configuration", partition, part)


def _parts(operations: list[Operation], largest: int) -> list[tuple[Operation, ...]]:
    """Consecutive parts; operations that only work at once stay in one part. What goes with its whole costs nothing."""
    along = gone_with(operations)
    parts: list[tuple[Operation, ...]] = []
    current: list[Operation] = []
    size = 0
    for group in together(operations):
        cost = sum(operation.path not in along for operation in group)
        if current and size + cost > largest:
            parts.append(tuple(current))
            current, size = [], 0
        current += group
        size += cost
    return [*parts, tuple(current)] if current else parts
