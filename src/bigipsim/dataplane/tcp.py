"""Decides what a TCP virtual server without an http profile does: it joins each client to one member."""

from __future__ import annotations

import asyncio
import socket

from bigipsim.dataplane.config import VirtualSpec
from bigipsim.dataplane.connect import dial, join, reset
from bigipsim.dataplane.selection import Choice, Flow, Selection
from bigipsim.runtime import Runtime


class TcpService:
    """One listening socket of a TCP virtual server; `spec` may be replaced while connections live."""

    def __init__(self, spec: VirtualSpec, selection: Selection, runtime: Runtime) -> None:
        self.spec = spec
        self._selection = selection
        self._runtime = runtime
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether clients are still connected."""
        return bool(self._clients)

    async def start(self, sock: socket.socket) -> None:
        """Accepts clients from now on."""
        self._server = await asyncio.start_server(self._accepted, sock=sock)

    def close(self) -> None:
        """Accepts nobody any more; clients that are connected stay."""
        if self._server is not None:
            self._server.close()

    async def stop(self) -> None:
        """Accepts nobody any more and cuts off everybody."""
        self.close()
        for task in tuple(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        spec = self.spec
        if spec.reject or self._selection.full(spec):
            reset(writer.transport)
            return
        virtual = Flow.open([self._runtime.counters("ltm/virtual", spec.path)])
        try:
            await self._proxy(spec, virtual, reader, writer)
        finally:
            virtual.close()
            reset(writer.transport)

    async def _proxy(
        self, spec: VirtualSpec, virtual: Flow, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        peer = writer.get_extra_info("peername")
        found = await self._connect(spec, peer[0]) if peer else None
        if found is None:
            return
        choice, server = found
        flow = self._selection.flow(choice)
        both = Flow((*virtual.books, *flow.books))
        try:
            if await join((reader, writer), server, both.moved_in, both.moved_out, spec.tcp_idle_s):
                await _goodbye(writer)
        finally:
            flow.close()
            server[1].transport.abort()

    async def _connect(
        self, spec: VirtualSpec, client: str
    ) -> tuple[Choice, tuple[asyncio.StreamReader, asyncio.StreamWriter]] | None:
        """A connection to a member; tries others as often as the pool's reselectTries says."""
        tried: frozenset[str] = frozenset()
        while (choice := self._selection.choose(spec, client, tried=tried)) is not None:
            source = self._selection.source(spec.snat, client, choice.host)
            try:
                return choice, await dial(choice.host, choice.port, source)
            except OSError:
                tried |= {choice.member.path}
            if len(tried) > choice.pool.reselect_tries:
                return None
        return None


async def _goodbye(writer: asyncio.StreamWriter) -> None:
    """Closes the client's side in good order, so that the last bytes reach it."""
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return
