"""The address of an Ingress by the name of its first host: who asks for it, and what is made of the answer."""

from __future__ import annotations

import pytest

from turnbuckle.kinds.host_address import HostAddressSpec, asked
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.ref import Gone, Put, Ref, SourceObject
from unit.ingresses import F5, Cluster, ingress, rule

HOST = "www.example.com"
FIELD = "spec.rules[0].host"
A = Ref("", "Ingress", "ns", "a")


def answer(address: str = "", trouble: str = "", host: str = HOST) -> Put:
    return Put(SourceObject(asked(host), HostAddressSpec(address, trouble)))


def looked_up(*events, **settings) -> Cluster:
    return Cluster(*events, **{"resolve_ingress_names": True} | settings)


def addresses(cluster: Cluster) -> list[str]:
    return [server.destination_address for server in cluster.made(VirtualServer)]


def test_an_ingress_without_an_address_waits_for_that_of_its_first_host():
    cluster = looked_up(ingress("a", "ns", rule(HOST), rule("other.example.com"), ip=""))
    assert cluster.said() == [("PENDING", "TB2053", FIELD)]
    assert (cluster.now.held, cluster.now.waiting) == ({A}, {A})
    cluster.then(answer("203.0.113.9"))
    assert cluster.issues == []
    assert addresses(cluster) == ["203.0.113.9"]
    cluster.then(answer("203.0.113.10"))
    assert addresses(cluster) == ["203.0.113.10"]


def test_a_name_that_is_lost_keeps_its_address_and_one_that_never_was_found_holds_what_is_there():
    cluster = looked_up(ingress("a", "ns", rule(HOST), ip=""), answer(trouble="192.0.2.53 does not know it"))
    assert cluster.issues[0].text == (
        "The address of www.example.com cannot be found: 192.0.2.53 does not know it. Mend the name in DNS, or write "
        "the address in the annotation virtual-server.f5.com/ip."
    )
    assert cluster.said() == [("ERROR", "TB2054", FIELD)]
    assert (cluster.now.held, cluster.now.waiting) == ({A}, set())
    cluster.then(answer("203.0.113.9", "192.0.2.53 does not answer"))
    assert cluster.said() == [("WARNING", "TB2054", FIELD)]
    assert "cannot be found any more: 192.0.2.53 does not answer; it stays 203.0.113.9." in cluster.issues[0].message
    assert addresses(cluster) == ["203.0.113.9"]
    cluster.then(Gone(asked(HOST)))
    assert addresses(cluster) == ["203.0.113.9"]


@pytest.mark.parametrize("ip", ["203.0.113.1", "controller-default"])
def test_the_annotation_counts_more(ip):
    cluster = looked_up(ingress("a", "ns", rule(HOST), ip=ip), answer("203.0.113.9"), default_ingress_ip="203.0.113.1")
    assert cluster.issues == []
    assert addresses(cluster) == ["203.0.113.1"]


@pytest.mark.parametrize("hosts", [[], [""], ["*.example.com"], ["", HOST]])
def test_an_ingress_whose_first_host_is_no_name_has_the_default_address(hosts):
    event = ingress("a", "ns", *map(rule, hosts), ip="")
    cluster = looked_up(event, answer("203.0.113.9"), default_ingress_ip="203.0.113.1")
    assert cluster.issues == []
    assert addresses(cluster) == ["203.0.113.1"]
    assert looked_up(event).said() == [("PENDING", "TB2043", f"metadata.annotations[{F5}/ip]")]


@pytest.mark.parametrize("host", ["www.example.com:80", "203.0.113.7", "WWW.example.com"])
def test_what_is_no_host_is_told_and_never_asked_for(host):
    cluster = looked_up(ingress("a", "ns", rule(host), ip=""))
    assert ("ERROR", "TB1046", FIELD) in cluster.said()
    assert not cluster.now.demand


def test_without_the_setting_no_name_is_asked_for():
    cluster = looked_up(ingress("a", "ns", rule(HOST), ip=""), answer("203.0.113.9"), resolve_ingress_names=False)
    assert [code for _, code, _ in cluster.said()] == ["TB2043"]
    assert not cluster.now.demand


def test_ingresses_of_one_host_ask_once_and_share_the_address():
    cluster = looked_up(
        ingress("a", "ns", rule(HOST), ip=""), ingress("b", "ns", rule(HOST), ip=""), answer("203.0.113.9")
    )
    assert cluster.now.demand == {asked(HOST): {A, Ref("", "Ingress", "ns", "b")}}
    assert addresses(cluster) == ["203.0.113.9"]
