"""A Service of type LoadBalancer: what it wants, as its annotations and its spec say.

One virtual server stands at each address and port, and one pool behind each port. The annotations and the names on the
BIG-IP are those of k8s-bigip-ctlr; contract/names.yaml has the latter as data.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from turnbuckle.engine.protocol import Look, Translation
from turnbuckle.kinds import service_health
from turnbuckle.kinds.lease import Asked, Family, LeaseSpec
from turnbuckle.kinds.service_health import Existing
from turnbuckle.kinds.service_spec import BalancerSpec, ServicePort, ServiceSpec
from turnbuckle.kit import annotations as annotated
from turnbuckle.kit import facts
from turnbuckle.kit.addresses import bigip_address
from turnbuckle.kit.annotations import FREEZE, Option, field_of, frozen, options
from turnbuckle.kit.as3_names import formatted
from turnbuckle.kit.monitors import ONE_IS_ENOUGH
from turnbuckle.kit.shape import Reader, as_json
from turnbuckle.kit.shared_names import in_folder
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import (
    AddressKey,
    Claim,
    HostRule,
    HostRules,
    ListenerSettings,
    MonitorSettings,
    PoolFields,
    PoolKey,
    PoolSettings,
)
from turnbuckle.model.policy import Action, Condition
from turnbuckle.model.ref import SourceObject
from turnbuckle.model.settings import Settings

PREFIX = "cis.f5.com/"
ADDRESS, POOL_LABEL, PARTITION = f"{PREFIX}ip", f"{PREFIX}ipamLabel", f"{PREFIX}partition"
HEALTH, POLICY = f"{PREFIX}health", f"{PREFIX}policyName"

_PROFILES = {"TCP": "/Common/tcp", "UDP": "/Common/udp", "SCTP": "/Common/sctp"}
"""By protocol, the profile of its virtual servers. Of several protocols on one number the first has the plain name."""
_STICKY = "/Common/source_addr"
_RANGES = "spec.loadBalancerSourceRanges"

_Sources = Mapping[bool, tuple[str, ...]]
"""Prefixes by family (True: IPv6); none for everybody. A family that is not there serves nobody."""


def _place(port: ServicePort) -> tuple[int, int]:
    """Its place among a Service's ports: by number, and of one number in the order of the protocols."""
    known = [*_PROFILES]
    return port.port, known.index(port.protocol) if port.protocol in known else len(known)


def _both_families(reader: Reader, path: str, given: str) -> Any:
    """One address, or one of each family with a comma between; a tuple of their texts."""
    items = [item.strip() for item in given.split(",")]
    if any(bigip_address(item) is None for item in items):
        return reader.flaw(issues_of.bad_address(reader.about, path, given))
    found = [annotated.address(reader, path, item) for item in items]
    if len({":" in address for address in found}) < len(found):
        wanted = "one address, or one IPv4 and one IPv6 address with a comma between"
        return reader.flaw(issues_of.wrong_type(reader.about, path, as_json(given), wanted))
    return tuple(found)


OPTIONS = options(
    Option(ADDRESS, "The address to listen on, or one of each family with a comma between.", _both_families, ()),
    Option(POOL_LABEL, "The pool of addresses (--ip-range) to take one from, where none is given.", default=""),
    Option(PARTITION, "The partition, where it is not the first of --bigip-partition.", annotated.partition_name, ""),
    Option(HEALTH, "Health monitors of the pools, in JSON.", service_health.read, ()),
    Option(POLICY, "A Policy with further settings.", default=""),
    Option(f"{PREFIX}host", "The name that a wide IP would have.", default=""),
    FREEZE,
)


def translated(obj: SourceObject, look: Look) -> Translation:
    """Claims for pools and addresses of a Service of type LoadBalancer that is for us; nothing for any other."""
    spec: ServiceSpec = obj.spec
    settings = facts.settings(look) if spec.balancer is not None else None
    if settings is None or spec.balancer is None or not _is_ours(obj, spec.balancer, settings):
        return Translation()
    if settings.members_only:
        return Translation(issues=(issues_of.balancer_members_only(obj.ref),), frozen=frozen(obj))
    return _Pass(obj, spec.balancer, settings, look).translation()


def _is_ours(obj: SourceObject, balancer: BalancerSpec, settings: Settings) -> bool:
    """Whose class is another's is not; who names none has to be asked for by an annotation."""
    if balancer.load_balancer_class:
        return balancer.load_balancer_class == settings.load_balancer_class
    return not settings.load_balancer_class_only and any(name.startswith(PREFIX) for name in obj.annotations)


class _Pass:
    """One translation of one Service."""

    def __init__(self, obj: SourceObject, balancer: BalancerSpec, settings: Settings, look: Look) -> None:
        self.obj, self.ref, self.look = obj, obj.ref, look
        self.spec: ServiceSpec = obj.spec
        self.balancer, self.settings = balancer, settings
        self.reader = Reader(obj.ref, 0)
        self.values = annotated.values(obj, OPTIONS, self.reader)
        self.waits = False

    def translation(self) -> Translation:
        self._doubts()
        addresses, sources = self._addresses(), self._sources()
        partition = self._partition()
        claims = list(self._claims(addresses, sources, partition)) if partition else []
        return Translation(tuple(claims), self.reader.told(), frozen(self.obj), self.waits)

    def _doubts(self) -> None:
        """What is there and has no effect."""
        known = tuple(OPTIONS)
        for name in sorted(self.obj.annotations):
            if name.startswith((PREFIX, "turnbuckle/")) and name not in known:
                self.reader.issues.append(issues_of.unknown_annotation(self.ref, name, known))
        if policy := self.values[POLICY]:
            self.reader.issues.append(issues_of.policy_unread(self.ref, field_of(POLICY), self.ref.namespace, policy))

    def _partition(self) -> str:
        """The partition to publish in; empty when there is none."""
        where, ours = field_of(PARTITION), self.settings.partitions
        partition: str = self.values[PARTITION]
        if partition == "Common":
            self.reader.flaw(issues_of.partition_common(self.ref, where))
        elif partition and ours and partition not in ours:
            self.reader.flaw(issues_of.partition_not_ours(self.ref, where, partition, ours))
        elif not partition and not ours:
            self.reader.flaw(issues_of.no_partition(self.ref, where))
        else:
            return partition or ours[0]
        return ""

    # ---- addresses

    def _addresses(self) -> tuple[str, ...]:
        given: tuple[str, ...] = self.values[ADDRESS]
        if given or ADDRESS in self.obj.annotations:
            return given
        pool: str = self.values[POOL_LABEL]
        if not pool:
            self.reader.issues.append(issues_of.no_balancer_address(self.ref, field_of(ADDRESS)))
            return ()
        key = f"{self.ref.namespace}/{self.ref.name}_svc"
        leases = {family: self._lease(pool, key, family) for family in self.balancer.families}
        self.waits = None in leases.values()
        if self.waits:
            self.reader.issues.append(issues_of.address_asked_for(self.ref, field_of(POOL_LABEL), pool))
            return ()
        granted = {family: lease for family, lease in leases.items() if lease is not None}
        return self._granted(pool, granted)

    def _lease(self, pool: str, key: str, family: Family) -> LeaseSpec | None:
        found = self.look.get(Asked(pool, key, family).ref)
        return found.spec if found is not None else None

    def _granted(self, pool: str, leases: Mapping[Family, LeaseSpec]) -> tuple[str, ...]:
        where = field_of(POOL_LABEL)
        addresses = tuple(lease.address for lease in leases.values() if lease.address)
        for family, lease in leases.items():
            match lease.refusal:
                case "no such pool":
                    self.reader.flaw(issues_of.no_such_pool(self.ref, where, pool, lease.instead))
                    break
                case "no such family":
                    self.reader.flaw(issues_of.no_such_family(self.ref, where, pool, family, bool(addresses)))
                case "exhausted":
                    size = lease.instead[0] if lease.instead else ""
                    self.reader.flaw(issues_of.pool_exhausted(self.ref, where, pool, family, size, bool(addresses)))
            if lease.outside:
                self.reader.issues.append(issues_of.address_outside(self.ref, where, pool, lease.address))
        return addresses

    def _sources(self) -> _Sources | None:
        """Whom each family's virtual servers serve; None: there are no limits."""
        by_family: dict[bool, list[Any]] = {}
        for text in self.balancer.source_ranges:
            try:
                network = ipaddress.ip_network(text, strict=False)
                by_family.setdefault(network.version == 6, []).append(network)
            except ValueError:
                self.reader.flaw(issues_of.bad_network(self.ref, _RANGES, text, items=True))
        found = {}
        for is_ipv6, networks in by_family.items():
            ranges = tuple(str(one) for one in ipaddress.collapse_addresses(networks))
            found[is_ipv6] = () if ranges[0].endswith("/0") else ranges
        return found if self.balancer.source_ranges else None

    # ---- claims

    def _claims(self, addresses: tuple[str, ...], sources: _Sources | None, partition: str) -> Iterator[Claim]:
        age = self.obj.age_key()
        served = [one for one in addresses if sources is None or (":" in one) in sources]
        for address in sorted(set(addresses) - set(served)) if sources else ():
            self.reader.issues.append(issues_of.nobody_served(self.ref, _RANGES, address))
        names = self._pool_names()
        existing = self._existing_monitors()
        for number, port in enumerate(self.spec.ports):
            if port.protocol not in _PROFILES:
                self._not_supported(number, port)
                continue
            path = in_folder(partition, names[port])
            key = PoolKey(path, self.ref.namespace, self.ref.name, port.port, port.protocol)
            fields = PoolFields("metadata.name", f"spec.ports[{number}]", field_of(HEALTH))
            want_pool = PoolSettings(
                monitors=self._monitors(port, partition, served),
                existing_monitors=existing,
                monitors_needed=ONE_IS_ENOUGH,
                fields=fields,
            )
            yield Claim(self.ref, age, key, want_pool)
            for address in served:
                ranges = (sources or {}).get(":" in address, ())
                want = self._limited(self._listener(address, port, partition, path), ranges, number)
                yield Claim(self.ref, age, AddressKey(address), want)

    def _not_supported(self, number: int, port: ServicePort) -> None:
        what, where = f"A port of protocol {port.protocol}", f"spec.ports[{number}].protocol"
        hint = "The Service's other ports are published; take this one out, or give it a Service of its own."
        self.reader.issues.append(issues_of.not_supported(self.ref, where, what, hint))

    def _pool_names(self) -> dict[ServicePort, str]:
        """A pool for each port. Of several that lead to one port of the pods the first has the original's name."""
        names: dict[ServicePort, str] = {}
        for port in sorted(self.spec.ports, key=_place):
            name = formatted(f"{self.ref.name}_{port.target}_{self.ref.namespace}")
            names[port] = f"{name}_{port.port}_{port.protocol.lower()}" if name in names.values() else name
        return names

    def _monitors(self, port: ServicePort, partition: str, addresses: list[str]) -> tuple[MonitorSettings, ...]:
        wanted: dict[str, MonitorSettings] = {}
        for probe in self.values[HEALTH] if addresses else ():
            if isinstance(probe, Existing):
                continue
            kind = probe.type_for(port.protocol)
            name = formatted(f"{self.ref.namespace}_{addresses[0]}_{kind}_{port.target}")
            path = in_folder(partition, f"{name}_{len(wanted)}" if in_folder(partition, name) in wanted else name)
            send = probe.send_for(port.protocol)
            wanted[path] = MonitorSettings(path, kind, probe.interval_s, probe.timeout_s, send, probe.recv)
        return tuple(wanted.values())

    def _existing_monitors(self) -> tuple[str, ...]:
        """Those that the BIG-IP has already; in partitions of ours they could not be told from ours."""
        found, ours = [], self.settings.partitions
        for one in self.values[HEALTH]:
            if not isinstance(one, Existing):
                continue
            partition = one.path.split("/")[1]
            if partition != "Common" and (not ours or partition in ours):
                what = f"A monitor of somebody else in a partition that Turnbuckle writes to ({one.path})"
                hint = "Name one in /Common, or write the monitor itself: type, interval, timeout, send and recv."
                self.reader.issues.append(issues_of.not_supported(self.ref, one.field, what, hint))
            else:
                found.append(one.path)
        return tuple(found)

    def _listener(self, address: str, port: ServicePort, partition: str, pool: str) -> ListenerSettings:
        name = formatted(f"vs_lb_svc_{self.ref.namespace}_{self.ref.name}_{address}_{port.port}")
        if any(one.port == port.port and _place(one) < _place(port) for one in self.spec.ports):
            name += f"_{port.protocol.lower()}"
        return ListenerSettings(
            name=in_folder(partition, name),
            partition=partition,
            port=port.port,
            protocol=port.protocol.lower(),
            pool=pool,
            profiles=frozenset({(_PROFILES[port.protocol], "all")}),
            snat=self.settings.snat_pool or "automap",
            persistence=_STICKY if self.balancer.sticky else "",
            field=field_of(ADDRESS if self.values[ADDRESS] else POOL_LABEL),
        )

    def _limited(self, listener: ListenerSettings, ranges: tuple[str, ...], number: int) -> ListenerSettings:
        """The same for clients in these ranges only; number: the port's in the Service.

        A virtual server takes one prefix. With several its pool is to be had by a policy's rule only, so that where
        the rule could not be written nobody is served, rather than everybody.
        """
        if len(ranges) < 2:
            return replace(listener, source="".join(ranges))
        if listener.protocol != "tcp":
            where, protocol = f"spec.ports[{number}]", listener.protocol.upper()
            self.reader.flaw(issues_of.several_source_ranges(self.ref, _RANGES, ranges, where, protocol))
        policy = f"{listener.name}_sources"
        inside = (Condition("peer-address", "matches", tuple(sorted(ranges))),)
        rule = HostRule("sources", "", 0, inside, (Action("forward-peer", listener.pool),), _RANGES)
        return replace(listener, pool="", policy=policy, needs="tcp", rest=HostRules(policy, (rule,), _RANGES))
