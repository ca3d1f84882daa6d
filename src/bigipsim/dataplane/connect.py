"""Decides how connections to members are opened, how both ends are joined, and how they end."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final

CONNECT_TIMEOUT_S: Final = 5.0
CHUNK_BYTES: Final = 65536
_NO_LINGER: Final = struct.pack("ii", 1, 0)

Count = Callable[[int], None]


async def dial(host: str, port: int, source: str | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Opens a TCP connection to a member, from `source` when that is given.

    Raises:
        OSError: refused, unreachable, or silent for CONNECT_TIMEOUT_S (a TimeoutError).
    """
    local = (source, 0) if source is not None else None
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        return await asyncio.open_connection(host, port, local_addr=local)


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Ends a connection at once with RST, as the device does when it has nowhere to send a client."""
    if not isinstance(transport, asyncio.Transport) or transport.is_closing():
        return
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


async def copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Count, alive: Callable[[], None]
) -> None:
    """Carries bytes one way until the sender is done, then closes that half for the receiver."""
    while chunk := await reader.read(CHUNK_BYTES):
        alive()
        count(len(chunk))
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def join(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    moved_in: Count,
    moved_out: Count,
    idle_s: float | None,
) -> bool:
    """Carries bytes both ways until both sides are done.

    Answers False when the connection broke, or when nothing moved for idle_s seconds (None: for ever).
    """
    loop = asyncio.get_running_loop()
    whole = False
    try:
        async with asyncio.timeout(idle_s) as limit, asyncio.TaskGroup() as group:

            def alive() -> None:
                if idle_s is not None and not limit.expired():
                    limit.reschedule(loop.time() + idle_s)

            group.create_task(copy(client[0], server[1], moved_in, alive))
            group.create_task(copy(server[0], client[1], moved_out, alive))
        whole = True
    except* OSError:
        whole = False
    return whole
