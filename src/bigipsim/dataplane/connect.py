"""Decides how connections to members are opened, how both ends are joined, and how they end."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Final, NamedTuple

CONNECT_TIMEOUT_S: Final = 5.0
CHUNK_BYTES: Final = 65536
NO_LINGER: Final = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing the socket resets the connection."""

Count = Callable[[int], None]


class Upstream(NamedTuple):
    """How connections to members are encrypted; without a server name none is asked for."""

    context: ssl.SSLContext
    server_name: str
    handshake_s: float


async def dial(
    host: str, port: int, source: str | None, upstream: Upstream | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Opens a connection to a member, from `source` when that is given, with TLS when it is said how.

    Raises:
        OSError: refused, unreachable, silent for too long (a TimeoutError), or not trusted (an ssl.SSLError).
    """
    local = (source, 0) if source is not None else None
    if upstream is None:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            return await asyncio.open_connection(host, port, local_addr=local)
    async with asyncio.timeout(CONNECT_TIMEOUT_S + upstream.handshake_s):
        return await asyncio.open_connection(
            host,
            port,
            local_addr=local,
            ssl=upstream.context,
            server_hostname=upstream.server_name,
            ssl_handshake_timeout=upstream.handshake_s,
        )


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Ends a connection at once with RST, as the device does when it has nowhere to send a client."""
    if not isinstance(transport, asyncio.Transport) or transport.is_closing():
        return
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    transport.abort()


async def copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Count, alive: Callable[[], None]
) -> None:
    """Carries bytes one way until the sender is done."""
    while chunk := await reader.read(CHUNK_BYTES):
        alive()
        count(len(chunk))
        writer.write(chunk)
        await writer.drain()


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def join(client: Stream, server: Stream, moved_in: Count, moved_out: Count, idle_s: float | None) -> bool:
    """Carries bytes both ways until both sides are done.

    Who is done closes its half for the other side. TLS has no halves: a client that ends it is gone, and when the
    member is done there is nothing left to say to the client; a client in clear may still wait for a member's answer.

    Answers False when the connection broke, or when nothing moved for idle_s seconds (None: for ever).
    """
    loop = asyncio.get_running_loop()
    whole = False
    try:
        async with asyncio.timeout(idle_s) as limit, asyncio.TaskGroup() as group:

            def alive() -> None:
                if idle_s is not None and not limit.expired():
                    limit.reschedule(loop.time() + idle_s)

            async def inwards() -> None:
                await copy(client[0], server[1], moved_in, alive)
                if server[1].can_write_eof():
                    server[1].write_eof()
                elif not client[1].can_write_eof():
                    server[1].close()

            async def outwards() -> None:
                await copy(server[0], client[1], moved_out, alive)
                if client[1].can_write_eof():
                    client[1].write_eof()
                else:
                    client[1].close()

            group.create_task(inwards())
            group.create_task(outwards())
        whole = True
    except* OSError:
        whole = False
    return whole
