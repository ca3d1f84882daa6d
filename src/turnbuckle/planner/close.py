"""Nothing dangles: an operation that needs what will not be there waits, and so does what needs that one."""

from __future__ import annotations

from collections.abc import Iterable

from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.state import Path, State
from turnbuckle.planner.diff import owners


def close(
    operations: Iterable[Operation],
    observed: State,
    refused: frozenset[Path] = frozenset(),
    spared: Iterable[Operation] = (),
) -> tuple[list[Operation], list[tuple[Path, Issue]]]:
    """The operations that may be done, and the path and an issue for each owner of one that waits.

    refused: wanted objects that cannot be written, because something else has their path. spared: operations that are
    left for later.
    """
    todo = {operation.path: operation for operation in operations}
    left = tuple(spared)
    later, staying = {operation.path for operation in left}, _Staying(left)
    issues: list[tuple[Path, Issue]] = []
    while waiting := _unmet(todo, observed, refused, staying):
        for path, culprit in waiting.items():
            operation = todo.pop(path)
            staying.stays(operation)
            tell = issues_of.needs_spared if culprit in later else issues_of.needs_refused
            issues += [(path, tell(owner, str(path), str(culprit))) for owner in sorted(owners(operation.after))]
    return list(todo.values()), issues


class _Staying:
    """What the objects of operations that are not done refer to and occupy as they stand, with who does."""

    def __init__(self, spared: Iterable[Operation]) -> None:
        self.needed: dict[Path, Path] = {}
        self.occupied: dict[str, Path] = {}
        for operation in spared:
            self.stays(operation)

    def stays(self, operation: Operation) -> None:
        """One more operation is not done."""
        if operation.before is not None:
            self.needed |= dict.fromkeys(operation.before.references(), operation.path)
            self.occupied |= dict.fromkeys(operation.before.occupies(), operation.path)


def _unmet(
    todo: dict[Path, Operation], observed: State, refused: frozenset[Path], staying: _Staying
) -> dict[Path, Path]:
    """Operations that cannot be done, with what is in the way.

    Their object would refer to something that is not there, take what only one can have from one that stays, or go
    although one that stays refers to it.
    """
    found = {}
    for path, operation in todo.items():
        if operation.after is None:
            if path in staying.needed:
                found[path] = staying.needed[path]
            continue
        blocked = [staying.occupied[place] for place in operation.after.occupies() if place in staying.occupied]
        for needed in operation.after.references():
            change = todo.get(needed)
            there = change.verb is not Verb.DELETE if change else needed in observed and needed not in refused
            if not there:
                blocked.append(needed)
        if blocked:
            found[path] = blocked[0]
    return found
