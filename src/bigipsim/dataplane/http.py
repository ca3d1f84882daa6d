"""Decides what a virtual server with an http profile does: each request is balanced by itself.

This module takes in the clients; what becomes of a request is settled by the parts of the virtual server (see
`traffic`) and carried out in `http_transaction`.
"""

from __future__ import annotations

import asyncio
import socket

from aiohttp import web
from aiohttp.typedefs import Handler

from bigipsim.clock import Clock
from bigipsim.dataplane import http_member
from bigipsim.dataplane.config import VirtualSpec
from bigipsim.dataplane.connect import reset
from bigipsim.dataplane.http2 import Http2Connection
from bigipsim.dataplane.http2_profile import H2
from bigipsim.dataplane.http_client import Client
from bigipsim.dataplane.http_exchange import Exchange, Http1Exchange, only_what_was_meant
from bigipsim.dataplane.http_member import HEAD_BYTES, Members
from bigipsim.dataplane.http_transaction import Means, Transaction
from bigipsim.dataplane.parts import Parts
from bigipsim.dataplane.selection import Flow, Selection
from bigipsim.dataplane.tls import Contexts, client_facts
from bigipsim.dataplane.tls_accept import Gate
from bigipsim.dataplane.traffic import Connection, Endpoint, Event, Request, Traffic
from bigipsim.runtime import Runtime


class HttpService:
    """One listening socket of an HTTP virtual server; `spec` may be replaced while clients are connected."""

    def __init__(
        self, spec: VirtualSpec, selection: Selection, runtime: Runtime, clock: Clock, parts: Parts, contexts: Contexts
    ) -> None:
        self._means = Means(selection, Members(contexts), parts, clock)
        self.spec = spec
        self._selection = selection
        self._runtime = runtime
        self._contexts = contexts
        self._gate: Gate | None = None
        self._runner: web.AppRunner | None = None
        self._clients: dict[asyncio.BaseTransport, Client] = {}

    @property
    def spec(self) -> VirtualSpec:
        """What the virtual server is now."""
        return self._spec

    @spec.setter
    def spec(self, spec: VirtualSpec) -> None:
        self._spec = spec
        self._parts = self._means.parts.of(spec)

    @property
    def busy(self) -> bool:
        """Whether clients are still connected."""
        return bool(self._clients) or (self._gate is not None and self._gate.busy)

    async def start(self, sock: socket.socket) -> None:
        """Accepts clients from now on."""
        app = web.Application(middlewares=[self._everything])
        app.on_response_prepare.append(only_what_was_meant)
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
        self._gate = Gate(sock, lambda name: Client(self, name), lambda: self.spec.client_ssl, self._contexts)
        await self._gate.open()

    def close(self) -> None:
        """Accepts nobody any more; clients that are connected stay."""
        if self._gate is not None:
            self._gate.close()

    async def stop(self) -> None:
        """Accepts nobody any more and cuts off everybody."""
        if self._gate is not None:
            await self._gate.stop()
        for transport in tuple(self._clients):
            reset(transport)
        if self._runner is not None:
            await self._runner.cleanup()
        await self._means.members.close()

    def speaker(self, transport: asyncio.BaseTransport, client: Client) -> asyncio.Protocol:
        """HTTP/2 for those who agreed on it in the handshake, or for all if the http2 profile says so."""
        secured, http2 = transport.get_extra_info("ssl_object"), self.spec.http2
        agreed = secured is not None and secured.selected_alpn_protocol() == H2
        if http2 is not None and (http2.always or agreed):
            return Http2Connection(http2, client, lambda stream, request: self._stream(client, stream, request))
        assert self._runner is not None and self._runner.server is not None
        return self._runner.server()

    def arrived(self, transport: asyncio.BaseTransport, client: Client) -> Flow | None:
        """Opens the books of a client connection; None when the virtual server takes no more."""
        peer = transport.get_extra_info("peername")
        if not (peer and self.spec.takes(peer[0])) or self._selection.full(self.spec):
            return None
        self._clients[transport] = client
        return Flow.open([self._runtime.counters("ltm/virtual", self.spec.path)])

    def accepted(self, transport: asyncio.BaseTransport, server_name: str) -> Traffic:
        """The traffic of a new connection, after the parts have heard of it."""
        peer = transport.get_extra_info("peername") or ("127.0.0.1", 0)
        tls = client_facts(transport, server_name)
        connection = Connection(Endpoint(*peer[:2]), Endpoint(self.spec.address, self.spec.port), tls)
        traffic = Traffic(connection, self.spec, self._parts)
        traffic.fire(Event.CLIENT_ACCEPTED)
        for event in (Event.CLIENTSSL_CLIENTHELLO, Event.CLIENTSSL_HANDSHAKE):
            if tls is not None and not traffic.over:
                traffic.fire(event)
        return traffic

    def left(self, transport: asyncio.BaseTransport | None) -> None:
        """Forgets a client connection that is closed."""
        if transport is not None:
            self._clients.pop(transport, None)

    @web.middleware
    async def _everything(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Takes every request, whatever its path: the library's router has no say."""
        client = self._clients.get(request.transport) if request.transport is not None else None
        if client is None or client.traffic is None:
            reset(request.transport)
            return web.Response(status=503)
        exchange = Http1Exchange(request, client)
        await self._carry(client.traffic, http_member.request_of(request), exchange)
        return exchange.response

    async def _stream(self, client: Client, stream: Exchange, request: Request) -> None:
        """Takes a request of an HTTP/2 client."""
        assert client.traffic is not None
        traffic = client.traffic.stream()
        try:
            await self._carry(traffic, request, stream)
        finally:
            traffic.fire(Event.STREAM_CLOSED)

    async def _carry(self, connection: Traffic, request: Request, exchange: Exchange) -> None:
        self._runtime.counters("ltm/virtual", self.spec.path).tot_requests += 1
        await Transaction(self._means, connection.carrying(request, self.spec, self._parts), exchange).run()
