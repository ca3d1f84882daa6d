"""Decides what one probe of a health monitor does on the network, and whether its answer counts as healthy."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bigipsim.dataplane import tls_spec
from bigipsim.dataplane.config import is_address, split_port, whole
from bigipsim.dataplane.connect import Upstream, dial
from bigipsim.dataplane.profiles import seconds
from bigipsim.dataplane.tls_spec import ServerSsl
from bigipsim.tree import Tree

Outcome = Literal["ok", "failed", "refused"]

RECEIVE_LIMIT_BYTES: Final = 5120
UDP_SILENCE_S: Final = 0.5
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {"r": "\r", "n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class MonitorSpec:
    """One monitor. host "" and port 0 mean the member's own; send and recv are as configured, with escapes. tls is
    the server-ssl profile that an https monitor names, if it names one that can be served."""

    path: str
    kind: str
    interval_s: float
    timeout_s: float
    up_interval_s: float
    time_until_up_s: float
    send: str
    recv: str
    reverse: bool
    host: str
    port: int
    tls: ServerSsl | None = None


def monitor_spec(tree: Tree, path: str) -> MonitorSpec | None:
    """The monitor of that full path, of whatever type, or None: no such monitor, or one that never probes."""
    item = tree.find("ltm/monitor", path)
    if item is None:
        return None
    values = item.values
    host, port = split_port(str(values.get("destination", "*:*")))
    return MonitorSpec(
        path=path,
        kind=item.type.collection.rpartition("/")[2],
        interval_s=seconds(values.get("interval"), 5.0) or 5.0,
        timeout_s=seconds(values.get("timeout"), 16.0) or 16.0,
        up_interval_s=float(whole(values.get("upInterval"))),
        time_until_up_s=float(whole(values.get("timeUntilUp"))),
        send=_text(values.get("send")),
        recv=_text(values.get("recv")),
        reverse=values.get("reverse") == "enabled",
        host=host if is_address(host) else "",
        port=port,
        tls=tls_spec.server_profile(tree, str(values.get("sslProfile"))),
    )


def _text(value: Any) -> str:
    return "" if value in (None, "none") else str(value)


def unescaped(text: str) -> str:
    r"""The bytes that a send string stands for: the two characters \ and r are a carriage return, and so on."""
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)


def matches(recv: str, answer: bytes) -> bool:
    """Whether an answer holds what a receive string asks for: a regular expression, without regard to case."""
    text = answer.decode("latin-1")
    try:
        return re.search(recv, text, re.IGNORECASE | re.DOTALL) is not None
    except re.error:
        return unescaped(recv).lower() in text.lower()


def http_request(send: str) -> bytes:
    """The request that an http monitor sends: its send string, ended as HTTP wants it."""
    text = unescaped(send) or "GET /"
    if not text.endswith("\r\n\r\n"):
        text = text.rstrip("\r\n") + "\r\n\r\n"
    return text.encode("latin-1", "replace")


async def probe(spec: MonitorSpec, host: str, port: int, upstream: Upstream | None = None) -> Outcome:
    """Probes one target once; takes up to the monitor's timeout. `upstream` is how an https monitor speaks TLS."""
    action = PROBES.get(spec.kind, _connect)
    try:
        async with asyncio.timeout(spec.timeout_s):
            return await action(spec, host, port, upstream)
    except (ConnectionRefusedError, ConnectionResetError):
        return "refused"
    except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
        return "failed"


async def _connect(spec: MonitorSpec, host: str, port: int, upstream: Upstream | None = None) -> Outcome:
    _, writer = await asyncio.open_connection(host, port)
    writer.transport.abort()
    return "ok"


async def _conversation(spec: MonitorSpec, host: str, port: int, request: bytes, upstream: Upstream | None) -> Outcome:
    reader, writer = await dial(host, port, None, upstream)
    try:
        if request:
            writer.write(request)
        answer = b""
        while len(answer) < RECEIVE_LIMIT_BYTES:
            chunk = await reader.read(RECEIVE_LIMIT_BYTES)
            answer += chunk
            found = bool(answer) if not spec.recv else matches(spec.recv, answer)
            if found:
                return "failed" if spec.reverse and spec.recv else "ok"
            if not chunk:
                break
        return "ok" if spec.reverse and answer else "failed"
    finally:
        writer.transport.abort()


async def _tcp(spec: MonitorSpec, host: str, port: int, upstream: Upstream | None) -> Outcome:
    if not spec.recv:
        return await _connect(spec, host, port)
    return await _conversation(spec, host, port, unescaped(spec.send).encode("latin-1", "replace"), None)


async def _http(spec: MonitorSpec, host: str, port: int, upstream: Upstream | None) -> Outcome:
    return await _conversation(spec, host, port, http_request(spec.send), None)


def _unverified() -> Upstream:
    """How an https monitor speaks that names no profile: with anybody, whatever certificate is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return Upstream(context, "", tls_spec.HANDSHAKE_S)


async def _https(spec: MonitorSpec, host: str, port: int, upstream: Upstream | None) -> Outcome:
    return await _conversation(spec, host, port, http_request(spec.send), upstream or _unverified())


async def _udp(spec: MonitorSpec, host: str, port: int, upstream: Upstream | None) -> Outcome:
    """Sends a datagram: refusal is down, silence is up unless an answer was asked for."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((host, port))
        await loop.sock_sendall(sock, unescaped(spec.send or "default send string").encode("latin-1", "replace"))
        if spec.recv:
            answer = await loop.sock_recv(sock, RECEIVE_LIMIT_BYTES)
            return "ok" if matches(spec.recv, answer) != spec.reverse else "failed"
        try:
            async with asyncio.timeout(UDP_SILENCE_S):
                await loop.sock_recv(sock, RECEIVE_LIMIT_BYTES)
        except TimeoutError:
            return "ok"
        return "ok"


def icmp_socket(host: str) -> socket.socket | None:
    """A socket for echo requests, or None when this process may have none."""
    if ":" in host:
        return None
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            sock = socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)
        except PermissionError:
            continue
        sock.setblocking(False)
        return sock
    return None


def _checksum(packet: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


async def _icmp(spec: MonitorSpec, host: str, port: int, upstream: Upstream | None) -> Outcome:
    """An echo request; without the right to send one, a TCP connection, where a refusal shows life as well."""
    sock = icmp_socket(host)
    if sock is None:
        try:
            return await _connect(spec, host, port or 7)
        except ConnectionRefusedError:
            return "ok"
    loop = asyncio.get_running_loop()
    token = os.urandom(8)
    with sock:
        head = struct.pack("!BBHHH", 8, 0, 0, os.getpid() & 0xFFFF, 1)
        packet = struct.pack("!BBHHH", 8, 0, _checksum(head + token), os.getpid() & 0xFFFF, 1) + token
        await loop.sock_sendto(sock, packet, (host, 0))
        while True:
            answer = await loop.sock_recv(sock, 1500)
            start = 20 if answer[:1] and answer[0] >> 4 == 4 else 0
            if answer[start : start + 1] == b"\0" and token in answer:
                return "ok"


Probe = Callable[[MonitorSpec, str, int, Upstream | None], Awaitable[Outcome]]
PROBES: Final[Mapping[str, Probe]] = {
    "http": _http,
    "https": _https,
    "tcp": _tcp,
    "udp": _udp,
    "icmp": _icmp,
    "gateway-icmp": _icmp,
    "tcp-half-open": _connect,
}


def how(kind: str) -> str:
    """Words on how a monitor type is carried out when that is not as on the device; "" when it is."""
    if kind not in PROBES:
        return f"monitors of type {kind} only open a TCP connection"
    if PROBES[kind] is _icmp:
        sock = icmp_socket("127.0.0.1")
        if sock is None:
            return "echo requests are not permitted to this process: a TCP connection, even a refused one, is up"
        sock.close()
    return ""
