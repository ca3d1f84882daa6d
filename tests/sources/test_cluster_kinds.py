"""Kinds that a server gains and loses while it is read."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.kubeapi import KINDS, WITHOUT_SLICES, FakeKubeApi, Served
from sources.collect import ENDPOINTS, SERVICES, SLICES, PlainKind, reading, service
from turnbuckle.engine.protocol import Resource
from turnbuckle.model.ref import Gone, Grounds, Ref
from turnbuckle.sources.kubernetes import Access, FixedLogin, KubernetesSource, Timing

OFTEN = Timing(first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01, rediscover_s=0.05)
SELDOM = Timing(first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01)
WIDGET = Served("example.com", "v1", "widgets", "Widget")
WIDGETS = PlainKind("Widget", Resource("example.com", "v1", "widgets"))
SLICE = next(kind for kind in KINDS if kind.plural == "endpointslices")


@pytest.fixture
async def api() -> AsyncIterator[FakeKubeApi]:
    server = FakeKubeApi(WITHOUT_SLICES)
    await server.start()
    server.put(service("web", "1"))
    yield server
    await server.stop()


def source(api: FakeKubeApi, *kinds: object, timing: Timing = OFTEN, **how: Any) -> KubernetesSource:
    return KubernetesSource(kinds, FixedLogin(Access(api.url)), timing=timing, **how)


def named(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "default"}, **more}


async def test_a_kind_that_the_server_gains_is_read_without_a_restart_and_synced_is_not_told_again(api):
    async with reading(source(api, SERVICES, WIDGETS)) as reader:
        await reader.until(lambda: reader.synced)
        assert [one.kind for one in reader.source.health()] == ["Service"]
        api.gain(WIDGET)
        api.put(named("Widget", "w", data="1"))
        await reader.until(lambda: reader.objects.get("Widget/default/w") == "1")
        assert reader.synced == 1
        api.put(named("Widget", "w", data="2"))
        await reader.until(lambda: reader.objects.get("Widget/default/w") == "2")


async def test_a_kind_that_comes_is_read_in_each_namespace_that_is_read(api):
    api.put({"kind": "Namespace", "metadata": {"name": "default", "labels": {"team": "x"}}})
    for how in ({"namespaces": ("default", "other")}, {"namespace_label": "team"}):
        api.kinds.pop(("example.com", "v1", "widgets"), None)
        async with reading(source(api, SERVICES, WIDGETS, **how)) as reader:
            await reader.until(lambda reader=reader: reader.synced)
            api.gain(WIDGET)
            api.put(named("Widget", "w", data="1"))
            await reader.until(lambda reader=reader: "Widget/default/w" in reader.objects)
    assert not api.requests("list", "widgets")[-1].path.startswith("/apis/example.com/v1/widgets")


async def test_a_kind_that_the_server_loses_keeps_its_objects_and_that_is_said_once(api, caplog):
    api.gain(WIDGET)
    api.put(named("Widget", "w", data="1"))
    with caplog.at_level(logging.INFO):
        async with reading(source(api, SERVICES, WIDGETS)) as reader:
            await reader.until(lambda: reader.synced and api.watches == 2)
            api.lose(WIDGET)
            api.end_watches()
            await reader.until(lambda: next(one for one in reader.source.health() if one.kind == "Widget").failures > 3)
            assert reader.gone == []
            assert reader.objects["Widget/default/w"] == "1"
            health = next(one for one in reader.source.health() if one.kind == "Widget")
            assert "404" in health.trouble
            api.put(service("web", "2"))
            await reader.until(lambda: reader.objects["Service/default/web"] == "2")
            api.gain(WIDGET)
            api.delete("Widget", "default", "w")
            await reader.until(lambda: reader.gone == ["Widget/default/w"])
    said = [one.getMessage() for one in caplog.records if one.getMessage().startswith("widgets cannot be read")]
    assert len(said) == 1
    assert "what was read before stays in force" in said[0]


async def test_a_kind_that_is_not_found_has_the_server_asked_once_what_it_has(api):
    api.gain(WIDGET)
    async with reading(source(api, SERVICES, WIDGETS, timing=SELDOM)) as reader:
        await reader.until(lambda: reader.synced and api.watches == 2)
        asked = len(api.requests("discover"))
        api.lose(WIDGET)
        api.end_watches()
        tried = len(api.requests("watch", "widgets"))
        await reader.until(lambda: len(api.requests("watch", "widgets")) > tried + 4)
        # Not for each 404: one look is one question for each group.
        assert len(api.requests("discover")) == asked + 2


async def test_endpoints_stand_in_for_endpoint_slices_that_the_server_loses(api):
    api.gain(SLICE)
    api.put(named("EndpointSlice", "web-1", data="old"))
    api.put(named("Endpoints", "web", data="new"))
    async with reading(source(api, ENDPOINTS, SLICES, timing=SELDOM)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        assert reader.objects == {"EndpointSlice/default/web-1": "old"}
        api.lose(SLICE)
        api.end_watches()
        await reader.until(lambda: reader.objects == {"Endpoints/default/web": "new"})
        assert reader.synced == 1


async def test_endpoint_slices_that_come_with_an_upgrade_take_over_once_all_of_them_are_told(api):
    api.put(named("Endpoints", "web", data="old"))
    async with reading(source(api, ENDPOINTS, SLICES)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        assert list(reader.objects) == ["Endpoints/default/web"]
        api.fail("list", "endpointslices", times=3, status=503)
        api.gain(SLICE)
        api.put(named("EndpointSlice", "web-1", data="new"))
        await reader.until(lambda: reader.gone)
        assert reader.objects == {"EndpointSlice/default/web-1": "new"}
        assert [event for event in reader.events if isinstance(event, Gone)] == [
            Gone(Ref("", "Endpoints", "default", "web"), Grounds.LISTED)
        ]
        told = [str(getattr(event, "obj", event)) for event in reader.events]
        assert "EndpointSlice" in told[-2]
        await reader.until(lambda: [one.kind for one in reader.source.health()] == ["EndpointSlice"])


async def test_a_server_that_does_not_answer_what_it_has_changes_nothing(api):
    async with reading(source(api, SERVICES, WIDGETS)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        api.fail("discover", status=503)
        asked = len(api.requests("discover"))
        await reader.until(lambda: len(api.requests("discover")) > asked + 3)
        assert reader.gone == []
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects["Service/default/web"] == "2")
