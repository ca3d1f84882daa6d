"""Decides where the bytes of a client of an HTTP virtual server go: to a parser of HTTP, or into a tunnel."""

from __future__ import annotations

import asyncio
from typing import Protocol

from bigipsim.dataplane.connect import reset
from bigipsim.dataplane.http_member import Tunnel
from bigipsim.dataplane.selection import Flow
from bigipsim.dataplane.traffic import Event, Reset, Traffic


class Host(Protocol):
    """Whose clients they are."""

    def speaker(self, transport: asyncio.BaseTransport, client: Client) -> asyncio.Protocol:
        """What speaks HTTP with a client: the version is settled by its handshake."""
        ...

    def arrived(self, transport: asyncio.BaseTransport, client: Client) -> Flow | None:
        """Opens the books of a client connection; None when no more are taken."""
        ...

    def accepted(self, transport: asyncio.BaseTransport, server_name: str) -> Traffic:
        """The traffic of a new connection, after the parts have heard of it; server_name is what TLS asked for."""
        ...

    def left(self, transport: asyncio.BaseTransport | None) -> None:
        """Forgets a client connection that is closed."""
        ...


class Client(asyncio.Protocol):
    """One client connection: hands its bytes to what speaks HTTP with it, or to a tunnel once there is one."""

    def __init__(self, host: Host, server_name: str = "") -> None:
        self._host = host
        self._server_name = server_name
        self._parser = asyncio.Protocol()
        self._books: Flow | None = None
        self.traffic: Traffic | None = None
        self.tunnel: Tunnel | None = None
        self._transport: asyncio.BaseTransport | None = None
        self.writable = asyncio.Event()
        self.writable.set()
        self.gone = asyncio.Event()

    def sent(self, octets: int) -> None:
        """Counts bytes of an answer."""
        if self._books is not None:
            self._books.moved_out(octets)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets a client, or resets one that is not to be served."""
        self._transport = transport
        self._parser = self._host.speaker(transport, self)
        self._parser.connection_made(transport)
        self._books = self._host.arrived(transport, self)
        if self._books is None:
            reset(transport)
            return
        self.traffic = self._host.accepted(transport, self._server_name)
        if isinstance(self.traffic.verdict, Reset):
            reset(transport)

    def data_received(self, data: bytes) -> None:
        """Passes on what the client sent."""
        if self._books is not None:
            self._books.moved_in(len(data))
        if self.tunnel is not None:
            self.tunnel.from_client.feed_data(data)
        else:
            self._parser.data_received(data)

    def eof_received(self) -> bool | None:
        """Passes on that the client sends nothing more; in a tunnel it may still receive."""
        if self.tunnel is not None:
            self.tunnel.from_client.feed_eof()
            # With TLS there is no half of a connection to keep open.
            return self.traffic is not None and self.traffic.connection.tls is None
        return self._parser.eof_received()

    def pause_writing(self) -> None:
        """Stops whoever writes to a client that does not read."""
        self.writable.clear()
        self._parser.pause_writing()

    def resume_writing(self) -> None:
        """Lets them go on."""
        self.writable.set()
        self._parser.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Closes the books, and tells everybody that the client is gone."""
        self.gone.set()
        self.writable.set()
        if self.traffic is not None:
            self.traffic.fire(Event.CLIENT_CLOSED)
        if self.tunnel is not None:
            self.tunnel.from_client.feed_eof()
        if self._books is not None:
            self._books.close()
        self._host.left(self._transport)
        self._parser.connection_lost(exc)
