"""Kubernetes Events: told once, counted on, mended, and never a nuisance."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from runtime.cluster import WEB, config_map, written
from turnbuckle.model import issue as issues_of
from turnbuckle.model.ref import Ref
from turnbuckle.runtime.events import shortened
from turnbuckle.runtime.reasons import REASONS

FIELD = "data.data.virtualServer.frontend.virtualAddress.port"
TOO_HIGH = issues_of.out_of_range(WEB, FIELD, 80800, 1, 65535)
WAITING = issues_of.service_missing(WEB, "data.data.virtualServer.backend.serviceName", "default", "web")


async def test_a_mistake_is_an_event_of_its_object_in_the_words_of_the_issue():
    async with written() as world:
        uid = world.put(config_map()).uid
        world.issues = [TOO_HIGH]
        await world.announcer().round()
        (event,) = world.events()
        assert event["type"] == "Warning"
        assert event["reason"] == "OutOfRange"
        assert event["note"] == f"{TOO_HIGH.text} (TB1009)"
        assert event["regarding"] == {
            "apiVersion": "v1", "kind": "ConfigMap", "namespace": "default", "name": "web", "uid": uid,
        }  # fmt: skip
        assert event["reportingController"] == "turnbuckle"
        assert event["action"] == "Reading"
        assert event["reportingInstance"]
        assert event["metadata"]["namespace"] == "default"
        assert re.fullmatch(r"web\.[0-9a-f]{16}", event["metadata"]["name"])
        assert "series" not in event


async def test_what_waits_for_something_is_a_normal_event():
    async with written() as world:
        world.put(config_map())
        world.issues = [WAITING]
        await world.announcer().round()
        assert [event["type"] for event in world.events()] == ["Normal"]


async def test_what_goes_on_is_counted_after_five_minutes_and_then_ever_more_rarely():
    async with written() as world:
        world.put(config_map())
        world.issues = [TOO_HIGH]
        announcer = world.announcer()
        counts = []
        for _ in range(120):
            await announcer.round()
            counts.append(world.events()[0].get("series", {}).get("count", 1))
            world.clock.now += 60
        assert len(world.events()) == 1
        assert counts[4] == 1
        assert counts[5] == 2
        assert counts[14] == 2
        assert counts[15] == 3
        assert counts[-1] == 6
        assert world.events()[0]["series"]["lastObservedTime"].endswith("Z")


async def test_a_process_that_starts_anew_finds_the_event_that_is_there():
    async with written() as world:
        world.put(config_map())
        world.issues = [TOO_HIGH]
        await world.announcer().round()
        await world.announcer().round()
        assert [event.get("series") for event in world.events()] == [None]
        world.clock.now += 400
        await world.announcer().round()
        assert [event["series"]["count"] for event in world.events()] == [2]


async def test_an_event_that_the_server_has_forgotten_is_made_again():
    async with written() as world:
        world.put(config_map())
        world.issues = [TOO_HIGH]
        announcer = world.announcer()
        await announcer.round()
        name = world.events()[0]["metadata"]["name"]
        world.api.delete("Event", "default", name)
        world.clock.now += 301
        await announcer.round()
        assert [event["metadata"]["name"] for event in world.events()] == [name]


async def test_what_is_mended_is_told_once():
    async with written() as world:
        world.put(config_map())
        world.issues = [TOO_HIGH, WAITING]
        announcer = world.announcer()
        await announcer.round()
        world.issues = [WAITING]
        await announcer.round()
        await announcer.round()
        last = world.events()[-1]
        assert (last["type"], last["reason"]) == ("Normal", "Mended")
        assert last["note"] == f"Mended: OutOfRange at {FIELD} (TB1009)"
        assert len(world.events()) == 3


async def test_a_mistake_in_other_words_is_not_mended():
    async with written() as world:
        world.put(config_map())
        world.issues = [TOO_HIGH]
        announcer = world.announcer()
        await announcer.round()
        world.issues = [issues_of.out_of_range(WEB, FIELD, 90900, 1, 65535)]
        await announcer.round()
        assert [event["reason"] for event in world.events()] == ["OutOfRange", "OutOfRange"]


async def test_an_object_that_is_gone_is_told_nothing():
    async with written() as world:
        world.put(config_map())
        world.issues = [TOO_HIGH]
        announcer = world.announcer()
        await announcer.round()
        world.known.clear()
        world.issues = []
        await announcer.round()
        assert len(world.events()) == 1


async def test_a_mistake_that_comes_and_goes_all_the_time_is_told_once_in_five_minutes():
    async with written() as world:
        world.put(config_map())
        announcer = world.announcer()
        for _ in range(100):
            for world.issues in ([TOO_HIGH], []):
                await announcer.round()
        assert len(world.events()) == 2
        assert len(world.api.requests("create")) == 2
        assert not world.api.requests("patch")


async def test_what_is_about_the_device_is_said_of_the_lease_and_mended_there():
    async with written() as world:
        device, lease = Ref("", "Device", "", "https://192.0.2.1"), Ref("", "Lease", "kube-system", "turnbuckle-k8s-x")
        announcer = world.announcer(lease)
        world.issues = [issues_of.device_failing(device, "It is away.", "Wait.")]
        await announcer.round()
        assert world.events() == [], "there is no Lease yet"
        there = world.api.put({"kind": "Lease", "metadata": {"namespace": lease.namespace, "name": lease.name}})
        await announcer.round()
        world.issues = []
        await announcer.round()
        assert [event["reason"] for event in world.events()] == ["DeviceFailing", "Mended"]
        for event in world.events():
            assert event["regarding"] == {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "namespace": "kube-system",
                "name": lease.name,
                "uid": there["metadata"]["uid"],
            }
            assert event["metadata"]["namespace"] == "kube-system"


async def test_what_is_no_object_of_the_cluster_has_no_event():
    async with written() as world:
        device = Ref("", "Device", "", "https://192.0.2.1")
        world.issues = [issues_of.device_failing(device, "It is away.", "Wait.")]
        await world.announcer().round()
        assert world.events() == []


async def test_the_event_of_an_object_without_namespace_lies_in_default():
    async with written() as world:
        world.issues = [issues_of.wrong_type(Ref("", "Node", "", "n1"), "status", "7", "an object")]
        await world.announcer().round()
        (event,) = world.events()
        assert event["metadata"]["namespace"] == "default"
        assert "namespace" not in event["regarding"]


async def test_a_storm_does_not_flood_the_api_server():
    async with written() as world:
        world.issues = [issues_of.empty_text(Ref("", "ConfigMap", "default", f"c{n}"), "data") for n in range(200)]
        began = world.clock.now
        await world.announcer().round()
        assert len(world.events()) == 200
        assert world.clock.now - began == pytest.approx(15, abs=0.2)


async def test_a_missing_right_is_told_once_and_not_tried_for_ten_minutes(caplog):
    async with written() as world:
        world.issues = [issues_of.empty_text(Ref("", "ConfigMap", "default", f"c{n}"), "data") for n in range(5)]
        world.api.fail("create", "events", status=403)
        announcer = world.announcer()
        with caplog.at_level(logging.INFO, "turnbuckle"):
            for _ in range(9):
                await announcer.round()
                world.clock.now += 60
        assert len(world.api.requests("create")) == 1
        (record,) = caplog.records
        assert 'Grant the verb create for events of "events.k8s.io"' in record.getMessage()
        world.api.mend()
        world.clock.now += 61
        await announcer.round()
        assert len(world.events()) == 5


async def test_an_api_server_that_is_away_loses_nothing():
    async with written() as world:
        world.put(config_map())
        world.issues = [TOO_HIGH]
        announcer = world.announcer()
        await world.api.stop()
        await announcer.round()
        await world.api.start()
        world.clock.now += 61
        await announcer.round()
        assert len(world.events()) == 1


async def test_an_event_that_the_server_does_not_take_costs_no_other(caplog):
    async with written() as world:
        world.issues = [issues_of.empty_text(Ref("", "ConfigMap", "default", f"c{n}"), "data") for n in range(3)]
        world.api.fail("create", "events", status=422, times=1)
        announcer = world.announcer()
        with caplog.at_level(logging.INFO, "turnbuckle"):
            await announcer.round()
            await announcer.round()
        assert len(world.events()) == 2
        assert [record.getMessage()[:40] for record in caplog.records] == ["an Event for ConfigMap/default/c0 is not"]


async def test_another_trouble_is_told_as_well(caplog):
    async with written() as world:
        world.put(config_map())
        world.issues = [TOO_HIGH]
        announcer = world.announcer()
        with caplog.at_level(logging.INFO, "turnbuckle"):
            await world.api.stop()
            await announcer.round()
            await world.api.start()
            world.clock.now += 61
            world.api.fail("create", "events", status=403, times=1)
            await announcer.round()
            world.clock.now += 601
            await announcer.round()
        told = [record.getMessage() for record in caplog.records]
        assert len(told) == 3
        assert "cannot be reached" in told[0]
        assert "Grant the verb create" in told[1]
        assert told[2] == "things can be written again"


async def test_a_replica_that_waits_tells_nothing_until_it_leads():
    async with written() as world:
        world.put(config_map())
        world.issues, world.leads = [TOO_HIGH], False
        announcer = world.announcer()
        await announcer.round()
        assert world.events() == []
        world.leads = True
        await announcer.round()
        assert len(world.events()) == 1


def test_a_note_has_at_most_1024_bytes_and_whole_characters():
    assert shortened("short", 1024) == "short"
    cut = shortened("ü" * 1000, 1024)
    assert len(cut.encode()) <= 1024
    assert set(cut) == {"ü", "…"}
    assert shortened("\ud800", 1024) == "?"


async def test_the_name_of_an_event_is_one_that_the_server_takes():
    async with written() as world:
        long = Ref("", "ConfigMap", "default", "a" * 199 + "-" + "b" * 50)
        world.issues = [issues_of.empty_text(long, "data")]
        await world.announcer().round()
        name = world.events()[0]["metadata"]["name"]
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", name)
        assert len(name) <= 253


def test_every_code_has_a_reason_which_is_the_name_of_its_constructor():
    written_there = re.findall(r'"(TB\d{4})"', Path(issues_of.__file__).read_text(encoding="utf-8"))
    assert set(REASONS) == set(written_there)
    assert REASONS["TB1009"] == "OutOfRange"
    assert REASONS["TB9001"] == "ProgramFault"
