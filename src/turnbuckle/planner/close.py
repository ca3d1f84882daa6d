"""Nothing dangles: an operation that needs what will not be there waits, and so does what needs that one."""

from __future__ import annotations

from collections.abc import Iterable

from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.state import Path, State
from turnbuckle.planner.diff import owners


def close(
    operations: Iterable[Operation], observed: State, refused: frozenset[Path] = frozenset()
) -> tuple[list[Operation], list[tuple[Path, Issue]]]:
    """The operations that may be done, and the path and an issue for each owner of one that waits.

    refused: wanted objects that cannot be written, because something else has their path.
    """
    todo = {operation.path: operation for operation in operations}
    issues: list[tuple[Path, Issue]] = []
    while waiting := _unmet(todo, observed, refused):
        for path, culprit in waiting.items():
            operation = todo.pop(path)
            issues += [
                (path, issues_of.needs_refused(owner, str(path), str(culprit)))
                for owner in sorted(owners(operation.after))
            ]
    return list(todo.values()), issues


def _unmet(todo: dict[Path, Operation], observed: State, refused: frozenset[Path]) -> dict[Path, Path]:
    """Operations whose object would refer to something that is not there, with that something."""
    found = {}
    for path, operation in todo.items():
        if operation.after is None:
            continue
        for needed in operation.after.references():
            change = todo.get(needed)
            there = change.verb is not Verb.DELETE if change else needed in observed and needed not in refused
            if not there:
                found[path] = needed
                break
    return found
