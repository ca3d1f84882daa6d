"""Plans against a device that refuses dangling references: accepted, complete, and empty the second time."""

from __future__ import annotations

from hypothesis import given, settings

from properties import worlds
from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.model.ltm import DesignatedPool, LtmObject
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.ref import Event, Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner import cut, make_plan
from turnbuckle.planner.diff import owner_of

THEIRS = Path(DesignatedPool.KIND, "/k8s/theirs")


class StrictDevice:
    """A device in a few lines: references must exist, what is referred to stays, a destination is had once."""

    def __init__(self) -> None:
        self.objects: dict[Path, LtmObject] = {THEIRS: DesignatedPool(THEIRS.name, None)}

    def commit(self, operations: tuple[Operation, ...]) -> None:
        for operation in operations:
            assert (operation.path in self.objects) is (operation.verb is not Verb.CREATE), operation
            if operation.after is None:
                # A part goes with its whole, and its own operation comes right behind.
                others = (o for o in self.objects.values() if o.whole() != operation.path)
                users = [o.name for o in others if operation.path in o.references()]
                assert not users, f"{operation.path} is in use by {users}"
                del self.objects[operation.path]
            else:
                missing = [path for path in operation.after.references() if path not in self.objects]
                assert not missing, f"{operation.path} refers to {missing}"
                self.objects[operation.path] = operation.after
        held = [place for obj in self.objects.values() for place in obj.occupies()]
        assert len(held) == len(set(held)), held


@settings(max_examples=250, deadline=None)
@given(worlds.HISTORIES, worlds.MEMBER_TYPES)
def test_every_plan_is_accepted_reaches_the_desired_state_and_leaves_nothing_to_do(
    history: list[list[Event]], member_type: str
) -> None:
    engine, device = Engine(registry.kinds(), registry.composers()), StrictDevice()
    engine.ingest([worlds.settings(member_type)])
    for events in history:
        snapshot = engine.ingest(events)
        plan = make_plan(
            State(device.objects.values()),
            snapshot.desired,
            controller_id="ctl",
            held=snapshot.held,
            ages=snapshot.ages,
        )
        for batch in cut(plan, largest=3):
            device.commit(batch.operations)
        again = make_plan(
            State(device.objects.values()),
            snapshot.desired,
            controller_id="ctl",
            held=snapshot.held,
            ages=snapshot.ages,
        )
        assert again.operations == ()
        for path, obj in snapshot.desired.items():
            waits = any(path == refused for refused, _ in again.refused)
            held = obj.mark is not None and obj.mark.owner in {str(ref) for ref in snapshot.held}
            assert held or waits or path in device.objects


@settings(max_examples=150, deadline=None)
@given(worlds.HISTORIES)
def test_a_plan_of_what_changed_does_what_a_plan_of_everything_does(history: list[list[Event]]) -> None:
    engine, device = Engine(registry.kinds(), registry.composers()), StrictDevice()
    engine.ingest([worlds.settings()])
    for events in history:
        snapshot = engine.ingest(events)
        observed = State(device.objects.values())
        whole = make_plan(observed, snapshot.desired, controller_id="ctl", held=snapshot.held, ages=snapshot.ages)
        if snapshot.changed is not None:
            part = make_plan(
                observed,
                snapshot.desired,
                controller_id="ctl",
                held=snapshot.held,
                ages=snapshot.ages,
                paths=snapshot.changed,
            )
            assert {op.path for op in part.operations} == {op.path for op in whole.operations}
        for batch in cut(whole):
            device.commit(batch.operations)


@settings(max_examples=100, deadline=None)
@given(worlds.HISTORIES, worlds.HISTORIES)
def test_after_a_restart_nothing_that_a_broken_object_had_is_lost(
    before: list[list[Event]], after: list[list[Event]]
) -> None:
    engine, device = Engine(registry.kinds(), registry.composers()), StrictDevice()
    engine.ingest([worlds.settings()])
    snapshot = engine.ingest([event for events in before for event in events])
    for batch in cut(make_plan(State(device.objects.values()), snapshot.desired, controller_id="ctl")):
        device.commit(batch.operations)
    had = {path for path, obj in device.objects.items() if obj.mark and obj.mark.owner == "ConfigMap/ns/a"}
    restarted = Engine(registry.kinds(), registry.composers())
    broken = worlds.config_map("a", "{", "2026-01-01T00:00:00Z")
    told = [e for events in before for e in events]
    snapshot = restarted.ingest([worlds.settings(), *told, broken])
    plan = make_plan(
        State(device.objects.values()), snapshot.desired, controller_id="ctl", held=snapshot.held, ages=snapshot.ages
    )
    for batch in cut(plan):
        device.commit(batch.operations)
    lost = had - device.objects.keys()
    ages = snapshot.ages
    for path in lost:
        gone = next(op.before for op in plan.operations if op.path == path)
        assert gone is not None
        rivals = [obj for obj in snapshot.desired.values() if obj.occupies() & gone.occupies() and obj.mark]
        older = [obj for obj in rivals if obj.mark and ages[owner_of(obj.mark)] < ages[Ref("", "ConfigMap", "ns", "a")]]
        assert older, f"{path} is lost, and nobody older has its destination"
