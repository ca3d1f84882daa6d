"""Networks: VLANs, self IPs, routes, static ARP entries, tunnels and where the far ends of tunnels are."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING

from bigipsim.objects import shapes
from bigipsim.objects.addresses import address
from bigipsim.objects.model import ABSENT, JSON, Field, Identity, Item, ObjectType, Ref, Site, fields
from bigipsim.objects.node import address_key
from bigipsim.objects.writing import Children, plain_name
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

VLANS = "net/vlan"
"""The family of what a self IP or a virtual server can be bound to: VLANs and tunnels."""

_MAC = re.compile(r"(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}")


def _mac(name: str, value: JSON, site: Site) -> JSON:
    text = str(value).lower()
    if not _MAC.fullmatch(text):
        raise errors.refusal(400, f'invalid MAC address: "{value}"', errors.GRAMMAR)
    return text


def _ip(name: str, value: JSON, site: Site) -> JSON:
    return value if value in ("any", "any6") else address(str(value)).text


def _arp_marks(site: Site, values: Mapping[str, JSON]) -> Iterable[Hashable]:
    key = address_key(site.tree, site.partition, values.get("ipAddress"))
    return [(site.type.collection, *key)] if key is not None else []


def _settle_arp(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if "ipAddress" not in values or "macAddress" not in values:
        raise errors.identifier_needed()
    key = address_key(site.tree, site.partition, values["ipAddress"])
    if key is not None and any(path != site.full_path for _, path in site.tree.marked((site.type.collection, *key))):
        raise errors.already_exists("static ARP", values["ipAddress"], site.partition)


def _neighbour(collection: str) -> ObjectType:
    return ObjectType(
        collection=collection,
        word="static ARP",
        shows_generation=False,
        fields=fields(
            Field("ipAddress", _ip, access="create"), Field("macAddress", _mac), shapes.DESCRIPTION, shapes.APP_SERVICE
        ),
        settle=_settle_arp,
        marks=_arp_marks,
    )


def _mac_identity(tree: Tree, body: Mapping[str, JSON], parent: Item | None = None) -> Identity:
    name = plain_name(body).lower()
    if not _MAC.fullmatch(name):
        raise errors.refusal(400, f'invalid MAC address: "{name}"', errors.GRAMMAR)
    return Identity("", "", name, name)


FDB_RECORD = ObjectType(
    collection="net/fdb/tunnel/records",
    word="FDB record",
    identify=_mac_identity,
    fresh=True,
    fields=fields(Field("endpoint", _ip), Field("endpoints", shapes.opaque), shapes.DESCRIPTION),
)

FDB_TUNNEL = ObjectType(
    collection="net/fdb/tunnel",
    word="FDB tunnel",
    fields=fields(shapes.APP_SERVICE),
    children={"records": FDB_RECORD},
    creatable=False,
)


def _network(name: str, value: JSON, site: Site) -> JSON:
    return value if str(value).startswith("default") else shapes.network(name, value, site)


WAYS = ("gw", "pool", "tmInterface", "blackhole")


def _settle_route(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if "network" not in values:
        raise errors.identifier_needed()
    chosen = [way for way in WAYS if way in given and way in values]
    if len(chosen) > 1:
        raise errors.exclusive(chosen[0], chosen[1])
    if chosen:
        for way in WAYS:
            if way != chosen[0]:
                values.pop(way, None)
    elif not any(way in values for way in WAYS):
        raise errors.identifier_needed()
    for _, path in site.tree.marked(_route_mark(site, values)):
        if path != site.full_path:
            raise errors.already_exists("route entry", values["network"], site.partition)


def _route_mark(site: Site, values: Mapping[str, JSON]) -> tuple[str, int, str]:
    network = str(values.get("network"))
    base, _, bits = network.partition("/")
    host, _, domain = base.partition("%")
    number = int(domain) if domain.isdecimal() else site.tree.route_domain(site.partition)
    return ("net/route", number, f"{host}/{bits}")


def _route_marks(site: Site, values: Mapping[str, JSON]) -> Iterable[Hashable]:
    return [_route_mark(site, values)]


ROUTE = ObjectType(
    collection="net/route",
    word="route entry",
    user_word="route",
    fields=fields(
        Field("blackhole", shapes.flag),
        shapes.DESCRIPTION,
        Field("gw", _ip),
        Field("mtu", shapes.integer(0, 65535), 0),
        Field("network", _network, access="create"),
        shapes.pointer("pool", "ltm/pool", "Pool"),
        shapes.pointer("tmInterface", VLANS, "VLAN"),
        shapes.APP_SERVICE,
    ),
    settle=_settle_route,
    marks=_route_marks,
)


def _self_address(name: str, value: JSON, site: Site) -> JSON:
    host, slash, bits = str(value).partition("/")
    if not slash or not bits.isdecimal():
        raise errors.invalid_address(str(value))
    return f"{address(host).text}/{bits}"


def _allow_service(name: str, value: JSON, site: Site) -> JSON:
    if value in (*shapes.NOTHING, ["none"]):
        return ABSENT
    if value in ("all", ["all"]):
        return "all"
    return shapes.texts(name, value, site)


def _settle_self(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if "address" not in values or "vlan" not in values:
        raise errors.identifier_needed()
    floating = values["trafficGroup"] != "/Common/traffic-group-local-only"
    values["floating"], values["unit"] = ("enabled", 1) if floating else ("disabled", 0)


SELF = ObjectType(
    collection="net/self",
    word="self IP",
    fields=fields(
        Field("address", _self_address),
        Field("addressSource", shapes.any_text, "from-user", access="server"),
        Field("allowService", _allow_service),
        shapes.DESCRIPTION,
        Field("floating", shapes.enabled, "disabled", access="server"),
        Field("fwEnforcedPolicy", shapes.text),
        Field("inheritedTrafficGroup", shapes.true_false, "false"),
        shapes.pointer("trafficGroup", "cm/traffic-group", "traffic group", "/Common/traffic-group-local-only"),
        Field("unit", shapes.integer(), 0, access="server"),
        shapes.pointer("vlan", VLANS, "VLAN"),
        shapes.APP_SERVICE,
    ),
    settle=_settle_self,
)

_INTERFACE = ObjectType(
    collection="net/vlan/interfaces",
    word="interface",
    open=True,
    fields=fields(
        Field("tagMode", shapes.any_text, "none"), Field("tagged", shapes.flag), Field("untagged", shapes.flag)
    ),
)


def _settle_vlan(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if "tag" not in values:
        taken = {item.values.get("tag") for item in site.tree.items("net/vlan")}
        values["tag"] = next(tag for tag in range(4094, 0, -1) if tag not in taken)
    values.setdefault("ifIndex", 144)


def _in_route_domain(tree: Tree, before: Item | None, after: Item | None) -> None:
    """Puts a new VLAN or tunnel into the list of its route domain, and takes one that is gone out of it."""
    item = after or before
    if item is None or (before is not None and after is not None):
        return
    number = tree.route_domain(item.partition)
    for domain in tree.items("net/route-domain"):
        listed = list(domain.values.get("vlans") or ())
        changed = [path for path in listed if path != item.full_path]
        if after is not None and domain.values.get("id") == number:
            changed.append(item.full_path)
        if changed != listed:
            tree.change(domain, tree.with_values(domain, {**domain.values, "vlans": changed}))


SFLOW = {"pollInterval": 0, "pollIntervalGlobal": "yes", "samplingRate": 0, "samplingRateGlobal": "yes"}

VLAN = ObjectType(
    collection="net/vlan",
    word="VLAN",
    fields=fields(
        Field("autoLasthop", shapes.any_text, "default"),
        Field("cmpHash", shapes.any_text, "default"),
        Field("customerTag", shapes.text),
        Field("dagRoundRobin", shapes.enabled, "disabled"),
        Field("dagTunnel", shapes.any_text, "outer"),
        shapes.DESCRIPTION,
        Field("failsafe", shapes.enabled, "disabled"),
        Field("failsafeAction", shapes.any_text, "failover-restart-tm"),
        Field("failsafeTimeout", shapes.integer(), 90),
        Field("fwdMode", shapes.any_text, "l3"),
        Field("hardwareSyncookie", shapes.enabled, "disabled"),
        Field("ifIndex", shapes.integer(), access="server"),
        Field("learning", shapes.any_text, "enable-forward"),
        Field("mtu", shapes.integer(576, 9198), 1500),
        Field("sflow", shapes.mapping, SFLOW),
        Field("sourceChecking", shapes.enabled, "disabled"),
        Field("synFloodRateLimit", shapes.integer(), 1000),
        Field("syncacheThreshold", shapes.integer(), 6000),
        Field("tag", shapes.integer(1, 4094)),
        shapes.APP_SERVICE,
    ),
    children={"interfaces": _INTERFACE},
    settle=_settle_vlan,
    effects=_in_route_domain,
)


def _tunnel_effects(tree: Tree, before: Item | None, after: Item | None) -> None:
    _in_route_domain(tree, before, after)
    path = (after or before or _no_item()).full_path
    twin = tree.get("net/fdb/tunnel", path)
    if after is None and twin is not None:
        tree.put("net/fdb/tunnel", path, twin, None)
    elif after is not None and twin is None:
        kind = tree.types["net/fdb/tunnel"]
        item = Item(kind, after.partition, after.subpath, after.name, path, tree.next_generation(), {}, {"records": {}})
        tree.put("net/fdb/tunnel", path, None, item)


def _no_item() -> Item:
    raise AssertionError("an effect has an object before or after it")


def _settle_tunnel(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if "profile" not in values:
        raise errors.identifier_needed()
    values.setdefault("ifIndex", 700 + site.tree.next_index())


TUNNEL = ObjectType(
    collection="net/tunnels/tunnel",
    family=VLANS,
    word="tunnel",
    fields=fields(
        Field("autoLasthop", shapes.any_text, "default"),
        shapes.DESCRIPTION,
        Field("idleTimeout", shapes.integer(), 300),
        Field("ifIndex", shapes.integer(), access="server"),
        Field("key", shapes.integer(), 0),
        Field("localAddress", _ip, "any"),
        Field("mode", shapes.any_text, "bidirectional"),
        Field("mtu", shapes.integer(0, 65535), 0),
        shapes.pointer("profile", "net/tunnels", "tunnel profile"),
        Field("remoteAddress", _ip, "any"),
        Field("secondaryAddress", _ip, "any"),
        Field("tos", shapes.any_text, "preserve"),
        shapes.pointer("trafficGroup", "cm/traffic-group", "traffic group"),
        Field("transparent", shapes.enabled, "disabled"),
        Field("usePmtu", shapes.enabled, "enabled"),
        shapes.APP_SERVICE,
    ),
    settle=_settle_tunnel,
    effects=_tunnel_effects,
)


def _tunnel_profile(kind: str) -> ObjectType:
    return ObjectType(
        collection=f"net/tunnels/{kind}",
        family="net/tunnels",
        word="tunnel profile",
        user_word="tunnel profile",
        inherits=True,
        fields=fields(shapes.pointer("defaultsFrom", "net/tunnels", "tunnel profile"), shapes.DESCRIPTION),
    )


def _domain_refs(value: JSON) -> Iterable[Ref]:
    return ()


def _id_marks(site: Site, values: Mapping[str, JSON]) -> Iterable[Hashable]:
    return [("net/route-domain", values.get("id"))]


def _settle_domain(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if "id" not in values:
        raise errors.identifier_needed()
    if any(path != site.full_path for _, path in site.tree.marked(("net/route-domain", values["id"]))):
        raise errors.already_exists("route domain", str(values["id"]), site.partition)


ROUTE_DOMAIN = ObjectType(
    collection="net/route-domain",
    word="route domain",
    settle=_settle_domain,
    marks=_id_marks,
    fields=fields(
        Field("bwcPolicy", shapes.text),
        Field("connectionLimit", shapes.integer(), 0),
        shapes.DESCRIPTION,
        Field("flowEvictionPolicy", shapes.text),
        Field("fwEnforcedPolicy", shapes.text),
        Field("id", shapes.integer(0, 65534), access="create-or-same"),
        shapes.pointer("parent", "net/route-domain", "route domain"),
        Field("routingProtocol", shapes.texts),
        Field("strict", shapes.enabled, "enabled"),
        Field("throughputCapacity", shapes.any_text, "infinite"),
        Field("vlans", shapes.points_at_many(VLANS, "VLAN"), refs=_domain_refs, family=VLANS),
        shapes.APP_SERVICE,
    ),
)

TYPES = (
    _neighbour("net/arp"),
    _neighbour("net/ndp"),
    FDB_TUNNEL,
    ROUTE,
    SELF,
    VLAN,
    TUNNEL,
    _tunnel_profile("vxlan"),
    _tunnel_profile("geneve"),
    _tunnel_profile("gre"),
    _tunnel_profile("ipip"),
    ROUTE_DOMAIN,
)
