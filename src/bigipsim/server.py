"""Decides how a simulated device meets the network: HTTPS, one write at a time, as slow and faulty as asked."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import time
from collections.abc import AsyncIterator, Iterable
from typing import Final

from aiohttp import web

from bigipsim.admin import Admin
from bigipsim.box import Box
from bigipsim.certificate import Identity, self_signed
from bigipsim.dataplane.addresses import Addresses, Mapping, open_socket
from bigipsim.dataplane.connect import reset
from bigipsim.dataplane.listener import DataPlane
from bigipsim.events import Events
from bigipsim.exchange import Request, Response
from bigipsim.faults import Wire, sort_of
from bigipsim.group.link import Link
from bigipsim.group.membership import State
from bigipsim.journal import Journal

logger = logging.getLogger(__name__)

CONTROL: Final = "/_sim"
UNSERIALISED: Final = frozenset({"read", "login"})
CHANGES: Final = frozenset({"write", "commit"})
LARGEST_BODY_BYTES: Final = 64 * 1024 * 1024
POLL_S: Final = 0.02
DEVICE_HEADERS: Final = {
    "Server": "Jetty(9.2.22.v20170606)",
    "Pragma": "no-cache",
    "Cache-Control": "no-store, no-cache, must-revalidate",
    "Strict-Transport-Security": "max-age=16070400; includeSubDomains",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
}


class PortTaken(OSError):
    """The address to listen on is not to be had; the text is a sentence for the user."""


class SimServer:
    """One simulated device on the network: `async with SimServer(Box(SystemClock())) as device: device.url`.

    port 0 picks a free one. Without the data plane no virtual server is opened and no monitor probes.
    """

    def __init__(
        self,
        box: Box,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        dataplane: bool = True,
        mappings: Iterable[Mapping] = (),
    ) -> None:
        self.box = box
        self.host = host
        self.port = port
        self.journal = Journal()
        self.events = Events(box)
        addresses = Addresses(mappings, shared=box.group is not None)
        self.plane = DataPlane(box.tree, box.runtime, box.clock, addresses) if dataplane else None
        self._link = Link(box.group) if box.group is not None else None
        if box.group is not None:
            box.group.watch(self._stands)
        self._admin = Admin(self)
        self._identity: Identity | None = None
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None
        self._turn = asyncio.Lock()
        self._own_work_s: dict[str, float] = {}
        self._outage: asyncio.Task[None] | None = None

    @property
    def away(self) -> bool:
        """Whether nothing listens at present, because of a fault or a reboot."""
        return self._outage is not None and not self._outage.done()

    @property
    def url(self) -> str:
        """Where the REST interface is, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"

    @property
    def control_url(self) -> str:
        """Where faults, dumps and the like are; it takes no credentials and answers this machine only."""
        return f"{self.url}{CONTROL}/"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as hex with colons."""
        return self._shown().fingerprint

    @property
    def certificate(self) -> bytes:
        """The certificate as PEM."""
        return self._shown().pem

    async def __aenter__(self) -> SimServer:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Opens the REST interface, then the virtual servers.

        Raises:
            PortTaken: the address is in use, not of this machine, or not permitted.
        """
        self._identity = await asyncio.to_thread(self_signed)
        sock = self._open()
        self.port = sock.getsockname()[1]
        app = web.Application(client_max_size=LARGEST_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_response_prepare.append(_as_the_device)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.0)
        await self._runner.setup()
        self.events.start()
        if self.box.group is not None:
            self.box.group.begin(self.url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:"))
        await self._listen(sock)
        await self._go_on()

    async def stop(self) -> None:
        """Closes everything; nothing is left behind."""
        if self._outage is not None:
            self._outage.cancel()
            await asyncio.gather(self._outage, return_exceptions=True)
        self.events.stop()
        await self._hold()
        await self._hang_up()
        if self._runner is not None:
            await self._runner.cleanup()

    async def settled(self) -> None:
        """Returns once the data plane has followed every change so far."""
        if self.plane is not None:
            await self.plane.settled()

    def go_away(self, seconds: float, reboot: bool) -> None:
        """Nothing listens for that many seconds; with reboot the device starts again from what is saved."""
        if not self.away:
            self._outage = asyncio.create_task(self._away(seconds, reboot))

    def _shown(self) -> Identity:
        if self._identity is None:
            raise RuntimeError("the server has not been started, so it has no certificate yet")
        return self._identity

    def _open(self) -> socket.socket:
        try:
            return open_socket(self.host, self.port, socket.SOCK_STREAM)
        except OSError as error:
            raise PortTaken(error.errno, _why_not(self.host, self.port, error)) from error

    async def _listen(self, sock: socket.socket) -> None:
        assert self._runner is not None
        self._site = web.SockSite(self._runner, sock, ssl_context=self._shown().context)
        await self._site.start()

    async def _hang_up(self) -> None:
        if self._site is not None:
            await self._site.stop()
            self._site = None
        if self._runner is not None and self._runner.server is not None:
            for connection in self._runner.server.connections:
                reset(connection.transport)

    async def _away(self, seconds: float, reboot: bool) -> None:
        self.events.tell("outage", {"for_s": seconds, "reboot": reboot})
        self.events.end_streams()
        await self._hang_up()
        if reboot:
            await self._hold()
            self.box.reboot()
        await asyncio.sleep(seconds)
        if reboot:
            await self._go_on()
        await self._listen(self._open())

    async def _go_on(self) -> None:
        """Opens the virtual servers, and seeks the other units of the group."""
        if self.plane is not None:
            self.plane.serve(self.box.group is None or self.box.group.active)
            await self.plane.start()
        if self._link is not None:
            self._link.start()

    async def _hold(self) -> None:
        """Leaves the group's units without news, and closes the virtual servers."""
        if self._link is not None:
            await self._link.stop()
        if self.plane is not None:
            await self.plane.stop()

    def _stands(self, state: State) -> None:
        self.events.tell("failover", {"state": state})
        if self.plane is not None:
            self.plane.serve(state == "active")

    async def _handle(self, incoming: web.Request) -> web.StreamResponse:
        if incoming.path == CONTROL or incoming.path.startswith(f"{CONTROL}/"):
            return await self._admin.handle(incoming)
        raw_path, _, query = incoming.raw_path.partition("?")
        request = Request(
            method=incoming.method,
            path=raw_path,
            query=dict(incoming.query),
            headers={name.lower(): value for name, value in incoming.headers.items()},
            body=await incoming.read(),
            peer=incoming.remote or "127.0.0.1",
        )
        arrived_s, began = self.box.clock.now(), time.monotonic()
        wire = self.box.faults.on_the_wire(request)
        response = None if wire in ("reset-before", "hang-before") else await self._carried_out(request)
        answered = response is not None and wire in (None, "cut")
        self.journal.write(
            request,
            query,
            arrived_s,
            time.monotonic() - began,
            response.status if response is not None and answered else 0,
            len(response.body) if response is not None and answered else 0,
        )
        if response is None or wire is not None:
            return await _broken(incoming, response, wire)
        return web.Response(status=response.status, body=response.body, headers=response.headers)

    async def _carried_out(self, request: Request) -> Response:
        async with self._in_turn(request):
            return await self._in_its_time(request, self.box.faults.delay_s(request))

    async def _in_its_time(self, request: Request, whole_s: float) -> Response:
        """The device's answer when that much time is over, of which the simulator's own work is a part.

        A change is there at the end of it. What its work will take is known from the last ones of its sort.
        """
        sort, began = sort_of(request), time.monotonic()
        own_s = self._own_work_s.get(sort)
        if sort in CHANGES and whole_s > 0:
            await asyncio.sleep(max(0.0, whole_s - (own_s or 0.0)))
        working = time.monotonic()
        response = self.box.handle(request)
        if sort in CHANGES:
            took_s = time.monotonic() - working
            self._own_work_s[sort] = took_s if own_s is None else (own_s + took_s) / 2
        left_s = began + whole_s - time.monotonic()
        if left_s > 0:
            await asyncio.sleep(left_s)
        return response

    @contextlib.asynccontextmanager
    async def _in_turn(self, request: Request) -> AsyncIterator[None]:
        """Writes take turns in the order of their arrival; reads and logins go beside them."""
        if sort_of(request) in UNSERIALISED:
            yield
        else:
            async with self._turn:
                yield


async def _as_the_device(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in DEVICE_HEADERS.items():
        response.headers[name] = value


async def _broken(incoming: web.Request, response: Response | None, wire: Wire | None) -> web.StreamResponse:
    """Ends the exchange as the fault wants it."""
    transport = incoming.transport
    if wire in ("hang-before", "hang-after"):
        while transport is not None and not transport.is_closing():  # noqa: ASYNC110 - a lost client sets no event
            await asyncio.sleep(POLL_S)
    if wire != "cut" or response is None:
        reset(transport)
        return web.Response(status=503)
    half = response.body[: len(response.body) // 2]
    reply = web.StreamResponse(status=response.status, headers=response.headers)
    reply.content_length = len(response.body)
    await reply.prepare(incoming)
    await reply.write(half)
    if transport is not None:
        transport.close()
    return reply


def _why_not(host: str, port: int, error: OSError) -> str:
    reasons = {
        errno.EADDRINUSE: "is in use by another process; stop that one or choose another port (0 picks a free one)",
        errno.EADDRNOTAVAIL: "is not an address of this machine; 127.0.0.1 always is",
        errno.EACCES: "may not be opened by this user; choose a port from 1024 on",
    }
    return f"{host}:{port} {reasons.get(error.errno or 0, f'cannot be opened: {error.strerror or error}')}"
