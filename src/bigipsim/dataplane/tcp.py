"""Decides what a TCP virtual server without an http profile does: it joins each client to one member.

Its parts (see `traffic`) may hold back what the client sends, say something themselves, and choose where it goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass

from bigipsim.dataplane.config import VirtualSpec
from bigipsim.dataplane.connect import CHUNK_BYTES, Stream, dial, join, reset
from bigipsim.dataplane.parts import Parts
from bigipsim.dataplane.routing import route
from bigipsim.dataplane.selection import Choice, Flow, Selection
from bigipsim.dataplane.tls import Contexts, client_facts
from bigipsim.dataplane.tls_accept import Gate
from bigipsim.dataplane.traffic import Connection, Drop, Endpoint, Event, Reset, Traffic
from bigipsim.runtime import Runtime


class TcpService:
    """One listening socket of a TCP virtual server; `spec` may be replaced while connections live."""

    def __init__(
        self, spec: VirtualSpec, selection: Selection, runtime: Runtime, contexts: Contexts, parts: Parts
    ) -> None:
        self._means = Means(selection, contexts, parts)
        self.spec = spec
        self._contexts = contexts
        self._selection = selection
        self._runtime = runtime
        self._gate: Gate | None = None
        self._clients: set[asyncio.Task[None]] = set()

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
        self._gate = Gate(sock, self._protocol, lambda: self.spec.client_ssl, self._contexts)
        await self._gate.open()

    def close(self) -> None:
        """Accepts nobody any more; clients that are connected stay."""
        if self._gate is not None:
            self._gate.close()

    async def stop(self) -> None:
        """Accepts nobody any more and cuts off everybody."""
        if self._gate is not None:
            await self._gate.stop()
        for task in tuple(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _protocol(self, server_name: str) -> asyncio.Protocol:
        """What hears of one client, who asked for that name when TLS was settled."""
        return asyncio.StreamReaderProtocol(
            asyncio.StreamReader(), lambda reader, writer: self._accepted((reader, writer), server_name)
        )

    def _accepted(self, client: Stream, server_name: str) -> None:
        task = asyncio.create_task(self._serve(client, server_name))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _serve(self, client: Stream, server_name: str) -> None:
        spec, transport = self.spec, client[1].transport
        peer = transport.get_extra_info("peername")
        if not (peer and spec.takes(peer[0])) or self._selection.full(spec):
            reset(transport)
            return
        virtual = Flow.open([self._runtime.counters("ltm/virtual", spec.path)])
        traffic = self._traffic(transport, server_name)
        try:
            if traffic is not None:
                await Passage(self._means, traffic, client, virtual).run()
        finally:
            virtual.close()
            reset(transport)

    def _traffic(self, transport: asyncio.BaseTransport, server_name: str) -> Traffic | None:
        """The traffic of a new connection; None when the client is gone already."""
        peer = transport.get_extra_info("peername")
        if not peer:
            return None
        local = Endpoint(self.spec.address, self.spec.port)
        return Traffic(
            Connection(Endpoint(*peer[:2]), local, client_facts(transport, server_name)), self.spec, self._parts
        )


@dataclass(frozen=True, slots=True)
class Means:
    """What connections are carried out with."""

    selection: Selection
    contexts: Contexts
    parts: Parts


class Passage:
    """One client on its way to a member."""

    def __init__(self, means: Means, traffic: Traffic, client: Stream, virtual: Flow) -> None:
        self._means = means
        self._traffic = traffic
        self._stream = traffic.connection.stream
        self._client = client
        self._virtual = virtual

    async def run(self) -> None:
        """Carries the client's bytes to where the parts want them, until one side is done."""
        try:
            await self._arrive()
            found = await route(self._traffic, self._means.selection, self._means.parts, self._arrive, self._dialled)
            if found is not None:
                await self._carry(*found)
            elif self._stream.closed:
                self._speak()
                await _goodbye(self._client[1])
            elif isinstance(self._traffic.verdict, Drop):
                await self._ignore()
        finally:
            self._traffic.fire(Event.CLIENT_CLOSED)

    async def _arrive(self) -> None:
        """Tells the parts of the client, and of its bytes as long as one of them holds them back."""
        traffic, stream = self._traffic, self._stream
        traffic.fire(Event.CLIENT_ACCEPTED)
        for event in (Event.CLIENTSSL_CLIENTHELLO, Event.CLIENTSSL_HANDSHAKE):
            if traffic.connection.tls is not None and not traffic.over:
                traffic.fire(event)
        while stream.held and not traffic.over:
            self._speak()
            chunk = await self._heard()
            if not chunk:
                traffic.verdict = Reset()
                break
            stream.payload += chunk
            if len(stream.payload) >= stream.wanted:
                traffic.fire(Event.CLIENT_DATA)
        self._speak()

    async def _heard(self) -> bytes:
        """What the client sends next; nothing when it is gone, or silent for too long."""
        with contextlib.suppress(OSError):
            async with asyncio.timeout(self._traffic.virtual.tcp_idle_s):
                return await self._client[0].read(CHUNK_BYTES)
        return b""

    def _speak(self) -> None:
        """Sends what the parts have to say to the client."""
        if self._stream.to_client:
            self._virtual.moved_out(len(self._stream.to_client))
            self._client[1].write(bytes(self._stream.to_client))
            self._stream.to_client.clear()

    async def _ignore(self) -> None:
        """Hears the client and answers nothing, until it goes or the idle time is over."""
        while await self._heard():
            continue

    async def _dialled(self, choice: Choice) -> tuple[Choice, Stream] | None:
        """A connection to a member; None when that cannot be reached."""
        traffic, spec, tls = self._traffic, self._traffic.virtual, self._traffic.connection.tls
        profiles = spec.server_ssl if traffic.server_tls else ()
        upstream = self._means.contexts.upstream(profiles, tls.server_name if tls is not None else "", spec.passes_name)
        source = self._means.selection.source(traffic.snat, traffic.connection.client.host, choice.host)
        try:
            return choice, await dial(choice.host, choice.port, source, upstream)
        except OSError:
            return None

    async def _carry(self, choice: Choice, server: Stream) -> None:
        """Joins both ends; what parts have to say to the member comes first, then what they held back."""
        traffic, stream = self._traffic, self._stream
        flow = self._means.selection.flow(choice)
        both = Flow((*self._virtual.books, *flow.books))
        try:
            traffic.fire(Event.SERVER_CONNECTED)
            if traffic.over:
                return
            self._speak()
            first = bytes(stream.to_server + stream.payload)
            if first:
                both.moved_in(len(first))
                server[1].write(first)
            if await join(self._client, server, both.moved_in, both.moved_out, traffic.virtual.tcp_idle_s):
                await _goodbye(self._client[1])
        finally:
            flow.close()
            server[1].transport.abort()


async def _goodbye(writer: asyncio.StreamWriter) -> None:
    """Closes the client's side in good order, so that the last bytes reach it."""
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return
