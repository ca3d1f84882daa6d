"""Decides how HTTP/2 is spoken with a client: each stream is a request of its own, carried out beside the others.

Frames and headers are the library's (h2). A client that breaks the protocol is told so (GOAWAY) and cut off; so is one
that has more requests under way than the http2 profile allows, as the device does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from h2 import events
from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from bigipsim.dataplane.http2_profile import Http2, adequate
from bigipsim.dataplane.http2_stream import Stream, request_of
from bigipsim.dataplane.http_client import Client
from bigipsim.dataplane.http_member import HEAD_BYTES
from bigipsim.dataplane.traffic import Request

logger = logging.getLogger(__name__)

FIRST_WINDOW: Final = 65535
"""What a client may send on a connection before it is told more (RFC 9113, 6.9.2)."""

Serve = Callable[[Stream, Request], Coroutine[Any, Any, None]]
"""Carries out one request."""


class Http2Connection(asyncio.Protocol):
    """One client connection that speaks HTTP/2; it hears of the client what an HTTP/1.1 parser would hear."""

    def __init__(self, profile: Http2, client: Client, serve: Serve) -> None:
        self._profile = profile
        self._client = client
        self._serve = serve
        self.frames = H2Connection(H2Configuration(client_side=False))
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, Stream] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._leaving = False
        self._moved = asyncio.Event()
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets the client with the settings of the profile."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._greet()
        cipher = transport.get_extra_info("cipher")
        if cipher is not None and self._profile.enforces_tls and not adequate(cipher[1], cipher[0]):
            self._part(ErrorCodes.INADEQUATE_SECURITY)
        self.flush()
        self._rest()

    def _greet(self) -> None:
        """Settings hold for a client once it has agreed to them; what it sends before that is in order, too."""
        profile = self._profile
        wanted = {
            SettingCodes.HEADER_TABLE_SIZE: profile.header_table_bytes,
            SettingCodes.INITIAL_WINDOW_SIZE: profile.window_bytes,
            SettingCodes.MAX_CONCURRENT_STREAMS: profile.streams,
            SettingCodes.MAX_HEADER_LIST_SIZE: HEAD_BYTES,
        }
        agreed = Settings(client=False)
        for code, value in wanted.items():
            agreed[code] = value
        self.frames.local_settings = Settings(client=False, initial_values=wanted)
        self.frames.initiate_connection()
        self.frames.local_settings = agreed
        # A stream whose member is slow must not take the room of the others.
        self.frames.increment_flow_control_window(max(1, profile.window_bytes * profile.streams - FIRST_WINDOW))

    def data_received(self, data: bytes) -> None:
        """Takes in frames."""
        if self._transport is None or self._transport.is_closing():
            return
        try:
            heard = self.frames.receive_data(data)
        except ProtocolError as error:
            logger.debug("an HTTP/2 client is cut off: %s", error)
            self._part(None)
            return
        for event in heard:
            self._take(event)
        self.flush()

    def _take(self, event: events.Event) -> None:
        match event:
            case events.RequestReceived():
                self._begin(event.stream_id, event.headers, event.stream_ended is not None)
            case events.DataReceived():
                stream = self._streams.get(event.stream_id)
                if stream is not None:
                    stream.body.came(event.data, event.flow_controlled_length)
                else:
                    self.frames.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case events.StreamEnded() if event.stream_id in self._streams:
                self._streams[event.stream_id].body.ended()
            case events.StreamReset() if event.stream_id in self._streams:
                self._abandon(event.stream_id)
            case events.WindowUpdated() | events.RemoteSettingsChanged():
                self._moved.set()
            case events.ConnectionTerminated():
                self._let_finish()
            case _:
                pass

    def _begin(self, number: int, headers: Iterable[tuple[bytes, bytes]], whole: bool) -> None:
        """Takes in a request."""
        try:
            request = request_of(headers, self._profile.marker)
        except ValueError as error:
            logger.debug("a request of an HTTP/2 client is refused: %s", error)
            self.frames.reset_stream(number, ErrorCodes.PROTOCOL_ERROR)
            return
        if self._idle is not None:
            self._idle.cancel()
        stream = self._streams[number] = Stream(self, number, self._profile, request.method, not whole)
        if not whole and request.headers.get("Expect", "").lower() == "100-continue":
            stream.welcome()
        task = self._tasks[number] = asyncio.create_task(self._serve(stream, request))
        task.add_done_callback(lambda task: self._done(number, task))

    def _done(self, number: int, task: asyncio.Task[None]) -> None:
        """Forgets a stream; one that is open still gets no answer any more."""
        del self._tasks[number]
        self._streams.pop(number).reset()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a request of an HTTP/2 client was not carried out", exc_info=error)
        self._rest()

    def _abandon(self, number: int) -> None:
        """Stops what is done for a stream that nobody waits for any more."""
        self._streams[number].left()
        self._tasks[number].cancel()

    def _rest(self) -> None:
        """Waits for more when no request is under way, as long as the profile says and the client may have more."""
        if self._streams or self._transport is None or self._transport.is_closing():
            return
        if self._leaving:
            self._transport.close()
        else:
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(self._profile.idle_s, self._part, ErrorCodes.NO_ERROR)

    def _let_finish(self) -> None:
        """Answers what is under way for a client that said that it will ask no more (RFC 9113, 6.8)."""
        self._leaving = True
        # The library takes it for the end of everything.
        self.frames.state_machine.state = ConnectionState.SERVER_OPEN
        self._rest()

    def _part(self, code: ErrorCodes | None) -> None:
        """Cuts the client off, after a word of why unless the library has put one."""
        for number in tuple(self._tasks):
            self._abandon(number)
        if code is not None:
            self.frames.close_connection(code)
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def flush(self) -> None:
        """Sends what the library has to send."""
        octets = self.frames.data_to_send()
        if octets and self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    async def moved(self) -> None:
        """Waits until the client has made room somewhere."""
        self._moved.clear()
        await self._moved.wait()

    async def writable(self) -> None:
        """Waits until the socket takes more."""
        await self._client.writable.wait()

    def sent(self, octets: int) -> None:
        """Counts bytes of an answer."""
        self._client.sent(octets)

    def eof_received(self) -> None:
        """Closes the connection: nothing of HTTP/2 goes one way only."""

    def pause_writing(self) -> None:
        """Leaves it to `Client` to stop whoever writes."""

    def resume_writing(self) -> None:
        """Leaves it to `Client` to let them go on."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops everything that is done for the client."""
        if self._idle is not None:
            self._idle.cancel()
        for number in tuple(self._tasks):
            self._abandon(number)
