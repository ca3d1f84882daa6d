"""What goes wrong at a device, and that nothing is lost, hidden or written twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from device import OURS, Device, configuration, create, delete, device, member, members, monitor, pool, update, virtual

from turnbuckle.drivers.base import Credentials, Unauthorized, Unreachable
from turnbuckle.drivers.icontrol import session
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.drivers.icontrol.transport import Reply
from turnbuckle.model.ltm import DesignatedPool, ProfileUse
from turnbuckle.model.plan import Outcome, Result
from turnbuckle.model.state import Path

MISSING = frozenset({ProfileUse("/Common/missing")})


@pytest.fixture
def box() -> Device:
    return device()


def results(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [str(outcome.result) for outcome in outcomes]


# ---- refusals


async def test_nine_of_ten_arrive_and_the_tenth_is_told_in_the_devices_words(box: Device) -> None:
    driver = box.driver()
    servers = [virtual(f"v{n}", n, pool="") for n in range(1, 11)]
    servers[4] = replace(servers[4], profiles=MISSING)
    outcomes = await driver.apply(configuration(*map(create, servers)))
    assert [r for r in results(outcomes) if r == "DONE"] == ["DONE"] * 9
    assert outcomes[4].result is Result.REJECTED
    assert outcomes[4].answer == "01020036:3: The requested profile (/Common/missing) was not found."
    assert len(await driver.read()) == 9
    assert sum(one.startswith("POST /mgmt/tm/ltm/virtual") for one in box.writes) == 10 + 9


async def test_a_culprit_that_the_device_does_not_name_is_found_by_halving(box: Device) -> None:
    box.fault(kind="commit-refused", touches="/k8s/v7")
    box.fault(kind="write-refused", touches="/k8s/v7", message="01071234:3: No such luck.")
    driver = box.driver()
    outcomes = await driver.apply(configuration(*(create(virtual(f"v{n}", n, pool="")) for n in range(1, 11))))
    rejected = [outcome for outcome in outcomes if outcome.result is not Result.DONE]
    assert [(o.operation.path.leaf, o.answer) for o in rejected] == [("v7", "01071234:3: No such luck.")]
    assert len(await driver.read()) == 9


async def test_what_needs_a_refused_object_waits_and_says_for_which(box: Device) -> None:
    probe = replace(monitor(), interval_s=0)
    box.fault(kind="commit-refused", touches=probe.name, message=f"01070000:3: Monitor {probe.name} is no good.")
    box.fault(kind="write-refused", touches=probe.name, message=f"01070000:3: Monitor {probe.name} is no good.")
    shop = pool("shop", monitors=(probe.path,))
    other = pool("other")
    driver = box.driver()
    outcomes = await driver.apply(
        configuration(create(probe), create(other), create(shop), create(virtual("shop")), create(virtual("other", 8)))
    )
    assert results(outcomes) == ["REJECTED", "DONE", "REJECTED", "REJECTED", "DONE"]
    assert [o.culprit for o in outcomes] == [None, None, probe.path, probe.path, None]
    assert set(await driver.read()) == {other.path, Path("ltm/virtual", "/k8s/other")}


async def test_a_refused_update_keeps_what_it_still_refers_to(box: Device) -> None:
    driver = box.driver()
    await driver.apply(configuration(create(pool()), create(virtual())))
    bad = replace(virtual(), pool="", profiles=MISSING)
    outcomes = await driver.apply(configuration(update(virtual(), bad), create(pool("more")), delete(pool())))
    assert results(outcomes) == ["REJECTED", "DONE", "REJECTED"]
    assert outcomes[2].culprit == virtual().path
    assert pool().path in await driver.read()


async def test_many_with_the_same_missing_profile_are_told_at_once(box: Device) -> None:
    driver = box.driver()
    bad = [virtual(f"b{n}", n, pool="", profiles=MISSING) for n in range(1, 20)]
    outcomes = await driver.apply(configuration(create(pool()), *map(create, bad)))
    assert results(outcomes) == ["DONE", *["REJECTED"] * 19]
    assert sum("PATCH /mgmt/tm/transaction" in one for one in box.sent) == 1


async def test_of_two_new_servers_on_one_destination_one_arrives(box: Device) -> None:
    driver = box.driver()
    both = [virtual("a", 7, pool=""), virtual("b", 7, pool="")]
    outcomes = await driver.apply(configuration(*map(create, both), create(pool())))
    assert sorted(results(outcomes)) == ["DONE", "DONE", "REJECTED"]
    (refused,) = (o for o in outcomes if o.result is Result.REJECTED)
    assert "illegally shares destination" in refused.answer


async def test_a_node_that_another_partition_has_is_told_for_every_pool_that_needs_it(box: Device) -> None:
    box.operator("POST", "/mgmt/tm/ltm/node", {"name": "taken", "partition": "Common", "address": "10.0.0.2"})
    driver = box.driver()
    outcomes = await driver.apply(
        configuration(create(pool("a", 1)), create(pool("b", 2)), create(pool("c", 3)), create(pool("d", 1)))
    )
    assert results(outcomes) == ["DONE", "REJECTED", "REJECTED", "DONE"]
    assert all("10.0.0.2 already exists" in o.answer for o in outcomes if o.result is Result.REJECTED)


async def test_two_servers_swap_their_addresses_at_once(box: Device) -> None:
    driver = box.driver()
    a, b = virtual("a", 1, pool=""), virtual("b", 2, pool="")
    await driver.apply(configuration(create(a), create(b)))
    swapped = replace(a, destination_address="203.0.113.2"), replace(b, destination_address="203.0.113.1")
    assert results(await driver.apply(configuration(update(a, swapped[0]), update(b, swapped[1])))) == ["DONE", "DONE"]
    assert dict(await driver.read()) == {obj.path: obj for obj in swapped}


# ---- a picture that is out of date


async def test_what_somebody_else_made_meanwhile_is_no_refusal(box: Device) -> None:
    driver = box.driver()
    box.operator("POST", "/mgmt/tm/ltm/pool", {"name": "web", "partition": "k8s"})
    (alone,) = await driver.apply(configuration(create(pool())))
    assert alone.result is Result.UNREACHED
    outcomes = await driver.apply(configuration(create(pool()), create(virtual()), create(pool("other"))))
    assert results(outcomes) == ["UNREACHED", "UNREACHED", "DONE"]


async def test_what_somebody_else_deleted_meanwhile_is_deleted(box: Device) -> None:
    driver = box.driver()
    await driver.apply(configuration(create(pool()), create(pool("b"))))
    box.operator("DELETE", "/mgmt/tm/ltm/pool/~k8s~web")
    assert results(await driver.apply(configuration(delete(pool()), delete(pool("b"))))) == ["DONE", "DONE"]
    assert not await driver.read()


async def test_a_change_of_what_is_gone_asks_to_be_read_again(box: Device) -> None:
    driver = box.driver()
    changed = replace(pool(), load_balancing="ratio-member")
    (outcome,) = await driver.apply(configuration(update(pool(), changed)))
    assert outcome.result is Result.UNREACHED
    (outcome,) = await driver.apply(members(update(pool(), pool(members=3))))
    assert outcome.result is Result.UNREACHED
    (outcome,) = await driver.apply(members(update(pool(), pool(members=9))))
    assert outcome.result is Result.UNREACHED


# ---- no answer


async def test_a_write_that_broke_off_is_unknown_and_what_follows_is_not_tried(box: Device) -> None:
    driver = box.driver()
    await driver.read()
    box.forget()
    box.fail["ltm/pool"] = "after"
    outcomes = await driver.apply(members(create(pool("a")), create(pool("b"))))
    assert results(outcomes) == ["UNREACHED", "UNREACHED"]
    assert len(box.sent) == 1
    box.fail.clear()
    assert set(await driver.read()) == {pool("a").path}


async def test_a_commit_that_broke_off_is_unknown_as_a_whole(box: Device) -> None:
    driver = box.driver()
    box.fail["PATCH /mgmt/tm/transaction"] = "after"
    outcomes = await driver.apply(configuration(create(pool()), create(virtual())))
    assert results(outcomes) == ["UNREACHED", "UNREACHED"]
    box.fail.clear()
    assert len(await driver.read()) == 2


async def test_a_device_that_cannot_be_reached_before_the_commit_has_done_nothing(box: Device) -> None:
    driver = box.driver()
    box.fail["ltm/virtual"] = "before"
    with pytest.raises(Unreachable):
        await driver.apply(configuration(create(pool()), create(virtual())))
    box.fail.clear()
    assert not await driver.read()


async def test_a_busy_device_is_asked_again(box: Device) -> None:
    driver = box.driver()
    box.fault(kind="busy", method="POST|PATCH", path="ltm|transaction", times=2)
    assert results(await driver.apply(configuration(create(pool()), create(virtual())))) == ["DONE", "DONE"]
    box.fault(kind="busy", for_s=600)
    with pytest.raises(Unreachable, match="asynchronous task"):
        await driver.apply(configuration(delete(virtual()), delete(pool())))
    with pytest.raises(Unreachable, match="asynchronous task"):
        await driver.apply(members(update(pool(), pool(members=3))))


async def test_a_lost_connection_to_the_database_is_unknown(box: Device) -> None:
    driver = box.driver()
    box.fault(kind="mcpd-lost", method="POST", path="ltm/pool")
    (outcome,) = await driver.apply(configuration(create(pool())))
    assert outcome.result is Result.UNREACHED


def forgetting(box: Device, forgets: Callable[[int], bool]) -> list[int]:
    """Makes the device forget transactions, by how many commands they have; answers those of each commit."""
    send, commands, commits = box.send, 0, list[int]()

    async def forgetful(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        nonlocal commands
        commands += any(key.lower() == "x-f5-rest-coordination-id" for key in headers)
        if method == "PATCH" and "/transaction/" in path:
            commits.append(commands)
            if forgets(commands):
                box.clock.advance(121)
            commands = 0
        return await send(method, path, headers, body)

    box.send = forgetful  # type: ignore[method-assign]
    return commits


async def test_a_forgotten_transaction_is_begun_anew(box: Device) -> None:
    driver, times = box.driver(), iter([True, False])
    commits = forgetting(box, lambda _: next(times))
    assert results(await driver.apply(configuration(create(pool()), create(virtual())))) == ["DONE", "DONE"]
    assert commits == [2, 2]


async def test_a_transaction_that_is_forgotten_again_and_again_is_halved_until_the_device_bears_it(box: Device) -> None:
    driver = box.driver()
    commits = forgetting(box, lambda commands: commands > 2)
    pools = [create(pool(f"p{number}")) for number in range(8)]
    assert results(await driver.apply(configuration(*pools))) == ["DONE"] * 8
    assert commits == [8, 8, 4, 4, 2, 2, 4, 4, 2, 2]
    assert len(await driver.read()) == 8


async def test_an_operation_that_is_lost_by_itself_does_not_hold_up_the_rest(box: Device) -> None:
    box.operator("POST", "/mgmt/tm/ltm/pool", {"name": "shop", "partition": "k8s"})
    driver = box.driver()
    forgetting(box, lambda _: True)
    theirs = DesignatedPool("/k8s/shop", None)
    ours = DesignatedPool("/k8s/shop", OURS, frozenset({member(1), member(2)}))
    outcomes = await driver.apply(configuration(update(theirs, ours), create(pool())))
    assert results(outcomes) == ["UNREACHED", "DONE"]
    assert outcomes[0].answer == "The BIG-IP does not know the transaction any more; nothing of it was done."


# ---- logging in


async def test_one_login_serves_many_requests_at_once(box: Device) -> None:
    driver = box.driver()
    await asyncio.gather(driver.read(), driver.read())
    assert box.logins == 1


async def test_a_token_is_renewed_before_it_ends(box: Device) -> None:
    driver = box.driver()
    await driver.read()
    box.clock.advance(1139)
    await driver.read()
    assert box.logins == 1
    box.clock.advance(2)
    await driver.read()
    assert box.logins == 2


async def test_a_device_that_forgot_the_token_costs_one_login_and_no_write_twice(box: Device) -> None:
    driver = box.driver()
    await driver.read()
    box.box.auth.forget_tokens()
    await asyncio.gather(driver.read(), driver.read())
    assert box.logins == 2
    box.box.auth.forget_tokens()
    assert results(await driver.apply(members(create(pool())))) == ["DONE"]
    assert box.logins == 3
    assert set(await driver.read()) == {pool().path}


async def test_a_wrong_password_is_tried_twice_and_then_not_before_it_changes(box: Device) -> None:
    password = "wrong"
    driver = IControlDriver(
        box,
        lambda: Credentials("admin", password),
        partitions=("k8s",),
        controller_id="us",
        clock=box.clock.now,
        sleep=box.sleep,
    )
    for _ in range(5):
        with pytest.raises(Unauthorized, match=r"refuses user admin: Authentication failed\.") as refused:
            await driver.read()
        assert "wrong" not in str(refused.value)
    assert box.logins == 2
    password = "admin"
    await driver.read()
    assert box.logins == 3


async def test_a_role_that_does_not_suffice_is_a_refusal_and_no_new_login(box: Device) -> None:
    box.operator(
        "POST",
        "/mgmt/tm/auth/user",
        {
            "name": "guest",
            "password": "guest",
            "partitionAccess": [{"name": "all-partitions", "role": "guest"}],
        },
    )
    driver = IControlDriver(
        box,
        lambda: Credentials("guest", "guest"),
        partitions=("k8s",),
        controller_id="us",
        clock=box.clock.now,
        sleep=box.sleep,
    )
    await driver.read()
    (outcome,) = await driver.apply(configuration(create(pool())))
    assert outcome.result is Result.REJECTED
    assert outcome.answer.startswith("Authorization failed: user=")
    assert box.logins == 1


async def test_a_user_with_too_many_tokens_gives_the_oldest_back(box: Device) -> None:
    access = [{"name": "all-partitions", "role": "admin"}]
    box.operator("POST", "/mgmt/tm/auth/user", {"name": "ctl", "password": "ctl", "partitionAccess": access})

    def other() -> IControlDriver:
        return IControlDriver(
            box, lambda: Credentials("ctl", "ctl"), partitions=("k8s",), controller_id="us", clock=box.clock.now
        )

    for _ in range(101):
        await other().collect_nodes(["/k8s/10.0.0.1"])
    await other().read()
    tokens = box.operator("GET", "/mgmt/shared/authz/tokens")["items"]
    assert 90 < sum(token["userName"] == "ctl" for token in tokens) <= 100


async def test_the_token_is_given_back_at_the_end(box: Device) -> None:
    driver = box.driver()
    await driver.read()
    tokens = box.operator("GET", "/mgmt/shared/authz/tokens")
    assert len(tokens["items"]) == 1
    await driver.close()
    assert not box.operator("GET", "/mgmt/shared/authz/tokens").get("items")


async def test_basic_credentials_serve_where_there_is_no_token_login(box: Device) -> None:
    box.fault(kind="not-registered", path="/authn/login")
    assert not await box.driver().read()
    with pytest.raises(Unauthorized, match="refuses user admin"):
        await box.driver(password="wrong").read()


async def test_a_restarting_device_is_unreachable_and_never_empty(box: Device) -> None:
    driver = box.driver()
    await driver.apply(configuration(create(pool())))
    box.fault(kind="restarting", path="ltm/virtual")
    with pytest.raises(Unreachable, match="Configuration Utility restarting"):
        await driver.read()


async def test_after_a_reboot_the_device_is_read_as_it_is(box: Device) -> None:
    driver = box.driver()
    await driver.apply(configuration(create(pool())))
    box.box.reboot()
    with pytest.raises(Exception, match="partition"):
        await driver.read()


def test_no_text_form_shows_a_password_or_a_token() -> None:
    credentials = Credentials("admin", "s3cret")
    exchange = session.login(credentials, 0.0)
    request = next(exchange)
    assert b"s3cret" in request.body
    reply = Reply(200, {}, b'{"token": {"token": "T0KEN"}}')
    with pytest.raises(StopIteration) as end:
        exchange.send(reply)
    authority = end.value.value
    basic = session.basic(credentials, 0.0)
    shown = repr([credentials, request, reply, authority, authority.on(request), basic, basic.on(request)])
    assert not any(secret in shown for secret in ("s3cret", "T0KEN", "YWRtaW46"))
