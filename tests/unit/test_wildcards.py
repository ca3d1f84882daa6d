"""A wildcard's rules need an iRule beside them: who has it, when it comes, and when it goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from turnbuckle.kit import wildcards
from turnbuckle.model.ltm import IRule, Pool, VirtualServer
from turnbuckle.model.policy import Action, PolicyRule
from turnbuckle.model.ref import Gone, Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner import make_plan
from unit.ingresses import F5, Cluster, backend, ingress, pair, path, rule, secret, service

FORWARD = Action("forward", "/k8s/Shared/p")
NAME = "/k8s/Shared/Ingress_203_0_113_7_80_wildcards"


@pytest.mark.parametrize(
    ("host", "actions", "watched"),
    [
        ("*.example.com", (FORWARD,), 'tcl:[getfield [HTTP::host] "." 4]'),
        ("*.com", (Action("replace-host", "x"), FORWARD), 'tcl:[getfield [HTTP::host] "." 3]'),
        ("www.example.com", (FORWARD,), ""),
        ("", (FORWARD,), ""),
        ("*.example.com", (Action("redirect", "https://x", 302),), ""),
        ("*.example.com", (Action("reset"),), ""),
    ],
)
def test_what_goes_to_a_pool_by_a_wildcard_is_watched_before_anything_is_done(host, actions, watched):
    found = wildcards.watched(host, actions)
    assert wildcards.are_watched(found) is bool(watched)
    assert found[-len(actions) :] == actions
    assert [action.value for action in found[: -len(actions)]] == [watched][: bool(watched)]


@pytest.mark.parametrize("pool", ["", "/k8s/Shared/p"])
def test_the_irule_is_text_that_a_device_keeps_as_it_is(pool):
    text = wildcards.text(pool)
    assert text.strip() == text
    assert text.isascii() and "\r" not in text
    assert IRule("/k8s/r", None, text).references() == ({Path(Pool.KIND, pool)} if pool else set())


ALL, OTHER = path("/", service="all"), path("/", service="other")


@pytest.mark.parametrize(
    ("others", "leads_to"),
    [
        ([], ""),
        ([ingress("b", "ns", defaultBackend=backend("all"))], "all"),
        ([ingress("b", "ns", rule("", ALL))], "all"),
        ([ingress("b", "ns", rule("", ALL, path("/x")), defaultBackend=backend("other"))], "all"),
        ([ingress("b", "ns", rule("", path("/x"), path("/", "Exact")))], ""),
        ([ingress("b", "ns", rule("", ALL)), ingress("c", "ns", rule("", OTHER))], "all"),
        ([ingress("b", "ns", rule("", path("/x"))), ingress("c", "theirs", rule("", OTHER))], ""),
        ([ingress("b", "ns", rule("", ALL), annotations={f"{F5}/whitelist-source-range": "10.0.0.0/8"})], ""),
    ],
)
def test_longer_names_go_to_where_every_host_and_path_does(others, leads_to):
    services = [service("all"), service("other"), service("other", "theirs"), service("web", "theirs")]
    cluster = Cluster(*services, ingress("a", "ns", rule("*.example.com")), *others)
    (irule,) = cluster.made(IRule)
    pool = f"/k8s/Shared/ingress_ns_b_{leads_to}_80" if leads_to else ""
    assert irule.text == wildcards.text(pool), cluster.issues


def test_it_comes_with_the_first_wildcard_and_goes_with_the_last():
    plain, wild = ingress("a", "ns", rule()), ingress("b", "ns", rule("*.example.com", path("/x"), path("/y")))
    cluster = Cluster(plain)
    assert not cluster.made(IRule)
    cluster.then(wild)
    (server,), (irule,) = cluster.made(VirtualServer), cluster.made(IRule)
    assert (irule.name, irule.text, irule.mark) == (NAME, wildcards.text(""), server.mark)
    assert server.rules == {NAME}
    assert sum(wildcards.are_watched(one.actions) for one in cluster.made(PolicyRule)) == 2
    cluster.then(Gone(Ref("", "Ingress", "ns", "b")))
    assert not cluster.made(IRule) and not cluster.made(VirtualServer)[0].rules


def test_where_everybody_is_redirected_there_is_nothing_to_watch():
    tls = [{"hosts": ["*.example.com"], "secretName": "wild"}]
    cluster = Cluster(secret("wild", pair("*.example.com")), ingress("a", "ns", rule("*.example.com"), tls=tls))
    assert {server.port: len(server.rules) for server in cluster.made(VirtualServer)} == {80: 0, 443: 1}
    assert len(cluster.made(IRule)) == 1


def test_it_stays_while_somebody_errs_who_may_have_needed_it():
    oldest = ingress("a", "ns", rule(), created="2026-01-01T00:00:00Z")
    wild = ingress("b", "ns", rule("*.example.com"), created="2026-01-02T00:00:00Z")
    broken = ingress(
        "b",
        "ns",
        rule("*.example.com"),
        created="2026-01-02T00:00:00Z",
        annotations={"virtual-server.f5.com/http-port": "x"},
    )
    before = Cluster(oldest, wild).now.desired
    after = Cluster(oldest, broken).now
    assert after.held and not any(isinstance(obj, IRule) for obj in after.desired.values())
    assert not make_plan(before, after.desired, controller_id="c", held=after.held).operations
    # Even if somebody took it off, it is put on again: the held rules are there.
    (server,) = (obj for obj in before.values() if isinstance(obj, VirtualServer))
    taken_off = before.changed({server.path: replace(server, rules=frozenset())})
    *_, step = make_plan(taken_off, after.desired, controller_id="c", held=after.held).operations
    assert (step.path, step.fields) == (server.path, {"rules"})
    # Another controller's iRule of that name is none of ours.
    (irule,) = (obj for obj in before.values() if isinstance(obj, IRule))
    theirs = replace(irule, mark=replace(irule.mark, controller_id="other"))
    assert not make_plan(State([theirs]), State(), controller_id="c").operations
