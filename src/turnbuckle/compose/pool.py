"""Which addresses are a pool's members: a pool follows its Service, whatever else is wrong with its owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from sys import intern
from typing import Literal

from turnbuckle.engine.protocol import Composition, Look
from turnbuckle.kinds.endpointslice import Endpoint, SliceSpec
from turnbuckle.kinds.node import EVERY_NODE, NodeSpec
from turnbuckle.kinds.service import ServicePort, ServiceSpec
from turnbuckle.kit import facts, selector
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import Claim, DesignatedPoolKey, PoolFields, PoolKey, PoolSettings
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import EXISTING_MONITOR, LtmObject, Member, Monitor, Pool
from turnbuckle.model.mark import Mark
from turnbuckle.model.ref import Ref, SourceObject
from turnbuckle.model.settings import Settings
from turnbuckle.model.state import Path

Endpoints = frozenset[tuple[str, int, bool]]
"""Address, port, and whether it drains."""


class PoolComposer:
    """Members from the Service's ready endpoints, or from the nodes at its node port."""

    key = PoolKey
    when_owner_errs: Literal["follow", "hold"] = "follow"

    def compose(self, key: PoolKey, claims: Sequence[Claim], look: Look) -> Composition:
        """The pool with its monitors; `made` is the frozenset of its members."""
        settings = facts.settings(look)
        service = look.get(Ref("", "Service", key.namespace, key.service))
        owners = {claim.owner: claim.want.fields for claim in reversed(claims)}
        if service is None:
            issues = tuple(
                issues_of.service_missing(owner, fields.service, key.namespace, key.service)
                for owner, fields in owners.items()
            )
            return self._composition(key, claims, look, frozenset(), issues)
        found, problem = _endpoints(key, service, settings, look)
        issues = tuple(_issue(problem, *owner, key, service) for owner in owners.items()) if problem else ()
        if problem in ("port", "type", "number", "external"):
            # The pool is looked at all the same: others have members in it, and those of the owner are there still.
            unknown = (Claim(claim.owner, claim.age, DesignatedPoolKey(key.name), None) for claim in claims)
            return Composition(
                issues=issues, failed=True, claims=tuple(unknown) if claims[0].want.form == "designated" else ()
            )
        return self._composition(key, claims, look, found, issues)

    def _composition(
        self, key: PoolKey, claims: Sequence[Claim], look: Look, found: Endpoints, issues: tuple[Issue, ...]
    ) -> Composition:
        want: PoolSettings = claims[0].want
        mark = facts.mark_for(look, claims[0].owner)
        others = [claim for claim in claims if replace(claim.want, fields=want.fields) != want]
        issues += tuple(
            issues_of.settings_differ(
                claim.owner,
                claim.want.fields.settings,
                key.name,
                str(claims[0].owner),
                issues_of.why_first(claims[0].age, claim.age),
            )
            for claim in others
        )
        if want.form == "designated":
            passed = (Claim(claim.owner, claim.age, DesignatedPoolKey(key.name), found) for claim in claims)
            return Composition(issues=issues, claims=tuple(passed))
        partition = "Common" if facts.settings(look).share_nodes else intern(key.name.split("/")[1])
        members = frozenset(Member(address, port, partition, draining=draining) for address, port, draining in found)
        objects = _objects(key, want, mark, members) if want.form == "pool" else ()
        return Composition(objects=objects, issues=issues, made=members)


COMPOSER = PoolComposer()


def _objects(key: PoolKey, want: PoolSettings, mark: Mark, members: frozenset[Member]) -> tuple[LtmObject, ...]:
    probes = tuple(
        Monitor(m.name, mark, m.type, m.interval_s, m.timeout_s, m.send, m.recv, m.ssl_profile)  # type: ignore[arg-type]
        for m in want.monitors
    )
    paths = {Path(EXISTING_MONITOR, name) for name in want.existing_monitors} | {probe.path for probe in probes}
    needed = want.monitors_needed if len(paths) > 1 else 0
    return (*probes, Pool(key.name, mark, members, want.load_balancing, tuple(sorted(paths)), needed))


def _endpoints(
    key: PoolKey, service: SourceObject, settings: Settings, look: Look
) -> tuple[Endpoints, Literal["", "port", "type", "number", "external", "endpoints", "nodes"]]:
    """What takes the traffic, and what is wrong with it."""
    spec: ServiceSpec = service.spec
    if spec.type == "ExternalName":
        return frozenset(), "external"
    port = _port(key, spec)
    if port is None:
        return frozenset(), "port"
    if settings.pool_member_type == "cluster" or spec.is_apiserver:
        found = _service_endpoints(key, spec, port, settings, look)
        return found, "" if found else "endpoints"
    if spec.type not in ("NodePort", "LoadBalancer"):
        return frozenset(), "type"
    if not port.node_port:
        return frozenset(), "number"
    nodes = tuple(_nodes(settings, look))
    if spec.local:
        open_for = _nodes_with_endpoints(key, spec, port, look)
        nodes = tuple(node for node in nodes if node.ref.name in open_for)
        if not nodes:
            return frozenset(), "endpoints"
    found = frozenset((address, port.node_port, False) for address in _node_addresses(nodes, settings))
    return found, "" if found else "nodes"


def _port(key: PoolKey, spec: ServiceSpec) -> ServicePort | None:
    """The Service's port of that number or name; by number the one of the protocol, where one is asked for."""
    if isinstance(key.port, str):
        return next((port for port in spec.ports if port.name == key.port), None)
    wanted = (port for port in spec.ports if port.port == key.port)
    return next((port for port in wanted if key.protocol in ("", port.protocol)), None)


def _service_endpoints(key: PoolKey, spec: ServiceSpec, port: ServicePort, settings: Settings, look: Look) -> Endpoints:
    usable = frozenset(node.ref.name for node in _nodes(settings, look)) if settings.node_label_selector else None
    return _drained(
        (place, endpoint)
        for place, endpoint in _served(key, spec, port, look)
        if usable is None or not endpoint.node or endpoint.node in usable
    )


def _nodes_with_endpoints(key: PoolKey, spec: ServiceSpec, port: ServicePort, look: Look) -> frozenset[str]:
    """The nodes that answer at the node port with externalTrafficPolicy Local: those that have an endpoint."""
    taking = {(address, number) for address, number, drains in _drained(_served(key, spec, port, look)) if not drains}
    return frozenset(endpoint.node for place, endpoint in _served(key, spec, port, look) if place in taking)


def _served(
    key: PoolKey, spec: ServiceSpec, port: ServicePort, look: Look
) -> Iterator[tuple[tuple[str, int], Endpoint]]:
    """The endpoints of a Service's port, and where each takes connections."""
    facet = ("service", key.service)
    slices: list[SliceSpec] = [obj.spec for obj in look.having("EndpointSlice", key.namespace, facet)]
    if not slices:
        slices = [part for obj in look.having("Endpoints", key.namespace, facet) for part in obj.spec]
    if spec.family:
        slices = [one for one in slices if one.family == spec.family]
    for one in slices:
        if one.family != "FQDN":
            for served in one.ports:
                if served.name == port.name and served.protocol == port.protocol:
                    for endpoint in one.endpoints:
                        yield (endpoint.address, served.port or port.port), endpoint


def _drained(found: Iterable[tuple[tuple[str, int], Endpoint]]) -> Endpoints:
    """Who takes new connections: the ready, or where nobody is ready those that end and still serve; the rest drains.

    An address may be in two slices for a moment; then it counts as the better of the two.
    Source: Kubernetes, "Virtual IPs and Service Proxies", traffic to terminating endpoints (KEP-1669); kube-proxy
    does so.
    """
    terminating: dict[tuple[str, int], Endpoint] = {}
    ready: set[tuple[str, int]] = set()
    for place, endpoint in found:
        if not endpoint.terminating:
            ready.add(place)
        elif place not in terminating or endpoint.serving:
            terminating[place] = endpoint
    instead = not ready
    return frozenset((*place, False) for place in ready) | frozenset(
        (*place, not (instead and endpoint.serving)) for place, endpoint in terminating.items() if place not in ready
    )


def _nodes(settings: Settings, look: Look) -> Iterator[SourceObject]:
    for node in look.having("Node", "", EVERY_NODE):
        if selector.matches(settings.node_label_selector, node.labels):
            yield node


def _node_addresses(nodes: Iterable[SourceObject], settings: Settings) -> Iterator[str]:
    for node in nodes:
        spec: NodeSpec = node.spec
        if spec.ready:
            yield from spec.internal if settings.use_node_internal else spec.external


def _issue(problem: str, owner: Ref, fields: PoolFields, key: PoolKey, service: SourceObject) -> Issue:
    spec: ServiceSpec = service.spec
    where = (key.namespace, key.service)
    match problem:
        case "port":
            named = isinstance(key.port, str)
            ports = ((f"{p.name} ({p.port})" if p.name else p.port) if named else p.port for p in spec.ports)
            return issues_of.port_missing(owner, fields.port, *where, key.port, ports)
        case "type":
            return issues_of.no_node_port(owner, fields.service, *where, spec.type)
        case "number":
            return issues_of.no_node_port_yet(owner, fields.port, *where, key.port)
        case "external":
            return issues_of.external_name(owner, fields.service, *where)
        case "nodes":
            return issues_of.no_nodes(owner, fields.service)
        case _:
            return issues_of.no_endpoints(owner, fields.service, *where)
