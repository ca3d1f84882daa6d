"""Random clusters: ConfigMaps with F5 resources, Ingresses with Secrets and classes, Services, endpoints and nodes, and
mistakes among them.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from turnbuckle import registry
from turnbuckle.model.ref import Event, Gone, Put, Ref, SourceObject
from turnbuckle.model.settings import SETTINGS, Settings
from unit.ingresses import F5, OURS, Pair, backend, ingress, ingress_class, pair, path, rule, secret

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


PAIRS = (pair("www.example.com"), pair("other.example.com"))
INGRESS_NAMES = ("a", "b", "c", "by-annotation")
NAMESPACES = st.sampled_from(["ns", "ns", "other"])
HOSTS = st.sampled_from(["www.example.com", "www.example.com", "*.example.com", "", "203.0.113.9"])
INGRESS_ANNOTATIONS = st.sampled_from(
    [
        {},
        {},
        {},
        {"kubernetes.io/ingress.class": "f5"},
        {"ingress.kubernetes.io/ssl-redirect": "false", "ingress.kubernetes.io/allow-http": "true"},
        {f"{F5}/whitelist-source-range": "10.0.0.0/8"},
        {f"{F5}/clientssl": '[{"bigIpProfile": "/Common/x"}]'},
        {f"{F5}/rewrite-app-root": "www.example.com=/start"},
        {f"{F5}/translate-server-address": "false"},
        {f"{F5}/partition": "other"},
        {f"{F5}/http-port": "eighty"},
    ]
)


@st.composite
def ingresses(draw: st.DrawFn) -> Event:
    paths = st.builds(path, st.sampled_from(["/", "/x", "/x/y"]), st.sampled_from(["Exact", "Prefix"]), SERVICES, PORTS)
    rules = [rule(draw(HOSTS), *draw(st.lists(paths, min_size=1, max_size=2))) for _ in range(draw(st.integers(0, 2)))]
    spec: dict[str, Any] = {}
    if not rules or draw(st.booleans()):
        spec["defaultBackend"] = backend(draw(SERVICES), draw(PORTS))
    if draw(st.booleans()):
        spec["tls"] = [{"secretName": name} for name in draw(st.lists(st.sampled_from(["s", "t"]), max_size=2))]
    name = draw(st.sampled_from(INGRESS_NAMES))
    return ingress(
        name,
        draw(NAMESPACES),
        *rules,
        annotations=draw(INGRESS_ANNOTATIONS),
        ip=draw(st.sampled_from(["203.0.113.1", "203.0.113.1", "203.0.113.2", ""])),
        created=f"2026-01-0{INGRESS_NAMES.index(name) + 2}T00:00:00Z",
        **spec,
    )


@st.composite
def secrets(draw: st.DrawFn) -> Event:
    one, other = draw(st.sampled_from(PAIRS)), draw(st.sampled_from(PAIRS))
    return secret(draw(st.sampled_from(["s", "t"])), Pair(one.certificate, other.key), draw(NAMESPACES))


INGRESS_CLASSES = st.builds(ingress_class, st.sampled_from([OURS, OURS, OURS, "another"]), st.booleans())


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
            [
                ("ConfigMap", "abc"),
                ("Service", ["web", "api"]),
                ("EndpointSlice", ["web-x", "api-y"]),
                ("Node", ["n1"]),
                ("Ingress", INGRESS_NAMES),
                ("Secret", "st"),
                ("IngressClass", ["f5"]),
            ]
        )
    )
    namespace = "" if kind in ("Node", "IngressClass") else draw(NAMESPACES) if kind in ("Ingress", "Secret") else "ns"
    return Gone(Ref("", kind, namespace, draw(st.sampled_from(list(names)))))


OF_INGRESSES = st.one_of(ingresses(), ingresses(), ingresses(), secrets(), INGRESS_CLASSES, deletions())
EVENTS = st.one_of(
    f5_resources(), f5_resources(), services(), slices(), slices(), nodes(), deletions(), OF_INGRESSES, OF_INGRESSES
)
HISTORIES = st.lists(st.lists(EVENTS, max_size=4), max_size=12)
HISTORIES_OF_INGRESSES = st.lists(
    st.lists(st.one_of(OF_INGRESSES, OF_INGRESSES, OF_INGRESSES, services(), f5_resources()), max_size=4), max_size=12
)
MEMBER_TYPES = st.sampled_from(["cluster", "nodeport"])
