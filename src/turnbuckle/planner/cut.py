"""A plan into batches: pool members first and each pool alone, then the rest by partition.

Members come first because a pod's address must not wait for configuration. A batch of configuration is one transaction;
the device validates a large one slowly, so it has at most `largest` operations.
"""

from __future__ import annotations

from turnbuckle.model.plan import Batch, Operation, Plan
from turnbuckle.planner.order import together


def cut(plan: Plan, largest: int = 100) -> tuple[Batch, ...]:
    """The batches of a plan, in the order in which they are to be applied."""
    batches = [Batch("members", op.path.partition, (op,)) for op in plan.operations if op.members_only]
    by_partition: dict[str, list[Operation]] = {}
    for op in plan.operations:
        if not op.members_only:
            by_partition.setdefault(op.path.partition, []).append(op)
    for partition, operations in by_partition.items():
        batches += [Batch("configuration", partition, part) for part in _parts(operations, largest)]
    return tuple(batches)


def _parts(operations: list[Operation], largest: int) -> list[tuple[Operation, ...]]:
    """Consecutive parts; operations that only work at once stay in one part."""
    parts: list[tuple[Operation, ...]] = []
    current: list[Operation] = []
    for group in together(operations):
        if current and len(current) + len(group) > largest:
            parts.append(tuple(current))
            current = []
        current += group
    return [*parts, tuple(current)] if current else parts
