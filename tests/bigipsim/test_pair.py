"""Units of a group that speak to each other over HTTPS: synchronisation, failover, links that are cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from simlab import DG, Unit, http_backend, pair, tcp_backend, unit, until

from patience import eventually

pytestmark = pytest.mark.long

Pair = tuple[Unit, Unit]


@pytest.fixture
async def two() -> AsyncIterator[Pair]:
    async with pair() as made:
        yield made


async def follows(unit_of: Unit, word: str) -> None:
    """Waits until a unit tells that the group is so far in sync."""

    async def so_far() -> bool:
        return bool(await unit_of.status() == word)

    await eventually(so_far, lambda: f"the group is not {word}")


async def become(one: Unit, state: str) -> None:
    await until(lambda: one.group.state == state)


# What a pair tells of itself


async def test_both_units_list_both_devices_and_each_knows_which_it_is(two: Pair) -> None:
    for number, one in enumerate(two, 1):
        devices = (await one.call("GET", "cm/device"))["items"]
        assert [(d["name"], d["failoverState"]) for d in devices] == [
            ("bigip1.example.net", "active"),
            ("bigip2.example.net", "standby"),
        ]
        assert [d["selfDevice"] for d in devices] == ["true" if n == number else "false" for n in (1, 2)]
        assert {d["managementIp"] for d in devices} == {"127.0.0.1"}
        assert len({d["baseMac"] for d in devices}) == len({d["chassisId"] for d in devices}) == 2


async def test_the_device_group_has_both_units(two: Pair) -> None:
    group = await two[1].call("GET", f"cm/device-group/~Common~{DG}?expandSubcollections=true")
    assert (group["type"], group["autoSync"], group["networkFailover"]) == ("sync-failover", "disabled", "enabled")
    listed = await two[1].call("GET", f"cm/device-group/~Common~{DG}/devices")
    assert listed["kind"] == "tm:cm:device-group:devices:devicescollectionstate"
    assert [one["name"] for one in listed["items"]] == ["/Common/bigip1.example.net", "/Common/bigip2.example.net"]
    assert group["devicesReference"]["items"] == listed["items"]
    one = await two[1].call("GET", f"cm/device-group/~Common~{DG}/devices/~Common~bigip2.example.net")
    assert one == listed["items"][1]
    await two[1].call("GET", f"cm/device-group/~Common~{DG}/devices/~Common~bigip3.example.net", expect=404)
    await two[1].call("GET", "cm/device-group/~Common~gtm/devices", expect=404)


async def test_every_place_that_tells_of_failover_tells_the_same(two: Pair) -> None:
    for one, word in zip(two, ("active", "standby"), strict=True):
        told = await one.told("cm/failover-status")
        assert (told["status"], told["details"]) == (word.upper(), f"{word} for /Common/traffic-group-1")
        raw = await one.call("GET", "sys/failover")
        assert raw["apiRawValues"]["apiAnonymous"].startswith(f"Failover {word} for 0d 00:00:")
        async with one.session.get(f"{one.server.url}/mgmt/shared/bigip-failover-state") as answer:
            assert (await answer.json())["failoverState"] == word
    stats = await two[0].call("GET", "cm/traffic-group/~Common~traffic-group-1/stats")
    texts = [entry["nestedStats"]["entries"] for entry in stats["entries"].values()]
    found = [tuple(one[key]["description"] for key in ("deviceName", "failoverState", "nextActive")) for one in texts]
    assert found == [
        ("/Common/bigip1.example.net", "active", "false"),
        ("/Common/bigip2.example.net", "standby", "true"),
    ]


async def test_folders_show_the_device_group_that_they_inherit(two: Pair) -> None:
    folder = await two[0].call("GET", "sys/folder/~k8s")
    assert (folder["deviceGroup"], folder["inheritedDevicegroup"]) == (f"/Common/{DG}", "true")
    assert folder["deviceGroupReference"]["link"].startswith("https://localhost/mgmt/tm/cm/device-group/~Common~dg1")


async def test_the_control_interface_tells_of_the_group(two: Pair) -> None:
    group = await two[0].call("GET", "/_sim/group")
    assert (group["group"], group["unit"]["state"], group["sync"]["status"]) == (DG, "active", "Awaiting Initial Sync")
    [peer] = group["peers"]
    assert (peer["reachable"], peer["link"], peer["report"]["name"]) == (True, "up", "bigip2.example.net")
    index = await two[0].call("GET", "/_sim/")
    assert {"/_sim/group", "/_sim/link", "/_sim/failover", "/_sim/sync"} <= {one["path"] for one in index["paths"]}


# What is wrong is said


async def test_an_unknown_group_is_refused_in_the_devices_words(two: Pair) -> None:
    refused = await two[0].sync("to-group DG2", 400)
    assert refused["message"] == "01070734:3: Configuration error: Device group (DG2) not found in device group sync"


@pytest.mark.parametrize(
    "body",
    [
        {"command": "run"},
        {"command": "run", "standby": True, "offline": True},
        {"command": "start", "standby": True},
        {"command": "run", "standby": True, "device": "/Common/x"},
    ],
)
async def test_a_failover_command_that_is_not_known_is_not_guessed(two: Pair, body: Any) -> None:
    refused = await two[0].call("POST", "sys/failover", body, 501)
    assert "it knows run with standby, offline or online" in refused["message"]


async def test_an_unknown_traffic_group_does_not_fail_over(two: Pair) -> None:
    body = {"command": "run", "standby": True, "trafficGroup": "/Common/traffic-group-9"}
    await two[0].call("POST", "sys/failover", body, 404)
    assert two[0].group.active


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("group", {"url": "nowhere"}, 409, "is not a URL of a bigipsim"),
        ("group", {"uri": "x"}, 400, "unknown field `uri`"),
        ("link", {"up": False, "peer": "bigip9"}, 409, 'there is no peer "bigip9"'),
        ("failover", {"to": "active"}, 400, "Invalid enum value 'active'"),
        ("sync", {"direction": "from-group"}, 409, "is not allowed until a push has been done first"),
        ("config", {"group": DG}, 400, "missing required field"),
    ],
)
async def test_a_mistake_at_the_control_interface_is_a_sentence(
    two: Pair, path: str, body: Any, status: int, words: str
) -> None:
    answer = await two[0].call("POST", f"/_sim/{path}", body, status)
    assert words in answer["message"]


async def test_units_of_one_name_do_not_count_each_other_and_say_why() -> None:
    async with unit(1) as one, unit(1, one) as other:
        await until(lambda: any(peer.trouble for peer in other.group.peers.values()))
        [peer] = (await other.call("GET", "/_sim/group"))["peers"]
        assert peer["trouble"].startswith("two units are called bigip1.example.net")
        assert one.group.alone


# Synchronisation


async def test_a_write_is_pending_on_both_until_it_is_synchronised_and_then_both_are_equal(two: Pair) -> None:
    one, other = two
    assert await one.status() == await other.status() == "Awaiting Initial Sync"
    await one.pool("web", ("198.51.100.1", 8080), description="first")
    assert await one.status() == "Changes Pending"
    await follows(other, "Changes Pending")
    assert "Recommended action: Synchronize bigip1.example.net to group dg1" in (
        await other.told("cm/sync-status")
    ).get("details", "")
    answer = await one.sync(f"to-group {DG}")
    assert answer == {"kind": "tm:cm:runstate", "command": "run", "utilCmdArgs": f"config-sync to-group {DG}"}
    for each in two:
        await follows(each, "In Sync")
    shown = [await each.call("GET", "ltm/pool/~k8s~web?expandSubcollections=true") for each in two]
    for pool in shown:
        pool.pop("generation")
        [member] = pool["membersReference"]["items"]
        member.pop("generation")
    assert shown[0] == shown[1]
    assert other.box.tree.get("ltm/node", "/k8s/198.51.100.1") is not None


async def test_what_only_the_other_unit_had_is_gone_after_a_sync(two: Pair) -> None:
    one, other = two
    await other.pool("lost")
    await other.call("POST", "auth/partition", {"name": "gone"})
    await other.call("POST", "net/vlan", {"name": "own"})
    await one.pool("web")
    await one.sync(f"to-group {DG}")
    await follows(other, "In Sync")
    assert other.pools() == ["/k8s/web"]
    assert other.box.tree.get("auth/partition", "gone") is None
    assert other.box.tree.get("net/vlan", "/Common/own") is not None


async def test_a_partition_that_holds_something_of_the_unit_itself_stays(two: Pair) -> None:
    one, other = two
    await other.call("POST", "auth/partition", {"name": "net"})
    await other.call("POST", "net/vlan", {"name": "own", "partition": "net"})
    await one.pool("web")
    await one.sync(f"to-group {DG}")
    await follows(other, "In Sync")
    assert other.box.tree.get("auth/partition", "net") is not None


async def test_what_is_in_a_folder_of_no_group_stays_where_it_is(two: Pair) -> None:
    one, other = two
    for each in two:
        await each.call("POST", "auth/partition", {"name": "apart"})
        await each.call("PATCH", "sys/folder/~apart", {"deviceGroup": "none"})
        await each.call("POST", "ltm/pool", {"name": f"of-{each.group.name}", "partition": "apart"})
    await one.pool("web")
    await one.sync(f"to-group {DG}")
    await follows(other, "In Sync")
    assert other.pools() == ["/apart/of-bigip2.example.net", "/k8s/web"]


async def test_an_older_unit_cannot_overwrite_a_newer_one_but_by_force(two: Pair) -> None:
    one, other = two
    await one.pool("older")
    await other.pool("newer")
    await until(one.group.ahead)
    refused = await one.sync(f"to-group {DG}", 400)
    assert "Device (bigip2.example.net) of device group (dg1) has newer changes" in refused["message"]
    assert other.pools() == ["/k8s/newer"]
    await one.sync(f"force-full-load-push to-group {DG}")
    await follows(other, "In Sync")
    assert other.pools() == one.pools() == ["/k8s/older"]


async def test_the_newest_of_two_units_that_were_both_written_to_wins(two: Pair) -> None:
    one, other = two
    await one.pool("dropped")
    await other.pool("kept")
    await follows(one, "Changes Pending")
    await until(lambda: other.group.present()[0].commit)
    await other.sync(f"to-group {DG}")
    await follows(one, "In Sync")
    assert one.pools() == ["/k8s/kept"]


async def test_a_unit_takes_the_newest_configuration_from_the_group(two: Pair) -> None:
    one, other = two
    refused = await other.sync(f"from-group {DG}", 400)
    assert refused["message"].endswith("is not allowed until a push has been done first.")
    await one.pool("web")
    await until(other.group.ahead)
    await other.sync(f"from-group {DG}")
    await follows(other, "In Sync")
    assert other.pools() == ["/k8s/web"]


async def test_config_sync_as_a_task(two: Pair) -> None:
    one, other = two
    await one.pool("web")
    body = {"command": "run", "options": [{"to-group": DG}]}
    task = await one.call("POST", "task/cm/config-sync", body)
    assert (task["_taskState"], task["kind"]) == ("STARTED", "tm:task:cm:config-sync:runtaskstate")
    where = f"task/cm/config-sync/{task['_taskId']}"
    assert other.pools() == []
    await one.call("PUT", where, {"_taskState": "VALIDATING"}, 202)
    assert (await one.call("GET", where))["_taskState"] == "COMPLETED"
    await follows(other, "In Sync")
    await one.call("GET", f"task/sys/config/{task['_taskId']}", expect=404)
    await one.call("DELETE", where)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([{"to-group": "DG2"}], "Device group (DG2) not found"),
        ([], "identifiers must be provided"),
        ([{"recover-sync": ""}], "does not implement"),
    ],
)
async def test_a_task_that_cannot_be_done_fails_with_the_reason(two: Pair, options: Any, words: str) -> None:
    task = await two[0].call("POST", "task/cm/config-sync", {"command": "run", "options": options})
    where = f"task/cm/config-sync/{task['_taskId']}"
    await two[0].call("PUT", where, {"_taskState": "VALIDATING"}, 202)
    ended = await two[0].call("GET", where)
    assert ended["_taskState"] == "FAILED" and words in ended["_taskFailureReason"]


async def test_with_auto_sync_a_write_reaches_the_other_unit_by_itself() -> None:
    async with pair(auto_sync=True) as (one, other):
        await one.pool("web")
        await until(lambda: other.pools() == ["/k8s/web"])
        await other.call("PATCH", "ltm/pool/~k8s~web", {"description": "from the standby"})
        await until(lambda: _described(one) == "from the standby")
        await follows(one, "In Sync")
        group = await one.call("GET", f"cm/device-group/{DG}")
        assert group["autoSync"] == "enabled"


def _described(one: Unit) -> Any:
    return one.box.tree.need("ltm/pool", "/k8s/web").values.get("description")


async def test_with_auto_sync_a_unit_that_lost_its_configuration_gets_it_again() -> None:
    async with pair(auto_sync=True) as (one, other):
        await one.pool("web")
        await until(lambda: other.pools() == ["/k8s/web"])
        await one.call("POST", "/_sim/reboot", {"for_s": 0.1})
        await until(lambda: one.server.away)
        await until(lambda: one.pools() == ["/k8s/web"] and not one.server.away)
        await follows(one, "In Sync")


async def test_three_units_are_one_group_though_the_third_names_only_one() -> None:
    async with unit(1) as one, unit(2, one) as two, unit(3, two) as three:
        await until(lambda: all(len(each.group.present()) == 2 for each in (one, two, three)))
        assert [each.group.state for each in (one, two, three)] == ["active", "standby", "standby"]
        await two.pool("web")
        await two.sync(f"to-group {DG}")
        for each in (one, two, three):
            await follows(each, "In Sync")
            assert each.pools() == ["/k8s/web"]


# Failover


async def test_the_standby_takes_over_from_a_unit_put_to_standby_and_keeps_the_traffic(
    two: Pair,
) -> None:
    one, other = two
    answer = await one.fail_over("standby")
    assert answer == {"kind": "tm:sys:failover:runstate", "command": "run", "standby": True}
    await become(other, "active")
    await until(lambda: one.group.present()[0].state == "active")
    assert one.group.state == "standby"


async def test_a_unit_forced_offline_says_so_and_comes_back_as_standby(two: Pair) -> None:
    one, other = two
    await one.fail_over("offline")
    assert (await one.told("cm/failover-status"))["status"] == "FORCED OFFLINE"
    await become(other, "active")
    devices = (await other.call("GET", "cm/device"))["items"]
    assert devices[0]["failoverState"] == "forced-offline"
    await one.fail_over("online")
    assert one.group.state == "standby"


async def test_the_standby_takes_over_when_the_active_unit_dies() -> None:
    async with unit(1) as one, unit(2, one) as other:
        await become(other, "standby")
        await one.server.stop()
        await become(other, "active")
        assert (await other.told("cm/sync-status"))["status"] == "Disconnected"
        states = {d["name"]: d["failoverState"] for d in (await other.call("GET", "cm/device"))["items"]}
        assert states == {"bigip1.example.net": "unknown", "bigip2.example.net": "active"}


async def test_the_standby_takes_over_when_the_active_unit_reboots_and_stays_active(two: Pair) -> None:
    one, other = two
    await one.call("POST", "/_sim/reboot", {"for_s": 0.3})
    await become(other, "active")
    await until(lambda: not one.server.away and one.group.state == "standby")
    assert other.group.state == "active"


async def test_an_interface_that_refuses_connections_is_no_failover(two: Pair) -> None:
    one, other = two
    await one.call("POST", "/_sim/faults", {"kind": "refuse-connections", "for_s": 0.4})
    await until(lambda: one.server.away)
    await until(lambda: not one.server.away)
    assert (one.group.state, other.group.state) == ("active", "standby")


async def test_a_cut_link_makes_both_active_and_the_first_stays_so_when_it_is_restored(two: Pair) -> None:
    one, other = two
    await one.call("POST", "/_sim/link", {"up": False, "peer": "bigip2.example.net"})
    await become(other, "active")
    assert one.group.state == "active"
    for each in two:
        await follows(each, "Disconnected")
    await one.call("POST", "/_sim/link", {"up": True})
    await become(other, "standby")
    assert one.group.state == "active"
    await follows(other, "Awaiting Initial Sync")


async def test_changes_made_on_both_sides_of_a_cut_link_are_pending_afterwards(two: Pair) -> None:
    one, other = two
    await other.call("POST", "/_sim/link", {"up": False})
    await until(lambda: not one.group.present())
    await one.pool("here")
    await other.pool("there")
    await one.sync(f"to-group {DG}")
    await other.call("POST", "/_sim/link", {"up": True})
    await follows(one, "Changes Pending")
    await until(lambda: one.group.newest().name == "bigip2.example.net")
    assert (one.pools(), other.pools()) == (["/k8s/here"], ["/k8s/there"])


# Traffic


async def test_clients_of_one_url_are_served_before_and_after_a_failover() -> None:
    async with pair(dataplane=True) as (one, other), http_backend("b", "127.1.0.1"):
        await one.pool("web", ("198.51.100.1", 8080), monitor="/Common/tcp")
        await one.virtual("v", "203.0.113.41", 18141, "web")
        await one.sync(f"to-group {DG}")
        await follows(other, "In Sync")
        await other.server.settled()
        assert (await one.get("v"))["backend"] == "b"
        url = one.where("v")
        assert (await other.listener("v"))["state"].startswith("not served: this unit")
        members = other.box.runtime.member_status
        await until(lambda: members.get(("/k8s/web", "/k8s/198.51.100.1:8080")) == "up")
        for active, standby in ((other, one), (one, other)):
            await standby.fail_over("standby")
            await become(active, "active")
            await active.server.settled()
            assert active.where("v") == url == ("127.2.0.41", 18141)
            assert (await active.get("v"))["backend"] == "b"
            await standby.server.settled()
            assert (await standby.listener("v"))["listening"] == []


async def test_clients_of_the_former_active_unit_are_cut_off() -> None:
    async with pair(dataplane=True) as (one, _), tcp_backend("b", "127.1.0.1"):
        await one.pool("raw", ("198.51.100.1", 9000))
        await one.virtual("v", "203.0.113.42", 18142, "raw", profiles=["/Common/tcp"])
        reader, writer = await asyncio.open_connection(*one.where("v"))
        assert await reader.readline() == b"b\n"
        await one.fail_over("offline")
        with pytest.raises(ConnectionError):
            while not reader.at_eof():
                await reader.read(100)
            raise ConnectionResetError
        writer.close()


async def test_a_virtual_address_that_does_not_float_is_served_by_the_standby_too() -> None:
    async with pair(dataplane=True) as (_, other):
        await other.virtual("v", "203.0.113.43", 18143)
        assert (await other.listener("v"))["listening"] == []
        local = {"trafficGroup": "/Common/traffic-group-local-only"}
        await other.call("PATCH", "ltm/virtual-address/~k8s~203.0.113.43", local)
        assert other.where("v") == ("127.2.0.43", 18143)
        await other.call("PATCH", "ltm/virtual-address/~k8s~203.0.113.43", {"inheritedTrafficGroup": "true"})
        await other.call("PATCH", "sys/folder/~k8s", local)
        assert (await other.listener("v"))["state"] == "listening"


async def test_in_a_split_group_both_units_listen_at_the_same_place() -> None:
    async with pair(dataplane=True) as (one, other):
        await one.virtual("v", "203.0.113.44", 18144)
        await one.sync(f"to-group {DG}")
        await follows(other, "In Sync")
        await one.call("POST", "/_sim/link", {"up": False})
        await become(other, "active")
        await other.server.settled()
        assert one.where("v") == other.where("v") == ("127.2.0.44", 18144)


async def test_two_virtual_servers_of_one_unit_do_not_share_a_place() -> None:
    async with unit(1, dataplane=True) as one:
        await one.virtual("v", "203.0.113.45", 18145)
        await one.virtual("w", "203.0.113.45", 18145, source="192.0.2.0/24")
        assert one.where("v") == ("127.2.0.45", 18145)
        assert one.where("w") == ("127.2.0.45", 28145)
