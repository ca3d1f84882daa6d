"""Service, as far as pools read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turnbuckle.engine.protocol import Resource
from turnbuckle.kinds.meta import source_object
from turnbuckle.model.ref import Event, Put


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


class ServiceKind:
    """Decodes a Service; it wants nothing by itself."""

    name = "Service"
    resource = Resource("", "v1", "services")

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The Service as pools read it."""
        spec = raw.get("spec") or {}
        labels = (raw.get("metadata") or {}).get("labels") or {}
        ports = tuple(
            ServicePort(
                str(port.get("name") or ""),
                int(port.get("port") or 0),
                str(port.get("protocol") or "TCP"),
                int(port.get("nodePort") or 0),
            )
            for port in spec.get("ports") or ()
        )
        families = spec.get("ipFamilies") or ("",)
        is_apiserver = labels.get("component") == "apiserver" and labels.get("provider") == "kubernetes"
        decoded = ServiceSpec(str(spec.get("type") or "ClusterIP"), ports, str(families[0]), is_apiserver)
        return Put(source_object(self.name, raw, decoded))


KIND = ServiceKind()
