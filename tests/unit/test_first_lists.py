"""What an engine makes of objects must not depend on the order in which a source lists them at its start."""

from __future__ import annotations

from itertools import permutations

import pytest

from scenarios.loop import endpoints, f5_resource, service
from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.model.ltm import Pool, VirtualServer
from turnbuckle.model.ref import Gone, Put, SourceObject, Synced
from turnbuckle.model.settings import SETTINGS, Settings

KINDS = {kind.name: kind for kind in registry.kinds()}
SETTINGS_FACT = Put(SourceObject(SETTINGS, Settings("ctl", "k1", ("k8s",), "cluster")))
LISTS = (f5_resource(), service(port=81), endpoints(1))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_pool_whose_service_lacks_the_port_is_left_alone_whatever_is_listed_first(order: tuple[int, ...]) -> None:
    engine = Engine(registry.kinds(), registry.composers(), ["cluster"])
    engine.ingest([SETTINGS_FACT])
    for index in order:
        engine.ingest([KINDS[LISTS[index]["kind"]].decode(LISTS[index])])
    snapshot = engine.ingest([Synced("cluster")])
    assert [obj for obj in snapshot.desired.values() if isinstance(obj, Pool)] == []


def test_a_config_map_that_was_made_anew_unseen_does_not_keep_the_address_of_the_former_one() -> None:
    def resource(name: str, day: int, host: int, uid: str) -> Put:
        raw = f5_resource(name, address=f"203.0.113.{host}", created=f"2026-01-0{day}T00:00:00Z")
        raw["metadata"]["uid"] = uid
        found = KINDS["ConfigMap"].decode(raw)
        assert isinstance(found, Put)
        return found

    engine = Engine(registry.kinds(), registry.composers())
    engine.ingest([SETTINGS_FACT, resource("former", 1, 7, "1"), resource("other", 2, 8, "2")])
    engine.ingest([resource("waiting", 3, 7, "3")])
    snapshot = engine.ingest([resource("former", 4, 8, "4")])
    owners = {obj.destination_address: obj.name for obj in snapshot.desired.values() if isinstance(obj, VirtualServer)}
    assert owners == {"203.0.113.7": "/k8s/default_waiting", "203.0.113.8": "/k8s/default_other"}


def test_what_was_deleted_and_made_anew_before_anybody_looked_does_not_keep_what_the_former_was_good_for() -> None:
    def resource(host: int, port: int) -> Put:
        found = KINDS["ConfigMap"].decode(f5_resource(address=f"203.0.113.{host}", backend={"servicePort": port}))
        assert isinstance(found, Put)
        return found

    told = (KINDS["Service"].decode(service()), KINDS["EndpointSlice"].decode(endpoints(1)))
    engine = Engine(registry.kinds(), registry.composers())
    engine.ingest([SETTINGS_FACT, *told, resource(7, 80)])
    ref = resource(7, 80).obj.ref
    at_once = engine.ingest([Gone(ref), resource(8, 81)])
    assert list(at_once.desired) == []
    assert at_once.held == {ref}
