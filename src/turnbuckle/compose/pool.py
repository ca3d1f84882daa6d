"""Which addresses are a pool's members: a pool follows its Service, whatever else is wrong with its owner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from turnbuckle.engine.protocol import Composition, Look
from turnbuckle.kinds.endpointslice import Endpoint, SliceSpec
from turnbuckle.kinds.node import EVERY_NODE, NodeSpec
from turnbuckle.kinds.service import ServicePort, ServiceSpec
from turnbuckle.kit import facts, selector
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import Claim, DesignatedPoolKey, PoolKey, PoolSettings
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import LtmObject, Member, Monitor, Pool
from turnbuckle.model.mark import Mark
from turnbuckle.model.ref import Ref, SourceObject
from turnbuckle.model.settings import Settings
from turnbuckle.model.state import Path

_SERVICE_FIELD = "data.data.virtualServer.backend.serviceName"
_PORT_FIELD = "data.data.virtualServer.backend.servicePort"

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
        owners = tuple(dict.fromkeys(claim.owner for claim in claims))
        if service is None:
            issues = tuple(
                issues_of.service_missing(owner, _SERVICE_FIELD, key.namespace, key.service) for owner in owners
            )
            return self._composition(key, claims, look, frozenset(), issues)
        found, problem = _endpoints(key, service, settings, look)
        issues = tuple(_issue(problem, owner, key, service) for owner in owners) if problem else ()
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
        others = [claim for claim in claims if claim.want != want]
        issues += tuple(
            issues_of.settings_differ(
                claim.owner,
                "data.data.virtualServer",
                key.name,
                str(claims[0].owner),
                issues_of.why_first(claims[0].age, claim.age),
            )
            for claim in others
        )
        if want.form == "designated":
            passed = (Claim(claim.owner, claim.age, DesignatedPoolKey(key.name), found) for claim in claims)
            return Composition(issues=issues, claims=tuple(passed))
        partition = "Common" if facts.settings(look).share_nodes else key.name.split("/")[1]
        members = frozenset(Member(address, port, partition, draining=draining) for address, port, draining in found)
        objects = _objects(key, want, mark, members) if want.form == "pool" else ()
        return Composition(objects=objects, issues=issues, made=members)


COMPOSER = PoolComposer()


def _objects(key: PoolKey, want: PoolSettings, mark: Mark, members: frozenset[Member]) -> tuple[LtmObject, ...]:
    probes = tuple(
        Monitor(m.name, mark, m.type, m.interval_s, m.timeout_s, m.send, m.recv)  # type: ignore[arg-type]
        for m in want.monitors
    )
    paths = tuple(sorted(Path(f"ltm/monitor/{m.type}", m.name) for m in want.monitors))
    return (*probes, Pool(key.name, mark, members, want.load_balancing, paths))


def _endpoints(
    key: PoolKey, service: SourceObject, settings: Settings, look: Look
) -> tuple[Endpoints, Literal["", "port", "type", "number", "external", "endpoints", "nodes"]]:
    """What takes the traffic, and what is wrong with it."""
    spec: ServiceSpec = service.spec
    if spec.type == "ExternalName":
        return frozenset(), "external"
    port = next((port for port in spec.ports if port.port == key.port), None)
    if port is None:
        return frozenset(), "port"
    if settings.pool_member_type == "cluster" or spec.is_apiserver:
        found = _service_endpoints(key, spec, port, settings, look)
        return found, "" if found else "endpoints"
    if spec.type not in ("NodePort", "LoadBalancer"):
        return frozenset(), "type"
    if not port.node_port:
        return frozenset(), "number"
    nodes = frozenset((address, port.node_port, False) for address in _node_addresses(settings, look))
    return nodes, "" if nodes else "nodes"


def _service_endpoints(key: PoolKey, spec: ServiceSpec, port: ServicePort, settings: Settings, look: Look) -> Endpoints:
    facet = ("service", key.service)
    slices: list[SliceSpec] = [obj.spec for obj in look.having("EndpointSlice", key.namespace, facet)]
    if not slices:
        slices = [part for obj in look.having("Endpoints", key.namespace, facet) for part in obj.spec]
    if spec.family:
        slices = [one for one in slices if one.family == spec.family]
    usable = _selected_nodes(settings, look) if settings.node_label_selector else None
    return _drained(
        ((endpoint.address, served.port or port.port), endpoint)
        for one in slices
        if one.family != "FQDN"
        for served in one.ports
        if served.name == port.name and served.protocol == port.protocol
        for endpoint in one.endpoints
        if usable is None or not endpoint.node or endpoint.node in usable
    )


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


def _nodes(settings: Settings, look: Look) -> Iterable[SourceObject]:
    for node in look.having("Node", "", EVERY_NODE):
        if selector.matches(settings.node_label_selector, node.labels):
            yield node


def _selected_nodes(settings: Settings, look: Look) -> frozenset[str]:
    return frozenset(node.ref.name for node in _nodes(settings, look))


def _node_addresses(settings: Settings, look: Look) -> Iterable[str]:
    for node in _nodes(settings, look):
        spec: NodeSpec = node.spec
        if spec.ready:
            yield from spec.internal if settings.use_node_internal else spec.external


def _issue(problem: str, owner: Ref, key: PoolKey, service: SourceObject) -> Issue:
    spec: ServiceSpec = service.spec
    where = (key.namespace, key.service)
    match problem:
        case "port":
            return issues_of.port_missing(owner, _PORT_FIELD, *where, key.port, (p.port for p in spec.ports))
        case "type":
            return issues_of.no_node_port(owner, _SERVICE_FIELD, *where, spec.type)
        case "number":
            return issues_of.no_node_port_yet(owner, _PORT_FIELD, *where, key.port)
        case "external":
            return issues_of.external_name(owner, _SERVICE_FIELD, *where)
        case "nodes":
            return issues_of.no_nodes(owner, _SERVICE_FIELD)
        case _:
            return issues_of.no_endpoints(owner, _SERVICE_FIELD, *where)
