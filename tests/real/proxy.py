"""A TCP proxy that cuts and freezes connections, as networks do."""

from __future__ import annotations

import asyncio


class Proxy:
    """Passes bytes between those who connect to `port` and a server.

    A frozen connection stays open on both sides and passes nothing, as when a machine in between forgot it.
    """

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._connections: dict[_Connection, asyncio.Task[None] | None] = {}
        self.port = 0

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*(task for task in self._connections.values() if task is not None))

    def freeze(self) -> None:
        """Passes nothing any more on the connections that there are; new ones are not concerned."""
        for connection in self._connections:
            connection.frozen = True

    def cut(self) -> None:
        """Resets all connections."""
        for connection in self._connections:
            connection.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await asyncio.open_connection(*self._to)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(writer, server[1])
        self._connections[connection] = asyncio.current_task()
        try:
            await asyncio.gather(connection.passes(reader, server[1]), connection.passes(server[0], writer))
        finally:
            connection.abort()
            del self._connections[connection]


class _Connection:
    def __init__(self, *ends: asyncio.StreamWriter) -> None:
        self._ends = ends
        self.frozen = False

    async def passes(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        try:
            while some := await source.read(2**16):
                if not self.frozen:
                    to.write(some)
                    await to.drain()
        except OSError:
            pass
        if not self.frozen:
            self.abort()

    def abort(self) -> None:
        for end in self._ends:
            end.transport.abort()
