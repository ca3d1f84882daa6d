"""What a device refused, or took and did not keep: it is not written again at once, but it is not forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.plan import Operation, Outcome, Result
from turnbuckle.model.state import Path
from turnbuckle.planner.diff import owners

_NODE_HELD = re.compile(r"Invalid Node, the IP address (\S+) already exists\. It is node (\S+)\.$")
"""What a driver answers when a member's address is a node somewhere else on the device."""

_DESTINATION_HELD = re.compile(r"illegally shares destination address, .* with Virtual Server (\S+)\.$")
_ADDRESS_HELD = re.compile(r"Invalid Virtual Address, the IP address (\S+) already exists\.$")
"""What the device answers when somebody else's virtual server, or one in another partition, is where one is to be."""

FIRST_RETRY_S = 10.0
LONGEST_RETRY_S = 300.0
MOST_DOUBTS = 3
MOST_REPETITIONS = 3
REPETITION_WINDOW_S = 600.0
"""Two writes of the same thing count as repetitions when no more time is between them."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    operation: Operation
    issues: tuple[Issue, ...]
    retry_at: float
    pause_s: float


@dataclass(frozen=True, slots=True)
class _Written:
    what: tuple[object, ...]
    times: int
    at: float


class Refused:
    """Operations that wait for their next try. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._refusals: dict[Path, _Refusal] = {}
        self._written: dict[Path, _Written] = {}
        self._doubts: dict[Path, int] = {}

    def note(self, outcome: Outcome, now: float) -> None:
        """Takes in how an operation went."""
        operation = outcome.operation
        path = operation.path
        if outcome.result is Result.REJECTED:
            self._refuse(outcome, now)
        elif outcome.result is Result.DONE:
            self._refusals.pop(path, None)
            self._doubts.pop(path, None)
            self._count(operation, now)

    def doubt(self, outcome: Outcome, now: float) -> None:
        """Takes in that it is not known how an operation ended that was tried by itself.

        When that happens again and again the device answers everything but this, which must not hold up the rest.
        """
        path = outcome.operation.path
        self._doubts[path] = self._doubts.get(path, 0) + 1
        if path in self._refusals or self._doubts[path] >= MOST_DOUBTS:
            self._refuse(outcome, now)

    def no_doubts(self) -> None:
        """Everything that could be done is done."""
        self._doubts.clear()

    def _refuse(self, outcome: Outcome, now: float) -> None:
        operation, path = outcome.operation, outcome.operation.path
        before = self._refusals.get(path)
        same = before is not None and _same(before.operation, operation)
        pause_s = min(before.pause_s * 2, LONGEST_RETRY_S) if before is not None and same else FIRST_RETRY_S
        self._refusals[path] = _Refusal(operation, _issues(outcome), now + pause_s, pause_s)
        self._doubts.pop(path, None)

    def _count(self, operation: Operation, now: float) -> None:
        if operation.members_only:
            return
        before = self._written.pop(operation.path, None)
        if before is not None and before.what == _what(operation) and now - before.at < REPETITION_WINDOW_S:
            written = replace(before, times=before.times + 1, at=now)
        else:
            written = _Written(_what(operation), 1, now)
        self._written[operation.path] = written
        self._forget_written(now)

    def _forget_written(self, now: float) -> None:
        """What was written long ago; the oldest comes first."""
        while now - self._written[oldest := next(iter(self._written))].at >= REPETITION_WINDOW_S:
            del self._written[oldest]

    def waits(self, operation: Operation, now: float) -> bool:
        """Whether an operation is one that was refused, and its time has not come."""
        refusal = self._refusals.get(operation.path)
        return refusal is not None and _same(refusal.operation, operation) and now < refusal.retry_at

    def planned(self, operations: Iterable[Operation], compared: frozenset[Path] | None, now: float) -> None:
        """Forgets refusals that nobody asks for any more, and holds back what is asked for again and again.

        compared: the paths planned, None for all.
        """
        wanted = {operation.path: operation for operation in operations}
        for operation in wanted.values():
            self._hold_back(operation, now)
        for path in list(self._refusals):
            if compared is not None and path not in compared:
                continue
            if path not in wanted or not _same(self._refusals[path].operation, wanted[path]):
                del self._refusals[path]

    def _hold_back(self, operation: Operation, now: float) -> None:
        """Makes an operation wait that was done again and again, and is wanted still."""
        written = self._written.get(operation.path)
        if written is None or written.times < MOST_REPETITIONS or written.what != _what(operation):
            return
        del self._written[operation.path]
        if now - written.at < REPETITION_WINDOW_S:
            about = sorted(owners(operation.after) | owners(operation.before))
            issues = tuple(issues_of.not_converging(owner, str(operation.path), written.times) for owner in about)
            self._refusals[operation.path] = _Refusal(operation, issues, now + LONGEST_RETRY_S, LONGEST_RETRY_S)

    def paths(self) -> frozenset[Path]:
        """The paths of what waits for its next try."""
        return frozenset(self._refusals)

    def due(self, now: float) -> frozenset[Path]:
        """The paths whose next try has come."""
        return frozenset(path for path, refusal in self._refusals.items() if refusal.retry_at <= now)

    def next_at(self) -> float | None:
        """When the next try is, or None."""
        return min((refusal.retry_at for refusal in self._refusals.values()), default=None)

    def issues(self) -> list[Issue]:
        """What there is to say about them."""
        return [issue for refusal in self._refusals.values() for issue in refusal.issues]

    def __len__(self) -> int:
        return len(self._refusals)


def _what(operation: Operation) -> tuple[object, ...]:
    """What an operation makes of its object, whatever was there and whoever asked for it."""
    return (operation.verb, operation.after, operation.fields)


def _same(one: Operation, other: Operation) -> bool:
    return _what(one) == _what(other)


def _issues(outcome: Outcome) -> tuple[Issue, ...]:
    path = str(outcome.operation.path)
    about = sorted(owners(outcome.operation.after) | owners(outcome.operation.before))
    if outcome.culprit is not None:
        return tuple(issues_of.needs_refused(owner, path, str(outcome.culprit)) for owner in about)
    held = _NODE_HELD.search(outcome.answer)
    if held is not None:
        return tuple(issues_of.node_held(owner, path, held[1], held[2], outcome.answer) for owner in about)
    if taken := _DESTINATION_HELD.search(outcome.answer):
        what = f"virtual server {taken[1]} listens there"
        return tuple(issues_of.destination_held(owner, path, what, outcome.answer) for owner in about)
    if taken := _ADDRESS_HELD.search(outcome.answer):
        what = f"its address {taken[1]} is another partition's"
        return tuple(issues_of.destination_held(owner, path, what, outcome.answer) for owner in about)
    return tuple(issues_of.refused_by_device(owner, path, outcome.answer) for owner in about)
