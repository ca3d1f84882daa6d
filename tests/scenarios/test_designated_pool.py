"""A pool that somebody else made: it gets our members, and nothing else of it is touched."""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.loop import World, endpoints, f5_resource, service, world
from turnbuckle.model.issue import Severity

POOL = "/Common/shop"
REST = (service(), endpoints(2))


def named(pool: str = POOL, name: str = "web", **more: Any) -> dict[str, Any]:
    resource = f5_resource(name, address="", annotations={"turnbuckle/pool": pool}, **more)
    resource["data"]["data"] = resource["data"]["data"].replace(', "mode": "http"', "")
    return resource


def made_by_hand(w: World, pool: str = POOL, **more: Any) -> None:
    _, partition, name = pool.split("/")
    members = [{"name": "192.0.2.9:80", "session": "user-disabled"}, {"name": "198.51.100.2:8080", "ratio": 7}]
    body = {
        "name": name,
        "partition": partition,
        "monitor": "/Common/tcp",
        "description": "by hand",
        "members": members,
    }
    w.device.box.tree.create("ltm/pool", {**body, **more})


@pytest.mark.parametrize("pool", [POOL, "/k8s/shop"])
async def test_members_come_and_go_and_everything_else_stays(pool: str) -> None:
    async with world(named(pool), *REST, started=False) as w:
        made_by_hand(w, pool)
        w.start()
        await w.until(lambda: w.members(pool) == {"192.0.2.9:80", "198.51.100.2:8080", "198.51.100.1:8080"})
        before, hand_made = w.get("ltm/pool", pool), _theirs(w, pool)
        w.cluster.tell(endpoints(4))
        await w.until(lambda: len(w.members(pool)) == 5)
        w.cluster.tell(endpoints(1))
        await w.until(lambda: w.members(pool) == {"192.0.2.9:80", "198.51.100.2:8080", "198.51.100.1:8080"})
        w.cluster.delete("ConfigMap", "web")
        await w.until(lambda: w.members(pool) == {"192.0.2.9:80", "198.51.100.2:8080"})
        assert w.get("ltm/pool", pool) == before
        assert _theirs(w, pool) == hand_made
        assert w.virtuals() == set()


def _theirs(w: World, pool: str) -> dict[str, Any]:
    item = w.device.box.tree.get("ltm/pool", pool)
    assert item is not None
    return {
        path: dict(member.values)
        for path, member in item.children["members"].items()
        if path.endswith(("192.0.2.9:80", "198.51.100.2:8080"))
    }


async def test_each_of_our_members_bears_our_mark_and_a_restart_writes_nothing() -> None:
    async with world(named(), *REST, started=False) as w:
        made_by_hand(w)
        w.start()
        await w.until(lambda: len(w.members(POOL)) == 3)
        item = w.device.box.tree.get("ltm/pool", POOL)
        assert item is not None
        ours = next(m for path, m in item.children["members"].items() if "198.51.100.1:" in path)
        assert ours.values["metadata"][0]["value"] == "1 ctl k1 ConfigMap/default/web"
        await w.stop()
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert writes() == []


async def test_a_member_that_somebody_else_put_there_is_left_and_told() -> None:
    async with world(named(), *REST, started=False) as w:
        made_by_hand(w)
        w.start()
        await w.until(lambda: bool(w.issues("TB3007")))
        assert "198.51.100.2:8080" in w.issues("TB3007")[0].text


async def test_a_pool_that_is_not_there_yet_is_pending_and_gets_its_members_when_it_comes() -> None:
    async with world(named(), *REST, started=False) as w:
        w.start()
        await w.until(lambda: bool(w.issues("TB3006")))
        assert w.issues("TB3006")[0].severity is Severity.PENDING
        made_by_hand(w)
        w.cluster.tell(endpoints(3))
        await w.until(lambda: len(w.members(POOL)) == 4)
        assert not w.issues("TB3006")


async def test_a_pool_named_badly_is_an_error_with_what_to_write() -> None:
    async with world(named("shop"), *REST) as w:
        assert w.issues("TB1022")[0].text == (
            'metadata.annotations[turnbuckle/pool] is "shop", which is no full path of a pool.'
            " Write /partition/name, for example /Common/shop_pool."
        )


async def test_members_only_publishes_nothing_but_members() -> None:
    async with world(named(), f5_resource("other"), *REST, members_only=True, started=False) as w:
        made_by_hand(w)
        w.start()
        await w.until(lambda: len(w.members(POOL)) == 3)
        assert w.virtuals() == set()
        assert [str(issue.about) for issue in w.issues("TB2013")] == ["ConfigMap/default/other"]


async def test_two_resources_share_one_pool_and_each_has_its_members_there() -> None:
    both = (named(), named(name="api", service="api"))
    async with world(*both, *REST, service("api"), endpoints(1, "api", port=9090), started=False) as w:
        w.device.box.tree.create("ltm/pool", {"name": "shop", "partition": "Common"})
        w.start()
        await w.until(lambda: w.members(POOL) == {"198.51.100.1:8080", "198.51.100.2:8080", "198.51.100.1:9090"})
        w.cluster.delete("ConfigMap", "api")
        await w.until(lambda: w.members(POOL) == {"198.51.100.1:8080", "198.51.100.2:8080"})
