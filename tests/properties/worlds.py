"""Random clusters: ConfigMaps with F5 resources, Services, endpoints and nodes, with mistakes among them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from turnbuckle import registry
from turnbuckle.model.ref import Event, Gone, Put, Ref, SourceObject
from turnbuckle.model.settings import SETTINGS, Settings

KINDS = {kind.name: kind for kind in registry.kinds()}
NAMES = st.sampled_from(["a", "b", "c"])
SERVICES = st.sampled_from(["web", "api"])
PORTS = st.sampled_from([80, 81])
CONDITIONS = st.sampled_from(
    [
        {"ready": True},
        {"ready": True},
        {"ready": False, "serving": True, "terminating": True},
        {"ready": False, "serving": False, "terminating": True},
    ]
)


def settings(member_type: str = "cluster") -> Event:
    return Put(SourceObject(SETTINGS, Settings("ctl", "k1", ("k8s", "other"), member_type)))


def config_map(name: str, data: Any, created: str = "", annotations: dict[str, str] | None = None) -> Event:
    return KINDS["ConfigMap"].decode(
        {
            "metadata": {
                "name": name,
                "namespace": "ns",
                "labels": {"f5type": "virtual-server"},
                "creationTimestamp": created,
                "annotations": annotations or {},
            },
            "data": {
                "schema": "f5schemadb://bigip-virtual-server_v0.1.7.json",
                "data": data if isinstance(data, str) else json.dumps(data),
            },
        }
    )


@st.composite
def f5_resources(draw: st.DrawFn) -> Event:
    frontend: dict[str, Any] = {"partition": draw(st.sampled_from(["k8s", "k8s", "k8s", "other", "Common"]))}
    if draw(st.booleans()) or draw(st.booleans()):
        port: Any = draw(st.sampled_from([80, 80, 443, 0, "eighty"]))
        address = draw(st.sampled_from(["203.0.113.1", "203.0.113.1", "203.0.113.2", "", "nowhere"]))
        frontend["virtualAddress"] = {"bindAddr": address, "port": port}
    if draw(st.booleans()):
        frontend["mode"] = draw(st.sampled_from(["http", "tcp", "udp", "sctp"]))
    backend: dict[str, Any] = {"serviceName": draw(SERVICES), "servicePort": draw(PORTS)}
    if draw(st.booleans()):
        monitor = {"protocol": draw(st.sampled_from(["http", "tcp"])), "interval": draw(st.sampled_from([5, 7]))}
        backend["healthMonitors"] = [monitor]
    name = draw(NAMES)
    data = draw(st.sampled_from([{"virtualServer": {"frontend": frontend, "backend": backend}}] * 6 + ["{"]))
    annotations = draw(st.sampled_from([{}, {}, {}, {"turnbuckle/pool": "/k8s/theirs"}]))
    return config_map(name, data, f"2026-01-0{ord(name) - 96}T00:00:00Z", annotations)


@st.composite
def services(draw: st.DrawFn) -> Event:
    ports = [{"port": port, "name": f"p{port}", "nodePort": 30000 + port} for port in draw(st.sets(PORTS))]
    kind = draw(st.sampled_from(["NodePort", "ClusterIP"]))
    return KINDS["Service"].decode(
        {"metadata": {"name": draw(SERVICES), "namespace": "ns"}, "spec": {"type": kind, "ports": ports}}
    )


@st.composite
def slices(draw: st.DrawFn) -> Event:
    service = draw(SERVICES)
    addresses = draw(st.sets(st.integers(1, 6), max_size=4))
    return KINDS["EndpointSlice"].decode(
        {
            "metadata": {
                "name": f"{service}-{draw(st.sampled_from('xy'))}",
                "namespace": "ns",
                "labels": {"kubernetes.io/service-name": service},
            },
            "addressType": "IPv4",
            "endpoints": [
                {"addresses": [f"198.51.100.{n}"], "conditions": draw(CONDITIONS) if n != 6 else {"ready": False}}
                for n in addresses
            ],
            "ports": [{"name": "p80", "port": 8080}, {"name": "p81", "port": 8081}],
        }
    )


@st.composite
def nodes(draw: st.DrawFn) -> Event:
    number = draw(st.integers(1, 3))
    return KINDS["Node"].decode(
        {
            "metadata": {"name": f"n{number}"},
            "status": {
                "addresses": [{"type": "InternalIP", "address": f"192.0.2.{number}"}],
                "conditions": [{"type": "Ready", "status": draw(st.sampled_from(["True", "False"]))}],
            },
        }
    )


@st.composite
def deletions(draw: st.DrawFn) -> Event:
    kind, names = draw(
        st.sampled_from(
            [("ConfigMap", "abc"), ("Service", ["web", "api"]), ("EndpointSlice", ["web-x", "api-y"]), ("Node", ["n1"])]
        )
    )
    return Gone(Ref("", kind, "" if kind == "Node" else "ns", draw(st.sampled_from(list(names)))))


EVENTS = st.one_of(f5_resources(), f5_resources(), services(), slices(), slices(), nodes(), deletions())
HISTORIES = st.lists(st.lists(EVENTS, max_size=4), max_size=12)
MEMBER_TYPES = st.sampled_from(["cluster", "nodeport"])
