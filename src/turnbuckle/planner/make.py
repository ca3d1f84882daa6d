"""make_plan: the whole of planning, one readable walk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import DesignatedPool
from turnbuckle.model.partition_claim import is_claim
from turnbuckle.model.plan import Operation, Plan, Verb
from turnbuckle.model.ref import Age, Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner import places
from turnbuckle.planner.close import close
from turnbuckle.planner.diff import operation as diff
from turnbuckle.planner.diff import owner_of, owners
from turnbuckle.planner.graft import graft
from turnbuckle.planner.guard import is_ours, refuse
from turnbuckle.planner.hosts import contest
from turnbuckle.planner.order import order
from turnbuckle.planner.partitions import is_others_claim, refuse_elsewhere, with_claims

_NOBODY: Mapping[Path, frozenset[Ref]] = {}
_AGELESS: Mapping[Ref, Age] = {}


def _nothing(_: Operation) -> bool:
    return False


def make_plan(
    observed: State,
    desired: State,
    *,
    controller_id: str,
    held: frozenset[Ref] = frozenset(),
    ages: Mapping[Ref, Age] = _AGELESS,
    stays: Mapping[Path, frozenset[Ref]] = _NOBODY,
    adopt: bool = False,
    synced: bool = True,
    paths: frozenset[Path] | None = None,
    causes: Mapping[Path, frozenset[Ref]] = _NOBODY,
    spare: Callable[[Operation], bool] = _nothing,
) -> Plan:
    """What turns `observed` into `desired`, in order, and what is not done and why.

    held: owners whose objects stay as they are. ages: of owners, for what only one of them can have.
    stays: paths of what nobody can make as things are, and who wants it: what is there is not taken away.
    adopt: mark objects that nobody marked, and take them over.
    synced: whether every source has told everything; until then nothing is deleted.
    paths: what may differ; None: everything. spare: whether an operation is to be left for later, with what needs it.
    """
    compared = frozenset(observed) | frozenset(desired) if paths is None else _concerned(observed, desired, held, paths)
    rules = contest(observed, desired, held, ages, compared, controller_id)
    compared |= rules.leaving
    disputed = held and any(_places(state, path) for path in compared for state in (observed, desired))
    kept = places.kept(observed, desired, held, ages, controller_id) if disputed else {}
    wanted = graft(observed, desired, held, stays, compared, kept, controller_id) | dict.fromkeys(rules.leaving)
    steps = {path: diff(path, observed.get(path), wanted[path], causes) for path in compared}
    losses = rules.losses | places.losses(filter(None, steps.values()), kept, held, ages)
    found = _Found()
    for path in sorted(compared):
        before, step = observed.get(path), steps[path]
        if is_claim(path):
            found.foreign += [path] if is_others_claim(path, before, controller_id) else []
            continue
        if before is not None and not is_ours(before, controller_id) and not (adopt and wanted[path] is not None):
            found.foreign.append(path)
        if step is not None and path in losses:
            step = found.loses(step, losses[path])
        if step is None:
            continue
        objection = refuse(step, controller_id, adopt, synced)
        elsewhere = refuse_elsewhere(step, observed, controller_id) if objection is not True else ()
        if elsewhere:
            found.refused += [(path, issue) for issue in elsewhere]
        elif objection is None:
            (found.spared if spare(step) else found.operations).append(step)
        elif isinstance(objection, Issue):
            found.refused.append((path, objection))
    spared, stuck = _left_for_later(found, observed) if found.spared else ([], [])
    allowed, waiting = close(found.operations, observed, found.barred, (*found.spared, *found.put_off))
    told = [*found.refused, *stuck, *waiting, *_taken_members(observed, desired, compared)]
    claims = (observed, desired, compared, controller_id, lambda claim: synced and not spare(claim))
    return Plan(with_claims(order(allowed), *claims), tuple(sorted(told)), tuple(found.foreign), tuple(spared))


@dataclass(slots=True)
class _Found:
    """What becomes of the steps. put_off: operations that cannot have the place that they want, and stay undone."""

    operations: list[Operation] = field(default_factory=list)
    refused: list[tuple[Path, Issue]] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)
    spared: list[Operation] = field(default_factory=list)
    put_off: list[Operation] = field(default_factory=list)

    @property
    def barred(self) -> frozenset[Path]:
        """The paths of what cannot be written."""
        return frozenset(path for path, _ in self.refused)

    def loses(self, step: Operation, loss: places.Loss) -> Operation | None:
        """Tells who cannot have a place; answers what is done instead: nothing, or what is there goes."""
        path = step.path
        self.refused += [(path, loss.tell(owner, str(path), str(loss.holder))) for owner in owners(step.after)]
        if step.before is not None and not loss.stays:
            return Operation(Verb.DELETE, path, step.before, None, frozenset(), step.because)
        self.put_off.append(step)
        return None


def _left_for_later(found: _Found, observed: State) -> tuple[list[Operation], list[tuple[Path, Issue]]]:
    """The spared operations that nothing else keeps from being done; and of the others, what does.

    Whoever spares them counts on doing them later: one that something else holds up would be put off again and again.
    """
    later = {operation.path for operation in found.spared}
    allowed, waiting = close((*found.operations, *found.spared), observed, found.barred, found.put_off)
    return (
        [operation for operation in allowed if operation.path in later],
        [(path, issue) for path, issue in waiting if path in later],
    )


def _concerned(observed: State, desired: State, held: frozenset[Ref], paths: frozenset[Path]) -> frozenset[Path]:
    """The paths that may differ, what is needed by them, and what of held owners may have to give way to them.

    What they have needed so far is among them too: it may have had to stay because of one of them alone. What would go
    is not to be needed by what stays: so are those that refer to it on the device.
    """
    found = todo = set(paths)
    while todo:
        both = [obj for path in todo for obj in (desired.get(path), observed.get(path)) if obj is not None]
        needed = {path for obj in both for path in obj.references() if path in desired or path in observed}
        todo = (needed | observed.referrers(_going(observed, desired, todo))) - found
        found = found | todo
    if held:
        found |= _held_parts(observed, held, _going(observed, desired, found))
    taken = {place for path in paths for place in _places(desired, path) - _places(observed, path)} if held else set()
    if taken:
        found |= {
            path for path, obj in observed.items() if obj.occupies() & taken or (obj.occupies() and owners(obj) & held)
        }
    return frozenset(found)


def _going(observed: State, desired: State, paths: set[Path]) -> set[Path]:
    return {path for path in paths if path in observed and path not in desired}


def _held_parts(observed: State, held: frozenset[Ref], going: set[Path]) -> set[Path]:
    """The parts of held owners in what would go."""
    parts = ((path, obj) for path, obj in observed.items() if obj.whole() in going) if going else ()
    return {path for path, obj in parts if owners(obj) & held}


def _places(state: State, path: Path) -> frozenset[str]:
    obj = state.get(path)
    return obj.occupies() if obj is not None else frozenset()


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
