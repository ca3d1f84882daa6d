"""Leases by an IPAM object in a cluster in memory; F5's IPAM controller is played by whoever writes the status."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from fakes.kubeapi import KINDS, FakeKubeApi, Served
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.kinds.lease import Asked, LeaseSpec
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.ref import Event, Put, Ref
from turnbuckle.model.settings import Settings
from turnbuckle.model.state import State
from turnbuckle.runtime.ipam_object import ClusterIpamObject, object_name
from turnbuckle.sources.kubernetes import Access, FixedLogin
from turnbuckle.sources.kubernetes.writing import ObjectWriter
from turnbuckle.sources.leases_book import GRACE_S
from turnbuckle.sources.leases_desk import Desk
from turnbuckle.sources.leases_f5ipam import F5IpamLeases

IPAM = Served("fic.f5.com", "v1", "ipams", "IPAM")
NAME = "connector.k8s.ipam"


def lease(name: str, family: str = "IPv4", pool: str = "Dev") -> Ref:
    return Asked(pool, f"shop/{name}_svc", family).ref  # type: ignore[arg-type]


class Scene:
    """The keeper, whoever asks it, and the cluster."""

    def __init__(self, api: FakeKubeApi, url: str, *, leads: bool = True) -> None:
        self.api, self.now, self.answers, self.issues = api, 0.0, dict[Ref, LeaseSpec](), tuple[Issue, ...]()
        self.task: asyncio.Task[None] | None = None
        self.leases = F5IpamLeases(
            Desk(lambda ref: None, Settings("ctl", "k1")),
            ClusterIpamObject(ObjectWriter(FixedLogin(Access(url))), "kube-system", NAME),
            prefix="east/",
            about=Ref("", "IPAM", "kube-system", NAME),
            tell=self._tell,
            may_grant=lambda: leads,
            clock=lambda: self.now,
        )

    def _tell(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)

    async def put(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Put):
                self.answers[event.obj.ref] = event.obj.spec
            else:
                self.answers.pop(event.ref, None)  # type: ignore[union-attr]

    def asks(self, *refs: Ref) -> None:
        demand = {ref: frozenset({Ref("", "Service", "shop", "x")}) for ref in refs}
        self.leases.asked(Snapshot(1, State(), demand=demand))

    def there(self) -> dict[str, Any]:
        served = next(one for one in self.api.kinds.values() if one.kind == "IPAM")
        return dict(next(iter(self.api._objects[served].values()), {}))

    def specs(self) -> list[str]:
        return [one.get("key", one.get("host")) for one in self.there().get("spec", {}).get("hostSpecs", ())]

    def grants(self, name: str = "IPStatus", **addresses: str) -> None:
        """What F5's IPAM controller does."""
        found = [
            {"ip": address, "key": f"east/shop/{key}_svc", "ipamLabel": "Dev"} for key, address in addresses.items()
        ]
        self.api.put({**self.there(), "status": {name: found}})

    async def until(self, holds: Callable[[], bool], seconds: float = 6) -> None:
        for _ in range(int(seconds * 100)):
            assert self.task is not None
            assert not self.task.done(), self.task
            if holds():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"it does not come true: {self.answers}, {self.there()}, {self.issues}")


@contextlib.asynccontextmanager
async def scene(*kinds: Served, before: dict[str, Any] | None = None, leads: bool = True) -> AsyncIterator[Scene]:
    api = FakeKubeApi(kinds=(*KINDS, *kinds))
    url = await api.start()
    if before:
        api.put({"kind": "IPAM", "metadata": {"name": NAME, "namespace": "kube-system"}, **before})
    one = Scene(api, url, leads=leads)
    one.task = asyncio.create_task(one.leases.run(one.put))
    try:
        yield one
    finally:
        one.task.cancel()
        await asyncio.gather(one.task, return_exceptions=True)
        await api.stop()


@pytest.mark.parametrize("field", ["IPStatus", "ipStatus"])
async def test_who_asks_stands_in_the_spec_and_gets_what_the_status_says(field: str) -> None:
    async with scene(IPAM) as one:
        one.leases.observed(State())
        one.asks(lease("a"), lease("a", "IPv6"))
        await one.until(lambda: one.specs() == ["east/shop/a_svc"])
        assert one.there()["spec"]["hostSpecs"] == [{"key": "east/shop/a_svc", "ipamLabel": "Dev"}]
        assert one.answers == {}
        one.grants(field, a="203.0.113.10")
        await one.until(lambda: len(one.answers) == 2)
        assert one.answers[lease("a")].address == "203.0.113.10"
        assert one.answers[lease("a", "IPv6")].refusal == "no such family"


async def test_after_a_restart_the_status_answers_and_only_our_own_idle_entries_go() -> None:
    before = {
        "spec": {
            "hostSpecs": [
                {"key": "east/shop/a_svc", "ipamLabel": "Dev"},
                {"key": "east/shop/b_svc", "ipamLabel": "Dev"},
                {"key": "west/shop/b_svc", "ipamLabel": "Dev"},
                {"host": "shop.example.com", "key": "shop/shop.example.com_host", "ipamLabel": "Dev"},
            ]
        },
        "status": {"IPStatus": [{"ip": "203.0.113.10", "key": "east/shop/a_svc", "ipamLabel": "Dev"}]},
    }
    async with scene(IPAM, before=before) as one:
        one.leases.observed(State())
        one.asks(lease("a"))
        await one.until(lambda: one.answers == {lease("a"): LeaseSpec("203.0.113.10")})
        assert len(one.specs()) == 4
        one.now = GRACE_S
        await one.until(lambda: len(one.specs()) == 3)
        assert one.specs() == ["east/shop/a_svc", "west/shop/b_svc", "shop/shop.example.com_host"]


async def test_an_entry_whose_address_still_listens_stays() -> None:
    async with scene(IPAM) as one:
        mark = Mark("ctl", "k1", "Service/shop/a")
        one.leases.observed(State([VirtualServer("/k8s/Shared/a", mark, "203.0.113.10", 80)]))
        one.asks(lease("a"))
        await one.until(lambda: one.specs() == ["east/shop/a_svc"])
        one.grants(a="203.0.113.10")
        one.asks()
        await one.until(lambda: not one.answers)
        one.now = GRACE_S
        one.asks(lease("b"))
        await one.until(lambda: one.specs() == ["east/shop/a_svc", "east/shop/b_svc"])


async def test_another_label_takes_the_place_of_the_former_at_once() -> None:
    async with scene(IPAM) as one:
        one.leases.observed(State())
        one.asks(lease("a"))
        await one.until(lambda: one.specs() == ["east/shop/a_svc"])
        one.grants(a="203.0.113.10")
        await one.until(lambda: bool(one.answers))
        one.asks(lease("a"), lease("a", pool="Test"))
        await one.until(lambda: one.there()["spec"]["hostSpecs"] == [{"key": "east/shop/a_svc", "ipamLabel": "Test"}])


async def test_a_cluster_without_the_definition_is_told_what_to_install_and_nobody_loses_anything() -> None:
    async with scene() as one:
        one.leases.observed(State())
        one.asks(lease("a"))
        await one.until(lambda: bool(one.issues))
        assert "Install F5's IPAM controller with its definition ipams.fic.f5.com." in one.issues[0].message
        assert one.answers == {}


async def test_whoever_does_not_lead_reads_and_writes_nothing() -> None:
    before = {"status": {"IPStatus": [{"ip": "203.0.113.10", "key": "east/shop/a_svc", "ipamLabel": "Dev"}]}}
    async with scene(IPAM, before=before, leads=False) as one:
        one.leases.observed(State())
        one.asks(lease("a"), lease("b"))
        await one.until(lambda: lease("a") in one.answers)
        assert one.specs() == []


def test_the_object_has_the_name_that_the_original_gives_it() -> None:
    assert object_name("k8s-bigip-ctlr-deployment-5f6d8c7b9-x2x4z", "K8S") == "k8s-bigip-ctlr-deployment.k8s.ipam"
