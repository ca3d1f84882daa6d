"""Decides how a stream of an HTTP/2 connection becomes a request in the words of HTTP/1.1, and its answer frames.

Source: RFC 9113, 8 (HTTP messages) and 5.2 (flow control). The library keeps the books of the windows; a client is
given room again for what a member has taken.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Final, Protocol

from h2.connection import H2Connection
from h2.errors import ErrorCodes
from multidict import CIMultiDict

from bigipsim.dataplane.http2_profile import Http2
from bigipsim.dataplane.http_client import Client
from bigipsim.dataplane.http_member import Readable, decoded, passed_on
from bigipsim.dataplane.traffic import Request

NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
NO_VALUE: Final = re.compile(r"[\r\n\0]")
CONTINUE: Final = ((":status", "100"),)


class Speaker(Protocol):
    """The connection of a stream."""

    @property
    def frames(self) -> H2Connection:
        """The library's side of the connection; what it has to send goes out with `flush`."""
        ...

    def flush(self) -> None:
        """Sends what the library has to send."""
        ...

    async def moved(self) -> None:
        """Waits until the client has made room somewhere."""
        ...

    async def writable(self) -> None:
        """Waits until the socket takes more."""
        ...

    def sent(self, octets: int) -> None:
        """Counts bytes of an answer."""
        ...


class Body:
    """What a client sends on a stream; reading it makes room for more."""

    def __init__(self, speaker: Speaker, number: int) -> None:
        self._speaker = speaker
        self._number = number
        self._reader = asyncio.StreamReader()
        self._unread = 0
        self.whole = False

    def came(self, chunk: bytes, room: int) -> None:
        """Takes in a DATA frame, which with its padding took that much room."""
        self._reader.feed_data(chunk)
        self._unread += len(chunk)
        self._room(room - len(chunk))

    def ended(self) -> None:
        """Nothing more comes."""
        self.whole = True
        self._reader.feed_eof()

    async def read(self, n: int = -1) -> bytes:
        """Up to n bytes, none at its end."""
        chunk = await self._reader.read(n)
        self._unread -= len(chunk)
        self._room(len(chunk))
        return chunk

    def let_go(self) -> None:
        """Gives the connection the room back that unread bytes take."""
        octets, self._unread = self._unread, 0
        self._room(octets)

    def _room(self, octets: int) -> None:
        if octets:
            self._speaker.frames.acknowledge_received_data(octets, self._number)
            self._speaker.flush()


class Stream:
    """One request and its answer, an `http_exchange.Exchange`; open until the answer ended or either side reset it."""

    upgrade: tuple[Client, asyncio.Transport] | None = None

    def __init__(self, speaker: Speaker, number: int, profile: Http2, method: str, has_body: bool) -> None:
        self._speaker = speaker
        self._number = number
        self._profile = profile
        self.method = method
        self.body = Body(speaker, number)
        self.gone = asyncio.Event()
        self.open = True
        self.content: Readable | None = self.body if has_body else None

    def welcome(self) -> None:
        """Tells a client that waits for it to send the body."""
        self._speaker.frames.send_headers(self._number, CONTINUE)
        self._speaker.flush()

    async def begin(self, status: int, reason: str | None, headers: CIMultiDict[str]) -> None:
        """Sends the head; HTTP/2 has no reason phrase."""
        fields = [(name.lower(), value) for name, value in passed_on(headers.items()).items()]
        if not self._profile.tells_length:
            fields = [(name, value) for name, value in fields if name != "content-length"]
        # The library would find this out when it has half of the head in its table of headers.
        for name, value in fields:
            if not NAME.fullmatch(name) or NO_VALUE.search(value):
                raise ValueError(f"the header {name!r} cannot be sent")
        self._speaker.frames.send_headers(self._number, [(":status", str(status)), *fields])
        self._speaker.flush()

    async def write(self, chunk: bytes) -> None:
        """Sends a part of the body, as far as the client's windows are open."""
        rest, frames, together = memoryview(chunk), self._speaker.frames, 0
        self._speaker.sent(len(chunk))
        while rest:
            window = frames.local_flow_control_window(self._number)
            size = min(len(rest), window, frames.max_outbound_frame_size, self._profile.frame_bytes)
            if size <= 0:
                self._speaker.flush()
                await self._speaker.moved()
                continue
            frames.send_data(self._number, bytes(rest[:size]))
            rest, together = rest[size:], together + size
            if together >= self._profile.write_bytes:
                together = 0
                self._speaker.flush()
                await self._speaker.writable()
        self._speaker.flush()
        await self._speaker.writable()

    async def end(self) -> None:
        """Ends the answer; a body that nobody wants any more is refused (RFC 9113, 8.1)."""
        self._speaker.frames.end_stream(self._number)
        if self.body.whole:
            self._close()
        else:
            self.reset(ErrorCodes.NO_ERROR)

    def reset(self, code: ErrorCodes = ErrorCodes.INTERNAL_ERROR) -> None:
        """Ends this stream alone, as the device does with a stream whose member breaks off (assumed)."""
        if self.open:
            self._speaker.frames.reset_stream(self._number, code)
            self._close()

    def left(self) -> None:
        """The client has reset the stream, or is gone."""
        self.gone.set()
        self._close()

    def _close(self) -> None:
        self.open = False
        self.body.let_go()
        self._speaker.flush()


def request_of(headers: Iterable[tuple[bytes, bytes]], marker: str) -> Request:
    """A request as the parts see it: in HTTP/1.1, with the host where that has it.

    Raises:
        ValueError: it is for no path of the virtual server, as CONNECT is.
    """
    pseudo: dict[str, str] = {}
    fields: CIMultiDict[str] = CIMultiDict()
    for name, value in decoded(headers):
        if name.startswith(":"):
            pseudo[name] = value
        else:
            fields.add(name, value)
    target = pseudo.get(":path", "")
    if not target.startswith("/"):
        raise ValueError("it is for no path")
    given = CIMultiDict([("Host", pseudo.get(":authority") or str(fields.get("Host", "")))])
    fields.popall("Host", None)
    given.extend(fields)
    if marker:
        given[marker] = "1"
    return Request(given, method=pseudo[":method"], uri=target)
