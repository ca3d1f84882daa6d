"""The API servers of the bench: the one in memory, and a real kube-apiserver where there is one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import aiohttp

from benchmarks.objects import EndpointsOf, Raw, endpoint_slice, endpoints_object

PLURALS = {
    "ConfigMap": "configmaps",
    "Service": "services",
    "EndpointSlice": "endpointslices",
    "Endpoints": "endpoints",
    "Ingress": "ingresses",
    "Secret": "secrets",
}
IN_FLIGHT = 16
"""Requests at once while the server is filled."""


class Cluster:
    """An API server. endpoints_of: the object by which it tells endpoints."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, endpoints_of: EndpointsOf, authorization: str = ""
    ) -> None:
        self._session, self.url, self.authorization = session, url, authorization
        self.endpoints_of = endpoints_of

    async def put(self, raw: Raw) -> None:
        """Replaces an object."""
        await self._send("PUT", f"{self._collection(raw)}/{raw['metadata']['name']}", raw)

    async def fill(self, raws: Iterable[Raw]) -> None:
        """Creates objects, several at once."""
        left = iter(raws)

        async def work() -> None:
            for raw in left:
                await self._send("POST", self._collection(raw), raw)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(IN_FLIGHT):
                tasks.create_task(work())

    async def endpoints(self, server: int, count: int) -> None:
        """Gives a server so many endpoints."""
        await self.put(self.endpoints_of(server, count))

    async def _send(self, method: str, url: str, raw: Raw) -> None:
        headers = {"Authorization": self.authorization} if self.authorization else {}
        async with self._session.request(method, url, json=raw, headers=headers) as reply:
            await reply.read()
            reply.raise_for_status()

    def _collection(self, raw: Raw) -> str:
        version, namespace = raw["apiVersion"], raw["metadata"]["namespace"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        return f"{self.url}{base}/namespaces/{namespace}/{PLURALS[raw['kind']]}"


class FakeCluster(Cluster):
    """The API server in memory of the tests."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        super().__init__(session, url, endpoint_slice)


class RealCluster(Cluster):
    """etcd and kube-apiserver on loopback, by the scripts `up` and `down` in $TURNBUCKLE_SHARED/kube."""

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, session: aiohttp.ClientSession, directory: Path) -> AsyncIterator[RealCluster]:
        """The server, with nothing in it."""
        port = _free_port()
        try:
            await _script("up", str(directory), str(port))
            yield cls(session, f"https://127.0.0.1:{port}", endpoints_object, "Bearer admintoken")
        finally:
            await asyncio.shield(_script("down", str(directory)))


def missing() -> str:
    """Why there is no real API server here, in a sentence; empty when there may be one."""
    if "TURNBUCKLE_SHARED" not in os.environ:
        return "No real API server: TURNBUCKLE_SHARED does not name a directory with kube/up."
    if not (_scripts() / "up").exists():
        return f"No real API server: there is no {_scripts() / 'up'}."
    for program, package in (("etcd", "etcd-server"), ("openssl", "openssl"), ("curl", "curl"), ("xz", "xz-utils")):
        if not shutil.which(os.environ.get("ETCD", program) if program == "etcd" else program):
            return f"No real API server: {program} is not installed (Debian: {package})."
    return ""


def _scripts() -> Path:
    return Path(os.environ["TURNBUCKLE_SHARED"]) / "kube"


async def _script(name: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        str(_scripts() / name), *arguments, stdout=asyncio.subprocess.DEVNULL, start_new_session=True
    )
    try:
        if await process.wait() != 0:
            raise RuntimeError(f"the real API server: {name} ended with {process.returncode}; see above")
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def _free_port() -> int:
    """A port P with P+1000 and P+1001 free as well: etcd takes those."""
    for port in range(23443, 30443, 7):
        with contextlib.ExitStack() as plugs:
            try:
                for taken in (port, port + 1000, port + 1001):
                    plugs.enter_context(socket.socket()).bind(("127.0.0.1", taken))
            except OSError:
                continue
            return port
    raise RuntimeError("no three free ports between 23443 and 31444")
