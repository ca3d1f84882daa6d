"""What an Ingress says, as it stands there: read once, judged later, since most Ingresses may be others' to serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from turnbuckle.kinds.lease import Addressed
from turnbuckle.kinds.meta import status_is_ours
from turnbuckle.kit.wire import PortNumber, Wire, read
from turnbuckle.model.ref import Flawed, Ref


@dataclass(frozen=True, slots=True)
class Backend:
    """A Service and one of its ports, by number or by name. An empty service is a backend of another sort."""

    service: str = ""
    port: int | str = ""


@dataclass(frozen=True, slots=True)
class IngressPath:
    """A path of a rule."""

    path: str
    path_type: str
    backend: Backend


@dataclass(frozen=True, slots=True)
class IngressRule:
    """A rule; its host is empty for every host. Without paths everything goes to the default backend."""

    host: str
    paths: tuple[IngressPath, ...]


@dataclass(frozen=True, slots=True)
class IngressTls:
    """Hosts and the Secret with their certificate."""

    hosts: tuple[str, ...]
    secret: str


@dataclass(frozen=True, slots=True)
class IngressSpec(Addressed):
    """An Ingress.

    addresses: those in its status; told: whether we wrote them. They say nothing about what it wants.
    """

    class_name: str
    default: Backend | None
    rules: tuple[IngressRule, ...]
    tls: tuple[IngressTls, ...]
    addresses: tuple[str, ...] = field(default=(), compare=False)
    told: bool = field(default=False, compare=False)


class _Port(Wire):
    number: PortNumber | None = None
    name: str | None = None


class _Service(Wire):
    name: Annotated[str, Meta(description="the Service that takes the requests", examples=["web"])]
    port: _Port | None = None


class _Backend(Wire):
    service: _Service | None = None


class _Path(Wire):
    path: str | None = None
    path_type: str | None = None
    backend: _Backend | None = None


class _Http(Wire):
    paths: list[_Path] | None = None


class _Rule(Wire):
    host: str | None = None
    http: _Http | None = None


class _Tls(Wire):
    hosts: list[str] | None = None
    secret_name: str | None = None


class _Spec(Wire):
    ingress_class_name: str | None = None
    default_backend: _Backend | None = None
    rules: list[_Rule] | None = None
    tls: list[_Tls] | None = None


class _Point(Wire):
    ip: str | None = None
    hostname: str | None = None


class _LoadBalancer(Wire):
    ingress: list[_Point] | None = None


class _Status(Wire):
    load_balancer: _LoadBalancer | None = None


class _Ingress(Wire):
    spec: _Spec | None = None
    status: _Status | None = None


def spec_of(raw: Mapping[str, Any], about: Ref) -> IngressSpec | Flawed:
    """The Ingress that an object is, or all that is wrong with its form."""
    wire = read(_Ingress, raw, about)
    if isinstance(wire, Flawed):
        return wire
    spec, status = wire.spec or _Spec(), wire.status or _Status()
    points = (status.load_balancer or _LoadBalancer()).ingress or ()
    return IngressSpec(
        class_name=spec.ingress_class_name or "",
        default=_backend(spec.default_backend) if spec.default_backend is not None else None,
        rules=tuple(_rule(rule) for rule in spec.rules or ()),
        tls=tuple(IngressTls(tuple(one.hosts or ()), one.secret_name or "") for one in spec.tls or ()),
        addresses=tuple(point.ip or point.hostname or "" for point in points),
        told=status_is_ours(raw),
    )


def _rule(rule: _Rule) -> IngressRule:
    paths = (rule.http or _Http()).paths or ()
    return IngressRule(
        rule.host or "",
        tuple(IngressPath(one.path or "/", one.path_type or "", _backend(one.backend)) for one in paths),
    )


def _backend(backend: _Backend | None) -> Backend:
    service = backend.service if backend is not None else None
    if service is None:
        return Backend()
    port = service.port or _Port()
    return Backend(service.name, port.number or port.name or "")
