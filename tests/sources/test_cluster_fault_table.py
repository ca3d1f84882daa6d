"""What API servers do to those who watch them, and what is right each time: a test for each row of faults.

Right is: nothing is lost, what vanished unseen is told as gone, and the server is not asked in a hot loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fakes.kubeapi import FakeKubeApi, Seen
from sources.collect import SERVICES, Reader, reading, service
from turnbuckle.model.ref import Gone, Grounds, Ref
from turnbuckle.sources.kubernetes import Access, FixedLogin, KubernetesSource, Timing
from turnbuckle.sources.kubernetes.timing import Backoff

QUICK = Timing(first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01)
WEB, API = Ref("", "Service", "default", "web"), Ref("", "Service", "default", "api")


@pytest.fixture(params=["1.20", "1.34"], ids=["in pages", "streamed"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[FakeKubeApi]:
    server = FakeKubeApi(version=request.param)
    await server.start()
    server.put(service("web", "1"))
    server.put(service("api", "1"))
    yield server
    await server.stop()


def source(api: FakeKubeApi, timing: Timing = QUICK) -> KubernetesSource:
    return KubernetesSource((SERVICES,), FixedLogin(Access(api.url)), timing=timing)


def resumed(api: FakeKubeApi) -> list[Seen]:
    """The watches that went on from a version."""
    return [one for one in api.requests("watch") if "resourceVersion" in one.query]


def whole(api: FakeKubeApi) -> list[Seen]:
    """The requests for everything, in pages or streamed."""
    streamed = [one for one in api.requests("watch") if "sendInitialEvents" in one.query]
    return [one for one in api.requests("list") if "continue" not in one.query] + streamed


async def followed(api: FakeKubeApi, reader: Reader) -> None:
    await reader.until(lambda: reader.synced and api.watches)


async def test_a_watch_that_ends_politely_goes_on_from_the_last_version_it_told(api):
    async with reading(source(api)) as reader:
        await followed(api, reader)
        version = api.put(service("web", "2"))["metadata"]["resourceVersion"]
        await reader.until(lambda: reader.objects["Service/default/web"] == "2")
        api.end_watches()
        api.put(service("web", "3"), silent=True)
        await reader.until(lambda: reader.objects["Service/default/web"] == "3")
    assert resumed(api)[-1].query["resourceVersion"] == version
    assert len(whole(api)) == 1


async def test_a_server_that_ends_every_watch_at_once_is_asked_a_few_times_and_not_hundreds(api):
    async with reading(source(api, Timing())) as reader:
        await followed(api, reader)
        api.fail("watch", end_after=0)
        api.end_watches()
        before = len(api.seen)
        await asyncio.sleep(1.5)
        await reader.until(lambda: len(api.seen) > before)
        # Pauses of 0.2 s at least, growing: hundreds without them.
        assert 1 <= len(api.seen) - before <= 8
        assert reader.gone == []
        api.mend()
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects["Service/default/web"] == "2", 20)
    assert len(whole(api)) == 1


@pytest.mark.parametrize(
    "how",
    [
        {"error": {"code": 410, "reason": "Expired", "message": "too old resource version"}},
        {"error": {"reason": "Expired"}},
        {"error": {"code": 410, "reason": "Gone"}},
        {"status": 410},
    ],
    ids=["event with both", "event with a reason", "event with the old reason", "HTTP 410"],
)
async def test_a_version_that_is_too_old_is_a_new_list_and_what_vanished_is_told_as_gone_by_a_list(api, how):
    async with reading(source(api)) as reader:
        await followed(api, reader)
        first = len(whole(api))
        api.delete("Service", "default", "api", silent=True)
        api.put(service("web", "2"), silent=True)
        api.put(service("new", "1"), silent=True)
        api.fail("watch", times=1, **how)
        api.end_watches()
        await reader.until(lambda: reader.objects == {"Service/default/web": "2", "Service/default/new": "1"})
        assert [event for event in reader.events if isinstance(event, Gone)] == [Gone(API, Grounds.LISTED)]
        assert reader.synced == 1
    again = whole(api)[first:]
    assert len(again) == 1
    assert "resourceVersion" not in again[0].query


async def test_a_version_that_stays_too_old_is_not_asked_for_again_and_lists_are_not_asked_for_in_a_hot_loop(api):
    async with reading(source(api, Timing())) as reader:
        await followed(api, reader)
        # Each list succeeds, and the watch from its very version is too old all the same.
        api.fail("watch", status=410)
        api.end_watches()
        before = len(api.seen)
        await asyncio.sleep(1.5)
        await reader.until(lambda: len(api.seen) >= before + 2)
        assert 2 <= len(api.seen) - before <= 16
        assert reader.gone == []


async def test_a_connection_that_is_reset_is_taken_up_where_it_was_without_a_hot_loop(api):
    async with reading(source(api)) as reader:
        await followed(api, reader)
        api.fail("watch", times=6, cut_after=1)
        api.end_watches()
        for number in range(20):
            api.put(service("web", f"n{number}"))
            api.put(service(f"other{number}"))
        await reader.until(lambda: reader.objects["Service/default/web"] == "n19" and len(reader.objects) == 22)
    assert len(whole(api)) == 1
    # Each event came once: no version was gone back to.
    told = [event.obj.spec for event in reader.events if getattr(event, "obj", None) and event.obj.ref == WEB]
    assert told == ["1", *(f"n{number}" for number in range(20))]


async def test_a_server_that_is_down_for_two_seconds_is_tried_a_few_times_and_nothing_is_lost(api):
    async with reading(source(api, Timing())) as reader:
        await followed(api, reader)
        await api.stop()
        api.delete("Service", "default", "api")
        await asyncio.sleep(2)
        assert reader.gone == []
        health = source_health(reader)
        assert health.failures <= 8
        await api.start()
        await reader.until(lambda: reader.gone == ["Service/default/api"], 20)
        assert [event.grounds for event in reader.events if isinstance(event, Gone)] == [Grounds.WATCHED]
        assert reader.synced == 1
    assert len(whole(api)) == 1


def source_health(reader: Reader):
    """How the one kind stands of the source that a reader reads."""
    (health,) = reader.source.health()
    return health


async def test_bookmarks_are_asked_for_and_a_watch_goes_on_from_them(api):
    async with reading(source(api)) as reader:
        await followed(api, reader)
        assert {one.query["allowWatchBookmarks"] for one in api.requests("watch")} == {"true"}
        for number in range(5):
            # Of another kind, so that only a bookmark tells the version.
            version = api.put({"kind": "Node", "metadata": {"name": f"n{number}"}})["metadata"]["resourceVersion"]
        api.bookmark()
        api.put(service("mark"))
        await reader.until(lambda: "Service/default/mark" in reader.objects)
        api.fail("watch", times=1, end_after=0)
        api.end_watches()
        await reader.until(lambda: api.watches and len(resumed(api)) > 1)
    assert int(resumed(api)[-1].query["resourceVersion"]) > int(version)


async def test_a_list_is_streamed_where_the_server_can_and_read_in_pages_where_it_cannot(api):
    for number in range(1100):
        api.put(service(f"s{number:04}"))
    async with reading(source(api)) as reader:
        await followed(api, reader)
        assert len(reader.objects) == 1102
    if api.version == "1.20":
        assert [one.query["limit"] for one in api.requests("list")] == ["500"] * 3
        assert {one.encoding for one in api.requests("list")} == {"gzip"}
    else:
        assert api.requests("list") == []
        assert [dict(one.query) for one in api.requests("watch")] == [
            {
                "watch": "true",
                "sendInitialEvents": "true",
                "resourceVersionMatch": "NotOlderThan",
                "allowWatchBookmarks": "true",
                "timeoutSeconds": api.requests("watch")[0].query["timeoutSeconds"],
            }
        ]


async def test_pauses_grow_and_differ_from_one_reflector_to_the_next(api):
    pauses = [[backoff.failed() for _ in range(12)] for backoff in (Backoff(Timing()), Backoff(Timing()))]
    assert pauses[0] != pauses[1]
    for row in pauses:
        assert all(0.2 <= pause <= 30.0 for pause in row)
        assert sum(row) > 12 * 0.2
    growing = Timing(first_delay_s=0.02, longest_delay_s=0.5, at_once_s=0.01)
    async with reading(source(api, growing)) as reader:
        await followed(api, reader)
        api.fail("*", "services", status=500)
        api.end_watches()
        before = len(api.seen)
        await reader.until(lambda: len(api.seen) - before >= 8)
    # Eight tries after seven pauses of 0.02 s at least, growing; half of that is for the clocks' grain.
    assert api.seen[before + 7].at_s - api.seen[before].at_s > 0.07


async def test_a_connection_that_is_half_open_is_noticed_and_deletions_in_the_gap_are_told(api):
    impatient = Timing(idle_s=1.0, first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01)
    async with reading(source(api, impatient)) as reader:
        await followed(api, reader)
        api.fail("watch", times=1, hang_after=0)
        api.end_watches()
        await reader.until(lambda: not api.faults[0].times)
        api.delete("Service", "default", "api")
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects == {"Service/default/web": "2"})
        assert reader.gone == ["Service/default/api"]
    assert len(whole(api)) == 1


@pytest.mark.parametrize(
    "how",
    [
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"error": {"code": 429, "reason": "TooManyRequests", "details": {"retryAfterSeconds": 1}}},
    ],
    ids=["as an answer", "inside the stream"],
)
async def test_a_server_that_has_too_much_to_do_is_given_the_time_it_asks_for_and_asked_where_it_was(api, how):
    async with reading(source(api)) as reader:
        await followed(api, reader)
        api.fail("watch", times=1, **how)
        api.end_watches()
        api.delete("Service", "default", "api", silent=True)
        before = len(api.seen)
        await reader.until(lambda: reader.gone == ["Service/default/api"])
    refused, again = api.seen[before : before + 2]
    # A second, less what a busy machine needs to see the first.
    assert again.at_s - refused.at_s > 0.5
    assert again.query["resourceVersion"] == refused.query["resourceVersion"]
    assert len(whole(api)) == 1


async def test_a_server_is_asked_to_end_watches_after_five_to_ten_minutes():
    api = FakeKubeApi()
    await api.start()
    async with reading(source(api, Timing(at_once_s=0.0))) as reader:
        await followed(api, reader)
        api.fail("watch", end_after=0, times=20)
        api.end_watches()
        await reader.until(lambda: len(api.requests("watch")) > 20)
    await api.stop()
    seconds = {int(one.query["timeoutSeconds"]) for one in api.requests("watch")}
    assert len(seconds) > 5
    assert all(300 <= one <= 600 for one in seconds)
