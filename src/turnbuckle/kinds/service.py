"""Service, as far as pools read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from turnbuckle.engine.protocol import Resource
from turnbuckle.kinds.meta import labels_of, ref_of, source_object
from turnbuckle.kit.wire import PortNumber, Wire, read
from turnbuckle.model.ref import Event, Flawed, Put


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service; node_port is 0 where none is open."""

    name: str
    port: int
    protocol: str
    node_port: int


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """What pools need of a Service. family: "IPv4", "IPv6", or empty where the Service does not say."""

    type: str
    ports: tuple[ServicePort, ...]
    family: str
    is_apiserver: bool


class _Port(Wire):
    port: PortNumber
    name: str | None = None
    protocol: str | None = None
    node_port: Annotated[int, Meta(ge=0, le=65535)] | None = None


class _Spec(Wire):
    type: str | None = None
    ports: list[_Port] | None = None
    ip_families: list[str] | None = None


class _Service(Wire):
    spec: _Spec | None = None


class ServiceKind:
    """Decodes a Service; it wants nothing by itself."""

    name = "Service"
    resource = Resource("", "v1", "services")

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The Service as pools read it."""
        wire = read(_Service, raw, ref_of(self.name, raw))
        if isinstance(wire, Flawed):
            return wire
        spec, labels = wire.spec or _Spec(), labels_of(raw)
        ports = tuple(
            ServicePort(port.name or "", port.port, port.protocol or "TCP", port.node_port or 0)
            for port in spec.ports or ()
        )
        family = spec.ip_families[0] if spec.ip_families else ""
        is_apiserver = labels.get("component") == "apiserver" and labels.get("provider") == "kubernetes"
        decoded = ServiceSpec(spec.type or "ClusterIP", ports, family, is_apiserver)
        return Put(source_object(self.name, raw, decoded))


KIND = ServiceKind()
