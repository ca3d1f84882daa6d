"""A brake: what is frozen is not written, what waits is told, and all of it goes on once it is let go."""

from __future__ import annotations

import asyncio

import pytest

from fakes.leases import FakeLeases
from scenarios.loop import World, endpoints, f5_resource, service, world
from turnbuckle.planner.freeze import Freeze, parse

pytestmark = pytest.mark.long

WEB = (f5_resource(), service(), endpoints(2))
OTHER = (f5_resource("other", address="203.0.113.8", service="other"), service("other"), endpoints(1, "other"))
OTHER_POOL = "/k8s/cfgmap_default_other_other"


async def changes(w: World) -> None:
    w.cluster.tell(endpoints(5), endpoints(3, "other"))


@pytest.mark.parametrize(
    ("words", "frozen", "goes_on"),
    [
        ("device", "the device", False),
        ("k8s", "partition k8s", False),
        ("/k8s/cfgmap_default_web_web", "/k8s/cfgmap_default_web_web", True),
    ],
)
async def test_what_is_frozen_waits_and_says_so_and_the_rest_goes_on(words: str, frozen: str, goes_on: bool) -> None:
    async with world(*WEB, *OTHER) as w:
        w.worker.freeze(parse([words]))
        writes = w.mark()
        await changes(w)
        await w.until(lambda: bool(w.issues("TB3023")))
        assert f"because {frozen} is frozen" in w.issues("TB3023")[0].text
        if goes_on:
            await w.until(lambda: len(w.members(OTHER_POOL)) == 3)
        else:
            await asyncio.sleep(0.2)
            assert writes() == []
        assert len(w.members()) == 2
        w.worker.freeze(Freeze())
        await w.until(lambda: len(w.members()) == 5 and len(w.members(OTHER_POOL)) == 3)
        await w.until(lambda: w.issues() == [])


async def test_an_annotation_freezes_what_its_object_owns() -> None:
    async with world(*WEB, *OTHER) as w:
        w.cluster.tell(f5_resource(annotations={"turnbuckle/freeze": "true"}))
        await changes(w)
        await w.until(lambda: len(w.members(OTHER_POOL)) == 3 and bool(w.issues("TB3023")))
        assert len(w.members()) == 2
        w.cluster.tell(f5_resource())
        await w.until(lambda: len(w.members()) == 5)
        await w.until(lambda: w.issues() == [])


async def test_an_annotation_of_the_lease_freezes_and_lists_what_waits() -> None:
    leases = FakeLeases()
    async with world(*WEB, leases=leases) as w:
        (name,) = leases.objects
        leases.objects[name]["metadata"]["annotations"] = {"turnbuckle/freeze": "device"}
        await w.until(lambda: bool(w.worker._agenda.freeze))
        await changes(w)
        annotations = lambda: leases.objects[name]["metadata"]["annotations"]  # noqa: E731
        await w.until(lambda: "turnbuckle/waiting" in annotations())
        assert annotations()["turnbuckle/waiting"] == "ltm pool /k8s/cfgmap_default_web_web"
        assert len(w.members()) == 2
        annotations().pop("turnbuckle/freeze")
        await w.until(lambda: len(w.members()) == 5)
        await w.until(lambda: "turnbuckle/waiting" not in annotations())


async def test_what_is_frozen_keeps_its_traffic_when_its_owner_goes() -> None:
    async with world(*WEB) as w:
        w.worker.freeze(parse(["device"]))
        w.cluster.delete("ConfigMap", "web")
        await w.until(lambda: bool(w.issues("TB3023")))
        assert w.virtuals() == {"/k8s/default_web"}
        w.worker.freeze(Freeze())
        await w.until(lambda: not w.virtuals())
