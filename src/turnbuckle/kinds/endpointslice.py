"""EndpointSlice: addresses and ports behind a Service. Its facet is the Service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from sys import intern
from typing import Any

from turnbuckle.engine.protocol import Resource
from turnbuckle.kinds.meta import labels_of, ref_of, source_object
from turnbuckle.kit.addresses import plain_address
from turnbuckle.kit.wire import PortNumber, Wire, read
from turnbuckle.model import issue as issues_of
from turnbuckle.model.ref import Event, Flawed, Put

SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class EndpointPort:
    """A port that all endpoints of a slice serve; port 0 means every port."""

    name: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that takes connections, or still has some; node is empty where it is not known.

    terminating: its pod ends; it takes no new connections while others are ready. serving: it answers all the same.
    """

    address: str
    node: str
    terminating: bool = False
    serving: bool = True


@dataclass(frozen=True, slots=True)
class SliceSpec:
    """Endpoints that serve the same ports. family: "IPv4" or "IPv6"."""

    family: str
    endpoints: tuple[Endpoint, ...]
    ports: tuple[EndpointPort, ...]


class PortWire(Wire):
    """A port as EndpointSlice and Endpoints have it; none given means every port."""

    name: str | None = None
    port: PortNumber | None = None
    protocol: str | None = None


class _Conditions(Wire):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class _Endpoint(Wire):
    addresses: list[str] | None = None
    conditions: _Conditions | None = None
    node_name: str | None = None


class _Slice(Wire):
    address_type: str | None = None
    endpoints: list[_Endpoint] | None = None
    ports: list[PortWire] | None = None


def _standing(conditions: _Conditions | None) -> tuple[bool, bool] | None:
    """Whether an endpoint is terminating, and whether it serves; None for one that is not there.

    Source: Kubernetes API, discovery.k8s.io/v1 EndpointConditions: what is not said of `ready` means true, and what is
    not said of `serving` is what `ready` says. A terminating endpoint is ready only where the Service has
    publishNotReadyAddresses, and then it counts as ready.
    """
    if conditions is None or conditions.ready or (conditions.ready is None and not conditions.terminating):
        return False, True
    if not conditions.terminating:
        return None
    serving = conditions.serving if conditions.serving is not None else conditions.ready is not False
    return True, serving


def endpoint_ports(wires: list[PortWire] | None) -> tuple[EndpointPort, ...]:
    """The ports as pools read them."""
    return tuple(EndpointPort(one.name or "", one.port or 0, one.protocol or "TCP") for one in wires or ())


class EndpointSliceKind:
    """Decodes an EndpointSlice; endpoints that are neither ready nor terminating are not there."""

    name = "EndpointSlice"
    resource = Resource("discovery.k8s.io", "v1", "endpointslices")

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The slice as pools read it."""
        ref = ref_of(self.name, raw)
        wire = read(_Slice, raw, ref)
        if isinstance(wire, Flawed):
            return wire
        family, endpoints, flaws = wire.address_type or "IPv4", [], []
        for index, one in enumerate(wire.endpoints or ()):
            standing = _standing(one.conditions)
            if not one.addresses or standing is None:
                continue
            given = one.addresses[0]
            address = given if family == "FQDN" else plain_address(given)
            if address is None:
                flaws.append(issues_of.bad_address(ref, f"endpoints[{index}].addresses[0]", given, extended=False))
            else:
                endpoints.append(Endpoint(intern(address), intern(one.node_name or ""), *standing))
        if flaws:
            return Flawed(ref, tuple(flaws))
        endpoints.sort(key=attrgetter("address"))
        spec = SliceSpec(intern(family), tuple(endpoints), endpoint_ports(wire.ports))
        service = str(labels_of(raw).get(SERVICE_LABEL) or "")
        facets = {("service", service)} if service else ()
        return Put(source_object(self.name, raw, spec, facets=facets))


KIND = EndpointSliceKind()
