"""Leases from Infoblox against a grid in memory: nothing is lost, nothing is given twice, whatever it answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from fakes.wapi import FakeWapi
from patience import eventually
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.kinds.lease import Asked, LeaseSpec
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.ref import Event, Put, Ref
from turnbuckle.model.settings import Settings
from turnbuckle.model.state import State
from turnbuckle.sources.infoblox import Denied, Exhausted, Network, Refused, Unreachable, Wapi
from turnbuckle.sources.leases_book import GRACE_S
from turnbuckle.sources.leases_desk import Desk
from turnbuckle.sources.leases_infoblox import InfobloxLeases, parse
from turnbuckle.sources.leases_pools import BadPools

NETWORK = Network("10.1.0.0/29")
LABELS = parse('{"Dev": {"cidr": "10.1.0.0/29", "netView": "default", "dnsView": "default"}}')


def lease(name: str, pool: str = "Dev", family: str = "IPv4") -> Ref:
    return Asked(pool, f"shop/{name}_svc", family).ref  # type: ignore[arg-type]


class Keeper:
    """InfobloxLeases with somebody who asks, a device, and a clock that stands."""

    def __init__(self, grid: FakeWapi, *, password: str = "infoblox", leads: bool = True) -> None:
        self.grid, self.leads, self.now = grid, leads, 0.0
        self.answers: dict[Ref, LeaseSpec] = {}
        self.issues: Sequence[Issue] = ()
        self._asked: dict[Ref, frozenset[Ref]] = {}
        self.task: asyncio.Task[None] | None = None
        self.leases = InfobloxLeases(
            LABELS,
            Desk(lambda ref: None, Settings("ctl", "k1")),
            Wapi(grid.url, lambda: ("connector", password)),
            owner="k1",
            about=Ref("", "Infoblox", "", "grid"),
            tell=self._tell,
            may_grant=lambda: self.leads,
            clock=lambda: self.now,
        )

    def _tell(self, issues: Sequence[Issue]) -> None:
        self.issues = issues

    async def put(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Put):
                self.answers[event.obj.ref] = event.obj.spec
            else:
                self.answers.pop(event.ref, None)  # type: ignore[union-attr]

    def asks(self, *refs: Ref) -> None:
        self._asked = {ref: frozenset({Ref("", "Service", *ref.name.split("_")[0].split("/"))}) for ref in refs}
        self.leases.asked(Snapshot(1, State(), demand=self._asked))

    def has(self, *servers: VirtualServer) -> None:
        self.leases.observed(State(servers))

    async def until(self, holds: Callable[[], bool]) -> None:
        def looks() -> bool:
            assert self.task is None or not self.task.done(), self.task
            return holds()

        await eventually(looks, lambda: f"{self.answers}, {self.grid.addresses()}, {self.issues}")


@contextlib.asynccontextmanager
async def running(grid: FakeWapi, **how: object) -> AsyncIterator[Keeper]:
    keeper = Keeper(grid, **how)  # type: ignore[arg-type]
    keeper.task = asyncio.create_task(keeper.leases.run(keeper.put))
    try:
        yield keeper
    finally:
        keeper.task.cancel()
        await asyncio.gather(keeper.task, return_exceptions=True)


@pytest.fixture
async def grid() -> AsyncIterator[FakeWapi]:
    fake = FakeWapi("10.1.0.0/29")
    await fake.start()
    yield fake
    await fake.stop()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "truncated"),
        ('{"Dev": "10.1.0.0/24"}', "expected `object`"),
        ('{"Dev": {"netView": "x"}}', "missing required field `cidr`"),
        ('{"Dev": {"cidr": "10.1.0.0/24", "view": "x"}}', "unknown field `view`"),
        ('{"Dev": {"cidr": "10.1.0.0"}}', "no IPv4 network"),
        ('{"Dev": {"cidr": "2001:db8::/64"}}', "no IPv4 network"),
        ('{"Dev": {"cidr": "10.1.0.0/24"}, "Test": {"cidr": "10.1.0.0/16"}}', "both have 10.1.0.1"),
    ],
)
def test_labels_that_name_no_networks_are_refused(text: str, says: str) -> None:
    with pytest.raises(BadPools, match=says):
        parse(text)


async def test_who_asks_gets_an_address_that_the_grid_reserves_under_its_name(grid: FakeWapi) -> None:
    async with running(grid) as keeper:
        keeper.has()
        keeper.asks(lease("a"), lease("b"))
        await keeper.until(lambda: len(keeper.answers) == 2)
        assert {spec.address for spec in keeper.answers.values()} == {"10.1.0.1", "10.1.0.2"}
        assert set(grid.addresses()) == {"k1/Dev/shop/a_svc", "k1/Dev/shop/b_svc"}
        assert all(one["extattrs"] == {"F5IPAM": {"value": "managed"}} for one in grid.records.values())


async def test_nothing_is_asked_of_the_grid_before_the_device_was_read_nor_by_whoever_does_not_lead(
    grid: FakeWapi,
) -> None:
    async with running(grid, leads=False) as keeper:
        keeper.asks(lease("a"))
        await asyncio.sleep(0.05)
        keeper.has()
        await asyncio.sleep(0.05)
        assert (grid.seen, keeper.answers) == ([], {})


async def test_a_restart_finds_every_address_again_and_gives_those_back_that_nobody_asks_for(grid: FakeWapi) -> None:
    async with running(grid) as keeper:
        keeper.has()
        keeper.asks(lease("a"), lease("b"), lease("c"))
        await keeper.until(lambda: len(keeper.answers) == 3)
    grid.page = 1
    async with running(grid) as again:
        again.has()
        again.asks(lease("b"), lease("c"))
        await again.until(lambda: len(again.answers) == 3)
        assert again.answers == keeper.answers
        again.now = GRACE_S
        again.asks(lease("c"), lease("b"))
        await again.until(lambda: len(grid.records) == 2)
        assert set(grid.addresses()) == {"k1/Dev/shop/b_svc", "k1/Dev/shop/c_svc"}


async def test_an_address_that_still_listens_is_not_given_back(grid: FakeWapi) -> None:
    async with running(grid) as keeper:
        keeper.has()
        keeper.asks(lease("a"))
        await keeper.until(lambda: len(keeper.answers) == 1)
        mark = Mark("ctl", "k1", "Service/shop/a")
        keeper.has(VirtualServer("/k8s/Shared/a", mark, "10.1.0.1", 80))
        keeper.asks()
        await asyncio.sleep(0.2)
        keeper.now = GRACE_S
        keeper.asks(lease("b"))
        await keeper.until(lambda: len(grid.records) == 2)
        keeper.has()
        keeper.asks(lease("b"), lease("c"))
        await keeper.until(lambda: "k1/Dev/shop/a_svc" not in grid.addresses())


async def test_what_the_device_has_and_the_grid_lost_is_reserved_again(grid: FakeWapi) -> None:
    async with running(grid) as keeper:
        mark = Mark("ctl", "k1", "Service/shop/a")
        keeper.has(VirtualServer("/k8s/Shared/a", mark, "10.1.0.5", 80))
        keeper.asks(lease("a"))
        await keeper.until(lambda: grid.addresses() == {"k1/Dev/shop/a_svc": "10.1.0.5"})
        assert keeper.answers[lease("a")].address == "10.1.0.5"


async def test_a_reservation_whose_answer_was_lost_is_found_and_not_made_twice(grid: FakeWapi) -> None:
    grid.attributes.add("F5IPAM")
    async with running(grid) as keeper:
        grid.lost = 1
        keeper.has()
        keeper.asks(lease("a"))
        await keeper.until(lambda: len(keeper.answers) == 1)
        assert grid.addresses() == {"k1/Dev/shop/a_svc": "10.1.0.1"}
        await keeper.until(lambda: not keeper.issues)


async def test_while_the_grid_fails_nobody_loses_anything_and_that_is_told(grid: FakeWapi) -> None:
    async with running(grid) as keeper:
        keeper.has()
        keeper.asks(lease("a"))
        await keeper.until(lambda: len(keeper.answers) == 1)
        grid.status = 503
        keeper.asks(lease("a"), lease("b"))
        await keeper.until(lambda: bool(keeper.issues))
        assert keeper.issues[0].message == "Infoblox answers 503 to POST fixedaddress."
        assert keeper.answers.keys() == {lease("a")}
        grid.status = 0
        await keeper.until(lambda: len(keeper.answers) == 2 and not keeper.issues)


async def test_a_full_network_an_unknown_label_and_ipv6_are_refused_each_in_its_way(grid: FakeWapi) -> None:
    grid.taken |= {f"10.1.0.{n}" for n in range(1, 7)}
    async with running(grid) as keeper:
        keeper.has()
        keeper.asks(lease("a"), lease("b", pool="Dov"), lease("c", family="IPv6"))
        await keeper.until(lambda: len(keeper.answers) == 3)
        assert keeper.answers[lease("a")] == LeaseSpec(refusal="exhausted", instead=("6",))
        assert keeper.answers[lease("b", pool="Dov")] == LeaseSpec(refusal="no such pool", instead=("Dev",))
        assert keeper.answers[lease("c", family="IPv6")] == LeaseSpec(refusal="no such family")


async def test_each_refusal_of_the_grid_is_an_exception_of_its_own_without_the_password(grid: FakeWapi) -> None:
    async with Wapi(grid.url, lambda: ("connector", "wrong-secret")) as wapi:
        with pytest.raises(Denied) as denied:
            await wapi.prepare()
        assert "wrong-secret" not in str(denied.value)
    async with Wapi(grid.url, lambda: ("connector", "infoblox")) as wapi:
        with pytest.raises(Refused, match="Unknown extensible attribute 'F5IPAM'"):
            await wapi.reserve("x", NETWORK)
        await wapi.prepare()
        await wapi.reserve("x", NETWORK, "10.1.0.3")
        with pytest.raises(Refused, match="in use already"):
            await wapi.reserve("y", NETWORK, "10.1.0.3")
        with pytest.raises(Refused, match=r"Network 10\.9\.0\.0/24 not found"):
            await wapi.reserve("y", Network("10.9.0.0/24"))
        grid.taken |= {f"10.1.0.{n}" for n in range(1, 7)}
        with pytest.raises(Exhausted):
            await wapi.reserve("y", NETWORK)
        await wapi.release("y", NETWORK, "10.1.0.3")
        assert grid.addresses() == {"x": "10.1.0.3"}
    await grid.stop()
    async with Wapi(grid.url, lambda: ("connector", "infoblox")) as wapi:
        with pytest.raises(Unreachable):
            await wapi.prepare()
    await grid.start()
