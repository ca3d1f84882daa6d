"""Virtual servers: listeners with their profiles and policies."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING

from bigipsim.exchange import Refused
from bigipsim.objects import destination as destinations
from bigipsim.objects import shapes, ssl_profile
from bigipsim.objects.addresses import address, find_address
from bigipsim.objects.attached import POLICY_BINDING, PROFILE_BINDING, settle_profiles
from bigipsim.objects.model import ABSENT, JSON, Field, Item, ObjectType, Ref, Site, View, fields
from bigipsim.objects.node import address_key
from bigipsim.objects.stamps import utc_text
from bigipsim.objects.virtual_address import mask
from bigipsim.objects.writing import Children
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

PROTOCOLS = frozenset({"tcp", "udp", "any", "sctp", "icmp", "icmpv6", "udplite", "ah", "esp", "ipip", "gre", "ipencap"})
FORWARDING = ("internal", "ipForward", "l2Forward", "reject", "stateless", "dhcpRelay")


def _protocol(name: str, value: JSON, site: Site) -> JSON:
    text = str(value)
    if text not in PROTOCOLS and not text.isdecimal():
        raise errors.invalid_value(name, value)
    return text


def _source(name: str, value: JSON, site: Site) -> JSON:
    if value in shapes.NOTHING:
        return ABSENT
    if not isinstance(value, str):
        raise errors.invalid_value(name, value)
    if "/" not in value:
        found = address(value)
        return f"{found.text}/{found.ip.max_prefixlen}"
    return shapes.network(name, value, site)


def _translation(name: str, value: JSON, site: Site) -> JSON:
    """{"type": "snat", "pool": "/P/sp"}; of the types only snat and lsn have a pool."""
    if isinstance(value, str):
        value = {"type": value}
    if not isinstance(value, dict):
        raise errors.invalid_value(name, value)
    strange = value.keys() - {"type", "pool", "poolReference"}
    if strange:
        raise errors.unknown_property(min(strange))
    before = site.before.values.get(name, {}) if site.before else {}
    kind = value.get("type", before.get("type", "none"))
    shapes.one_of("none", "automap", "snat", "lsn")("type", kind, site)
    pool = value.get("pool", before.get("pool") if "type" not in value else None)
    if pool in shapes.NOTHING:
        return {"type": kind}
    if kind not in ("snat", "lsn"):
        raise errors.exclusive("pool", kind)
    return {"type": kind, "pool": site.resolve("ltm/snatpool", "SNAT Pool", pool)}


def _translation_refs(value: JSON) -> Iterable[Ref]:
    return shapes.path_refs("ltm/snatpool", value.get("pool")) if isinstance(value, dict) else []


def _persist(name: str, value: JSON, site: Site) -> JSON:
    """At most one persistence profile, stored as {"name", "partition", "tmDefault"}."""
    if value in shapes.NOTHING:
        return ABSENT
    listed = value if isinstance(value, list) else [value]
    if len(listed) > 1:
        raise errors.configuration("A virtual server can have only one default persistence profile.")
    entry = listed[0] if isinstance(listed[0], dict) else {"name": listed[0]}
    written = entry.get("name")
    if not isinstance(written, str):
        raise errors.identifier_needed()
    if not written.startswith("/") and entry.get("partition"):
        written = f"/{entry['partition']}/{written}"
    path = site.resolve("ltm/persistence", "persistence profile", written)
    partition, _, inner = path[1:].partition("/")
    subpath, _, last = inner.rpartition("/")
    place = {"partition": partition, **({"subPath": subpath} if subpath else {})}
    return [{"name": last, **place, "tmDefault": str(entry.get("tmDefault", "yes"))}]


def _persist_refs(value: JSON) -> Iterable[Ref]:
    return [Ref("ltm/persistence", persist_path(one)) for one in value or () if isinstance(one, dict) and "name" in one]


def persist_path(entry: Mapping[str, JSON]) -> str:
    """Full path of the profile that an entry of `persist` names."""
    parts = (entry.get("partition", "Common"), entry.get("subPath", ""), entry["name"])
    return "/" + "/".join(str(part) for part in parts if part)


def _settle(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if "destination" not in values:
        values["destination"] = destinations.destination("destination", "0.0.0.0:0", site)
    where = destinations.parse(values["destination"], site.partition)
    if "mask" not in values or ("destination" in given and "mask" not in given):
        values["mask"] = destinations.mask_of(site.tree, where)
    _settle_source(site, values, where)
    settle_profiles(site, values, children, given)
    stamp = utc_text(site.tree.clock)
    if site.before is None:
        values["vsIndex"] = site.tree.next_index()
        if site.tree.major >= 14:
            values["creationTime"] = values["lastModifiedTime"] = stamp
    elif "lastModifiedTime" in values:
        before = site.before
        changed = values != before.values or any(children[kind] != before.children.get(kind) for kind in children)
        values["lastModifiedTime"] = stamp if changed else before.values.get("lastModifiedTime", stamp)


def _settle_source(site: Site, values: dict[str, JSON], where: destinations.Destination) -> None:
    found = destinations.virtual_address(site.tree, where)
    text = where.host_port.host if found is None else str(found.values["address"])
    listening = find_address(text)
    if listening is None:
        return
    any_source = "::" if listening.ip.version == 6 else "0.0.0.0"
    suffix = f"%{listening.rd}" if listening.rd else ""
    source = str(values.get("source", ""))
    if source.partition("/")[0].partition("%")[0] in ("", "0.0.0.0", "::") and source.partition("/")[2] in ("", "0"):
        # The source that means "everyone" follows the family and the route domain of the destination.
        values["source"] = f"{any_source}{suffix}/0"
    elif (":" in source) != (listening.ip.version == 6):
        raise errors.configuration(
            f"Virtual server {site.full_path} has a source and a destination of different address families."
        )


def _effects(tree: Tree, before: Item | None, after: Item | None) -> None:
    if after is not None:
        where = destinations.parse(after.values["destination"], after.partition)
        destinations.ensure_virtual_address(tree, where, after.values["mask"], after.full_path)
    if before is not None and (after is None or before.values.get("destination") != after.values["destination"]):
        _drop_virtual_address(tree, before)


def _drop_virtual_address(tree: Tree, virtual: Item) -> None:
    for ref in virtual.refs:
        if ref.family == "ltm/virtual-address":
            item = tree.get("ltm/virtual-address", ref.path)
            others = [one for one in tree.referrers(*ref) if one.path != virtual.full_path]
            if item is not None and not others and item.values.get("autoDelete") == "true":
                tree.put("ltm/virtual-address", ref.path, item, None)


def _refs(site: Site, values: Mapping[str, JSON]) -> Iterable[Ref]:
    where = destinations.recorded(values.get("destination"))
    if where is None:
        return []
    try:
        found = destinations.virtual_address(site.tree, where)
    except Refused:
        # Recorded configurations may hold what a device would refuse.
        found = None
    return [Ref("ltm/virtual-address", found.full_path if found else where.address_path)]


def _marks(site: Site, values: Mapping[str, JSON]) -> Iterable[Hashable]:
    """What two virtual servers must not share: address, port, protocol, source and VLANs."""
    where = destinations.recorded(values.get("destination"))
    if where is None:
        return []
    named = site.tree.get("ltm/virtual-address", where.address_path)
    text = named.values.get("address") if named is not None else where.host_port.host
    key = address_key(site.tree, where.folder[1:].partition("/")[0], text) or (0, where.address_path)
    vlans = (bool(values.get("vlansEnabled")), *sorted(map(str, values.get("vlans") or ())))
    listener = (where.host_port.port, values.get("ipProtocol"), values.get("source"), values.get("mask"), vlans)
    return [("listener", *key, *listener)]


def _show(view: View, item: Item, parent: Item | None, shown: dict[str, JSON]) -> None:
    translation = shown.get("sourceAddressTranslation")
    if isinstance(translation, dict) and "pool" in translation:
        link = view.link("ltm/snatpool", translation["pool"])
        shown["sourceAddressTranslation"] = {**translation, "poolReference": {"link": link}}
    if "persist" in shown:
        shown["persist"] = [
            {**entry, "nameReference": {"link": view.link_to("ltm/persistence", persist_path(entry))}}
            for entry in shown["persist"]
        ]


VIRTUAL = ObjectType(
    collection="ltm/virtual",
    word="Virtual Server",
    pairs=(("enabled", "disabled"), ("vlansDisabled", "vlansEnabled")),
    deferred=True,
    fields=fields(
        Field("addressStatus", shapes.yes_no, "yes"),
        Field("autoLasthop", shapes.one_of("default", "auto", "enabled", "disabled"), "default"),
        shapes.pointer("bwcPolicy", "net/bwc/policy", "bandwidth controller policy"),
        Field("clonePools", shapes.opaque),
        Field("cmpEnabled", shapes.yes_no, "yes"),
        Field("connectionLimit", shapes.integer(), 0),
        Field("creationTime", shapes.any_text, access="server"),
        shapes.DESCRIPTION,
        Field("destination", destinations.destination),
        Field("evictionProtected", shapes.enabled, "disabled"),
        shapes.pointer("fallbackPersistence", "ltm/persistence", "persistence profile"),
        Field("flowEvictionPolicy", shapes.text),
        Field("fwEnforcedPolicy", shapes.text),
        Field("fwStagedPolicy", shapes.text),
        Field("gtmScore", shapes.integer(), 0),
        Field("ipIntelligencePolicy", shapes.text),
        Field("ipProtocol", _protocol, "any"),
        shapes.pointer("lastHopPool", "ltm/pool", "Pool"),
        Field("lastModifiedTime", shapes.any_text, access="server"),
        Field("mask", mask),
        shapes.METADATA,
        Field("mirror", shapes.enabled, "disabled"),
        Field("mobileAppTunnel", shapes.enabled, "disabled"),
        Field("nat64", shapes.enabled, "disabled"),
        Field("perFlowRequestAccessPolicy", shapes.text),
        Field("persist", _persist, refs=_persist_refs),
        shapes.pointer("pool", "ltm/pool", "Pool"),
        Field("rateClass", shapes.text),
        Field("rateLimit", shapes.number_or("disabled"), "disabled"),
        Field("rateLimitDstMask", shapes.integer(), 0),
        Field("rateLimitMode", shapes.any_text, "object"),
        Field("rateLimitSrcMask", shapes.integer(), 0),
        shapes.pointers("rules", "ltm/rule", "iRule"),
        Field("securityLogProfiles", shapes.texts),
        Field("servicePolicy", shapes.text),
        Field("serversslUseSni", shapes.enabled, "disabled"),
        Field("serviceDownImmediateAction", shapes.one_of("none", "reset", "drop"), "none"),
        Field("source", _source),
        Field("sourceAddressTranslation", _translation, {"type": "none"}, refs=_translation_refs),
        Field("sourcePort", shapes.one_of("preserve", "preserve-strict", "change"), "preserve"),
        Field("synCookieStatus", shapes.any_text, "not-activated", access="server"),
        Field("throughputCapacity", shapes.any_text),
        Field("trafficMatchingCriteria", shapes.text),
        Field("translateAddress", shapes.enabled, "enabled"),
        Field("translatePort", shapes.enabled, "enabled"),
        shapes.pointers("vlans", "net/vlan", "VLAN"),
        Field("vsIndex", shapes.integer(), access="server"),
        shapes.APP_SERVICE,
        *(Field(name, shapes.flag) for name in FORWARDING),
    ),
    children={"policies": POLICY_BINDING, "profiles": PROFILE_BINDING},
    show=_show,
    settle=_settle,
    effects=_effects,
    refs=_refs,
    marks=_marks,
    together=ssl_profile.check_server_names,
)

TYPES = (VIRTUAL,)
