"""The Kubernetes source against an API server in memory: what it tells, and what it asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fakes.kubeapi import KINDS, WITHOUT_SLICES, FakeKubeApi
from sources.collect import CONFIG_MAPS, ENDPOINTS, NODES, SERVICES, SLICES, reading, service
from turnbuckle.model.ref import Gone, Put, Synced
from turnbuckle.sources.kubernetes import Access, FixedLogin, KubernetesError, KubernetesSource, Timing

QUICK = Timing(first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01)


@pytest.fixture
async def api() -> AsyncIterator[FakeKubeApi]:
    server = FakeKubeApi()
    await server.start()
    yield server
    await server.stop()


def source(api: FakeKubeApi, *kinds: object, **how: object) -> KubernetesSource:
    return KubernetesSource(kinds or (SERVICES,), FixedLogin(Access(api.url)), **{"timing": QUICK, **how})


async def test_what_is_there_is_told_before_synced_and_changes_after(api):
    api.put(service("web", "1"))
    api.put({"kind": "Node", "metadata": {"name": "n1"}, "data": "node"})
    async with reading(source(api, SERVICES, NODES)) as reader:
        await reader.until(lambda: reader.synced and api.watches == 2)
        assert reader.objects == {"Service/default/web": "1", "Node/n1": "node"}
        assert reader.events[-1] == Synced("kubernetes")
        api.put(service("web", "2"))
        api.put(service("new", "3"))
        api.delete("Node", "", "n1")
        await reader.until(lambda: reader.objects == {"Service/default/web": "2", "Service/default/new": "3"})
        assert reader.synced == 1
    assert len(api.requests("list")) == 2


async def test_what_does_not_know_the_core_kinds_is_no_empty_cluster():
    stranger = FakeKubeApi(kinds=[kind for kind in KINDS if kind.plural == "namespaces"])
    await stranger.start()
    try:
        async with reading(source(stranger, SERVICES)) as reader:
            await reader.until(lambda: len(stranger.requests("discover")) > 2)
            assert reader.events == []
    finally:
        await stranger.stop()


async def test_a_kind_without_objects_is_synced_too(api):
    async with reading(source(api, SERVICES, CONFIG_MAPS)) as reader:
        await reader.until(lambda: reader.synced)
        assert reader.events == [Synced("kubernetes")]


async def test_a_long_list_is_read_in_pages_of_500(api):
    for number in range(1201):
        api.put(service(f"s{number:04}", number))
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced)
        assert len(reader.objects) == 1201
    assert [one.query.get("limit") for one in api.requests("list")] == ["500"] * 3


async def test_pages_that_grow_too_old_are_read_again_as_one(api):
    for number in range(700):
        api.put(service(f"s{number:04}", number))
    api.fail("list", times=1, status=410, only_continued=True)
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced)
        assert len(reader.objects) == 700
    assert [sorted(one.query) for one in api.requests("list")] == [["limit"], ["continue", "limit"], []]


async def test_the_selector_of_a_kind_is_applied_by_the_server_and_losing_the_label_is_gone(api):
    labelled = {"kind": "ConfigMap", "metadata": {"name": "vs", "labels": {"f5type": "virtual-server"}}}
    api.put(labelled)
    api.put({"kind": "ConfigMap", "metadata": {"name": "other"}})
    async with reading(source(api, CONFIG_MAPS)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        assert list(reader.objects) == ["ConfigMap/default/vs"]
        api.put({"kind": "ConfigMap", "metadata": {"name": "vs"}})
        await reader.until(lambda: not reader.objects)
    assert {one.query["labelSelector"] for one in api.requests("list") + api.requests("watch")} == {
        "f5type in (virtual-server)"
    }


async def test_endpoint_slices_are_read_where_the_server_has_them(api):
    async with reading(source(api, ENDPOINTS, SLICES)) as reader:
        await reader.until(lambda: reader.synced)
    assert not api.requests("list", "endpoints")
    assert api.requests("list", "endpointslices")


async def test_endpoints_are_read_where_the_server_has_no_endpoint_slices():
    api = FakeKubeApi(WITHOUT_SLICES)
    await api.start()
    async with reading(source(api, ENDPOINTS, SLICES)) as reader:
        await reader.until(lambda: reader.synced)
    assert api.requests("list", "endpoints")
    assert not api.requests("list", "endpointslices")
    await api.stop()


async def test_only_the_named_namespaces_are_read_and_nodes_anyway(api):
    for namespace in ("a", "b", "c"):
        api.put(service("web", namespace, namespace))
    api.put({"kind": "Node", "metadata": {"name": "n1"}})
    async with reading(source(api, SERVICES, NODES, namespaces=("a", "b", "a"))) as reader:
        await reader.until(lambda: reader.synced)
        assert set(reader.objects) == {"Service/a/web", "Service/b/web", "Node/n1"}
    assert len(api.requests("list", "services")) == 2


async def test_namespaces_are_followed_by_label(api):
    def namespace(name: str, **labels: str) -> None:
        api.put({"kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    namespace("a", team="x")
    namespace("b")
    for name in ("a", "b"):
        api.put(service("web", name, name))
        api.put(service("api", name, name))
    async with reading(source(api, SERVICES, NODES, namespace_label="team=x")) as reader:
        await reader.until(lambda: reader.synced)
        assert set(reader.objects) == {"Service/a/web", "Service/a/api"}
        await reader.until(lambda: api.watches == 3)
        namespace("b", team="x")
        await reader.until(lambda: len(reader.objects) == 4)
        namespace("a")
        await reader.until(lambda: set(reader.objects) == {"Service/b/web", "Service/b/api"})
        await reader.until(lambda: api.watches == 3)
        api.put(service("late", "no", "a"))
        api.put(service("late", "yes", "b"))
        await reader.until(lambda: "Service/b/late" in reader.objects)
        assert "Service/a/late" not in reader.objects
        assert reader.synced == 1


async def test_namespaces_that_cannot_be_read_again_have_not_lost_their_label(api):
    api.put({"kind": "Namespace", "metadata": {"name": "a", "labels": {"team": "x"}}})
    api.put(service("web", "1", "a"))
    async with reading(source(api, SERVICES, namespace_label="team")) as reader:
        await reader.until(lambda: reader.synced and api.watches == 2)
        api.fail("list", "namespaces", status=503)
        api.fail("watch", "namespaces", status=410)
        api.end_watches()
        await reader.until(lambda: len(api.requests("list", "namespaces")) > 3)
        assert reader.gone == []
        api.mend()
        api.put(service("web", "2", "a"))
        await reader.until(lambda: reader.objects == {"Service/a/web": "2"})


async def test_a_decoder_that_fails_concerns_one_object(api):
    api.put(service("bad", "crash"))
    api.put(service("good", "1"))
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        assert reader.objects == {"Service/default/good": "1"}
        assert [(str(one.ref), one.issues[0].code) for one in reader.flawed] == [("Service/default/bad", "TB9001")]
        api.put(service("bad", "mended"))
        await reader.until(lambda: reader.objects.get("Service/default/bad") == "mended")
        api.put(service("bad", "crash"))
        await reader.until(lambda: len(reader.flawed) == 2)
        api.delete("Service", "default", "bad")
        await reader.until(lambda: reader.gone == ["Service/default/bad"])


async def test_an_object_that_its_kind_does_not_want_is_told_as_gone_only_if_it_was_there(api):
    api.put(service("never", "1", hidden="yes"))
    api.put(service("once", "1"))
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        api.put(service("never", "2", hidden="yes"))
        api.put(service("once", "2", hidden="yes"))
        await reader.until(lambda: reader.gone)
        assert reader.gone == ["Service/default/once"]


async def test_a_watch_goes_on_where_the_last_bookmark_was(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        for number in range(5):
            api.put({"kind": "Node", "metadata": {"name": f"n{number}"}})
        api.bookmark()
        api.put(service("web", "1"))
        await reader.until(lambda: reader.objects)
        api.delete("Service", "default", "web")
        api.put({"kind": "Node", "metadata": {"name": "last"}})
        api.bookmark()
        await asyncio.sleep(0.05)
        api.forget()
        api.end_watches()
        await reader.until(lambda: len(api.requests("watch")) > 1 and api.watches)
    # Without the bookmark the second watch would have asked for what is forgotten, and listed again.
    assert len(api.requests("list")) == 1


async def test_lines_that_arrive_together_are_put_together(api):
    async with reading(source(api)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        api.fail("watch", status=503)
        api.end_watches()
        await reader.until(lambda: not api.watches)
        for number in range(50):
            api.put(service(f"s{number}", number))
        api.mend()
        await reader.until(lambda: len(reader.objects) == 50)
    assert len(reader.batches) < 50


async def test_the_cluster_id_is_the_uid_of_kube_system(api):
    uid = api.put({"kind": "Namespace", "metadata": {"name": "kube-system"}})["metadata"]["uid"]
    assert await source(api).cluster_id() == uid


async def test_a_cluster_id_that_cannot_be_read_is_a_sentence(api):
    api.fail("get", "namespaces", status=403)
    with pytest.raises(KubernetesError, match=r"answers 403 to .*kube-system.*Grant the verbs"):
        await source(api).cluster_id()


def test_a_list_of_namespaces_and_a_label_exclude_each_other():
    with pytest.raises(ValueError, match="exclude each other"):
        KubernetesSource((), FixedLogin(Access("http://x")), namespaces=("a",), namespace_label="b")


async def test_random_edits_and_faults_end_in_what_the_server_has(api):
    import random

    dice = random.Random(7)
    async with reading(source(api, SERVICES, namespace_label="")) as reader:
        await reader.until(lambda: reader.synced)
        there: dict[str, str] = {}
        for step in range(400):
            name = f"s{dice.randrange(20)}"
            if name in there and dice.random() < 0.4:
                api.delete("Service", "default", name, silent=dice.random() < 0.1)
                del there[name]
            else:
                there[name] = str(step)
                api.put(service(name, step), silent=dice.random() < 0.1)
            event = dice.randrange(40)
            if event == 0:
                api.end_watches()
            elif event == 1:
                api.forget()
                api.end_watches()
            elif event == 2:
                api.fail("watch", times=2, cut_after=dice.randrange(3))
            elif event == 3:
                api.fail("list", times=1, cut_list=True)
            elif event == 4:
                api.fail("watch", times=1, error={"code": 410, "message": "too old"})
                api.end_watches()
            if dice.random() < 0.2:
                await asyncio.sleep(0.002)
        api.mend()
        api.forget()
        api.end_watches()
        wanted = {f"Service/default/{name}": data for name, data in there.items()}
        await reader.until(lambda: reader.objects == wanted)
    assert all(isinstance(event, Put | Gone | Synced) for event in reader.events)
