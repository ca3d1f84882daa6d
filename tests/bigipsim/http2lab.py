"""Clients that speak HTTP/2 with a simulated device: httpx, and h2 by hand for what a good client never does."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
from aiohttp import web
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from simlab import Lab
from tlslab import dial, trusting

from bigipsim.dataplane.connect import reset
from patience import PATIENCE_S


def agreeing(*protocols: str) -> ssl.SSLContext:
    """A TLS client that trusts everybody and offers these protocols."""
    context = trusting()
    context.set_alpn_protocols(list(protocols))
    return context


@contextlib.asynccontextmanager
async def browser(device: Lab, virtual: str = "v") -> AsyncIterator[httpx.AsyncClient]:
    """A client that speaks HTTP/2 if it may, over one connection as long as that stays open."""
    host, port = device.where(virtual)
    url = f"https://{host}:{port}"
    async with httpx.AsyncClient(http2=True, verify=trusting(), base_url=url, timeout=PATIENCE_S) as client:
        yield client


class Peer:
    """One connection, frame by frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.frames = H2Connection(H2Configuration(header_encoding="utf-8"))
        self._reader = reader
        self._writer = writer
        self.heard: list[events.Event] = []

    def send(self) -> None:
        """Sends what the library has to send."""
        self._writer.write(self.frames.data_to_send())

    def raw(self, octets: bytes) -> None:
        """Sends bytes as they are."""
        self._writer.write(octets)

    def ask(self, path: str = "/", *more: tuple[str, str], method: str = "GET", ends: bool = True) -> int:
        """Begins a request; answers the number of its stream."""
        number = self.frames.get_next_available_stream_id()
        head = [(":method", method), (":authority", "a.example")]
        if method != "CONNECT":
            head += [(":scheme", "https"), (":path", path)]
        self.frames.send_headers(number, [*head, *more], end_stream=ends)
        self.send()
        return number

    async def until(self, kind: type[events.Event], number: int | None = None) -> Any:
        """The first event of a kind, on a stream if one is named; fails when the connection ends before it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for event in self.heard:
                    if isinstance(event, kind) and number in (None, getattr(event, "stream_id", None)):
                        return event
                octets = await self._reader.read(65536)
                if not octets:
                    raise ConnectionError(f"no {kind.__name__} came")
                self.heard += self.frames.receive_data(octets)
                self.send()

    async def ended(self) -> None:
        """Reads until the other side closes."""
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionError):
                while octets := await self._reader.read(65536):
                    self.heard += self.frames.receive_data(octets)

    def body(self, number: int) -> bytes:
        """What came of an answer."""
        came = (one for one in self.heard if isinstance(one, events.DataReceived) and one.stream_id == number)
        return b"".join(one.data for one in came)


@contextlib.asynccontextmanager
async def peer(device: Lab, virtual: str = "v", protocols: Sequence[str] = ("h2",)) -> AsyncIterator[Peer]:
    """A client whose preface is sent, and which has the device's settings."""
    reader, writer = await dial(device, virtual, context=agreeing(*protocols))
    made = Peer(reader, writer)
    made.frames.initiate_connection()
    made.send()
    await made.until(events.RemoteSettingsChanged)
    try:
        yield made
    finally:
        writer.transport.abort()


class Member:
    """A web server at 198.51.100.40 that says what it was asked; /wait answers when `go` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.under_way = 0
        self.left = asyncio.Event()
        self.go = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What a request gets."""
        self.asked.append(f"{request.method} {request.raw_path} HTTP/{request.version.major}.{request.version.minor}")
        if request.path == "/big":
            return web.Response(body=bytes(2**21))
        if request.path == "/wait":
            return await self._wait()
        if request.path == "/cut":
            reset(request.transport)
        length = 0
        async for chunk in request.content.iter_any():
            length += len(chunk)
        headers = [[name, value] for name, value in request.headers.items()]
        return web.json_response({"length": length, "headers": headers}, headers={"Keep-Alive": "timeout=5"})

    async def _wait(self) -> web.Response:
        self.under_way += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.left.set()
            raise
        finally:
            self.under_way -= 1
        return web.Response(text="waited")


@contextlib.asynccontextmanager
async def member() -> AsyncIterator[Member]:
    """The member, serving."""
    made = Member()
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.1.0.40", 8080).start()
    try:
        yield made
    finally:
        await runner.cleanup()
