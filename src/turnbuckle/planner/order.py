"""What runs before what, known from references: the referenced before the referrer, and deletes the other way round.

What only one object can have (a destination) is vacated before it is taken. Two objects that swap such things cannot be
ordered; they stay together, for a transaction to do at once. Parts that go with their whole stand right behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.state import Path
from turnbuckle.planner.parts import gone_with, pairs, whole_of

_RANK = {
    "ltm/pool/members": 1,
    "ltm/pool": 2,
    "ltm/profile/client-ssl": 3,
    "ltm/profile/server-ssl": 3,
    "ltm/rule": 4,
    "ltm/policy": 4,
    "ltm/policy/rules": 5,
    "ltm/virtual": 6,
    "ltm/virtual/profiles": 7,
    "sys/application/service": 8,
}
"""Among what is not bound by references, files and monitors come first and listeners last."""


def order(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """The operations in an order that a device accepts; the same operations always come in the same order."""
    todo = {operation.path: operation for operation in operations}
    needs = needs_of(todo)
    vacating = vacaters(todo)
    try:
        ordered = _sorted(todo, {path: needs[path] | vacating.get(path, set()) for path in needs})
    except CycleError:
        ordered = _sorted(todo, needs)
    behind: dict[Path, list[Operation]] = {}
    for part, whole in sorted(gone_with(todo.values()).items()):
        behind.setdefault(whole, []).append(todo[part])
    return tuple(one for operation in ordered for one in (operation, *behind.get(operation.path, ())))


def _sorted(todo: dict[Path, Operation], before: dict[Path, set[Path]]) -> list[Operation]:
    sorter = TopologicalSorter(before)
    sorter.prepare()
    result: list[Operation] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda path: _place(todo[path]))
        result += [todo[path] for path in ready]
        sorter.done(*ready)
    return result


def _place(operation: Operation) -> tuple[bool, int, str, str]:
    deletes = operation.verb is Verb.DELETE
    rank = _RANK.get(operation.path.kind, 0)
    return (deletes, -rank if deletes else rank, operation.path.name, operation.path.kind)


def needs_of(todo: dict[Path, Operation]) -> dict[Path, set[Path]]:
    """For each operation the paths whose operations come before it.

    A part that goes with its whole is done with that; one that is made with its whole may be told with it, so that the
    whole comes after all that it needs. A part is taken away after its whole was changed, for which all parts are
    listed.
    """
    along = gone_with(todo.values())
    first: dict[Path, set[Path]] = {path: set() for path in todo if path not in along}
    for path, operation in todo.items():
        for needed in operation.after.references() if operation.after else ():
            if needed in todo and todo[needed].verb is not Verb.DELETE:
                first[path].add(needed)
        whole = whole_of(operation)
        if whole in first and todo[whole].verb is Verb.CREATE:
            first[whole] |= first[path] - {whole}
        doer = along.get(path, path)
        for held in operation.before.references() if operation.before else ():
            if held in first and todo[held].verb is Verb.DELETE and held != doer:
                first[held].add(doer)
        if operation.verb is Verb.DELETE and whole in first and todo[whole].verb is Verb.UPDATE:
            first[path].add(whole)
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
    """Ordered operations, grouped so that those which are done at once are in one group.

    They swap what only one can have, are parts that go with their whole, or a certificate and its key.
    """
    ordered = list(operations)
    place = {operation.path: index for index, operation in enumerate(ordered)}
    until = list(range(len(ordered)))
    for path, others in _bound(ordered).items():
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


def _bound(operations: list[Operation]) -> dict[Path, set[Path]]:
    """What has to be done at once, of two the one -> the other."""
    found = {path: set(others) for path, others in vacaters({one.path: one for one in operations}).items()}
    for part, whole in gone_with(operations).items():
        found.setdefault(whole, set()).add(part)
    for certificate, key in pairs(operations).items():
        found.setdefault(certificate, set()).add(key)
        found.setdefault(key, set()).add(certificate)
    return found
