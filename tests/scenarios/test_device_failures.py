"""A BIG-IP that fails: after each failure the state converges by itself, and no write that was done is repeated."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scenarios.loop import World, endpoints, f5_resource, service, world
from turnbuckle.runtime.telling import Telling

WEB = (f5_resource(), service(), endpoints(2))


def ten() -> list[dict[str, Any]]:
    return [f5_resource(f"web{n}", address=f"203.0.113.{n}") for n in range(10)]


def created(w: World) -> list[str]:
    """Names of the objects in the device's tree; each was created once, since a second try would be a 409."""
    return [item.full_path for item in w.device.box.tree.items("ltm/virtual")]


async def test_a_wrong_password_is_said_tried_twice_and_no_more_until_it_changes() -> None:
    async with world(*WEB, password="wrong", started=False) as w:
        w.start()
        await w.until(lambda: logins(w) == 2)
        await w.until(lambda: "Authentication failed" in " ".join(i.text for i in w.issues("TB3009")))
        await w.until(lambda: "not tried again" in " ".join(i.text for i in w.issues("TB3009")))
        assert logins(w) == 2
        w.login.password = "admin"
        await w.in_sync()
        assert w.virtuals() == {"/k8s/default_web"}
        assert w.issues() == []


def logins(w: World) -> int:
    return sum(entry.path.endswith("/authn/login") for entry in w.device.journal.since(0))


async def test_an_expired_token_is_renewed_without_anybody_noticing() -> None:
    async with world(*WEB) as w:
        await w.control("POST", "faults", {"kind": "tokens-lost"})
        writes = w.mark()
        w.cluster.tell(endpoints(3))
        await w.until(lambda: len(w.members()) == 3)
        assert w.issues() == []
        assert len(set(writes())) == 1


@pytest.mark.parametrize("kind", ["busy", "restarting", "mcpd-lost", "reset-before", "not-registered"])
async def test_a_device_that_says_not_now_gets_the_change_when_it_can(kind: str) -> None:
    async with world(*WEB) as w:
        w.fault(kind, method="POST|PATCH|PUT|DELETE", path="/ltm/", for_s=1.5)
        w.cluster.tell(endpoints(3), f5_resource("more", address="203.0.113.9"))
        await w.until(lambda: len(w.members()) == 3 and "/k8s/default_more" in w.virtuals(), seconds=40)
        await w.until(lambda: w.issues() == [])


@pytest.mark.parametrize("kind", ["cut", "reset-after"])
async def test_a_write_whose_reply_is_lost_is_not_repeated(kind: str) -> None:
    async with world(*WEB) as w:
        writes = w.mark()
        w.fault(kind, method="POST", path="/members", times=1)
        w.cluster.tell(endpoints(3))
        await w.until(lambda: len(w.members()) == 3)
        await w.until(w.worker.in_sync.is_set)
        assert len(writes()) == 1


@pytest.mark.parametrize("kind", ["cut", "reset-after"])
async def test_a_commit_whose_reply_is_lost_is_not_repeated(kind: str) -> None:
    async with world(*WEB) as w:
        writes = w.mark()
        w.fault(kind, method="PATCH", path="/transaction/", times=1)
        w.cluster.tell(f5_resource("more", address="203.0.113.9"))
        await w.until(lambda: "/k8s/default_more" in w.virtuals())
        await w.until(w.worker.in_sync.is_set)
        assert sum(write.startswith("PATCH /mgmt/tm/transaction/") for write in writes()) == 1
        assert w.issues() == []


async def test_a_read_that_is_cut_in_half_is_not_taken_for_an_empty_device() -> None:
    async with world(*WEB) as w:
        await w.stop()
        writes = w.mark()
        w.fault("cut", method="GET", path="/ltm/pool", times=2)
        w.start()
        await w.in_sync()
        assert writes() == []
        assert w.issues() == []


@pytest.mark.parametrize("outage_s", [5.0, pytest.param(60.0, marks=pytest.mark.long)])
async def test_refused_connections_are_waited_out_and_the_newest_state_is_pushed(outage_s: float) -> None:
    telling = Telling()

    def circuit(state: str) -> bool:
        return f'turnbuckle_device_circuit{{state="{state}"}} 1.0' in telling.metrics.page().decode()

    async with world(*WEB, observer=telling) as w:
        writes = w.mark()
        w.device.go_away(outage_s, reboot=False)
        for count in (3, 4, 5, 6):
            w.cluster.tell(endpoints(count))
            await asyncio.sleep(outage_s / 25)
        await w.until(lambda: circuit("open"))
        await w.until(lambda: len(w.members()) == 6, seconds=outage_s + 60)
        await w.until(lambda: w.issues() == [] and circuit("closed"))
        assert len(writes()) == 1


async def test_of_ten_objects_nine_arrive_when_one_is_refused_and_its_owner_is_told_in_the_devices_words() -> None:
    async with world(service(), endpoints(2), started=False) as w:
        words = "01070734:3: Configuration error: this one is not liked"
        w.fault("commit-refused", touches="/k8s/default_web7", message=words)
        w.fault("write-refused", touches="/k8s/default_web7", message=words)
        w.cluster.tell(*ten())
        w.start()
        await w.until(lambda: len(w.virtuals()) == 9)
        await w.until(lambda: bool(w.issues("TB3001")))
        (told,) = w.issues("TB3001")
        assert str(told.about) == "ConfigMap/default/web7"
        assert words in told.text
        assert "/k8s/default_web7" not in w.virtuals()
        writes = w.mark()
        w.cluster.tell(endpoints(3))
        await w.until(lambda: len(w.members("/k8s/cfgmap_default_web3_web")) == 3)
        assert not [write for write in writes() if "virtual" in write]


async def test_a_refused_object_is_tried_again_and_arrives_when_the_reason_is_gone() -> None:
    async with world(service(), endpoints(2), started=False) as w:
        w.fault("commit-refused", touches="/k8s/default_web7", times=1)
        w.fault("write-refused", touches="/k8s/default_web7", times=1)
        w.cluster.tell(*ten())
        w.start()
        await w.until(lambda: len(w.virtuals()) >= 9)
        await w.until(lambda: len(w.virtuals()) == 10, seconds=30)
        await w.until(lambda: w.issues() == [])
        assert len(created(w)) == 10


async def test_after_a_reboot_what_was_saved_is_there_and_the_rest_comes_back() -> None:
    async with world(*WEB, save=True) as w:
        saves: list[Any] = []
        w.device.box.on_save(saves.append)
        await w.until(lambda: bool(saves), seconds=30)
        w.cluster.tell(f5_resource("more", address="203.0.113.9"))
        await w.until(lambda: "/k8s/default_more" in w.virtuals())
        await w.kill()
        w.device.box.reboot()
        assert w.virtuals() == {"/k8s/default_web"}
        w.start()
        await w.until(lambda: w.virtuals() == {"/k8s/default_web", "/k8s/default_more"})


async def test_a_controller_that_stops_saves_what_it_did() -> None:
    async with world(*WEB, save=True) as w:
        await w.stop()
        w.device.box.reboot()
        assert w.virtuals() == {"/k8s/default_web"}


@pytest.mark.long
async def test_a_save_that_fails_is_told_and_fails_no_write() -> None:
    async with world(*WEB, save=True, started=False) as w:
        w.fault("busy", path="/task/sys/config|/tm/sys/config")
        w.start()
        await w.until(lambda: bool(w.issues("TB3005")), seconds=30)
        assert w.virtuals() == {"/k8s/default_web"}
        w.cluster.tell(endpoints(3))
        await w.until(lambda: len(w.members()) == 3)
