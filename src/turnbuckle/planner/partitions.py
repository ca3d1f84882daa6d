"""Whose a partition is: claimed with the first write, given up with the last object, left alone when it is another's.

A claim by itself is never a reason to write: what an earlier version left without one gets it with the next change.
Members in pools of others claim nothing, since nothing there is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence

from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import DesignatedPool, LtmObject
from turnbuckle.model.partition_claim import Holder, claim, holder_of, is_claim, path_in
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner.diff import owners
from turnbuckle.planner.guard import is_ours


def is_others_claim(path: Path, found: LtmObject | None, controller_id: str) -> bool:
    """Whether another controller's claim is there; one of ours is, whichever of several clusters it names."""
    return found is not None and is_claim(path) and holder_of(found).controller_id != controller_id


def refuse_elsewhere(step: Operation, observed: State, controller_id: str) -> tuple[Issue, ...]:
    """What is said about an operation in a partition that another controller holds; nothing in any other."""
    place = path_in(step.path.partition)
    found = observed.get(place)
    if found is None or not is_others_claim(place, found, controller_id):
        return ()
    holder = holder_of(found)
    about = owners(step.after) or owners(step.before) or {Ref("", "Partition", "", place.partition)}
    return tuple(
        issues_of.partition_held(owner, str(step.path), place.name, holder.controller_id, holder.cluster_id)
        for owner in sorted(about)
    )


def with_claims(
    operations: Sequence[Operation],
    observed: State,
    desired: State,
    compared: Iterable[Path],
    controller_id: str,
    may_go: Callable[[Operation], bool],
) -> tuple[Operation, ...]:
    """The operations, after the claims that they need, and before those that nothing needs any more and that may go.

    compared: the paths that were looked at; where one of them is not wanted, the claim on its partition may be given
    up, also when nothing else is done.
    """
    own = [op for op in operations if op.path.kind != DesignatedPool.KIND]
    first = _first_writes(own, observed, controller_id)
    gone = {op.path: op.because for op in own if op.verb is Verb.DELETE}
    because = {path.partition: refs for path, refs in gone.items()}
    last = (
        Operation(Verb.DELETE, path_in(partition), found, None, because=because.get(partition, frozenset()))
        for partition in sorted({path.partition for path in compared if path not in desired})
        if (found := observed.get(path_in(partition))) is not None
        and holder_of(found).controller_id == controller_id
        and not _in_use(partition, observed, desired, gone, controller_id)
    )
    return (*first, *operations, *filter(may_go, last))


def _first_writes(own: Iterable[Operation], observed: State, controller_id: str) -> list[Operation]:
    """A claim for each partition that something of ours is written to and that has none."""
    found: dict[str, Operation] = {}
    for op in own:
        partition = op.path.partition
        if op.after is None or op.after.mark is None or op.members_only or partition in found:
            continue
        if path_in(partition) not in observed:
            made = claim(partition, Holder(controller_id, op.after.mark.cluster_id))
            found[partition] = Operation(Verb.CREATE, made.path, None, made, because=op.because)
    return [found[partition] for partition in sorted(found)]


def _in_use(partition: str, observed: State, desired: State, gone: Container[Path], controller_id: str) -> bool:
    """Whether something of ours is wanted in a partition, or stays there."""
    if any(_is_own(path, partition) for path in desired):
        return True
    return any(
        _is_own(path, partition) and path not in gone and not is_claim(path) and is_ours(obj, controller_id)
        for path, obj in observed.items()
    )


def _is_own(path: Path, partition: str) -> bool:
    return path.kind != DesignatedPool.KIND and path.name.startswith(f"/{partition}/")
