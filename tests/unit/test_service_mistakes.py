"""What people write wrongly in a Service of type LoadBalancer, each with its sentence; its neighbour stays served."""

from __future__ import annotations

from typing import Any

import pytest

from turnbuckle.kinds.lease import Asked, LeaseSpec
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.ref import Gone, Put, Ref, SourceObject
from unit.ingresses import Cluster, decoded, ingress, service

IP = {"cis.f5.com/ip": "203.0.113.7"}
POOL = {"cis.f5.com/ipamLabel": "Dev"}
A, HEALTH = "metadata.annotations", "metadata.annotations[cis.f5.com/health]"
JSON_HINT = 'Write JSON like {"interval": 10, "timeout": 31}; quotes, commas and braces must match.'


def manifest(annotations: dict[str, Any], name: str = "web", created: str = "", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "ns", "annotations": annotations, "creationTimestamp": created}
    given = {"type": "LoadBalancer", "ports": [{"name": "http", "port": 80, "nodePort": 30080}], **spec}
    return {"kind": "Service", "metadata": metadata, "spec": given}


GOOD = decoded(manifest({"cis.f5.com/ip": "203.0.113.9"}, "good"))

ERRORS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    (
        {"cis.f5.com/ip": "203.0.113.7,"},
        {},
        f"{A}[cis.f5.com/ip]",
        f'{A}[cis.f5.com/ip] is "203.0.113.7,", which is no IP address. Write an IPv4 or IPv6 address, for example '
        "203.0.113.7 or 2001:db8::7; a route domain follows as %2.",
    ),
    (
        {"cis.f5.com/ip": "203.0.113.7 2001:db8::7"},
        {},
        f"{A}[cis.f5.com/ip]",
        f'{A}[cis.f5.com/ip] is "203.0.113.7 2001:db8::7", which is no IP address. Write an IPv4 or IPv6 address, for '
        "example 203.0.113.7 or 2001:db8::7; a route domain follows as %2.",
    ),
    (
        {"cis.f5.com/ip": "2001:db8::7,2001:db8::8"},
        {},
        f"{A}[cis.f5.com/ip]",
        f'{A}[cis.f5.com/ip] is "2001:db8::7,2001:db8::8". Write one address, or one IPv4 and one IPv6 address with a '
        "comma between.",
    ),
    (
        {**IP, "cis.f5.com/health": "{interval: 5}"},
        {},
        HEALTH,
        f'{HEALTH} is "{{interval: 5}}", which is not JSON: expecting property name enclosed in double quotes at its '
        f"line 1, column 2. {JSON_HINT}",
    ),
    (
        {**IP, "cis.f5.com/health": ""},
        {},
        HEALTH,
        f'{HEALTH} is "", which is not JSON: expecting value at its line 1, column 1. {JSON_HINT}',
    ),
    (
        {**IP, "cis.f5.com/health": '{"interval": NaN}'},
        {},
        HEALTH,
        f'{HEALTH} is "{{"interval": NaN}}", which is not JSON: NaN is no number in JSON at its line 1, column 1. '
        f"{JSON_HINT}",
    ),
    (
        {**IP, "cis.f5.com/health": "[5]"},
        {},
        f"{HEALTH}[0]",
        f'{HEALTH}[0] is 5. Write an object, {{"…": …}}.',
    ),
    (
        {**IP, "cis.f5.com/health": '{"interval": "5"}'},
        {},
        f"{HEALTH}.interval",
        f'{HEALTH}.interval is "5". Write a whole number from 1 to 86400, without quotes.',
    ),
    (
        {**IP, "cis.f5.com/health": '{"timeout": 86401}'},
        {},
        f"{HEALTH}.timeout",
        f"{HEALTH}.timeout is 86401, which is outside 1 to 86400. Write a number from 1 to 86400.",
    ),
    (
        {**IP, "cis.f5.com/health": '{"send": ["GET /"]}'},
        {},
        f"{HEALTH}.send",
        f'{HEALTH}.send is […]. Write a text in quotes, for example "web".',
    ),
    (
        {**IP, "cis.f5.com/health": '{"recv": ""}'},
        {},
        f"{HEALTH}.recv",
        f"{HEALTH}.recv is empty. Write a value, or leave the field out if it is optional.",
    ),
    (
        {**IP, "cis.f5.com/health": '{"type": "ping"}'},
        {},
        f"{HEALTH}.type",
        f'{HEALTH}.type is "ping", which is not known there. Write one of: http, https, tcp, udp, gateway-icmp.',
    ),
    (
        {**IP, "cis.f5.com/health": '{"type": "tcp", "type": "http"}'},
        {},
        f"{HEALTH}.type",
        f"{HEALTH}.type stands there twice. Keep one of the two.",
    ),
    (
        {**IP, "cis.f5.com/health": '{"name": "my monitor", "reference": "bigip"}'},
        {},
        f"{HEALTH}.name",
        f'{HEALTH}.name is "my monitor", which is no full path on the BIG-IP. Write /partition/name in letters, '
        "digits, dots, hyphens and underscores, for example /Common/shop.",
    ),
    (
        IP,
        {"loadBalancerSourceRanges": ["10.0.0.0/8 192.0.2.0/24"]},
        "spec.loadBalancerSourceRanges",
        'spec.loadBalancerSourceRanges has the item "10.0.0.0/8 192.0.2.0/24", which is no network. Write networks '
        "one for each item, as 10.0.0.0/8 or 2001:db8::/32.",
    ),
]


@pytest.mark.parametrize(("annotations", "spec", "field", "sentence"), ERRORS)
def test_an_error_is_told_at_its_field_and_publishes_nothing_while_the_neighbour_stays(
    annotations: dict[str, Any], spec: dict[str, Any], field: str, sentence: str
) -> None:
    cluster = Cluster(decoded(manifest(annotations, **spec)), GOOD)
    found = [issue for issue in cluster.issues if issue.severity == "ERROR"]
    assert [(str(issue.about), issue.field, issue.text) for issue in found] == [("Service/ns/web", field, sentence)]
    assert published(cluster) == {"203.0.113.9"}


FORMS: list[tuple[dict[str, Any], str, str]] = [
    ({"ports": [{"port": "http"}]}, "spec.ports[0].port",
     'spec.ports[0].port is "http". Write a whole number from 1 to 65535, without quotes.'),
    ({"ports": [{"nodePort": 30080}]}, "spec.ports[0].port",
     "spec.ports[0].port is missing: the number of the port. Add it, for example 80."),
    ({"loadBalancerSourceRanges": "10.0.0.0/8"}, "spec.loadBalancerSourceRanges",
     'spec.loadBalancerSourceRanges is "10.0.0.0/8". Write a list, […].'),
    ({"loadBalancerSourceRanges": [10]}, "spec.loadBalancerSourceRanges[0]",
     'spec.loadBalancerSourceRanges[0] is 10. Write a text in quotes, for example "web".'),
    ({"loadBalancerClass": 5}, "spec.loadBalancerClass",
     'spec.loadBalancerClass is 5. Write a text in quotes, for example "web".'),
    ({"ipFamilies": "IPv4"}, "spec.ipFamilies", 'spec.ipFamilies is "IPv4". Write a list, […].'),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "field", "sentence"), FORMS)
def test_a_form_that_no_api_server_takes_is_told_and_the_last_good_version_stays(
    spec: dict[str, Any], field: str, sentence: str
) -> None:
    cluster = Cluster(decoded(manifest(IP)), GOOD)
    cluster.then(decoded(manifest(IP, **spec)))
    told = [(issue.field, issue.text) for issue in cluster.issues if issue.about.name == "web"]
    assert (field, sentence) in told
    assert published(cluster) == {"203.0.113.7", "203.0.113.9"}


@pytest.mark.parametrize(
    ("lease", "sentence"),
    [
        (
            LeaseSpec(refusal="no such pool", instead=("Dav", "Test")),
            f'{A}[cis.f5.com/ipamLabel] is "Dev", and --ip-range has no such label. Did you mean "Dav"?',
        ),
        (
            LeaseSpec(refusal="no such family"),
            'Pool "Dev" has no range of IPv4 addresses, and spec.ipFamilies asks for one. Add a range to the label in '
            "--ip-range, or take the family out of spec.ipFamilies.",
        ),
        (
            LeaseSpec(refusal="exhausted", instead=("4",)),
            'Pool "Dev" has no free IPv4 address left; all 4 are in use. Add a range to --ip-range, or delete a '
            "Service that has one; its address is free a minute later.",
        ),
    ],
)
def test_an_address_that_no_pool_has_is_told_with_what_there_is(lease: LeaseSpec, sentence: str) -> None:
    cluster = Cluster(decoded(manifest(POOL)), Put(SourceObject(Asked("Dev", "ns/web_svc", "IPv4").ref, lease)), GOOD)
    assert [issue.text for issue in cluster.issues if issue.severity == "ERROR"] == [sentence]
    assert published(cluster) == {"203.0.113.9"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("cis.f5.com/IP", "cis.f5.com/ip"),
        ("cis.f5.com/heath", "cis.f5.com/health"),
        ("turnbuckle/freez", "turnbuckle/freeze"),
    ],
)
def test_an_unknown_annotation_is_told_with_the_nearest_name(name: str, meant: str) -> None:
    cluster = Cluster(decoded(manifest({**IP, name: "x"})), GOOD)
    assert [(issue.message, issue.hint) for issue in cluster.issues if issue.code == "TB1021"] == [
        (f"The annotation {name} is not known.", f'Did you mean "{meant}"?')
    ]
    assert published(cluster) == {"203.0.113.7", "203.0.113.9"}


def test_of_an_ingress_and_a_service_that_want_one_destination_the_older_has_it() -> None:
    older = ingress("a", created="2026-01-01T00:00:00Z")
    cluster = Cluster(older, decoded(manifest(IP, created="2026-01-02T00:00:00Z")), GOOD)
    (issue,) = [one for one in cluster.issues if one.severity == "ERROR"]
    assert issue.text == (
        "203.0.113.7:80 belongs to Ingress/ns/a, which is older. Choose another address or port, or delete the other."
    )
    assert {server.mark.owner for server in cluster.made(VirtualServer)} == {"Ingress/ns/a", "Service/ns/good"}
    cluster.then(Gone(Ref("", "Ingress", "ns", "a")))
    assert {server.mark.owner for server in cluster.made(VirtualServer)} == {"Service/ns/web", "Service/ns/good"}


def test_a_service_that_lost_its_type_lets_its_address_go() -> None:
    cluster = Cluster(decoded(manifest(IP)), GOOD)
    cluster.then(service("web"))
    assert published(cluster) == {"203.0.113.9"}


def published(cluster: Cluster) -> set[str]:
    return {server.destination_address for server in cluster.made(VirtualServer)}
