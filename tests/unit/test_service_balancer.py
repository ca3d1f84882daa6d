"""Services of type LoadBalancer: what is wrong with them, each with its sentence, and what is none of our business."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.kinds.lease import Asked, LeaseSpec
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import LtmObject, Monitor, Pool, VirtualServer
from turnbuckle.model.policy import Action, Condition, Policy, PolicyRule
from turnbuckle.model.ref import Put, SourceObject, Synced
from turnbuckle.model.settings import SETTINGS, Settings

KINDS = {kind.name: kind for kind in registry.kinds()}
IP = {"cis.f5.com/ip": "203.0.113.7"}
A = "metadata.annotations"


def balancer(annotations: dict[str, str], *, name: str = "web", created: str = "", **spec: Any) -> Any:
    metadata = {"name": name, "namespace": "shop", "annotations": annotations, "creationTimestamp": created}
    given = {"type": "LoadBalancer", "ports": [{"port": 80, "nodePort": 30080}], **spec}
    return KINDS["Service"].decode({"metadata": metadata, "spec": given})


def slices(*nodes: str, ready: bool = True) -> Any:
    return KINDS["EndpointSlice"].decode(
        {
            "metadata": {"name": "web-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
            "ports": [{"port": 8080}],
            "endpoints": [
                {"addresses": [f"198.51.100.{n}"], "nodeName": node, "conditions": {"ready": ready}}
                for n, node in enumerate(nodes, 1)
            ],
        }
    )


def node(name: str, address: str) -> Any:
    status = {"addresses": [{"type": "InternalIP", "address": address}]}
    return KINDS["Node"].decode({"metadata": {"name": name}, "status": status})


def told(*events: Any, **settings: Any) -> tuple[list[Issue], list[Any]]:
    engine = Engine(registry.kinds(), registry.composers(), ["test"], registry.on_demand())
    fact = Settings("c", "k", **{"partitions": ("k8s",), "pool_member_type": "cluster", **settings})
    snapshot = engine.ingest([Put(SourceObject(SETTINGS, fact)), slices("n1"), *events, Synced("test")])
    return list(snapshot.all_issues()), list(snapshot.desired.values())


def addresses(objects: list[Any]) -> list[str]:
    return sorted(obj.destination_address for obj in objects if isinstance(obj, VirtualServer))


WRONG: list[tuple[dict[str, str], dict[str, Any], str, str, str]] = [
    (
        {"cis.f5.com/ip": "web"},
        {},
        "ERROR TB1012",
        f"{A}[cis.f5.com/ip]",
        f'{A}[cis.f5.com/ip] is "web", which is no IP address.',
    ),
    (
        {"cis.f5.com/ip": "203.0.113.7,203.0.113.8"},
        {},
        "ERROR TB1008",
        f"{A}[cis.f5.com/ip]",
        "Write one address, or one IPv4 and one IPv6 address with a comma between.",
    ),
    (
        {"cis.f5.com/ipp": "203.0.113.7", "cis.f5.com/ip": "203.0.113.7"},
        {},
        "WARNING TB1021",
        f"{A}[cis.f5.com/ipp]",
        'Did you mean "cis.f5.com/ip"?',
    ),
    (
        {"cis.f5.com/ipamlabel": "Dev"},
        {},
        "WARNING TB1021",
        f"{A}[cis.f5.com/ipamlabel]",
        'Did you mean "cis.f5.com/ipamLabel"?',
    ),
    ({"cis.f5.com/host": "shop.example"}, {}, "PENDING TB2030", f"{A}[cis.f5.com/ip]", "The Service gives no address"),
    ({**IP, "cis.f5.com/partition": "Common"}, {}, "ERROR", f"{A}[cis.f5.com/partition]", "Common"),
    ({**IP, "cis.f5.com/partition": "other"}, {}, "ERROR", f"{A}[cis.f5.com/partition]", "other"),
    ({**IP, "cis.f5.com/partition": "a b"}, {}, "ERROR TB1030", f"{A}[cis.f5.com/partition]", '"a b"'),
    ({**IP, "cis.f5.com/policyName": "fast"}, {}, "PENDING TB2038", f"{A}[cis.f5.com/policyName]", '"shop/fast"'),
    ({**IP, "cis.f5.com/health": "{"}, {}, "ERROR TB1001", f"{A}[cis.f5.com/health]", "is not JSON"),
    ({**IP, "cis.f5.com/health": '"up"'}, {}, "ERROR TB1008", f"{A}[cis.f5.com/health]", "Write an object or a list"),
    (
        {**IP, "cis.f5.com/health": '[{"interval": 0}]'},
        {},
        "ERROR TB1009",
        f"{A}[cis.f5.com/health][0].interval",
        "outside 1 to 86400",
    ),
    (
        {**IP, "cis.f5.com/health": '{"intervall": 5}'},
        {},
        "ERROR TB1005",
        f"{A}[cis.f5.com/health].intervall",
        'Did you mean "interval"?',
    ),
    (
        {**IP, "cis.f5.com/health": '{"type": "htpp"}'},
        {},
        "ERROR TB1010",
        f"{A}[cis.f5.com/health].type",
        'Did you mean "http"?',
    ),
    (
        {**IP, "cis.f5.com/health": '{"interval": 10, "timeout": 10}'},
        {},
        "WARNING TB1023",
        f"{A}[cis.f5.com/health].timeout",
        "Write 31",
    ),
    (
        {**IP, "cis.f5.com/health": '{"name": "/k8s/mine", "reference": "bigip"}'},
        {},
        "WARNING TB2016",
        f"{A}[cis.f5.com/health].name",
        "A monitor of somebody else in a partition that Turnbuckle writes to (/k8s/mine) is not supported.",
    ),
    (
        {**IP, "cis.f5.com/health": '{"reference": "bigip"}'},
        {},
        "ERROR TB1003",
        f"{A}[cis.f5.com/health].name",
        "is missing: which monitor of the BIG-IP.",
    ),
    (
        {**IP, "cis.f5.com/health": '{"name": "/Common/tcp", "reference": "bigip", "interval": 5}'},
        {},
        "WARNING TB1024",
        f"{A}[cis.f5.com/health].interval",
        "/Common/tcp has settings of its own on the BIG-IP",
    ),
    (
        {**IP, "cis.f5.com/health": '{"targetPort": 8081}'},
        {},
        "WARNING TB1024",
        f"{A}[cis.f5.com/health].targetPort",
        "has no effect",
    ),
    (
        IP,
        {"loadBalancerSourceRanges": ["10.0.0.0/8", "192.0.2.0/24"], "ports": [{"port": 53, "protocol": "UDP"}]},
        "ERROR TB2036",
        "spec.loadBalancerSourceRanges",
        "comes to 2 ranges of one family (10.0.0.0/8, 192.0.2.0/24); UDP, as in spec.ports[0], takes one.",
    ),
    (
        IP,
        {"loadBalancerSourceRanges": ["10.0.0.0/33"]},
        "ERROR TB1041",
        "spec.loadBalancerSourceRanges",
        'has the item "10.0.0.0/33", which is no network.',
    ),
    (
        IP,
        {"loadBalancerSourceRanges": ["2001:db8::/32"]},
        "WARNING TB2037",
        "spec.loadBalancerSourceRanges",
        "has no range of 203.0.113.7's family",
    ),
    (IP, {"ports": [{"port": 80, "protocol": "DCCP"}]}, "WARNING TB2016", "spec.ports[0].protocol", "DCCP"),
]


@pytest.mark.parametrize(
    ("annotations", "spec", "what", "field", "says"), WRONG, ids=[f"{case[3]}-{n}" for n, case in enumerate(WRONG)]
)
def test_a_mistake_is_told_with_its_field_and_what_to_write(
    annotations: dict[str, str], spec: dict[str, Any], what: str, field: str, says: str
) -> None:
    issues, objects = told(balancer(annotations, **spec))
    assert [f"{issue.severity} {issue.code}"[: len(what)] for issue in issues if issue.field == field] == [what]
    assert says in next(issue.text for issue in issues if issue.field == field)
    if what.startswith("ERROR"):
        assert addresses(objects) == []


def test_a_mistake_leaves_the_last_good_version_in_force() -> None:
    engine = Engine(registry.kinds(), registry.composers())
    engine.ingest([Put(SourceObject(SETTINGS, Settings("c", "k", ("k8s",), "cluster"))), balancer(IP)])
    snapshot = engine.ingest([balancer({**IP, "cis.f5.com/health": "{"})])
    assert addresses(list(snapshot.desired.values())) == ["203.0.113.7"]


@pytest.mark.parametrize(
    ("annotations", "spec", "settings"),
    [
        ({}, {}, {}),
        (IP, {"type": "ClusterIP"}, {}),
        (IP, {"loadBalancerClass": "example.com/lb"}, {}),
        (IP, {"loadBalancerClass": "example.com/lb"}, {"load_balancer_class": "f5"}),
        (IP, {}, {"load_balancer_class": "f5", "load_balancer_class_only": True}),
    ],
)
def test_a_service_of_somebody_else_is_ignored_silently(
    annotations: dict[str, str], spec: dict[str, Any], settings: dict[str, Any]
) -> None:
    assert told(balancer(annotations, **spec), **settings) == ([], [])


def test_a_service_of_our_class_is_published_and_without_an_address_it_is_told() -> None:
    assert addresses(told(balancer(IP, loadBalancerClass="f5"), load_balancer_class="f5")[1]) == ["203.0.113.7"]
    issues, _ = told(balancer({}, loadBalancerClass="f5"), load_balancer_class="f5")
    assert [issue.code for issue in issues] == ["TB2030"]


def test_without_any_partition_nothing_is_published_and_that_is_told() -> None:
    issues, objects = told(balancer(IP), partitions=())
    assert ([issue.code for issue in issues], objects) == (["TB2039"], [])


def test_with_members_only_no_virtual_server_is_made_and_that_is_told() -> None:
    issues, objects = told(balancer(IP), members_only=True)
    assert ([issue.code for issue in issues], objects) == (["TB2013"], [])


def test_of_two_services_that_want_one_destination_the_older_has_it() -> None:
    old, young = (balancer(IP, name=name, created=f"2026-01-0{n}T00:00:00Z") for n, name in ((1, "web"), (2, "shop")))
    issues, objects = told(young, old)
    assert addresses(objects) == ["203.0.113.7"]
    (taken,) = [issue for issue in issues if issue.severity == "ERROR"]
    assert (taken.code, taken.about.name, taken.field) == ("TB2006", "shop", f"{A}[cis.f5.com/ip]")


def test_a_family_that_cannot_be_served_does_not_keep_the_other_from_being() -> None:
    leased = balancer({"cis.f5.com/ipamLabel": "Dev"}, ipFamilies=["IPv4", "IPv6"])
    four, six = (Asked("Dev", "shop/web_svc", family).ref for family in ("IPv4", "IPv6"))  # type: ignore[arg-type]
    refused = Put(SourceObject(six, LeaseSpec(refusal="no such family")))
    issues, objects = told(leased, Put(SourceObject(four, LeaseSpec("203.0.113.7"))), refused)
    assert addresses(objects) == ["203.0.113.7"]
    assert [f"{issue.severity} {issue.code}" for issue in issues] == ["WARNING TB2034"]
    issues, objects = told(leased, Put(SourceObject(four, LeaseSpec(refusal="exhausted", instead=("4",)))), refused)
    assert addresses(objects) == []
    assert [f"{issue.severity} {issue.code}" for issue in issues] == ["ERROR TB2032", "ERROR TB2034"]


def test_one_source_range_is_the_virtual_servers_and_several_are_a_rule_that_leads_to_its_pool() -> None:
    (one,) = made(VirtualServer, ["10.0.0.0/8", "10.1.0.0/16"])
    assert (one.source, one.pool, one.policies) == ("10.0.0.0/8", "/k8s/Shared/web_80_shop", frozenset())
    several = ["192.0.2.0/24", "10.0.0.0/8", "10.1.0.0/16"]
    (server,), (policy,), (rule,) = made(VirtualServer, several), made(Policy, several), made(PolicyRule, several)
    # Without its rule it serves nobody: nothing else leads to the pool.
    assert (server.source, server.pool, server.policies) == ("", "", {policy.name})
    assert policy.name == f"{server.name}_sources"
    assert policy.requires == {"tcp"}
    assert rule.conditions == (Condition("peer-address", "matches", ("10.0.0.0/8", "192.0.2.0/24")),)
    assert rule.actions == (Action("forward-peer", "/k8s/Shared/web_80_shop"),)


def test_source_ranges_that_come_to_everybody_are_no_limit() -> None:
    (server,) = made(VirtualServer, ["0.0.0.0/0", "10.0.0.0/8"])
    assert (server.source, server.pool, server.policies) == ("", "/k8s/Shared/web_80_shop", frozenset())


def made(kind: type[LtmObject], ranges: list[str]) -> list[Any]:
    issues, objects = told(balancer(IP, loadBalancerSourceRanges=ranges))
    assert issues == []
    return [obj for obj in objects if isinstance(obj, kind)]


def test_with_a_local_traffic_policy_only_nodes_with_a_ready_endpoint_are_members() -> None:
    nodes = [node("n1", "192.0.2.1"), node("n2", "192.0.2.2")]
    everywhere = told(balancer(IP), *nodes, pool_member_type="nodeport")[1]
    local = told(balancer(IP, externalTrafficPolicy="Local"), *nodes, pool_member_type="nodeport")[1]
    assert [len(obj.members) for obj in everywhere if isinstance(obj, Pool)] == [2]
    assert [[m.address for m in obj.members] for obj in local if isinstance(obj, Pool)] == [["192.0.2.1"]]


def test_the_manifests_of_the_original_each_give_virtual_servers_or_say_why_not(corpus: Path) -> None:
    lease = LeaseSpec("203.0.113.9")
    leases = [Put(SourceObject(Asked(pool, key, "IPv4").ref, lease)) for pool in ("test", "prod")
              for key in ("default/svc-lb1_svc", "default/svc1_svc")]  # fmt: skip
    seen = 0
    for path in sorted(corpus.rglob("*.yaml")):
        raw = [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one and one["kind"] == "Service"]
        for one in raw:
            issues, objects = told(KINDS["Service"].decode(one), *leases, load_balancer_class="f5")
            assert addresses(objects) or issues, path
            seen += bool(addresses(objects))
    assert seen


@pytest.fixture
def corpus() -> Path:
    import os

    shared = os.environ.get("TURNBUCKLE_SHARED")
    folder = Path(shared or "") / "corpus" / "cis" / "customResource" / "serviceTypeLB"
    if not shared or not folder.is_dir():
        pytest.skip("TURNBUCKLE_SHARED names no directory with the original's manifests")
    return folder


def test_ports_of_several_protocols_on_one_number_are_virtual_servers_of_their_own() -> None:
    ports = [{"name": p.lower(), "port": 80, "protocol": p, "targetPort": 8080} for p in ("SCTP", "UDP", "TCP")]
    issues, objects = told(balancer(IP, ports=ports))
    servers = {obj.protocol: obj for obj in objects if isinstance(obj, VirtualServer)}
    assert {protocol: server.name.rpartition("_80")[2] for protocol, server in servers.items()} == {
        "tcp": "",
        "udp": "_udp",
        "sctp": "_sctp",
    }
    assert {use.name for use in servers["sctp"].profiles} == {"/Common/sctp"}
    assert len({server.pool for server in servers.values()}) == 3
    assert not [issue for issue in issues if issue.severity == "ERROR"]


def test_of_sctp_the_device_has_no_monitor_so_that_the_host_is_asked() -> None:
    annotations = {**IP, "cis.f5.com/health": '{"interval": 5, "timeout": 16}'}
    _, objects = told(balancer(annotations, ports=[{"port": 80, "protocol": "SCTP"}]))
    assert [obj.type for obj in objects if isinstance(obj, Monitor)] == ["gateway-icmp"]


def test_several_source_ranges_are_an_error_for_sctp_as_for_udp() -> None:
    ranges = ["10.0.0.0/8", "192.0.2.0/24"]
    issues, objects = told(balancer(IP, ports=[{"port": 80, "protocol": "SCTP"}], loadBalancerSourceRanges=ranges))
    assert "SCTP, as in spec.ports[0], takes one" in next(one.text for one in issues if one.code == "TB2036")
    assert not addresses(objects)
