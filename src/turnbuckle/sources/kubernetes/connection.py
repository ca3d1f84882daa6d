"""Requests to one API server: login, time-outs, and which answer is which error."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import aiohttp
import msgspec

from turnbuckle.sources.kubernetes.errors import BY_STATUS, KubernetesError, Refused, Unreachable
from turnbuckle.sources.kubernetes.login import Access, Login
from turnbuckle.sources.kubernetes.said import retry_after_s
from turnbuckle.sources.kubernetes.timing import Timing

T = TypeVar("T")

_LONGEST_QUOTE = 256
_KEEP_ALIVE = (
    ("SO_KEEPALIVE", socket.SOL_SOCKET, 1),
    ("TCP_KEEPIDLE", socket.IPPROTO_TCP, 20),
    ("TCP_KEEPINTVL", socket.IPPROTO_TCP, 10),
    ("TCP_KEEPCNT", socket.IPPROTO_TCP, 3),
)
_WHAT_TO_DO = {
    401: "The token or certificate is not accepted; it is read again.",
    403: "Grant the verbs get, list and watch in a ClusterRole or Role.",
}


class Connection:
    """An API server; an `async with` block holds the connections.

    streams: whether it can send lists as streams; discovery finds out, and a reflector that is refused says no.
    """

    def __init__(self, login: Login, timing: Timing) -> None:
        self._login = login
        self._timing = timing
        self.streams = False

    async def __aenter__(self) -> Connection:
        # Each reflector has one request under way, so that their number is the limit.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers={"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "turnbuckle"},
            read_bufsize=2**18,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, path: str, params: Mapping[str, str], into: type[T]) -> T:
        """A whole answer, decoded into a type.

        Raises:
            KubernetesError: there was no whole answer of success.
        """
        limits = aiohttp.ClientTimeout(total=self._timing.reply_s, sock_connect=self._timing.connect_s)
        try:
            response = await self._open(path, params, limits, {})
            async with response:
                body = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(_unreachable(error)) from error
        try:
            return msgspec.json.decode(body, type=into)
        except msgspec.DecodeError as error:
            raise Unreachable(f"The API server's answer to {path} cannot be read: {error}.") from error

    async def stream(self, path: str, params: Mapping[str, str], silence_s: float) -> AsyncGenerator[bytes, None]:
        """The bytes of an endless answer as they arrive; ends when the server ends it.

        The first item is empty: it says that the server has agreed.

        silence_s: seconds without a byte after which the connection counts as dead.

        Raises:
            KubernetesError: refused, cut off or silent.
        """
        limits = aiohttp.ClientTimeout(total=None, sock_connect=self._timing.connect_s, sock_read=silence_s)
        try:
            # Compression would hold lines back until a block is full.
            response = await self._open(path, params, limits, {"Accept-Encoding": "identity"})
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(_unreachable(error)) from error
        try:
            _keep_alive(response)
            yield b""
            while True:
                try:
                    chunk = await response.content.readany()
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    raise Unreachable(_unreachable(error)) from error
                if not chunk:
                    return
                yield chunk
        finally:
            response.close()

    async def _open(
        self, path: str, params: Mapping[str, str], limits: aiohttp.ClientTimeout, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        access = await self._login.access()
        response = await self._send(access, path, params, limits, headers)
        if response.status == 401:
            fresh = await self._login.renew(access)
            if fresh is not access:
                response.close()
                response = await self._send(fresh, path, params, limits, headers)
        if response.status == 200:
            return response
        async with response:
            raise await _refusal(response, path)

    async def _send(
        self,
        access: Access,
        path: str,
        params: Mapping[str, str],
        limits: aiohttp.ClientTimeout,
        headers: Mapping[str, str],
    ) -> aiohttp.ClientResponse:
        own = {"Authorization": access.authorization} if access.authorization else {}
        return await self._session.get(
            access.url + path,
            params=params,
            headers={**headers, **own},
            ssl=access.tls or True,
            server_hostname=access.server_name or None,
            proxy=access.proxy or None,
            timeout=limits,
            allow_redirects=False,
        )


def _unreachable(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return (
            f"The API server's certificate does not verify: {error.certificate_error}. "
            "Check certificate-authority in the kubeconfig"
        ).rstrip(".") + "."
    if isinstance(error, TimeoutError):
        return "The API server does not answer: time is up."
    words = str(error).rstrip(".") or type(error).__name__
    return f"The API server cannot be reached: {words}."


async def _refusal(response: aiohttp.ClientResponse, path: str) -> KubernetesError:
    """The error for an answer other than success, with the server's own words when they are a Status."""
    body = await response.content.read(2**16)
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        said = None
    # Anything but a Status may be a proxy's page, or hold what does not belong in a log.
    message = str(said.get("message", "")) if isinstance(said, dict) else ""
    words = f": {message[:_LONGEST_QUOTE].rstrip('.')}" if message else ""
    advice = _WHAT_TO_DO.get(response.status, "")
    text = f"The API server answers {response.status} to {path}{words}. {advice}".rstrip()
    kind = BY_STATUS.get(response.status, Refused)
    return kind(text, max(_seconds(response.headers.get("Retry-After", "")), retry_after_s(said)))


def _seconds(retry_after: str) -> float:
    """The header Retry-After in seconds from now; 0 when it is absent or says nothing.

    Source: RFC 9110, 10.2.3: a number of seconds, or a date.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return 0.0
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _keep_alive(response: aiohttp.ClientResponse) -> None:
    """Lets the kernel notice within a minute that the other side is gone."""
    connection = response.connection
    transport: asyncio.BaseTransport | None = connection.transport if connection else None
    plug: Any = transport.get_extra_info("socket") if transport else None
    if plug is None:
        return
    for name, level, value in _KEEP_ALIVE:
        if hasattr(socket, name):
            plug.setsockopt(level, getattr(socket, name), value)
