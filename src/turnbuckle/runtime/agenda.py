"""What is to be done on one device: planned from what is wanted and what is known of it, and what became of it.

It does nothing by itself and has no clock. Changes are planned at the cost of what they concern; what is planned and
not yet written is kept, so that a member that changes during a cold start of minutes goes ahead of the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial

from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ltm import DesignatedPool, LtmObject, sharing
from turnbuckle.model.plan import Batch, Operation, Outcome, Plan, Result, with_outcomes
from turnbuckle.model.state import Path, State
from turnbuckle.planner import make_plan
from turnbuckle.planner.diff import owners
from turnbuckle.planner.freeze import Freeze
from turnbuckle.runtime.backlog import Backlog
from turnbuckle.runtime.caution import Caution
from turnbuckle.runtime.drift import Drift
from turnbuckle.runtime.observer import Standing
from turnbuckle.runtime.refused import Refused


class Agenda:
    """The newest snapshot against what a device has. Times are seconds of a monotonic clock.

    desired is empty before the first snapshot; observed is None while it is not known what the device has.
    """

    def __init__(self, controller_id: str, caution: Caution, drift: Drift, *, adopt: bool = False) -> None:
        self._controller_id, self._adopt = controller_id, adopt
        self.caution, self.drift, self.refused = caution, drift, Refused()
        self._snapshot: Snapshot | None = None
        self._observed: State | None = None
        self._asked_for: frozenset[str] = frozenset()
        self._to_compare: frozenset[Path] | None = None
        self._blocked: dict[Path, tuple[Issue, ...]] = {}
        self._frozen: dict[Path, tuple[Issue, ...]] = {}
        self._backlog = Backlog()
        self.freeze = Freeze()
        self.foreign: frozenset[Path] = frozenset()

    # ---- what is wanted

    @property
    def begun(self) -> bool:
        """Whether there is anything to compare a device with."""
        return self._snapshot is not None

    @property
    def snapshot(self) -> Snapshot:
        """The newest one; an empty one before the first."""
        return self._snapshot or Snapshot(0, State())

    def want(self, newest: Snapshot) -> None:
        """Takes the newest snapshot."""
        self._snapshot = newest
        self.caution.learn(newest.grounds)
        if newest.changed is None or self._to_compare is None:
            self._to_compare = None
        else:
            self._to_compare |= newest.changed

    def designated(self) -> frozenset[str]:
        """Full paths of the pools of others that members are put into."""
        return frozenset(path.name for path in self.snapshot.desired if path.kind == DesignatedPool.KIND)

    # ---- what is known of the device

    @property
    def observed(self) -> State | None:
        """What the device has, as far as it is known."""
        return self._observed

    def observe(self, state: State | None, asked_for: frozenset[str] = frozenset()) -> None:
        """The device was read as a whole; None: what is known of it is worth nothing any more.

        asked_for: full paths of the pools of others that were asked for.
        """
        self._observed = sharing(state, self.snapshot.desired) if state is not None else None
        self._asked_for, self._to_compare = asked_for, None
        self._backlog.replace(())

    def compare_everything(self) -> None:
        """Whatever was planned is worth nothing: somebody else writes."""
        self._to_compare = None
        self._backlog.replace(())

    def found(self, differing: Mapping[Path, LtmObject | None]) -> dict[Path, frozenset[str]]:
        """A scan found objects that are other than they were known; answers what somebody changed of ours."""
        if self._observed is None:
            return {}
        drifted = self.drift.take(differing, self._observed, self.snapshot.desired)
        self._observed = self._observed.changed(differing)
        if self._to_compare is not None:
            self._to_compare |= differing.keys()
        return drifted

    def unread_pools(self) -> bool:
        """Whether a designated pool is wanted that nobody asked the device for, or that was not there then."""
        if self._observed is None:
            return False
        if self._to_compare is None:
            return not self.designated() <= self._asked_for
        paths = [path for path in self._to_compare if path.kind == DesignatedPool.KIND]
        return any(path in self.snapshot.desired and path not in self._observed for path in paths)

    def note(self, outcomes: Iterable[Outcome], now: float) -> None:
        """Takes in how operations went. After one that was not reached the device has to be read."""
        outcomes = tuple(outcomes)
        if self._observed is not None:
            self._observed = with_outcomes(self._observed, outcomes)
        for outcome in outcomes:
            self.refused.note(outcome, now)
        self.drift.written(outcome.operation.path for outcome in outcomes if outcome.result is Result.DONE)
        if any(outcome.result is Result.UNREACHED for outcome in outcomes):
            self.observe(None)

    # ---- what is to be done

    def wake(self, now: float) -> None:
        """What waited for its time is planned again."""
        if self._to_compare is not None:
            self._to_compare |= self.refused.due(now) | self.caution.due(now, self.snapshot.lists)

    def plan(self, now: float) -> None:
        """Plans what has changed since the last time; the device must have been read."""
        compared = self._to_compare
        if compared is not None and not compared:
            return
        if compared is not None and self.snapshot.held:
            # What had to give way to a held owner's object may not have to any more.
            compared |= self._blocked.keys()
        todo = self._todo(compared, now)
        if compared is None or not self._backlog.merge(todo, compared):
            waiting = self._backlog.paths()
            if compared is not None and waiting - compared:
                todo = self._todo(compared | waiting, now)
            self._backlog.replace(todo)
        self._to_compare = frozenset()

    def waiting(self) -> Collection[Operation]:
        """What is to be written."""
        return self._backlog.operations()

    def next_batch(self, largest: int) -> Batch | None:
        """What is to be written next."""
        return self._backlog.pop(largest)

    def _todo(self, compared: frozenset[Path] | None, now: float) -> tuple[Operation, ...]:
        plan = self._plan(compared, now)
        self.refused.planned(plan.operations, compared, now)
        self.drift.planned((*plan.operations, *plan.spared), compared)
        if compared is None:
            self._blocked, self._frozen, self.foreign = {}, {}, frozenset(plan.foreign)
        else:
            self._blocked = {path: issues for path, issues in self._blocked.items() if path not in compared}
            self._frozen = {path: issues for path, issues in self._frozen.items() if path not in compared}
            self.foreign = self.foreign - compared | frozenset(plan.foreign)
        for path, issue in plan.refused:
            self._blocked[path] = (*self._blocked.get(path, ()), issue)
        for operation in plan.spared:
            if what := self._freezes(operation):
                about = sorted(owners(operation.before) | owners(operation.after))
                path = operation.path
                self._frozen[path] = tuple(issues_of.frozen(owner, str(path), what) for owner in about)
        return tuple(operation for operation in plan.operations if not self.refused.waits(operation, now))

    def _plan(self, compared: frozenset[Path] | None, now: float) -> Plan:
        assert self._observed is not None
        make = partial(
            make_plan,
            self._observed,
            self.snapshot.desired,
            controller_id=self._controller_id,
            held=self.snapshot.held,
            ages=self.snapshot.ages,
            stays=self.snapshot.stays,
            adopt=self._adopt,
            paths=compared,
            causes=self.snapshot.causes,
        )
        plan = make(spare=lambda operation: self._spares(operation) or self.caution.doubts(operation))
        doubtful = [one for one in plan.spared if self.caution.doubts(one) and not self._spares(one)]
        lost = [operation for operation in doubtful if not self._displaced(operation, plan)]
        waiting = self.caution.weigh(lost, compared, self._observed, now, self.snapshot.lists)
        if len(waiting) == len(doubtful):
            return plan
        return make(spare=lambda operation: self._spares(operation) or operation.path in waiting)

    def _spares(self, operation: Operation) -> bool:
        """Whether a person wants an operation not to be done."""
        return self.drift.spares(operation) or bool(self._freezes(operation))

    def _freezes(self, operation: Operation) -> str:
        return self.freeze.holds(operation, self.snapshot.frozen)

    def _displaced(self, removal: Operation, plan: Plan) -> bool:
        """Whether something that is wanted takes the place of what goes, which is no loss then."""
        places = removal.before.occupies() if removal.before is not None else frozenset()
        return bool(places) and any(
            places & self.snapshot.desired[path].occupies() for path, _ in plan.refused if path in self.snapshot.desired
        )

    # ---- how it stands

    def settled(self) -> None:
        """Everything is done that can be done now."""
        self.refused.no_doubts()
        self.caution.forget(self.refused.paths())

    def next_at(self) -> float | None:
        """When something has to be planned again though nothing changed, or None."""
        return min((at for at in (self.refused.next_at(), self.caution.next_at()) if at is not None), default=None)

    @property
    def blocked(self) -> bool:
        """Whether something on the device stands in the way that only its operator can move."""
        return any(issue.severity is not Severity.WARNING for issue in self._blocking())

    def _blocking(self) -> list[Issue]:
        return [issue for issues in self._blocked.values() for issue in issues]

    def issues(self) -> tuple[Issue, ...]:
        """What there is to say about what is not done."""
        frozen = (issue for issues in self._frozen.values() for issue in issues)
        return (*self._blocking(), *self.refused.issues(), *self.caution.issues(), *frozen)

    @property
    def frozen(self) -> tuple[Path, ...]:
        """What waits because it is frozen."""
        return tuple(sorted(self._frozen))

    def standing(self) -> Mapping[Standing, int]:
        """How many objects stand in which way."""
        held_back = len(self.caution)
        counts = {
            Standing.WAITING: len(self._backlog) + held_back,
            Standing.REFUSED: len(self.refused),
            Standing.FOREIGN: len(self.foreign),
            Standing.HELD: len(self.snapshot.held),
        }
        there = len(self._observed or ())
        return {**counts, Standing.IN_SYNC: max(0, there - len(self.foreign) - held_back)}

    @property
    def clean(self) -> bool:
        """Whether nothing was refused, held back, or stands in the way."""
        errors = any(issue.severity is Severity.ERROR for issue in self._blocking())
        return not (len(self.refused) or len(self.caution) or self._frozen or errors)
