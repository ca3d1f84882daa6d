"""What is asked for, over random histories: as if it was computed anew, and never less by anybody's mistake."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from properties import worlds
from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.kinds.lease import Asked, LeaseSpec
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.ref import Event, Gone, Put, Ref, SourceObject, Synced

NAMES = st.sampled_from(["a", "b", "c"])
POOLS = st.sampled_from(["Dev", "Test"])
FAMILIES = st.sampled_from([["IPv4"], ["IPv6"], ["IPv4", "IPv6"]])


def balancer(name: str, families: list[str], annotations: dict[str, Any], **spec: Any) -> Event:
    return worlds.KINDS["Service"].decode(
        {
            "metadata": {"name": name, "namespace": "ns", "annotations": annotations},
            "spec": {"type": "LoadBalancer", "ipFamilies": families, "ports": [{"port": 80}], **spec},
        }
    )


@st.composite
def balancers(draw: st.DrawFn) -> Event:
    annotations = {"cis.f5.com/ipamLabel": draw(POOLS)}
    annotations |= draw(
        st.sampled_from(
            [{}, {}, {}, {"cis.f5.com/health": "{"}, {"cis.f5.com/ip": "203.0.113.1"}, {"cis.f5.com/partition": "no"}]
        )
    )
    spec = draw(st.sampled_from([{}, {}, {}, {"type": "ClusterIP"}, {"ports": "x"}]))
    return balancer(draw(NAMES), draw(FAMILIES), annotations, **spec)


@st.composite
def leases(draw: st.DrawFn) -> Event:
    family = draw(st.sampled_from(["IPv4", "IPv6"]))
    ref = Asked(draw(POOLS), f"ns/{draw(NAMES)}_svc", family).ref  # type: ignore[arg-type]
    address = f"203.0.113.{draw(st.integers(1, 3))}" if family == "IPv4" else f"2001:db8::{draw(st.integers(1, 3))}"
    answers = [LeaseSpec(address), LeaseSpec(address), LeaseSpec(refusal="exhausted"), None]
    answer = draw(st.sampled_from(answers))
    return Gone(ref) if answer is None else Put(SourceObject(ref, answer))


GONE = st.builds(lambda name: Gone(Ref("", "Service", "ns", name)), NAMES)
EVENTS = st.one_of(balancers(), balancers(), leases(), leases(), worlds.f5_resources(), GONE)
HISTORIES = st.lists(st.lists(EVENTS, max_size=4), max_size=12)


def engine() -> Engine:
    made = Engine(registry.kinds(), registry.composers(), ["test"], registry.on_demand())
    made.ingest([worlds.settings(), Synced("test")])
    return made


@settings(max_examples=250, deadline=None)
@given(HISTORIES)
def test_incremental_equals_rebuild(history: list[list[Event]]) -> None:
    ours = engine()
    for events in history:
        snapshot = ours.ingest(events)
        anew = ours.rebuild()
        assert dict(snapshot.desired) == dict(anew.desired)
        assert snapshot.issues == anew.issues
        assert (snapshot.held, snapshot.waiting) == (anew.held, anew.waiting)
        assert snapshot.demand == anew.demand


@settings(max_examples=100, deadline=None)
@given(HISTORIES, NAMES)
def test_a_mistake_gives_no_address_back(history: list[list[Event]], name: str) -> None:
    ours = engine()
    for events in history:
        ours.ingest(events)
    before, service = ours.ingest([]), Ref("", "Service", "ns", name)
    owned = [obj for obj in before.desired.values() if obj.mark is not None and obj.mark.owner == str(service)]
    served = {obj.destination_address for obj in owned if isinstance(obj, VirtualServer)}
    after = ours.ingest([balancer(name, ["IPv4"], {"cis.f5.com/ip": "nowhere"})])
    still = {obj.destination_address for obj in after.desired.values() if isinstance(obj, VirtualServer)}
    assert served <= still
    for ref, roots in before.demand.items():
        answer = ours.get(ref)
        if service in roots and answer is not None and answer.spec.address in served:
            assert service in after.demand.get(ref, ()), "an address that is served is not asked for any more"


def test_who_waits_for_another_address_keeps_the_one_it_had_and_goes_on_asking_for_it() -> None:
    ours = engine()
    dev, test = (Asked(pool, "ns/a_svc", "IPv4").ref for pool in ("Dev", "Test"))
    waiting = ours.ingest([balancer("a", ["IPv4"], {"cis.f5.com/ipamLabel": "Dev"})])
    service = Ref("", "Service", "ns", "a")
    assert (waiting.demand, waiting.waiting, waiting.held) == ({dev: {service}}, {service}, {service})
    served = ours.ingest([Put(SourceObject(dev, LeaseSpec("203.0.113.1")))])
    assert (served.waiting, served.held) == (frozenset(), frozenset())
    virtuals = [path for path in served.desired if path.kind == "ltm/virtual"]
    moving = ours.ingest([balancer("a", ["IPv4"], {"cis.f5.com/ipamLabel": "Test"})])
    assert (moving.demand.keys(), moving.waiting, moving.held) == ({dev, test}, {service}, frozenset())
    assert [path for path in moving.desired if path.kind == "ltm/virtual"] == virtuals
    moved = ours.ingest([Put(SourceObject(test, LeaseSpec("203.0.113.2")))])
    assert moved.demand.keys() == {test}
    assert [path.leaf for path in moved.desired if path.kind == "ltm/virtual"] == ["vs_lb_svc_ns_a_203_0_113_2_80"]
    gone = ours.ingest([Gone(service)])
    assert (gone.demand, gone.waiting) == ({}, frozenset())


def test_a_service_that_cannot_be_read_is_not_one_that_is_not_there() -> None:
    ours = engine()
    one = worlds.config_map("a", {
        "virtualServer": {
            "frontend": {"partition": "k8s", "virtualAddress": {"bindAddr": "203.0.113.1", "port": 80}},
            "backend": {"serviceName": "web", "servicePort": 80},
        }
    })  # fmt: skip
    broken = worlds.KINDS["Service"].decode({"metadata": {"name": "web", "namespace": "ns"}, "spec": {"ports": "x"}})
    assert {issue.code for issue in ours.ingest([one]).all_issues()} == {"TB2003"}
    assert "TB2003" not in {issue.code for issue in ours.ingest([broken]).all_issues()}
