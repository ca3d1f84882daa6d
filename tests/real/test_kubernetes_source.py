"""The Kubernetes source against a real API server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from patience import PATIENCE_S
from sources.collect import CONFIG_MAPS, ENDPOINTS, NODES, SERVICES, SLICES, reading
from turnbuckle.sources.kubernetes import KubeconfigLogin, KubernetesError, KubernetesSource, Timing

pytestmark = pytest.mark.real

QUICK = Timing(first_delay_s=0.05, longest_delay_s=0.5)


def source(api: Any, *kinds: Any, **how: Any) -> KubernetesSource:
    return KubernetesSource(kinds, KubeconfigLogin(api.kubeconfig), timing=QUICK, **how)


def config_map(name: str, namespace: str, data: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"f5type": "virtual-server", **labels}},
        "data": {"data": data},
    }


async def test_objects_are_listed_and_followed(kube_api, admin, namespace):
    await admin.put(config_map("a", namespace, "1"))
    await admin.put({**config_map("other", namespace, "1"), "metadata": {"name": "other", "namespace": namespace}})
    async with reading(source(kube_api, CONFIG_MAPS, namespaces=(namespace,))) as reader:
        await reader.until(lambda: reader.synced)
        assert reader.objects == {f"ConfigMap/{namespace}/a": "{'data': '1'}"}
        await admin.put(config_map("a", namespace, "2"))
        await admin.put(config_map("b", namespace, "1"))
        await reader.until(lambda: reader.objects.get(f"ConfigMap/{namespace}/a") == "{'data': '2'}")
        await reader.until(lambda: f"ConfigMap/{namespace}/b" in reader.objects)
        await admin.delete("ConfigMap", "b", namespace)
        await admin.put(
            {
                **config_map("a", namespace, "3"),
                "metadata": {"name": "a", "labels": {"f5type": "no"}, "namespace": namespace},
            }
        )
        await reader.until(lambda: not reader.objects)


async def test_nodes_are_read_with_a_list_of_namespaces_too(kube_api, admin, namespace):
    await admin.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    async with reading(source(kube_api, NODES, SERVICES, namespaces=(namespace,))) as reader:
        await reader.until(lambda: reader.synced)
        assert "Node/n1" in reader.objects
        await admin.delete("Node", "n1")
        await reader.until(lambda: "Node/n1" not in reader.objects)


async def test_endpoints_stand_in_where_the_server_has_no_endpoint_slices(kube_api, admin, namespace):
    endpoints = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "web", "namespace": namespace},
        "subsets": [{"addresses": [{"ip": "198.51.100.1"}], "ports": [{"port": 80}]}],
    }
    await admin.put(endpoints)
    async with reading(source(kube_api, SLICES, ENDPOINTS)) as reader:
        await reader.until(lambda: reader.synced)
        slices = any(name.startswith("EndpointSlice/") for name in reader.objects)
        assert slices or f"Endpoints/{namespace}/web" in reader.objects


async def test_a_list_longer_than_a_page_is_read_whole(kube_api, admin, namespace):
    names = [f"c{number:03}" for number in range(620)]
    for start in range(0, len(names), 62):
        await asyncio.gather(*(admin.put(config_map(name, namespace, "1")) for name in names[start : start + 62]))
    async with reading(source(kube_api, CONFIG_MAPS, namespaces=(namespace,))) as reader:
        await reader.until(lambda: reader.synced, 30)
        assert len(reader.objects) == 620


async def test_namespaces_are_followed_by_label(kube_api, admin, namespace):
    def labelled(**labels: str) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}

    await admin.put(config_map("a", namespace, "1"))
    async with reading(source(kube_api, CONFIG_MAPS, namespace_label=f"turnbuckle-test={namespace[-20:]}")) as reader:
        await reader.until(lambda: reader.synced)
        assert reader.objects == {}
        await admin.put(labelled(**{"turnbuckle-test": namespace[-20:]}))
        await reader.until(lambda: reader.objects)
        await admin.put(labelled(**{"turnbuckle-test": "no"}))
        await reader.until(lambda: not reader.objects)


async def test_the_cluster_id_is_the_uid_of_kube_system(kube_api):
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                first = await source(kube_api).cluster_id()
                break
            except KubernetesError:
                # The server makes kube-system a moment after it is ready.
                await asyncio.sleep(0.2)
    assert len(first) == 36
    assert await source(kube_api).cluster_id() == first


async def test_a_restart_of_the_server_loses_nothing_and_what_changed_after_it_is_told(kube_api, admin, namespace):
    await admin.put(config_map("a", namespace, "1"))
    await admin.put(config_map("b", namespace, "1"))
    async with reading(source(kube_api, CONFIG_MAPS, namespaces=(namespace,))) as reader:
        await reader.until(lambda: reader.synced)
        await asyncio.to_thread(kube_api.down)
        assert reader.gone == []
        await asyncio.to_thread(kube_api.up)
        await admin.put(config_map("a", namespace, "2"))
        await admin.delete("ConfigMap", "b", namespace)
        await reader.until(lambda: reader.objects == {f"ConfigMap/{namespace}/a": "{'data': '2'}"}, 60)
        assert reader.synced == 1
        assert reader.gone == [f"ConfigMap/{namespace}/b"]
