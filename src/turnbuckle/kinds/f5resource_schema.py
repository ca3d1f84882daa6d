"""The F5 resource schemas v0.1.0 to v0.1.7, as one table: which field exists in which version, and what it may hold."""

from __future__ import annotations

from typing import Any

from turnbuckle.kit import partition
from turnbuckle.kit.addresses import bigip_address
from turnbuckle.kit.shape import (
    FLAW,
    Check,
    Field,
    Reader,
    as_json,
    integer,
    mapping,
    one_of,
    record,
    sequence,
    text,
)
from turnbuckle.model import issue as issues_of

VERSIONS = tuple(range(8))
SCHEMA_NAMES = {f"bigip-virtual-server_v0.1.{n}.json": n for n in VERSIONS}

_EVER = (0, 99)

LOAD_BALANCING_MODES = (
    "dynamic-ratio-member", "dynamic-ratio-node", "fastest-app-response", "fastest-node", "least-connections-member",
    "least-connections-node", "least-sessions", "observed-member", "observed-node", "predictive-member",
    "predictive-node", "ratio-least-connections-member", "ratio-least-connections-node", "ratio-member", "ratio-node",
    "round-robin", "ratio-session", "weighted-least-connections-member", "weighted-least-connections-node",
)  # fmt: skip


def _balance(version: int) -> tuple[str, ...] | None:
    if version == 0:
        return ("round-robin",)
    return LOAD_BALANCING_MODES if version < 7 else None


def _mode(version: int) -> tuple[str, ...]:
    return ("tcp", "http", "udp") if version >= 5 else ("tcp", "http")


def _monitor_protocol(version: int) -> tuple[str, ...]:
    return ("http", "tcp", "udp") if version >= 5 else ("http", "tcp")


def _bind_address(reader: Reader, path: str, value: Any) -> Any:
    """An address; empty means not given, which the older versions do not allow."""
    if not isinstance(value, str):
        wanted = 'an address in quotes, for example "203.0.113.7"'
        return reader.flaw(issues_of.wrong_type(reader.about, path, as_json(value), wanted))
    if not value:
        return "" if reader.version >= 3 else reader.flaw(issues_of.empty_text(reader.about, path))
    address = bigip_address(value, extended=reader.version >= 4)
    if address is None:
        return reader.flaw(issues_of.bad_address(reader.about, path, value))
    if "/" in value:
        reader.issues.append(issues_of.prefix_ignored(reader.about, path, value, address))
    return address


def _method(reader: Reader, path: str, value: Any) -> Any:
    """A load balancing method; the newest schema takes any text, of which only the device knows whether it exists."""
    found = _BALANCE(reader, path, value)
    if isinstance(found, str) and found not in LOAD_BALANCING_MODES:
        reader.issues.append(issues_of.unknown_balance(reader.about, path, found, LOAD_BALANCING_MODES))
    return found


def _partition(reader: Reader, path: str, value: Any) -> Any:
    """The name of a partition, with or without slashes around it."""
    found = _TEXT(reader, path, value)
    if not isinstance(found, str):
        return found
    name = found.strip("/")
    if not partition.is_name(name):
        return reader.flaw(issues_of.bad_partition(reader.about, path, found, partition.ALLOWED))
    return name


def _ssl_profile(reader: Reader, path: str, value: Any) -> Any:
    """One name or a list of names; answers a tuple of names."""
    found = _SSL_PROFILE(reader, path, value)
    if not isinstance(found, dict):
        return found
    if len(found) == 2:
        reader.issues.append(issues_of.both_fields(reader.about, path, "f5ProfileName", "f5ProfileNames"))
    first = (found["f5ProfileName"],) if "f5ProfileName" in found else ()
    return tuple(dict.fromkeys((*first, *found.get("f5ProfileNames", ()))))


_TEXT = text()
_BALANCE = one_of(_balance)
_PORT = integer(1, 65535)

_SSL_PROFILE = record(
    [
        Field("f5ProfileName", text(), required=(0, 3), meaning="which profile", example='"Common/clientssl"'),
        Field("f5ProfileNames", sequence(text()), since=4),
    ]
)

_VIRTUAL_ADDRESS = record(
    [
        Field("bindAddr", _bind_address, required=(0, 2), meaning="the address to listen on", example='"203.0.113.7"'),
        Field("port", _PORT, required=_EVER, meaning="the port to listen on", example="80"),
    ]
)

_HEALTH_MONITOR = record(
    [
        Field(
            "protocol", one_of(_monitor_protocol), required=_EVER, meaning="how members are probed", example='"http"'
        ),
        Field("interval", integer(1, 86400)),
        Field("timeout", integer(1, 86400)),
        Field("send", text()),
        Field("recv", text(), since=6),
    ]
)

BACKEND = record(
    [
        Field("serviceName", text(), required=_EVER, meaning="the Service to publish", example='"web"'),
        Field("servicePort", _PORT, required=_EVER, meaning="the Service's port", example="80"),
        Field("healthMonitors", sequence(_HEALTH_MONITOR), since=2),
    ]
)

_PARTITION = Field("partition", _partition, required=_EVER, meaning="the partition on the BIG-IP", example='"k8s"')

FRONTEND_VIRTUAL_SERVER = record(
    [
        _PARTITION,
        Field("mode", one_of(_mode)),
        Field("balance", _method),
        Field("sslProfile", _ssl_profile),
        Field(
            "virtualAddress",
            _VIRTUAL_ADDRESS,
            required=(0, 2),
            meaning="where to listen",
            example='{"bindAddr": "203.0.113.7", "port": 80}',
        ),
    ]
)

_COLUMN_NAME = Field("name", text(), required=_EVER, meaning="the column's name", example='"addr"')
_COLUMN = record([_COLUMN_NAME, Field("kind", one_of(lambda _: ("IPAddress", "Port"))), Field("value", text())])


def _member_column(reader: Reader, path: str, value: Any) -> Any:
    """A column is filled with the member's address, its port, or a constant: (name, "IPAddress" | "Port" | "=…")."""
    found = _COLUMN(reader, path, value)
    if not isinstance(found, dict) or "name" not in found or not isinstance(value, dict):
        return FLAW
    if ("kind" in value) == ("value" in value):
        wanted = 'either "kind": "IPAddress", "kind": "Port" or a "value"'
        return reader.flaw(issues_of.wrong_type(reader.about, path, as_json(value), wanted))
    return (found["name"], found["kind"] if "kind" in found else f"={found.get('value', '')}")


def _cell(reader: Reader, path: str, value: Any) -> Any:
    if isinstance(value, str):
        return value
    return reader.flaw(issues_of.wrong_type(reader.about, path, as_json(value), "a text in quotes"))


_TABLE = record(
    [
        Field("columns", sequence(text(), least=1), required=_EVER, meaning="the columns' names", example='["addr"]'),
        Field(
            "rows",
            sequence(sequence(_cell)),
            required=_EVER,
            meaning="the rows",
            example='[["10.0.0.1"]]',
        ),
    ]
)


_TEXTS: Check = mapping(text())

FRONTEND_IAPP = record(
    [
        _PARTITION,
        Field("iapp", text(), required=_EVER, meaning="the template", example='"/Common/f5.http"'),
        Field("iappOptions", _TEXTS, required=_EVER, meaning="settings of the service", example="{}"),
        Field("iappVariables", _TEXTS, required=_EVER, meaning="the template's variables", example="{}"),
        Field(
            "iappTableName",
            text(),
            until=1,
            required=(0, 1),
            meaning="the table that takes the members",
            example='"pool__members"',
            instead="iappPoolMemberTable",
        ),
        Field(
            "iappPoolMemberTable",
            record(
                [
                    Field("name", text(), required=_EVER, meaning="the table's name", example='"pool__members"'),
                    Field(
                        "columns",
                        sequence(_member_column),
                        required=_EVER,
                        meaning="what fills each column",
                        example='[{"name": "addr", "kind": "IPAddress"}]',
                    ),
                ]
            ),
            since=2,
            required=(2, 99),
            meaning="the table that takes the members",
            example='{"name": "pool__members", "columns": […]}',
        ),
        Field("iappTables", mapping(_TABLE), since=2),
    ]
)

IAPP_WORDS = frozenset({"iapp", "iappOptions", "iappVariables", "iappTableName", "iappPoolMemberTable", "iappTables"})
VIRTUAL_SERVER_WORDS = frozenset({"mode", "balance", "sslProfile", "virtualAddress"})
