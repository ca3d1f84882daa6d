"""The status of objects: the address on a ConfigMap, when it is written and when it is taken away."""

from __future__ import annotations

import logging

from runtime.cluster import KINDS, WEB, Written, config_map, written
from turnbuckle.kinds.f5resource import STATUS_ANNOTATION
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import LtmObject, Pool, VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.ref import Put, Ref
from turnbuckle.model.state import State
from turnbuckle.runtime.status import StatusWriter

NOT_OURS = issues_of.partition_not_ours(WEB, "data.data.virtualServer.frontend.partition", "other", ["k8s"])


class World:
    """A status writer, the cluster that it writes to, and what the device has."""

    def __init__(self, cluster: Written) -> None:
        self.cluster = cluster
        self.issues: dict[Ref, tuple[Issue, ...]] = {}
        self.writer = StatusWriter(
            cluster.writer,
            {"ConfigMap": KINDS["ConfigMap"]},
            cluster.object,
            lambda refs: self.issues,
            cluster.leading,
            "ctl",
            manners=cluster.manners(),
        )

    async def device_has(self, *objects: LtmObject) -> None:
        self.writer.observed(State(objects), None)
        self.writer.synced()
        await self.writer.round()

    def put(self, raw: dict) -> None:
        self.writer.touched([self.cluster.put(raw).ref])

    async def told(self) -> None:
        """What the server has now comes back by the source."""
        for raw in self.cluster.all("ConfigMap"):
            event = KINDS["ConfigMap"].decode(raw)
            ref = event.obj.ref if isinstance(event, Put) else event.ref
            self.cluster.known.pop(ref, None)
            if isinstance(event, Put):
                self.cluster.known[ref] = event.obj
            self.writer.touched([ref])
        self.writer.synced()
        await self.writer.round()

    def annotation(self, name: str = "web") -> str | None:
        (raw,) = (one for one in self.cluster.all("ConfigMap") if one["metadata"]["name"] == name)
        return raw["metadata"]["annotations"].get(STATUS_ANNOTATION)

    def patches(self) -> int:
        return len(self.cluster.api.requests("patch", "configmaps"))


def virtual(name: str = "web", *, address: str = "203.0.113.7", controller: str = "ctl") -> VirtualServer:
    mark = Mark(controller, "k1", f"ConfigMap/default/{name}")
    return VirtualServer(f"/k8s/default_{name}", mark, destination_address=address, port=80)


async def test_the_address_is_written_when_the_device_has_the_virtual_server_and_once():
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map(annotations={"mine": "stays"}))
        await world.device_has()
        assert world.annotation() is None
        await world.device_has(virtual())
        assert world.annotation() == "203.0.113.7"
        assert cluster.all("ConfigMap")[0]["metadata"]["annotations"]["mine"] == "stays"
        await world.device_has(virtual())
        await world.told()
        await world.told()
        assert world.patches() == 1
        assert cluster.api.requests("patch")[0].query["fieldManager"] == "turnbuckle"


async def test_an_address_that_stands_there_already_is_not_written_again():
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map(annotations={STATUS_ANNOTATION: "203.0.113.7"}))
        await world.device_has(virtual())
        assert world.patches() == 0


async def test_another_address_replaces_the_first():
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map())
        await world.device_has(virtual())
        await world.device_has(virtual(address="203.0.113.8"))
        assert world.annotation() == "203.0.113.8"


async def test_what_somebody_writes_over_it_is_mended():
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map())
        await world.device_has(virtual())
        await world.told()
        cluster.api.put(config_map(annotations={STATUS_ANNOTATION: "nonsense"}))
        await world.told()
        assert world.annotation() == "203.0.113.7"


async def test_nothing_is_written_before_the_device_is_in_line():
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map())
        world.writer.observed(State([virtual()]), None)
        await world.writer.round()
        assert world.patches() == 0


async def test_the_annotation_goes_with_the_virtual_server():
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map())
        await world.device_has(virtual())
        await world.told()
        await world.device_has(Pool("/k8s/pool", virtual().mark))
        assert world.annotation() is None


async def test_the_annotation_goes_when_the_config_map_loses_its_label():
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map())
        await world.device_has(virtual())
        await world.told()
        cluster.api.put({**cluster.all("ConfigMap")[0], "metadata": {
            **cluster.all("ConfigMap")[0]["metadata"], "labels": {}}})  # fmt: skip
        await world.told()
        await world.device_has()
        assert world.annotation() is None


async def test_an_annotation_that_another_controller_wrote_is_not_taken_away():
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map(annotations={STATUS_ANNOTATION: "198.51.100.9"}))
        await world.device_has()
        await world.told()
        assert world.annotation() == "198.51.100.9"
        assert world.patches() == 0


async def test_with_an_error_in_force_the_annotation_stays():
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map())
        await world.device_has(virtual())
        await world.told()
        world.issues = {WEB: (NOT_OURS,)}
        await world.device_has()
        assert world.annotation() == "203.0.113.7"


async def test_objects_of_other_controllers_are_not_ours_to_tell():
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map())
        await world.device_has(virtual(controller="somebody"))
        assert world.patches() == 0


async def test_a_config_map_that_was_made_anew_meanwhile_is_left_alone():
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map())
        cluster.api.delete("ConfigMap", "default", "web")
        cluster.api.put(config_map())
        await world.device_has(virtual())
        assert world.annotation() is None
        await world.told()
        assert world.annotation() == "203.0.113.7"


async def test_a_config_map_that_is_gone_is_no_trouble(caplog):
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map())
        cluster.api.delete("ConfigMap", "default", "web")
        with caplog.at_level(logging.INFO):
            await world.device_has(virtual())
        assert caplog.records == []


async def test_a_missing_right_is_told_once_and_made_up_for_later(caplog):
    async with written() as cluster:
        world = World(cluster)
        names = [f"web{n}" for n in range(5)]
        for name in names:
            world.put(config_map(name))
        cluster.api.fail("patch", "configmaps", status=403)
        with caplog.at_level(logging.INFO, "turnbuckle"):
            await world.device_has(*(virtual(name) for name in names))
            await world.writer.round()
        assert world.patches() == 1
        (record,) = caplog.records
        assert "Grant the verb patch for configmaps of the core group" in record.getMessage()
        cluster.api.mend()
        cluster.clock.now += 601
        await world.writer.round()
        assert {world.annotation(name) for name in names} == {"203.0.113.7"}


async def test_only_the_leader_writes_and_a_new_leader_makes_up_for_it():
    async with written() as cluster:
        world = World(cluster)
        world.put(config_map())
        cluster.leads = False
        await world.device_has(virtual())
        assert world.patches() == 0
        cluster.leads = True
        await world.writer.round()
        assert world.annotation() == "203.0.113.7"


async def test_a_change_costs_what_changed():
    async with written() as cluster:
        world = World(cluster)
        names = [f"web{n}" for n in range(20)]
        for name in names:
            world.put(config_map(name))
        await world.device_has(*map(virtual, names))
        await world.told()
        after = State([*map(virtual, names)]).changed({virtual("web3").path: virtual("web3", address="203.0.113.9")})
        touched = world.writer._has.observed(after, frozenset({virtual("web3").path}))
        assert touched == {Ref("", "ConfigMap", "default", "web3")}
