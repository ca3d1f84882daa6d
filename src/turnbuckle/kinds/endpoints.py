"""Endpoints, the older form of EndpointSlice, for servers that have no other; its facet is the Service too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnbuckle.engine.protocol import Resource
from turnbuckle.kinds.endpointslice import Endpoint, EndpointPort, SliceSpec
from turnbuckle.kinds.meta import ref_of, source_object
from turnbuckle.kit.addresses import canonical
from turnbuckle.model.ref import Event, Put


class EndpointsKind:
    """Decodes Endpoints into one slice for each subset and address family; what is not ready is not there."""

    name = "Endpoints"
    resource = Resource("", "v1", "endpoints")

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """A tuple of SliceSpec, one for each subset and address family."""
        slices = []
        for subset in raw.get("subsets") or ():
            ready = sorted(
                (
                    Endpoint(canonical(str(a.get("ip"))), str(a.get("nodeName") or ""))
                    for a in subset.get("addresses") or ()
                ),
                key=lambda endpoint: endpoint.address,
            )
            ports = tuple(
                EndpointPort(str(p.get("name") or ""), int(p.get("port") or 0), str(p.get("protocol") or "TCP"))
                for p in subset.get("ports") or ()
            )
            for family, colon in (("IPv4", False), ("IPv6", True)):
                endpoints = tuple(e for e in ready if (":" in e.address) is colon)
                if endpoints:
                    slices.append(SliceSpec(family, endpoints, ports))
        facets = {("service", ref_of(self.name, raw).name)}
        return Put(source_object(self.name, raw, tuple(slices), facets=facets))


KIND = EndpointsKind()
