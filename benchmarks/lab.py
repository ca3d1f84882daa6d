"""The other processes of the bench: the simulated BIG-IP, the API server in memory, and the controller."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.objects import PARTITION, Raw

ROOT = Path(__file__).resolve().parent.parent
PLURALS = {"ConfigMap": "configmaps", "Service": "services", "EndpointSlice": "endpointslices"}


# A first start compiles the modules; that is not what is measured, so their bytecode is kept.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


async def spawn(*words: str, answers: bool = False) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=asyncio.subprocess.PIPE if answers else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )


async def end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        await process.wait()


async def said(process: asyncio.subprocess.Process, pattern: str) -> str:
    """What a process printed, up to the first line with the pattern; answers what that matched."""
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        if found := re.search(pattern, line):
            return found.group(0)
    raise RuntimeError(f"a process of the bench ended without saying {pattern}")


class BigIp:
    """A simulated BIG-IP without a data plane, as slow as the latency model says."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, session: aiohttp.ClientSession) -> None:
        self.process, self.url, self._session = process, url, session

    @classmethod
    async def start(cls, session: aiohttp.ClientSession) -> BigIp:
        arguments = ("--listen", "127.0.0.1:0", "--no-dataplane", "--partition", PARTITION, "--log-level", "error")
        process = await spawn("-m", "bigipsim", "serve", *arguments)
        device = cls(process, await said(process, r"https://[\d.:]+"), session)
        async with session.post(f"{device.url}/_sim/faults", json={"latency": "bench"}, ssl=False) as reply:
            reply.raise_for_status()
        return device

    async def requests(self) -> list[dict[str, Any]]:
        """Requests since the last time; those that only save the configuration are left out."""
        async with self._session.get(f"{self.url}/_sim/requests", ssl=False) as reply:
            found = (await reply.json())["requests"]
        async with self._session.delete(f"{self.url}/_sim/requests", ssl=False) as reply:
            reply.raise_for_status()
        return [entry for entry in found if "/sys/config" not in entry["path"]]


class Cluster:
    """An API server in memory."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, session: aiohttp.ClientSession) -> None:
        self.process, self.url, self._session = process, url, session

    @classmethod
    async def start(cls, session: aiohttp.ClientSession) -> Cluster:
        process = await spawn("tests/fakes/kubeapi.py", "0")
        return cls(process, await said(process, r"http://[\d.:]+"), session)

    async def put(self, raw: Raw) -> None:
        meta = raw["metadata"]
        url = f"{self._collection(raw)}/{meta['name']}"
        async with self._session.put(url, json=raw) as reply:
            reply.raise_for_status()

    async def fill(self, raws: Iterable[Raw]) -> None:
        for raw in raws:
            async with self._session.post(self._collection(raw), json=raw) as reply:
                reply.raise_for_status()

    def _collection(self, raw: Raw) -> str:
        version, namespace = raw["apiVersion"], raw["metadata"]["namespace"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        return f"{self.url}{base}/namespaces/{namespace}/{PLURALS[raw['kind']]}"


class Controller:
    """The process under measurement."""

    def __init__(self, process: asyncio.subprocess.Process, began_s: float) -> None:
        self.process, self.began_s = process, began_s

    @classmethod
    async def start(cls, cluster: Cluster, device: BigIp) -> Controller:
        began_s = time.monotonic()
        return cls(await spawn("-m", "benchmarks.controller", cluster.url, device.url, answers=True), began_s)

    async def ask(self, question: str, patience_s: float = 900.0) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{question}\n".encode())
        async with asyncio.timeout(patience_s):
            line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError(f'the controller ended instead of answering "{question}"')
        answer: dict[str, Any] = json.loads(line)
        return answer
