"""What clients see: HTTP through the simulated BIG-IP to real backends, whatever happens to the controller."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import aiohttp

from scenarios.fleet import MAPPINGS, Fleet, free_port, url_of
from scenarios.loop import World, endpoints, f5_resource, service, world

PORT = free_port()
WEB = (f5_resource(), service(), endpoints(2, port=PORT))


@contextlib.asynccontextmanager
async def backends(count: int) -> AsyncIterator[None]:
    """HTTP servers at the endpoints' real addresses; each answers its number."""
    async with Fleet(PORT) as fleet:
        await fleet.start(*range(1, count + 1))
        yield


async def answers(w: World, virtual: str = "/k8s/default_web", tries: int = 8) -> set[str]:
    """Who answers; empty when nobody does."""
    url = await url_of(w, virtual)
    found = set()
    async with aiohttp.ClientSession() as session:
        for _ in range(tries):
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url, headers={"Connection": "close"}) as reply:
                    found.add(await reply.text())
    return found


async def test_traffic_follows_the_endpoints_and_a_mistake_costs_none_of_it() -> None:
    async with backends(3), world(*WEB, dataplane=True, mappings=MAPPINGS) as w:
        assert await answers(w) == {"1", "2"}
        w.cluster.tell(endpoints(3, port=PORT))
        await w.until(lambda: len(w.members()) == 3)
        assert await answers(w, tries=12) == {"1", "2", "3"}
        w.cluster.tell(f5_resource(port=70000))
        await w.until(lambda: bool(w.issues("TB1009")))
        assert await answers(w, tries=12) == {"1", "2", "3"}


async def test_after_a_reboot_the_saved_configuration_serves_before_the_controller_is_back() -> None:
    async with backends(2), world(*WEB, dataplane=True, mappings=MAPPINGS, save=True) as w:
        await w.stop()
        await w.control("POST", "reboot", {"for_s": 0.2})
        await w.until(lambda: not w.device.away)
        assert await answers(w) == {"1", "2"}
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert writes() == []


async def test_what_a_reboot_lost_comes_back_at_the_next_comparison() -> None:
    async with backends(2), world(*WEB, dataplane=True, mappings=MAPPINGS, verify_s=0.5) as w:
        await w.control("POST", "reboot", {"for_s": 0.2})
        await w.until(lambda: not w.device.away and w.virtuals() == set())
        await w.until(lambda: w.virtuals() == {"/k8s/default_web"})
        assert await answers(w) == {"1", "2"}


async def test_a_member_that_is_disabled_by_hand_gets_no_new_clients_and_stays_so() -> None:
    async with backends(3), world(*WEB, dataplane=True, mappings=MAPPINGS) as w:
        pool = "/k8s/cfgmap_default_web_web"
        w.device.box.tree.modify_child(
            "ltm/pool", pool, "members", f"/k8s/198.51.100.1:{PORT}", {"session": "user-disabled"}
        )
        w.cluster.tell(endpoints(3, port=PORT))
        await w.until(lambda: len(w.members()) == 3)
        assert await answers(w, tries=12) == {"2", "3"}
