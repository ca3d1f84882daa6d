"""What has changed on the device: found at the cost of what changed, and never by taking silence for an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from device import OURS, Device, configuration, create, device, member, members, monitor, pool, update, virtual
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnbuckle.drivers.base import DriverError, PartitionMissing, Unreachable
from turnbuckle.drivers.icontrol.transport import Reply
from turnbuckle.model.ltm import DesignatedPool, LtmObject, Pool, identical
from turnbuckle.model.plan import with_outcomes
from turnbuckle.model.state import Path, State

LTM = "/mgmt/tm/ltm"
COLLECTIONS = 15
"""Requests of a scan that finds nothing, in one partition."""

SELECT = "$select=fullPath,generation"


@pytest.fixture
def box() -> Device:
    return device()


async def published(box: Device, pools: int = 3, members: int = 2) -> tuple[Any, State]:
    """A driver that knows what it has written, and that."""
    driver = box.driver()
    probe = monitor()
    objects: list[LtmObject] = [probe]
    for number in range(1, pools + 1):
        objects += [pool(f"p{number}", members, monitors=(probe.path,)), virtual(f"p{number}", number)]
    await driver.apply(configuration(*map(create, objects)))
    state = await driver.read()
    box.forget()
    return driver, state


async def test_what_shows_no_generation_is_compared_in_full_and_nothing_else_is_read(box: Device) -> None:
    driver, known = await published(box)
    assert await driver.scan(known) == {}
    whole = [path for path in box.sent if SELECT not in path]
    assert whole == [f"GET {LTM}/monitor/http/~k8s~web_0_http?{whole[0].partition('?')[2]}"]
    assert len(box.sent) == COLLECTIONS + 1


@pytest.mark.parametrize("number", [1, 20, 40])
async def test_a_few_that_changed_are_read_one_by_one_and_many_in_one_request(box: Device, number: int) -> None:
    driver, known = await published(box, pools=40, members=0)
    for which in range(1, number + 1):
        box.operator("PATCH", f"{LTM}/pool/~k8s~p{which}", {"loadBalancingMode": "ratio-member"})
    found = await driver.scan(known)
    assert set(found) == {Path("ltm/pool", f"/k8s/p{which}") for which in range(1, number + 1)}
    whole = [path for path in box.sent if SELECT not in path and f"{LTM}/pool" in path]
    assert len(whole) == (number if number <= 20 else 1)
    box.forget()
    assert await driver.scan(known.changed(found)) == {}
    assert not [path for path in box.sent if SELECT not in path and f"{LTM}/pool" in path]


async def test_a_change_of_one_member_by_an_operator_is_found(box: Device) -> None:
    driver, known = await published(box)
    body = {"session": "user-disabled", "state": "user-up"}
    box.operator("PATCH", f"{LTM}/pool/~k8s~p2/members/~k8s~10.0.0.1:80", body)
    found = await driver.scan(known)
    assert list(found) == [Path("ltm/pool", "/k8s/p2")]
    (seen,) = found.values()
    assert isinstance(seen, Pool) and {m.admin_state for m in seen.members} == {"enabled", "disabled"}


async def test_what_we_wrote_ourselves_is_looked_at_once_and_is_no_change(box: Device) -> None:
    driver, known = await published(box)
    before = known[Path("ltm/pool", "/k8s/p1")]
    assert isinstance(before, Pool)
    after = replace(before, members=before.members | {member(9)})
    known = with_outcomes(known, await driver.apply(members(update(before, after))))
    box.forget()
    assert await driver.scan(known) == {}
    assert len([path for path in box.sent if SELECT not in path and "/pool/" in path]) == 1
    box.forget()
    assert await driver.scan(known) == {}
    assert not [path for path in box.sent if SELECT not in path and "/pool/" in path]


async def test_objects_of_others_come_and_go(box: Device) -> None:
    driver, known = await published(box)
    box.operator("POST", f"{LTM}/pool", {"name": "theirs", "partition": "k8s"})
    found = await driver.scan(known)
    path = Path("ltm/pool", "/k8s/theirs")
    assert found == {path: Pool("/k8s/theirs", None)}
    known = known.changed(found)
    box.operator("DELETE", f"{LTM}/pool/~k8s~theirs")
    assert await driver.scan(known) == {path: None}


async def test_what_somebody_deleted_is_gone(box: Device) -> None:
    driver, known = await published(box)
    box.operator("DELETE", f"{LTM}/virtual/~k8s~p1")
    box.operator("DELETE", f"{LTM}/pool/~k8s~p1")
    assert await driver.scan(known) == {Path("ltm/virtual", "/k8s/p1"): None, Path("ltm/pool", "/k8s/p1"): None}


@pytest.mark.parametrize("where", ["Common", "k8s"])
async def test_our_members_in_a_pool_of_others_are_compared_too(box: Device, where: str) -> None:
    uri = f"{LTM}/pool/~{where}~shop"
    box.operator("POST", f"{LTM}/pool", {"name": "shop", "partition": where})
    driver, path = box.driver(), Path("ltm/pool/members", f"/{where}/shop")
    known = await driver.read([path.name])
    wanted = DesignatedPool(path.name, OURS, frozenset({replace(member(1), node_partition=where, mark=OURS)}))
    known = with_outcomes(known, await driver.apply(members(update(known[path], wanted))))
    assert path not in await driver.scan(known)
    box.operator("DELETE", f"{uri}/members/~{where}~10.0.0.1:80")
    found = await driver.scan(known)
    gone = found[path]
    assert isinstance(gone, DesignatedPool) and not gone.members
    box.operator("DELETE", uri)
    assert (await driver.scan(known))[path] is None
    known = await driver.read([path.name])
    assert path not in known
    box.operator("POST", f"{LTM}/pool", {"name": "shop", "partition": where})
    assert path in await driver.scan(known)


async def test_what_is_written_while_a_scan_is_under_way_is_left_to_the_next_one(box: Device) -> None:
    driver, known = await published(box)
    before = known[Path("ltm/pool", "/k8s/p1")]
    assert isinstance(before, Pool)
    send, asked = box.send, 0

    async def writing(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        nonlocal asked
        asked += 1
        if asked == 1:
            await driver.apply(members(update(before, replace(before, members=frozenset()))))
        return await send(method, path, headers, body)

    box.send = writing  # type: ignore[method-assign]
    assert await driver.scan(known) == {}
    assert list(await driver.scan(known)) == [before.path]


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"items": null}', b'{"items": [7]}', b'{"items": [{}]}']
)
async def test_an_answer_that_is_no_list_is_not_an_empty_one(box: Device, body: bytes) -> None:
    driver, known = await published(box)
    send = box.send

    async def garbled(method: str, path: str, headers: Mapping[str, str], content: bytes) -> Reply:
        reply = await send(method, path, headers, content)
        return Reply(200, {}, body) if "/ltm/virtual" in path else reply

    box.send = garbled  # type: ignore[method-assign]
    with pytest.raises(DriverError):
        await driver.scan(known)
    if body != b'{"items": [{}]}':
        with pytest.raises(DriverError):
            await driver.read()


async def test_a_scan_that_fails_has_forgotten_nothing(box: Device) -> None:
    driver, known = await published(box)
    box.operator("DELETE", f"{LTM}/virtual/~k8s~p1")
    box.fail = {"ltm/virtual": "before"}
    with pytest.raises(Unreachable):
        await driver.scan(known)
    box.fail = {}
    assert await driver.scan(known) == {Path("ltm/virtual", "/k8s/p1"): None}


async def test_a_partition_that_is_gone_is_told_and_not_taken_for_empty(box: Device) -> None:
    driver = box.driver()
    known = await driver.read()
    box.operator("DELETE", "/mgmt/tm/auth/partition/k8s")
    with pytest.raises(PartitionMissing):
        await driver.scan(known)


async def test_a_scan_before_the_first_read_says_so(box: Device) -> None:
    with pytest.raises(DriverError, match="has not been read yet"):
        await box.driver().scan(State())


async def test_names_of_members_that_somebody_wrote_otherwise_are_learnt_by_a_scan(box: Device) -> None:
    driver, known = await published(box)
    box.operator("POST", f"{LTM}/pool/~k8s~p1/members", {"name": "named:80", "partition": "k8s", "address": "10.0.0.7"})
    found = await driver.scan(known)
    path = Path("ltm/pool", "/k8s/p1")
    before, after = found[path], known[path]
    assert before is not None
    box.forget()
    await driver.apply(members(update(before, after)))
    assert box.sent == [f"DELETE {LTM}/pool/~k8s~p1/members/~k8s~named:80"]


OPERATORS: list[tuple[str, str, Any]] = [
    ("PATCH", "pool/~k8s~p1", {"loadBalancingMode": "ratio-member"}),
    ("PATCH", "pool/~k8s~p1/members/~k8s~10.0.0.1:80", {"session": "user-disabled"}),
    ("PATCH", "pool/~k8s~p2/members/~k8s~10.0.0.1:80", {"metadata": [{"name": "ticket", "value": "1"}]}),
    ("PATCH", "pool/~k8s~p2/members/~k8s~10.0.0.2:80", {"ratio": 3, "description": "not ours to compare"}),
    ("POST", "pool/~k8s~p3/members", {"name": "10.0.0.8:80", "partition": "k8s"}),
    ("POST", "pool", {"name": "new", "partition": "k8s"}),
    ("POST", "data-group/internal", {"name": "new", "partition": "k8s", "type": "string"}),
    ("PATCH", "virtual/~k8s~p1", {"pool": "none", "description": "mine"}),
    ("PATCH", "virtual/~k8s~p2", {"profiles": [{"name": "/Common/tcp"}]}),
    ("PATCH", "monitor/http/~k8s~web_0_http", {"interval": 7}),
    ("DELETE", "virtual/~k8s~p3", None),
]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.sampled_from(OPERATORS), max_size=3), max_size=4))
async def test_a_scan_tells_what_reading_everything_would(rounds: list[list[tuple[str, str, Any]]]) -> None:
    box = device()
    driver, known = await published(box)
    for edits in rounds:
        for method, path, body in edits:
            try:
                box.operator(method, f"{LTM}/{path}", body)
            except AssertionError:
                continue  # it was done before, and the device refuses it
        known = known.changed(await driver.scan(known))
        whole = await box.driver().read()
        assert set(known) == set(whole)
        assert all(identical(known[path], whole[path]) for path in whole)
