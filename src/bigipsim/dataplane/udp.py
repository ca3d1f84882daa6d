"""Decides what a UDP virtual server does: each client's datagrams go to one member until they pause.

A flow is one client address and port. It ends after the idle time of the udp profile, or when the member
refuses; the next datagram of that client then starts a new one.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final, cast

from bigipsim.dataplane.config import VirtualSpec
from bigipsim.dataplane.selection import Flow, Selection
from bigipsim.runtime import Runtime

WAITING_DATAGRAMS: Final = 64
Client = tuple[str, int]


class _Flow(asyncio.DatagramProtocol):
    """The socket towards the member of one client."""

    def __init__(self, service: UdpService, client: Client, books: Flow, idle_s: float | None) -> None:
        self._service = service
        self._client = client
        self._books = books
        self._idle_s = idle_s
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: list[bytes] = []
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        if self.ended:
            self._transport.abort()
            return
        for datagram in self._waiting:
            self._transport.sendto(datagram)
        self._waiting.clear()

    def send(self, datagram: bytes) -> None:
        """Passes a datagram on to the member; a few wait until its socket is there."""
        self._books.moved_in(len(datagram))
        self._alive()
        if self._transport is not None:
            self._transport.sendto(datagram)
        elif len(self._waiting) < WAITING_DATAGRAMS:
            self._waiting.append(datagram)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._books.moved_out(len(data))
        self._service.answer(self._client, data)
        if self._idle_s == 0:
            self.end()
        else:
            self._alive()

    def error_received(self, exc: Exception) -> None:
        self.end()

    def end(self) -> None:
        """Forgets the flow."""
        if self.ended:
            return
        self.ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._books.close()
        self._service.ended(self._client, self)

    def _alive(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._idle_s:
            self._timer = asyncio.get_running_loop().call_later(self._idle_s, self.end)


class UdpService(asyncio.DatagramProtocol):
    """One bound socket of a UDP virtual server; `spec` may be replaced while flows live."""

    def __init__(self, spec: VirtualSpec, selection: Selection, runtime: Runtime) -> None:
        self.spec = spec
        self._selection = selection
        self._runtime = runtime
        self._transport: asyncio.DatagramTransport | None = None
        self._flows: dict[Client, _Flow] = {}
        self._opening: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether clients are still connected."""
        return bool(self._flows)

    async def start(self, sock: socket.socket) -> None:
        """Takes datagrams from now on."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)

    def close(self) -> None:
        """Takes nothing any more; without its socket no flow can be answered, so all end."""
        if self._transport is not None:
            self._transport.abort()
        for flow in tuple(self._flows.values()):
            flow.end()

    async def stop(self) -> None:
        """Takes nothing any more and waits until sockets that were just being opened are gone."""
        self.close()
        for task in tuple(self._opening):
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Passes a client's datagram on in its flow, a new one if need be."""
        client = (addr[0], addr[1])
        flow = self._flows.get(client) or self._open(client)
        if flow is not None:
            flow.send(data)

    def answer(self, client: Client, datagram: bytes) -> None:
        """Sends a member's datagram back to the client."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(datagram, client)

    def ended(self, client: Client, flow: _Flow) -> None:
        """Drops a flow that has ended."""
        if self._flows.get(client) is flow:
            del self._flows[client]

    def _open(self, client: Client) -> _Flow | None:
        spec = self.spec
        if not spec.takes(client[0]) or self._selection.full(spec):
            return None
        choice = self._selection.choose(spec, client[0])
        if choice is None:
            return None
        virtual = Flow.open([self._runtime.counters("ltm/virtual", spec.path)])
        books = Flow((*virtual.books, *self._selection.flow(choice).books))
        flow = self._flows[client] = _Flow(self, client, books, spec.udp_idle_s)
        source = self._selection.source(spec.snat, client[0], choice.host)
        task = asyncio.create_task(_dial(flow, choice.host, choice.port, source))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return flow


async def _dial(flow: _Flow, host: str, port: int, source: str | None) -> None:
    local = (source, 0) if source is not None else None
    try:
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: flow, remote_addr=(host, port), local_addr=local
        )
    except OSError:
        flow.end()
