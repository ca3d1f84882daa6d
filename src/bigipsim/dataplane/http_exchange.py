"""Decides what one request and its answer are on the client's side, whichever version of HTTP the client speaks.

Above it (`http_transaction`) nothing knows of the version; HTTP/1.1 is here, HTTP/2 in `http2_stream`.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from aiohttp import web
from multidict import CIMultiDict

from bigipsim.dataplane.connect import reset
from bigipsim.dataplane.http_client import Client
from bigipsim.dataplane.http_member import Readable

ADDED_BY_LIBRARY: Final = ("Content-Type", "Date", "Server")


class Exchange(Protocol):
    """One request as a client made it, and the way back to the client.

    method is the client's own, whatever became of the request since. gone is set when the client is.
    """

    @property
    def method(self) -> str:
        """The method."""
        ...

    @property
    def content(self) -> Readable | None:
        """The body; None when the request has none."""
        ...

    @property
    def gone(self) -> asyncio.Event:
        """Set when nobody waits for the answer any more."""
        ...

    @property
    def upgrade(self) -> tuple[Client, asyncio.Transport] | None:
        """The connection itself, when the request asks for another protocol on it."""
        ...

    async def begin(self, status: int, reason: str | None, headers: CIMultiDict[str]) -> None:
        """Sends the head of the answer.

        Raises:
            ValueError: it cannot be written; nothing was sent.
        """
        ...

    async def write(self, chunk: bytes) -> None:
        """Sends a part of the answer's body, as soon as the client takes it."""
        ...

    async def end(self) -> None:
        """Ends the answer."""
        ...

    def reset(self) -> None:
        """Ends the exchange without an answer, or in the middle of one."""
        ...


class _Answer(web.StreamResponse):
    """An answer on its way to the client, with the names of the headers that it is meant to have."""

    def __init__(self, status: int, reason: str | None, headers: CIMultiDict[str]) -> None:
        super().__init__(status=status, reason=reason, headers=headers)
        self.meant = frozenset(name.lower() for name in headers)


async def only_what_was_meant(request: web.Request, response: web.StreamResponse) -> None:
    """Takes away headers that the HTTP library adds of its own accord; the device adds none of them."""
    if isinstance(response, _Answer):
        for name in ADDED_BY_LIBRARY:
            if name.lower() not in response.meant:
                response.headers.pop(name, None)


class Http1Exchange:
    """A request of HTTP/1.1; `response` is what the library wants to be given in the end."""

    def __init__(self, request: web.Request, client: Client) -> None:
        self._request = request
        self._client = client
        self.response = _never_seen()

    @property
    def method(self) -> str:
        """The method."""
        return self._request.method

    @property
    def content(self) -> Readable | None:
        """The body."""
        return self._request.content if self._request.body_exists else None

    @property
    def gone(self) -> asyncio.Event:
        """Set when the connection is closed."""
        return self._client.gone

    @property
    def upgrade(self) -> tuple[Client, asyncio.Transport] | None:
        """The connection, when the request has the headers for it."""
        headers, transport = self._request.headers, self._request.transport
        if transport is None or "upgrade" not in headers.get("Connection", "").lower() or "Upgrade" not in headers:
            return None
        return self._client, transport

    async def begin(self, status: int, reason: str | None, headers: CIMultiDict[str]) -> None:
        """Sends the head."""
        answer = _Answer(status, reason, headers)
        await answer.prepare(self._request)
        self.response = answer

    async def write(self, chunk: bytes) -> None:
        """Sends a part of the body."""
        self._client.sent(len(chunk))
        await self.response.write(chunk)

    async def end(self) -> None:
        """Ends the answer."""
        await self.response.write_eof()

    def reset(self) -> None:
        """Resets the connection, on which the next request could not be told from the rest of this one."""
        reset(self._request.transport)
        self.response = _never_seen()


def _never_seen() -> web.StreamResponse:
    """What the library is given for a connection that is closed."""
    return web.Response(status=503)
