"""What the whole program tells: pages, figures, Events and the address on the ConfigMap."""

from __future__ import annotations

import logging
from pathlib import Path

from runtime.whole import whole
from scenarios.loop import endpoints, f5_resource, service
from turnbuckle.kinds.f5resource import STATUS_ANNOTATION


async def test_it_is_ready_only_after_the_device_was_compared(tmp_path: Path):
    async with whole(tmp_path, service(), endpoints(2), f5_resource(), started=False) as world:
        assert (await world.page("/health")) == (200, "ok\n")
        assert (await world.page("/ready")) == (503, "The controller has not started yet.\n")
        world.start()
        await world.ready()
        assert (await world.page("/ready")) == (200, "ok\n")
        assert world.members() == 2


async def test_the_figures_say_what_was_done(tmp_path: Path):
    async with whole(tmp_path, service(), endpoints(2), f5_resource()) as world:
        assert (await world.figures("turnbuckle_writes_total"))[("CREATE",)] >= 2
        assert (await world.figures("turnbuckle_objects"))[("in sync",)] >= 2
        assert (await world.figures("turnbuckle_queue_depth"))[()] == 0
        assert (await world.figures("turnbuckle_last_sync_timestamp_seconds"))[()] > 1_700_000_000
        assert (await world.figures("turnbuckle_propagation_seconds_count")) == {}
        requests = await world.figures("turnbuckle_device_requests_total")
        assert sum(requests.values()) == sum((await world.figures("turnbuckle_device_request_seconds_count")).values())
        assert {method for method, _ in requests} >= {"GET", "POST"}
        world.api.put(endpoints(3))
        await world.until(lambda: world.members() == 3, "the third member")
        line = 'turnbuckle_propagation_seconds_count{kind="EndpointSlice"} 1.0'
        await world.until(lambda: world.shows(line), "the figure")
        took = await world.figures("turnbuckle_propagation_seconds_sum")
        assert 0 < took[("EndpointSlice",)] < 20
        assert (await world.figures("turnbuckle_reflector_lag_seconds"))[("Service",)] == 0


async def test_a_device_that_is_away_is_no_reason_to_restart_us(tmp_path: Path):
    async with whole(tmp_path, f5_resource(), started=False, bigip_url="https://127.0.0.1:9") as world:
        world.start()
        await world.until(lambda: world.shows('turnbuckle_issues{severity="ERROR"} 1.0'), "the issue")
        assert (await world.page("/health"))[0] == 200
        status, text = await world.page("/ready")
        assert status == 503
        assert text == "The BIG-IP has not been compared yet with what it should have.\n"


async def test_an_api_server_that_is_away_is_named_before_and_after_the_start(tmp_path: Path):
    async with whole(tmp_path, service(), endpoints(2), f5_resource(), started=False) as world:
        await world.api.stop()
        world.start()
        await world.until(lambda: "cannot be asked" in world.telling.pulse.ready()[0], "the sentence")
        await world.api.start()
        await world.ready()
        await world.api.stop()
        await world.until(lambda: bool(world.telling.pulse.ready()), "the trouble")
        status, text = await world.page("/ready")
        assert status == 503
        assert "cannot be read: The API server cannot be reached" in text
        assert (await world.page("/health"))[0] == 200


async def test_the_address_is_on_the_config_map_as_long_as_the_virtual_server_is_there(tmp_path: Path):
    async with whole(tmp_path, service(), endpoints(2), f5_resource()) as world:
        await world.until(lambda: world.annotations().get(STATUS_ANNOTATION) == "203.0.113.7", "the address")
        found = next(raw for raw in world.objects("ConfigMap"))
        changed = f5_resource(address="203.0.113.8", annotations=world.annotations())
        world.api.put({**changed, "metadata": {**found["metadata"], **changed["metadata"]}})
        await world.until(lambda: world.annotations().get(STATUS_ANNOTATION) == "203.0.113.8", "the new address")
        found = next(raw for raw in world.objects("ConfigMap"))
        bare = f5_resource(address="", annotations=world.annotations())
        world.api.put({**bare, "metadata": {**found["metadata"], **bare["metadata"]}})
        await world.until(lambda: STATUS_ANNOTATION not in world.annotations(), "taking the address away")
        assert len(world.api.requests("patch", "configmaps")) == 3


async def test_a_mistake_is_an_event_and_its_mending_is_one(tmp_path: Path):
    async with whole(tmp_path, service(), endpoints(2), f5_resource()) as world:
        world.api.put(f5_resource(port=80800))
        await world.until(lambda: world.reasons() == ["OutOfRange"], "the event")
        world.api.put(f5_resource(port=80))
        await world.until(lambda: world.reasons() == ["Mended", "OutOfRange"], "the mending")
        event = next(raw for raw in world.objects("Event") if raw["reason"] == "OutOfRange")
        assert "80800" in event["note"]
        assert event["regarding"]["uid"]


async def test_what_the_device_refuses_is_an_event_in_its_own_words(tmp_path: Path):
    broken = f5_resource(frontend={"sslProfile": {"f5ProfileName": "Common/nosuch"}})
    async with whole(tmp_path, service(), endpoints(2), broken) as world:
        await world.until(lambda: "RefusedByDevice" in world.reasons(), "the event")
        event = next(raw for raw in world.objects("Event") if raw["reason"] == "RefusedByDevice")
        assert event["action"] == "Writing"
        assert "nosuch" in event["note"]


async def test_without_the_rights_to_write_there_everything_else_works(tmp_path: Path, caplog):
    broken = f5_resource("broken", port=80800, address="203.0.113.9")
    with caplog.at_level(logging.INFO, "turnbuckle"):
        async with whole(tmp_path, service(), endpoints(2), f5_resource(), broken, started=False) as world:
            world.api.fail("create", "events", status=403)
            world.api.fail("patch", "configmaps", status=403)
            world.start()
            await world.ready()
            await world.until(lambda: len(world.api.requests("patch", "configmaps")) == 1, "the try")
            world.api.put(endpoints(3))
            await world.until(lambda: world.members() == 3, "the third member")
    told = [record.getMessage() for record in caplog.records if "Grant the verb" in record.getMessage()]
    assert len(told) == 2
    assert len(world.api.requests("patch", "configmaps")) == len(world.api.requests("create", "events")) == 1


async def test_once_writes_nothing_to_the_cluster(tmp_path: Path):
    broken = f5_resource(port=80800)
    async with whole(tmp_path, service(), endpoints(2), broken, once=True) as world:
        assert world.telling.in_cluster is None
        assert not world.api.requests("create", "events")
