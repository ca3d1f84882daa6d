"""Objects of the wrong shape: each kind answers with the field and a sentence, whatever stands where."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from turnbuckle import registry
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Flawed, Gone, Put

KINDS = {kind.name: kind for kind in registry.kinds()}
META = {"name": "web", "namespace": "shop", "labels": {"f5type": "virtual-server"}, "generation": 1}
GOOD: dict[str, dict[str, Any]] = {
    "ConfigMap": {"metadata": META, "data": {"schema": "f5schemadb://x", "data": "{}"}},
    "Service": {
        "metadata": META,
        "spec": {
            "type": "NodePort",
            "ipFamilies": ["IPv4"],
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080, "targetPort": "web"}],
        },
    },
    "EndpointSlice": {
        "metadata": {**META, "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}, "nodeName": "n1"}],
    },
    "Endpoints": {
        "metadata": META,
        "subsets": [
            {
                "addresses": [{"ip": "192.0.2.1", "nodeName": "n1"}, {"ip": "2001:DB8::1"}],
                "notReadyAddresses": [{"ip": "192.0.2.2"}],
                "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            }
        ],
    },
    "Node": {
        "metadata": META,
        "status": {
            "addresses": [{"type": "InternalIP", "address": "192.0.2.10"}, {"type": "Hostname", "address": "n1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    },
}
ODD: tuple[Any, ...] = (None, True, 0, -1, 65536, 1.5, 10**30, "", "80", "x", [], [None], [[]], {}, {"x": 1})

WRONG: list[tuple[str, str, Any, str]] = [
    ("Service", "spec", "web", 'spec is "web". Write an object, {"…": …}.'),
    ("Service", "spec.ports", {"port": 80}, "spec.ports is {…}. Write a list, […]."),
    ("Service", "spec.ports[0]", None, 'spec.ports[0] is null. Write an object, {"…": …}.'),
    (
        "Service",
        "spec.ports[0].port",
        "80",
        'spec.ports[0].port is "80". Write a whole number from 1 to 65535, without quotes.',
    ),
    (
        "Service",
        "spec.ports[0].port",
        70000,
        "spec.ports[0].port is 70000, which is outside 1 to 65535. Write a number from 1 to 65535.",
    ),
    ("Service", "spec.ports[0].port", ...,
     "spec.ports[0].port is missing: the number of the port. Add it, for example 80."),
    ("Service", "spec.ports[0].name", 80, 'spec.ports[0].name is 80. Write a text in quotes, for example "web".'),
    (
        "Service",
        "spec.ports[0].nodePort",
        True,
        "spec.ports[0].nodePort is true. Write a whole number from 0 to 65535, without quotes.",
    ),
    ("EndpointSlice", "endpoints", "192.0.2.1", 'endpoints is "192.0.2.1". Write a list, […].'),
    ("EndpointSlice", "endpoints[0].conditions.ready", "yes",
     'endpoints[0].conditions.ready is "yes". Write true or false, without quotes.'),
    ("EndpointSlice", "endpoints[0].addresses[0]", "web.example",
     'endpoints[0].addresses[0] is "web.example", which is no IP address.'
     " Write an IPv4 or IPv6 address, for example 203.0.113.7 or 2001:db8::7."),
    ("EndpointSlice", "endpoints[0].addresses[0]", "192.0.2.256",
     'endpoints[0].addresses[0] is "192.0.2.256", which is no IP address.'
     " Write an IPv4 or IPv6 address, for example 203.0.113.7 or 2001:db8::7."),
    ("EndpointSlice", "ports[0].port", 65536,
     "ports[0].port is 65536, which is outside 1 to 65535. Write a number from 1 to 65535."),
    ("Endpoints", "subsets", 1, "subsets is 1. Write a list, […]."),
    ("Endpoints", "subsets[0].addresses[1].ip", "10.0.0.1/24",
     'subsets[0].addresses[1].ip is "10.0.0.1/24", which is no IP address.'
     " Write an IPv4 or IPv6 address, for example 203.0.113.7 or 2001:db8::7."),
    ("Endpoints", "subsets[0].addresses[0].ip", ...,
     "subsets[0].addresses[0].ip is missing: the endpoint's address. Add it, for example 192.0.2.10."),
    ("Endpoints", "subsets[0].ports[0].port", 0,
     "subsets[0].ports[0].port is 0, which is outside 1 to 65535. Write a number from 1 to 65535."),
    ("Node", "status.addresses", "192.0.2.10", 'status.addresses is "192.0.2.10". Write a list, […].'),
    ("Node", "status.addresses[0].address", "node-7",
     'status.addresses[0].address is "node-7", which is no IP address.'
     " Write an IPv4 or IPv6 address, for example 203.0.113.7 or 2001:db8::7."),
    ("Node", "status.conditions[0].status", True,
     'status.conditions[0].status is true. Write a text in quotes, for example "web".'),
]  # fmt: skip


def steps(path: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in path.replace("[", ".").replace("]", "").split(".")]


def changed(good: Any, path: list[Any], value: Any) -> Any:
    """A copy with another value at a path; ... takes it out."""
    made = copy.deepcopy(good)
    place = made
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return made


def places(value: Any, path: list[Any]) -> Iterator[list[Any]]:
    if path:
        yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(part, [*path, key])


@pytest.mark.parametrize(("kind", "field", "value", "text"), WRONG)
def test_a_wrong_value_is_told_with_its_field(kind, field, value, text):
    event = KINDS[kind].decode(changed(GOOD[kind], steps(field), value))
    assert isinstance(event, Flawed)
    assert str(event.ref) == "/".join((kind, "shop", "web"))
    assert [(issue.field, issue.text) for issue in event.issues] == [(field, text)]


def test_all_mistakes_of_an_object_are_told_at_once():
    ports = [{"port": "80"}, {"name": 5, "port": 0}, 7]
    event = KINDS["Service"].decode({"metadata": META, "spec": {"type": 1, "ports": ports}})
    assert isinstance(event, Flawed)
    assert [issue.field for issue in event.issues] == [
        "spec.type",
        "spec.ports[0].port",
        "spec.ports[1].port",
        "spec.ports[1].name",
        "spec.ports[2]",
    ]


@pytest.mark.parametrize("kind", GOOD)
def test_whatever_stands_where_is_an_answer_and_never_a_fault(kind):
    for path in places(GOOD[kind], []):
        for odd in ODD:
            event = KINDS[kind].decode(changed(GOOD[kind], path, odd))
            assert isinstance(event, Put | Gone | Flawed)
            if isinstance(event, Flawed):
                assert event.issues
                for issue in event.issues:
                    assert isinstance(issue, Issue)
                    assert issue.field, (path, odd, issue)


@pytest.mark.parametrize("kind", GOOD)
def test_null_and_nothing_are_the_same(kind):
    for path in places(GOOD[kind], []):
        if isinstance(path[-1], int) or path[0] == "metadata" or path[-1] in ("port", "ip", "type", "address"):
            continue
        decode = KINDS[kind].decode
        assert decode(changed(GOOD[kind], path, None)) == decode(changed(GOOD[kind], path, ...)), path


def test_a_slice_of_names_and_addresses_of_other_types_are_no_mistakes():
    fqdn = {**GOOD["EndpointSlice"], "addressType": "FQDN", "endpoints": [{"addresses": ["web.example"]}]}
    assert isinstance(KINDS["EndpointSlice"].decode(fqdn), Put)
    assert isinstance(KINDS["Node"].decode(GOOD["Node"]), Put)


def test_addresses_are_kept_in_the_form_of_the_device():
    event = KINDS["Endpoints"].decode(GOOD["Endpoints"])
    assert isinstance(event, Put)
    assert [(part.family, [one.address for one in part.endpoints]) for part in event.obj.spec] == [
        ("IPv4", ["192.0.2.1"]),
        ("IPv6", ["2001:db8::1"]),
    ]
