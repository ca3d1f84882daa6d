"""What the device says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Client

from bigipsim.box import Box
from bigipsim.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def admin(clock: ManualClock) -> Client:
    return Client(Box(clock))


def texts(reply: dict[str, Any]) -> dict[str, str]:
    [nested] = reply["entries"].values()
    return {
        name: leaf["description"] for name, leaf in nested["nestedStats"]["entries"].items() if "description" in leaf
    }


def test_the_release_is_nested_and_the_one_that_was_asked_for(clock: ManualClock) -> None:
    for release, edition in (("16.1.3", "Point Release 3"), ("15.1.0", "Final"), ("14.1.2.1", "Point Release 1")):
        reply = Client(Box(clock, version=release))("GET", "tm/sys/version")
        assert reply["kind"] == "tm:sys:version:versionstats"
        assert reply["selfLink"] == f"https://localhost/mgmt/tm/sys/version?ver={release}"
        assert list(reply["entries"]) == ["https://localhost/mgmt/tm/sys/version/0"]
        found = texts(reply)
        assert (found["Version"], found["Product"], found["Edition"]) == (release, "BIG-IP", edition)


def test_a_simulated_device_is_ready(admin: Client) -> None:
    expected = {"configReady": "yes", "licenseReady": "yes", "provisionReady": "yes"}
    assert texts(admin("GET", "tm/sys/ready")) == expected
    for worker in ("tm/sys", "tm/util", "tm/ltm/pool", "shared/echo-js"):
        assert admin("GET", f"{worker}/available") == {}


def test_what_tells_the_state_answers_at_the_address_of_its_statistics_too(admin: Client) -> None:
    for path in ("sys/version", "sys/ready", "sys/clock", "sys/failover", "cm/failover-status", "cm/sync-status"):
        assert admin("GET", f"tm/{path}/stats").keys() == admin("GET", f"tm/{path}").keys()


def test_transfer_of_other_files_is_said_to_be_missing(admin: Client) -> None:
    answer = admin("POST", "shared/file-transfer/ucs-uploads/a.ucs", b"-", 501)
    assert answer["message"] == "bigipsim does not implement /mgmt/shared/file-transfer/ucs-uploads/a.ucs"


def test_older_releases_do_not_know_of_readiness(clock: ManualClock) -> None:
    old = Client(Box(clock, version="13.1.0"))
    assert "Public URI path not registered" in old("GET", "tm/sys/ready", None, 404)["message"]
    assert texts(old("GET", "tm/sys/mcp-state"))["phase"] == "running"


def test_the_clock_is_the_devices_own(admin: Client, clock: ManualClock) -> None:
    before = texts(admin("GET", "tm/sys/clock"))["fullDate"]
    assert before == "2023-11-14T22:13:20Z"
    clock.advance(60)
    assert texts(admin("GET", "tm/sys/clock"))["fullDate"] == "2023-11-14T22:14:20Z"
    raw = admin("GET", "tm/sys/failover")["apiRawValues"]["apiAnonymous"]
    assert raw == "Failover active for 0d 00:01:00\n"


def test_the_box_is_the_one_active_device(admin: Client) -> None:
    [device] = admin("GET", "tm/cm/device")["items"]
    assert (device["selfDevice"], device["failoverState"]) == ("true", "active")
    assert device["kind"] == "tm:cm:device:devicestate"
    assert admin("GET", "tm/cm/device/~Common~bigip1.example.net") == device
    assert texts(admin("GET", "tm/cm/failover-status"))["status"] == "ACTIVE"
    assert texts(admin("GET", "tm/cm/sync-status"))["status"] == "Standalone"
    assert admin("GET", "shared/identified-devices/config/device-info")["hostname"] == "bigip1.example.net"


def test_details_of_the_cluster_are_three_levels_deep(admin: Client) -> None:
    [nested] = admin("GET", "tm/cm/failover-status")["entries"].values()
    below = nested["nestedStats"]["entries"]["https://localhost/mgmt/tm/cm/failoverStatus/0/details"]
    [told] = below["nestedStats"]["entries"].values()
    assert told["nestedStats"]["entries"]["details"]["description"] == "active for /Common/traffic-group-1"


def test_synchronising_an_unknown_group_is_refused(admin: Client) -> None:
    body = {"command": "run", "utilCmdArgs": "config-sync to-group DG1"}
    refused = admin("POST", "tm/cm", body, 400)
    assert refused["message"] == "01070734:3: Configuration error: Device group (DG1) not found in device group sync"


@pytest.mark.parametrize("path", ["cm/device-group", "sys/provision", "sys/db"])
def test_lists_have_items_that_can_be_asked_for_one_by_one(admin: Client, path: str) -> None:
    listed = admin("GET", f"tm/{path}")
    assert listed["kind"].endswith("collectionstate")
    for item in listed["items"]:
        one = item["selfLink"].removeprefix("https://localhost/mgmt/").partition("?")[0]
        assert admin("GET", one) == item
    admin("GET", f"tm/{path}/nothing-of-the-kind", None, 404)


def test_lists_follow_select_and_paging(admin: Client) -> None:
    reply = admin("GET", "tm/sys/provision?$select=name,level&$top=2&$skip=1")
    assert reply["items"] == [{"name": "am", "level": "none"}, {"name": "apm", "level": "none"}]
    assert (reply["currentItemCount"], reply["startIndex"]) == (2, 2)
    assert admin("GET", "tm/auth/user/admin?$select=name") == {"name": "admin"}


def test_only_ltm_is_provisioned(admin: Client) -> None:
    levels = {item["name"]: item["level"] for item in admin("GET", "tm/sys/provision")["items"]}
    assert levels.pop("ltm") == "nominal"
    assert set(levels.values()) == {"none"}


def test_the_name_of_the_primary_administrator_is_a_variable(admin: Client) -> None:
    assert admin("GET", "tm/sys/db/systemauth.primaryadminuser")["value"] == "admin"


@pytest.mark.parametrize(
    ("path", "kind", "below"),
    [
        ("tm", "tm:tmcollectionstate", {"auth", "cm", "ltm", "net", "sys"}),
        ("tm/sys/", "tm:sys:syscollectionstate", {"application", "file", "folder", "version"}),
        ("tm/ltm", "tm:ltm:ltmcollectionstate", {"monitor", "node", "pool", "profile", "rule", "virtual"}),
        ("tm/ltm/monitor", "tm:ltm:monitor:monitorcollectionstate", {"http", "https", "icmp", "tcp"}),
        ("tm/ltm/profile", "tm:ltm:profile:profilecollectionstate", {"client-ssl", "fastl4", "http", "tcp"}),
        ("tm/net/tunnels", "tm:net:tunnels:tunnelscollectionstate", {"tunnel", "vxlan"}),
    ],
)
def test_addresses_between_collections_list_what_is_below(admin: Client, path: str, kind: str, below: set[str]) -> None:
    reply = admin("GET", path)
    assert reply["kind"] == kind
    links = [item["reference"]["link"] for item in reply["items"]]
    start = f"https://localhost/mgmt/{path.rstrip('/')}/"
    names = {link.removeprefix(start).removesuffix("?ver=16.1.3") for link in links}
    assert below <= names
    assert len(names) == len(links)


@pytest.mark.parametrize("path", ["tm/sys/global-settings", "tm/sys/db/setup.run", "tm/cm/device", "tm/sys/version"])
def test_what_can_only_be_read_says_so(admin: Client, path: str) -> None:
    admin("GET", path)
    assert "can only be read" in admin("PATCH", path, {"value": "x"}, 501)["message"]


def test_all_of_it_needs_credentials(admin: Client) -> None:
    nobody = Client(admin.box, {})
    for path in ("tm/sys/version", "tm/sys/available", "tm/ltm", "shared/identified-devices/config/device-info"):
        nobody("GET", path, None, 401)
