"""Addresses as people write them and as BIG-IP does: with a route domain after %, perhaps with a prefix length."""

from __future__ import annotations

import ipaddress
import re

_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}", re.ASCII)
_FORM = re.compile(r"^(?P<host>[^%/]+)(?:%(?P<domain>\d{1,5}))?(?:/(?P<prefix>\d{1,3}))?$")


def bigip_address(text: str, extended: bool = True) -> str | None:
    """The canonical text of an address, with its route domain if one other than 0 is given; None when it is none.

    extended: whether a route domain and a prefix length may stand there; the prefix length is dropped.
    """
    form = _FORM.match(text)
    if form is None:
        return None
    domain, prefix = form["domain"], form["prefix"]
    if not extended and (domain or prefix):
        return None
    try:
        host = ipaddress.ip_address(form["host"])
    except ValueError:
        return None
    if (domain and int(domain) > 65534) or (prefix and int(prefix) > host.max_prefixlen):
        return None
    return f"{host}%{int(domain)}" if domain and int(domain) else str(host)


def plain_address(text: str) -> str | None:
    """The canonical text of an address without route domain and prefix length; None when it is none."""
    # IPv4 has one form only, and there are thousands of endpoints to read.
    return text if _IPV4.fullmatch(text) else bigip_address(text, extended=False)


def destination(address: str, port: int) -> str:
    """An address and a port as BIG-IP writes them: IPv6 has a dot before the port."""
    return f"{address}{'.' if ':' in address else ':'}{port}"
