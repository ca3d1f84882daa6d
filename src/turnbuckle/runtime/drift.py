"""What somebody else changed on our objects: told in any case, and put right again or left, as the settings say.

Left means until the cluster wants something else of the same object; then that is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.state import Path, State
from turnbuckle.planner.diff import operation as difference
from turnbuckle.planner.diff import owners
from turnbuckle.planner.guard import is_ours
from turnbuckle.planner.render import change


@dataclass(frozen=True, slots=True)
class _Drifted:
    """An object that is not as we left it. wanted: what was desired when that was seen."""

    issues: tuple[Issue, ...]
    wanted: LtmObject | None


class Drift:
    """The objects of one device that somebody else changed. mends: whether they are put right again."""

    def __init__(self, controller_id: str, *, mends: bool = True) -> None:
        self._controller_id, self._mends = controller_id, mends
        self._drifted: dict[Path, _Drifted] = {}

    def take(self, found: Mapping[Path, LtmObject | None], known: State, desired: State) -> dict[Path, frozenset[str]]:
        """Takes in what a scan found to be other than it was known; answers what of it was ours, and which fields."""
        fresh: dict[Path, frozenset[str]] = {}
        for path, there in found.items():
            left = known.get(path)
            if left is None or not is_ours(left, self._controller_id) or path not in desired:
                continue
            step = difference(path, left, there, {})
            if step is None:
                continue
            about = sorted(owners(left))
            issues = tuple(issues_of.drifted(owner, str(path), _words(step), self._mends) for owner in about)
            self._drifted[path] = _Drifted(issues, desired[path])
            fresh[path] = step.fields
        return fresh

    def spares(self, operation: Operation) -> bool:
        """Whether an operation would mend what is only to be told."""
        drifted = self._drifted.get(operation.path)
        return not self._mends and drifted is not None and operation.after == drifted.wanted

    def planned(self, operations: Iterable[Operation], compared: frozenset[Path] | None) -> None:
        """Forgets what is as it shall be again. compared: the paths planned, None for all."""
        wrong = {operation.path for operation in operations}
        self._drifted = {
            path: drifted
            for path, drifted in self._drifted.items()
            if path in wrong or (compared is not None and path not in compared)
        }

    def written(self, paths: Iterable[Path]) -> None:
        """Forgets what was written: it is as it shall be."""
        for path in paths:
            self._drifted.pop(path, None)

    def issues(self) -> list[Issue]:
        """What there is to say about it."""
        return [issue for drifted in self._drifted.values() for issue in drifted.issues]


def _words(step: Operation) -> str:
    if step.verb is Verb.DELETE:
        return "it is gone"
    return "; ".join(f"{name}: {change(step, name)}" for name in sorted(step.fields))
