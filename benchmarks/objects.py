"""The objects of the bench: F5 resource ConfigMaps v0.1.7, mode http, an address each, no monitor, ten endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

PARTITION = "bench"
NAMESPACE = "default"
ENDPOINTS = 10

Raw = dict[str, Any]


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
        "metadata": {"name": f"vs-{server:04}", "namespace": NAMESPACE, "labels": {"f5type": "virtual-server"}},
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
                "targetRef": {"kind": "Pod", "namespace": NAMESPACE, "name": f"app-{server:04}-{number}"},
            }
            for number in range(endpoints)
        ],
    }


def everything(servers: int) -> Iterator[Raw]:
    """All objects for so many virtual servers."""
    for server in range(servers):
        yield config_map(server)
        yield service(server)
        yield endpoint_slice(server)
