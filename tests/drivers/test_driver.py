"""The driver and the simulated device in one process: what is asked for, and what is there afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from device import (
    OURS,
    Device,
    configuration,
    create,
    delete,
    device,
    member,
    members,
    monitor,
    pool,
    update,
    virtual,
)

from turnbuckle.drivers.base import PartitionMissing
from turnbuckle.drivers.icontrol.objects import CODECS
from turnbuckle.model.ltm import DesignatedPool, IAppService, IAppTable, Pool, ProfileUse
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Operation, Outcome, Result, Verb
from turnbuckle.model.state import Path


@pytest.fixture
def box() -> Device:
    return device()


def results(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [str(outcome.result) for outcome in outcomes]


PROBE = monitor()
POOL = pool(monitors=(PROBE.path,))
SERVER = virtual()


async def test_what_is_created_in_one_transaction_reads_back_equal(box: Device) -> None:
    driver = box.driver()
    outcomes = await driver.apply(configuration(create(PROBE), create(POOL), create(SERVER)))
    assert results(outcomes) == ["DONE"] * 3
    assert box.sent == [
        "POST /mgmt/tm/transaction",
        "POST /mgmt/tm/ltm/monitor/http",
        "POST /mgmt/tm/ltm/pool",
        "POST /mgmt/tm/ltm/virtual",
        box.sent[-1],
    ]
    assert dict(await driver.read()) == {obj.path: obj for obj in (PROBE, POOL, SERVER)}


async def test_a_partition_is_read_in_as_few_requests_as_it_has_collections(box: Device) -> None:
    driver = box.driver()
    await driver.apply(configuration(create(PROBE), create(POOL), create(SERVER)))
    box.forget()
    await driver.read()
    assert len(box.sent) == 16 and not box.writes
    assert sum("expandSubcollections" in path for path in box.sent) == 3


async def test_a_configuration_operation_by_itself_is_one_request(box: Device) -> None:
    driver = box.driver()
    await driver.apply(configuration(create(POOL := pool())))
    assert box.sent == ["POST /mgmt/tm/ltm/pool"]
    box.forget()
    await driver.apply(configuration(update(POOL, replace(POOL, load_balancing="least-connections-member"))))
    assert box.sent == ["PATCH /mgmt/tm/ltm/pool/~k8s~web"]
    assert box.bodies == [{"loadBalancingMode": "least-connections-member"}]


async def test_one_member_more_or_less_is_one_request_about_that_member(box: Device) -> None:
    driver, three, two = box.driver(), pool(members=3), pool(members=2)
    await driver.apply(configuration(create(two)))
    box.forget()
    assert results(await driver.apply(members(update(two, three)))) == ["DONE"]
    assert box.sent == ["POST /mgmt/tm/ltm/pool/~k8s~web/members"]
    assert box.bodies == [{"name": "10.0.0.3:80", "partition": "k8s"}]
    box.forget()
    assert results(await driver.apply(members(update(three, two)))) == ["DONE"]
    assert box.sent == ["DELETE /mgmt/tm/ltm/pool/~k8s~web/members/~k8s~10.0.0.3:80"]
    assert (await driver.read())[two.path] == two


async def test_from_two_members_to_five_costs_one_request(box: Device) -> None:
    driver = box.driver()
    await driver.apply(configuration(create(pool(members=2))))
    box.forget()
    await driver.apply(members(update(pool(members=2), pool(members=5))))
    assert box.sent == ["PATCH /mgmt/tm/ltm/pool/~k8s~web"]
    assert (await driver.read())[Path("ltm/pool", "/k8s/web")] == pool(members=5)


async def test_what_an_operator_disabled_stays_so_when_several_members_change(box: Device) -> None:
    driver = box.driver()
    await driver.apply(configuration(create(pool(members=3))))
    states = {1: ("user-disabled", "user-up"), 2: ("user-disabled", "user-down")}
    for number, (session, state) in states.items():
        body = {"session": session, "state": state}
        box.operator("PATCH", f"/mgmt/tm/ltm/pool/~k8s~web/members/~k8s~10.0.0.{number}:80", body)
    before = (await driver.read())[Path("ltm/pool", "/k8s/web")]
    assert before == pool(members=3), "an operator's state is no difference"
    await driver.apply(members(update(before, pool(members=5))))
    after = (await driver.read())[Path("ltm/pool", "/k8s/web")]
    assert isinstance(after, Pool)
    assert {m.name: m.admin_state for m in after.members if m.admin_state != "enabled"} == {
        "10.0.0.1:80": "disabled",
        "10.0.0.2:80": "offline",
    }


async def test_a_member_with_another_ratio_is_changed_by_itself(box: Device) -> None:
    driver, before = box.driver(), pool(members=2)
    await driver.apply(configuration(create(before)))
    box.forget()
    after = replace(before, members=frozenset({member(1), member(2, ratio=3)}))
    await driver.apply(members(update(before, after)))
    assert box.sent == ["PATCH /mgmt/tm/ltm/pool/~k8s~web/members/~k8s~10.0.0.2:80"]
    assert box.bodies == [{"ratio": 3}]
    box.forget()
    await driver.apply(members(update(after, before)))
    assert box.bodies == [{"ratio": 1}]
    assert (await driver.read())[before.path] == before


async def test_deletes_go_in_the_order_given_and_leave_nothing_behind(box: Device) -> None:
    driver = box.driver()
    await driver.apply(configuration(create(PROBE), create(POOL), create(SERVER)))
    outcomes = await driver.apply(configuration(delete(SERVER), delete(POOL), delete(PROBE)))
    assert results(outcomes) == ["DONE"] * 3
    assert not await driver.read()
    nodes = box.operator("GET", "/mgmt/tm/ltm/node?$filter=partition+eq+k8s")["items"]
    paths = frozenset(node["fullPath"] for node in nodes)
    assert paths == {"/k8s/10.0.0.1", "/k8s/10.0.0.2"}
    assert await driver.collect_nodes(paths) == paths
    assert not box.operator("GET", "/mgmt/tm/ltm/node?$filter=partition+eq+k8s").get("items")


async def test_every_field_can_be_changed_and_reads_back(box: Device) -> None:
    driver = box.driver()
    other = monitor("other")
    await driver.apply(configuration(create(PROBE), create(other), create(POOL), create(SERVER)))
    changed = replace(
        SERVER,
        destination_address="2001:db8::7",
        port=8080,
        pool="",
        profiles=frozenset({ProfileUse("/Common/tcp"), ProfileUse("/Common/http"), ProfileUse("/Common/oneconnect")}),
        snat="none",
        persistence="/Common/cookie",
        mark=replace(OURS, owner="ConfigMap/default/other"),
    )
    pool_after = replace(POOL, monitors=tuple(sorted((PROBE.path, other.path))), load_balancing="ratio-member")
    probe_after = replace(PROBE, interval_s=7, timeout_s=22, send="", recv="")
    outcomes = await driver.apply(
        configuration(update(PROBE, probe_after), update(POOL, pool_after), update(SERVER, changed))
    )
    assert [outcome.answer for outcome in outcomes] == ["", "", ""]
    assert dict(await driver.read()) == {obj.path: obj for obj in (probe_after, other, pool_after, changed)}
    back = await driver.apply(
        configuration(update(probe_after, PROBE), update(pool_after, POOL), update(changed, SERVER))
    )
    assert [outcome.answer for outcome in back] == ["", "", ""]
    assert dict(await driver.read()) == {obj.path: obj for obj in (PROBE, other, POOL, SERVER)}


async def test_the_protocol_changes_together_with_its_profile(box: Device) -> None:
    driver, before = box.driver(), virtual(profiles=frozenset({ProfileUse("/Common/tcp")}), pool="")
    await driver.apply(configuration(create(before)))
    after = replace(before, protocol="udp", profiles=frozenset({ProfileUse("/Common/udp")}))
    assert results(await driver.apply(configuration(update(before, after)))) == ["DONE"]
    assert (await driver.read())[after.path] == after


async def test_a_snat_pool_comes_and_goes(box: Device) -> None:
    box.operator("POST", "/mgmt/tm/ltm/snatpool", {"name": "s", "partition": "Common", "members": ["192.0.2.9"]})
    driver, before = box.driver(), virtual(pool="")
    await driver.apply(configuration(create(before)))
    after = replace(before, snat="/Common/s")
    assert results(await driver.apply(configuration(update(before, after)))) == ["DONE"]
    assert (await driver.read())[after.path] == after
    assert results(await driver.apply(configuration(update(after, before)))) == ["DONE"]
    assert (await driver.read())[after.path] == before


async def test_objects_of_others_are_read_and_bear_no_mark_of_ours(box: Device) -> None:
    box.operator("POST", "/mgmt/tm/ltm/virtual", {"name": "theirs", "partition": "k8s"})
    body = {"name": "another", "partition": "k8s", "metadata": [{"name": "turnbuckle", "value": "1 them c A/b/c"}]}
    box.operator("POST", "/mgmt/tm/ltm/pool", body)
    state = await box.driver().read()
    assert state[Path("ltm/virtual", "/k8s/theirs")].mark is None
    assert state[Path("ltm/pool", "/k8s/another")].mark == Mark("them", "c", "A/b/c")


async def test_adopting_an_object_keeps_the_metadata_that_others_put_there(box: Device) -> None:
    driver = box.driver()
    owner = {"name": "owner", "value": "ann"}
    box.operator("POST", "/mgmt/tm/ltm/pool", {"name": "web", "partition": "k8s", "metadata": [owner]})
    before = (await driver.read())[Path("ltm/pool", "/k8s/web")]
    box.operator("PATCH", "/mgmt/tm/ltm/pool/~k8s~web", {"metadata": [owner, {"name": "since", "value": "today"}]})
    assert results(await driver.apply(configuration(update(before, replace(before, mark=OURS))))) == ["DONE"]
    found = box.operator("GET", "/mgmt/tm/ltm/pool/~k8s~web")["metadata"]
    assert {entry["name"]: entry["value"] for entry in found} == {
        "owner": "ann",
        "since": "today",
        "turnbuckle": str(OURS),
    }


async def test_adopting_a_monitor_keeps_what_its_description_says(box: Device) -> None:
    driver = box.driver()
    body = {"name": "m", "partition": "k8s", "defaultsFrom": "/Common/tcp", "description": "asked for by Ann"}
    box.operator("POST", "/mgmt/tm/ltm/monitor/tcp", body)
    path = Path("ltm/monitor/tcp", "/k8s/m")
    before = (await driver.read())[path]
    await driver.apply(configuration(update(before, replace(before, mark=OURS))))
    assert (await driver.read())[path].mark == OURS
    assert box.operator("GET", "/mgmt/tm/ltm/monitor/tcp/~k8s~m")["description"].startswith("asked for by Ann")


async def test_a_missing_partition_is_said_and_made_when_asked_for(box: Device) -> None:
    with pytest.raises(PartitionMissing, match=r"no partition shop .*--create-partition"):
        await box.driver(partition="shop").read()
    assert not await box.driver(partition="shop", create=True).read()
    assert box.operator("GET", "/mgmt/tm/auth/partition/shop")["name"] == "shop"


async def test_members_named_with_route_domain_zero_are_ours_to_take_out(box: Device) -> None:
    driver = box.driver()
    body = {
        "name": "web",
        "partition": "k8s",
        "metadata": [{"name": "turnbuckle", "value": str(OURS)}],
        "members": [{"name": "10.0.0.1%0:80", "partition": "k8s"}, {"name": "10.0.0.2:80", "partition": "k8s"}],
    }
    box.operator("POST", "/mgmt/tm/ltm/pool", body)
    before = (await driver.read())[Path("ltm/pool", "/k8s/web")]
    assert before == pool(members=2)
    after = replace(pool(), members=frozenset({member(2)}))
    assert results(await driver.apply(members(update(before, after)))) == ["DONE"]
    assert (await driver.read())[after.path] == after


async def test_addresses_in_the_default_route_domain_of_a_partition_read_without_it(box: Device) -> None:
    box.operator("POST", "/mgmt/tm/net/route-domain", {"name": "2", "id": 2})
    box.operator("POST", "/mgmt/tm/auth/partition", {"name": "two", "defaultRouteDomain": 2})
    body = {"name": "web", "partition": "two", "members": [{"name": "10.0.0.1%2:80", "partition": "two"}]}
    box.operator("POST", "/mgmt/tm/ltm/pool", body)
    found = (await box.driver(partition="two").read())[Path("ltm/pool", "/two/web")]
    assert isinstance(found, Pool)
    assert [m.address for m in found.members] == ["10.0.0.1"]


# ---- pools of others


def designated(*numbers: int, taken: frozenset[str] = frozenset()) -> DesignatedPool:
    found = frozenset(replace(member(n), node_partition="Common") for n in numbers)
    return DesignatedPool("/Common/shop", OURS, found, taken)


async def test_in_a_pool_of_others_only_our_members_are_touched(box: Device) -> None:
    theirs = {"name": "10.0.0.9:80", "partition": "Common"}
    box.operator("POST", "/mgmt/tm/ltm/pool", {"name": "shop", "partition": "Common", "members": [theirs]})
    driver, path = box.driver(), designated().path
    before = (await driver.read(["/Common/shop"]))[path]
    assert isinstance(before, DesignatedPool)
    assert before == DesignatedPool("/Common/shop", None)
    assert before.taken == {"10.0.0.9:80"}
    box.forget()
    more = Operation(Verb.UPDATE, path, before, designated(1, 2), frozenset({"members"}))
    assert results(await driver.apply(members(more))) == ["DONE"]
    assert not [one for one in box.sent if one.startswith("PATCH /mgmt/tm/ltm/pool")]
    after = (await driver.read(["/Common/shop"]))[path]
    assert after == designated(1, 2)
    box.forget()
    less = Operation(Verb.UPDATE, path, after, designated(2), frozenset({"members"}))
    assert results(await driver.apply(members(less))) == ["DONE"]
    assert box.sent == ["DELETE /mgmt/tm/ltm/pool/~Common~shop/members/~Common~10.0.0.1:80"]
    names = [m["name"] for m in box.operator("GET", "/mgmt/tm/ltm/pool/~Common~shop/members")["items"]]
    assert sorted(names) == ["10.0.0.2:80", "10.0.0.9:80"]


async def test_a_designated_pool_that_is_not_there_has_no_entry(box: Device) -> None:
    state = await box.driver().read(["/Common/shop", "/nowhere/shop"])
    assert not state


async def test_a_designated_pool_in_our_own_partition_costs_no_request_more(box: Device) -> None:
    box.operator("POST", "/mgmt/tm/ltm/pool", {"name": "shop", "partition": "k8s"})
    driver = box.driver()
    state = await driver.read(["/k8s/shop"])
    assert set(state) == {Path("ltm/pool", "/k8s/shop"), Path("ltm/pool/members", "/k8s/shop")}
    assert len(box.sent) == 16


# ---- iApps


def service(*rows: tuple[str, ...]) -> IAppService:
    return IAppService(
        "/k8s/web.app/web",
        OURS,
        template="/Common/shop.tmpl",
        options=(("trafficGroup", "/Common/traffic-group-local-only"),),
        variables=(("pool__port", "80"),),
        tables=(IAppTable("pool__members", ("addr", "port"), rows),),
    )


async def test_an_application_service_is_written_directly_and_reads_back(box: Device) -> None:
    box.operator("POST", "/mgmt/tm/sys/application/template", {"name": "shop.tmpl", "partition": "Common"})
    driver, before = box.driver(), service(("10.0.0.1", "80"))
    outcomes = await driver.apply(configuration(create(before), create(pool())))
    assert results(outcomes) == ["DONE", "DONE"]
    assert not any("transaction" in one for one in box.sent)
    state = await driver.read()
    assert state[before.path] == before
    after = service(("10.0.0.1", "80"), ("10.0.0.2", "80"))
    box.forget()
    await driver.apply(configuration(update(before, after)))
    assert box.bodies[0]["executeAction"] == "definition"
    assert (await driver.read())[after.path] == after
    assert results(await driver.apply(configuration(delete(after)))) == ["DONE"]
    assert after.path not in await driver.read()


async def test_a_template_that_the_device_lacks_is_said_in_its_words(box: Device) -> None:
    (outcome,) = await box.driver().apply(configuration(create(service())))
    assert outcome.result is Result.REJECTED
    assert "/Common/shop.tmpl" in outcome.answer


# ---- nodes, saving


async def test_a_node_that_somebody_shaped_or_uses_stays(box: Device) -> None:
    driver = box.driver()
    await driver.apply(configuration(create(pool(members=3))))
    await driver.apply(members(update(pool(members=3), pool(members=0))))
    box.operator("PATCH", "/mgmt/tm/ltm/node/~k8s~10.0.0.1", {"description": "the old one"})
    box.operator(
        "POST",
        "/mgmt/tm/ltm/pool",
        {"name": "theirs", "partition": "k8s", "members": [{"name": "10.0.0.2:81", "partition": "k8s"}]},
    )
    candidates = frozenset(f"/k8s/10.0.0.{n}" for n in (1, 2, 3, 4))
    assert await driver.collect_nodes(candidates) == candidates
    left = box.operator("GET", "/mgmt/tm/ltm/node?$filter=partition+eq+k8s")["items"]
    assert [node["name"] for node in left] == ["10.0.0.1", "10.0.0.2"]


async def test_nodes_that_could_not_be_asked_for_are_not_finished_with(box: Device) -> None:
    driver = box.driver()
    await driver.read()
    box.fail["ltm/node"] = "before"
    assert await driver.collect_nodes(["/k8s/10.0.0.1"]) == frozenset()


async def test_saving_outlives_a_reboot(box: Device) -> None:
    driver = box.driver()
    await driver.apply(configuration(create(pool())))
    await driver.save()
    await driver.apply(configuration(create(pool("later", 0))))
    box.box.reboot()
    assert set(await driver.read()) == {pool().path}


async def test_saving_waits_for_a_task_that_takes_its_time(box: Device) -> None:
    box.box.tasks.duration_s = 7.0
    driver = box.driver()
    await driver.save()
    assert sum(one.startswith("GET /mgmt/tm/task/sys/config/") for one in box.sent) > 2


async def test_the_running_configuration_is_saved_where_there_are_no_tasks(box: Device) -> None:
    box.fault(kind="not-registered", path="/task/", method="POST")
    await box.driver().save()
    assert box.sent[-1] == "POST /mgmt/tm/sys/config"


async def test_partitions_without_anything_of_ours_cost_a_light_request_for_each_collection(box: Device) -> None:
    await box.driver().apply(configuration(create(pool())))
    driver = box.driver(partition="named", create=True, everywhere=True)
    for number in range(5):
        box.operator("POST", "/mgmt/tm/auth/partition", {"name": f"theirs{number}"})
        box.operator("POST", "/mgmt/tm/ltm/pool", {"name": "legacy", "partition": f"theirs{number}"})
    box.forget()
    state = await driver.read()
    assert {path.partition for path in state} == {"k8s"}
    assert not any("theirs" in one for one in box.sent)
    assert len([one for one in box.sent if one.startswith("GET")]) == 1 + 3 * len(CODECS)


async def test_where_only_named_partitions_are_there_nothing_more_is_asked_for(box: Device) -> None:
    await box.driver(everywhere=True).read()
    assert len(box.sent) == 1 + len(CODECS)


async def test_a_virtual_server_for_sctp_is_made_and_reads_back_equal(box: Device) -> None:
    wanted = replace(SERVER, protocol="sctp", profiles=frozenset({ProfileUse("/Common/sctp")}), policies=frozenset())
    driver = box.driver()
    outcomes = await driver.apply(configuration(create(PROBE), create(POOL), create(wanted)))
    assert {outcome.result for outcome in outcomes} == {Result.DONE}, outcomes
    assert (await driver.read())[wanted.path] == wanted
