"""Random Ingresses on a simulated device: it takes every plan, and then nothing is left to do."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bigipsim.box import Box
from bigipsim.clock import ManualClock
from drivers.device import Device
from properties import worlds
from turnbuckle import registry
from turnbuckle.drivers.base import Credentials
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.engine.engine import Engine
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model.plan import Outcome, Plan, Result, Verb, with_outcomes
from turnbuckle.model.policy import PolicyRule
from turnbuckle.model.ref import Event, Gone, Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner import cut, make_plan
from turnbuckle.planner.diff import owners
from unit.ingresses import F5, ingress

ADDRESS_ELSEWHERE = "0107176c"
"""The device's code when an address is still another partition's; once it is free there, the next plan takes it."""


def device() -> Device:
    """A device with the partitions, the profile and the pool of operators that those worlds name."""
    clock = ManualClock()
    found = Device(Box(clock), clock)
    for name in ("k8s", "other"):
        found.operator("POST", "/mgmt/tm/auth/partition", {"name": name})
    found.operator("POST", "/mgmt/tm/ltm/profile/client-ssl", {"name": "x", "partition": "Common"})
    found.operator("POST", "/mgmt/tm/ltm/pool", {"name": "theirs", "partition": "k8s"})
    return found


def driver_for(box: Device) -> IControlDriver:
    return IControlDriver(
        box,
        lambda: Credentials("admin", "admin"),
        partitions=("k8s", "other"),
        controller_id="ctl",
        clock=box.clock.now,
        sleep=box.sleep,
    )


def plan(observed: State, snapshot: Snapshot, paths: frozenset[Path] | None = None) -> Plan:
    held, ages, stays = snapshot.held, snapshot.ages, snapshot.stays
    return make_plan(observed, snapshot.desired, controller_id="ctl", held=held, ages=ages, stays=stays, paths=paths)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds.HISTORIES_OF_INGRESSES)
async def test_a_device_takes_every_plan_and_then_nothing_is_left_to_do(history: list[list[Event]]) -> None:
    box = device()
    driver = driver_for(box)
    engine = Engine(registry.kinds(), registry.composers())
    engine.ingest([worlds.settings()])
    observed = await driver.read()
    for events in history:
        snapshot = engine.ingest(events)
        for batch in cut(plan(observed, snapshot), largest=7):
            outcomes = await driver.apply(batch)
            if any(ADDRESS_ELSEWHERE in outcome.answer for outcome in outcomes):
                return
            assert {outcome.result for outcome in outcomes} == {Result.DONE}, outcomes
            observed = with_outcomes(observed, outcomes)
        assert await driver.scan(observed) == {}
        assert not plan(observed, snapshot).operations
    assert dict(await driver.read()) == dict(observed)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds.HISTORIES_OF_INGRESSES)
def test_after_a_restart_a_broken_ingress_keeps_its_rules_and_what_serves_them(history: list[list[Event]]) -> None:
    events = [worlds.settings(), *(event for part in history for event in part)]
    observed = Engine(registry.kinds(), registry.composers()).ingest(events).desired
    mistake = {"kubernetes.io/ingress.class": "f5", f"{F5}/http-port": "eighty"}
    broken = ingress("a", "ns", annotations=mistake, created="2026-01-02T00:00:00Z")
    snapshot = Engine(registry.kinds(), registry.composers()).ingest([*events, broken])
    after = with_outcomes(observed, [Outcome(one, Result.DONE) for one in plan(observed, snapshot).operations])
    for path, obj in observed.items():
        if not isinstance(obj, PolicyRule) or owners(obj) != {broken.obj.ref}:
            continue
        users = [one for one in observed.values() if obj.whole() in one.references() and one.whole() is None]
        places = {place for one in users for place in one.occupies()}
        taken = {place for one in after.values() if one not in users for place in one.occupies()} & places
        assert path in after or taken, path
        assert all(one.path in after for one in users) or taken


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(worlds.HISTORIES_OF_INGRESSES, st.sets(st.tuples(worlds.NAMESPACES, st.sampled_from("st"))))
def test_after_a_restart_missing_secrets_take_nothing_away(
    history: list[list[Event]], missing: set[tuple[str, str]]
) -> None:
    events = [worlds.settings(), worlds.ingress_class(), *(event for part in history for event in part)]
    before = Engine(registry.kinds(), registry.composers()).ingest(events)
    assume(not any(issue.code == "TB2049" for issue in before.all_issues()))
    observed = before.desired
    gone = [Gone(Ref("", "Secret", namespace, name)) for namespace, name in sorted(missing)]
    snapshot = Engine(registry.kinds(), registry.composers()).ingest([*events, *gone])
    used = {path for obj in observed.values() for path in obj.references()}
    for one in plan(observed, snapshot).operations:
        unused = one.path.kind.startswith("sys/file") and one.path not in used
        assert one.verb is Verb.CREATE or one.path.kind == "ltm/pool" or unused, one


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds.HISTORIES_OF_INGRESSES, worlds.HISTORIES_OF_INGRESSES)
def test_while_secrets_are_missing_a_plan_of_what_changed_does_what_a_plan_of_everything_does(
    before: list[list[Event]], after: list[list[Event]]
) -> None:
    events = [worlds.settings(), worlds.ingress_class(), *(event for part in before for event in part)]
    observed = Engine(registry.kinds(), registry.composers()).ingest(events).desired
    gone = [Gone(Ref("", "Secret", namespace, name)) for namespace in ("ns", "other") for name in "st"]
    engine = Engine(registry.kinds(), registry.composers())
    for count, part in enumerate(([*events, *gone], *after)):
        snapshot = engine.ingest(part)
        whole = plan(observed, snapshot)
        # Whoever starts compares everything: what is on the device beside the first snapshot nobody tells of.
        if count and snapshot.changed is not None:
            some = plan(observed, snapshot, snapshot.changed)
            assert {one.path for one in some.operations} == {one.path for one in whole.operations}
        observed = with_outcomes(observed, [Outcome(one, Result.DONE) for one in whole.operations])
        assert not plan(observed, snapshot).operations
