"""How the device writes addresses: route domains after "%", ports after ":" or, for IPv6, after "."."""

from __future__ import annotations

import functools
import ipaddress
from typing import NamedTuple

from bigipsim.rest import errors

SERVICES = {
    "any": 0, "*": 0, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "dns": 53, "tftp": 69, "http": 80,
    "pop3": 110, "ntp": 123, "imap": 143, "snmp": 161, "ldap": 389, "https": 443, "smtps": 465, "syslog": 514,
    "ldaps": 636, "imaps": 993, "pop3s": 995, "sip": 5060, "sips": 5061, "radius": 1812, "mysql": 3306,
    "postgresql": 5432, "redis": 6379, "webcache": 8080, "http-alt": 8080, "pcsync-https": 8443, "webm-https": 5986,
}  # fmt: skip
"""Ports by the names that people write; the full list of the device is its /etc/services."""

ANY = {"any": "0.0.0.0", "any4": "0.0.0.0", "*": "0.0.0.0", "any6": "::"}


class Address(NamedTuple):
    """An IP address in a route domain; `rd` is None where none was written."""

    ip: ipaddress.IPv4Address | ipaddress.IPv6Address
    rd: int | None

    @property
    def text(self) -> str:
        """As the device shows it: no route domain 0."""
        return f"{self.ip}%{self.rd}" if self.rd else str(self.ip)

    @property
    def wildcard(self) -> bool:
        """Whether it stands for every address."""
        return int(self.ip) == 0


@functools.lru_cache(maxsize=4096)
def find_address(text: str) -> Address | None:
    """Parses "10.0.0.1", "2001:db8::1%2" or "any6"; None when it is no address."""
    host, percent, domain = text.partition("%")
    if percent and not domain.isdecimal():
        return None
    try:
        ip = ipaddress.ip_address(ANY.get(host, host))
    except ValueError:
        return None
    return Address(ip, int(domain) if percent else None)


def address(text: str) -> Address:
    """Parses an address.

    Raises:
        Refused: it is none (400).
    """
    found = find_address(text)
    if found is None:
        raise errors.invalid_address(text)
    return found


def port(text: str) -> int:
    """A port from 0 to 65535, from digits or the name of a service; 0 is any.

    Raises:
        Refused: it is neither (400).
    """
    known = SERVICES.get(text.lower())
    if known is not None:
        return known
    if not text.isdecimal() or int(text) > 65535:
        raise errors.unknown_service(text)
    return int(text)


class HostPort(NamedTuple):
    """The last part of a destination or the name of a member: a host (address or name) and a port."""

    host: str
    port: int

    @property
    def text(self) -> str:
        """With "." before the port after an IPv6 address, ":" otherwise."""
        found = find_address(self.host)
        separator = "." if found is not None and found.ip.version == 6 else ":"
        return f"{self.host}{separator}{self.port}"


@functools.lru_cache(maxsize=4096)
def host_port(text: str) -> HostPort:
    """Splits "10.0.0.1%2:80", "2001:db8::1.80" or "web:http"; without a port it is 0, any.

    Raises:
        Refused: the port is neither a number nor a service (400).
    """
    if text.count(":") > 1:
        if find_address(text) is not None and "." not in text:
            return HostPort(_canonical(text), 0)
        host, dot, service = text.rpartition(".")
        if not dot:
            raise errors.invalid_address(text)
        return HostPort(_canonical(host), port(service))
    if text.startswith("any6."):
        return HostPort("::", port(text.removeprefix("any6.")))
    host, colon, service = text.rpartition(":")
    if not colon:
        return HostPort(_canonical(text), 0)
    return HostPort(_canonical(host), port(service))


def _canonical(host: str) -> str:
    found = find_address(host)
    if found is None:
        return host
    # A route domain that was written stays, even "%0": names keep what was given.
    return str(found.ip) if found.rd is None else f"{found.ip}%{found.rd}"
