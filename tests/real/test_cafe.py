"""The cafe: tea and coffee behind one Ingress with TLS on the controller's default address, with health monitors, and
seen by the pods from a SNAT pool.

Once against the API server of the tests, which has EndpointSlices, and once against a real one, which has Endpoints.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from fakes.kubeapi import FakeKubeApi
from real.published import Published, address_of, backends, published
from unit.ingresses import Pair, pair, secret_manifest

ADDRESS, HOST, NAMESPACE = "203.0.113.80", "cafe.example.com", "cafe"
HTTP, HTTPS = f"{ADDRESS}:80", f"{ADDRESS}:443"
PODS = {
    "tea": {"198.51.100.1": "tea-1", "198.51.100.2": "tea-2"},
    "coffee": {"198.51.100.3": "coffee-1", "198.51.100.4": "coffee-2", "198.51.100.5": "coffee-3"},
}
PORT = 8080
SNAT_POOL, SEEN_FROM = "/Common/cafe", "127.83.0.10"
SHOWN, RENEWED = pair(HOST), pair(HOST, serial=2)
HEALTH = [
    {
        "path": f"{HOST}/{what}",
        "send": f"GET /{what}/health HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n",
        "recv": "well",
        "interval": 1,
        "timeout": 2,
        "type": "http",
    }
    for what in PODS
]


class Cluster(Protocol):
    """An API server. kubeconfig: how it is reached."""

    kubeconfig: Path

    async def put(self, manifest: dict[str, Any]) -> None: ...

    async def delete(self, manifest: dict[str, Any]) -> None: ...

    async def get(self, manifest: dict[str, Any]) -> dict[str, Any]: ...

    def endpoints(self, service: str, *addresses: str) -> dict[str, Any]: ...


class InMemory:
    """The API server of the tests."""

    def __init__(self, api: FakeKubeApi, kubeconfig: Path) -> None:
        self._api, self.kubeconfig = api, kubeconfig

    async def put(self, manifest: dict[str, Any]) -> None:
        self._api.put(manifest)

    async def delete(self, manifest: dict[str, Any]) -> None:
        metadata = manifest["metadata"]
        self._api.delete(manifest["kind"], metadata.get("namespace", ""), metadata["name"])

    async def get(self, manifest: dict[str, Any]) -> dict[str, Any]:
        served = next(one for one in self._api.kinds.values() if one.kind == manifest["kind"])
        return self._api._objects[served][NAMESPACE, manifest["metadata"]["name"]]

    def endpoints(self, service: str, *addresses: str) -> dict[str, Any]:
        return {
            "kind": "EndpointSlice",
            "metadata": {**named(f"{service}-1"), "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
            "ports": [{"port": PORT}],
        }


class Real:
    """A real API server."""

    def __init__(self, admin: Any, kubeconfig: str) -> None:
        self._admin, self.kubeconfig = admin, Path(kubeconfig)

    async def put(self, manifest: dict[str, Any]) -> None:
        status, answer = await self._admin._send("POST", address_of(manifest, one=False), manifest)
        if status == 409:
            status, answer = await self._admin._send("PUT", address_of(manifest, one=True), manifest)
        assert status in (200, 201), answer

    async def delete(self, manifest: dict[str, Any]) -> None:
        await self._admin._send("DELETE", address_of(manifest, one=True), {"gracePeriodSeconds": 0})

    async def get(self, manifest: dict[str, Any]) -> dict[str, Any]:
        return (await self._admin._send("GET", address_of(manifest, one=True)))[1]

    def endpoints(self, service: str, *addresses: str) -> dict[str, Any]:
        subset = {"addresses": [{"ip": address} for address in addresses], "ports": [{"port": PORT}]}
        return {"apiVersion": "v1", "kind": "Endpoints", "metadata": named(service), "subsets": [subset]}


@pytest.fixture
async def in_memory(tmp_path: Path) -> AsyncIterator[Cluster]:
    api = FakeKubeApi()
    url = await api.start()
    kubeconfig = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "us"}}],
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "users": [{"name": "us", "user": {}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(kubeconfig), encoding="utf-8")
    yield InMemory(api, path)
    await api.stop()


@pytest.fixture
async def real(kube_api: Any, admin: Any) -> Cluster:
    await admin.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    return Real(admin, kube_api.kubeconfig)


def named(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE}


def service(name: str) -> dict[str, Any]:
    ports = [{"port": 80, "targetPort": PORT}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": named(name), "spec": {"ports": ports}}


def secret(shown: Pair) -> dict[str, Any]:
    return {"apiVersion": "v1", **secret_manifest("cafe-secret", shown, NAMESPACE)}


CLASS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": "f5"},
    "spec": {"controller": "f5.com/cntr-ingress-svcs"},
}
INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {**named("cafe-ingress"), "annotations": {"virtual-server.f5.com/health": json.dumps(HEALTH)}},
    "spec": {
        "ingressClassName": "f5",
        "tls": [{"hosts": [HOST], "secretName": "cafe-secret"}],
        "rules": [
            {
                "host": HOST,
                "http": {
                    "paths": [
                        {
                            "path": f"/{what}",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": what, "port": {"number": 80}}},
                        }
                        for what in PODS
                    ]
                },
            }
        ],
    },
}


class Cafe:
    """What guests of the cafe see."""

    def __init__(self, one: Published, cluster: Cluster) -> None:
        self.one, self.cluster = one, cluster

    async def served(self, path: str, shown: Pair = SHOWN, tries: int = 6) -> set[str]:
        """Who answers by HTTPS; "stranger" is who shows another certificate, "reset" who hangs up."""
        request = {"to": HTTPS, "host": HOST, "path": path, "tls": True}
        answers = [await self.one.asked(request, shown) for _ in range(tries)]
        assert {answer["peer"] for answer in answers if "peer" in answer} <= {SEEN_FROM}
        return {answer.get("answer") or next(iter(answer)) for answer in answers}

    async def is_served(self, path: str, by: set[str], shown: Pair = SHOWN) -> None:
        assert await self.one.soon(lambda: self.served(path, shown), by) == by

    async def asked(self, to: str, path: str, host: str = HOST) -> dict[str, Any]:
        return await self.one.asked({"to": to, "host": host, "path": path, **({"tls": "any"} if to == HTTPS else {})})

    async def address(self) -> list[dict[str, Any]]:
        status = (await self.cluster.get(INGRESS)).get("status") or {}
        return (status.get("loadBalancer") or {}).get("ingress") or []


async def the_cafe_opens_and_closes(cluster: Cluster) -> None:
    ill: set[str] = set()
    places = {(address, PORT): pod for pods in PODS.values() for address, pod in pods.items()}
    tea, coffee = (list(pods) for pods in PODS.values())
    given = [
        CLASS, service("tea"), service("coffee"), cluster.endpoints("tea", *tea),
        cluster.endpoints("coffee", *coffee[:2]), secret(SHOWN), INGRESS,
    ]  # fmt: skip
    options = {"default_ingress_ip": ADDRESS, "pool_member_type": "cluster", "vs_snat_pool_name": SNAT_POOL}
    options |= {"kubeconfig": cluster.kubeconfig, "namespace": (NAMESPACE,)}
    async with backends(places, ill=ill), published(snat={SNAT_POOL: "192.0.2.10"}, **options) as one:
        cafe = Cafe(one, cluster)
        for manifest in given:
            await cluster.put(manifest)
        try:
            await one.start()
            await it_serves_what_was_ordered(cafe)
            await who_is_ill_stays_at_home(cafe, ill)
            await one_more_waiter_is_one_request(cafe, coffee)
            await a_renewed_certificate_is_shown(cafe)
            await a_restart_writes_nothing(cafe)
        finally:
            for manifest in reversed(given):
                await cluster.delete(manifest)
        assert await one.soon(one.state, {}) == {}


async def it_serves_what_was_ordered(cafe: Cafe) -> None:
    await cafe.is_served("/tea", {"tea-1", "tea-2"})
    await cafe.is_served("/coffee/espresso?sugar=2", {"coffee-1", "coffee-2"})
    assert await cafe.asked(HTTP, "/tea?milk=1") == {"redirect": f"https://{HOST}/tea?milk=1"}
    assert await cafe.asked(HTTPS, "/") == {"reset": True}
    assert await cafe.asked(HTTPS, "/teapot") == {"reset": True}
    assert await cafe.asked(HTTPS, "/tea", "bar.example.com") == {"reset": True}
    wanted = [{"ip": ADDRESS}]
    assert await cafe.one.soon(cafe.address, wanted) == wanted
    assert not cafe.one.controller.report.all()


async def who_is_ill_stays_at_home(cafe: Cafe, ill: set[str]) -> None:
    ill.add("tea-1")
    await cafe.is_served("/tea", {"tea-2"})
    await cafe.is_served("/coffee", {"coffee-1", "coffee-2"})
    ill.clear()
    await cafe.is_served("/tea", {"tea-1", "tea-2"})


async def one_more_waiter_is_one_request(cafe: Cafe, pods: list[str]) -> None:
    before = len(cafe.one.writes())
    await cafe.cluster.put(cafe.cluster.endpoints("coffee", *pods))
    await cafe.is_served("/coffee", set(PODS["coffee"].values()))
    assert len(cafe.one.writes()) == before + 1, cafe.one.writes()[before:]


async def a_renewed_certificate_is_shown(cafe: Cafe) -> None:
    await cafe.cluster.put(secret(RENEWED))
    await cafe.is_served("/tea", {"tea-1", "tea-2"}, RENEWED)
    assert await cafe.served("/tea", SHOWN, tries=1) == {"stranger"}


async def a_restart_writes_nothing(cafe: Cafe) -> None:
    one = cafe.one
    await one.stop()
    before = one.writes()
    await one.start()
    await one.in_sync()
    assert one.writes() == before
    await cafe.is_served("/tea", {"tea-1", "tea-2"}, RENEWED)


async def test_the_cafe_of_an_api_server_with_endpoint_slices(in_memory: Cluster) -> None:
    await the_cafe_opens_and_closes(in_memory)


@pytest.mark.real
async def test_the_cafe_of_a_real_api_server(real: Cluster) -> None:
    await the_cafe_opens_and_closes(real)
