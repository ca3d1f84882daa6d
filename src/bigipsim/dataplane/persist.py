"""Decides how a returning client is recognised: the cookie that the device inserts, and the source table.

Cookie format (method insert): the member's IPv4 address as a little-endian integer, its port with the bytes
swapped, and 0000, joined by dots; IPv6 and route domains have forms of their own. Source: F5 K6917.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from bigipsim.clock import Clock

SWEEP_EVERY: Final = 1024
_V4 = re.compile(r"(\d{1,10})\.(\d{1,5})\.0000")
_V6 = re.compile(r"vi([0-9a-f]{32})\.(\d{1,5})")
_IN_DOMAIN = re.compile(r"rd(\d+)o([0-9a-f]{32})o(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member listens, as a cookie names it."""

    address: str
    port: int
    route_domain: int = 0


@dataclass(frozen=True, slots=True)
class Persistence:
    """One persistence profile, as far as the data plane follows it.

    timeout_s is None for "indefinite"; mask is a netmask or a number of bits, "" for the whole address; key is what
    a universal one goes by.
    """

    path: str
    kind: Literal["cookie", "source-addr", "dest-addr", "universal"]
    cookie_name: str = ""
    cookie_method: Literal["insert", "passive"] = "insert"
    cookie_lifetime_s: int = 0
    http_only: bool = True
    secure: bool = True
    always_send: bool = False
    timeout_s: float | None = 180.0
    mask: str = ""
    across_virtuals: bool = False
    across_pools: bool = False
    override_limit: bool = False
    key: str = ""


def _swapped(port: int) -> int:
    return int.from_bytes(port.to_bytes(2, "big"), "little")


def encode(place: Place) -> str:
    """The cookie value that stands for a member.

    Example: 10.1.1.100 port 8080 is "1677787402.36895.0000".
    """
    address = ipaddress.ip_address(place.address)
    if place.route_domain:
        packed = address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed
        return f"rd{place.route_domain}o{packed.hex()}o{place.port}"
    if address.version == 6:
        return f"vi{address.packed.hex()}.{_swapped(place.port)}"
    return f"{int.from_bytes(address.packed, 'little')}.{_swapped(place.port)}.0000"


def decode(value: str) -> Place | None:
    """The member that a cookie value stands for, or None when it is not of the device's making."""
    if (match := _V4.fullmatch(value)) and int(match[1]) < 2**32 and int(match[2]) < 65536:
        packed = int(match[1]).to_bytes(4, "little")
        return Place(str(ipaddress.IPv4Address(packed)), _swapped(int(match[2])))
    if (match := _V6.fullmatch(value)) and int(match[2]) < 65536:
        return Place(str(ipaddress.IPv6Address(bytes.fromhex(match[1]))), _swapped(int(match[2])))
    if (match := _IN_DOMAIN.fullmatch(value)) and int(match[3]) < 65536:
        address = ipaddress.IPv6Address(bytes.fromhex(match[2]))
        return Place(str(address.ipv4_mapped or address), int(match[3]), int(match[1]))
    return None


def cookie_name(persistence: Persistence, pool: str) -> str:
    """The cookie's name: that of the profile, else BIGipServer and the pool ("~k8s~web" outside Common)."""
    if persistence.cookie_name:
        return persistence.cookie_name
    return "BIGipServer" + pool.removeprefix("/Common/").replace("/", "~")


def cookie_in(headers: Iterable[str], name: str) -> str | None:
    """The value of one cookie in the Cookie headers of a request, or None."""
    for header in headers:
        for pair in header.split(";"):
            key, separator, value = pair.strip().partition("=")
            if separator and key == name:
                return value.strip('"')
    return None


def set_cookie(
    persistence: Persistence,
    pool: str,
    place: Place,
    now_s: float,
    when: Callable[[float], str],
    encrypted: bool = False,
) -> str:
    """The Set-Cookie header that binds a client to a member; `when` writes an HTTP date.

    The Secure attribute is there only for clients that come by TLS (`encrypted`): from any other a browser would never
    send such a cookie back.
    """
    parts = [f"{cookie_name(persistence, pool)}={encode(place)}"]
    if persistence.cookie_lifetime_s:
        parts.append(f"expires={when(now_s + persistence.cookie_lifetime_s)}")
    parts.append("path=/")
    if persistence.http_only:
        parts.append("Httponly")
    if persistence.secure and encrypted:
        parts.append("Secure")
    return "; ".join(parts)


def network_of(address: str, mask: str) -> str:
    """The part of an address that a persistence mask keeps ("255.255.255.0" or a number of bits)."""
    if mask in ("", "none"):
        return address
    try:
        return str(ipaddress.ip_network(f"{address}/{mask}", strict=False))
    except ValueError:
        return address


class Records:
    """The persistence table: which member a client was last sent to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, ...], tuple[str, float | None]] = {}
        self._stores = 0

    def member(self, key: tuple[str, ...]) -> str | None:
        """The member on record, unless the record is older than its timeout."""
        found = self._kept.get(key)
        if found is None:
            return None
        member, until_s = found
        if until_s is not None and self._clock.now() >= until_s:
            del self._kept[key]
            return None
        return member

    def store(self, key: tuple[str, ...], member: str, timeout_s: float | None) -> None:
        """Puts a client on record, or renews the record; None keeps it for good."""
        now_s = self._clock.now()
        self._kept[key] = (member, None if timeout_s is None else now_s + timeout_s)
        self._stores += 1
        if self._stores % SWEEP_EVERY == 0:
            kept = self._kept.items()
            self._kept = {k: v for k, v in kept if v[1] is None or v[1] > now_s}

    def clear(self) -> None:
        """Forgets every client."""
        self._kept.clear()


def record_key(persistence: Persistence, virtual: str, pool: str, client: str, destination: str) -> tuple[str, ...]:
    """What a record is filed under: the client, the destination or a key, in one virtual server and pool or across."""
    subject = {"source-addr": client, "universal": persistence.key}.get(persistence.kind, destination)
    return (
        persistence.kind,
        "*" if persistence.across_virtuals else virtual,
        "*" if persistence.across_pools else pool,
        network_of(subject, persistence.mask),
    )
