"""What the Kubernetes source says of itself: synced, last heard, how far behind, and why."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from fakes.kubeapi import FakeKubeApi
from sources.collect import CONFIG_MAPS, SERVICES, reading, service
from turnbuckle.sources.kubernetes import Access, FixedLogin, KindHealth, KubernetesSource, Timing

QUICK = Timing(first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01)


@pytest.fixture(params=["1.20", "1.34"], ids=["in pages", "streamed"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[FakeKubeApi]:
    server = FakeKubeApi(version=request.param)
    await server.start()
    server.put(service("web", "1"))
    yield server
    await server.stop()


def source(api: FakeKubeApi, *kinds: object, **how: object) -> KubernetesSource:
    return KubernetesSource(kinds or (SERVICES,), FixedLogin(Access(api.url)), **{"timing": QUICK, **how})


def of(source: KubernetesSource, kind: str) -> KindHealth:
    return next(one for one in source.health() if one.kind == kind)


async def test_before_it_runs_nothing_is_synced(api):
    (health,) = source(api).health()
    assert (health.kind, health.namespace, health.synced) == ("Service", "", False)
    assert health.last_list_at is None


async def test_a_kind_that_is_followed_is_synced_and_lags_by_nothing(api):
    began = time.time()
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        health = of(reader.source, "Service")
        assert health.synced
        assert health.last_event_at is None
        assert began <= health.last_list_at <= time.time()
        api.put(service("web", "2"))
        await reader.until(lambda: of(reader.source, "Service").last_event_at)
        await reader.until(lambda: of(reader.source, "Service").lag_s == 0)
        assert (of(reader.source, "Service").failures, of(reader.source, "Service").trouble) == (0, "")


async def test_each_namespace_that_is_read_by_itself_stands_for_itself(api):
    async with reading(source(api, namespaces=("default", "other"))) as reader:
        await reader.until(lambda: reader.synced)
        assert [one.namespace for one in reader.source.health()] == ["default", "other"]


async def test_a_kind_that_is_cut_off_lags_more_and_more_and_says_why_but_stays_synced(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        await api.stop()
        await reader.until(lambda: of(reader.source, "Service").lag_s > 0.1)
        health = of(reader.source, "Service")
        assert health.synced
        assert health.failures > 0
        assert health.trouble.startswith("The API server cannot be reached")
        await api.start()
        await reader.until(lambda: not of(reader.source, "Service").trouble)
        await reader.until(lambda: of(reader.source, "Service").lag_s == 0)


async def test_a_kind_that_may_not_be_read_says_so_and_the_others_are_well(api):
    api.fail("list", "configmaps", status=403)
    api.fail("watch", "configmaps", status=403)
    async with reading(source(api, SERVICES, CONFIG_MAPS)) as reader:
        await reader.until(lambda: of(reader.source, "ConfigMap").failures > 2)
        await reader.until(lambda: of(reader.source, "Service").synced)
        health = of(reader.source, "ConfigMap")
        assert not health.synced
        assert "Grant the verbs get, list and watch" in health.trouble


async def test_a_server_that_does_not_tell_what_it_has_is_the_trouble_of_every_kind(api):
    api.fail("discover", status=503)
    async with reading(source(api, SERVICES, CONFIG_MAPS)) as reader:
        await reader.until(lambda: all("503" in one.trouble for one in reader.source.health()))
        assert [one.kind for one in reader.source.health()] == ["Service", "ConfigMap"]
        assert all(one.lag_s > 0 for one in reader.source.health())
        api.mend()
        await reader.until(lambda: reader.synced)


async def test_a_row_of_failures_ends_when_a_watch_has_lived_long_enough(api):
    healthy_soon = Timing(first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01, healthy_s=0.2)
    async with reading(source(api, timing=healthy_soon)) as reader:
        api.fail("watch", times=3, status=500)
        await reader.until(lambda: reader.synced and api.watches)
        assert of(reader.source, "Service").failures >= 0
        await reader.until(lambda: of(reader.source, "Service").failures == 0)
