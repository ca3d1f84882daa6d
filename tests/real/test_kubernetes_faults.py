"""The Kubernetes source against a real API server that restarts, is killed, and sits behind a network that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from real.proxy import Proxy
from sources.collect import CONFIG_MAPS, Reader, reading
from turnbuckle.model.ref import Gone, Grounds, Ref
from turnbuckle.sources.kubernetes import KubeconfigLogin, KubernetesSource, Timing

pytestmark = pytest.mark.real

QUICK = Timing(first_delay_s=0.05, longest_delay_s=0.5, idle_s=2.0, connect_s=2.0)


@pytest.fixture
async def proxy(kube_api: Any) -> AsyncIterator[Proxy]:
    address = urlsplit(kube_api.url)
    async with Proxy(address.hostname, address.port) as found:
        yield found


@pytest.fixture
def through(kube_api: Any, proxy: Proxy, tmp_path: Path) -> str:
    """A kubeconfig that leads through the proxy."""
    path = tmp_path / "kubeconfig"
    path.write_text(Path(kube_api.kubeconfig).read_text().replace(kube_api.url, f"https://127.0.0.1:{proxy.port}"))
    return str(path)


def source(kubeconfig: str, namespace: str, timing: Timing = QUICK) -> KubernetesSource:
    return KubernetesSource((CONFIG_MAPS,), KubeconfigLogin(kubeconfig), namespaces=(namespace,), timing=timing)


def config_map(name: str, namespace: str, text: str = "1") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": {"f5type": "virtual-server"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"data": text}}


def gone(reader: Reader) -> list[Gone]:
    return [event for event in reader.events if isinstance(event, Gone)]


def ref(name: str, namespace: str) -> Ref:
    return Ref("", "ConfigMap", namespace, name)


async def watching(reader: Reader) -> None:
    await reader.until(lambda: reader.synced and reader.source.health()[0].lag_s == 0, 30)


async def test_what_is_deleted_while_the_network_is_frozen_is_told(kube_api, admin, namespace, proxy, through):
    await admin.put(config_map("a", namespace))
    await admin.put(config_map("b", namespace))
    async with reading(source(through, namespace)) as reader:
        await watching(reader)
        proxy.freeze()
        await admin.delete("ConfigMap", "b", namespace)
        await admin.put(config_map("a", namespace, "2"))
        await reader.until(lambda: reader.objects == {f"ConfigMap/{namespace}/a": "{'data': '2'}"}, 20)
        # The watch went on where it was, so that the deletion was told and not found out.
        assert gone(reader) == [Gone(ref("b", namespace), Grounds.WATCHED)]
        assert reader.synced == 1


async def test_connections_that_are_cut_again_and_again_lose_nothing(kube_api, admin, namespace, proxy, through):
    async with reading(source(through, namespace)) as reader:
        await watching(reader)
        for number in range(12):
            await admin.put(config_map(f"c{number % 4}", namespace, str(number)))
            if number % 3 == 2:
                await admin.delete("ConfigMap", f"c{number % 4}", namespace)
            if number % 2:
                proxy.cut()
        there = {name for number in range(12) for name in [f"c{number % 4}"] if number >= 8 and number % 3 != 2}
        await reader.until(lambda: set(reader.objects) == {f"ConfigMap/{namespace}/{name}" for name in there}, 20)
        assert reader.synced == 1


async def test_a_version_from_before_a_crash_is_too_old_and_what_vanished_is_found_by_a_list(
    kube_api, admin, namespace, proxy, through
):
    await admin.put(config_map("a", namespace))
    await admin.put(config_map("b", namespace))
    patient = Timing(first_delay_s=0.05, longest_delay_s=0.5, idle_s=300.0, connect_s=2.0)
    async with reading(source(through, namespace, patient)) as reader:
        await watching(reader)
        # While nothing arrives the versions move on, and the server that comes back does not know those in between.
        proxy.freeze()
        await admin.delete("ConfigMap", "b", namespace)
        for number in range(20):
            await admin.put(config_map("a", namespace, str(number)))
        await asyncio.to_thread(kube_api.kill)
        proxy.cut()
        await reader.until(lambda: reader.source.health()[0].trouble, 20)
        assert reader.gone == []
        await asyncio.to_thread(kube_api.up)
        await reader.until(lambda: reader.objects == {f"ConfigMap/{namespace}/a": "{'data': '19'}"}, 60)
        assert gone(reader) == [Gone(ref("b", namespace), Grounds.LISTED)]
        assert (reader.synced, reader.source.health()[0].trouble) == (1, "")
        await admin.put(config_map("a", namespace, "20"))
        await reader.until(lambda: reader.objects == {f"ConfigMap/{namespace}/a": "{'data': '20'}"}, 20)


async def test_a_confirmation_lists_anew_and_tells_synced_again(kube_api, admin, namespace):
    await admin.put(config_map("a", namespace))
    async with reading(source(kube_api.kubeconfig, namespace)) as reader:
        await watching(reader)
        await reader.source.confirm()
        await reader.until(lambda: reader.synced == 2, 20)
        assert gone(reader) == []
        await admin.put(config_map("a", namespace, "2"))
        await reader.until(lambda: reader.objects == {f"ConfigMap/{namespace}/a": "{'data': '2'}"}, 20)
