"""Services of type LoadBalancer, end to end: their addresses, given or from a pool, and what happens to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import aiohttp

from fakes.leases import FakeLeases
from fakes.wapi import FakeWapi
from scenarios.fleet import MAPPINGS, Fleet, free_port, url_of
from scenarios.loop import Cluster, World, endpoints, world
from turnbuckle.model.ref import Ref
from turnbuckle.sources.infoblox import Wapi
from turnbuckle.sources.leases_infoblox import InfobloxLeases, parse

PORT = free_port()
DEV = '{"Dev": "203.0.113.10-203.0.113.11"}'


def balancer(
    name: str = "web", *, pool: str = "Dev", address: str = "", port: int = 80, status: str = "", **spec: Any
) -> dict[str, Any]:
    annotations = {"cis.f5.com/ip": address} if address else {"cis.f5.com/ipamLabel": pool}
    return {
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "annotations": annotations,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"type": "LoadBalancer", "ports": [{"port": port, "targetPort": 8080}], **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": status}] if status else []}},
    }


def virtual(name: str, address: str, port: int = 80) -> str:
    return f"/k8s/Shared/vs_lb_svc_default_{name}_{address.replace('.', '_')}_{port}"


async def test_a_service_with_an_address_becomes_a_virtual_server_with_its_pool() -> None:
    async with world(balancer(address="203.0.113.7"), endpoints(2)) as w:
        server = w.get("ltm/virtual", virtual("web", "203.0.113.7"))
        assert server is not None
        assert server["destination"] == "/k8s/203.0.113.7:80"
        assert server["pool"] == "/k8s/Shared/web_8080_default"
        assert w.members("/k8s/Shared/web_8080_default") == {"198.51.100.1:8080", "198.51.100.2:8080"}
        w.cluster.delete("Service", "web")
        await w.until(lambda: not w.virtuals() and w.get("ltm/pool", "/k8s/Shared/web_8080_default") is None)
        assert not w.issues()


async def test_source_ranges_affinity_and_a_udp_port_reach_the_device() -> None:
    ports = [{"port": 53, "protocol": "TCP", "name": "tcp"}, {"port": 53, "protocol": "UDP", "name": "udp"}]
    dns = balancer(
        address="203.0.113.7", ports=ports, loadBalancerSourceRanges=["10.0.0.0/8"], sessionAffinity="ClientIP"
    )
    async with world(dns) as w:
        tcp = w.get("ltm/virtual", virtual("web", "203.0.113.7", 53))
        udp = w.get("ltm/virtual", virtual("web", "203.0.113.7", 53) + "_udp")
        assert tcp is not None
        assert udp is not None
        assert (tcp["ipProtocol"], udp["ipProtocol"]) == ("tcp", "udp")
        assert (tcp["source"], udp["source"]) == ("10.0.0.0/8", "10.0.0.0/8")
        await w.stop()
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert writes() == []


async def test_of_several_source_ranges_clients_are_served_and_others_are_not() -> None:
    async with Fleet(PORT) as fleet, world(dataplane=True, mappings=MAPPINGS) as w:
        await fleet.start(1)
        limited = balancer(address="203.0.113.7", loadBalancerSourceRanges=["127.0.0.0/30", "127.9.0.0/16"])
        w.cluster.tell(limited, endpoints(1, port=PORT))
        await w.until(lambda: bool(w.members("/k8s/Shared/web_8080_default")))
        await w.in_sync()
        server = virtual("web", "203.0.113.7")
        assert [await served(w, server, one) for one in ("127.0.0.1", "127.9.0.1", "127.0.0.9")] == [True, True, False]
        await w.stop()
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert writes() == []
        w.cluster.tell(balancer(address="203.0.113.7", loadBalancerSourceRanges=["127.0.0.8/29"]))
        await w.until(lambda: not list(w.device.box.tree.items("ltm/policy")))
        assert [await served(w, server, one) for one in ("127.0.0.1", "127.9.0.1", "127.0.0.9")] == [False, False, True]


async def served(w: World, server: str, client: str) -> bool:
    """Whether a client at this address is answered."""
    connector = aiohttp.TCPConnector(local_addr=(client, 0))
    async with aiohttp.ClientSession(connector=connector) as session:
        try:
            async with session.get(await url_of(w, server)) as reply:
                return reply.status == 200
        except aiohttp.ClientError:
            return False


async def test_a_service_gets_an_address_of_its_pool_and_the_third_of_two_is_told() -> None:
    async with world(balancer("a"), balancer("b"), balancer("c"), ip_range=DEV, started=False) as w:
        w.start()
        await w.until(lambda: len(w.virtuals()) == 2)
        await w.until(lambda: [str(i.about) for i in w.issues("TB2032")] == ["Service/default/c"])
        assert w.virtuals() == {virtual("a", "203.0.113.10"), virtual("b", "203.0.113.11")}
        assert "all 2 are in use" in w.issues("TB2032")[0].text


async def test_after_a_restart_everybody_has_the_address_that_the_device_says_and_nothing_is_written() -> None:
    async with world(balancer("b"), ip_range=DEV) as w:
        w.cluster.tell(balancer("a"))
        await w.until(lambda: virtual("a", "203.0.113.11") in w.virtuals())
        await w.in_sync()
        await w.stop()
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert writes() == []
        assert w.virtuals() == {virtual("b", "203.0.113.10"), virtual("a", "203.0.113.11")}


async def test_after_a_restart_a_status_counts_where_the_device_has_nothing() -> None:
    async with world(balancer("a", status="203.0.113.11"), ip_range=DEV) as w:
        assert w.virtuals() == {virtual("a", "203.0.113.11")}


async def test_a_service_that_errs_after_a_restart_keeps_its_address_and_nobody_else_gets_it() -> None:
    async with world(balancer("a"), ip_range=DEV) as w:
        await w.stop()
        broken = balancer("a")
        broken["metadata"]["annotations"]["cis.f5.com/health"] = "{"
        w.cluster.know(broken, balancer("b"))
        w.start()
        await w.until(lambda: virtual("b", "203.0.113.11") in w.virtuals())
        assert w.virtuals() == {virtual("a", "203.0.113.10"), virtual("b", "203.0.113.11")}
        assert [issue.code for issue in w.issues() if issue.severity == "ERROR"] == ["TB1001"]


async def test_another_label_moves_a_service_and_an_unknown_one_leaves_it_where_it_is() -> None:
    pools = '{"Dev": "203.0.113.10", "Test": "203.0.113.20"}'
    async with world(balancer("a"), ip_range=pools) as w:
        w.cluster.tell(balancer("a", pool="Tset"))
        await w.until(lambda: bool(w.issues("TB2033")))
        assert 'Did you mean "Test"?' in w.issues("TB2033")[0].text
        assert w.virtuals() == {virtual("a", "203.0.113.10")}
        w.cluster.tell(balancer("a", pool="Test"))
        await w.until(lambda: w.virtuals() == {virtual("a", "203.0.113.20")})
        assert not [issue for issue in w.issues() if issue.severity == "ERROR"]


async def test_a_literal_address_out_of_a_pool_is_not_granted_to_anybody_else() -> None:
    async with world(balancer("literal", address="203.0.113.10"), balancer("a"), ip_range=DEV) as w:
        assert virtual("a", "203.0.113.11") in w.virtuals()


async def test_a_lease_without_any_pool_is_told_and_everything_else_goes_on() -> None:
    async with world(balancer("a"), balancer("b", address="203.0.113.7"), started=False) as w:
        w.start()
        await w.until(lambda: bool(w.issues("TB2033")))
        await w.in_sync()
        assert w.virtuals() == {virtual("b", "203.0.113.7")}
        assert "Give ranges of addresses with --ip-range." in w.issues("TB2033")[0].text


async def test_one_time_is_enough_for_a_service_that_asks_for_an_address() -> None:
    async with world(balancer("a"), endpoints(1, "a"), ip_range=DEV, started=False) as w:
        w.start()
        await w.stop()
        assert await w.controller.once(patience_s=20)
        assert w.virtuals() == {virtual("a", "203.0.113.10")}


async def test_another_replica_that_comes_to_lead_gives_everybody_the_address_they_had() -> None:
    leases = FakeLeases()
    async with world(balancer("c"), ip_range=DEV, leases=leases, identity="one") as one:
        two = World(
            Cluster(balancer("c")), one.device, one.login, one.settings, ip_range=DEV, leases=leases, identity="two"
        )
        two.start()
        one.cluster.tell(balancer("a"))
        await one.until(lambda: virtual("a", "203.0.113.11") in one.virtuals())
        # The second learns of both at once and in another order, and must not follow its own.
        two.cluster.tell(balancer("a"))
        await one.stop()
        await two.in_sync()
        assert two.virtuals() == {virtual("c", "203.0.113.10"), virtual("a", "203.0.113.11")}
        assert [write for write in two.writes() if write.startswith("DELETE") and "virtual" in write] == []
        await two.stop()


async def test_controllers_of_two_clusters_never_share_an_address_of_one_range() -> None:
    async with world(balancer("a"), ip_range=DEV) as one:
        other = replace(one.settings, controller_id="other", cluster_id="k2", partitions=("k8s",))
        two = World(Cluster(balancer("b")), one.device, one.login, other, ip_range=DEV)
        two.start()
        # The partition is the first one's, so that nothing is written; but its addresses are seen to be in use.
        await two.until(lambda: bool(two.issues("TB3012")))
        asked = [obj for obj in two.controller.leases.usage() if obj.used]
        assert [use.used for use in asked] == [2]
        assert two.virtuals() == {virtual("a", "203.0.113.10")}
        await two.stop()


async def test_a_grid_gives_the_addresses_and_a_restart_changes_none() -> None:
    grid = FakeWapi("203.0.113.0/28")
    url = await grid.start()
    grid.taken.add("203.0.113.1")

    def keeper(desk: Any, may_grant: Any) -> InfobloxLeases:
        return InfobloxLeases(
            parse('{"Dev": {"cidr": "203.0.113.0/28"}}'),
            desk,
            Wapi(url, lambda: ("connector", "infoblox")),
            owner="k1",
            about=Ref("", "Infoblox", "", "grid"),
            tell=lambda issues: None,
            may_grant=may_grant,
        )

    try:
        async with world(balancer("b"), keeper=keeper) as w:
            w.cluster.tell(balancer("a"))
            there = {virtual("b", "203.0.113.2"), virtual("a", "203.0.113.3")}
            await w.until(lambda: w.virtuals() == there)
            await w.in_sync()
            await w.stop()
            writes, before = w.mark(), grid.addresses()
            w.start()
            await w.in_sync()
            assert writes() == []
            assert grid.addresses() == before == {
                "k1/Dev/default/b_svc": "203.0.113.2", "k1/Dev/default/a_svc": "203.0.113.3",
            }  # fmt: skip
    finally:
        await grid.stop()
