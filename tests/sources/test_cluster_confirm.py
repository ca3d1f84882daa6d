"""Being asked to look again, and on what grounds each thing is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fakes.kubeapi import FakeKubeApi
from sources.collect import CONFIG_MAPS, NODES, SERVICES, Reader, reading, service
from turnbuckle.model.ref import Gone, Grounds, Put, Ref, Synced
from turnbuckle.sources.kubernetes import Access, FixedLogin, KubernetesSource, Timing

QUICK = Timing(first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01)
API = Ref("", "Service", "default", "api")


@pytest.fixture(params=["1.20", "1.34"], ids=["in pages", "streamed"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[FakeKubeApi]:
    server = FakeKubeApi(version=request.param)
    await server.start()
    server.put(service("web", "1"))
    server.put(service("api", "1"))
    yield server
    await server.stop()


def source(api: FakeKubeApi, *kinds: object, **how: object) -> KubernetesSource:
    return KubernetesSource(kinds or (SERVICES,), FixedLogin(Access(api.url)), **{"timing": QUICK, **how})


def gone(reader: Reader) -> list[Gone]:
    return [event for event in reader.events if isinstance(event, Gone)]


async def test_a_confirmation_lists_anew_tells_what_differs_and_then_synced_again(api):
    async with reading(source(api, SERVICES, NODES)) as reader:
        await reader.until(lambda: reader.synced and api.watches == 2)
        listed = len(api.requests("list"))
        # What a watch should have told and did not.
        api.delete("Service", "default", "api", silent=True)
        api.put(service("web", "2"), silent=True)
        await reader.source.confirm()
        assert reader.synced == 1
        await reader.until(lambda: reader.synced == 2)
        assert reader.objects == {"Service/default/web": "2"}
        assert gone(reader) == [Gone(API, Grounds.LISTED)]
        assert reader.events[-1] == Synced("kubernetes")
    lists = api.requests("list")[listed:]
    assert sorted(one.path for one in lists) == ["/api/v1/nodes", "/api/v1/services"]
    assert all("resourceVersion" not in one.query for one in lists)


async def test_the_watch_goes_on_from_the_list_that_confirmed(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        await reader.source.confirm()
        await reader.until(lambda: reader.synced == 2 and api.watches == 1)
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects["Service/default/web"] == "2")
    assert api.requests("watch")[-1].query["resourceVersion"]


async def test_two_questions_at_once_are_one_list_and_a_later_one_is_another(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        before = len(api.requests("list"))
        await asyncio.gather(*(reader.source.confirm() for _ in range(5)))
        await reader.until(lambda: reader.synced == 2)
        await asyncio.sleep(0.05)
        assert len(api.requests("list")) == before + 1
        assert reader.synced == 2
        await reader.source.confirm()
        await reader.until(lambda: reader.synced == 3)
        assert len(api.requests("list")) == before + 2


async def test_a_kind_that_cannot_be_listed_holds_synced_back_and_nothing_is_gone(api):
    async with reading(source(api, SERVICES, NODES)) as reader:
        await reader.until(lambda: reader.synced and api.watches == 2)
        api.fail("list", "services", status=503)
        await reader.source.confirm()
        tried = len(api.requests("list", "services"))
        await reader.until(lambda: len(api.requests("list", "services")) > tried + 3)
        assert reader.synced == 1
        assert reader.gone == []
        api.mend()
        await reader.until(lambda: reader.synced == 2)


async def test_a_confirmation_before_the_first_synced_is_answered_by_that(api):
    api.fail("list", "services", times=3, status=503)
    api.fail("watch", "services", times=3, status=503)
    async with reading(source(api)) as reader:
        await reader.source.confirm()
        await reader.until(lambda: len(api.seen) > 3)
        await reader.source.confirm()
        await reader.until(lambda: reader.synced)
        await asyncio.sleep(0.05)
        assert reader.synced == 1


async def test_a_confirmation_while_the_server_is_away_is_answered_when_it_is_back(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        await api.stop()
        api.delete("Service", "default", "api")
        await reader.source.confirm()
        await asyncio.sleep(0.1)
        assert reader.synced == 1
        await api.start()
        await reader.until(lambda: reader.synced == 2)
        assert reader.gone == ["Service/default/api"]


async def test_confirmations_among_random_edits_end_in_what_the_server_has(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        for step in range(60):
            api.put(service(f"s{step % 7}", step), silent=step % 5 == 0)
            if step % 3 == 0:
                await reader.source.confirm()
            await asyncio.sleep(0.003)
        await reader.until(lambda: reader.synced > 1)
        await reader.until(lambda: [one.synced for one in reader.source.health()] == [True])
        done = reader.synced
        await reader.source.confirm()
        await reader.until(lambda: reader.synced > done)
        assert {name: spec for name, spec in reader.objects.items() if "/s" in name} == {
            f"Service/default/s{number}": str(max(step for step in range(60) if step % 7 == number))
            for number in range(7)
        }


async def test_what_the_first_list_finds_is_listed_and_what_the_watch_tells_is_watched(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        assert {event.grounds for event in reader.events if isinstance(event, Put)} == {Grounds.LISTED}
        told = len(reader.events)
        api.put(service("web", "2"))
        api.delete("Service", "default", "api")
        await reader.until(lambda: reader.gone)
        assert {event.grounds for event in reader.events[told:]} == {Grounds.WATCHED}


def namespace(name: str, **labels: str) -> dict[str, object]:
    return {"kind": "Namespace", "metadata": {"name": name, "labels": labels}}


async def test_a_namespace_whose_label_a_watch_takes_away_takes_its_objects_with_it_as_watched(api):
    api.put(namespace("a", team="x"))
    api.put(service("web", "1", "a"))
    async with reading(source(api, SERVICES, namespace_label="team=x")) as reader:
        await reader.until(lambda: reader.synced and api.watches == 2)
        api.put(namespace("a"))
        await reader.until(lambda: not reader.objects)
        assert gone(reader) == [Gone(Ref("", "Service", "a", "web"), Grounds.WATCHED)]


async def test_a_namespace_that_a_list_lacks_takes_its_objects_with_it_as_listed(api):
    api.put(namespace("a", team="x"))
    api.put(service("web", "1", "a"))
    async with reading(source(api, SERVICES, CONFIG_MAPS, namespace_label="team=x")) as reader:
        await reader.until(lambda: reader.synced and api.watches == 3)
        api.put(namespace("a"), silent=True)
        await reader.source.confirm()
        await reader.until(lambda: reader.synced == 2)
        assert gone(reader) == [Gone(Ref("", "Service", "a", "web"), Grounds.LISTED)]
