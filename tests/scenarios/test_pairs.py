"""Two units of one device group under traffic: a controller for each, and one controller for both."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bigipsim.dataplane.addresses import Mapping
from bigipsim.group.control import shown
from fakes.leases import FakeLeases
from scenarios.loop import Cluster, Login, World, endpoints, f5_resource, service
from scenarios.pairs import DG, SETTINGS, Grouped, Load, Unit, load, pair
from turnbuckle.runtime import housekeeping

pytestmark = pytest.mark.long

Pair = tuple[Unit, Unit]


def _free_port() -> int:
    with socket.socket() as plug:
        plug.bind(("127.86.0.1", 0))
        return int(plug.getsockname()[1])


PORT = _free_port()
MAPPINGS = (Mapping.parse("198.51.100.0/24=127.86.0.0/24"), Mapping.parse("203.0.113.0/24=127.87.0.0/24"))
WEB = (f5_resource(port=18150), service(), endpoints(2, port=PORT))


@contextlib.asynccontextmanager
async def backends(count: int = 4) -> AsyncIterator[None]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0)
    await runner.setup()
    for number in range(1, count + 1):
        await web.TCPSite(runner, f"127.86.0.{number}", PORT).start()
    try:
        yield
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def units() -> AsyncIterator[Pair]:
    async with backends(), pair(MAPPINGS) as both:
        yield both


@contextlib.asynccontextmanager
async def a_controller_each(both: Pair, **options: object) -> AsyncIterator[tuple[World, World]]:
    """Mode `unit`: two controllers of one identity, each with a cluster that knows the same."""
    worlds = [World(Cluster(*WEB), unit.server, Login(), SETTINGS, **options) for unit in both]
    try:
        for one in worlds:
            one.start()
            await one.in_sync()
        yield worlds[0], worlds[1]
    finally:
        for one in worlds:
            await one.stop()


@contextlib.asynccontextmanager
async def one_controller(both: Pair, **options: object) -> AsyncIterator[Grouped]:
    """Mode `group`."""
    world = Grouped(Cluster(*WEB), both, **options)
    try:
        world.start()
        await world.in_sync()
        await until_even(world, both)
        yield world
    finally:
        await world.stop()


async def until_even(world: World, both: Pair) -> None:
    """Waits until both units have one configuration and know it."""
    try:
        await world.until(lambda: both[0].state() == both[1].state() and len({u.group.commit for u in both}) == 1)
    except AssertionError as error:
        views = [(unit.synced_to(), shown(unit.group)) for unit in both]
        raise AssertionError(f"{error}; the units: {views}") from None


async def fail_over(traffic: Load, former: Unit, active: Unit) -> None:
    with traffic.failing_over(f"{former.name} to {active.name}"):
        former.fail_over()
        await active.until("active")
        await former.until("standby")


def tell(worlds: tuple[World, ...], count: int) -> None:
    for one in worlds:
        one.cluster.tell(endpoints(count, port=PORT))


def assert_unharmed(traffic: Load, both: Pair) -> None:
    """Nothing of ours went, nothing was refused, and no request failed but in the middle of a failover."""
    assert traffic.failed == []
    assert [unit.lost for unit in both] == [[], []]
    assert [unit.refusals() for unit in both] == [[], []]


# A controller for each unit


async def test_both_units_get_the_same_and_neither_controller_synchronises() -> None:
    async with units() as both, a_controller_each(both) as worlds, load(both[0]) as traffic:
        tell(worlds, 3)
        await worlds[0].until(lambda: [unit.members() for unit in both] == [3, 3])
        assert both[0].state().keys() == both[1].state().keys()
        assert [unit.synced_to() for unit in both] == [0, 0]
        assert_unharmed(traffic, both)


async def test_a_sync_pressed_in_either_direction_leaves_both_controllers_nothing_to_write() -> None:
    async with units() as both, a_controller_each(both, verify_s=0.3) as worlds, load(both[0]) as traffic:
        for giver, taker in (both, both[::-1]):
            writes = [one.mark() for one in worlds]
            giver.group.order_sync("to-group", force=True)
            await worlds[0].until(lambda giver=giver, taker=taker: taker.group.commit == giver.group.commit)
            await asyncio.sleep(0.8)
            assert [written() for written in writes] == [[], []]
        assert_unharmed(traffic, both)
        assert [one.issues() for one in worlds] == [[], []]


async def test_a_sync_leaves_the_leader_of_either_unit_its_lead() -> None:
    leases = FakeLeases()
    async with units() as both, a_controller_each(both, leases=leases) as worlds, load(both[0]) as traffic:
        await worlds[0].stop()
        worlds[0].start()
        await worlds[0].in_sync()
        for number, (giver, taker) in enumerate((both, both[::-1]), 1):
            more = f5_resource(f"more-{number}", address=f"203.0.113.{number}", port=18150)
            for one in worlds:
                one.cluster.tell(more)
            await worlds[0].until(lambda n=number: all(unit.has(f"/k8s/default_more-{n}") for unit in both))
            giver.group.order_sync("to-group", force=True)
            await worlds[0].until(lambda giver=giver, taker=taker: taker.group.commit == giver.group.commit)
        for one in worlds:
            one.cluster.tell(f5_resource("last", address="203.0.113.3", port=18150))
        await worlds[0].until(lambda: all(unit.has("/k8s/default_last") for unit in both))
        assert all(one.worker.leads for one in worlds)
        assert traffic.failed == []


async def test_with_a_controller_each_traffic_survives_failover_and_failback() -> None:
    async with units() as both, a_controller_each(both) as worlds, load(both[0]) as traffic:
        one, two = both
        await fail_over(traffic, one, two)
        tell(worlds, 3)
        await worlds[0].until(lambda: [unit.members() for unit in both] == [3, 3])
        await traffic.goes_on()
        await fail_over(traffic, two, one)
        await traffic.goes_on()
        assert_unharmed(traffic, both)


async def test_with_a_controller_each_a_rebooted_unit_comes_back_as_it_was_saved() -> None:
    async with units() as both, a_controller_each(both) as worlds, load(both[0]) as traffic:
        one, two = both
        for unit in both:
            unit.box.save()
        writes = worlds[0].mark()
        one.will_reboot()
        with traffic.failing_over("reboot"):
            await worlds[0].control("POST", "reboot", {"for_s": 0.5})
            await two.until("active")
        tell(worlds, 3)
        await worlds[1].until(lambda: two.members() == 3 and not one.server.away)
        await worlds[0].until(lambda: one.members() == 3)
        assert not [write for write in writes() if "DELETE" in write]
        assert_unharmed(traffic, both)


async def test_while_one_controller_is_dead_its_unit_stays_as_it_is_and_serves_on() -> None:
    async with units() as both, a_controller_each(both) as worlds, load(both[0]) as traffic:
        one, two = both
        await worlds[1].die()
        tell(worlds, 3)
        await worlds[0].until(lambda: one.members() == 3)
        assert two.members() == 2
        await fail_over(traffic, one, two)
        await traffic.goes_on()
        assert_unharmed(traffic, both)


# One controller for both


async def test_what_is_written_to_the_active_unit_is_given_to_the_other_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "SYNC_QUIET_S", 3.0)
    async with units() as both, one_controller(both) as world, load(both[0]) as traffic:
        one, two = both
        before = one.synced_to()
        for count in (3, 4):
            tell((world,), count)
            await world.until(lambda count=count: one.members() == count)
        await until_even(world, both)
        assert two.members() == 4
        assert (one.synced_to(), two.synced_to()) == (before + 1, 0)
        assert_unharmed(traffic, both)


async def test_the_controller_follows_a_failover_and_the_failback() -> None:
    async with units() as both, one_controller(both) as world, load(both[0]) as traffic:
        one, two = both
        for count, former, active in ((3, one, two), (4, two, one)):
            await fail_over(traffic, former, active)
            tell((world,), count)
            await world.until(lambda active=active, count=count: active.members() == count)
            await until_even(world, both)
            await traffic.goes_on()
        assert one.synced_to() and two.synced_to()
        assert world.issues() == []
        assert_unharmed(traffic, both)


async def test_what_the_dead_unit_did_not_give_away_is_written_to_the_one_that_took_over() -> None:
    async with units() as both, one_controller(both) as world, load(both[0]) as traffic:
        one, two = both
        tell((world,), 3)
        await world.until(lambda: one.members() == 3)
        assert two.members() == 2
        one.will_reboot()
        with traffic.failing_over("reboot"):
            await world.control("POST", "reboot", {"for_s": 3})
            await two.until("active")
        await world.until(lambda: two.members() == 3)
        await until_even(world, both)
        assert_unharmed(traffic, both)


async def test_a_unit_that_reboots_after_it_was_saved_costs_no_write_but_for_what_changed() -> None:
    async with units() as both, one_controller(both, save=True) as world, load(both[0]) as traffic:
        one, two = both
        await world.until(lambda: all(unit.group._saved == unit.group.commit for unit in both))
        writes = world.mark()
        one.will_reboot()
        with traffic.failing_over("reboot"):
            await world.control("POST", "reboot", {"for_s": 0.3})
            await two.until("active")
        await one.until("standby")
        tell((world,), 3)
        await world.until(lambda: two.members() == 3)
        await until_even(world, both)
        assert writes() == ["POST /mgmt/tm/ltm/pool/~k8s~cfgmap_default_web_web/members", "POST /mgmt/tm/cm"]
        assert_unharmed(traffic, both)


async def test_a_new_controller_finds_everything_in_order_on_whichever_unit_is_active() -> None:
    async with units() as both, one_controller(both) as world, load(both[0]) as traffic:
        await world.die()
        await fail_over(traffic, *both)
        writes = world.mark()
        world.start()
        await world.in_sync()
        assert writes() == []
        assert both[1].synced_to() == 0
        assert_unharmed(traffic, both)


async def test_nothing_is_written_while_two_units_are_active() -> None:
    async with units() as both, one_controller(both) as world, load(both[0]) as traffic:
        one, two = both
        with traffic.failing_over("split"):
            one.group.cut("", True)
            await two.until("active")
            await world.until(lambda: not one.group.present())
            tell((world,), 3)
            await world.until(lambda: any("say that they are active" in issue.text for issue in world.issues()))
            assert [unit.members() for unit in both] == [2, 2]
            one.group.cut("", False)
            await two.until("standby")
        await world.until(lambda: one.members() == 3)
        await until_even(world, both)
        assert world.issues() == []
        assert_unharmed(traffic, both)


async def test_changes_that_somebody_made_on_the_standby_are_not_overwritten_before_a_person_decides() -> None:
    async with units() as both, one_controller(both) as world, load(both[0]) as traffic:
        one, two = both
        two.box.tree.create("ltm/pool", {"name": "theirs", "partition": "k8s"})
        await world.until(lambda: bool(one.group.ahead()))
        tell((world,), 3)
        await world.until(lambda: one.members() == 3)
        await world.until(lambda: bool(world.issues("TB3026")))
        (issue,) = world.issues("TB3026")
        assert two.name in issue.message and DG in issue.hint
        assert two.box.tree.get("ltm/pool", "/k8s/theirs") is not None
        one.group.order_sync("to-group", force=True)
        await world.until(lambda: not world.issues())
        assert traffic.failed == []


async def test_virtual_addresses_are_in_the_traffic_group_of_their_partition() -> None:
    async with units() as both, one_controller(both):
        for unit in both:
            address = unit.box.tree.need("ltm/virtual-address", "/k8s/203.0.113.7")
            assert address.values["trafficGroup"] == "/Common/traffic-group-1"
            assert address.values["inheritedTrafficGroup"] == "true"
