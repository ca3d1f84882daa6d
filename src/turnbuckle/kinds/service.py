"""Service: what pools read, and with type LoadBalancer a root that wants virtual servers of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnbuckle.engine.protocol import Look, Patch, Resource, Served, Translation
from turnbuckle.kinds.service_balancer import translated
from turnbuckle.kinds.service_spec import ServicePort, ServiceSpec, decoded
from turnbuckle.model.issue import Severity
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.ref import Event, SourceObject

__all__ = ["KIND", "ServicePort", "ServiceSpec"]


class ServiceKind:
    """Decodes every Service; those of type LoadBalancer that are for us want virtual servers."""

    name = "Service"
    resource = Resource("", "v1", "services")

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The Service as pools and the translator read it."""
        return decoded(self.name, raw)

    def translate(self, obj: SourceObject, look: Look) -> Translation:
        """Claims for the pools and the addresses of a Service of type LoadBalancer; nothing for any other."""
        return translated(obj, look)

    def status(self, obj: SourceObject, served: Served) -> Patch | None:
        """status.loadBalancer with the addresses that are served; what we wrote goes when none is any more.

        With an ERROR in force it stays, as what is served may stay.
        """
        spec: ServiceSpec = obj.spec
        there = {one.destination_address.partition("%")[0] for one in served.objects if isinstance(one, VirtualServer)}
        first = spec.family or "IPv4"
        addresses = tuple(sorted(there, key=lambda one: ((":" in one) is (first == "IPv4"), one)))
        if addresses == spec.addresses:
            return None
        if not addresses and (not spec.told or any(issue.severity is Severity.ERROR for issue in served.issues)):
            return None
        ingress = [{"ip": address} for address in addresses] or None
        return Patch(obj.ref, "status", {"status": {"loadBalancer": {"ingress": ingress}}})


KIND = ServiceKind()
