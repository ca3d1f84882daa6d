"""Endpoints, the older form of EndpointSlice, for servers that have no other; its facet is the Service too."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from sys import intern
from typing import Annotated, Any

from msgspec import Meta

from turnbuckle.engine.protocol import Resource
from turnbuckle.kinds.endpointslice import Endpoint, PortWire, SliceSpec, endpoint_ports
from turnbuckle.kinds.meta import ref_of, source_object
from turnbuckle.kit.addresses import plain_address
from turnbuckle.kit.wire import Wire, read
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Event, Flawed, Put, Ref


class _Address(Wire):
    ip: Annotated[str, Meta(description="the endpoint's address", examples=["192.0.2.10"])]
    node_name: str | None = None


class _Subset(Wire):
    addresses: list[_Address] | None = None
    ports: list[PortWire] | None = None


class _Endpoints(Wire):
    subsets: list[_Subset] | None = None


class EndpointsKind:
    """Decodes Endpoints into one slice for each subset and address family; what is not ready is not there."""

    name = "Endpoints"
    resource = Resource("", "v1", "endpoints")

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """A tuple of SliceSpec, one for each subset and address family."""
        ref = ref_of(self.name, raw)
        wire = read(_Endpoints, raw, ref)
        if isinstance(wire, Flawed):
            return wire
        slices: list[SliceSpec] = []
        flaws: list[Issue] = []
        for number, subset in enumerate(wire.subsets or ()):
            ready, wrong = _ready(ref, f"subsets[{number}]", subset)
            flaws += wrong
            ports = endpoint_ports(subset.ports)
            for family, colon in (("IPv4", False), ("IPv6", True)):
                endpoints = tuple(e for e in ready if (":" in e.address) is colon)
                if endpoints:
                    slices.append(SliceSpec(family, endpoints, ports))
        if flaws:
            return Flawed(ref, tuple(flaws))
        return Put(source_object(self.name, raw, tuple(slices), facets={("service", ref.name)}))


KIND = EndpointsKind()


def _ready(ref: Ref, path: str, subset: _Subset) -> tuple[list[Endpoint], list[Issue]]:
    """The ready endpoints of a subset, sorted, and what is wrong with others."""
    ready: list[Endpoint] = []
    wrong: list[Issue] = []
    for index, one in enumerate(subset.addresses or ()):
        address = plain_address(one.ip)
        if address is None:
            wrong.append(issues_of.bad_address(ref, f"{path}.addresses[{index}].ip", one.ip, extended=False))
        else:
            ready.append(Endpoint(intern(address), intern(one.node_name or "")))
    return sorted(ready, key=attrgetter("address")), wrong
