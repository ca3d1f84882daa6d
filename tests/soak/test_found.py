"""What the soak has found, made small: each failed before it was mended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fakes.leases import FakeLeases
from soak.clock import MOST_TURNS, Stuck, run_virtually
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model.ltm import Monitor, Pool, ProfileUse, VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Operation, Plan, Verb
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner import make_plan
from turnbuckle.runtime.agenda import Agenda
from turnbuckle.runtime.caution import Caution
from turnbuckle.runtime.drift import Drift
from turnbuckle.runtime.leader import Election

MARK = Mark("ctl", "k1", "ConfigMap/default/web")
MONITOR = Monitor("/k8s/web_0_http", MARK, "http", 5, 16, "GET /", "")
POOL = Pool("/k8s/web", MARK, monitors=(MONITOR.path,))
VIRTUAL = VirtualServer(
    "/k8s/web", MARK, "203.0.113.7", 80, "tcp", pool=POOL.name, profiles=frozenset({ProfileUse("/Common/tcp")})
)
THERE = State((MONITOR, POOL, VIRTUAL))


def removals(spared: frozenset[Path], paths: frozenset[Path] | None) -> set[Path]:
    def spare(operation: Operation) -> bool:
        return operation.path in spared

    plan: Plan = make_plan(THERE, State(), controller_id="ctl", paths=paths, spare=spare)
    return {one.path for one in plan.operations if one.verb is Verb.DELETE}


def test_what_a_virtual_server_refers_to_stays_as_long_as_it_waits() -> None:
    assert removals(frozenset({VIRTUAL.path}), None) == set()


def test_what_had_to_stay_because_of_a_virtual_server_goes_with_it() -> None:
    assert removals(frozenset(), frozenset({VIRTUAL.path})) == {VIRTUAL.path, POOL.path, MONITOR.path}


def test_the_pool_that_a_virtual_server_leaves_goes_although_it_had_to_stay_before() -> None:
    other = Pool("/k8s/other", MARK)
    wanted = State((other, replace(VIRTUAL, pool=other.name)))
    plan: Plan = make_plan(THERE, wanted, controller_id="ctl", paths=frozenset({VIRTUAL.path}))
    assert {one.path for one in plan.operations if one.verb is Verb.DELETE} == {POOL.path, MONITOR.path}


def test_a_pool_stays_while_a_virtual_server_that_is_to_leave_it_has_to_wait() -> None:
    others = Pool("/k8s/other", None)
    observed = State((MONITOR, POOL, VIRTUAL, others))
    wanted = State((replace(others, mark=MARK), replace(VIRTUAL, pool=others.name)))
    for later in (observed, State().changed(dict(observed))):
        plan: Plan = make_plan(later, wanted, controller_id="ctl", paths=frozenset({POOL.path}))
        assert [one.path for one in plan.operations] == []


def test_what_has_to_stay_is_not_looked_at_again_and_again() -> None:
    others = Pool("/k8s/other", None)
    wanted = State((replace(others, mark=MARK), replace(VIRTUAL, pool=others.name)))
    agenda = Agenda("ctl", Caution(Ref("", "Device", "", "https://192.0.2.1"), "ctl"), Drift("ctl"))
    agenda.want(Snapshot(1, wanted, lists=1))
    agenda.observe(State((MONITOR, POOL, VIRTUAL, others)))
    agenda.plan(now=100)
    agenda.settled()
    assert (len(agenda.caution), agenda.next_at()) == (0, None)
    assert {(issue.code, issue.about.name) for issue in agenda.issues()} == {("TB3002", "web"), ("TB3003", "web")}


class Writer:
    """Who is told to lead. stops: how often it stops by itself, as one does that cannot be sure of its Lease."""

    def __init__(self, stops: int = 0) -> None:
        self.leads, self.stops = False, stops
        self.numbers: list[int] = []

    def lead(self, number: int, may_write: Callable[[], bool]) -> None:
        self.numbers.append(number)
        self.leads = len(self.numbers) > self.stops

    def waits(self) -> tuple[Path, ...]:
        return ()

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


async def elect(writer: Writer, leases: FakeLeases, seconds: float) -> None:
    """One takes part in an election for a time."""
    election = Election.among(
        leases,
        writer,
        lambda trouble: None,
        namespace="kube-system",
        partitions=("k8s",),
        bigip_url="https://192.0.2.1",
        identity="one",
        clock=asyncio.get_running_loop().time,
    )
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(election.run(), seconds)


def test_a_leader_that_stopped_writing_and_holds_its_lease_writes_again() -> None:
    writer = Writer(stops=1)
    run_virtually(elect(writer, FakeLeases(), 60), 1)
    assert (writer.leads, len(writer.numbers)) == (True, 2)


def test_a_leader_that_slept_while_somebody_else_led_leads_with_a_higher_number_when_it_goes_on() -> None:
    writer, leases = Writer(), FakeLeases()

    def somebody_else_leads_and_leaves() -> None:
        (name, lease), *_ = leases.objects.items()
        counted = lease["spec"]["leaseTransitions"]
        spec = {**lease["spec"], "holderIdentity": "", "leaseTransitions": counted + 1}
        leases.objects[name] = {**lease, "spec": spec}

    async def sleep() -> None:
        asyncio.get_running_loop().call_later(30, somebody_else_leads_and_leaves)
        await elect(writer, leases, 60)

    run_virtually(sleep(), 1)
    first, *others = writer.numbers
    assert (writer.leads, others) == (True, [first + 2])


def test_whoever_waits_for_no_time_is_found_out() -> None:
    async def spin() -> None:
        for _ in range(2 * MOST_TURNS):
            await asyncio.sleep(0)

    with pytest.raises(Stuck, match=str(MOST_TURNS)):
        run_virtually(spin(), 1)


def test_whoever_waits_for_nothing_is_found_out() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match="Nothing is scheduled"):
        run_virtually(wait(), 1)
