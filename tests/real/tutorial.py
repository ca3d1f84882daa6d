"""What the tutorial has: its Secret, ConfigMap and Service, real backends, and a controller with its arguments."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bigipsim.box import Box
from bigipsim.clock import SystemClock
from bigipsim.dataplane.addresses import Mapping
from bigipsim.server import SimServer
from patience import PATIENCE_S

POOL = "cfgmap_default_example-vs_nginx"
ENDPOINTS, NODES = "198.51.100.{}", "192.0.2.{}"
MAPPINGS = (Mapping.parse("198.51.100.0/24=127.78.0.0/24"), Mapping.parse("192.0.2.0/24=127.79.0.0/24"))
NODE_PORT, POD_PORT = 30080, 8080


def secret(url: str) -> dict[str, Any]:
    texts = {"username": "admin", "password": "admin", "url": url}
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    metadata = {"name": "bigip-credentials", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}


def _named(name: str, namespace: str = "default") -> dict[str, Any]:
    return {"name": name, "namespace": namespace}


def example_vs() -> dict[str, Any]:
    body = {
        "virtualServer": {
            "frontend": {
                "balance": "round-robin",
                "mode": "http",
                "partition": "k8s",
                "virtualAddress": {"bindAddr": "203.0.113.7", "port": 80},
            },
            "backend": {"serviceName": "nginx", "servicePort": 80},
        }
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**_named("example-vs"), "labels": {"f5type": "virtual-server"}},
        "data": {"schema": "f5schemadb://bigip-virtual-server_v0.1.1.json", "data": json.dumps(body)},
    }


def nginx(type: str = "ClusterIP") -> dict[str, Any]:
    port = {"port": 80, **({"nodePort": NODE_PORT} if type == "NodePort" else {})}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _named("nginx"),
        "spec": {"type": type, "selector": {"run": "nginx"}, "ports": [port]},
    }


def endpoints(count: int) -> dict[str, Any]:
    addresses = [{"ip": ENDPOINTS.format(n)} for n in range(1, count + 1)]
    subset = {"addresses": addresses, "ports": [{"port": POD_PORT}]}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": _named("nginx"), "subsets": [subset]}


def node(number: int, ready: str = "True", cordoned: bool = False) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node{number}"},
        "spec": {"unschedulable": cordoned},
        "status": {
            "addresses": [{"type": "InternalIP", "address": NODES.format(number)}],
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


@contextlib.asynccontextmanager
async def backends(pattern: str, port: int, numbers: range) -> AsyncIterator[None]:
    """Real HTTP servers; each answers its own address."""
    runners = []
    for number in numbers:
        name = pattern.format(number)

        async def answer(_: web.Request, name: str = name) -> web.Response:
            return web.Response(text=name)

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, name.replace("198.51.100", "127.78.0").replace("192.0.2", "127.79.0"), port).start()
        runners.append(runner)
    try:
        yield
    finally:
        for runner in runners:
            await runner.cleanup()


class Bench:
    """A device, a controller in a process of its own, and questions about them."""

    def __init__(self, device: SimServer, kubeconfig: str, admin: Any) -> None:
        self.device, self.kubeconfig, self.admin = device, kubeconfig, admin
        self.process: asyncio.subprocess.Process | None = None

    async def run(self, *more: str) -> None:
        """Starts the controller with the arguments of the Deployment; the environment holds what the Secret says."""
        stored = await self.credentials()
        environment = {**os.environ, **{f"BIGIP_{key.upper()}": text for key, text in stored.items()}}
        arguments = [
            f"--bigip-url={environment['BIGIP_URL']}",
            f"--bigip-username={environment['BIGIP_USERNAME']}",
            f"--bigip-password={environment['BIGIP_PASSWORD']}",
            "--namespace=default",
            "--bigip-partition=k8s",
            *more,
            "--insecure",
            f"--kubeconfig={self.kubeconfig}",
            "--running-in-cluster=false",
        ]
        command = (sys.executable, "-m", "turnbuckle", "run", "--http-listen-address=off", *arguments)
        self.process = await asyncio.create_subprocess_exec(*command, env=environment)

    async def credentials(self) -> dict[str, str]:
        """What a Pod would find in its environment: the texts of the Secret, which is stored in the cluster first."""
        path = "/api/v1/namespaces/kube-system/secrets"
        await self.admin._send("POST", "/api/v1/namespaces", {"metadata": {"name": "kube-system"}})
        manifest = secret(self.device.url)
        status, _ = await self.admin._send("POST", path, manifest)
        if status == 409:
            await self.admin._send("PUT", f"{path}/bigip-credentials", manifest)
        _, found = await self.admin._send("GET", f"{path}/bigip-credentials")
        return {key: base64.b64decode(text).decode() for key, text in found["data"].items()}

    async def stop(self) -> int:
        return await self._end(signal.SIGTERM)

    async def kill(self) -> int:
        """Ends the controller without a chance to give anything back."""
        return await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(number)
        return await process.wait()

    def members(self) -> set[str]:
        pool = self.device.box.tree.get("ltm/pool", f"/k8s/{POOL}")
        return set() if pool is None else {path.rsplit("/", 1)[1] for path in pool.children.get("members", {})}

    def writes(self) -> list[str]:
        return [
            f"{entry.method} {entry.path}"
            for entry in self.device.journal.since(0)
            if entry.write and "/task/" not in entry.path and "/shared/" not in entry.path
        ]

    async def until(self, holds: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        ends = time.monotonic() + seconds
        while not holds():
            assert self.process is not None and self.process.returncode is None, "the controller has ended"
            assert time.monotonic() < ends, f"members {self.members()}, writes {self.writes()}"
            await asyncio.sleep(0.02)

    async def answers(self, tries: int) -> set[str]:
        """Who answers requests to the virtual server."""
        await self.device.settled()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{self.device.control_url}listeners", ssl=False) as reply:
                listeners = await reply.json()
            (where,) = [
                one["listening"][0] for one in listeners["listeners"] if one["virtual"] == "/k8s/default_example-vs"
            ]
            found = set()
            for _ in range(tries):
                async with session.get(
                    f"http://{where['host']}:{where['port']}/", headers={"Connection": "close"}
                ) as reply:
                    found.add(await reply.text())
        return found


@pytest.fixture
async def bench(kube_api: Any, admin: Any) -> AsyncIterator[Bench]:
    """A device and, once it is started, a controller; objects have the tutorial's names, so none is left behind."""
    box = Box(SystemClock())
    box.tree.create("auth/partition", {"name": "k8s"})
    box.save()
    async with SimServer(box, mappings=MAPPINGS) as device:
        one = Bench(device, kube_api.kubeconfig, admin)
        try:
            yield one
        finally:
            await one.stop()
            for kind in ("configmaps/example-vs", "endpoints/nginx", "services/nginx"):
                await admin._send("DELETE", f"/api/v1/namespaces/default/{kind}")
            for number in range(1, 4):
                await admin._send("DELETE", f"/api/v1/nodes/node{number}")
