"""Whatever stands in an annotation: it is told in a sentence that can be read, at its field, and harms nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from turnbuckle.kinds import ingress_options, service_balancer
from turnbuckle.kit.annotations import FREEZE
from turnbuckle.kit.shape import MOST_TOLD
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.policy import PolicyRule
from turnbuckle.model.ref import Event
from turnbuckle.model.settings import Settings
from turnbuckle.model.state import State
from turnbuckle.sources.leases_desk import Desk
from turnbuckle.sources.leases_pools import parse as parse_pools
from turnbuckle.sources.leases_range import RangeLeases
from unit.ingresses import Cluster, decoded, ingress, ingress_manifest, pair, rule, secret, service

ODD: dict[str, Any] = {
    "empty": "",
    "blanks": "  \t ",
    "null": None,
    "a number": 80,
    "a negative number": -1,
    "a fraction": 1.5,
    "a switch": True,
    "a list": ["a", "b"],
    "a mapping": {"a": 1},
    "many letters": "x" * 100_000,
    "many digits": "9" * 100_000,
    "many items": "a=b," * 2_000,
    "nothing but commas": ",,,",
    "control characters": "a\x00\x1b[31m\nb",
    "digits of another script": "٨٠",
    "half a character": "\ud800",
    "another JSON": '{"a": [1, {"b": null}]}',
    "a long key": '[{"' + "k" * 100_000 + '": 1, "path": "/"}]',
    "a key with a line break": '[{"a\\nb": 1, "path": "/"}]',
    "a list of a number": "[1]",
    "JSON without end": "[" * 100_000,
    "a command": "[exec rm -rf /]",
    "a variable": "$x; pool y",
    "a slash": "/",
    "quotes": '"""',
    "braces": "}{",
}
LONGEST = 800

OF_INGRESS = [name for name in ingress_options.OPTIONS if name != ingress_options.CLASS]
OF_SERVICE = list(service_balancer.OPTIONS)
NEIGHBOURS = (
    ingress("good", "other", rule("good.example.com"), created="2026-02-01T00:00:00Z"),
    service(namespace="other"),
    secret("www", pair("www.example.com")),
)


def balancer(annotations: dict[str, Any]) -> Event:
    """A Service of type LoadBalancer on an address of its own."""
    metadata = {"name": "lb", "namespace": "ns", "annotations": {"cis.f5.com/ip": "203.0.113.8"} | annotations}
    spec = {"type": "LoadBalancer", "ports": [{"port": 80, "nodePort": 30080}]}
    return decoded({"kind": "Service", "metadata": metadata, "spec": spec})


def told(event: Event, name: str) -> list[Issue]:
    """What is said, after it was seen that it can be read and that the neighbour's rule is there all the same."""
    cluster = Cluster(event, *NEIGHBOURS)
    assert [one.mark.owner for one in cluster.made(PolicyRule) if "good" in one.name] == ["Ingress/other/good"]
    found = [issue for issue in cluster.issues if issue.about.name in ("a", "lb") and issue.code != "TB2010"]
    assert len(found) <= MOST_TOLD + 1
    for issue in found:
        _can_be_read(issue)
        assert issue.field.startswith(f"metadata.annotations[{name}]") or issue.code == "TB1052"
    if any(issue.severity == "ERROR" for issue in found):
        assert not [one for one in cluster.made(VirtualServer) if one.mark.owner.endswith(("ns/a", "ns/lb"))]
    return [issue for issue in found if name in issue.field]


def _can_be_read(issue: Issue) -> None:
    for text in (issue.text, issue.field, issue.found):
        assert text.isprintable()
        assert len(text.encode()) <= LONGEST
    assert issue.message.endswith(".")
    assert issue.hint.endswith((".", "?"))


SILENT = {
    # What these say is a name of somebody else's, or nothing at all; the BIG-IP or the pools know whether there is one.
    ingress_options.SERVER_SSL: {"a number", "a negative number", "a fraction", "a switch"},
    ingress_options.HTTP_PORT: {"a number"},
    ingress_options.TRANSLATE: {"a switch"},
    ingress_options.SSL_REDIRECT: {"a switch"},
    ingress_options.ALLOW_HTTP: {"a switch"},
    FREEZE.name: {"a switch", "empty", "blanks", "null"},
    service_balancer.POOL_LABEL: set(ODD),
    service_balancer.POLICY: {"empty", "blanks", "null"},
    f"{service_balancer.PREFIX}host": set(ODD),
}
"""What is taken without a word, since it may be meant."""


@pytest.mark.parametrize("what", ODD)
def test_whatever_stands_in_an_annotation_of_an_ingress_it_is_told_and_the_neighbour_is_published(what):
    silent = set()
    for name in OF_INGRESS:
        manifest = ingress_manifest("a", "ns", rule(), created="2026-01-01T00:00:00Z", tls=[{"secretName": "www"}])
        manifest["metadata"]["annotations"] |= {ingress_options.HTTP_PORT: "8080", name: ODD[what]}
        silent |= set() if told(decoded(manifest), name) else {name}
    assert silent == {name for name in OF_INGRESS if what in SILENT.get(name, ())}


@pytest.mark.parametrize("what", ODD)
def test_whatever_stands_in_an_annotation_of_a_service_it_is_told_and_the_neighbour_is_published(what):
    silent = {name for name in OF_SERVICE if not told(balancer({name: ODD[what]}), name)}
    assert silent == {name for name in OF_SERVICE if what in SILENT.get(name, ())}


@pytest.mark.parametrize("what", ODD)
def test_whatever_stands_as_a_label_it_is_told_that_there_is_no_such_pool(what):
    cluster = Cluster(balancer({service_balancer.ADDRESS: "", service_balancer.POOL_LABEL: ODD[what]}), *NEIGHBOURS)
    leases = RangeLeases(parse_pools('{"Dev": "203.0.113.0/28"}'), Desk(cluster.engine.get, Settings("c", "k")))
    leases.asked(cluster.now)
    leases.observed(State())
    cluster.then(*leases.look())
    found = [issue for issue in cluster.issues if issue.about.name == "lb" and issue.code != "TB2010"]
    for issue in found:
        _can_be_read(issue)
    assert [str(issue.severity) for issue in found] == ["ERROR"]
    assert not [one for one in cluster.made(VirtualServer) if one.mark.owner.endswith("ns/lb")]


@pytest.mark.parametrize("prefix", ["virtual-server.f5.com/", "turnbuckle/"])
def test_an_unknown_annotation_with_a_name_of_any_length_is_told(prefix):
    for rest in ("x" * 100_000, "a\nb", "\ud800", ""):
        manifest = ingress_manifest("a", "ns", rule())
        manifest["metadata"]["annotations"][prefix + rest] = "x"
        (issue,) = Cluster(decoded(manifest)).issues
        assert issue.code == "TB1021"
        _can_be_read(issue)


def test_errors_are_told_before_warnings_where_there_are_more_than_anybody_reads():
    doubtful = [f"host{n}.example.com/=/x" for n in range(40)]
    annotation = {"virtual-server.f5.com/rewrite-target-url": ",".join([*doubtful, "none"])}
    assert len(Cluster(ingress("a", "ns", rule(), annotations=annotation)).issues) == MOST_TOLD + 1
    issues = Cluster(ingress("a", "ns", rule(), annotations=annotation)).issues
    assert {issue.severity for issue in issues if issue.code == "TB1043"} == {"ERROR"}
    (more,) = [issue for issue in issues if issue.code == "TB1052"]
    assert (more.severity, more.text) == ("WARNING", "There are 21 more of these. Mend those that are told first.")
