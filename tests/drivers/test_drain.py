"""Members whose endpoints end: what is asked for, and whose wish it was that a member takes no new connections."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from device import OURS, Device, configuration, create, device, member, members, pool

from turnbuckle.model.ltm import DesignatedPool, LtmObject, Member, Pool
from turnbuckle.model.plan import Result
from turnbuckle.model.state import State
from turnbuckle.planner import cut, make_plan

POOL_URI = "/mgmt/tm/ltm/pool/~k8s~web"
ENTRY = {"name": "turnbuckle-draining", "value": "1"}


@pytest.fixture
def box() -> Device:
    return device()


def at(number: int) -> str:
    return f"{POOL_URI}/members/~k8s~10.0.0.{number}:80"


def of(*given: Member) -> Pool:
    return replace(pool(), members=frozenset(given))


async def follow(box: Device, desired: LtmObject) -> None:
    """A controller that has just started: reads, plans, applies; what was asked for is in box.sent."""
    driver = box.driver()
    observed = await driver.read([desired.name] if isinstance(desired, DesignatedPool) else [])
    box.forget()
    for batch in cut(make_plan(observed, State([desired]), controller_id="us")):
        assert {outcome.result for outcome in await driver.apply(batch)} == {Result.DONE}


def shown(box: Device, number: int) -> tuple[str, str, list[str]]:
    """Session, state and the names of the metadata of a member."""
    found = box.operator("GET", at(number))
    return found["session"], found["state"], [entry["name"] for entry in found.get("metadata", [])]


def disable(box: Device, number: int, state: str = "user-up") -> None:
    box.operator("PATCH", at(number), {"session": "user-disabled", "state": state})


async def test_an_endpoint_that_begins_to_end_is_one_small_request(box: Device) -> None:
    await follow(box, of(member(1), member(2)))
    await follow(box, of(member(1), member(2, draining=True)))
    assert box.sent == [f"PATCH {at(2)}"]
    assert box.bodies == [{"session": "user-disabled", "metadata": [ENTRY]}]
    assert len(msgspec.json.encode(box.bodies[0])) < 300
    assert shown(box, 2) == ("user-disabled", "unchecked", ["turnbuckle-draining"])
    await follow(box, of(member(1), member(2, draining=True)))
    assert box.sent == []


async def test_several_that_begin_to_end_at_once_are_one_request(box: Device) -> None:
    await follow(box, of(member(1), member(2), member(3)))
    await follow(box, of(member(1, draining=True), member(2, draining=True), member(3)))
    assert box.sent == [f"PATCH {POOL_URI}"]
    assert [shown(box, number)[0] for number in (1, 2, 3)] == ["user-disabled", "user-disabled", "user-enabled"]


async def test_one_that_is_ready_again_after_a_restart_is_enabled_and_loses_the_entry(box: Device) -> None:
    await follow(box, of(member(1), member(2, draining=True)))
    await follow(box, of(member(1), member(2)))
    assert box.sent == [f"PATCH {at(2)}"]
    assert box.bodies == [{"session": "user-enabled", "metadata": []}]
    assert shown(box, 2) == ("user-enabled", "unchecked", [])


async def test_several_that_are_ready_again_are_enabled_in_one_request(box: Device) -> None:
    await follow(box, of(member(1, draining=True), member(2, draining=True), member(3, draining=True)))
    await follow(box, of(member(1), member(2), member(3, draining=True)))
    assert box.sent == [f"PATCH {POOL_URI}"]
    assert [shown(box, number) for number in (1, 2, 3)] == [
        ("user-enabled", "unchecked", []),
        ("user-enabled", "unchecked", []),
        ("user-disabled", "unchecked", ["turnbuckle-draining"]),
    ]


@pytest.mark.parametrize("state", ["user-up", "user-down"])
async def test_what_an_operator_disabled_is_never_enabled_by_us(box: Device, state: str) -> None:
    await follow(box, of(member(1), member(2)))
    disable(box, 2, state)
    before = shown(box, 2)
    for draining in (False, True, False):
        await follow(box, of(member(1), member(2, draining=draining)))
        assert box.sent == []
    await follow(box, of(member(1), member(2, draining=True), member(3), member(4)))
    assert shown(box, 2) == before
    await follow(box, of(member(1), member(3), member(4)))
    assert box.sent == [f"DELETE {at(2)}"]


async def test_what_an_operator_forced_offline_while_it_drained_stays_offline(box: Device) -> None:
    await follow(box, of(member(1), member(2, draining=True)))
    disable(box, 2, "user-down")
    await follow(box, of(member(1), member(2, draining=True)))
    assert box.sent == []
    await follow(box, of(member(1), member(2)))
    assert box.bodies == [{"metadata": []}]
    assert shown(box, 2) == ("user-disabled", "user-down", [])


async def test_whom_an_operator_enables_while_it_drains_stays_enabled(box: Device) -> None:
    await follow(box, of(member(1), member(2, draining=True)))
    box.operator("PATCH", at(2), {"session": "user-enabled"})
    await follow(box, of(member(1), member(2, draining=True)))
    assert box.sent == []


async def test_metadata_of_others_stays_when_a_member_drains_and_when_it_does_not_any_more(box: Device) -> None:
    await follow(box, of(member(1), member(2), member(3)))
    box.operator("PATCH", at(2), {"metadata": [{"name": "ticket", "value": "4711", "persist": "false"}]})
    await follow(box, of(member(1), member(2, draining=True), member(3)))
    assert shown(box, 2)[2] == ["ticket", "turnbuckle-draining"]
    await follow(box, of(member(1), member(2), member(3, draining=True)))
    assert box.sent == [f"PATCH {POOL_URI}"]
    assert box.operator("GET", at(2))["metadata"] == [{"name": "ticket", "value": "4711", "persist": "false"}]


async def test_in_a_pool_of_others_a_member_that_drains_keeps_our_mark(box: Device) -> None:
    box.operator("POST", "/mgmt/tm/ltm/pool", {"name": "web", "partition": "k8s"})

    def ours(*given: Member) -> DesignatedPool:
        return DesignatedPool("/k8s/web", OURS, frozenset(replace(m, mark=OURS) for m in given))

    await follow(box, ours(member(1), member(2)))
    await follow(box, ours(member(1), member(2, draining=True)))
    assert box.sent == [f"PATCH {at(2)}"] and len(msgspec.json.encode(box.bodies[0])) < 300
    assert shown(box, 2) == ("user-disabled", "unchecked", ["turnbuckle", "turnbuckle-draining"])
    await follow(box, ours(member(1), member(2)))
    assert shown(box, 2) == ("user-enabled", "unchecked", ["turnbuckle"])
    disable(box, 1)
    await follow(box, ours(member(1, draining=True), member(2)))
    assert box.sent == []


async def test_a_pool_is_made_with_members_that_drain_already(box: Device) -> None:
    driver, wanted = box.driver(), of(member(1), member(2, draining=True))
    await driver.apply(configuration(create(wanted)))
    assert (await driver.read())[wanted.path] == wanted
    await driver.apply(members())
    assert shown(box, 2) == ("user-disabled", "unchecked", ["turnbuckle-draining"])
