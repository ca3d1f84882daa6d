"""While clients go on asking: restarts, changes of leader and a rolling update cost them not one request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.kubeapi import FakeKubeApi
from fakes.leases import FakeLeases
from scenarios.fleet import MAPPINGS, Fleet, load, url_of
from scenarios.loop import Cluster, World, endpoints, f5_resource, service, world
from turnbuckle import registry
from turnbuckle.runtime.leader import DURATION_S
from turnbuckle.sources.kubernetes import Access, FixedLogin, KubernetesSource

pytestmark = pytest.mark.long

PODS = 30
READY = {"ready": True, "serving": True, "terminating": False}
ENDING = {"ready": False, "serving": True, "terminating": True}


class ApiCluster(Cluster):
    """A cluster behind an API server."""

    def __init__(self, api: FakeKubeApi, url: str) -> None:
        super().__init__()
        self._api = api
        self._source = KubernetesSource(registry.kinds(), FixedLogin(Access(url)), name=self.name)
        self.run = self._source.run  # type: ignore[method-assign]
        self.confirm = self._source.confirm  # type: ignore[method-assign]

    def tell(self, *manifests: dict[str, Any]) -> None:
        for one in manifests:
            self._api.put(one)


@contextlib.asynccontextmanager
async def api_server() -> AsyncIterator[tuple[FakeKubeApi, str]]:
    api = FakeKubeApi()
    url = await api.start()
    try:
        yield api, url
    finally:
        await api.stop()


def pods(port: int, **conditions: dict[str, bool]) -> dict[str, Any]:
    """A slice of pods by number: p3 is 198.51.100.3."""
    manifest = endpoints(0, port=port)
    manifest["endpoints"] = [
        {"addresses": [f"198.51.100.{name[1:]}"], "conditions": one} for name, one in conditions.items()
    ]
    return manifest


def drained(w: World, member: str) -> bool:
    """Whether a member gets no new connections: it is disabled, or gone."""
    pool = w.device.box.tree.get("ltm/pool", "/k8s/cfgmap_default_web_web")
    assert pool is not None
    found = pool.children["members"].get(member)
    return found is None or found.values["session"] == "user-disabled"


async def test_a_rolling_update_of_thirty_pods_fails_not_one_request() -> None:
    async with (
        Fleet() as fleet,
        api_server() as (api, url),
        world(dataplane=True, mappings=MAPPINGS, started=False) as w,
    ):
        w.cluster = ApiCluster(api, url)
        conditions = {f"p{number}": READY for number in range(1, PODS + 1)}
        await fleet.start(*range(1, PODS + 1))
        w.cluster.tell(f5_resource(), service(), pods(fleet.port, **conditions))
        w.start()
        await w.until(lambda: len(w.members()) == PODS)
        async with load(await url_of(w)) as result:
            await w.until(lambda: result.requests > 100)
            for number in range(1, PODS + 1):
                await fleet.start(number + 100)
                conditions |= {f"p{number + 100}": READY, f"p{number}": ENDING}
                w.cluster.tell(pods(fleet.port, **conditions))
                # A pod goes on serving for the pause that its preStop hook makes, and on a slow machine for longer.
                await asyncio.sleep(0.15)
                await w.until(lambda old=f"/k8s/198.51.100.{number}:{fleet.port}": drained(w, old))
                await fleet.stop(number)
                del conditions[f"p{number}"]
                w.cluster.tell(pods(fleet.port, **conditions))
            await w.until(lambda: w.members() == {f"198.51.100.{n + 100}:{fleet.port}" for n in range(1, PODS + 1)})
            before = result.requests
            await w.until(lambda: result.requests > before + 100)
        assert not result.failures
        assert w.issues() == []


def others(count: int) -> list[dict[str, Any]]:
    """Virtual servers beside the one that clients ask, with a pool of three members each."""
    return [f5_resource(f"v{n}", address=f"203.0.113.{n % 250 + 1}", port=9000 + n // 250) for n in range(count)]


@pytest.mark.parametrize("beside", [0, 999])
async def test_a_restart_and_changes_of_leader_write_nothing_and_fail_not_one_request(beside: int) -> None:
    leases = FakeLeases()
    async with Fleet() as fleet:
        await fleet.start(1, 2, 3)
        manifests = (f5_resource(), service(), endpoints(3, port=fleet.port), *others(beside))
        async with world(*manifests, dataplane=True, mappings=MAPPINGS, leases=leases, identity="one") as one:
            two = World(Cluster(*manifests), one.device, one.login, one.settings, leases=leases, identity="two")
            writes = one.mark()
            async with load(await url_of(one)) as result:
                await one.stop()
                one.start()
                await one.in_sync()
                two.start()
                await two.until(lambda: two.worker._agenda.observed is not None)
                await one.stop()
                await two.until(two.worker.in_sync.is_set, seconds=DURATION_S - 1)
                one.start()
                await one.until(lambda: one.worker._agenda.observed is not None)
                await two.die()
                await one.until(one.worker.in_sync.is_set)
                seen = result.requests
                await one.until(lambda: result.requests > seen + 100)
            assert writes() == []
            assert not result.failures


async def test_a_pod_that_dies_without_notice_does_fail_requests_so_the_clients_can_tell() -> None:
    async with Fleet() as fleet:
        await fleet.start(1, 2)
        manifests = (f5_resource(), service(), endpoints(2, port=fleet.port))
        async with world(*manifests, dataplane=True, mappings=MAPPINGS) as w, load(await url_of(w)) as result:
            await w.until(lambda: result.requests > 20)
            await fleet.stop(1)
            await w.until(lambda: bool(result.failures))
            w.cluster.tell(endpoints(0, port=fleet.port))
            await w.until(lambda: not w.members())
