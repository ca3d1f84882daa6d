"""Pods that end, from the EndpointSlice to the device: they keep their connections and get no new ones."""

from __future__ import annotations

from typing import Any

from scenarios.loop import World, endpoints, f5_resource, service, world

READY = {"ready": True, "serving": True, "terminating": False}
ENDING = {"ready": False, "serving": True, "terminating": True}
WEB = (f5_resource(), service(), endpoints(2))
POOL = "/k8s/cfgmap_default_web_web"
MEMBERS = "/mgmt/tm/ltm/pool/~k8s~cfgmap_default_web_web/members"


def pods(*conditions: dict[str, bool]) -> dict[str, Any]:
    manifest = endpoints(len(conditions))
    for endpoint, one in zip(manifest["endpoints"], conditions, strict=True):
        endpoint["conditions"] = one
    return manifest


def sessions(w: World) -> dict[int, str]:
    """Last part of each member's address -> its session."""
    item = w.device.box.tree.get("ltm/pool", POOL)
    assert item is not None
    found = item.children["members"].values()
    return {int(one.name.rpartition(".")[2].partition(":")[0]): one.values["session"] for one in found}


async def test_a_rollout_drains_the_old_pod_with_one_request_and_takes_it_out_with_another() -> None:
    async with world(*WEB) as w:
        writes = w.mark()
        w.cluster.tell(pods(READY, ENDING))
        await w.until(lambda: sessions(w) == {1: "user-enabled", 2: "user-disabled"})
        w.cluster.tell(pods(READY))
        await w.until(lambda: sessions(w) == {1: "user-enabled"})
        assert writes() == [f"PATCH {MEMBERS}/~k8s~198.51.100.2:8080", f"DELETE {MEMBERS}/~k8s~198.51.100.2:8080"]


async def test_a_pod_that_drains_is_known_after_a_restart_and_so_is_what_an_operator_disabled() -> None:
    async with world(f5_resource(), service(), pods(READY, ENDING, READY)) as w:
        await w.stop()
        third, disabled = "/k8s/198.51.100.3:8080", {"session": "user-disabled"}
        w.device.box.tree.modify_child("ltm/pool", POOL, "members", third, disabled)
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert writes() == []
        w.cluster.tell(pods(READY, READY, READY))
        await w.until(lambda: sessions(w) == {1: "user-enabled", 2: "user-enabled", 3: "user-disabled"})
        assert len(writes()) == 1


async def test_the_last_pods_that_end_go_on_until_another_one_is_ready() -> None:
    async with world(*WEB) as w:
        writes = w.mark()
        w.cluster.tell(pods(ENDING, ENDING))
        await w.in_sync()
        w.cluster.tell(pods(ENDING, ENDING, READY))
        await w.until(lambda: sessions(w) == {1: "user-disabled", 2: "user-disabled", 3: "user-enabled"})
        assert len(writes()) == 1
