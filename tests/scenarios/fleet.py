"""Backends that come and go at the endpoints' real addresses, and clients that go on asking for them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator
from typing import Self

import aiohttp
from aiohttp import web

from bigipsim.dataplane.addresses import Mapping
from patience import PATIENCE_S
from scenarios.loop import World

NETWORK = "127.76.0"
MAPPINGS = (Mapping.parse(f"198.51.100.0/24={NETWORK}.0/24"),)
CLIENTS = 6


def free_port() -> int:
    """A port that is free at every address of the network."""
    with socket.socket() as plug:
        plug.bind((f"{NETWORK}.1", 0))
        return int(plug.getsockname()[1])


class Fleet:
    """HTTP servers by number; number N listens where 198.51.100.N is redirected to."""

    def __init__(self, port: int = 0) -> None:
        self.port = port or free_port()
        self._running: dict[int, web.AppRunner] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop(*self._running)

    async def start(self, *numbers: int) -> None:
        """Starts servers; each answers its number."""
        for number in numbers:

            async def answer(_: web.Request, number: int = number) -> web.Response:
                await asyncio.sleep(0.005)
                return web.Response(text=str(number))

            app = web.Application()
            app.router.add_get("/{any:.*}", answer)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, f"{NETWORK}.{number}", self.port).start()
            self._running[number] = runner

    async def stop(self, *numbers: int) -> None:
        """Ends servers: what they are answering is finished, nothing new is taken."""
        for number in tuple(numbers):
            await self._running.pop(number).cleanup()


class Load:
    """What clients got: answers by backend, and failures by name."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    @property
    def requests(self) -> int:
        """How many answers there were."""
        return self.answers.total()


async def url_of(w: World, virtual: str = "/k8s/default_web") -> str:
    """Where this host reaches a virtual server."""
    await w.device.settled()
    listeners = await w.control("GET", "listeners")
    (where,) = [one["listening"][0] for one in listeners["listeners"] if one["virtual"] == virtual]
    return f"http://{where['host']}:{where['port']}/"


@contextlib.asynccontextmanager
async def load(url: str, clients: int = CLIENTS, host: str = "") -> AsyncIterator[Load]:
    """Clients that ask without a pause, half of them on connections that they keep, half on new ones.

    host: whom they ask for, if not the host of the URL.
    """
    result = Load()

    async def ask(keep: bool) -> None:
        headers = ({} if keep else {"Connection": "close"}) | ({"Host": host} if host else {})
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
            while True:
                try:
                    async with session.get(url, headers=headers) as reply:
                        text = await reply.text()
                        if reply.status == 200:
                            result.answers[text] += 1
                        else:
                            result.failures[f"status {reply.status}"] += 1
                except (aiohttp.ClientError, TimeoutError) as error:
                    result.failures[type(error).__name__] += 1
                await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(ask(number % 2 == 0)) for number in range(clients)]
    try:
        yield result
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
