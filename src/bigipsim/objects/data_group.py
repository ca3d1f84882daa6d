"""Data groups: sorted tables that iRules and policies look things up in."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from bigipsim.objects import shapes
from bigipsim.objects.model import ABSENT, JSON, Field, ObjectType, Site, fields
from bigipsim.objects.writing import Children
from bigipsim.rest import errors

MAX_DATA = 65520


def _records(name: str, value: JSON, site: Site) -> JSON:
    if value in shapes.NOTHING:
        return ABSENT
    listed = value if isinstance(value, list) else [value]
    records = {}
    for entry in listed:
        record = {"name": entry} if isinstance(entry, str | int) else entry
        if not isinstance(record, dict) or record.get("name") in (None, ""):
            raise errors.identifier_needed()
        strange = record.keys() - {"name", "data"}
        if strange:
            raise errors.unknown_property(min(strange))
        data = "" if record.get("data") is None else str(record["data"])
        if len(data.encode()) > MAX_DATA:
            message = (
                "01070712:3: Max string size exceeded during update of attribute:data type:class_value_item "
                f"max:{MAX_DATA} received:{len(data.encode())}"
            )
            raise errors.refusal(400, message, errors.DATABASE)
        records[str(record["name"])] = data
    return [{"name": key, "data": data} for key, data in records.items()]


def _settle(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if "type" not in values:
        raise errors.identifier_needed()
    if "records" in given and "records" in values:
        sort = KEYS[values["type"]]
        values["records"] = sorted(
            ({"name": sort[0](one["name"]), "data": one["data"]} for one in values["records"]),
            key=lambda one: sort[1](one["name"]),
        )


def _network(text: str) -> str:
    host, slash, bits = text.partition("/")
    address, percent, domain = host.partition("%")
    try:
        parsed = ipaddress.ip_network(f"{address}/{bits}" if slash else address, strict=False)
    except ValueError:
        raise errors.invalid_address(text) from None
    return f"{parsed.network_address}{percent}{domain}/{parsed.prefixlen}"


def _network_key(text: str) -> tuple[int, int, str]:
    host, _, bits = text.partition("/")
    address, _, domain = host.partition("%")
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed), domain + bits


def _number(text: str) -> str:
    if not text.lstrip("-").isdecimal():
        raise errors.invalid_value("name", text)
    return str(int(text))


KEYS: Mapping[str, tuple[Callable[[str], str], Callable[[str], Any]]] = {
    "string": (str, str),
    "ip": (_network, _network_key),
    "integer": (_number, int),
}
"""By type: how keys are written, and in which order they come."""

INTERNAL = ObjectType(
    collection="ltm/data-group/internal",
    family="ltm/data-group",
    word="value list",
    fields=fields(
        Field("type", shapes.one_of(*KEYS), access="create-or-same"),
        Field("records", _records),
        shapes.DESCRIPTION,
        shapes.APP_SERVICE,
    ),
    settle=_settle,
)

EXTERNAL = ObjectType(
    collection="ltm/data-group/external",
    family="ltm/data-group",
    word="value list",
    fields=fields(
        Field("type", shapes.one_of(*KEYS), access="create-or-same"),
        shapes.pointer("externalFileName", "sys/file/data-group", "data group file"),
        shapes.DESCRIPTION,
        shapes.APP_SERVICE,
    ),
)

TYPES = (INTERNAL, EXTERNAL)
