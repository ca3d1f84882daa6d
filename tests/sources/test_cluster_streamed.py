"""Lists that come as streams: when they are asked for, when they count as whole, and what stands in for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.kubeapi import KINDS, FakeKubeApi
from sources.collect import CONFIG_MAPS, NODES, SERVICES, reading, service
from turnbuckle.model.ref import Gone, Grounds, Put, Ref, Synced
from turnbuckle.sources.kubernetes import Access, FixedLogin, KubernetesSource, Timing

QUICK = Timing(first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01, start_s=0.3)
TOO_OLD = {"code": 410, "reason": "Expired", "message": "too old resource version"}


@pytest.fixture
async def api() -> AsyncIterator[FakeKubeApi]:
    server = FakeKubeApi(version="1.34")
    await server.start()
    server.put(service("web", "1"))
    server.put(service("api", "1"))
    yield server
    await server.stop()


def source(api: FakeKubeApi, *kinds: object, timing: Timing = QUICK) -> KubernetesSource:
    return KubernetesSource(kinds or (SERVICES,), FixedLogin(Access(api.url)), timing=timing)


def streamed(api: FakeKubeApi) -> list[Any]:
    return [one for one in api.requests("watch") if "sendInitialEvents" in one.query]


async def test_a_stream_that_breaks_before_its_end_tells_nothing_and_is_begun_again(api):
    api.fail("watch", times=3, cut_after=1)
    async with reading(source(api)) as reader:
        await reader.until(lambda: len(streamed(api)) > 1)
        assert reader.events == []
        await reader.until(lambda: reader.synced)
        assert reader.objects == {"Service/default/web": "1", "Service/default/api": "1"}
    assert len(streamed(api)) == 4
    assert api.requests("list") == []


async def test_a_stream_that_ends_politely_before_its_end_is_no_list(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        api.fail("watch", times=1, error=TOO_OLD)
        api.fail("watch", times=2, end_after=1)
        api.end_watches()
        await reader.until(lambda: len(streamed(api)) == 4)
        assert reader.gone == []


async def test_the_picture_is_put_in_one_go_before_synced_and_what_follows_in_the_same_stream_is_watched(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        assert [type(event) for event in reader.events] == [Put, Put, Synced]
        assert {event.grounds for event in reader.batches[0]} == {Grounds.LISTED}
        api.put(service("web", "2"))
        api.delete("Service", "default", "api")
        await reader.until(lambda: reader.gone)
        told = [event for batch in reader.batches[2:] for event in batch]
        assert {event.grounds for event in told} == {Grounds.WATCHED}
    assert len(api.requests("watch")) == 1


async def test_a_server_that_refuses_streams_is_asked_once_and_then_read_in_pages(api):
    api.streams = "refused"
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        assert len(streamed(api)) == 1
        api.fail("watch", times=1, error=TOO_OLD)
        api.end_watches()
        await reader.until(lambda: len(api.requests("list")) == 2)
        assert reader.gone == []
    assert len(streamed(api)) == 1


async def test_a_server_that_takes_no_notice_is_recognised_by_its_silence_and_read_in_pages(api):
    api.streams = "unknown"
    async with reading(source(api, SERVICES, CONFIG_MAPS)) as reader:
        await reader.until(lambda: reader.synced)
        assert set(reader.objects) == {"Service/default/web", "Service/default/api"}
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects["Service/default/web"] == "2")
    assert len(api.requests("list")) == 2


@pytest.mark.parametrize("version", ["1.18", "1.26", "0.9", "x.y"])
async def test_servers_from_before_streams_are_not_even_asked(api, version):
    api.version = version
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
    assert streamed(api) == []


async def test_a_server_that_does_not_tell_its_version_is_read_in_pages(api):
    api.fail("version", status=403)
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
    assert streamed(api) == []


async def test_a_version_with_a_suffix_is_read():
    api = FakeKubeApi(version="1.27+")
    await api.start()
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
    await api.stop()
    assert len(streamed(api)) == 1


async def test_a_server_that_learns_to_stream_with_an_upgrade_is_asked_again(api):
    api.version = "1.26"
    often = Timing(first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01, rediscover_s=0.05)
    async with reading(source(api, timing=often)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        api.version = "1.34"
        asked = len(api.requests("version"))
        await reader.until(lambda: len(api.requests("version")) > asked + 1)
        api.delete("Service", "default", "api", silent=True)
        api.fail("watch", times=1, error=TOO_OLD)
        api.end_watches()
        await reader.until(lambda: reader.gone == ["Service/default/api"])
    assert len(streamed(api)) == 1
    assert Gone(Ref("", "Service", "default", "api"), Grounds.LISTED) in reader.events


async def test_selectors_count_in_a_stream_too(api):
    api.put({"kind": "ConfigMap", "metadata": {"name": "vs", "labels": {"f5type": "virtual-server"}}})
    api.put({"kind": "ConfigMap", "metadata": {"name": "other"}})
    async with reading(source(api, CONFIG_MAPS, NODES)) as reader:
        await reader.until(lambda: reader.synced)
        assert list(reader.objects) == ["ConfigMap/default/vs"]
    assert len(streamed(api)) == 2
    assert len(KINDS) > 2


async def test_objects_that_change_while_the_list_is_streamed_are_told_as_they_are_at_its_end(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        api.fail("watch", times=1, error=TOO_OLD)
        api.end_watches()
        api.put(service("web", "2"), silent=True)
        api.put(service("bad", "crash"), silent=True)
        api.put(service("unwanted", "1", hidden="yes"), silent=True)
        api.delete("Service", "default", "api", silent=True)
        await reader.until(lambda: reader.gone)
        assert reader.objects == {"Service/default/web": "2"}
        assert [str(one.ref) for one in reader.flawed] == ["Service/default/bad"]
        assert reader.gone == ["Service/default/api"]
