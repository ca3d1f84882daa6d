"""Decides what a client's first bytes say: which name it asks for, before any TLS is spoken.

Source: RFC 8446, 4.1.2 (ClientHello) and 5.1 (records); RFC 6066, 3 (server_name); RFC 7301 (ALPN).
"""

from __future__ import annotations

from typing import Final, NamedTuple

RECORD_HANDSHAKE: Final = 22
CLIENT_HELLO: Final = 1
EXTENSION_SERVER_NAME: Final = 0
EXTENSION_ALPN: Final = 16
LARGEST_BYTES: Final = 65536


class NotTls(ValueError):
    """The bytes are no ClientHello."""


class Hello(NamedTuple):
    """What a client asks for: a host name ("" for none), and protocols by preference."""

    server_name: str = ""
    alpn: tuple[str, ...] = ()


class _Reader:
    """Takes numbers and vectors off the front of some bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._content)

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._content):
            raise NotTls("a ClientHello ends too early")
        taken, self._at = self._content[self._at : end], end
        return taken

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length))

    def vector(self, length: int) -> _Reader:
        """Bytes behind their own length, which is written in that many bytes."""
        return _Reader(self.take(self.number(length)))

    def rest(self) -> bytes:
        return self.take(len(self._content) - self._at)


def read_hello(content: bytes) -> Hello | None:
    """Reads what came of a client so far; None when more is needed.

    Raises:
        NotTls: it is no ClientHello, nor the start of one.
    """
    handshake = _handshake(content)
    if handshake[:1] not in (b"", bytes([CLIENT_HELLO])):
        raise NotTls("the first message of the client is no ClientHello")
    if len(handshake) < 4 or len(handshake) < 4 + int.from_bytes(handshake[1:4]):
        if len(content) >= LARGEST_BYTES:
            raise NotTls("the ClientHello is longer than any")
        return None
    return _hello(_Reader(handshake[4 : 4 + int.from_bytes(handshake[1:4])]))


def _handshake(content: bytes) -> bytes:
    """The handshake message in the records that are there, as far as it has come."""
    found, at = b"", 0
    while at < len(content):
        head = content[at : at + 5]
        if head[0] != RECORD_HANDSHAKE or head[1:2] not in (b"", b"\x03"):
            raise NotTls("the client does not speak TLS")
        length = int.from_bytes(head[3:5]) if len(head) == 5 else 0
        found += content[at + 5 : at + 5 + length]
        at += 5 + length
    return found


def _hello(reader: _Reader) -> Hello:
    reader.take(2 + 32)
    for length in (1, 2, 1):  # session id, cipher suites, compression methods
        reader.vector(length)
    name = ""
    alpn: tuple[str, ...] = ()
    extensions = reader.vector(2) if reader else _Reader(b"")
    while extensions:
        kind, inner = extensions.number(2), extensions.vector(2)
        if kind == EXTENSION_SERVER_NAME and inner:
            name = _server_name(inner.vector(2))
        elif kind == EXTENSION_ALPN and inner:
            alpn = _protocols(inner.vector(2))
    return Hello(name, alpn)


def _server_name(names: _Reader) -> str:
    while names:
        kind, name = names.number(1), names.vector(2).rest()
        if kind == 0:
            return name.decode("ascii", "replace").lower()
    return ""


def _protocols(listed: _Reader) -> tuple[str, ...]:
    found = []
    while listed:
        found.append(listed.vector(1).rest().decode("ascii", "replace"))
    return tuple(found)
