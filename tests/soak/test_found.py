"""What the soak has found, made small: each failed before it was mended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fakes.leases import FakeLeases
from soak.clock import MOST_TURNS, Stuck, run_virtually
from turnbuckle.model.ltm import Monitor, Pool, ProfileUse, VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Operation, Plan, Verb
from turnbuckle.model.state import Path, State
from turnbuckle.planner import make_plan
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


class Stopping:
    """A writer that stops by itself once, as one does that could not be sure of its Lease for a moment."""

    def __init__(self) -> None:
        self.leads, self.begun = False, 0

    def lead(self, number: int, may_write: Callable[[], bool]) -> None:
        self.begun += 1
        self.leads = self.begun > 1

    def waits(self) -> tuple[Path, ...]:
        return ()

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def test_a_leader_that_stopped_writing_and_holds_its_lease_writes_again() -> None:
    writer = Stopping()

    async def elect() -> None:
        clock = asyncio.get_running_loop().time
        election = Election.among(
            FakeLeases(),
            writer,
            lambda trouble: None,
            namespace="kube-system",
            partitions=("k8s",),
            bigip_url="https://192.0.2.1",
            identity="one",
            clock=clock,
        )
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(election.run(), 60)

    run_virtually(elect(), 1)
    assert (writer.leads, writer.begun) == (True, 2)


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
