"""Replicas of a controller: one writes, the others wait warm, and whoever was deposed writes nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from fakes.leases import FakeLeases
from scenarios.loop import Cluster, World, endpoints, f5_resource, service, world
from turnbuckle.runtime.leader import DURATION_S

pytestmark = pytest.mark.long

WEB = (f5_resource(), service(), endpoints(2))
POOL = "/mgmt/tm/ltm/pool/~k8s~cfgmap_default_web_web"


@contextlib.asynccontextmanager
async def replicas(leases: FakeLeases) -> AsyncIterator[tuple[World, World]]:
    """Two controllers of one cluster and one device; the first one leads."""
    async with world(*WEB, leases=leases, identity="one") as one:
        two = World(Cluster(*WEB), one.device, one.login, one.settings, leases=leases, identity="two")
        two.start()
        try:
            await two.until(lambda: two.worker._agenda.observed is not None)
            yield one, two
        finally:
            await two.stop()


def tell(worlds: tuple[World, World], count: int) -> None:
    for one in worlds:
        one.cluster.tell(endpoints(count))


async def test_the_one_that_leads_writes_and_the_other_does_not() -> None:
    async with replicas(FakeLeases()) as (one, two):
        writes = one.mark()
        tell((one, two), 3)
        await one.until(lambda: len(one.members()) == 3)
        await asyncio.sleep(0.3)
        assert len(writes()) == 1
        assert not two.worker.leads
        assert two.issues() == []


async def test_a_leader_that_leaves_is_followed_before_its_lease_runs_out_and_nothing_is_written() -> None:
    async with replicas(FakeLeases()) as (one, two):
        writes = one.mark()
        await one.stop()
        await two.until(two.worker.in_sync.is_set, seconds=DURATION_S - 1)
        assert writes() == []
        two.cluster.tell(endpoints(4))
        await two.until(lambda: len(one.members()) == 4)


async def test_a_leader_that_died_is_followed_when_its_lease_has_run_out() -> None:
    async with replicas(FakeLeases()) as (one, two):
        writes = one.mark()
        await one.die()
        two.cluster.tell(endpoints(5))
        await two.until(lambda: len(one.members()) == 5)
        # The first write goes with the fence, in one transaction; the next one by itself.
        assert [one for one in writes() if "/data-group/" not in one and "/transaction/" not in one] == [
            f"PATCH {POOL}"
        ]
        await two.in_sync()
        writes = one.mark()
        two.cluster.tell(endpoints(4))
        await two.until(lambda: len(one.members()) == 4)
        assert writes() == [f"DELETE {POOL}/members/~k8s~198.51.100.5:8080"]


async def test_a_leader_that_cannot_renew_stops_before_anybody_else_begins() -> None:
    leases = FakeLeases()
    async with replicas(leases) as (one, two):
        leases.unreachable()
        await one.until(lambda: not one.worker.leads)
        writes = one.mark()
        tell((one, two), 4)
        await asyncio.sleep(1)
        assert writes() == []
        leases.failure = None
        await one.until(lambda: len(one.members()) == 4)
        assert one.worker.leads != two.worker.leads


async def test_the_follower_sees_what_the_leader_did_when_it_takes_over() -> None:
    async with replicas(FakeLeases()) as (one, two):
        more = f5_resource("more", address="203.0.113.9")
        for each in (one, two):
            each.cluster.tell(more, endpoints(6))
        await one.until(lambda: len(one.members()) == 6 and "/k8s/default_more" in one.virtuals())
        await one.stop()
        writes = two.mark()
        await two.in_sync()
        assert writes() == []
        assert two.issues() == []
