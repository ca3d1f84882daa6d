"""SNAT pools and the translation addresses in them, which the device makes as they are named."""

from __future__ import annotations

from collections.abc import Iterable

from bigipsim.objects import shapes
from bigipsim.objects.addresses import address, find_address
from bigipsim.objects.model import JSON, Field, ObjectType, Ref, Site, fields
from bigipsim.objects.writing import Children
from bigipsim.rest import errors

TRANSLATION_KIND = "ltm/snat-translation"


def _members(name: str, value: JSON, site: Site) -> JSON:
    listed = value if isinstance(value, list) else [value]
    if value in shapes.NOTHING or not listed:
        raise errors.identifier_needed()
    paths = []
    for one in listed:
        if not isinstance(one, str):
            raise errors.invalid_value(name, one)
        path = one if one.startswith("/") else f"/{site.partition}/{one}"
        if site.tree.get(TRANSLATION_KIND, path) is None:
            if find_address(path.rpartition("/")[2]) is None:
                raise errors.not_found("SNAT Translation", path)
            site.tree.make(TRANSLATION_KIND, {"name": path})
        paths.append(path)
    return list(dict.fromkeys(paths))


def _member_refs(value: JSON) -> Iterable[Ref]:
    return shapes.path_refs(TRANSLATION_KIND, value)


def _settle_pool(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if "members" not in values:
        raise errors.identifier_needed()


def _address(name: str, value: JSON, site: Site) -> JSON:
    return address(str(value)).text


def _settle_translation(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    values.setdefault("address", address(site.name).text)
    if "trafficGroup" in given and "inheritedTrafficGroup" not in given:
        values["inheritedTrafficGroup"] = "false"


_timeout = shapes.number_or("indefinite", "immediate")

SNATPOOL = ObjectType(
    collection="ltm/snatpool",
    word="SNAT Pool",
    fields=fields(
        Field("members", _members, refs=_member_refs, family=TRANSLATION_KIND),
        shapes.DESCRIPTION,
        shapes.METADATA,
        shapes.APP_SERVICE,
    ),
    settle=_settle_pool,
)

TRANSLATION = ObjectType(
    collection=TRANSLATION_KIND,
    word="SNAT Translation",
    pairs=(("enabled", "disabled"),),
    fields=fields(
        Field("address", _address, access="create"),
        Field("arp", shapes.enabled, "enabled"),
        Field("connectionLimit", shapes.integer(), 0),
        shapes.DESCRIPTION,
        Field("inheritedTrafficGroup", shapes.true_false, "true"),
        Field("ipIdleTimeout", _timeout, "indefinite"),
        Field("tcpIdleTimeout", _timeout, "indefinite"),
        shapes.pointer("trafficGroup", "cm/traffic-group", "traffic group", "/Common/traffic-group-1"),
        Field("udpIdleTimeout", _timeout, "indefinite"),
        Field("unit", shapes.integer(), 1, access="server"),
        shapes.APP_SERVICE,
    ),
    settle=_settle_translation,
)


def _origins(name: str, value: JSON, site: Site) -> JSON:
    if value in shapes.NOTHING:
        raise errors.identifier_needed()
    return [{"name": one} if isinstance(one, str) else one for one in (value if isinstance(value, list) else [value])]


SNAT = ObjectType(
    collection="ltm/snat",
    word="SNAT",
    user_word="snat",
    fields=fields(
        Field("autoLasthop", shapes.one_of("default", "auto", "enabled", "disabled"), "default"),
        Field("automap", shapes.flag),
        shapes.DESCRIPTION,
        shapes.METADATA,
        Field("mirror", shapes.enabled, "disabled"),
        Field("origins", _origins),
        shapes.pointer("snatpool", "ltm/snatpool", "SNAT Pool"),
        Field("sourcePort", shapes.one_of("preserve", "preserve-strict", "change"), "preserve"),
        shapes.pointer("translation", TRANSLATION_KIND, "SNAT Translation"),
        shapes.pointers("vlans", "net/vlan", "VLAN"),
        shapes.APP_SERVICE,
    ),
    pairs=(("vlansDisabled", "vlansEnabled"),),
)


TYPES = (SNATPOOL, TRANSLATION, SNAT)
