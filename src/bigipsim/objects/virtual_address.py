"""Virtual addresses: what virtual servers listen on. The device makes them and, unless told otherwise, removes them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from bigipsim.objects import shapes
from bigipsim.objects.addresses import address, find_address
from bigipsim.objects.model import JSON, Field, Item, ObjectType, Site, fields
from bigipsim.objects.node import address_key, check_free
from bigipsim.objects.writing import Children
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

FLOATING: Final = "/Common/traffic-group-1"
"""The traffic group that virtual addresses are in unless something else is said; it moves from unit to unit."""

NOT_FLOATING: Final = frozenset({"none", "/Common/traffic-group-local-only"})

HOST_MASKS = {4: "255.255.255.255", 6: ":".join(["ffff"] * 8)}


def default_mask(text: str) -> str:
    """The mask of a single address, or "any" for the address that stands for all."""
    found = find_address(text)
    if found is None or found.wildcard:
        return "any"
    return HOST_MASKS[found.ip.version]


def mask(name: str, value: JSON, site: Site) -> JSON:
    """A mask in the notation of addresses; the one of all zeros is "any"."""
    if not isinstance(value, str) or find_address(value) is None:
        raise errors.invalid_address(str(value))
    return "any" if int(address(value).ip) == 0 else value


def _shown(name: str, value: JSON, site: Site) -> JSON:
    found = address(str(value))
    if not found.wildcard:
        return found.text
    word = "any" if found.ip.version == 4 else "any6"
    return f"{word}%{found.rd}" if found.rd else word


def _settle(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if "address" not in values:
        if find_address(site.name) is None:
            raise errors.identifier_needed()
        values["address"] = _shown("address", site.name, site)
    values.setdefault("mask", default_mask(values["address"]))
    if site.before is None:
        check_free(
            site.tree, "ltm/virtual-address", "Virtual Address", site.partition, site.full_path, values["address"]
        )
        if values["mask"] not in HOST_MASKS.values():
            for name in ("arp", "icmpEcho"):
                if name not in given:
                    values[name] = "disabled"
    if "trafficGroup" in given and "inheritedTrafficGroup" not in given:
        values["inheritedTrafficGroup"] = "false"
    floating = values["trafficGroup"] not in NOT_FLOATING
    values["floating"], values["unit"] = ("enabled", 1) if floating else ("disabled", 0)


def _marks(site: Site, values: Mapping[str, JSON]) -> Iterable[Hashable]:
    key = address_key(site.tree, site.partition, values.get("address"))
    return [("ltm/virtual-address", *key)] if key is not None else []


def _refuse_if_listening(tree: Tree, item: Item) -> None:
    for referrer in tree.referrers("ltm/virtual-address", item.full_path):
        raise errors.virtual_address_in_use(item.full_path, referrer.path)


_advertisement = shapes.one_of("disabled", "enabled", "selective", "any", "all", "always")

VIRTUAL_ADDRESS = ObjectType(
    collection="ltm/virtual-address",
    word="Virtual Address",
    fields=fields(
        Field("address", _shown, access="create"),
        Field("arp", shapes.enabled, "enabled"),
        Field("autoDelete", shapes.true_false, "true"),
        Field("connectionLimit", shapes.integer(), 0),
        shapes.DESCRIPTION,
        Field("enabled", shapes.yes_no, "yes"),
        Field("floating", shapes.enabled, "enabled", access="server"),
        Field("icmpEcho", shapes.one_of("enabled", "disabled", "selective", "always", "any", "all"), "enabled"),
        Field("inheritedTrafficGroup", shapes.true_false, "true"),
        Field("mask", mask),
        shapes.METADATA,
        Field("routeAdvertisement", _advertisement, "disabled"),
        Field("serverScope", shapes.one_of("any", "all", "none"), "any"),
        Field("spanning", shapes.enabled, "disabled"),
        shapes.pointer("trafficGroup", "cm/traffic-group", "traffic group", FLOATING),
        Field("unit", shapes.integer(), 1, access="server"),
        shapes.APP_SERVICE,
    ),
    settle=_settle,
    marks=_marks,
    before_delete=_refuse_if_listening,
)

TYPES = (VIRTUAL_ADDRESS,)
