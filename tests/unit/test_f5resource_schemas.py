"""Every published schema of the F5 resource against our table: for each document both must say the same.

The schemas are others' work and not part of the project; they are read from the directory that TURNBUCKLE_SHARED names.
"""

from __future__ import annotations

import copy
import ipaddress
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from turnbuckle.engine.protocol import Translation
from turnbuckle.kinds.f5resource import KIND
from turnbuckle.model.issue import Severity
from turnbuckle.model.ref import Put, Ref, SourceObject
from turnbuckle.model.settings import SETTINGS, Settings

SHARED = os.environ.get("TURNBUCKLE_SHARED")
FOLDER = Path(SHARED or "") / "corpus" / "f5-resource-configmap"
pytestmark = pytest.mark.skipif(not SHARED, reason="TURNBUCKLE_SHARED does not name the folder with the schemas")

MONITOR = {"protocol": "http", "interval": 5, "timeout": 16, "send": "GET /"}
BALANCE = ("round-robin", "least-connections-member", "ratio-session", "whatever", "")
ODD = (None, True, 0, 65535, 65536, 86400, 86401, 1.5, "", "80", [], [""], {}, {"x": 1})


class Store:
    """A look at nothing but the settings."""

    def get(self, ref: Ref) -> SourceObject | None:
        return SourceObject(SETTINGS, Settings("c", "k")) if ref == SETTINGS else None

    def having(self, *_: Any) -> tuple[SourceObject, ...]:
        return ()

    def made(self, _: Any) -> None:
        return None


def translate(version: int, document: Any) -> Translation:
    event = KIND.decode(
        {
            "metadata": {"name": "a", "namespace": "ns", "labels": {"f5type": "virtual-server"}},
            "data": {
                "schema": f"f5schemadb://bigip-virtual-server_v0.1.{version}.json",
                "data": json.dumps(document),
            },
        }
    )
    assert isinstance(event, Put)
    return KIND.translate(event.obj, Store())


def we_accept(version: int, document: Any) -> bool:
    return not any(issue.severity is Severity.ERROR for issue in translate(version, document).issues)


def validator(version: int) -> jsonschema.Draft4Validator:
    schema = json.loads((FOLDER / f"bigip-virtual-server_v0.1.{version}.json").read_text())
    text = (
        json.dumps(schema).replace('"minLength": "1"', '"minLength": 1').replace("http://json-schema/org/schema#", "")
    )
    checker = jsonschema.FormatChecker(formats=())
    for name, family in (("ip-address", 4), ("ipv4", 4), ("ipv6", 6)):
        checker.checks(name, ValueError)(lambda value, family=family: _is_address(value, family))
    for name, family in (("bigipv4", 4), ("bigipv6", 6)):
        checker.checks(name, ValueError)(lambda value, family=family: _is_address(_bare(value), family))
    return jsonschema.Draft4Validator(json.loads(text), format_checker=checker)


def _bare(value: Any) -> Any:
    return value.split("/")[0].split("%")[0] if isinstance(value, str) else value


def _is_address(value: Any, family: int) -> bool:
    return not isinstance(value, str) or ipaddress.ip_address(value).version == family


def templates(version: int) -> list[dict[str, Any]]:
    backend: dict[str, Any] = {"serviceName": "web", "servicePort": 80}
    if version >= 2:
        backend["healthMonitors"] = [dict(MONITOR, **({"recv": "ok"} if version >= 6 else {}))]
    ssl = {"f5ProfileNames": ["Common/one"]} if version >= 4 else {"f5ProfileName": "Common/one"}
    server = {
        "partition": "k8s",
        "mode": "http",
        "balance": "round-robin",
        "sslProfile": ssl,
        "virtualAddress": {"bindAddr": "203.0.113.7", "port": 80},
    }
    iapp: dict[str, Any] = {
        "partition": "k8s",
        "iapp": "/Common/f5.http",
        "iappOptions": {"a": "b"},
        "iappVariables": {},
    }
    if version < 2:
        iapp["iappTableName"] = "pool__members"
    else:
        columns = [{"name": "addr", "kind": "IPAddress"}, {"name": "port", "kind": "Port"}, {"name": "c", "value": "0"}]
        iapp["iappPoolMemberTable"] = {"name": "pool__members", "columns": columns}
        iapp["iappTables"] = {"t": {"columns": ["x"], "rows": [["1"]]}}
    return [{"virtualServer": {"frontend": front, "backend": backend}} for front in (server, iapp)]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(part, (*path, key))


def changed(document: Any, path: tuple[Any, ...], change: Any) -> Any:
    result = copy.deepcopy(document)
    at = result
    for key in path[:-1]:
        at = at[key]
    change(at, path[-1])
    return result


def variants(document: Any) -> Iterator[tuple[str, Any]]:
    yield "as it is", document
    for path in places(document):
        yield f"without {path}", changed(document, path, lambda at, key: at.pop(key))
        for odd in ODD:
            yield f"{path} = {odd!r}", changed(document, path, lambda at, key, odd=odd: at.__setitem__(key, odd))
        yield (
            f"unknown beside {path}",
            changed(document, path, lambda at, key: at.update(unknown="1") if isinstance(at, dict) else at.append("1")),
        )


BEYOND = ("unknown beside ('virtualServer', 'frontend', 'sslProfile', 'f5ProfileName",)
"""Where ours says more: the schemas from v0.1.4 on let anything stand beside f5ProfileNames."""


@pytest.mark.parametrize("version", range(8))
def test_required_fields_enums_ranges_and_types_are_those_of_the_schema_and_each_violation_is_told(
    version: int,
) -> None:
    schema, differing = validator(version), []
    for template in templates(version):
        for what, document in variants(template):
            theirs = schema.is_valid(document)
            issues = translate(version, document).issues
            errors = [issue for issue in issues if issue.severity is Severity.ERROR]
            # Formats bind texts only: a number for an address passes the schemas by accident. An empty one means
            # "not given" from v0.1.3 on, whatever the format says.
            address = "'bindAddr') =" in what and (theirs or what.endswith("= ''"))
            if theirs is bool(errors) and not address and not what.startswith(BEYOND):
                differing.append((what, theirs, [issue.text for issue in issues]))
            for issue in errors:
                assert str(issue.about) == "ConfigMap/ns/a", what
                assert issue.field.startswith("data.data"), what
                assert issue.field in issue.message, what
                assert issue.hint, what
    assert differing == []


@pytest.mark.parametrize("version", range(8))
@pytest.mark.parametrize(
    "address", ["203.0.113.7", "2001:db8::7", "203.0.113.7%2", "2001:db8::7%2/64", "203.0.113.7/24", "203.0.113", "web"]
)
def test_addresses_are_those_of_the_schema(version: int, address: str) -> None:
    document = templates(version)[0]
    document["virtualServer"]["frontend"]["virtualAddress"]["bindAddr"] = address
    assert we_accept(version, document) is validator(version).is_valid(document)


@pytest.mark.parametrize("version", range(8))
@pytest.mark.parametrize("field", ["balance", "mode"])
def test_words_are_those_of_the_schema(version: int, field: str) -> None:
    for word in (*BALANCE, "tcp", "http", "udp", "sctp"):
        document = templates(version)[0]
        document["virtualServer"]["frontend"][field] = word
        assert we_accept(version, document) is validator(version).is_valid(document), word


@pytest.mark.parametrize("version", range(8))
@pytest.mark.parametrize("protocol", ["http", "tcp", "udp", "https"])
def test_monitors_are_those_of_the_schema(version: int, protocol: str) -> None:
    document = templates(version)[0]
    document["virtualServer"]["backend"]["healthMonitors"] = [{"protocol": protocol}]
    assert we_accept(version, document) is validator(version).is_valid(document)
