"""The status of Services of type LoadBalancer, with everything that `turnbuckle run` starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fakes.kubeapi import Served
from runtime.whole import Whole, whole
from turnbuckle.config.forms import Sealed

DEV = '{"Dev": "203.0.113.10-203.0.113.12, 2001:db8::10"}'


def balancer(name: str = "web", **annotations: str) -> dict[str, Any]:
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "ipFamilies": ["IPv4", "IPv6"], "ports": [{"port": 80}]},
    }


LEASED = {"cis.f5.com/ipamLabel": "Dev"}


def addresses(one: Whole, name: str = "web") -> list[str]:
    (raw,) = (raw for raw in one.objects("Service") if raw["metadata"]["name"] == name)
    return [entry["ip"] for entry in raw.get("status", {}).get("loadBalancer", {}).get("ingress") or ()]


async def test_the_status_says_the_addresses_once_the_device_has_them(tmp_path: Path) -> None:
    async with whole(tmp_path, balancer(**LEASED), ip_range=DEV) as one:
        await one.until(lambda: addresses(one) == ["203.0.113.10", "2001:db8::10"], "the status")
        assert one.shows('turnbuckle_ip_pool_in_use{family="IPv4",pool="Dev"} 1.0')
        assert one.shows('turnbuckle_ip_pool_size{family="IPv4",pool="Dev"} 3.0')


async def test_what_is_not_published_any_more_is_taken_out_of_the_status(tmp_path: Path) -> None:
    async with whole(tmp_path, balancer(**{"cis.f5.com/ip": "203.0.113.7"})) as one:
        await one.until(lambda: addresses(one) == ["203.0.113.7"], "the status")
        (raw,) = one.objects("Service")
        annotations: dict[str, str] = {}
        one.api.put({**raw, "metadata": {**raw["metadata"], "annotations": annotations}})
        await one.until(lambda: addresses(one) == [], "the status without an address")


async def test_a_status_that_somebody_else_wrote_is_left_alone(tmp_path: Path) -> None:
    theirs = {**balancer("cloud"), "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    async with whole(tmp_path, theirs, balancer(**{"cis.f5.com/ip": "203.0.113.7"})) as one:
        await one.until(lambda: addresses(one) == ["203.0.113.7"], "the status")
        assert addresses(one, "cloud") == ["192.0.2.1"]
        assert [seen for seen in one.api.seen if seen.path.endswith("/services/cloud")] == []


async def test_an_address_is_the_same_after_a_restart_though_others_have_gone_and_come(tmp_path: Path) -> None:
    async with whole(tmp_path, balancer("a", **LEASED), balancer("b", **LEASED), ip_range=DEV) as one:
        await one.until(lambda: len(addresses(one, "a")) + len(addresses(one, "b")) > 1, "the status")
        await one.until(lambda: addresses(one, "b")[:1] == ["203.0.113.11"], "the status of b")
        await one.stop()
        one.api.delete("Service", "default", "a")
        one.api.put(balancer("c", **LEASED))
        one.start()
        await one.until(lambda: bool(addresses(one, "c")), "the status of c")
        assert addresses(one, "b")[:1] == ["203.0.113.11"]
        assert addresses(one, "c")[:1] != ["203.0.113.11"]


async def test_a_grid_that_does_not_answer_is_told_and_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    grid = {
        "infoblox_grid_host": "127.0.0.1",
        "infoblox_wapi_port": 9,
        "infoblox_username": "connector",
        "infoblox_password": Sealed("infoblox"),
        "infoblox_labels": '{"Dev": {"cidr": "203.0.113.0/28"}}',
    }
    given = balancer("given", **{"cis.f5.com/ip": "203.0.113.99"})
    async with whole(tmp_path, balancer(**LEASED), given, **grid) as one:
        await one.until(lambda: addresses(one, "given") == ["203.0.113.99"], "the other's status")
        await one.until(lambda: one.shows('turnbuckle_issues{severity="ERROR"} 1.0'), "the issue")
        assert addresses(one) == []


async def test_f5s_ipam_controller_is_asked_by_an_object_of_the_cluster(tmp_path: Path) -> None:
    async with whole(tmp_path, balancer(**LEASED), started=False, ipam=True, ipam_cluster_label="east") as one:
        served = Served("fic.f5.com", "v1", "ipams", "IPAM")
        one.api.kinds[served.group, served.version, served.plural] = served
        one.api._objects[served] = {}
        one.start()
        await one.until(lambda: bool(one.objects("IPAM")), "the IPAM object")
        (ipam,) = one.objects("IPAM")
        assert ipam["metadata"]["namespace"] == "kube-system"
        assert ipam["metadata"]["name"].endswith(".k8s.ipam")
        asked = {"key": "east/default/web_svc", "ipamLabel": "Dev"}
        assert ipam["spec"]["hostSpecs"] == [asked]
        one.api.put({**ipam, "status": {"IPStatus": [{**asked, "ip": "203.0.113.10"}]}})
        await one.until(lambda: addresses(one) == ["203.0.113.10"], "the status")
