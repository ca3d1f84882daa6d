"""Decides how clients of a virtual server come in: in clear, or with the TLS profile for the name that they ask for.

A client's first message is looked at and left in the socket, so that all of a profile holds for its clients (versions,
ciphers, whom it asks for a certificate), and every handshake finds the profiles as they are at that moment.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Final

from bigipsim.dataplane.connect import NO_LINGER
from bigipsim.dataplane.tls import Contexts, choose
from bigipsim.dataplane.tls_hello import LARGEST_BYTES, Hello, NotTls, read_hello
from bigipsim.dataplane.tls_spec import HANDSHAKE_S, ClientSsl, Unusable

logger = logging.getLogger(__name__)

Factory = Callable[[str], asyncio.Protocol]
"""Makes what speaks with one client, who asked for a name ("" for none). It hears of the client after the handshake."""

FAREWELL_S: Final = 5.0
"""How long a client may take to agree that TLS is over."""

AT_ONCE: Final = 64
PAUSE_S: Final = 0.01
"""How long to wait for the rest of a message of which a part is there: the socket stays readable all the while."""

OUT_OF_SOCKETS_S: Final = 1.0
UNRECOGNIZED_NAME: Final = bytes((21, 3, 3, 0, 2, 2, 112))
"""A fatal alert, as a record of its own."""


class Gate:
    """A listening socket; `profiles` answers the client-ssl profiles as they are now, none for a service in clear."""

    def __init__(
        self,
        sock: socket.socket,
        factory: Factory,
        profiles: Callable[[], Sequence[ClientSsl]],
        contexts: Contexts,
    ) -> None:
        self._sock = sock
        self._factory = factory
        self._profiles = profiles
        self._contexts = contexts
        self._server: asyncio.Server | None = None
        self._arriving: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._open = False

    async def open(self) -> None:
        """Accepts clients from now on."""
        self._open = True
        if self._profiles():
            self._watch()
        else:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: self._factory(""), sock=self._sock)

    def close(self) -> None:
        """Accepts nobody any more; who is in stays, and so does who is in the middle of a handshake."""
        if not self._open:
            return
        self._open = False
        if self._server is not None:
            self._server.close()
            return
        if self._pause is not None:
            self._pause.cancel()
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()

    async def stop(self) -> None:
        """Accepts nobody any more, and cuts off who is in the middle of a handshake."""
        self.close()
        for task in tuple(self._arriving):
            task.cancel()
        await asyncio.gather(*self._arriving, return_exceptions=True)

    @property
    def busy(self) -> bool:
        """Whether somebody is in the middle of a handshake."""
        return bool(self._arriving)

    def _watch(self) -> None:
        self._pause = None
        asyncio.get_running_loop().add_reader(self._sock, self._accept)

    def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(AT_ONCE):
            try:
                sock, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Out of file descriptors, most likely: the socket would stay readable, and this loop would spin.
                logger.warning("clients are not accepted for %s s: %s", OUT_OF_SOCKETS_S, error)
                loop.remove_reader(self._sock)
                self._pause = loop.call_later(OUT_OF_SOCKETS_S, self._watch)
                return
            task = loop.create_task(self._admit(sock))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    async def _admit(self, sock: socket.socket) -> None:
        """Brings one client in, or resets its connection."""
        sock.setblocking(False)
        try:
            name, profile = await self._profile(sock)
            context = self._contexts.client(profile) if profile is not None else None
        except (NotTls, Unusable, OSError) as error:
            logger.debug("a client was turned away: %s", error)
            _reset(sock)
            return
        except asyncio.CancelledError:
            _reset(sock)
            raise
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._factory(name),
                sock,
                ssl=context,
                ssl_handshake_timeout=profile.handshake_s if profile is not None else None,
                ssl_shutdown_timeout=FAREWELL_S if profile is not None else None,
            )
        except OSError as error:
            logger.debug("the handshake of a client failed: %s", error)

    async def _profile(self, sock: socket.socket) -> tuple[str, ClientSsl | None]:
        """The name that a client asks for, and the profile that it gets; None for one that may go on in clear.

        Raises:
            NotTls: it does not speak TLS, or must name something known and does not.
            OSError: it is gone, or silent for too long (a TimeoutError).
        """
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                name = (await _first_message(sock)).server_name
        except NotTls:
            if any(profile.clear for profile in self._profiles()):
                return "", None
            raise
        profile = choose(self._profiles(), name)
        if profile is None:
            sock.send(UNRECOGNIZED_NAME)
            raise NotTls(f'no profile is for the name "{name}"')
        return name, profile


async def _first_message(sock: socket.socket) -> Hello:
    """What a client asks for; its message stays in the socket.

    Raises:
        NotTls: it says something else.
        OSError: it is gone, or silent for too long (a TimeoutError).
    """
    seen = 0
    while True:
        await _readable(sock)
        content = sock.recv(LARGEST_BYTES, socket.MSG_PEEK)
        if not content:
            raise ConnectionResetError("the client said nothing")
        hello = read_hello(content)
        if hello is not None:
            return hello
        if len(content) == seen:
            await asyncio.sleep(PAUSE_S)
        seen = len(content)


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(sock, wake)
    try:
        await ready
    finally:
        loop.remove_reader(sock)


def _reset(sock: socket.socket) -> None:
    """Ends a connection with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    sock.close()
