"""The objects of the bench: F5 resource ConfigMaps v0.1.7, mode http, an address each, no monitor, ten endpoints.

The ConfigMaps bear the annotation with their address already, as where a controller has run before: it is written to
the cluster slowly, on purpose, and would go on for a quarter of an hour at 10,000.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

PARTITION = "bench"
NAMESPACE = "default"
ENDPOINTS = 10

Raw = dict[str, Any]
EndpointsOf = Callable[[int, int], Raw]
"""The object with the endpoints of a server, so many of them."""

_SERVER = re.compile(r"vs-(\d{4,})")


def server_of(path: str) -> int | None:
    """The server that a path on the device belongs to."""
    found = _SERVER.search(path)
    return int(found[1]) if found else None


def endpoint(server: int, number: int) -> str:
    """The address of an endpoint: no two servers share one."""
    return f"10.{64 + server // 250}.{server % 250}.{number + 1}"


def config_map(server: int) -> Raw:
    address = f"192.0.{2 + server // 250}.{server % 250 + 1}"
    frontend = {
        "partition": PARTITION,
        "mode": "http",
        "balance": "round-robin",
        "virtualAddress": {"bindAddr": address, "port": 80},
    }
    backend = {"serviceName": f"app-{server:04}", "servicePort": 80}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"vs-{server:04}",
            "namespace": NAMESPACE,
            "labels": {"f5type": "virtual-server"},
            "annotations": {"status.virtual-server.f5.com/ip": address},
        },
        "data": {
            "schema": "f5schemadb://bigip-virtual-server_v0.1.7.json",
            "data": json.dumps({"virtualServer": {"frontend": frontend, "backend": backend}}),
        },
    }


def service(server: int) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"app-{server:04}", "namespace": NAMESPACE},
        "spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]},
    }


def endpoint_slice(server: int, endpoints: int = ENDPOINTS) -> Raw:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"app-{server:04}-x1",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": f"app-{server:04}"},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {
                "addresses": [endpoint(server, number)],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": f"node-{number}",
                "targetRef": _pod(server, number),
            }
            for number in range(endpoints)
        ],
    }


def endpoints_object(server: int, endpoints: int = ENDPOINTS) -> Raw:
    """The same for an API server that has no EndpointSlices."""
    addresses = [
        {"ip": endpoint(server, number), "nodeName": f"node-{number}", "targetRef": _pod(server, number)}
        for number in range(endpoints)
    ]
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": f"app-{server:04}", "namespace": NAMESPACE},
        "subsets": [{"addresses": addresses, "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}],
    }


def _pod(server: int, number: int) -> Raw:
    return {"kind": "Pod", "namespace": NAMESPACE, "name": f"app-{server:04}-{number}"}


def everything(servers: int, endpoints_of: EndpointsOf = endpoint_slice) -> Iterator[Raw]:
    """All objects for so many virtual servers."""
    for server in range(servers):
        yield config_map(server)
        yield service(server)
        yield endpoints_of(server, ENDPOINTS)
