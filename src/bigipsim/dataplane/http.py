"""Decides what a virtual server with an http profile does: each request is balanced by itself.

Every request gets a connection of its own to its member, so that a member that leaves the pool is never met
again through a connection that was kept open. Requests that ask for another protocol (WebSocket) become a
tunnel after the member's answer.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from email.utils import formatdate
from typing import Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from bigipsim.clock import Clock
from bigipsim.dataplane import persist
from bigipsim.dataplane.config import VirtualSpec
from bigipsim.dataplane.connect import CHUNK_BYTES, CONNECT_TIMEOUT_S, dial, reset
from bigipsim.dataplane.selection import Choice, Flow, Selection
from bigipsim.runtime import Runtime

HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)
ADDED_BY_LIBRARY: Final = ("Content-Type", "Date", "Server")
HEAD_BYTES: Final = 65536
HEAD_END: Final = b"\r\n\r\n"


class _Client(asyncio.Protocol):
    """One client connection: hands its bytes to the HTTP parser, or to a tunnel once there is one."""

    def __init__(self, service: HttpService, parser: asyncio.Protocol) -> None:
        self._service = service
        self._parser = parser
        self._books: Flow | None = None
        self.tunnel: asyncio.StreamReader | None = None
        self._transport: asyncio.BaseTransport | None = None
        self.writable = asyncio.Event()
        self.writable.set()

    def sent(self, octets: int) -> None:
        """Counts bytes of an answer."""
        if self._books is not None:
            self._books.moved_out(octets)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser.connection_made(transport)
        self._books = self._service.arrived(transport, self)
        if self._books is None:
            reset(transport)

    def data_received(self, data: bytes) -> None:
        if self._books is not None:
            self._books.moved_in(len(data))
        if self.tunnel is not None:
            self.tunnel.feed_data(data)
        else:
            self._parser.data_received(data)

    def eof_received(self) -> bool | None:
        if self.tunnel is not None:
            self.tunnel.feed_eof()
            return True
        return self._parser.eof_received()

    def pause_writing(self) -> None:
        self.writable.clear()
        self._parser.pause_writing()

    def resume_writing(self) -> None:
        self.writable.set()
        self._parser.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.writable.set()
        if self.tunnel is not None:
            self.tunnel.feed_eof()
        if self._books is not None:
            self._books.close()
        self._service.left(self._transport)
        self._parser.connection_lost(exc)


class _Answer(web.StreamResponse):
    """A member's answer on its way to the client, with the names of the headers that the member sent."""

    def __init__(self, status: int, reason: str | None, headers: CIMultiDict[str]) -> None:
        super().__init__(status=status, reason=reason, headers=headers)
        self.sent_by_member = frozenset(name.lower() for name in headers)


async def _only_what_the_member_sent(request: web.Request, response: web.StreamResponse) -> None:
    """Takes away headers that the HTTP library adds of its own accord; the device adds none of them."""
    if isinstance(response, _Answer):
        for name in ADDED_BY_LIBRARY:
            if name.lower() not in response.sent_by_member:
                response.headers.pop(name, None)


class HttpService:
    """One listening socket of an HTTP virtual server; `spec` may be replaced while clients are connected."""

    def __init__(self, spec: VirtualSpec, selection: Selection, runtime: Runtime, clock: Clock) -> None:
        self.spec = spec
        self._selection = selection
        self._runtime = runtime
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._runner: web.AppRunner | None = None
        self._clients: dict[asyncio.BaseTransport, _Client] = {}

    @property
    def busy(self) -> bool:
        """Whether clients are still connected."""
        return bool(self._clients)

    async def start(self, sock: socket.socket) -> None:
        """Accepts clients from now on."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_response_prepare.append(_only_what_the_member_sent)
        idle_s = self.spec.tcp_idle_s or 0
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=idle_s,
            shutdown_timeout=0.0,
            max_line_size=HEAD_BYTES,
            max_field_size=HEAD_BYTES,
        )
        await self._runner.setup()
        parser = self._runner.server
        assert parser is not None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self, parser()), sock=sock)

    def close(self) -> None:
        """Accepts nobody any more; clients that are connected stay."""
        if self._server is not None:
            self._server.close()

    async def stop(self) -> None:
        """Accepts nobody any more and cuts off everybody."""
        self.close()
        for transport in tuple(self._clients):
            reset(transport)
        if self._runner is not None:
            await self._runner.cleanup()

    def arrived(self, transport: asyncio.BaseTransport, client: _Client) -> Flow | None:
        """Opens the books of a client connection; None when the virtual server takes no more."""
        if self.spec.reject or self._selection.full(self.spec):
            return None
        self._clients[transport] = client
        return Flow.open([self._runtime.counters("ltm/virtual", self.spec.path)])

    def left(self, transport: asyncio.BaseTransport | None) -> None:
        """Forgets a client connection that is closed."""
        if transport is not None:
            self._clients.pop(transport, None)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        client = self._clients.get(request.transport) if request.transport is not None else None
        if client is None:
            return _unsent(request)
        spec = self.spec
        self._runtime.counters("ltm/virtual", spec.path).tot_requests += 1
        peer = request.remote or "127.0.0.1"
        cookies = request.headers.getall("Cookie", [])
        tried: frozenset[str] = frozenset()
        while (choice := self._selection.choose(spec, peer, cookies, tried)) is not None:
            flow = self._selection.flow(choice)
            flow.request()
            try:
                if "upgrade" in request.headers.get("Connection", "").lower() and "Upgrade" in request.headers:
                    return await self._tunnel(spec, choice, flow, request, client)
                return await self._forward(spec, choice, flow, request, client)
            except (aiohttp.ClientConnectorError, TimeoutError, ConnectionRefusedError):
                tried |= {choice.member.path}
                if len(tried) > choice.pool.reselect_tries:
                    break
            except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError):
                break
            finally:
                flow.close()
        return _unsent(request)

    async def _forward(
        self, spec: VirtualSpec, choice: Choice, flow: Flow, request: web.Request, client: _Client
    ) -> web.StreamResponse:
        peer = request.remote or "127.0.0.1"
        source = self._selection.source(spec.snat, peer, choice.host)
        async with (
            _upstream(source, spec.tcp_idle_s) as session,
            session.request(
                request.method,
                _url(choice, request),
                headers=_forwarded(request.raw_headers, spec, peer),
                data=_counted(request.content, flow) if request.body_exists else None,
                allow_redirects=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            ) as answer,
        ):
            return await self._send_back(spec, choice, flow, request, client, answer)

    async def _send_back(
        self,
        spec: VirtualSpec,
        choice: Choice,
        flow: Flow,
        request: web.Request,
        client: _Client,
        answer: aiohttp.ClientResponse,
    ) -> web.StreamResponse:
        headers = CIMultiDict(
            (name, value) for name, value in _decoded(answer.raw_headers) if name.lower() not in HOP_BY_HOP
        )
        cookie = self._cookie(spec, choice, request)
        if cookie is not None:
            headers.add("Set-Cookie", cookie)
        response = _Answer(answer.status, answer.reason, headers)
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            flow.moved_out(len(chunk))
            client.sent(len(chunk))
            await response.write(chunk)
        await response.write_eof()
        return response

    def _cookie(self, spec: VirtualSpec, choice: Choice, request: web.Request) -> str | None:
        """The Set-Cookie header that the answer is to carry, or None when the client has the right one."""
        persistence = spec.persistence
        if persistence is None or persistence.kind != "cookie" or persistence.cookie_method == "passive":
            return None
        name = persist.cookie_name(persistence, choice.pool.path)
        known = persist.cookie_in(request.headers.getall("Cookie", []), name)
        if known == persist.encode(choice.place) and not persistence.always_send:
            return None
        return persist.set_cookie(persistence, choice.pool.path, choice.place, self._clock.now(), _http_date)

    async def _tunnel(
        self, spec: VirtualSpec, choice: Choice, flow: Flow, request: web.Request, client: _Client
    ) -> web.StreamResponse:
        """Passes an upgrade on, and from the member's answer on every byte both ways."""
        peer = request.remote or "127.0.0.1"
        transport = request.transport
        assert transport is not None
        reader, writer = await dial(choice.host, choice.port, self._selection.source(spec.snat, peer, choice.host))
        try:
            writer.write(_upgrade_head(request, spec, peer))
            head = await reader.readuntil(HEAD_END)
            cookie = self._cookie(spec, choice, request)
            if cookie is not None:
                head = head.removesuffix(b"\r\n") + f"Set-Cookie: {cookie}\r\n\r\n".encode()
            transport.write(head)
            client.tunnel = asyncio.StreamReader()
            await _carry(client, transport, reader, writer, flow, spec.tcp_idle_s)
        finally:
            writer.transport.abort()
            transport.close()
        return _unsent(request)


async def _carry(
    client: _Client,
    transport: asyncio.Transport,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    flow: Flow,
    idle_s: float | None,
) -> None:
    """Carries bytes between client and member until one side is done or nothing moves for idle_s seconds."""
    tunnel = client.tunnel
    assert tunnel is not None
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(idle_s or None) as limit:

        def alive() -> None:
            if idle_s and not limit.expired():
                limit.reschedule(loop.time() + idle_s)

        async def upstream() -> None:
            while chunk := await tunnel.read(CHUNK_BYTES):
                alive()
                flow.moved_in(len(chunk))
                writer.write(chunk)
                await writer.drain()

        async def downstream() -> None:
            while chunk := await reader.read(CHUNK_BYTES):
                alive()
                flow.moved_out(len(chunk))
                client.sent(len(chunk))
                transport.write(chunk)
                await client.writable.wait()

        ways = [asyncio.create_task(upstream()), asyncio.create_task(downstream())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


def _upstream(source: str | None, idle_s: float | None) -> aiohttp.ClientSession:
    """What sends one request to one member, as it is and once."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True, local_addr=(source, 0) if source is not None else None),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=idle_s or None),
        max_line_size=HEAD_BYTES,
        max_field_size=HEAD_BYTES,
    )
    # The library would repeat a GET that a member has cut off, and the member would see two.
    session._retry_connection = False
    return session


def _unsent(request: web.Request) -> web.Response:
    """Resets the client's connection; the answer is never seen."""
    reset(request.transport)
    return web.Response(status=503)


def _url(choice: Choice, request: web.Request) -> URL:
    host = f"[{choice.host}]" if ":" in choice.host else choice.host
    target = request.raw_path if request.raw_path.startswith("/") else request.rel_url.raw_path_qs
    return URL(f"http://{host}:{choice.port}{target}", encoded=True)


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    for name, value in headers:
        yield name.decode("ascii", "replace"), value.decode("utf-8", "replace")


def _forwarded(headers: Iterable[tuple[bytes, bytes]], spec: VirtualSpec, peer: str) -> CIMultiDict[str]:
    """The client's headers as the member gets them: without those of the connection, with X-Forwarded-For."""
    kept = CIMultiDict((name, value) for name, value in _decoded(headers) if name.lower() not in HOP_BY_HOP)
    if spec.forwarded_for:
        kept.add("X-Forwarded-For", peer)
    return kept


def _upgrade_head(request: web.Request, spec: VirtualSpec, peer: str) -> bytes:
    lines = [f"{request.method} {request.raw_path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in _decoded(request.raw_headers)]
    if spec.forwarded_for:
        lines.append(f"X-Forwarded-For: {peer}")
    return "\r\n".join([*lines, "", ""]).encode()


async def _counted(content: aiohttp.StreamReader, flow: Flow) -> AsyncIterator[bytes]:
    async for chunk in content.iter_any():
        flow.moved_in(len(chunk))
        yield chunk


def _http_date(when_s: float) -> str:
    return formatdate(when_s, usegmt=True)
