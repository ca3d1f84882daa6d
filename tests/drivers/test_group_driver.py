"""A device group by two simulated units without sockets: who is read, who is written, what is synchronised."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import yaml
from device import Device, configuration, create, members, pool, update

from bigipsim.box import Box
from bigipsim.clock import ManualClock
from bigipsim.group.membership import Membership
from contract import exchanges as contract
from turnbuckle.drivers.base import Deposed, DriverError, Moved, NewerElsewhere, Unauthorized, Unreachable
from turnbuckle.drivers.icontrol import cm
from turnbuckle.drivers.icontrol.group import FRESH_S, SILENT_S, GroupDriver
from turnbuckle.drivers.icontrol.transport import Reply
from turnbuckle.model.plan import Outcome

DG = "dg1"
WEB = configuration(create(pool()))
MORE = members(update(pool(members=2), pool(members=3)))


class Unit(Device):
    """A unit whose interface may be away, or another device's answer."""

    away = False
    instead: Mapping[str, Any] = {}

    @property
    def url(self) -> str:
        return f"https://{self.box.hostname}"

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if self.away:
            raise Unreachable(f"The BIG-IP at {self.url} cannot be reached: refused.")
        found = next((text for part, text in self.instead.items() if part in path), None)
        reply = await super().send(method, path, headers, body)
        return reply if found is None else Reply(200, {}, found.encode())

    def synced(self) -> int:
        return self.sent.count("POST /mgmt/tm/cm")

    def members(self) -> int:
        item = self.box.tree.get("ltm/pool", "/k8s/web")
        return -1 if item is None else len(item.children.get("members", {}))


class Pair:
    """Two units of one group that hear of each other whenever the driver waits."""

    def __init__(self, *, auto_sync: bool = False) -> None:
        self.clock = ManualClock()
        self.one, self.two = (self._unit(number, auto_sync) for number in (1, 2))
        self.linked = True
        for unit in (self.one, self.two):
            assert unit.box.group is not None
            unit.box.group.begin(unit.url + ":443")
        self.beat()
        self.one.box.group.order_sync("to-group", False)  # type: ignore[union-attr]
        self.beat()

    def _unit(self, number: int, auto_sync: bool) -> Unit:
        peer = f"https://bigip{3 - number}:443"
        box = Box(self.clock, hostname=f"bigip{number}", membership=Membership(DG, (peer,), auto_sync=auto_sync))
        box.tree.create("auth/partition", {"name": "k8s"})
        return Unit(box, self.clock)

    def beat(self) -> None:
        """Each hears of the other, if it can, and gives what was ordered."""
        groups = [unit.box.group for unit in (self.one, self.two)]
        for _ in range(3):
            for group, other, unit in zip(groups, groups[::-1], (self.two, self.one), strict=True):
                assert group is not None and other is not None
                if self.linked and not unit.away:
                    group.hear(other.report())
                else:
                    group.miss(f"{unit.url}:443")
        for group, other in zip(groups, groups[::-1], strict=True):
            assert group is not None and other is not None
            for _ in group.receivers(group.next_order()) if self.linked else ():
                other.receive(group.shared())
                group.hear(other.report())
            group.synchronised()

    def fail_over(self, unit: Unit) -> None:
        assert unit.box.group is not None
        unit.box.group.command("standby")
        self.beat()

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.beat()

    def driver(self, **more: Any) -> GroupDriver:
        drivers = {unit.url: unit.driver() for unit in (self.one, self.two)}
        return GroupDriver(drivers, clock=self.clock.now, sleep=self.sleep, **more)

    def later(self) -> None:
        """What was found before does not count any more."""
        self.clock.advance(FRESH_S)
        self.beat()


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    yield Pair()


def results(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [str(outcome.result) for outcome in outcomes]


# What a unit may say


def exchanges(scenario: str, path: str) -> list[dict[str, Any]]:
    """Those exchanges of a scenario of the contract that ask for a path."""
    scenarios = yaml.safe_load((contract.CONTRACT / "icontrol" / "cm" / "group.yaml").read_text(encoding="utf-8"))
    [found] = [one for one in scenarios if one["name"] == scenario]
    return [one for one in found["exchanges"] if one["request"]["path"] == path]


def status(status: str, *details: str) -> dict[str, Any]:
    """A sync-status as a device sends it."""
    lines = {f"…/{n}": {"nestedStats": {"entries": {"details": {"description": d}}}} for n, d in enumerate(details)}
    entries = {
        "status": {"description": status},
        "summary": {"description": " "},
        "https://localhost/mgmt/tm/cm/syncStatus/0/details": {"nestedStats": {"entries": lines}},
    }
    return {"entries": {"https://localhost/mgmt/tm/cm/sync-status/0": {"nestedStats": {"entries": entries}}}}


@pytest.mark.parametrize("value", [None, [], {}, {"entries": None}, {"entries": {"status": "In Sync"}}, status("")])
def test_a_sync_status_that_says_nothing_is_no_status(value: Any) -> None:
    with pytest.raises(DriverError, match="without a status"):
        cm.understood(value, DG)


@pytest.mark.parametrize(
    ("details", "changed"),
    [
        ((), set()),
        (("dg1 (Changes Pending): x", " - Recommended action: Synchronize bigip2 to group dg1"), {"bigip2"}),
        (
            ("dg1 (Changes Pending): x", " - Recommended action: Synchronize /Common/bigip2 to group /Common/dg1."),
            {"bigip2"},
        ),
        (("dg1 (Changes Pending): x", "Recommended action: Synchronize bigip2 to group other"), set()),
        (("dg1 (Changes Pending): There is a possible change conflict between a and b.",), {"a", "b"}),
        (("dg1 (Changes Pending): There is a possible change conflict between a, b and c.",), {"a", "b", "c"}),
        (("other (Changes Pending): There is a possible change conflict between a and b.",), set()),
        (("dg1 (Awaiting Initial Sync): x", "Recommended action: Synchronize one of the devices to group dg1"), set()),
    ],
)
def test_whose_changes_others_do_not_have_is_in_the_details(details: tuple[str, ...], changed: set[str]) -> None:
    assert cm.understood(status("Changes Pending", *details), DG).changed == changed


def test_what_is_said_of_the_group_counts_more_than_what_is_said_of_all() -> None:
    value = status("Changes Pending", "gtm (Changes Pending): x", "dg1 (In Sync): All devices are in sync.")
    assert cm.understood(value, DG) == cm.Standing("In Sync", frozenset(), "All devices are in sync")


@pytest.mark.parametrize(
    ("name", "status", "changed"),
    [
        ("pair-peer-gone", "Disconnected", set()),
        ("sync-pending", "Changes Pending", {"bigip1.example.net"}),
        ("in-sync", "In Sync", set()),
        ("initial-sync", cm.NEVER, set()),
        ("config-sync", "Syncing", set()),
    ],
)
def test_what_the_contract_has_is_understood(name: str, status: str, changed: set[str]) -> None:
    found = [cm.understood(one["answer"]["body"], DG) for one in exchanges(name, cm.SYNC_STATUS)]
    assert [(one.status, one.changed) for one in found] == [(status, changed)]


async def test_a_sync_is_ordered_in_the_words_of_the_contract(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    await driver.apply(WEB)
    await driver.sync()
    [wanted] = exchanges("config-sync", cm.COMMAND)
    assert pair.one.bodies[pair.one.sent.index(f"POST {cm.COMMAND}")] == wanted["request"]["body"]


async def test_a_device_that_does_not_say_which_it_is_is_not_guessed(pair: Pair) -> None:
    pair.one.instead = pair.two.instead = {"cm/device?": '{"items":[{"name":"bigip1","failoverState":"active"}]}'}
    with pytest.raises(DriverError, match="does not say which of the devices"):
        await pair.driver().read()


# Which group


async def test_a_unit_in_no_group_is_told_what_to_do(pair: Pair) -> None:
    pair.one.instead = {"cm/device-group": '{"items":[{"name":"gtm","type":"sync-only"}]}'}
    with pytest.raises(DriverError, match=r"bigip1 is in no sync-failover device group.*--ha-mode=unit"):
        await pair.driver().read()


async def test_of_several_groups_one_has_to_be_named(pair: Pair) -> None:
    group = '{"name":"%s","type":"sync-failover","devicesReference":{"items":[{"name":"/Common/bigip1"}]}}'
    pair.one.instead = {"cm/device-group": f'{{"items":[{group % "a"},{group % "b"}]}}'}
    with pytest.raises(DriverError, match=r"in several .* groups: a, b\. Name one with --device-group"):
        await pair.driver().read()
    await pair.driver(group="b").read()
    with pytest.raises(DriverError, match="not in the sync-failover device group c, but in a, b"):
        await pair.driver(group="c").read()


# Who is active


async def test_nobody_who_answers_is_told_as_the_first_one_tells_it(pair: Pair) -> None:
    pair.one.away = pair.two.away = True
    with pytest.raises(Unreachable, match="https://bigip1 cannot be reached"):
        await pair.driver().read()


async def test_a_refused_password_is_a_refused_password() -> None:
    both = Pair()
    drivers = {unit.url: unit.driver(password="wrong") for unit in (both.one, both.two)}
    with pytest.raises(Unauthorized):
        await GroupDriver(drivers, clock=both.clock.now, sleep=both.sleep).read()


async def test_without_an_active_unit_everyone_is_told_with_its_state(pair: Pair) -> None:
    assert pair.one.box.group is not None
    pair.one.box.group.command("offline")
    pair.two.away = True
    with pytest.raises(DriverError, match=r"it is active: bigip1 \(https://bigip1\): forced-offline; .*refused"):
        await pair.driver().read()


async def test_two_active_units_are_both_named_and_nothing_is_written(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    pair.linked = False
    pair.later()
    for attempt in (driver.apply(WEB), driver.read(), driver.sync(), driver.scan(await pair.one.driver().read())):
        with pytest.raises(DriverError, match=r"bigip1 .* and bigip2 .* say that they are active"):
            await attempt
    assert pair.one.writes == pair.two.writes == []
    pair.linked = True
    pair.later()
    assert results(await driver.apply(WEB)) == ["DONE"]


async def test_a_peer_that_is_switched_off_is_asked_seldom(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    pair.two.away = True
    asked = 0
    original = pair.two.send

    async def counted(*request: Any) -> Reply:
        nonlocal asked
        asked += 1
        return await original(*request)

    pair.two.send = counted  # type: ignore[method-assign]
    for _ in range(5):
        pair.later()
        with pytest.raises(DriverError, match=r"\(Disconnected\)"):
            await driver.apply(WEB)
            await driver.sync()
    assert asked == 1
    pair.clock.advance(SILENT_S)
    await driver.apply(WEB)
    assert asked == 2


async def test_reading_and_writing_go_to_whichever_unit_is_active(pair: Pair) -> None:
    pair.fail_over(pair.one)
    driver = pair.driver()
    assert await driver.read() == {}
    assert results(await driver.apply(WEB)) == ["DONE"]
    assert (pair.one.members(), pair.two.members()) == (-1, 2)
    assert await driver.read() != {}


async def test_nothing_is_written_to_a_unit_that_is_not_active_any_more(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    pair.fail_over(pair.one)
    for attempt in (driver.apply(WEB), driver.apply(WEB), driver.sync(), driver.collect_nodes(["/k8s/10.0.0.1"])):
        with pytest.raises(Moved):
            await attempt
    assert pair.one.writes == []
    await driver.read()
    assert results(await driver.apply(WEB)) == ["DONE"]
    assert pair.two.members() == 2


async def test_what_went_to_a_unit_that_failed_over_meanwhile_does_not_count(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    await driver.apply(WEB)
    pair.fail_over(pair.one)
    (outcome,) = await driver.apply(MORE)
    assert str(outcome.result) == "UNREACHED" and "bigip1 (https://bigip1) is standby now" in outcome.answer


async def test_a_unit_that_dies_after_a_write_is_left_for_the_one_that_takes_over(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    await driver.apply(WEB)
    pair.one.away = True
    with pytest.raises(DriverError, match="No unit that is named"):
        await driver.sync()
    pair.beat()
    with pytest.raises(Moved, match=r"bigip1 .* cannot be reached; the unit that is active"):
        await driver.sync()
    assert await driver.read() == {}


# Synchronising


async def test_a_sync_is_ordered_only_after_a_write_and_once(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    await driver.sync()
    assert pair.one.synced() == 0
    await driver.apply(WEB)
    await driver.apply(MORE)
    await driver.sync()
    await driver.sync()
    assert (pair.one.synced(), pair.two.synced()) == (1, 0)
    assert pair.one.members() == pair.two.members() == 3


async def test_with_automatic_sync_no_command_is_given() -> None:
    both = Pair(auto_sync=True)
    driver = both.driver()
    await driver.read()
    await driver.apply(WEB)
    await driver.sync()
    assert both.one.synced() == 0
    assert both.two.members() == 2


async def test_changes_of_others_on_another_unit_are_not_overwritten(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    pair.two.box.tree.create("ltm/pool", {"name": "theirs", "partition": "k8s"})
    pair.beat()
    assert results(await driver.apply(WEB)) == ["DONE"]
    pair.later()
    for _ in range(2):
        with pytest.raises(NewerElsewhere) as caught:
            await driver.sync()
        assert (caught.value.units, caught.value.group) == ("bigip2", DG)
    assert pair.one.synced() == 0
    pair.one.box.group.order_sync("to-group", True)  # type: ignore[union-attr]
    pair.beat()
    await driver.sync()
    await driver.apply(MORE)
    await driver.sync()
    assert pair.one.synced() == 1


async def test_changes_made_on_another_unit_after_our_write_are_not_overwritten_either(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    await driver.apply(WEB)
    pair.clock.advance(0.1)
    pair.two.box.tree.create("ltm/pool", {"name": "theirs", "partition": "k8s"})
    pair.beat()
    with pytest.raises(NewerElsewhere, match="the changes of bigip2"):
        await driver.sync()
    assert pair.one.synced() == 0


async def test_our_own_changes_on_the_former_active_unit_are_in_nobodys_way(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    await driver.apply(WEB)
    pair.fail_over(pair.one)
    await driver.read()
    await driver.apply(WEB)
    await driver.sync()
    assert (pair.one.synced(), pair.two.synced()) == (0, 1)


async def test_a_group_that_was_never_synchronised_waits_for_a_person(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    await driver.apply(WEB)
    first = status("Awaiting Initial Sync", "dg1 (Awaiting Initial Sync): The device group awaits the initial sync")
    pair.one.instead = {"cm/sync-status": json.dumps(first)}
    with pytest.raises(DriverError, match=r"was never synchronised.*config-sync to-group dg1"):
        await driver.sync()
    assert pair.one.synced() == 0


async def test_a_sync_that_does_not_come_about_is_told_with_the_devices_words(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    await driver.apply(WEB)
    pair.one.instead = {"cm/sync-status": json.dumps(status("Changes Pending", "dg1 (Syncing): busy."))}
    with pytest.raises(DriverError, match=r"do not have one configuration \(Syncing\): busy\."):
        await driver.sync()


async def test_a_sync_that_the_device_refuses_is_told_with_the_devices_words(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    await driver.apply(WEB)
    pair.one.fault(kind="write-refused", method="POST", path="/mgmt/tm/cm$", times=1, message="01070734:3: no")
    with pytest.raises(DriverError, match="does not give its configuration to device group dg1: 01070734:3: no"):
        await driver.sync()
    await driver.sync()
    assert pair.two.members() == 2


async def test_what_is_written_while_a_sync_is_under_way_is_left_for_the_next_one(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    await driver.apply(WEB)
    waited = pair.sleep

    async def write_then(seconds: float) -> None:
        driver._sleep = waited
        await waited(seconds)
        await driver.apply(MORE)

    driver._sleep = write_then
    await driver.sync()
    assert (pair.one.members(), pair.two.members()) == (3, 2)
    await driver.sync()
    assert pair.two.members() == 3


# Saving and leading


async def test_every_unit_is_saved_and_one_that_fails_is_tried_again_alone(pair: Pair) -> None:
    driver = pair.driver()
    await driver.read()
    await driver.save()
    saves = "POST /mgmt/tm/task/sys/config"
    assert saves not in pair.one.sent
    await driver.apply(WEB)
    await driver.sync()
    pair.two.away = True
    with pytest.raises(DriverError, match=r"bigip2 \(https://bigip2\): .*refused"):
        await driver.save()
    assert pair.one.sent.count(saves) == 1
    pair.two.away = False
    await driver.save()
    await driver.save()
    assert (pair.one.sent.count(saves), pair.two.sent.count(saves)) == (1, 1)


async def test_a_leader_is_fenced_on_whichever_unit_it_writes_to(pair: Pair) -> None:
    driver = pair.driver()
    driver.fence(4, lambda: True)
    await driver.read()
    two = configuration(create(pool("a")), create(pool("b")))
    assert results(await driver.apply(two)) == ["DONE", "DONE"]
    pair.fail_over(pair.one)
    await driver.read()
    assert results(await driver.apply(two)) == ["DONE", "DONE"]
    for unit in (pair.one, pair.two):
        assert unit.box.tree.get("ltm/data-group/internal", "/k8s/turnbuckle_leader_4") is not None


async def test_a_former_leader_does_not_synchronise(pair: Pair) -> None:
    driver = pair.driver()
    leads = [True]
    await driver.read()
    driver.fence(4, lambda: leads[0])
    await driver.apply(WEB)
    leads[0] = False
    with pytest.raises(Deposed):
        await driver.sync()
    assert pair.one.synced() == 0
