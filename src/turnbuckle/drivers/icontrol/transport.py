"""How a request reaches the device: one small protocol, and its implementation on aiohttp.

Everything above the transport is free of sockets; a test hands in a transport of its own. A reply arrives whole or as
Unreachable: half a body is never handed on.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
from yarl import URL

from turnbuckle.drivers.base import CertificateRefused, NotConnected, Unreachable
from turnbuckle.drivers.icontrol import certificates, unreachable

CONNECT_S = 5.0
REPLY_S = 60.0
CONNECTIONS = 5


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. path: percent-encoded, query included; it goes out as it stands."""

    method: str
    path: str
    # Both may hold a password or a token, which no text form shows.
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP reply, whole. headers: names in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Transport(Protocol):
    """Carries requests to one device."""

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """The reply to one request.

        Raises:
            Unreachable: there is none, or not the whole of it; the device may have done what was asked.
        """
        ...

    async def close(self) -> None:
        """Closes the connections."""
        ...


class AiohttpTransport:
    """HTTP/1.1 over TLS to the device at `url`, with its connections kept open.

    trusted_certs: PEM text, or the name of a file with it: authorities, or the device's own certificate. The device's
    own is accepted under any host name, since a BIG-IP's certificate names localhost. insecure: no verification at
    all.
    """

    def __init__(self, url: str, *, trusted_certs: str = "", insecure: bool = False) -> None:
        self._url = url.rstrip("/")
        self._trusted = certificates.load(trusted_certs) if trusted_certs else ()
        self._insecure = insecure
        self._tls: ssl.SSLContext | aiohttp.Fingerprint | bool = (
            False if insecure else certificates.context(self._trusted)
        )
        self._session: aiohttp.ClientSession | None = None

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """One request; a certificate that the operator trusts by itself is pinned at its first appearance."""
        try:
            return await self._exchange(method, path, headers, body)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch) as error:
            await self._pin_or_refuse(error)
        return await self._exchange(method, path, headers, body)

    async def _exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        try:
            async with self._opened().request(
                method,
                URL(self._url + path, encoded=True),
                headers=headers,
                data=body or None,
                ssl=self._tls,
                allow_redirects=False,
            ) as reply:
                whole = await reply.read()
                return Reply(reply.status, {k.lower(): v for k, v in reply.headers.items()}, whole)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch):
            raise
        except aiohttp.ClientConnectorError as error:
            raise NotConnected(unreachable.sentence(self._url, error, CONNECT_S, REPLY_S)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(unreachable.sentence(self._url, error, CONNECT_S, REPLY_S)) from error

    async def _pin_or_refuse(self, error: Exception) -> None:
        found = await certificates.presented(self._url, CONNECT_S)
        if found is not None and found in self._trusted and not isinstance(self._tls, aiohttp.Fingerprint):
            self._tls = aiohttp.Fingerprint(certificates.digest(found))
            return
        fingerprint = certificates.fingerprint(found) if found is not None else ""
        raise CertificateRefused(certificates.refusal(self._url, fingerprint, error), fingerprint) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=60),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=REPLY_S),
                # The device sets cookies that stand for a login of their own; they must not come back to it.
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True,
            )
        return self._session

    async def close(self) -> None:
        """Closes the connections; the transport opens new ones when it is used again."""
        if self._session is not None:
            await self._session.close()
            self._session = None
