"""Decides where an address of the simulated network lies on this machine.

A destination is bound as it is when the machine owns the address. Otherwise each address gets a loopback
address of its own (127.64.0.0/10), always the same one for the same address, and keeps its port when that
may be bound. `--map` places whole networks elsewhere and goes before everything else.
"""

from __future__ import annotations

import errno
import hashlib
import ipaddress
import socket
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ALIASES: Final = ipaddress.IPv4Network("127.64.0.0/10")
UNPRIVILEGED_SHIFT: Final = 10000
_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.EACCES, errno.EAFNOSUPPORT})


def network_of(text: str) -> Network | None:
    """A network from "10.0.0.0/8" or "10.0.0.1", with or without a route domain; None for anything else."""
    address, slash, bits = text.partition("/")
    try:
        return ipaddress.ip_network(address.partition("%")[0] + slash + bits, strict=False)
    except ValueError:
        return None


class MapMistake(ValueError):
    """A --map that cannot be understood; the text is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """Addresses of `of` really lie in `at`; the host part is kept."""

    of: Network
    at: Network

    @classmethod
    def parse(cls, text: str) -> Mapping:
        """Reads "198.51.100.0/24=127.1.0.0/24".

        Raises:
            MapMistake: it is not two networks of the same size.
        """
        left, separator, right = text.partition("=")
        if not separator:
            raise MapMistake(f'--map "{text}" has no "="; write it like 198.51.100.0/24=127.1.0.0/24')
        try:
            of, at = ipaddress.ip_network(left.strip()), ipaddress.ip_network(right.strip())
        except ValueError as error:
            raise MapMistake(f'--map "{text}" does not name two networks ({error})') from error
        if of.prefixlen != at.prefixlen or of.version != at.version:
            raise MapMistake(
                f'--map "{text}" joins a /{of.prefixlen} to a /{at.prefixlen}; both must be of one size and family'
            )
        return cls(of, at)

    def redirect(self, address: Address) -> Address | None:
        """Where the address really lies, or None when it is not in this network."""
        if address.version != self.of.version or address not in self.of:
            return None
        host = int(address) - int(self.of.network_address)
        return ipaddress.ip_address(str(self.at.network_address + host))


@dataclass(frozen=True, slots=True)
class Bound:
    """A socket that was bound for a destination, and how its place differs from what was configured."""

    sock: socket.socket
    host: str
    port: int
    reason: str


class Addresses:
    """Translates addresses of the configuration into addresses of this machine.

    `shared` addresses are those of a device group: each of its units binds the same places, even at the same time, so
    that a virtual server stays where it is when another unit takes over.
    """

    def __init__(self, mappings: Iterable[Mapping] = (), shared: bool = False) -> None:
        self._mappings = tuple(mappings)
        self._shared = shared

    def real(self, address: str) -> str:
        """Where a pool member, or a source address, of that IP address really is."""
        parsed = ipaddress.ip_address(address)
        return str(self._mapped(parsed) or parsed)

    def alias(self, address: str) -> str:
        """The loopback address that stands for an address that this machine does not have."""
        parsed = ipaddress.ip_address(address)
        mapped = self._mapped(parsed)
        if mapped is not None:
            return str(mapped)
        if parsed.is_loopback:
            return str(parsed)
        digest = hashlib.blake2s(parsed.packed, digest_size=4).digest()
        host = int.from_bytes(digest, "big") % (ALIASES.num_addresses - 2) + 1
        return str(ALIASES.network_address + host)

    def bind(self, address: str, port: int, kind: socket.SocketKind, taken: Container[tuple[str, int]] = ()) -> Bound:
        """Binds a destination, at the first of its possible places that is free and not among those `taken`.

        Raises:
            OSError: not even a port of its loopback address could be had.
        """
        failure: OSError | None = None
        for host, at_port in self._places(address, port):
            if (host, at_port) in taken:
                continue
            try:
                sock = open_socket(host, at_port, kind, self._shared)
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                failure = error
                continue
            real_port = sock.getsockname()[1]
            return Bound(sock, host, real_port, self._reason(address, port, host, real_port))
        raise failure or OSError(errno.EADDRNOTAVAIL, f"no place for {address}:{port}")

    def _places(self, address: str, port: int) -> Iterator[tuple[str, int]]:
        parsed = ipaddress.ip_address(address)
        alias = self.alias(address)
        if not parsed.is_unspecified and self._mapped(parsed) is None:
            yield address, port
        yield alias, port
        if port + UNPRIVILEGED_SHIFT < 65536:
            yield alias, port + UNPRIVILEGED_SHIFT
        yield alias, 0
        yield "127.0.0.1", 0

    def _reason(self, address: str, port: int, host: str, real_port: int) -> str:
        if (address, port) == (host, real_port):
            return ""
        if self._mapped(ipaddress.ip_address(address)) is None:
            where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
            return f"{where} is not an address that can be bound here"
        return "--map places it there" if port == real_port else f"--map places it there; port {port} is not free"

    def _mapped(self, address: Address) -> Address | None:
        for mapping in self._mappings:
            redirected = mapping.redirect(address)
            if redirected is not None:
                return redirected
        return None


def open_socket(host: str, port: int, kind: socket.SocketKind, shared: bool = False) -> socket.socket:
    """A bound, non-blocking socket of that kind; other processes may bind a `shared` one as well.

    Raises:
        OSError: the address is not of this machine, or in use, or not permitted.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind((host, port))
        if kind == socket.SOCK_STREAM:
            sock.listen(1024)
    except OSError:
        sock.close()
        raise
    return sock
