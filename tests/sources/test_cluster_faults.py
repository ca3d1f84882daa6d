"""The Kubernetes source while the API server misbehaves: silence is never absence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from fakes.kubeapi import FakeKubeApi
from sources.collect import CONFIG_MAPS, SERVICES, reading, service
from turnbuckle.sources.kubernetes import Access, FixedLogin, KubernetesSource, Timing
from turnbuckle.sources.kubernetes.timing import Backoff

QUICK = Timing(first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01)
GONE = {"code": 410, "reason": "Expired", "message": "too old resource version"}


@pytest.fixture
async def api() -> AsyncIterator[FakeKubeApi]:
    server = FakeKubeApi()
    await server.start()
    server.put(service("web", "1"))
    server.put(service("api", "1"))
    yield server
    await server.stop()


def source(api: FakeKubeApi, *kinds: object, timing: Timing = QUICK) -> KubernetesSource:
    return KubernetesSource(kinds or (SERVICES,), FixedLogin(Access(api.url)), timing=timing)


@pytest.mark.parametrize(
    "how",
    [{"status": 410}, {"error": GONE}, {"error": {"code": 410, "reason": "Gone"}}, {"status": 400}],
    ids=["status 410", "event Expired", "event Gone", "status 400"],
)
async def test_a_version_that_is_too_old_is_a_new_list_and_what_vanished_meanwhile_is_gone(api, how):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        api.delete("Service", "default", "api", silent=True)
        api.put(service("web", "2"), silent=True)
        api.put(service("new", "1"), silent=True)
        api.fail("watch", times=1, **how)
        api.end_watches()
        await reader.until(lambda: reader.objects == {"Service/default/web": "2", "Service/default/new": "1"})
        assert reader.gone == ["Service/default/api"]
        assert reader.synced == 1
    assert len(api.requests("list")) == 2


@pytest.mark.parametrize(
    "how",
    [{"status": 500}, {"status": 503}, {"status": 429}, {"status": 403}, {"cut_list": True}],
    ids=["500", "503", "429", "403", "half a list"],
)
async def test_a_list_that_fails_says_nothing_until_it_succeeds(api, how):
    api.fail("list", "services", **how)
    async with reading(source(api, CONFIG_MAPS, SERVICES)) as reader:
        await reader.until(lambda: len(api.requests("list", "services")) > 4)
        assert reader.events == []
        api.mend()
        await reader.until(lambda: reader.synced)
        assert set(reader.objects) == {"Service/default/web", "Service/default/api"}


async def test_a_list_that_fails_halfway_through_its_pages_says_nothing(api):
    for number in range(600):
        api.put(service(f"s{number}"))
    api.fail("list", status=503, only_continued=True)
    async with reading(source(api)) as reader:
        await reader.until(lambda: len(api.requests("list")) > 5)
        assert reader.events == []
        api.mend()
        await reader.until(lambda: reader.synced)
        assert len(reader.objects) == 602


async def test_a_new_list_that_fails_keeps_everything(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        api.fail("list", status=500)
        api.forget()
        api.put(service("later"), silent=True)
        api.fail("watch", error=GONE)
        api.end_watches()
        await reader.until(lambda: len(api.requests("list")) > 5)
        assert reader.gone == []
        api.mend()
        await reader.until(lambda: "Service/default/later" in reader.objects)


@pytest.mark.parametrize("how", [{"cut_after": 1}, {"end_after": 1}, {"cut_after": 0}])
async def test_a_watch_that_is_cut_goes_on_where_it_was(api, how):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        api.fail("watch", times=5, **how)
        api.end_watches()
        for number in range(10):
            api.put(service("web", f"n{number}"))
        await reader.until(lambda: reader.objects["Service/default/web"] == "n9")
    assert len(api.requests("list")) == 1


async def test_a_watch_that_ends_at_once_is_not_asked_for_in_a_hot_loop(api):
    slow = Timing(first_delay_s=0.05, longest_delay_s=0.4, at_once_s=5.0)
    api.fail("watch", end_after=0)
    async with reading(source(api, timing=slow)) as reader:
        await reader.until(lambda: len(api.requests("watch")) == 5)
        assert len(api.requests("list")) == 1


async def test_a_line_that_is_no_json_is_a_new_list(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        api.fail("watch", times=1, garbage=True)
        api.end_watches()
        api.delete("Service", "default", "api", silent=True)
        await reader.until(lambda: reader.gone == ["Service/default/api"])


async def test_an_error_event_of_another_sort_is_a_new_list(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        api.fail("watch", times=1, error={"code": 500, "message": "etcd event received with PrevKv=nil"})
        api.delete("Service", "default", "api", silent=True)
        api.end_watches()
        await reader.until(lambda: reader.gone == ["Service/default/api"])


async def test_a_watch_that_says_nothing_beyond_its_time_is_given_up(api):
    impatient = Timing(watch_s=(0, 0), margin_s=0.1, first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01)
    api.fail("watch", times=2, hang=True)
    async with reading(source(api, timing=impatient)) as reader:
        await reader.until(lambda: reader.synced and len(api.requests("watch")) >= 2)
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects["Service/default/web"] == "2")


async def test_a_server_that_is_away_for_a_time_loses_nothing(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        await api.stop()
        api.delete("Service", "default", "api")
        await reader.until(lambda: True)
        assert reader.gone == []
        await api.start()
        await reader.until(lambda: reader.gone == ["Service/default/api"])
    assert len(api.requests("list")) == 1


async def test_a_server_that_is_not_there_yet_is_waited_for(api):
    await api.stop()
    async with reading(source(api)) as reader:
        await reader.until(lambda: True)
        await api.start()
        await reader.until(lambda: reader.synced)


async def test_discovery_that_fails_is_tried_again_and_nothing_counts_as_missing(api):
    api.fail("discover", times=3, status=503)
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced)
        assert reader.objects


async def test_what_may_not_be_read_is_said_once_with_what_to_do(api, caplog):
    api.fail("list", "services", status=403)
    with caplog.at_level(logging.INFO):
        async with reading(source(api)) as reader:
            await reader.until(lambda: len(api.requests("list")) > 4)
            api.mend()
            await reader.until(lambda: reader.synced)
    said = [(one.levelname, one.getMessage()) for one in caplog.records if "services" in one.getMessage()]
    assert said == [
        (
            "ERROR",
            "services cannot be read, what was read before stays in force: The API server answers 403 to "
            "/api/v1/services: as the test wants it. Grant the verbs get, list and watch in a ClusterRole or Role.",
        ),
        ("INFO", "services can be read again"),
    ]


def test_pauses_double_with_jitter_up_to_the_longest_and_start_anew_after_success():
    backoff = Backoff(Timing(first_delay_s=0.2, longest_delay_s=30.0))
    pauses = [backoff.failed() for _ in range(2000)]
    for number, pause in enumerate(pauses):
        assert 0.2 <= pause <= min(0.4 * 2 ** min(number, 30), 30.0)
    assert min(pauses[10:]) < 3
    assert max(pauses[10:]) > 27
    backoff.reset()
    assert backoff.failed() <= 0.4


def test_a_pause_counts_from_the_beginning_of_the_try_unless_the_server_asks_for_more():
    assert Backoff(Timing()).failed(spent_s=60.0) == 0.0
    assert Backoff(Timing()).failed(7.0, spent_s=60.0) >= 7.0


@pytest.mark.parametrize(("asked", "low", "high"), [(7.0, 7.0, 7.7), (86400.0, 300.0, 330.0)])
def test_a_pause_is_as_long_as_the_server_asks_for_up_to_five_minutes(asked, low, high):
    assert low <= Backoff(Timing()).failed(asked) <= high


@pytest.mark.parametrize("header", ["1", "date"])
async def test_retry_after_is_honoured(api, header):
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    value = when if header == "date" else header
    api.fail("list", times=1, status=429, headers={"Retry-After": value})
    start = asyncio.get_running_loop().time()
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced)
    # The date has whole seconds, so at least one of the two is left.
    assert asyncio.get_running_loop().time() - start >= 0.9
    assert len(api.requests("list")) == 2


async def test_a_list_with_something_that_is_no_object_says_nothing(api):
    api.fail("list", "services", items=["a text", 1, None])
    async with reading(source(api)) as reader:
        await reader.until(lambda: len(api.requests("list")) > 2)
        assert reader.events == []
        api.mend()
        await reader.until(lambda: reader.synced)
        assert set(reader.objects) == {"Service/default/web", "Service/default/api"}


@pytest.mark.parametrize(
    "item", [{}, {"metadata": []}, {"metadata": {"namespace": "default"}}, {"metadata": {"name": 7}}]
)
async def test_a_list_with_an_object_without_a_name_says_nothing(api, item):
    api.fail("list", "services", items=[item])
    async with reading(source(api)) as reader:
        await reader.until(lambda: len(api.requests("list")) > 2)
        assert reader.events == []
        api.mend()
        await reader.until(lambda: reader.synced)


async def test_a_list_without_a_version_cannot_be_followed_and_says_nothing(api):
    api.fail("list", "services", unversioned=True)
    async with reading(source(api)) as reader:
        await reader.until(lambda: len(api.requests("list")) > 2)
        assert reader.events == []
        assert "has no resource version" in reader.source.health()[0].trouble
        api.mend()
        await reader.until(lambda: reader.synced)


async def test_a_server_that_takes_a_watch_and_never_answers_is_given_up_as_soon_as_a_list_would_be(api):
    hasty = Timing(reply_s=0.2, first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01)
    api.fail("watch", times=2, deaf=True)
    async with reading(source(api, timing=hasty)) as reader:
        await reader.until(lambda: "time is up" in reader.source.health()[0].trouble)
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects["Service/default/web"] == "2")
