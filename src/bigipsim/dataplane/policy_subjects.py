"""Decides what the operands of policy conditions find in traffic: one row for each operand with its selector.

A function answers what it finds as texts; nothing is what is missing. Source: tmsh reference, ltm policy.
"""

from __future__ import annotations

import base64
import binascii
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from bigipsim.dataplane.traffic import Request, Traffic


@dataclass(frozen=True, slots=True)
class Where:
    """What further says where to look: a name (of a header), a number (of a path segment, from 1), the client's side
    (remote) or the device's, and whether a path is taken as it would be after decoding and "..", as one."""

    name: str = ""
    index: int = 0
    remote: bool = True
    normalized: bool = False


Find = Callable[[Traffic, Where], Sequence[str]]
_Look = Callable[[Request, Traffic, Where], Sequence[str]]


def _in_request(look: _Look) -> Find:
    def find(traffic: Traffic, where: Where) -> Sequence[str]:
        return look(traffic.request, traffic, where) if traffic.request is not None else ()

    return find


def _some(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def bare_host(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _port(host: str, traffic: Traffic) -> str:
    written = host.rpartition("]")[2].rpartition(":")[2] if ":" in host.rpartition("]")[2] else ""
    return written or str(traffic.connection.local.port)


def _scheme(traffic: Traffic) -> str:
    return "http" if traffic.connection.tls is None else "https"


def _path(uri: str, where: Where) -> str:
    path = uri.partition("?")[0]
    if not where.normalized:
        return path
    end = "/" if path.endswith("/") and path != "/" else ""
    return posixpath.normpath("/" + unquote(path).lstrip("/")) + end


def _segment(uri: str, where: Where) -> tuple[str, ...]:
    segments = _path(uri, where).lstrip("/").split("/")
    return _some(segments[where.index - 1]) if 0 < where.index <= len(segments) else ()


def _extension(uri: str, where: Where) -> tuple[str, ...]:
    name = _path(uri, where).rpartition("/")[2]
    return _some(name.rpartition(".")[2]) if "." in name else ()


def _parameters(uri: str) -> list[tuple[str, str, str]]:
    """The parameters of a query: name, "=" or "", value."""
    return [one.partition("=") for one in uri.partition("?")[2].split("&") if one]


def _parameter(uri: str, where: Where) -> tuple[str, ...]:
    return tuple(value for name, _, value in _parameters(uri) if name == where.name)


def _unnamed(uri: str, where: Where) -> tuple[str, ...]:
    unnamed = [name for name, separator, _ in _parameters(uri) if not separator]
    return (unnamed[where.index - 1],) if 0 < where.index <= len(unnamed) else ()


_OF_URI: Final[Mapping[str, Callable[[str, Where], Sequence[str]]]] = {
    "all": lambda uri, _: (uri,),
    "path": lambda uri, where: (_path(uri, where),),
    "pathSegment": _segment,
    "extension": _extension,
    "queryString": lambda uri, _: _some(uri.partition("?")[2]),
    "queryParameter": _parameter,
    "unnamedQueryParameter": _unnamed,
}


def _uri(selector: str) -> Find:
    return _in_request(lambda request, _, where: _OF_URI[selector](request.uri, where))


def _referer(selector: str) -> Find:
    def look(request: Request, traffic: Traffic, where: Where) -> Sequence[str]:
        written = request.headers.get("Referer")
        if written is None:
            return ()
        try:
            parts = urlsplit(written)
        except ValueError:
            return ()
        if selector == "scheme":
            return _some(parts.scheme)
        if selector in ("host", "port"):
            return _some(bare_host(parts.netloc) if selector == "host" else parts.netloc.rpartition(":")[2])
        if selector == "all":
            return (written,)
        return _OF_URI[selector](parts.path + ("?" + parts.query if parts.query else ""), where)

    return _in_request(look)


def _headers(request: Request, traffic: Traffic, where: Where) -> Sequence[str]:
    return request.headers.getall(where.name, [])


def _cookies(request: Request, traffic: Traffic, where: Where) -> Sequence[str]:
    return [value for name, value in request.cookies if name == where.name]


def _basic(part: int) -> Find:
    """The user's name (0) or password (1) of HTTP basic authentication."""

    def look(request: Request, traffic: Traffic, where: Where) -> Sequence[str]:
        scheme, _, sealed = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return ()
        try:
            user, _, password = base64.b64decode(sealed, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ()
        return ((user, password)[part],)

    return _in_request(look)


def _status(traffic: Traffic, where: Where) -> Sequence[str]:
    return (str(traffic.response.status),) if traffic.response is not None else ()


def _reason(traffic: Traffic, where: Where) -> Sequence[str]:
    return _some(traffic.response.reason) if traffic.response is not None else ()


def _set_cookies(traffic: Traffic, where: Where) -> Sequence[str]:
    lines = traffic.response.headers.getall("Set-Cookie", []) if traffic.response is not None else []
    pairs = (line.partition(";")[0].partition("=") for line in lines)
    return [value for name, _, value in pairs if name.strip() == where.name]


def _address(traffic: Traffic, where: Where) -> Sequence[str]:
    return ((traffic.connection.client if where.remote else traffic.connection.local).host,)


def _tcp_port(traffic: Traffic, where: Where) -> Sequence[str]:
    return (str((traffic.connection.client if where.remote else traffic.connection.local).port),)


def _tls(attribute: str) -> Find:
    def find(traffic: Traffic, where: Where) -> Sequence[str]:
        tls = traffic.connection.tls
        return _some(str(getattr(tls, attribute))) if tls is not None else ()

    return find


def _user_agent(request: Request, traffic: Traffic, where: Where) -> Sequence[str]:
    return request.headers.getall("User-Agent", [])


SUBJECTS: Final[Mapping[tuple[str, str], Find]] = {
    ("httpHost", "all"): _in_request(lambda request, _, __: _some(request.host)),
    ("httpHost", "host"): _in_request(lambda request, _, __: _some(bare_host(request.host))),
    ("httpHost", "port"): _in_request(lambda request, traffic, __: _some(_port(request.host, traffic))),
    ("httpUri", "scheme"): _in_request(lambda _, traffic, __: (_scheme(traffic),)),
    ("httpUri", "host"): _in_request(lambda request, _, __: _some(bare_host(request.host))),
    ("httpUri", "port"): _in_request(lambda request, traffic, __: _some(_port(request.host, traffic))),
    **{("httpUri", selector): _uri(selector) for selector in _OF_URI},
    **{("httpReferer", selector): _referer(selector) for selector in (*_OF_URI, "scheme", "host", "port")},
    ("httpHeader", "all"): _in_request(_headers),
    ("httpCookie", "all"): _in_request(_cookies),
    ("httpMethod", "all"): _in_request(lambda request, _, __: (request.method,)),
    ("httpVersion", "all"): _in_request(lambda request, _, __: (request.version,)),
    ("httpVersion", "major"): _in_request(lambda request, _, __: (request.version.partition(".")[0],)),
    ("httpVersion", "minor"): _in_request(lambda request, _, __: (request.version.partition(".")[2],)),
    ("httpVersion", "protocol"): _in_request(lambda request, _, __: ("HTTP",)),
    ("httpUserAgent", "all"): _in_request(_user_agent),
    ("httpBasicAuth", "username"): _basic(0),
    ("httpBasicAuth", "password"): _basic(1),
    ("httpStatus", "all"): _status,
    ("httpStatus", "code"): _status,
    ("httpStatus", "text"): _reason,
    ("httpSetCookie", "all"): _set_cookies,
    ("httpSetCookie", "value"): _set_cookies,
    ("tcp", "address"): _address,
    ("tcp", "port"): _tcp_port,
    ("sslExtension", "serverName"): _tls("server_name"),
    ("sslExtension", "alpn"): _tls("alpn"),
    ("clientSsl", "cipher"): _tls("cipher"),
    ("clientSsl", "cipherBits"): _tls("cipher_bits"),
    ("clientSsl", "protocol"): _tls("version"),
}
"""By operand and selector. What is part of the grammar and not of this table is not evaluated."""
