"""A root that wants nothing costs nothing, and that is all there is to it: what it was and becomes is not forgotten."""

from __future__ import annotations

from typing import Any

from scenarios.loop import endpoints, f5_resource, service
from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model.ltm import Pool, VirtualServer
from turnbuckle.model.ref import Event, Gone, Put, Ref, SourceObject, Synced
from turnbuckle.model.settings import SETTINGS, Settings

KINDS = {kind.name: kind for kind in registry.kinds()}
WEB = Ref("", "Service", "default", "web")
UNREADABLE = {"spec": {"ports": "x"}}


def read(raw: dict[str, Any]) -> Event:
    return KINDS[raw["kind"]].decode(raw)


def balancer(address: str = "203.0.113.9") -> dict[str, Any]:
    raw = service()
    raw["metadata"]["annotations"] = {"cis.f5.com/ip": address}
    raw["spec"]["type"] = "LoadBalancer"
    return raw


def engine() -> Engine:
    made = Engine(registry.kinds(), registry.composers(), ["cluster"])
    made.ingest([Put(SourceObject(SETTINGS, Settings("ctl", "k1", ("k8s",), "cluster")))])
    made.ingest([read(service()), read(endpoints(1)), read(f5_resource())])
    made.ingest([Synced("cluster")])
    return made


def addresses(snapshot: Snapshot) -> set[str]:
    return {obj.destination_address for obj in snapshot.desired.values() if isinstance(obj, VirtualServer)}


def test_a_service_that_wants_nothing_and_cannot_be_read_any_more_holds_nothing() -> None:
    snapshot = engine().ingest([read({**service(), **UNREADABLE})])
    assert WEB in snapshot.issues
    assert snapshot.held == frozenset()


def test_a_service_that_could_never_be_read_is_held() -> None:
    ours = engine()
    ours.ingest([Gone(WEB)])
    assert ours.ingest([read({**service(), **UNREADABLE})]).held == {WEB}


def test_a_service_that_begins_to_want_something_gets_it_and_gives_it_back() -> None:
    ours = engine()
    before = ours.ingest([])
    assert WEB not in before.ages
    published = ours.ingest([read(balancer())])
    assert addresses(published) == addresses(before) | {"203.0.113.9"}
    assert WEB in published.ages
    back = ours.ingest([read(service())])
    assert addresses(back) == addresses(before)
    assert WEB not in back.ages


def test_a_service_that_wanted_something_keeps_it_while_it_cannot_be_read() -> None:
    ours = engine()
    published = ours.ingest([read(balancer())])
    broken = ours.ingest([read({**balancer(), **UNREADABLE})])
    assert dict(broken.desired) == dict(published.desired)
    assert WEB in broken.ages


def test_pools_follow_a_service_that_wants_nothing_itself() -> None:
    ours = engine()
    [pool] = [obj for obj in ours.ingest([read(endpoints(2))]).desired.values() if isinstance(obj, Pool)]
    assert len(pool.members) == 2
    [empty] = [obj for obj in ours.ingest([Gone(WEB)]).desired.values() if isinstance(obj, Pool)]
    assert empty.members == frozenset()
