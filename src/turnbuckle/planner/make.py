"""make_plan: the whole of planning, one readable walk."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import DesignatedPool
from turnbuckle.model.partition_claim import is_claim
from turnbuckle.model.plan import Operation, Plan
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner.close import close
from turnbuckle.planner.diff import operation as diff
from turnbuckle.planner.diff import owner_of
from turnbuckle.planner.fingerprint import fingerprint
from turnbuckle.planner.graft import graft
from turnbuckle.planner.guard import is_ours, refuse
from turnbuckle.planner.order import order
from turnbuckle.planner.partitions import is_others_claim, refuse_elsewhere, with_claims

_NOBODY: Mapping[Path, frozenset[Ref]] = {}


def _nothing(_: Operation) -> bool:
    return False


def make_plan(
    observed: State,
    desired: State,
    *,
    controller_id: str,
    held: frozenset[Ref] = frozenset(),
    adopt: bool = False,
    synced: bool = True,
    paths: frozenset[Path] | None = None,
    causes: Mapping[Path, frozenset[Ref]] = _NOBODY,
    spare: Callable[[Operation], bool] = _nothing,
) -> Plan:
    """What turns `observed` into `desired`, in order, and what is not done and why.

    held: owners whose objects stay as they are. adopt: mark objects that nobody marked, and take them over.
    synced: whether every source has told everything; until then nothing is deleted.
    paths: what may differ, so that a plan costs what changed; None compares everything.
    spare: whether an operation is to be left for later, and with it what needs it.
    """
    owners = frozenset(str(ref) for ref in held)
    compared = (
        frozenset(observed) | frozenset(desired) if paths is None else _concerned(observed, desired, owners, paths)
    )
    disputed = owners and any(_places(observed, path) for path in compared)
    wanted = graft(observed, desired, held, compared, _occupied(desired, owners) if disputed else frozenset())
    operations: list[Operation] = []
    refused: list[tuple[Path, Issue]] = []
    foreign: list[Path] = []
    spared: list[Operation] = []
    for path in sorted(compared):
        if is_claim(path):
            foreign += [path] if is_others_claim(path, observed.get(path), controller_id) else []
            continue
        before, after = observed.get(path), wanted[path]
        if before is not None and not is_ours(before, controller_id) and not (adopt and after is not None):
            foreign.append(path)
        step = diff(path, before, after, causes)
        if step is None:
            continue
        objection = refuse(step, controller_id, adopt, synced)
        elsewhere = refuse_elsewhere(step, observed, controller_id) if objection is not True else ()
        if elsewhere:
            refused += [(path, issue) for issue in elsewhere]
            continue
        if objection is None:
            (spared if spare(step) else operations).append(step)
        elif isinstance(objection, Issue):
            refused.append((path, objection))
    allowed, waiting = close(operations, observed, frozenset(path for path, _ in refused), spared)
    ordered = with_claims(
        order(allowed), observed, desired, compared, controller_id, lambda claim: synced and not spare(claim)
    )
    refused += [*waiting, *_taken_members(observed, desired, compared)]
    return Plan(ordered, tuple(sorted(refused)), tuple(foreign), fingerprint(ordered), tuple(spared))


def _concerned(observed: State, desired: State, owners: frozenset[str], paths: frozenset[Path]) -> frozenset[Path]:
    """The paths that may differ, what is needed by them, and what of held owners may have to give way to them.

    What is needed by an object that goes is among them too: it may have had to stay because of that object alone.
    """
    found, todo = set(paths), list(paths)
    while todo:
        path = todo.pop()
        within = desired if path in desired else observed
        obj = within.get(path)
        more = {path for path in obj.references() if path in within} - found if obj is not None else set()
        found |= more
        todo += more
    if owners and any(_places(desired, path) - _places(observed, path) for path in paths):
        found |= {
            path
            for path, obj in observed.items()
            if obj.mark is not None and obj.mark.owner in owners and obj.occupies()
        }
    return frozenset(found)


def _places(state: State, path: Path) -> frozenset[str]:
    obj = state.get(path)
    return obj.occupies() if obj is not None else frozenset()


def _occupied(desired: State, owners: frozenset[str]) -> frozenset[str]:
    return frozenset(
        place
        for obj in desired.values()
        if obj.mark is not None and obj.mark.owner not in owners
        for place in obj.occupies()
    )


def _taken_members(observed: State, desired: State, paths: frozenset[Path]) -> list[tuple[Path, Issue]]:
    """A warning for each member of a designated pool that somebody else has put there already."""
    found = []
    for path in paths:
        before, after = observed.get(path), desired.get(path)
        if isinstance(before, DesignatedPool) and isinstance(after, DesignatedPool) and after.mark is not None:
            names = {member.name for member in after.members} & before.taken
            owner = owner_of(after.mark)
            found += [(path, issues_of.member_taken(owner, path.name, name)) for name in sorted(names)]
    return found
