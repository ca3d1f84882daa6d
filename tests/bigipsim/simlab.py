"""A simulated device on real sockets, and small real servers behind it, for the tests of the data plane."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
from aiohttp import web

from bigipsim.box import Box
from bigipsim.clock import SystemClock
from bigipsim.dataplane.addresses import Mapping
from bigipsim.group.group import Group
from bigipsim.group.membership import Membership
from bigipsim.server import SimServer
from patience import eventually

MEMBERS = "198.51.100.0/24=127.1.0.0/24"
VIRTUALS = "203.0.113.0/24=127.2.0.0/24"


class Lab:
    """A device, a client of its REST interface, and what the tests say to both."""

    def __init__(self, server: SimServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.box = server.box
        self.session = session

    async def call(self, method: str, path: str, body: Any = None, expect: int = 200, **headers: str) -> Any:
        """One request to the REST interface or to /_sim/; answers the JSON of the reply."""
        url = self.server.url + (path if path.startswith("/_sim") else f"/mgmt/tm/{path}")
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == expect, text
        await self.server.settled()
        return json.loads(text) if text else None

    async def pool(self, name: str, *members: tuple[str, int] | dict[str, Any], **fields: Any) -> None:
        """Creates /k8s/<name> with members given as (address, port) or as bodies."""
        bodies = [one if isinstance(one, dict) else {"name": f"{one[0]}:{one[1]}"} for one in members]
        body = {"name": name, "partition": "k8s", "members": [{"partition": "k8s", **one} for one in bodies]}
        await self.call("POST", "ltm/pool", {**body, **fields})

    async def virtual(self, name: str, address: str, port: int, pool: str = "", **fields: Any) -> None:
        """Creates /k8s/<name>; TCP with an http profile unless fields say otherwise."""
        body: dict[str, Any] = {
            "name": name,
            "partition": "k8s",
            "destination": f"/k8s/{address}:{port}",
            "ipProtocol": "tcp",
            "profiles": ["/Common/tcp", "/Common/http"],
        }
        if pool:
            body["pool"] = f"/k8s/{pool}"
        await self.call("POST", "ltm/virtual", {**body, **fields})

    async def get(self, name: str, path: str = "/", **options: Any) -> dict[str, Any]:
        """An HTTP request to a virtual server on a connection of its own; answers what the backend saw."""
        async with self.answer(name, path, **options) as answer:
            found = await answer.json()
            assert isinstance(found, dict)
            return found

    @contextlib.asynccontextmanager
    async def answer(
        self, name: str, path: str = "/", method: str = "GET", **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The same, with the whole answer."""
        host, port = self.where(name)
        async with (
            once(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(method, f"http://{host}:{port}{path}", **options) as answer,
        ):
            yield answer

    async def backends(self, name: str, times: int) -> list[str]:
        """Which backends answered so many requests in a row."""
        return [(await self.get(name))["backend"] for _ in range(times)]

    def where(self, name: str) -> tuple[str, int]:
        """Where a virtual server really listens."""
        assert self.server.plane is not None
        found = self.server.plane.where(f"/k8s/{name}")
        assert found is not None
        return found

    async def listener(self, name: str) -> dict[str, Any]:
        """What /_sim/listeners says of one virtual server."""
        found = await self.call("GET", "/_sim/listeners")
        return next(one for one in found["listeners"] if one["virtual"] == f"/k8s/{name}")


def once(**options: Any) -> aiohttp.ClientSession:
    """A client that sends each request once, on a connection of its own, and hides no reset."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, ssl=False), **options)
    session._retry_connection = False
    return session


@contextlib.asynccontextmanager
async def lab(**options: Any) -> AsyncIterator[Lab]:
    """A device with partition k8s whose networks 198.51.100.0/24 and 203.0.113.0/24 lie on loopback."""
    mappings = [Mapping.parse(MEMBERS), Mapping.parse(VIRTUALS)]
    headers = {"Authorization": "Basic " + base64.b64encode(b"admin:admin").decode()}
    async with (
        SimServer(Box(SystemClock()), mappings=mappings, **options) as server,
        once(headers=headers) as session,
    ):
        made = Lab(server, session)
        await made.call("POST", "auth/partition", {"name": "k8s"})
        yield made


BEAT_S = 0.03
DG = "dg1"


class Unit(Lab):
    """A device of a group."""

    @property
    def group(self) -> Group:
        assert self.box.group is not None
        return self.box.group

    async def status(self) -> str:
        """The word for how far the group is in sync, as this unit tells it."""
        return (await self.told("cm/sync-status"))["status"]

    async def told(self, path: str) -> dict[str, str]:
        """The texts of sync-status or failover-status; the details are joined by line breaks."""
        [nested] = (await self.call("GET", path))["entries"].values()
        entries = nested["nestedStats"]["entries"]
        [below] = [entry for key, entry in entries.items() if key.endswith("/details")]
        lines = [
            line["nestedStats"]["entries"]["details"]["description"]
            for line in below["nestedStats"]["entries"].values()
        ]
        texts = {name: leaf["description"] for name, leaf in entries.items() if "description" in leaf}
        return {**texts, "details": "\n".join(lines)}

    async def sync(self, words: str, expect: int = 200) -> Any:
        """What config-sync with these words answers."""
        return await self.call("POST", "cm", {"command": "run", "utilCmdArgs": f"config-sync {words}"}, expect)

    async def fail_over(self, word: str) -> Any:
        """What sys failover with this word answers."""
        return await self.call("POST", "sys/failover", {"command": "run", word: True})

    def pools(self) -> list[str]:
        """The pools of this unit."""
        return [item.full_path for item in self.box.tree.items("ltm/pool")]


@contextlib.asynccontextmanager
async def unit(number: int, *peers: Unit, dataplane: bool = False, **settings: Any) -> AsyncIterator[Unit]:
    """Unit number so-and-so of a group, with partition k8s, which knows the peers that are named."""
    membership = Membership(DG, tuple(peer.server.url for peer in peers), **{"beat_s": BEAT_S, **settings})
    box = Box(SystemClock(), hostname=f"bigip{number}.example.net", membership=membership)
    box.tree.create("auth/partition", {"name": "k8s"})
    mappings = [Mapping.parse(MEMBERS), Mapping.parse(VIRTUALS)]
    headers = {"Authorization": "Basic " + base64.b64encode(b"admin:admin").decode()}
    async with SimServer(box, mappings=mappings, dataplane=dataplane) as server, once(headers=headers) as session:
        yield Unit(server, session)


@contextlib.asynccontextmanager
async def pair(**settings: Any) -> AsyncIterator[tuple[Unit, Unit]]:
    """Two units that know each other; the first is active."""
    async with unit(1, **settings) as one, unit(2, one, **settings) as two:
        await until(lambda: [report.state for report in one.group.present()] == ["standby"])
        yield one, two


@dataclass
class WebBackend:
    """What a web server says of its health."""

    health: str = "well"


@contextlib.asynccontextmanager
async def http_backend(name: str, host: str, port: int = 8080) -> AsyncIterator[WebBackend]:
    """A web server at a loopback address that answers who it is and what it was asked."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/ws":
            return await _websocket(request, name)
        if request.path == "/health":
            return web.Response(text=backend.health, status=200)
        body = await request.read()
        seen = {
            "backend": name,
            "method": request.method,
            "path": request.raw_path,
            "headers": [[key.decode(), value.decode()] for key, value in request.raw_headers],
            "peer": request.remote,
            "length": len(body),
        }
        return web.json_response(seen, headers={"X-Backend": name})

    backend = WebBackend()
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0, max_field_size=65536)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    try:
        yield backend
    finally:
        await runner.cleanup()


async def _websocket(request: web.Request, name: str) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(f"{name}: {message.data}")
    return socket


@contextlib.asynccontextmanager
async def tcp_backend(name: str, host: str, port: int = 9000) -> AsyncIterator[list[str]]:
    """An echo server that says its name first; yields the addresses of the clients that it has seen."""
    peers: list[str] = []
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        peers.append(writer.get_extra_info("peername")[0])
        writer.write(f"{name}\n".encode())
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, host, port)
    try:
        yield peers
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


class _Echo(asyncio.DatagramProtocol):
    def __init__(self, name: str) -> None:
        self.name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(f"{self.name}: ".encode() + data, addr)


@contextlib.asynccontextmanager
async def udp_backend(name: str, host: str, port: int = 5300) -> AsyncIterator[None]:
    """A UDP server that sends back what it gets, with its name in front."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Echo(name), local_addr=(host, port)
    )
    try:
        yield
    finally:
        transport.abort()


async def until(condition: Callable[[], Any]) -> None:
    """Waits until a condition holds, looking often; fails at the deadline."""
    await eventually(lambda: bool(condition()), lambda: "the condition does not hold")
