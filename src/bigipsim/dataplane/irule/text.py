"""Decides what the commands do that turn one text into another: fields, URIs, addresses, digests."""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import zlib
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

from bigipsim.dataplane.irule.session import Failed, Function, Functions, Result, Session, number, octets, text_of

_URI_SAFE: Final = "-._~"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _getfield(session: Session, words: Sequence[str]) -> Result:
    text, separator, place = words
    fields = text.split(separator) if separator else list(text)
    index = number(place) - 1
    return fields[index] if 0 <= index < len(fields) else ""


def _findstr(session: Session, words: Sequence[str]) -> Result:
    text, needle = words[0], words[1]
    start = text.find(needle)
    if start < 0:
        return ""
    start += number(words[2]) if len(words) > 2 else 0
    return _up_to(text[start:], words[3] if len(words) > 3 else "")


def _up_to(text: str, end: str) -> str:
    """The text before a character, or so many characters of it when the end is a number."""
    if end.isdecimal():
        return text[: int(end)]
    return text.partition(end)[0] if end else text


def _substr(session: Session, words: Sequence[str]) -> Result:
    return _up_to(words[0][max(number(words[1]), 0) :], words[2] if len(words) > 2 else "")


def _domain(session: Session, words: Sequence[str]) -> Result:
    count = number(words[1])
    return ".".join(words[0].split(".")[-count:]) if count > 0 else ""


def _decode(session: Session, words: Sequence[str]) -> Result:
    return text_of(unquote_to_bytes(octets(words[0])))


def _encode(session: Session, words: Sequence[str]) -> Result:
    return quote(octets(words[0]), safe=_URI_SAFE)


def _split(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError:
        raise Failed(f'invalid URI "{uri}"') from None


def _uri_path(session: Session, words: Sequence[str]) -> Result:
    """The directories of a path, or those from one depth to another."""
    path = _split(words[0]).path
    directory = path[: path.rfind("/") + 1]
    if len(words) == 1:
        return directory
    parts = [part for part in directory.split("/") if part]
    if words[1] == "depth":
        return len(parts)
    first = number(words[1])
    last = number(words[2]) if len(words) > 2 else len(parts)
    chosen = parts[first - 1 : last]
    return "/" + "".join(f"{part}/" for part in chosen)


def _uri_query(session: Session, words: Sequence[str]) -> Result:
    query = words[0].partition("?")[2]
    if len(words) == 1:
        return query
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name == words[1]:
            return value
    return ""


def _uri_basename(session: Session, words: Sequence[str]) -> Result:
    return _split(words[0]).path.rpartition("/")[2]


def _uri_host(session: Session, words: Sequence[str]) -> Result:
    return _split(words[0]).hostname or ""


def _uri_port(session: Session, words: Sequence[str]) -> Result:
    parts = _split(words[0])
    try:
        return parts.port or {"https": 443, "ftp": 21}.get(parts.scheme, 80)
    except ValueError:
        return 80


def _uri_protocol(session: Session, words: Sequence[str]) -> Result:
    return _split(words[0]).scheme


def _network(text: str) -> Network:
    host, slash, mask = text.partition("/")
    try:
        return ipaddress.ip_network(host.partition("%")[0] + slash + mask, strict=False)
    except ValueError:
        raise Failed(f'bad IP address format in "{text}"') from None


def _ip_addr(session: Session, words: Sequence[str]) -> Result:
    """`IP::addr A equals B/mask` compares; `IP::addr A mask M` answers the network's address."""
    if len(words) == 3 and words[1] == "mask":
        return str(_network(f"{words[0]}/{words[2]}").network_address)
    if len(words) == 3 and words[1] == "equals":
        left, right = _network(words[0]), _network(words[2])
        prefix = min(left.prefixlen, right.prefixlen)
        same = left.version == right.version and left.supernet(new_prefix=prefix) == right.supernet(new_prefix=prefix)
        return int(same)
    raise Failed("bigipsim does not implement this form of IP::addr")


def _b64encode(session: Session, words: Sequence[str]) -> Result:
    return base64.b64encode(octets(words[0])).decode("ascii")


def _b64decode(session: Session, words: Sequence[str]) -> Result:
    try:
        return text_of(base64.b64decode(octets(words[0]), validate=True))
    except binascii.Error:
        raise Failed("b64decode: invalid base64 text") from None


def _crc32(session: Session, words: Sequence[str]) -> Result:
    return zlib.crc32(octets(words[0]))


def _digest(name: str) -> Function:
    def digest(session: Session, words: Sequence[str]) -> Result:
        return text_of(hashlib.new(name, octets(words[0]), usedforsecurity=False).digest())

    return digest


FUNCTIONS: Final[Functions] = {
    "getfield": _getfield,
    "findstr": _findstr,
    "substr": _substr,
    "domain": _domain,
    "URI::decode": _decode,
    "decode_uri": _decode,
    "URI::encode": _encode,
    "URI::path": _uri_path,
    "URI::query": _uri_query,
    "URI::basename": _uri_basename,
    "URI::host": _uri_host,
    "URI::port": _uri_port,
    "URI::protocol": _uri_protocol,
    "IP::addr": _ip_addr,
    "b64encode": _b64encode,
    "b64decode": _b64decode,
    "crc32": _crc32,
    **{name: _digest(name) for name in ("md5", "sha1", "sha256", "sha384", "sha512")},
}
