"""What runs before what, known from references: the referenced before the referrer, and deletes the other way round.

What only one object can have (a destination) is vacated before it is taken. Two objects that swap such things cannot be
ordered; they stay together, for a transaction to do at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.state import Path

_RANK = {"ltm/pool/members": 1, "ltm/pool": 2, "ltm/virtual": 3, "sys/application/service": 4}
"""Among what is not bound by references, monitors come first and listeners last."""


def order(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """The operations in an order that a device accepts; the same operations always come in the same order."""
    todo = {operation.path: operation for operation in operations}
    needs = needs_of(todo)
    vacating = vacaters(todo)
    try:
        return _sorted(todo, {path: needs[path] | vacating.get(path, set()) for path in todo})
    except CycleError:
        return _sorted(todo, needs)


def _sorted(todo: dict[Path, Operation], before: dict[Path, set[Path]]) -> tuple[Operation, ...]:
    sorter = TopologicalSorter(before)
    sorter.prepare()
    result: list[Operation] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda path: _place(todo[path]))
        result += [todo[path] for path in ready]
        sorter.done(*ready)
    return tuple(result)


def _place(operation: Operation) -> tuple[bool, int, str, str]:
    deletes = operation.verb is Verb.DELETE
    rank = _RANK.get(operation.path.kind, 0)
    return (deletes, -rank if deletes else rank, operation.path.name, operation.path.kind)


def needs_of(todo: dict[Path, Operation]) -> dict[Path, set[Path]]:
    """For each operation the paths whose operations come before it."""
    first: dict[Path, set[Path]] = {path: set() for path in todo}
    for path, operation in todo.items():
        for needed in operation.after.references() if operation.after else ():
            if needed in todo and todo[needed].verb is not Verb.DELETE:
                first[path].add(needed)
        for held in operation.before.references() if operation.before else ():
            if held in todo and todo[held].verb is Verb.DELETE:
                first[held].add(path)
    return first


def vacaters(todo: dict[Path, Operation]) -> dict[Path, set[Path]]:
    """For each operation that takes something, those that vacate it."""
    leaving: dict[str, Path] = {}
    for path, operation in todo.items():
        kept = operation.after.occupies() if operation.after else frozenset()
        for place in operation.before.occupies() - kept if operation.before else ():
            leaving[place] = path
    found: dict[Path, set[Path]] = {}
    for path, operation in todo.items():
        held = operation.before.occupies() if operation.before else frozenset()
        for place in operation.after.occupies() - held if operation.after else ():
            if leaving.get(place, path) != path:
                found.setdefault(path, set()).add(leaving[place])
    return found


def together(operations: Iterable[Operation]) -> list[list[Operation]]:
    """Ordered operations, grouped so that those which swap what only one can have are in one group."""
    ordered = list(operations)
    place = {operation.path: index for index, operation in enumerate(ordered)}
    until = list(range(len(ordered)))
    for path, others in vacaters({operation.path: operation for operation in ordered}).items():
        for other in others:
            if place[other] > place[path]:
                until[place[path]] = max(until[place[path]], place[other])
    groups: list[list[Operation]] = []
    end = -1
    for index, operation in enumerate(ordered):
        if index > end:
            groups.append([])
        groups[-1].append(operation)
        end = max(end, until[index])
    return groups
