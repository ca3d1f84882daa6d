"""The Kubernetes objects that the soak makes, as an API server has them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from soak.clock import EPOCH_S

Raw = dict[str, Any]

NAMESPACE = "default"
SERVICE_PORT, POD_PORT = 80, 8080


def f5_resource(
    name: str,
    *,
    created: int,
    partition: str,
    service: str,
    address: str,
    port: int,
    monitored: bool = False,
    pool: str = "",
    text: str | None = None,
) -> Raw:
    """A ConfigMap. created: its rank by age. pool: the designated pool that it names. text: stands for its content."""
    virtual = {"virtualAddress": {"bindAddr": address, "port": port}, "mode": "http"}
    probes: Raw = {"healthMonitors": [{"protocol": "http", "interval": 30, "send": "GET /"}]} if monitored else {}
    front = {"partition": partition, **({} if pool else virtual)}
    back = {"serviceName": service, "servicePort": SERVICE_PORT, **probes}
    whole = json.dumps({"virtualServer": {"frontend": front, "backend": back}})
    born = datetime.fromtimestamp(EPOCH_S - 10_000_000 + created, UTC)
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"f5type": "virtual-server"},
            "creationTimestamp": born.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "annotations": {"turnbuckle/pool": pool} if pool else {},
        },
        "data": {
            "schema": "f5schemadb://bigip-virtual-server_v0.1.7.json",
            "data": whole if text is None else text,
        },
    }


def service(name: str, *, port: int = SERVICE_PORT) -> Raw:
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"type": "ClusterIP", "ports": [{"port": port}]},
    }


def endpoint_slice(name: str, pods: Iterable[tuple[str, str]]) -> Raw:
    """The EndpointSlice of a Service. pods: address and state: "ready", "ending" or "unready"."""
    conditions = {
        "ready": {"ready": True},
        "ending": {"ready": False, "serving": True, "terminating": True},
        "unready": {"ready": False},
    }
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "name": f"{name}-1",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": conditions[state]} for address, state in pods],
        "ports": [{"port": POD_PORT}],
    }
