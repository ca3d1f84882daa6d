"""What is read of a Service: what pools need, and with type LoadBalancer what it wants by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import Annotated, Any, cast

from msgspec import Meta

from turnbuckle.kinds.lease import Addressed, Family
from turnbuckle.kinds.meta import labels_of, ref_of, source_object, status_is_ours
from turnbuckle.kit.addresses import plain_address
from turnbuckle.kit.wire import PortNumber, Wire, read
from turnbuckle.model.ref import Event, Flawed, Put


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service; node_port is 0 where none is open. target: the number or the name of the pods' port."""

    name: str
    port: int
    protocol: str
    node_port: int
    target: str = ""


@dataclass(frozen=True, slots=True)
class BalancerSpec:
    """What a Service of type LoadBalancer says beyond that. load_balancer_class: empty where it names none."""

    load_balancer_class: str = ""
    families: tuple[Family, ...] = ("IPv4",)
    source_ranges: tuple[str, ...] = ()
    sticky: bool = False


@dataclass(frozen=True, slots=True)
class ServiceSpec(Addressed):
    """What pools need of a Service. family: "IPv4", "IPv6", or empty where the Service does not say.

    local: only nodes with an endpoint of their own take its traffic. balancer: None but for type LoadBalancer.
    addresses: those in its status, which translators must not read; told: whether we wrote them there.
    """

    type: str
    ports: tuple[ServicePort, ...]
    family: str
    is_apiserver: bool
    local: bool = False
    balancer: BalancerSpec | None = None
    addresses: tuple[str, ...] = field(default=(), compare=False)
    told: bool = field(default=False, compare=False)


class _Port(Wire):
    port: PortNumber
    name: str | None = None
    protocol: str | None = None
    node_port: Annotated[int, Meta(ge=0, le=65535)] | None = None


class _Spec(Wire):
    type: str | None = None
    ports: list[_Port] | None = None
    ip_families: list[str] | None = None
    external_traffic_policy: str | None = None
    load_balancer_class: str | None = None
    load_balancer_source_ranges: list[str] | None = None
    session_affinity: str | None = None


class _Service(Wire):
    spec: _Spec | None = None


def decoded(kind: str, raw: Mapping[str, Any]) -> Event:
    """The Service as pools and the translator read it."""
    wire = read(_Service, raw, ref_of(kind, raw))
    if isinstance(wire, Flawed):
        return wire
    spec, labels = wire.spec or _Spec(), labels_of(raw)
    balances = spec.type == "LoadBalancer"
    ports = tuple(
        ServicePort(
            intern(port.name or ""),
            port.port,
            intern(port.protocol or "TCP"),
            port.node_port or 0,
            _target(raw, number) or str(port.port) if balances else "",
        )
        for number, port in enumerate(spec.ports or ())
    )
    service = ServiceSpec(
        type=intern(spec.type or "ClusterIP"),
        ports=ports,
        family=intern(spec.ip_families[0]) if spec.ip_families else "",
        is_apiserver=labels.get("component") == "apiserver" and labels.get("provider") == "kubernetes",
        local=spec.external_traffic_policy == "Local",
        balancer=_balancer(spec) if balances else None,
        addresses=_addresses(raw),
        told=status_is_ours(raw),
    )
    return Put(source_object(kind, raw, service, annotations=balances))


def _target(raw: Mapping[str, Any], number: int) -> str:
    """The pods' port as it is written, by number or by name."""
    found = raw["spec"]["ports"][number].get("targetPort")
    return intern(str(found)) if isinstance(found, int | str) and not isinstance(found, bool) else ""


def _balancer(spec: _Spec) -> BalancerSpec:
    families = [family for family in spec.ip_families or () if family in ("IPv4", "IPv6")]
    return BalancerSpec(
        load_balancer_class=spec.load_balancer_class or "",
        families=cast(tuple[Family, ...], tuple(families)) or ("IPv4",),
        source_ranges=tuple(one.strip() for one in spec.load_balancer_source_ranges or ()),
        sticky=spec.session_affinity == "ClientIP",
    )


def _within(raw: Any, *names: str) -> Any:
    for name in names:
        raw = raw.get(name) if isinstance(raw, Mapping) else None
    return raw


def _addresses(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """What a status says that nobody writes by hand; what cannot be read of it counts as nothing."""
    entries = _within(raw, "status", "loadBalancer", "ingress")
    texts = [_within(entry, "ip") for entry in entries] if isinstance(entries, list) else []
    found = [plain_address(text) for text in texts if isinstance(text, str)]
    return tuple(intern(address) for address in found if address is not None)
