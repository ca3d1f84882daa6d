"""Cases in which a shortcut would be wrong: what others made, what is not known, and what happens at the same time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bigipsim.faults import Latency
from scenarios.loop import KINDS, Cluster, World, endpoints, f5_resource, service, world
from turnbuckle.drivers.icontrol.codec import Codec
from turnbuckle.model.ref import Event, Put, Ref
from turnbuckle.runtime.controller import Controller, snapshots
from turnbuckle.sources.base import PutEvents, decoded

pytestmark = pytest.mark.long

WEB = (f5_resource(), service(), endpoints(2))
SHOP = "/k8s/shop"


def named(name: str = "web", **more: Any) -> dict[str, Any]:
    return f5_resource(name, address="", annotations={"turnbuckle/pool": SHOP}, **more)


def made_by_hand(w: World, *members: str) -> None:
    body = {"name": "shop", "partition": "k8s", "members": [{"name": member} for member in members]}
    w.device.box.tree.create("ltm/pool", body)


async def test_half_a_character_in_one_object_is_told_and_stops_nobody() -> None:
    monitor = {"protocol": "http", "send": "GET \ud800"}
    async with world(*WEB) as w:
        w.cluster.tell(f5_resource("bad", address="203.0.113.9", backend={"healthMonitors": [monitor]}))
        await w.until(lambda: [str(i.about) for i in w.issues("TB1015")] == ["ConfigMap/default/bad"])
        w.cluster.tell(endpoints(3))
        await w.until(lambda: len(w.members()) == 3)


async def test_an_operation_of_which_the_device_never_tells_the_end_holds_up_nobody_and_is_told() -> None:
    async with world(*WEB) as w:
        w.fault("mcpd-lost", method="POST|PATCH|PUT|DELETE", path="cfgmap_default_web_web")
        w.cluster.tell(endpoints(3))
        await w.until(lambda: not w.worker.in_sync.is_set())
        w.cluster.tell(f5_resource("more", address="203.0.113.9"))
        await w.until(lambda: "/k8s/default_more" in w.virtuals(), seconds=40)
        await w.until(lambda: bool(w.issues("TB3001")))
        assert "mcpd" in w.issues("TB3001")[0].text


async def test_an_answer_that_nobody_thought_of_is_told_and_does_not_end_the_controller() -> None:
    async with world(*WEB) as w:
        await w.stop()
        w.start()
        reader = w.worker._driver._reader  # type: ignore[attr-defined]
        whole = reader.listed

        async def odd(codec: Codec, partition: str, select: str) -> list[dict[str, Any]]:
            if codec.kind == "sys/application/service":
                return [{"name": "x", "partition": partition, "tables": [{"name": "t", "rows": [{"row": 5}]}]}]
            found: list[dict[str, Any]] = await whole(codec, partition, select)
            return found

        reader.listed = odd
        await w.until(lambda: bool(w.issues("TB3009")))
        reader.listed = whole
        await w.in_sync()
        assert w.issues() == []


async def test_a_member_that_is_not_ours_costs_no_write_when_endpoints_change() -> None:
    async with world(named(), service(), endpoints(2), started=False) as w:
        made_by_hand(w, "198.51.100.2:8080")
        w.start()
        await w.until(lambda: len(w.members(SHOP)) == 2)
        await w.in_sync()
        writes = w.mark()
        w.cluster.tell(endpoints(3))
        await w.until(lambda: len(w.members(SHOP)) == 3)
        await w.in_sync()
        assert len(writes()) == 1
        assert len(w.issues("TB3007")) == 1


async def test_a_designated_pool_that_is_named_while_a_write_is_in_flight_is_looked_at() -> None:
    async with world(*WEB) as w:
        made_by_hand(w)
        w.device.box.faults.latency = Latency(direct_write_s=0.5)
        w.cluster.tell(endpoints(3))
        await w.until(lambda: not w.worker.in_sync.is_set())
        w.cluster.tell(named("api"))
        await w.until(lambda: len(w.members(SHOP)) == 3)


async def test_what_is_told_while_the_device_is_read_counts_for_what_follows() -> None:
    async with world(*WEB) as w:
        await w.stop()
        writes = w.mark()
        w.cluster.know(endpoints(1))
        w.device.box.faults.latency = Latency(get_s=0.2)
        w.start()
        await w.until(lambda: w.worker._agenda.begun)
        w.cluster.tell(endpoints(2))
        await w.in_sync()
        assert writes() == []


async def test_after_a_restart_members_of_a_broken_object_in_a_designated_pool_follow_the_facts() -> None:
    async with world(named(), service(), endpoints(2), started=False) as w:
        made_by_hand(w)
        w.start()
        await w.until(lambda: len(w.members(SHOP)) == 2)
        await w.stop()
        w.cluster.know(named(backend={"nonsense": 1}), endpoints(1))
        w.start()
        await w.in_sync()
        assert w.members(SHOP) == {"198.51.100.1:8080"}
        w.cluster.tell(endpoints(0))
        await w.until(lambda: w.members(SHOP) == set())
        w.cluster.tell(endpoints(2))
        await w.until(lambda: len(w.members(SHOP)) == 2)
        await w.stop()
        w.cluster.know(f5_resource(text="{", annotations={"turnbuckle/pool": SHOP}))
        w.start()
        await w.in_sync()
        assert len(w.members(SHOP)) == 2


async def test_after_a_restart_a_pool_is_looked_at_although_who_names_it_lacks_its_port() -> None:
    other = f5_resource("other", service="shop", address="", annotations={"turnbuckle/pool": SHOP})
    async with world(named(), other, service(), endpoints(2), service("shop"), endpoints(1, "shop", 9090)) as w:
        made_by_hand(w)
        await w.until(lambda: len(w.members(SHOP)) == 3, seconds=90)
        await w.stop()
        w.cluster.know(service(port=81))
        w.cluster.delete("ConfigMap", "other", told=False)
        w.start()
        await w.until(lambda: len(w.members(SHOP)) == 2, seconds=40)


async def test_after_a_restart_a_broken_object_keeps_its_address_against_a_younger_one_which_is_told() -> None:
    async with world(*WEB) as w:
        await w.stop()
        w.cluster.know(f5_resource(text="{"), f5_resource("young", created="2026-02-01T00:00:00Z"))
        w.start()
        await w.until(lambda: [str(i.about) for i in w.issues("TB2020")] == ["ConfigMap/default/young"])
        await w.in_sync()
        assert w.virtuals() == {"/k8s/default_web"}
        assert "ConfigMap/default/web's" in w.issues("TB2020")[0].text
        w.cluster.tell(f5_resource("young", address="203.0.113.9", created="2026-02-01T00:00:00Z"))
        await w.until(lambda: w.virtuals() == {"/k8s/default_web", "/k8s/default_young"} and not w.issues("TB2020"))


async def test_after_a_restart_what_a_broken_object_has_goes_to_an_older_one_in_good_standing() -> None:
    async with world(*WEB) as w:
        await w.stop()
        w.cluster.know(f5_resource(text="{"))
        w.start()
        await w.in_sync()
        assert w.virtuals() == {"/k8s/default_web"}
        w.cluster.tell(f5_resource("old", created="2025-02-01T00:00:00Z"))
        await w.until(lambda: w.virtuals() == {"/k8s/default_old"})
        assert not w.issues("TB3001")


async def test_after_a_restart_an_older_one_whose_service_lost_its_port_keeps_its_address_until_it_goes() -> None:
    young = f5_resource("young", service="shop", created="2026-02-01T00:00:00Z")
    async with world(*WEB, service("shop"), endpoints(1, "shop")) as w:
        await w.stop()
        w.cluster.know(service(port=81), young, f5_resource("more", service="shop", address="203.0.113.9"))
        w.start()
        await w.until(lambda: [str(i.about) for i in w.issues("TB2020")] == ["ConfigMap/default/young"])
        await w.until(lambda: w.virtuals() == {"/k8s/default_web", "/k8s/default_more"})
        assert len(w.members()) == 2
        w.cluster.delete("ConfigMap", "web")
        await w.until(lambda: w.virtuals() == {"/k8s/default_young", "/k8s/default_more"})
        await w.until(lambda: not w.issues())


async def test_a_virtual_server_is_never_pointed_at_somebody_elses_pool() -> None:
    async with world(service(), endpoints(2), started=False) as w:
        w.device.box.tree.create("ltm/pool", {"name": "cfgmap_default_web_web", "partition": "k8s"})
        w.start()
        await w.in_sync()
        w.cluster.tell(f5_resource())
        await w.until(lambda: len(w.issues("TB3002")) == 1 and len(w.issues("TB3003")) == 1)
        w.cluster.tell(f5_resource(port=81), f5_resource("more", address="203.0.113.9"))
        await w.until(lambda: w.virtuals() == {"/k8s/default_more"})
        await w.in_sync()
        assert w.virtuals() == {"/k8s/default_more"}
        assert len(w.issues("TB3002")) == 1 and len(w.issues("TB3003")) == 1


async def test_an_address_in_another_spelling_is_the_same_address() -> None:
    six = endpoints(0)
    six |= {"addressType": "IPv6", "endpoints": [{"addresses": ["2001:DB8::0005"]}]}
    async with world(f5_resource(), service(), six) as w:
        assert w.members() == {"2001:db8::5.8080"}
        await w.stop()
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert writes() == []


class Unreadable(Cluster):
    """A cluster with a Service that could not be decoded when the controller started."""

    async def run(self, put: PutEvents) -> None:
        await super().run(lambda events: put([self._seen(event) for event in events]))

    @staticmethod
    def _seen(event: Event) -> Event:
        bad = service()
        bad["spec"]["ports"][0]["port"] = "eighty"
        ref = Ref("", "Service", "default", "web")
        broken = isinstance(event, Put) and event.obj.ref == ref and event.obj.spec.type == "Broken"
        return decoded(KINDS["Service"], bad, ref) if broken else event


async def test_a_service_that_could_not_be_read_since_the_start_empties_no_pool() -> None:
    async with world(*WEB) as w:
        await w.stop()
        w.cluster = Unreadable(f5_resource(), service(type="Broken"), endpoints(3))
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert [str(i.about) for i in w.issues("TB2017")] == ["ConfigMap/default/web"]
        assert writes() == []
        w.cluster.tell(service())
        await w.until(lambda: len(w.members()) == 3)
        await w.until(lambda: w.issues() == [])


FORMS = {
    "virtual server": f5_resource(),
    "pool": f5_resource(address=""),
    "designated": named(),
    "tcp": f5_resource(frontend={"mode": "tcp"}, backend={"healthMonitors": [{"protocol": "tcp"}]}),
    "http": f5_resource(backend={"healthMonitors": [{"protocol": "http"}]}),
    "udp": f5_resource(frontend={"mode": "udp"}),
    "IPv6": f5_resource(address="2001:db8::7"),
    "other service": f5_resource(service="other"),
}


async def test_every_form_of_an_object_can_become_every_other_without_a_refusal() -> None:
    async with world(FORMS["tcp"], service(), endpoints(2), service("other"), endpoints(1, "other")) as w:
        made_by_hand(w)
        for one in FORMS:
            for other in FORMS:
                for form in (one, other):
                    before = w.worker._agenda.snapshot
                    w.cluster.tell(FORMS[form], endpoints(2 if before.version % 2 else 3))
                    await w.until(lambda was=before: w.worker._agenda.snapshot is not was)  # type: ignore[misc]
                    await asyncio.sleep(0)
                    await w.in_sync()
                    assert [i.text for i in w.issues() if i.severity == "ERROR"] == [], (one, other)
        await w.stop()
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert writes() == []


class Failing:
    """A source that cannot go on."""

    name = "failing"

    async def run(self, put: PutEvents) -> None:
        raise LookupError("there is no such cluster")


async def test_a_source_that_fails_is_heard_of_when_synchronising_once() -> None:
    async with world(started=False) as w:
        w.start()
        await w.stop()
        controller = Controller([Failing()], w.worker, snapshots(), w.report, w.settings)
        with pytest.raises(ExceptionGroup) as caught:
            await controller.once()
        assert "there is no such cluster" in repr(caught.value.exceptions)
