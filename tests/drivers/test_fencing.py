"""Two replicas on one device: the one that does not lead any more writes nothing, wherever it was held up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest
from device import (
    OURS,
    Device,
    configuration,
    create,
    delete,
    device,
    members,
    pool,
    update,
    virtual,
)

from turnbuckle.drivers.base import Credentials, Deposed, Unreachable
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.drivers.icontrol.transport import Reply
from turnbuckle.model.ltm import DesignatedPool, Member
from turnbuckle.model.plan import Batch, Outcome

GROUPS = "/mgmt/tm/ltm/data-group/internal"

A = (create(pool("a")), create(virtual("a", 1)))
B = (create(pool("b")), create(virtual("b", 2)))
C = (create(pool("c")), create(virtual("c", 3)))


@pytest.fixture
def box() -> Device:
    return device()


def leader(box: Device, number: int, may_write: Callable[[], bool] = lambda: True) -> IControlDriver:
    driver = box.driver()
    driver.fence(number, may_write)
    return driver


def fences(box: Device, partition: str = "k8s") -> list[str]:
    found = box.operator("GET", f"{GROUPS}?$filter=partition eq {partition}")["items"]
    return sorted(one["name"] for one in found)


def results(outcomes: tuple[Outcome, ...]) -> set[str]:
    return {str(outcome.result) for outcome in outcomes}


async def objects(box: Device) -> set[str]:
    return {path.name for path in await box.driver().read()}


class HeldUp:
    """A transport in which something else happens first when request number `at` comes, once."""

    def __init__(self, box: Device, at: int, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self.box, self.left, self.meanwhile = box, at, meanwhile

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if "/mgmt/tm/" in path:
            self.left -= 1
            if self.left == 0:
                await self.meanwhile()
        return await self.box.send(method, path, headers, body)

    async def close(self) -> None:
        return None

    def leader(self, number: int, may_write: Callable[[], bool]) -> IControlDriver:
        driver = IControlDriver(
            self,
            lambda: Credentials("admin", "admin"),
            partitions=("k8s",),
            controller_id="us",
            clock=self.box.clock.now,
            sleep=self.box.sleep,
        )
        driver.fence(number, may_write)
        return driver


async def test_each_transaction_begins_with_the_leaders_own_data_group(box: Device) -> None:
    driver = leader(box, 3)
    assert results(await driver.apply(configuration(*A))) == {"DONE"}
    assert fences(box) == ["turnbuckle_leader_3"]
    box.forget()
    assert results(await driver.apply(configuration(*B))) == {"DONE"}
    assert box.writes == [
        f"PATCH {GROUPS}/~k8s~turnbuckle_leader_3",
        "POST /mgmt/tm/ltm/pool",
        "POST /mgmt/tm/ltm/virtual",
    ]
    assert not [path for path in box.sent if path.startswith("GET")]


async def test_the_next_leader_takes_away_its_predecessors_with_its_first_transaction(box: Device) -> None:
    old, new = leader(box, 1), leader(box, 2)
    await old.apply(configuration(*A))
    box.forget()
    await new.apply(configuration(*B))
    assert box.writes[:2] == [f"POST {GROUPS}", f"DELETE {GROUPS}/~k8s~turnbuckle_leader_1"]
    assert fences(box) == ["turnbuckle_leader_2"]
    with pytest.raises(Deposed, match="nothing was written"):
        await old.apply(configuration(*C))
    assert await objects(box) == {"/k8s/a", "/k8s/b"}


async def test_a_change_of_leader_with_nothing_to_write_writes_nothing(box: Device) -> None:
    await leader(box, 1).apply(configuration(*A))
    box.forget()
    driver = leader(box, 2)
    await driver.scan(await driver.read())
    assert not box.writes and fences(box) == ["turnbuckle_leader_1"]


@pytest.mark.parametrize("led_before", [True, False])
@pytest.mark.parametrize("at", range(1, 10))
async def test_of_two_first_transactions_at_once_the_later_leaders_is_the_last(
    box: Device, at: int, led_before: bool
) -> None:
    if led_before:
        await leader(box, 1).apply(configuration(*C))
    new = leader(box, 3)

    async def takes_over() -> None:
        assert results(await new.apply(configuration(*B))) == {"DONE"}

    transport = HeldUp(box, at, takes_over)
    old = transport.leader(2, lambda: True)
    try:
        written = results(await old.apply(configuration(*A))) == {"DONE"}
    except Deposed:
        written = False
    if transport.left > 0:
        await takes_over()
        transport.left = 0
        assert written
    assert ("/k8s/a" in await objects(box)) is written
    with pytest.raises(Deposed):
        await old.apply(configuration(create(pool("d")), create(pool("e"))))
    # What stands in for a predecessor may come late; the next leader takes it away like any other.
    assert set(fences(box)) - {"turnbuckle_leader_0"} == {"turnbuckle_leader_3"}
    await leader(box, 4).apply(configuration(create(pool("d")), create(pool("e"))))
    assert fences(box) == ["turnbuckle_leader_4"]


@pytest.mark.parametrize("at", range(1, 6))
async def test_an_old_leader_held_up_in_the_middle_of_a_later_transaction_writes_nothing(box: Device, at: int) -> None:
    new = leader(box, 3)

    async def takes_over() -> None:
        assert results(await new.apply(configuration(*B))) == {"DONE"}

    transport = HeldUp(box, 0, takes_over)
    old = transport.leader(2, lambda: True)
    await old.apply(configuration(*A))
    transport.left = at
    with pytest.raises(Deposed):
        await old.apply(configuration(*C))
    assert transport.left <= 0
    assert await objects(box) == {"/k8s/a", "/k8s/b"}


async def test_a_later_leader_is_recognised_by_who_comes_late(box: Device) -> None:
    await leader(box, 7).apply(configuration(*A))
    with pytest.raises(Deposed):
        await leader(box, 6).apply(configuration(*B))
    assert fences(box) == ["turnbuckle_leader_7"]


async def test_writes_outside_of_transactions_are_asked_for_first(box: Device) -> None:
    leads = [True]
    driver = leader(box, 1, lambda: leads[-1])
    assert results(await driver.apply(configuration(create(pool())))) == {"DONE"}
    more = update(pool(), pool(members=3))
    leads.append(False)
    for batch in (members(more), configuration(*A), configuration(delete(pool()))):
        box.forget()
        with pytest.raises(Deposed):
            await driver.apply(batch)
        assert not [path for path in box.sent if not path.startswith("GET")]
    assert await driver.collect_nodes(["/k8s/10.0.0.1"]) == frozenset()
    leads.append(True)
    assert results(await driver.apply(members(more))) == {"DONE"}


async def test_a_write_outside_of_a_transaction_is_not_waited_for_beyond_the_lease(
    box: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnbuckle.drivers.icontrol.connection.FENCED_WRITE_S", 0.0)
    driver = leader(box, 1)
    send = box.send

    async def slow(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        await asyncio.sleep(30)
        return await send(method, path, headers, body)

    box.send = slow  # type: ignore[method-assign]
    with pytest.raises(Unreachable, match="another replica could take the lead"):
        await driver._connection.write("POST", "/mgmt/tm/ltm/pool", {"name": "x"})


async def test_a_device_that_is_busy_is_asked_again_only_while_the_lease_stands(box: Device) -> None:
    asked = iter([True, False])
    driver = leader(box, 1, lambda: next(asked))
    box.fault(kind="busy", method="POST", path="ltm/pool")
    with pytest.raises(Deposed):
        await driver.apply(configuration(create(pool())))


async def test_fences_are_nobodys_configuration(box: Device) -> None:
    driver = leader(box, 1)
    await driver.read()
    await driver.apply(configuration(*A))
    known = await driver.read()
    assert {path.name for path in known} == {"/k8s/a"}
    await leader(box, 2).apply(configuration(*B))
    assert {path.name for path in await driver.scan(known)} == {"/k8s/b"}


async def test_the_fence_of_members_in_a_partition_of_others_is_in_our_own(box: Device) -> None:
    box.operator("POST", "/mgmt/tm/ltm/pool", {"name": "shop", "partition": "Common"})
    driver = leader(box, 1)
    before = DesignatedPool("/Common/shop", None)
    after = DesignatedPool("/Common/shop", OURS, frozenset(Member(f"10.0.0.{n}", 80, "Common") for n in (1, 2)))
    assert results(await driver.apply(Batch("members", "Common", (update(before, after),)))) == {"DONE"}
    assert fences(box) == ["turnbuckle_leader_1"]
    assert not [name for name in fences(box, "Common") if name.startswith("turnbuckle")]


async def test_a_transaction_that_is_refused_for_a_reason_of_its_own_is_halved_within_the_fence(box: Device) -> None:
    driver = leader(box, 1)
    box.fault(kind="commit-refused", touches="/k8s/b", message="01071234:3: No such luck.")
    box.fault(kind="write-refused", touches="/k8s/b", message="01071234:3: No such luck.")
    outcomes = await driver.apply(configuration(*A, *B))
    assert [str(outcome.result) for outcome in outcomes] == ["DONE", "DONE", "REJECTED", "REJECTED"]
    assert fences(box) == ["turnbuckle_leader_1"]


@pytest.mark.parametrize("number", [1, 9])
async def test_leaders_of_another_unit_depose_nobody(box: Device, number: int) -> None:
    other, own = box.driver(seat="0123abcd"), box.driver(seat="89efcdab")
    other.fence(number, lambda: True)
    own.fence(5, lambda: True)
    for driver, batch in ((other, A), (own, B)):
        assert results(await driver.apply(configuration(*batch))) == {"DONE"}
    assert fences(box) == [f"turnbuckle_leader_0123abcd_{number}", "turnbuckle_leader_89efcdab_5"]


async def test_a_leader_whose_fence_a_config_sync_took_away_makes_it_again(box: Device) -> None:
    leads = [True]
    driver = leader(box, 1, lambda: leads[0])
    await driver.apply(configuration(*A))
    box.operator("DELETE", f"{GROUPS}/~k8s~turnbuckle_leader_1")
    assert results(await driver.apply(configuration(*B))) == {"DONE"}
    assert fences(box) == ["turnbuckle_leader_1"]
    box.operator("DELETE", f"{GROUPS}/~k8s~turnbuckle_leader_1")
    leads[0] = False
    with pytest.raises(Deposed):
        await driver.apply(configuration(*C))
    assert await objects(box) == {"/k8s/a", "/k8s/b"}


async def test_without_a_lease_nothing_of_this_happens(box: Device) -> None:
    driver = box.driver()
    await driver.apply(configuration(*A))
    assert fences(box) == []
    assert box.sent[:2] == ["POST /mgmt/tm/transaction", "POST /mgmt/tm/ltm/pool"]


async def test_the_first_write_of_a_leader_takes_its_predecessors_fence_away_however_small_it_is(box: Device) -> None:
    old, new = leader(box, 1), leader(box, 2)
    await old.apply(configuration(*A))

    async def takes_over() -> None:
        assert results(await new.apply(members(update(pool("a"), pool("a", 1))))) == {"DONE"}

    # The predecessor's commit is under way while the next leader writes a single member.
    late = HeldUp(box, 3, takes_over).leader(1, lambda: True)
    with pytest.raises(Deposed):
        await late.apply(configuration(*B))
    assert fences(box) == ["turnbuckle_leader_2"]
    box.forget()
    await new.apply(members(update(pool("a", 1), pool("a", 2))))
    assert len(box.writes) == 1
