"""What is to be done on a device, and how it went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path, State

if TYPE_CHECKING:
    from turnbuckle.model.issue import Issue


class Verb(StrEnum):
    """What an operation does to its object."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Operation:
    """One object to create, change or delete.

    before: the object as it was observed; None for CREATE. after: as it shall be; None for DELETE.
    fields: names of what differs, for UPDATE; empty otherwise.
    because: the objects in the cluster or folder that ask for it.
    """

    verb: Verb
    path: Path
    before: LtmObject | None
    after: LtmObject | None
    fields: frozenset[str] = frozenset()
    because: frozenset[Ref] = frozenset()

    @property
    def members_only(self) -> bool:
        """Whether nothing but pool members changes, so that it may travel ahead and alone."""
        return self.fields == frozenset({"members"}) or self.path.kind == "ltm/pool/members"


@dataclass(frozen=True, slots=True)
class Plan:
    """Operations in an order that a device accepts, and what was left out and why.

    refused: what is wanted and not done, by path, and why.
    foreign: objects in the partition that bear no mark of ours; they are neither changed nor deleted.
    spared: operations that could be done, and that whoever asked for the plan wants left for later.
    """

    operations: tuple[Operation, ...] = ()
    refused: tuple[tuple[Path, Issue], ...] = ()
    foreign: tuple[Path, ...] = ()
    spared: tuple[Operation, ...] = ()

    @property
    def refusals(self) -> tuple[Issue, ...]:
        """What there is to say about what is not done, sorted."""
        return tuple(sorted({issue for _, issue in self.refused}))


@dataclass(frozen=True, slots=True)
class Batch:
    """Operations that travel together: one pool's members directly ("members"), or in one transaction
    ("configuration").
    """

    form: Literal["members", "configuration"]
    partition: str
    operations: tuple[Operation, ...]


class Result(StrEnum):
    """How an operation ended."""

    DONE = "DONE"
    REJECTED = "REJECTED"
    UNREACHED = "UNREACHED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation went.

    answer: the device's own words when it refused. culprit: for an operation that was left out because of another one,
    the path of that one. UNREACHED: the device was not asked, or it is not known what it did; it must be read again.
    """

    operation: Operation
    result: Result
    took_s: float = 0.0
    answer: str = ""
    culprit: Path | None = None


def with_outcomes(observed: State, outcomes: Iterable[Outcome]) -> State:
    """The observed state after what was done."""
    return observed.changed({o.operation.path: o.operation.after for o in outcomes if o.result is Result.DONE})
