"""Decides what the configuration means to the data plane: items of the tree become small specifications.

Nothing past this module looks into the device's own field names. What the data plane does not follow is put
into words here (`VirtualSpec.not_served`, `VirtualSpec.notes`), so that nobody is left to guess.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bigipsim.dataplane import http2_profile, tls_spec
from bigipsim.dataplane.addresses import Network, network_of
from bigipsim.dataplane.http_profile import HttpProfile, OneConnect, http_profile, notes, one_connect
from bigipsim.dataplane.irule.tcl import why_no_tcl
from bigipsim.dataplane.persist import Persistence
from bigipsim.dataplane.profiles import persistences, reference, seconds
from bigipsim.dataplane.tls_spec import ClientSsl, ServerSsl
from bigipsim.objects.model import Item
from bigipsim.objects.virtual_address import FLOATING, NOT_FLOATING
from bigipsim.tree import Tree

Values = Mapping[str, Any]
SnatKind = Literal["none", "automap", "snat"]

SERVED_PROTOCOLS: Final = frozenset({"tcp", "udp", "any"})
DISABLED: Final = "it is disabled"
NO_DTLS: Final = "TLS over UDP is not implemented"
FLAGS_NOT_SERVED: Final = {
    "ipForward": "it forwards packets by route, which needs a network of its own",
    "l2Forward": "it forwards frames, which needs a network of its own",
    "internal": "it is internal: only other virtual servers reach it",
    "dhcpRelay": "DHCP relay is not implemented",
    "stateless": "stateless load balancing is not implemented",
}


@dataclass(frozen=True, slots=True)
class Snat:
    """Where connections to members come from: the client ("none"), a self IP ("automap") or a SNAT pool."""

    kind: SnatKind = "none"
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """One pool member: its full path, its node's path and where it listens (address without route domain)."""

    path: str
    node: str
    address: str
    port: int
    route_domain: int
    ratio: int
    dynamic_ratio: int
    priority: int
    limit: int
    enabled: bool
    forced_offline: bool
    monitor: str


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node, as far as it bears on its members; limit 0 is no limit."""

    ratio: int = 1
    limit: int = 0
    enabled: bool = True
    forced_offline: bool = False
    monitor: str = "default"


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """One pool: how it balances, over whom, and what monitors it."""

    path: str
    mode: str
    min_active: int
    reselect_tries: int
    service_down_action: str
    monitor: str
    members: tuple[MemberSpec, ...]


@dataclass(frozen=True, slots=True)
class VirtualSpec:
    """One virtual server.

    not_served says why there is no listener ("" when there is to be one); notes say what is attached but not
    followed. policies and rules are full paths, in the order in which they are attached. A floating one is served by
    the active unit of a device group only. passes_name: members are asked, in TLS, for the name that the client asked
    for. source: whom it serves; None: everybody. An idle time of None means that idle connections stay.
    """

    path: str
    destination: str
    virtual_address: str
    address: str
    port: int
    protocol: str
    not_served: str
    floating: bool = False
    pool: str = ""
    http: bool = False
    http_profile: HttpProfile | None = None
    http2: http2_profile.Http2 | None = None
    one_connect: OneConnect | None = None
    policies: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    client_ssl: tuple[ClientSsl, ...] = ()
    server_ssl: tuple[ServerSsl, ...] = ()
    passes_name: bool = False
    limit: int = 0
    reject: bool = False
    source: Network | None = None
    snat: Snat = Snat()
    persistence: Persistence | None = None
    fallback: Persistence | None = None
    tcp_idle_s: float | None = 300.0
    udp_idle_s: float | None = 60.0
    uses: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def listening(self) -> tuple[str, int, str, bool, bool]:
        """What a listener depends on; a change of anything else leaves it open."""
        return self.address, self.port, self.protocol, self.http, bool(self.client_ssl)

    def takes(self, client: str) -> bool:
        """Whether it serves a client of this address."""
        return not self.reject and (self.source is None or ipaddress.ip_address(client) in self.source)

    @property
    def transports(self) -> tuple[str, ...]:
        """The sockets that it needs: "tcp", "udp" or both."""
        return ("tcp", "udp") if self.protocol == "any" else (self.protocol,)


def split_port(text: str) -> tuple[str, int]:
    """Parts "10.0.0.1:80", "2001:db8::1.80" or "web1:http" into host and port; port 0 for "any" and "*"."""
    separator = "." if text.count(":") > 1 else ":"
    host, _, port = text.rpartition(separator)
    return (host, port_number(port)) if host else (text, 0)


def port_number(text: str) -> int:
    """A port from digits or a service name; 0 for "any", "*" and what nobody knows."""
    if text.isdecimal():
        return int(text)
    if text in ("any", "*"):
        return 0
    try:
        return socket.getservbyname(text)
    except OSError:
        return 0


def split_domain(text: str) -> tuple[str, int]:
    """Parts "10.0.0.1%5" into address and route domain."""
    address, _, domain = text.partition("%")
    return address, int(domain) if domain.isdecimal() else 0


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def whole(value: Any, otherwise: int = 0) -> int:
    """A whole number from a number or a string; `otherwise` for anything else, such as "disabled"."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return otherwise


def pool_spec(tree: Tree, path: str) -> PoolSpec | None:
    """The pool of that full path, or None."""
    item = tree.get("ltm/pool", path)
    if item is None:
        return None
    values = item.values
    return PoolSpec(
        path=path,
        mode=str(values.get("loadBalancingMode", "round-robin")),
        min_active=whole(values.get("minActiveMembers")),
        reselect_tries=whole(values.get("reselectTries")),
        service_down_action=str(values.get("serviceDownAction", "none")),
        monitor=str(values.get("monitor") or "").strip(),
        members=tuple(_members(item)),
    )


def _members(pool: Item) -> Iterator[MemberSpec]:
    for path, member in pool.children.get("members", {}).items():
        values = member.values
        host, port = split_port(member.name)
        given = str(values.get("address") or host)
        address, domain = split_domain(given)
        if not is_address(address):
            continue
        yield MemberSpec(
            path=path,
            node=f"{path.rpartition('/')[0]}/{host}",
            address=address,
            port=port,
            route_domain=domain or split_domain(host)[1],
            ratio=whole(values.get("ratio"), 1),
            dynamic_ratio=whole(values.get("dynamicRatio"), 1),
            priority=whole(values.get("priorityGroup")),
            limit=whole(values.get("connectionLimit")),
            enabled=values.get("session") != "user-disabled",
            forced_offline=values.get("state") == "user-down",
            monitor=str(values.get("monitor") or "default").strip(),
        )


def node_spec(tree: Tree, path: str) -> NodeSpec:
    """The node of that full path; one that is missing counts as enabled, without limits."""
    item = tree.get("ltm/node", path)
    if item is None:
        return NodeSpec()
    values = item.values
    return NodeSpec(
        ratio=whole(values.get("ratio"), 1),
        limit=whole(values.get("connectionLimit")),
        enabled=values.get("session") != "user-disabled",
        forced_offline=values.get("state") == "user-down",
        monitor=str(values.get("monitor") or "default").strip(),
    )


def virtual_spec(tree: Tree, path: str) -> VirtualSpec | None:
    """The virtual server of that full path, or None."""
    item = tree.get("ltm/virtual", path)
    if item is None:
        return None
    values = item.values
    destination = str(values.get("destination", ""))
    address_path, port = split_port(destination)
    address, address_enabled = _virtual_address(tree, address_path)
    profiles = _profiles(tree, item)
    protocol = str(values.get("ipProtocol", "any"))
    http = profiles.get("http")
    persistence, fallback, ignored = persistences(tree, values, http is not None)
    why = _not_served(values, address, address_enabled, port, protocol, profiles)
    tls = tls_spec.attached(tree, item)
    http2 = http2_profile.attached(tree, item)
    reuse = profiles.get("one-connect")
    return VirtualSpec(
        path=path,
        destination=destination,
        virtual_address=address_path,
        address=address,
        port=port,
        protocol=protocol,
        not_served=why or tls.unusable,
        floating=traffic_group(tree, address_path) not in NOT_FLOATING,
        pool=str(values.get("pool") or ""),
        http=http is not None,
        http_profile=http_profile(http.values) if http else None,
        http2=http2.profile,
        one_connect=one_connect(reuse.values) if reuse else None,
        policies=tuple(item.children.get("policies", {})),
        rules=tuple(values.get("rules") or ()),
        client_ssl=http2_profile.offering(http2.profile, tls.clients),
        server_ssl=tls.members,
        passes_name=values.get("serversslUseSni") == "enabled",
        limit=whole(values.get("connectionLimit")),
        reject=bool(values.get("reject")),
        source=network_of(str(values.get("source", ""))),
        snat=_snat(tree, values),
        persistence=persistence,
        fallback=fallback,
        tcp_idle_s=_idle(profiles.get("tcp") or profiles.get("fastl4"), 300.0),
        udp_idle_s=_idle(profiles.get("udp") or profiles.get("fastl4"), 60.0),
        uses=frozenset((*_used(item), *tls.files)),
        notes=(
            *ignored,
            *notes(profiles),
            *http2.notes,
            *tls.notes,
            *_unevaluated(item),
        ),
    )


def _virtual_address(tree: Tree, path: str) -> tuple[str, bool]:
    """The IP address of a virtual address ("" when it has none) and whether it is enabled."""
    item = tree.get("ltm/virtual-address", path)
    text = str(item.values.get("address", "")) if item else ""
    text = text or path.rpartition("/")[2]
    address = {"any": "0.0.0.0", "any6": "::"}.get(text, split_domain(text)[0])
    enabled = item is None or item.values.get("enabled") != "no"
    return (address if is_address(address) else ""), enabled


def traffic_group(tree: Tree, virtual_address: str) -> str:
    """The traffic group of a virtual address: its own, or the one of the nearest folder that has one of its own."""
    item = tree.get("ltm/virtual-address", virtual_address)
    folder = virtual_address
    while item is None or item.values.get("inheritedTrafficGroup") == "true":
        folder = folder.rpartition("/")[0] or "/"
        item = tree.get("sys/folder", folder)
        if folder == "/":
            break
    return str(item.values.get("trafficGroup", FLOATING)) if item is not None else FLOATING


def _profiles(tree: Tree, virtual: Item) -> dict[str, Item]:
    """The attached profiles by kind; of two of one kind, the one for the client's side."""
    found: dict[str, Item] = {}
    attached = virtual.children.get("profiles", {})
    ordered = sorted(attached.items(), key=lambda pair: pair[1].values.get("context") == "clientside")
    for path, _ in ordered:
        profile = tree.find("ltm/profile", path)
        if profile is not None:
            found[profile.type.collection.rpartition("/")[2]] = profile
    return found


def _not_served(
    values: Values, address: str, address_enabled: bool, port: int, protocol: str, profiles: Mapping[str, Item]
) -> str:
    """The first reason why nothing listens for a virtual server; "" when something is to listen."""
    flags = (why for flag, why in FLAGS_NOT_SERVED.items() if values.get(flag) is True)
    reasons = (
        DISABLED if values.get("disabled") is True else "",
        "" if address_enabled else "its virtual address is disabled",
        "" if protocol in SERVED_PROTOCOLS else f"protocol {protocol} is not implemented",
        NO_DTLS if protocol == "udp" and profiles.keys() & {"client-ssl", "server-ssl"} else "",
        why_no_tcl() if values.get("rules") and protocol != "udp" else "",
        "" if address else "its destination has no IP address",
        "it is for every port, and one socket has one" if port == 0 else "",
        next(flags, ""),
    )
    return next(filter(None, reasons), "")


def _snat(tree: Tree, values: Values) -> Snat:
    translation = values.get("sourceAddressTranslation") or {}
    return snat_spec(tree, str(translation.get("type", "none")), str(translation.get("pool", "")))


def snat_spec(tree: Tree, kind: str, pool: str = "") -> Snat:
    """A source address translation of the kind "automap", "snat" (with the full path of a SNAT pool) or "none"."""
    if kind == "automap":
        selves = (str(item.values.get("address", "")).partition("/")[0] for item in tree.items("net/self"))
        return Snat("automap", tuple(filter(is_address, (split_domain(one)[0] for one in selves))))
    if kind == "snat":
        return Snat("snat", tuple(_translations(tree, pool)))
    return Snat()


def _translations(tree: Tree, snatpool: str) -> Iterator[str]:
    item = tree.get("ltm/snatpool", snatpool)
    for path in item.values.get("members", ()) if item else ():
        translation = tree.get("ltm/snat-translation", path)
        text = str(translation.values.get("address", "")) if translation else ""
        address = split_domain(text or path.rpartition("/")[2])[0]
        if is_address(address):
            yield address


def _idle(profile: Item | None, otherwise: float) -> float | None:
    if profile is None:
        return otherwise
    value = profile.values.get("idleTimeout")
    return 0.0 if value == "immediate" else seconds(value, otherwise)


def _used(virtual: Item) -> Iterator[str]:
    """Full paths of profiles and the like whose change may alter the meaning of the virtual server."""
    yield from virtual.children.get("profiles", {})
    yield from (reference(entry) for entry in virtual.values.get("persist") or ())
    yield from virtual.children.get("policies", {})
    yield from virtual.values.get("rules") or ()
    yield str(virtual.values.get("fallbackPersistence") or "")
    yield str((virtual.values.get("sourceAddressTranslation") or {}).get("pool") or "")


def _unevaluated(virtual: Item) -> Iterator[str]:
    if virtual.values.get("ipProtocol") != "udp":
        return
    for rule in virtual.values.get("rules") or ():
        yield f"iRule {rule} is not evaluated: those of UDP virtual servers are not implemented"
    for policy in virtual.children.get("policies", {}):
        yield f"policy {policy} is not evaluated: those of UDP virtual servers are not implemented"
