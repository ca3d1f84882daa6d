"""Two public clients of iControl REST, bigrest and f5-sdk, work with a simulated device as with a real one."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import served

from bigipsim.server import SimServer

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
    pytest.mark.filterwarnings("ignore:pkg_resources is deprecated:UserWarning"),
]

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from bigrest.bigip import BIGIP
    from bigrest.common.exceptions import RESTAPIError
    from f5.bigip import ManagementRoot
    from icontrol.exceptions import iControlUnexpectedHTTPError


@pytest.fixture(scope="module")
def device() -> Iterator[SimServer]:
    with served() as server:
        yield server


@pytest.fixture(autouse=True)
def factory_state(device: SimServer, monkeypatch: pytest.MonkeyPatch) -> None:
    device.box.reset()
    # Both clients would rather verify against these than not at all, as they were told.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def rest(device: SimServer) -> Iterator[BIGIP]:
    client = BIGIP(f"127.0.0.1:{device.port}", "admin", "admin", request_token=True, session_verify=False)
    yield client
    client.session.close()


@pytest.fixture
def sdk(device: SimServer) -> Iterator[Any]:
    root = ManagementRoot("127.0.0.1", "admin", "admin", port=device.port)
    yield root
    root.icrs.session.close()


def test_bigrest_creates_reads_changes_and_deletes_a_configuration(rest: BIGIP) -> None:
    rest.create("/mgmt/tm/auth/partition", {"name": "shop"})
    monitor = {"name": "m", "partition": "shop", "send": "GET /\\r\\n", "recv": "200"}
    rest.create("/mgmt/tm/ltm/monitor/http", monitor)
    pool = {"name": "p", "partition": "shop", "monitor": "/shop/m", "members": [{"name": "192.0.2.5:80"}]}
    rest.create("/mgmt/tm/ltm/pool", pool)
    virtual = {"name": "v", "partition": "shop", "destination": "198.51.100.7:443", "ipProtocol": "tcp", "pool": "p"}
    rest.create("/mgmt/tm/ltm/virtual", {**virtual, "profiles": ["tcp", "http"]})

    assert rest.exist("/mgmt/tm/ltm/virtual/~shop~v")
    loaded = rest.load("/mgmt/tm/ltm/virtual/~shop~v")
    assert loaded.properties["pool"] == "/shop/p"
    assert [one.properties["name"] for one in rest.load("/mgmt/tm/ltm/pool/~shop~p/members")] == ["192.0.2.5:80"]

    rest.modify("/mgmt/tm/ltm/pool/~shop~p", {"loadBalancingMode": "least-connections-member"})
    rest.modify("/mgmt/tm/ltm/pool/~shop~p/members/~shop~192.0.2.5:80", {"session": "user-disabled"})
    assert rest.load("/mgmt/tm/ltm/pool/~shop~p").properties["loadBalancingMode"] == "least-connections-member"
    rest.create("/mgmt/tm/ltm/pool/~shop~p/members", {"name": "192.0.2.6:80"})

    for path in ("virtual/~shop~v", "pool/~shop~p", "monitor/http/~shop~m", "node/~shop~192.0.2.5"):
        rest.delete(f"/mgmt/tm/ltm/{path}")
    with pytest.raises(RESTAPIError, match="0107082a"):
        rest.delete("/mgmt/tm/auth/partition/shop")
    rest.delete("/mgmt/tm/ltm/node/~shop~192.0.2.6")
    rest.delete("/mgmt/tm/auth/partition/shop")
    assert not rest.exist("/mgmt/tm/auth/partition/shop")


def test_bigrest_signs_in_with_a_password_only_and_shows_the_release(device: SimServer) -> None:
    client = BIGIP(f"127.0.0.1:{device.port}", "admin", "admin", session_verify=False)
    try:
        assert client.show("/mgmt/tm/sys/version").properties["Version"]["description"] == "16.1.3"
    finally:
        client.session.close()
    with pytest.raises(RESTAPIError, match="Authentication required"):
        BIGIP(f"127.0.0.1:{device.port}", "admin", "wrong", session_verify=False)


def test_bigrest_writes_back_what_it_read(rest: BIGIP) -> None:
    rest.create("/mgmt/tm/ltm/pool", {"name": "p", "members": [{"name": "192.0.2.5:80"}]})
    pool = rest.load("/mgmt/tm/ltm/pool/p")
    pool.properties["description"] = "written back"
    assert rest.save(pool).properties["description"] == "written back"
    rest.create("/mgmt/tm/ltm/virtual", {"name": "v", "destination": "198.51.100.7:80", "pool": "p"})
    virtual = rest.load("/mgmt/tm/ltm/virtual/v")
    virtual.properties["description"] = "written back"
    rest.save(virtual)
    shown = rest.load("/mgmt/tm/ltm/virtual/v").properties
    assert (shown["description"], shown["pool"], shown["enabled"]) == ("written back", "/Common/p", True)


def test_bigrest_commits_a_transaction_as_one(rest: BIGIP) -> None:
    with rest as transaction:
        assert transaction.properties["state"] == "STARTED"
        rest.create("/mgmt/tm/ltm/pool", {"name": "p1"})
        rest.create("/mgmt/tm/ltm/pool", {"name": "p2"})
    assert rest.exist("/mgmt/tm/ltm/pool/p1") and rest.exist("/mgmt/tm/ltm/pool/p2")


def test_bigrest_sees_a_failed_transaction_leave_nothing(rest: BIGIP) -> None:
    rest.transaction_create()
    rest.create("/mgmt/tm/ltm/pool", {"name": "p1"})
    rest.create("/mgmt/tm/ltm/virtual", {"name": "v", "destination": "198.51.100.7:80", "pool": "nowhere"})
    with pytest.raises(RESTAPIError, match="transaction failed:01020036:3"):
        rest.transaction_commit()
    assert not rest.exist("/mgmt/tm/ltm/pool/p1")


def test_bigrest_validates_a_transaction_before_it_commits_it(rest: BIGIP, device: SimServer) -> None:
    rest.transaction_create()
    rest.create("/mgmt/tm/ltm/pool", {"name": "p1"})
    rest.transaction_validate()
    assert device.box.tree.get("ltm/pool", "/Common/p1") is None
    assert rest.transaction_commit().properties["state"] == "COMPLETED"
    assert rest.exist("/mgmt/tm/ltm/pool/p1")


def test_bigrest_saves_by_command_and_by_task(rest: BIGIP, device: SimServer) -> None:
    rest.create("/mgmt/tm/ltm/pool", {"name": "p"})
    assert rest.command("/mgmt/tm/sys/config", {"command": "save"}) == ""
    rest.create("/mgmt/tm/ltm/pool", {"name": "q"})
    task = rest.task_start("/mgmt/tm/task/sys/config", {"command": "save"})
    rest.task_wait(task, interval=0)
    assert rest.task_completed(task)
    assert rest.task_result(task) == ""
    device.box.restore_saved()
    assert rest.exist("/mgmt/tm/ltm/pool/p") and rest.exist("/mgmt/tm/ltm/pool/q")


def test_bigrest_shows_statistics(rest: BIGIP) -> None:
    rest.create("/mgmt/tm/ltm/pool", {"name": "p", "members": [{"name": "192.0.2.5:80"}]})
    [shown] = rest.show("/mgmt/tm/ltm/pool")
    assert shown.properties["tmName"]["description"] == "/Common/p"
    assert rest.show("/mgmt/tm/ltm/pool/p").properties["memberCnt"]["value"] == 1
    assert rest.show("/mgmt/tm/ltm/pool/p/members/~Common~192.0.2.5:80").properties["port"]["value"] == 80


def test_f5_sdk_reads_the_release(sdk: Any) -> None:
    assert sdk.tmos_version == "16.1.3"


def test_f5_sdk_creates_reads_changes_and_deletes_a_configuration(sdk: Any) -> None:
    partition = sdk.tm.auth.partitions.partition.create(name="shop")
    monitor = sdk.tm.ltm.monitor.https.http.create(name="m", partition="shop", send="GET /\\r\\n", recv="200")
    pool = sdk.tm.ltm.pools.pool.create(name="p", partition="shop", monitor="/shop/m")
    member = pool.members_s.members.create(partition="shop", name="192.0.2.5:80")
    virtual = sdk.tm.ltm.virtuals.virtual.create(
        name="v",
        partition="shop",
        destination="198.51.100.7:80",
        ipProtocol="tcp",
        pool="/shop/p",
        profiles=["tcp", "http"],
    )
    assert virtual.destination == "/shop/198.51.100.7:80"
    assert sorted(profile.name for profile in virtual.profiles_s.get_collection()) == ["http", "tcp"]

    virtual.modify(description="patched")
    pool.loadBalancingMode = "least-connections-member"
    pool.update()
    pool.refresh()
    assert pool.loadBalancingMode == "least-connections-member"
    member.modify(session="user-disabled")
    assert member.session == "user-disabled"
    monitor.modify(interval=10, timeout=31)
    assert sdk.tm.ltm.monitor.https.http.load(name="m", partition="shop").timeout == 31

    assert sdk.tm.ltm.pools.pool.exists(name="p", partition="shop")
    assert not sdk.tm.ltm.pools.pool.exists(name="nowhere", partition="shop")
    assert pool.members_s.members.exists(partition="shop", name="192.0.2.5:80")

    node = sdk.tm.ltm.nodes.node.load(name="192.0.2.5", partition="shop")
    for one in (virtual, member, pool, monitor, node, partition):
        one.delete()
    with pytest.raises(iControlUnexpectedHTTPError) as refused:
        sdk.tm.ltm.pools.pool.load(name="p", partition="shop")
    assert refused.value.response.status_code == 404


def test_f5_sdk_puts_back_what_it_read(sdk: Any) -> None:
    ltm = sdk.tm.ltm
    pool = ltm.pools.pool.create(name="p", monitor="/Common/http and /Common/tcp")
    objects = [
        pool,
        pool.members_s.members.create(partition="Common", name="192.0.2.5:80"),
        pool.members_s.members.create(partition="Common", name="2001:db8::5.80"),
        ltm.nodes.node.create(name="n", partition="Common", address="192.0.2.77"),
        ltm.virtuals.virtual.create(name="v", destination="198.51.100.7:80", pool="p", profiles=["http", "tcp"]),
        ltm.monitor.https_s.https.create(name="m", partition="Common"),
        ltm.profile.tcps.tcp.create(name="t", partition="Common"),
        ltm.profile.client_ssls.client_ssl.create(name="c", partition="Common"),
    ]
    for one in objects:
        one.description = "put back"
        one.update()
        one.refresh()
        assert one.description == "put back", one.fullPath


def test_f5_sdk_changes_one_side_of_a_virtual_server_at_a_time(sdk: Any) -> None:
    virtual = sdk.tm.ltm.virtuals.virtual.create(
        name="v", destination="198.51.100.7:80", ipProtocol="tcp", profiles=["http", "tcp"]
    )
    virtual.profiles_s.profiles.create(name="oneconnect", partition="Common")
    assert len(virtual.profiles_s.get_collection()) == 3
    virtual.profiles_s.profiles.load(name="oneconnect", partition="Common").delete()
    virtual.modify(persist=[{"name": "/Common/cookie"}], rules=["/Common/_sys_https_redirect"])
    virtual.refresh()
    assert virtual.persist[0]["name"] == "cookie"
    assert virtual.rules == ["/Common/_sys_https_redirect"]
    virtual.modify(disabled=True)
    virtual.refresh()
    assert virtual.disabled is True
    virtual.modify(vlansEnabled=True, vlans=["/Common/http-tunnel"])
    virtual.refresh()
    assert virtual.vlans == ["/Common/http-tunnel"]


def test_f5_sdk_manages_legacy_policies_with_rules_conditions_and_actions(sdk: Any) -> None:
    sdk.tm.ltm.pools.pool.create(name="p")
    policy = sdk.tm.ltm.policys.policy.create(
        name="l7", legacy=True, strategy="first-match", controls=["forwarding"], requires=["http"]
    )
    rule = policy.rules_s.rules.create(name="r0", ordinal=0)
    condition = rule.conditions_s.conditions.create(
        name="0", httpHost=True, host=True, equals=True, request=True, values=["a.example"]
    )
    action = rule.actions_s.actions.create(name="0", forward=True, request=True, pool="/Common/p")
    condition.modify(values=["b.example"])
    assert [one.values for one in rule.conditions_s.get_collection()] == [["b.example"]]
    assert action.pool == "/Common/p"
    for one in (action, condition, rule, policy):
        one.delete()


def test_f5_sdk_manages_tunnels_and_where_they_lead(sdk: Any) -> None:
    net = sdk.tm.net
    profile = net.tunnels.vxlans.vxlan.create(
        name="fv", partition="Common", defaultsFrom="/Common/vxlan", floodingType="none", port=8472
    )
    tunnel = net.tunnels.tunnels.tunnel.create(
        name="ft", partition="Common", profile="/Common/fv", localAddress="192.0.2.1", key=1
    )
    self_ip = net.selfips.selfip.create(
        name="fs", partition="Common", address="10.244.30.1/16", vlan="/Common/ft", allowService="default"
    )
    table = net.fdb.tunnels.tunnel.load(name="ft", partition="Common")
    table.modify(records=[{"name": "0a:0a:00:00:00:01", "endpoint": "192.0.2.21"}])
    table.records_s.records.create(name="0a:0a:00:00:00:02", endpoint="192.0.2.22")
    assert [record.endpoint for record in table.records_s.get_collection()] == ["192.0.2.21", "192.0.2.22"]
    arp = net.arps.arp.create(name="pod", partition="Common", ipAddress="10.244.1.5", macAddress="0a:0a:00:00:00:01")
    arp.modify(macAddress="0a:0a:00:00:00:02")
    route = net.routes.route.create(name="pods", partition="Common", network="10.2.2.0/24", gw="192.0.2.21")
    route.modify(gw="192.0.2.22")
    for one in (route, arp, self_ip, tunnel, profile):
        one.delete()


def test_f5_sdk_updates_members_in_place(sdk: Any) -> None:
    pool = sdk.tm.ltm.pools.pool.create(name="p", members=[{"name": "192.0.2.5:80"}, {"name": "192.0.2.6:80"}])
    assert [member.name for member in pool.members_s.get_collection()] == ["192.0.2.5:80", "192.0.2.6:80"]
    pool.modify(members=[{"name": "192.0.2.6:80"}, {"name": "192.0.2.7:80"}])
    assert [member.name for member in pool.members_s.get_collection()] == ["192.0.2.6:80", "192.0.2.7:80"]


def test_f5_sdk_lists_collections_of_a_partition(sdk: Any) -> None:
    sdk.tm.auth.partitions.partition.create(name="shop")
    sdk.tm.ltm.pools.pool.create(name="p", partition="shop")
    sdk.tm.ltm.pools.pool.create(name="q")
    found = sdk.tm.ltm.pools.get_collection(requests_params={"params": "$filter=partition eq shop"})
    assert [pool.fullPath for pool in found] == ["/shop/p"]
    assert {pool.fullPath for pool in sdk.tm.ltm.pools.get_collection()} == {"/shop/p", "/Common/q"}
    assert any("ltm/pool" in one["reference"]["link"] for one in sdk.tm.ltm.get_collection())


def test_f5_sdk_commits_a_transaction_as_one(sdk: Any) -> None:
    from f5.bigip.contexts import TransactionContextManager

    with TransactionContextManager(sdk.tm.transactions.transaction) as api:
        api.tm.ltm.pools.pool.create(name="p1")
        api.tm.ltm.pools.pool.create(name="p2")
    assert {pool.name for pool in sdk.tm.ltm.pools.get_collection()} == {"p1", "p2"}


def test_f5_sdk_manages_rules_data_groups_profiles_and_persistence(sdk: Any) -> None:
    group = sdk.tm.ltm.data_group.internals.internal.create(
        name="g", partition="Common", type="string", records=[{"name": "b", "data": "2"}, {"name": "a", "data": "1"}]
    )
    assert {record["name"]: record["data"] for record in group.records} == {"a": "1", "b": "2"}
    rule = sdk.tm.ltm.rules.rule.create(name="r", partition="Common", apiAnonymous="when HTTP_REQUEST { }")
    profile = sdk.tm.ltm.profile.https.http.create(name="h", partition="Common", insertXforwardedFor="enabled")
    assert profile.insertXforwardedFor == "enabled"
    secure = sdk.tm.ltm.profile.client_ssls.client_ssl.create(name="c", partition="Common", serverName="shop.example")
    assert secure.serverName == "shop.example"
    cookie = sdk.tm.ltm.persistence.cookies.cookie.create(name="k", partition="Common", cookieName="shop")
    address = sdk.tm.ltm.virtual_address_s.virtual_address.create(name="a", partition="Common", address="198.51.100.9")
    for one in (group, rule, profile, secure, cookie, address):
        one.refresh()
        one.delete()


def test_f5_sdk_saves_and_manages_users_and_asks_for_state(sdk: Any) -> None:
    sdk.tm.sys.config.exec_cmd("save")
    user = sdk.tm.auth.users.user.create(name="ann", password="s3cret")
    user.modify(description="Ann")
    assert {one.name for one in sdk.tm.auth.users.get_collection()} == {"admin", "ann"}
    user.delete()
    [device] = sdk.tm.cm.devices.get_collection()
    assert device.failoverState == "active"
    assert sdk.tm.sys.folders.folder.exists(name="Common")


def test_f5_sdk_logs_in_for_a_token(device: SimServer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root = ManagementRoot("127.0.0.1", "admin", "admin", port=device.port, token=True)
    assert len(device.box.auth.tokens("admin")) == 1
    assert root.tm.ltm.pools.get_collection() == []
    root.icrs.session.close()


def test_f5_sdk_reads_statistics(sdk: Any) -> None:
    pool = sdk.tm.ltm.pools.pool.create(name="p", members=[{"name": "192.0.2.5:80"}])
    [nested] = pool.stats.load().entries.values()
    assert nested["nestedStats"]["entries"]["memberCnt"]["value"] == 1


def test_a_client_that_pins_the_certificate_is_content(device: SimServer, tmp_path: Path) -> None:
    import socket

    place = tmp_path / "device.pem"
    place.write_bytes(device.certificate)
    context = ssl.create_default_context(cafile=str(place))
    context.check_hostname = False
    with (
        socket.create_connection(("127.0.0.1", device.port), 5) as plain,
        context.wrap_socket(plain, server_hostname="localhost.localdomain") as secured,
    ):
        assert secured.version() in ("TLSv1.2", "TLSv1.3")
