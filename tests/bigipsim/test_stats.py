"""Figures and states as the device nests them."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Client

from bigipsim.box import Box
from bigipsim.clock import ManualClock

MEMBERS = ("/P/192.0.2.5:80", "/P/192.0.2.6:80")
STATUS = ("status.availabilityState", "status.enabledState")


@pytest.fixture
def box() -> Box:
    return Box(ManualClock())


@pytest.fixture
def admin(box: Box) -> Client:
    admin = Client(box)
    admin("POST", "tm/auth/partition", {"name": "P"})
    members = [{"name": path.removeprefix("/P/"), "partition": "P"} for path in MEMBERS]
    admin("POST", "tm/ltm/pool", {"name": "p", "partition": "P", "monitor": "/Common/http", "members": members})
    admin("POST", "tm/ltm/virtual", {"name": "v", "partition": "P", "destination": "198.51.100.7:443", "pool": "/P/p"})
    return admin


def entries(reply: dict[str, Any]) -> dict[str, Any]:
    [nested] = reply["entries"].values()
    return {name: leaf.get("description", leaf.get("value")) for name, leaf in nested["nestedStats"]["entries"].items()}


def state(reply: dict[str, Any]) -> tuple[str, str]:
    found = entries(reply)
    return found[STATUS[0]], found[STATUS[1]]


def member_stats(admin: Client, member: str) -> dict[str, Any]:
    return admin("GET", f"tm/ltm/pool/~P~p/members/{member.replace('/', '~')}/stats")


def test_a_virtual_server_shows_its_figures(box: Box, admin: Client) -> None:
    counters = box.runtime.counters("ltm/virtual", "/P/v")
    counters.opened()
    counters.moved_in(100)
    counters.moved_out(1000)
    counters.tot_requests = 3
    reply = admin("GET", "tm/ltm/virtual/~P~v/stats")
    assert reply["kind"] == "tm:ltm:virtual:virtualstats"
    assert list(reply["entries"]) == ["https://localhost/mgmt/tm/ltm/virtual/~P~v/~P~v/stats"]
    found = entries(reply)
    assert found["tmName"] == "/P/v"
    assert found["destination"] == "198.51.100.7:443"
    assert (found["clientside.bitsIn"], found["clientside.bitsOut"]) == (800, 8000)
    assert (found["clientside.curConns"], found["clientside.totConns"], found["totRequests"]) == (1, 1, 3)
    assert found["ephemeral.curConns"] == 0


def test_a_collection_is_keyed_by_the_address_of_each_object(admin: Client) -> None:
    reply = admin("GET", "tm/ltm/pool/stats")
    assert reply["kind"] == "tm:ltm:pool:poolcollectionstats"
    assert "items" not in reply
    [(key, nested)] = reply["entries"].items()
    assert key == "https://localhost/mgmt/tm/ltm/pool/~P~p/stats"
    assert nested["nestedStats"]["kind"] == "tm:ltm:pool:poolstats"
    assert nested["nestedStats"]["selfLink"] == f"{key}?ver=16.1.3"


def test_members_of_another_route_domain_have_an_escaped_percent_sign(admin: Client) -> None:
    admin("POST", "tm/ltm/pool/~P~p/members", {"name": "192.0.2.7%0:80"})
    reply = admin("GET", "tm/ltm/pool/~P~p/members/stats")
    assert reply["kind"] == "tm:ltm:pool:members:memberscollectionstats"
    assert "https://localhost/mgmt/tm/ltm/pool/~P~p/members/~P~192.0.2.7%250:80/stats" in reply["entries"]
    one = admin("GET", "tm/ltm/pool/~P~p/members/~P~192.0.2.7%250:80/stats")
    assert entries(one)["port"] == 80
    assert one["kind"] == "tm:ltm:pool:members:membersstats"


def test_without_health_checks_all_is_unknown_and_usable(admin: Client) -> None:
    assert state(member_stats(admin, MEMBERS[0])) == ("unknown", "enabled")
    assert entries(member_stats(admin, MEMBERS[0]))["monitorStatus"] == "unchecked"
    found = entries(admin("GET", "tm/ltm/pool/~P~p/stats"))
    assert (found["memberCnt"], found["activeMemberCnt"], found["monitorRule"]) == (2, 2, "/Common/http")
    assert state(admin("GET", "tm/ltm/virtual/~P~v/stats")) == ("unknown", "enabled")


def test_one_member_that_is_up_makes_pool_and_virtual_server_available(box: Box, admin: Client) -> None:
    box.runtime.set_member_status("/P/p", MEMBERS[0], "up")
    box.runtime.set_member_status("/P/p", MEMBERS[1], "down")
    assert state(member_stats(admin, MEMBERS[0])) == ("available", "enabled")
    assert state(member_stats(admin, MEMBERS[1])) == ("offline", "enabled")
    assert state(admin("GET", "tm/ltm/pool/~P~p/stats")) == ("available", "enabled")
    assert state(admin("GET", "tm/ltm/virtual/~P~v/stats")) == ("available", "enabled")
    assert entries(admin("GET", "tm/ltm/pool/~P~p/stats"))["activeMemberCnt"] == 1


def test_when_all_members_are_down_so_are_pool_and_virtual_server(box: Box, admin: Client) -> None:
    for member in MEMBERS:
        box.runtime.set_member_status("/P/p", member, "down")
    assert state(admin("GET", "tm/ltm/pool/~P~p/stats")) == ("offline", "enabled")
    found = entries(admin("GET", "tm/ltm/virtual/~P~v/stats"))
    assert found[STATUS[0]] == "offline"
    assert found["status.statusReason"] == "The children pool member(s) are down"


def test_disabled_members_do_not_make_a_pool_available(box: Box, admin: Client) -> None:
    for member in MEMBERS:
        box.runtime.set_member_status("/P/p", member, "up")
        path = f"tm/ltm/pool/~P~p/members/{member.replace('/', '~')}"
        admin("PATCH", path, {"session": "user-disabled"})
    assert state(member_stats(admin, MEMBERS[0])) == ("available", "disabled")
    assert entries(member_stats(admin, MEMBERS[0]))["sessionStatus"] == "disabled"
    found = entries(admin("GET", "tm/ltm/pool/~P~p/stats"))
    assert found["status.statusReason"] == "No enabled pool members available"
    assert found["activeMemberCnt"] == 0


def test_a_forced_offline_member_says_so(admin: Client) -> None:
    path = f"tm/ltm/pool/~P~p/members/{MEMBERS[0].replace('/', '~')}"
    admin("PATCH", path, {"session": "user-disabled", "state": "user-down"})
    assert entries(member_stats(admin, MEMBERS[0]))["monitorStatus"] == "forced-down"
    assert state(member_stats(admin, MEMBERS[0])) == ("offline", "disabled")


def test_a_disabled_node_disables_its_members(admin: Client) -> None:
    admin("PATCH", "tm/ltm/node/~P~192.0.2.5", {"session": "user-disabled"})
    assert state(admin("GET", "tm/ltm/node/~P~192.0.2.5/stats")) == ("unknown", "disabled")
    assert state(member_stats(admin, MEMBERS[0])) == ("unknown", "disabled-by-parent")
    assert state(member_stats(admin, MEMBERS[1])) == ("unknown", "enabled")


def test_a_node_that_is_down_takes_its_members_along(box: Box, admin: Client) -> None:
    box.runtime.node_status["/P/192.0.2.5"] = "down"
    box.runtime.set_member_status("/P/p", MEMBERS[0], "up")
    assert state(member_stats(admin, MEMBERS[0])) == ("offline", "enabled")


def test_a_disabled_virtual_address_disables_its_virtual_servers(admin: Client) -> None:
    admin("PATCH", "tm/ltm/virtual-address/~P~198.51.100.7", {"enabled": "no"})
    assert state(admin("GET", "tm/ltm/virtual/~P~v/stats"))[1] == "disabled-by-parent"
    admin("PATCH", "tm/ltm/virtual/~P~v", {"disabled": True})
    assert state(admin("GET", "tm/ltm/virtual/~P~v/stats"))[1] == "disabled"


def test_missing_objects_have_no_statistics(admin: Client) -> None:
    admin("GET", "tm/ltm/virtual/~P~nope/stats", None, 404)
    admin("GET", "tm/ltm/pool/~P~nope/members/stats", None, 404)
    admin("GET", "tm/ltm/pool/~P~p/members/~P~192.0.2.9:80/stats", None, 404)


def test_statistics_that_are_not_kept_say_so(admin: Client) -> None:
    assert "ltm/rule" in admin("GET", "tm/ltm/rule/stats", None, 501)["message"]
