"""EndpointSlice: addresses and ports behind a Service. Its facet is the Service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any

from turnbuckle.engine.protocol import Resource
from turnbuckle.kinds.meta import source_object
from turnbuckle.kit.addresses import canonical
from turnbuckle.model.ref import Event, Put

SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class EndpointPort:
    """A port that all endpoints of a slice serve; port 0 means every port."""

    name: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One ready address; node is empty where it is not known."""

    address: str
    node: str


@dataclass(frozen=True, slots=True)
class SliceSpec:
    """Ready endpoints that serve the same ports. family: "IPv4" or "IPv6"."""

    family: str
    endpoints: tuple[Endpoint, ...]
    ports: tuple[EndpointPort, ...]


class EndpointSliceKind:
    """Decodes an EndpointSlice; endpoints that are not ready are not there."""

    name = "EndpointSlice"
    resource = Resource("discovery.k8s.io", "v1", "endpointslices")

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The slice as pools read it."""
        labels = (raw.get("metadata") or {}).get("labels") or {}
        endpoints = tuple(
            sorted(
                (
                    Endpoint(canonical(str(address)), intern(str(endpoint.get("nodeName") or "")))
                    for endpoint in raw.get("endpoints") or ()
                    if (endpoint.get("conditions") or {}).get("ready") is not False
                    for address in (endpoint.get("addresses") or ())[:1]
                ),
                key=lambda endpoint: endpoint.address,
            )
        )
        ports = tuple(
            EndpointPort(str(port.get("name") or ""), int(port.get("port") or 0), str(port.get("protocol") or "TCP"))
            for port in raw.get("ports") or ()
        )
        spec = SliceSpec(intern(str(raw.get("addressType") or "IPv4")), endpoints, ports)
        service = str(labels.get(SERVICE_LABEL) or "")
        facets = {("service", service)} if service else ()
        return Put(source_object(self.name, raw, spec, facets=facets))


KIND = EndpointSliceKind()
