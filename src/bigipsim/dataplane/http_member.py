"""Decides how a request reaches its member and how the answer comes back: what is sent on, and over which connection.

Without a one-connect profile every request gets a connection of its own, so that a member that leaves the pool is
never met again through a connection that was kept open. With one, connections to members are kept and used again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final, Protocol

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from bigipsim.dataplane.config import VirtualSpec
from bigipsim.dataplane.connect import CHUNK_BYTES, CONNECT_TIMEOUT_S, Upstream
from bigipsim.dataplane.http_profile import OneConnect
from bigipsim.dataplane.persist import network_of
from bigipsim.dataplane.selection import Choice, Flow
from bigipsim.dataplane.tls import Contexts
from bigipsim.dataplane.traffic import Event, Request, Response, Traffic

HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)
ADDED_BY_LIBRARY: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
HEAD_BYTES: Final = 65536
HEAD_END: Final = b"\r\n\r\n"
KEPT_S: Final = 60.0
"""How long a connection to a member is kept without use when the one-connect profile does not say."""

Count = Callable[[int], None]


class Members:
    """The connections from one virtual server to its members."""

    def __init__(self, contexts: Contexts) -> None:
        self._contexts = contexts
        self._kept: dict[tuple[str | None, str], aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Closes the connections that were kept."""
        kept, self._kept = self._kept, {}
        for session in kept.values():
            await session.close()

    def upstream(self, traffic: Traffic) -> Upstream | None:
        """How the connection for a request is encrypted; None for in clear."""
        tls, spec = traffic.connection.tls, traffic.virtual
        if not traffic.server_tls:
            return None
        return self._contexts.upstream(spec.server_ssl, tls.server_name if tls is not None else "", spec.passes_name)

    @contextlib.asynccontextmanager
    async def answer(
        self, spec: VirtualSpec, traffic: Traffic, choice: Choice, source: str | None, body: AsyncIterator[bytes] | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Sends the request to a member; what is yielded is the head of its answer.

        Raises:
            aiohttp.ClientError, OSError: the member cannot be reached, or breaks off.
            ValueError: a part has made a request that cannot be written.
        """
        request, upstream = traffic.request, self.upstream(traffic)
        assert request is not None
        async with (
            self._session(spec, traffic, source) as session,
            session.request(
                request.method,
                _url("https" if upstream is not None else "http", choice, request),
                ssl=upstream.context if upstream is not None else True,
                server_hostname=upstream.server_name or None if upstream is not None else None,
                headers=passed_on(request.headers.items()),
                data=body,
                allow_redirects=False,
                skip_auto_headers=ADDED_BY_LIBRARY,
                trace_request_ctx=traffic,
            ) as found,
        ):
            yield found

    @contextlib.asynccontextmanager
    async def _session(
        self, spec: VirtualSpec, traffic: Traffic, source: str | None
    ) -> AsyncIterator[aiohttp.ClientSession]:
        reuse = spec.one_connect
        if reuse is None:
            async with _session(source, spec.tcp_idle_s, None) as once:
                # The library would repeat a GET that a member has cut off, and the member would see two.
                once._retry_connection = False
                yield once
            return
        key = source, network_of(traffic.connection.client.host, reuse.mask)
        if key not in self._kept:
            self._kept[key] = _session(source, spec.tcp_idle_s, reuse)
        yield self._kept[key]


def _session(source: str | None, idle_s: float | None, reuse: OneConnect | None) -> aiohttp.ClientSession:
    """What sends requests to members as they are and once."""
    local = (source, 0) if source is not None else None
    if reuse is None:
        connector = aiohttp.TCPConnector(force_close=True, local_addr=local)
    else:
        kept_s = reuse.idle_s if reuse.idle_s is not None else KEPT_S
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=kept_s, local_addr=local)
    told = aiohttp.TraceConfig()
    told.on_connection_create_end.append(_connected)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=idle_s or None),
        max_line_size=HEAD_BYTES,
        max_field_size=HEAD_BYTES,
        trace_configs=[told],
    )


async def _connected(session: aiohttp.ClientSession, context: object, params: object) -> None:
    traffic = getattr(context, "trace_request_ctx", None)
    if isinstance(traffic, Traffic):
        traffic.fire(Event.SERVER_CONNECTED)


def _url(scheme: str, choice: Choice, request: Request) -> URL:
    host = f"[{choice.host}]" if ":" in choice.host else choice.host
    return URL(f"{scheme}://{host}:{choice.port}{request.uri}", encoded=True)


def passed_on(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """Headers without those that belong to one connection only."""
    return CIMultiDict((name, value) for name, value in headers if name.lower() not in HOP_BY_HOP)


def decoded(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    """Headers as text, in their order and spelling."""
    for name, value in headers:
        yield name.decode("ascii", "replace"), value.decode("utf-8", "replace")


def request_of(request: web.Request) -> Request:
    """A client's request as the parts see it."""
    target = request.raw_path if request.raw_path.startswith("/") else request.rel_url.raw_path_qs
    version = f"{request.version.major}.{request.version.minor}"
    return Request(CIMultiDict(decoded(request.raw_headers)), version, method=request.method, uri=target)


def response_of(answer: aiohttp.ClientResponse) -> Response:
    """A member's answer as the parts see it."""
    headers = passed_on(decoded(answer.raw_headers))
    return Response(headers, status=answer.status, reason=answer.reason or "")


class Readable(Protocol):
    """Where a body comes from."""

    async def read(self, n: int = -1) -> bytes:
        """Up to n bytes, none at its end."""
        ...


async def collected(message: Request | Response, content: Readable | None) -> None:
    """Reads as much of a body as the parts want into the message's payload."""
    body = bytearray()
    while (
        content is not None and len(body) < message.wanted and (chunk := await content.read(message.wanted - len(body)))
    ):
        body += chunk
    message.payload = bytes(body)


def refit(message: Request | Response, before: int) -> None:
    """Makes Content-Length fit when the parts changed a payload that was `before` bytes long."""
    text = message.headers.get("Content-Length", "")
    change = len(message.payload or b"") - before
    if text.isdecimal() and change:
        message.headers["Content-Length"] = str(int(text) + change)


async def body_of(message: Request | Response, content: Readable, count: Count) -> AsyncIterator[bytes]:
    """A body on its way: what was collected first, then the rest as it comes."""
    if message.payload:
        count(len(message.payload))
        yield message.payload
    while chunk := await content.read(CHUNK_BYTES):
        count(len(chunk))
        yield chunk


def upgrade_head(request: Request) -> bytes:
    """A request for another protocol as it is sent to a member, with the headers of the connection."""
    lines = [f"{request.method} {request.uri} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def head_of(head: bytes) -> Response:
    """The head of an answer that begins a tunnel.

    Raises:
        ValueError: it is not the head of an HTTP answer.
    """
    first, *rest = head.decode("utf-8", "replace").rstrip("\r\n").split("\r\n")
    version, status, reason = (*first.split(" ", 2), "", "")[:3]
    pairs = ((name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in rest))
    return Response(CIMultiDict(pairs), version.removeprefix("HTTP/"), status=int(status), reason=reason)


def written_head(response: Response) -> bytes:
    """The same on its way to the client."""
    lines = [f"HTTP/{response.version} {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


class Tunnel:
    """Every byte both ways between a client and a member, once both have agreed on another protocol."""

    def __init__(self, to_client: Callable[[bytes], None], writable: asyncio.Event) -> None:
        self.from_client = asyncio.StreamReader()
        self._to_client = to_client
        self._writable = writable

    async def carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flow: Flow, idle_s: float | None
    ) -> None:
        """Carries until one side is done.

        Raises:
            TimeoutError: nothing moved for idle_s seconds.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(idle_s or None) as limit:

            def alive() -> None:
                if idle_s and not limit.expired():
                    limit.reschedule(loop.time() + idle_s)

            async def upstream() -> None:
                while chunk := await self.from_client.read(CHUNK_BYTES):
                    alive()
                    flow.moved_in(len(chunk))
                    writer.write(chunk)
                    await writer.drain()

            async def downstream() -> None:
                while chunk := await reader.read(CHUNK_BYTES):
                    alive()
                    flow.moved_out(len(chunk))
                    self._to_client(chunk)
                    await self._writable.wait()

            ways = [asyncio.create_task(upstream()), asyncio.create_task(downstream())]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
