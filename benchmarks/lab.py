"""The processes around the bench and their end: with it, in whichever way it ends.

Each has a session of its own, so that Ctrl-C reaches the bench alone, which then ends them in order; the kernel ends
them when the bench is killed. What they would keep in the user's directories they keep in one that goes with the bench.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import aiohttp

from benchmarks.cluster import Cluster, FakeCluster, RealCluster
from benchmarks.objects import PARTITION

ROOT = Path(__file__).resolve().parent.parent
SAVING = "/sys/config"
QUIET_S = 5.0
LONGEST_UNREST_S = 150.0
"""The configuration is saved at most once a minute, and what is left to do after changes is done with that."""

Entry = dict[str, Any]


class Lab:
    """Starts processes inside an `async with` block, and ends them with it."""

    async def __aenter__(self) -> Self:
        self._ends = contextlib.AsyncExitStack()
        self.directory = Path(self._ends.enter_context(tempfile.TemporaryDirectory(prefix="turnbuckle-bench-")))
        connector = aiohttp.TCPConnector(ssl=False, limit=64)
        timeout = aiohttp.ClientTimeout(total=120)
        session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        self.session = await self._ends.enter_async_context(session)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._ends.aclose()

    async def spawn(self, *words: str, asked: bool = False) -> asyncio.subprocess.Process:
        """A Python process. asked: its standard input is a pipe."""
        # A first start compiles the modules; that is not what is measured, so their bytecode is kept.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            cwd=ROOT,
            env={**environment, "XDG_STATE_HOME": str(self.directory)},
            stdin=asyncio.subprocess.PIPE if asked else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        self._ends.push_async_callback(end, process)
        return process

    async def device(self) -> BigIp:
        """A simulated BIG-IP without a data plane, as slow as the latency model says."""
        arguments = ("--listen", "127.0.0.1:0", "--no-dataplane", "--partition", PARTITION, "--log-level", "error")
        process = await self.spawn("-m", "bigipsim", "serve", *arguments)
        device = BigIp(process, await _said(process, r"https://[\d.:]+"), self.session)
        await device.control("POST", "faults", {"latency": "bench"})
        return device

    async def cluster(self, real: bool) -> Cluster:
        """The API server in memory, or the real one."""
        if real:
            return await self._ends.enter_async_context(RealCluster.running(self.session, self.directory / "kube"))
        process = await self.spawn("tests/fakes/kubeapi.py", "0")
        return FakeCluster(self.session, await _said(process, r"http://[\d.:]+"))

    async def controller(self, cluster: Cluster, device: BigIp) -> Controller:
        """The process under measurement."""
        began_s, log = time.monotonic(), self.directory / f"controller-{time.monotonic_ns()}.log"
        running = Controller(await self.spawn("-m", "benchmarks.controller", str(log), asked=True), began_s, log)
        running.tell({"kube": cluster.url, "authorization": cluster.authorization, "bigip": device.url})
        return running


def _end_with_parent() -> None:
    """Source: prctl(2), PR_SET_PDEATHSIG."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


async def end(process: asyncio.subprocess.Process) -> None:
    """Ends a process: politely, then not."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _said(process: asyncio.subprocess.Process, pattern: str) -> str:
    """What a process printed, up to the first line with the pattern; answers what that matched."""
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        if found := re.search(pattern, line):
            return found.group(0)
    raise RuntimeError(f"a process of the bench ended without saying {pattern}")


class BigIp:
    """The simulated device, and what it has seen."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, session: aiohttp.ClientSession) -> None:
        self.process, self.url, self._session = process, url, session
        self._seen = 0

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """Asks the simulator's own control interface."""
        async with self._session.request(method, f"{self.url}/_sim/{path}", json=body) as reply:
            reply.raise_for_status()
            return await reply.json(content_type=None)

    async def news(self) -> list[Entry]:
        """All requests since the last time."""
        found: list[Entry] = (await self.control("GET", f"requests?since={self._seen}"))["requests"]
        if found:
            self._seen = found[-1]["n"]
        return found

    async def requests(self) -> list[Entry]:
        """Requests since the last time; those that only save the configuration are left out."""
        return [entry for entry in await self.news() if SAVING not in entry["path"]]

    async def forget(self) -> None:
        """Whatever was seen so far does not count."""
        await self.control("DELETE", "requests")
        self._seen = 0

    async def quiet(self) -> None:
        """Waits until the controller has tidied up after changes: it has saved, and then done nothing for a while."""
        until, last, saved = time.monotonic() + LONGEST_UNREST_S, time.monotonic(), False
        while time.monotonic() < until and not (saved and time.monotonic() > last + QUIET_S):
            await asyncio.sleep(1)
            for entry in await self.news():
                last = time.monotonic()
                saved = SAVING in entry["path"] or (saved and not entry["write"])

    async def by_hand(self, count: int) -> None:
        """Changes so many pools as a person would."""
        pools = f"{self.url}/mgmt/tm/ltm/pool"
        login = aiohttp.BasicAuth("admin", "admin")
        async with self._session.get(f"{pools}?$select=fullPath", auth=login) as reply:
            paths = [one["fullPath"] for one in (await reply.json())["items"][:count]]
        for path in paths:
            body = {"loadBalancingMode": "least-connections-member"}
            async with self._session.patch(f"{pools}/{path.replace('/', '~')}", json=body, auth=login) as reply:
                reply.raise_for_status()


class Controller:
    """The process under measurement. began_s: when it was started, by the monotonic clock of the machine."""

    def __init__(self, process: asyncio.subprocess.Process, began_s: float, log: Path) -> None:
        self._process, self.began_s, self._log = process, began_s, log

    def tell(self, value: Any) -> None:
        """Writes a line of JSON to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value).encode() + b"\n")

    async def ask(self, question: str, patience_s: float = 1800.0) -> dict[str, Any]:
        """Asks it a question; raises RuntimeError when it has ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{question}\n".encode())
        async with asyncio.timeout(patience_s):
            line = await self._process.stdout.readline()
        if not line:
            last = self._log.read_text(encoding="utf-8").splitlines()[-3:] if self._log.exists() else []
            raise RuntimeError(f'the controller ended instead of answering "{question}"; its log ends: {last}')
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def stop(self) -> None:
        """Ends it as SIGTERM ends `turnbuckle run`: the Lease is given back, the configuration saved."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(60):
            await self._process.wait()

    async def kill(self) -> None:
        """Ends it as a machine does that loses power."""
        self._process.kill()
        await self._process.wait()
