"""What a device loses must have gone, not just be out of sight."""

from __future__ import annotations

import asyncio
from typing import Any

from scenarios.loop import World, endpoints, f5_resource, service, world
from turnbuckle.model.ref import Grounds
from turnbuckle.runtime.telling import Telling

NAMES = [f"web{number}" for number in range(40)]
LISTED, FILTER = Grounds.LISTED, Grounds.FILTER


def many() -> list[dict[str, Any]]:
    virtuals = [f5_resource(name, address=f"203.0.113.{number}") for number, name in enumerate(NAMES)]
    return [service(), endpoints(2), *virtuals]


async def held_back(w: World) -> None:
    await w.until(lambda: bool(w.issues("TB3021")))


async def test_what_went_while_no_controller_ran_goes_on_the_second_look() -> None:
    async with world(*many(), second_look_s=0.5) as w:
        await w.stop()
        w.cluster.delete("ConfigMap", *NAMES[:5], told=False)
        w.start()
        await w.until(lambda: len(w.virtuals()) == 35)
        await w.in_sync()
        assert w.issues() == []


async def test_what_a_start_does_not_find_and_a_second_look_does_stays() -> None:
    async with world(*many(), second_look_s=5.0) as w:
        await w.stop()
        w.cluster.delete("ConfigMap", "web0", told=False)
        writes = w.mark()
        w.start()
        await w.until(lambda: w.worker._agenda.observed is not None)
        w.cluster.tell(f5_resource("web0", address="203.0.113.0"))
        await w.in_sync()
        await asyncio.sleep(5.5)
        assert writes() == []


async def test_a_deletion_that_was_watched_is_followed_at_once_however_many_there_are() -> None:
    async with world(*many(), second_look_s=3600) as w:
        w.cluster.delete("ConfigMap", *NAMES[:39])
        await w.until(lambda: len(w.virtuals()) == 1)
        w.cluster.delete("ConfigMap", NAMES[39])
        await w.until(lambda: not w.virtuals() and w.get("ltm/data-group/internal", "/k8s/turnbuckle") is None)


async def test_a_list_that_lacks_too_much_waits_for_a_second_one_and_holds_only_that() -> None:
    telling = Telling()
    async with world(*many(), second_look_s=0.2, observer=telling) as w:
        w.cluster.confirms = False
        w.cluster.delete("ConfigMap", *NAMES[:20], grounds=LISTED)
        await held_back(w)
        page = telling.metrics.page().decode()
        assert "turnbuckle_guard_trips_total 1.0" in page
        assert 'turnbuckle_device_circuit{state="closed"} 1.0' in page
        w.cluster.tell(endpoints(3))
        await w.until(lambda: len(w.members("/k8s/cfgmap_default_web30_web")) == 3)
        w.cluster.delete("ConfigMap", "web39")
        await w.until(lambda: "/k8s/default_web39" not in w.virtuals())
        assert len(w.virtuals()) == 39
        w.cluster.confirms = True
        await w.cluster.confirm()
        await w.until(lambda: len(w.virtuals()) == 19)
        await w.in_sync()
        assert w.issues() == []


async def test_endpoints_that_a_list_lacks_empty_one_pool_at_once_and_many_only_when_confirmed() -> None:
    slices = [endpoints(2, f"app{number}") for number in range(20)]
    services = [service(f"app{number}") for number in range(20)]
    virtuals = [f5_resource(f"v{n}", service=f"app{n}", address=f"203.0.113.{n}") for n in range(20)]
    async with world(*slices, *services, *virtuals) as w:
        w.cluster.confirms = False
        w.cluster.delete("EndpointSlice", "app0-1", grounds=LISTED)
        await w.until(lambda: not w.members("/k8s/cfgmap_default_v0_app0"))
        w.cluster.delete("EndpointSlice", *(f"app{n}-1" for n in range(1, 20)), grounds=LISTED)
        await held_back(w)
        assert all(w.members(f"/k8s/cfgmap_default_v{n}_app{n}") for n in range(1, 20))
        w.cluster.tell(endpoints(3, "app7"))
        await w.until(lambda: len(w.members("/k8s/cfgmap_default_v7_app7")) == 3)
        w.worker.allow_mass_delete(True)
        await w.until(lambda: sum(bool(w.members(f"/k8s/cfgmap_default_v{n}_app{n}")) for n in range(20)) == 1)


async def test_what_is_allowed_while_a_write_is_under_way_is_let_go_after_it() -> None:
    async with world(*many(), second_look_s=0.2) as w:
        w.cluster.confirms = False
        w.cluster.delete("ConfigMap", *NAMES[:20], grounds=LISTED)
        await held_back(w)
        await w.control("POST", "faults", {"latency": {"commit_s": 5}})
        before = w.mark()
        w.cluster.tell(endpoints(3))
        await w.until(lambda: bool(before()))
        assert len(w.members("/k8s/cfgmap_default_web30_web")) == 2
        w.worker.allow_mass_delete(True)
        await w.control("POST", "faults", {"latency": {"commit_s": 0}})
        await w.until(lambda: len(w.virtuals()) == 20)


async def test_a_changed_filter_removes_a_lot_only_when_a_person_says_so() -> None:
    async with world(*many(), second_look_s=0.2) as w:
        w.cluster.delete("ConfigMap", *NAMES[:20], grounds=FILTER)
        await held_back(w)
        await w.cluster.confirm()
        await asyncio.sleep(0.5)
        assert len(w.virtuals()) == 40
        w.worker.allow_mass_delete(True)
        await w.until(lambda: len(w.virtuals()) == 20)


async def test_synchronising_once_is_not_done_while_too_much_is_held_back() -> None:
    async with world(*many(), second_look_s=0.2) as w:
        await w.stop()
        w.cluster.confirms = False
        w.cluster.delete("ConfigMap", *NAMES[:20], told=False)
        w.start()
        await held_back(w)
        assert not w.worker.in_sync.is_set()
        assert w.report.has_errors
        await w.cluster.confirm()
        w.cluster.confirms = True
        await w.cluster.confirm()
        await w.in_sync()
        assert w.worker.clean
