"""Decides what the commands know of the two ends of a connection, of its bytes and of its TLS."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

from bigipsim.dataplane.irule.session import (
    UNSUPPORTED,
    Failed,
    Function,
    Functions,
    Result,
    Session,
    number,
    octets,
    text_of,
    wrong_arguments,
)
from bigipsim.dataplane.traffic import COLLECT_BYTES, Endpoint, HeldBytes, Reset


def _client(session: Session) -> Endpoint:
    return session.traffic.connection.client


def _server(session: Session) -> Endpoint:
    choice = session.traffic.selected
    if choice is None:
        return Endpoint("", 0)
    return Endpoint(choice.member.address, choice.member.port or session.traffic.virtual.port)


def _remote(session: Session) -> Endpoint:
    return _server(session) if session.side == "server" else _client(session)


def _local(session: Session) -> Endpoint:
    """The virtual server; on the server's side, what the connection to the member comes from."""
    if session.side == "client":
        return session.traffic.connection.local
    snat = session.traffic.snat
    return Endpoint(snat.addresses[0] if snat.addresses else _client(session).host, _client(session).port)


_ENDS: Final = {"client": _client, "server": _server, "remote": _remote, "local": _local}


def _address(end: str) -> Function:
    def address(session: Session, words: Sequence[str]) -> Result:
        return _ENDS[_sided(session, end, words)](session).host

    return address


def _port(end: str) -> Function:
    def port(session: Session, words: Sequence[str]) -> Result:
        return _ENDS[_sided(session, end, words)](session).port

    return port


def _sided(session: Session, end: str, words: Sequence[str]) -> str:
    """`IP::remote_addr clientside` means the client, wherever the rule is."""
    if not words:
        return end
    if words[0] not in ("clientside", "serverside") or end not in ("remote", "local"):
        raise wrong_arguments(f"{end}_addr ?clientside|serverside?")
    client_side = words[0] == "clientside"
    if end == "remote":
        return "client" if client_side else "server"
    return "local" if client_side == (session.side == "client") else "remote"


def _version(session: Session, words: Sequence[str]) -> Result:
    return ipaddress.ip_address(_client(session).host.partition("%")[0]).version


def _protocol(session: Session, words: Sequence[str]) -> Result:
    return 17 if session.traffic.virtual.protocol == "udp" else 6


def _setting(value: str) -> Function:
    """A property of packets or buffers that the simulator does not have: settings are taken and have no effect."""

    def setting(session: Session, words: Sequence[str]) -> Result:
        return "" if words else value

    return setting


def _bytes(session: Session, command: str) -> HeldBytes:
    """The bytes that rules may hold back or add.

    Raises:
        Failed: the HTTP parser has them.
    """
    if session.traffic.virtual.http_profile is not None:
        raise Failed(f"bigipsim does not implement {command} on a virtual server with an http profile")
    return session.traffic.connection.stream


def _collect(session: Session, words: Sequence[str]) -> Result:
    if session.side == "server":
        raise Failed("bigipsim does not implement TCP::collect on the server's side")
    stream = _bytes(session, "TCP::collect")
    stream.wanted = number(words[0]) if words else 1
    if stream.wanted > COLLECT_BYTES:
        raise Failed(UNSUPPORTED)
    stream.held = True
    return ""


def _release(session: Session, words: Sequence[str]) -> Result:
    stream = _bytes(session, "TCP::release")
    stream.held = False
    return len(stream.payload)


def _payload(session: Session, words: Sequence[str]) -> Result:
    payload = _bytes(session, "TCP::payload").payload
    if not words:
        return text_of(bytes(payload))
    if words[0] == "length":
        return len(payload)
    if words[0] == "replace":
        if len(words) != 4:
            raise wrong_arguments("TCP::payload replace offset length text")
        first = number(words[1])
        payload[first : first + number(words[2])] = octets(words[3])
        return ""
    first = number(words[0]) if len(words) > 1 else 0
    return text_of(bytes(payload[first : first + number(words[-1])]))


def _respond(session: Session, words: Sequence[str]) -> Result:
    stream = _bytes(session, "TCP::respond")
    target = stream.to_server if session.side == "server" else stream.to_client
    target += octets("".join(words))
    return ""


def _close(session: Session, words: Sequence[str]) -> Result:
    session.traffic.connection.stream.closed = True
    session.traffic.verdict = Reset()
    return ""


def _server_name(session: Session, words: Sequence[str]) -> Result:
    """`SSL::sni name`."""
    tls = session.traffic.connection.tls
    if list(words) not in ([], ["name"]):
        raise Failed(f"bigipsim does not implement SSL::sni {words[0]}")
    return tls.server_name if tls is not None else ""


def _cipher(session: Session, words: Sequence[str]) -> Result:
    tls = session.traffic.connection.tls
    facts = {"name": "none", "version": "none", "bits": "0"}
    if tls is not None:
        facts = {"name": tls.cipher, "version": tls.version, "bits": str(tls.cipher_bits)}
    asked = words[0] if words else "name"
    if asked not in facts:
        raise Failed(f"bigipsim does not implement SSL::cipher {asked}")
    return facts[asked]


def _certificates(session: Session, words: Sequence[str]) -> Result:
    tls = session.traffic.connection.tls
    if list(words) != ["count"]:
        raise Failed("bigipsim does not implement SSL::cert but for its count")
    return int(tls is not None and bool(tls.client_subject))


def _tls_with_members(on: bool) -> Function:
    def switch(session: Session, words: Sequence[str]) -> Result:
        command = f"SSL::{'enable' if on else 'disable'}"
        if list(words) != ["serverside"] or session.traffic.selected is not None:
            raise Failed(f"bigipsim does not implement {command} but for serverside, before a member is chosen")
        session.traffic.server_tls = on
        return ""

    return switch


FUNCTIONS: Final[Functions] = {
    **{f"IP::{end}_addr": _address(end) for end in _ENDS},
    **{f"{end}_addr": _address(end) for end in _ENDS},
    **{f"{protocol}::{end}_port": _port(end) for end in _ENDS for protocol in ("TCP", "UDP")},
    **{f"{end}_port": _port(end) for end in _ENDS},
    "IP::version": _version,
    "IP::protocol": _protocol,
    "IP::ttl": _setting("64"),
    "IP::tos": _setting("0"),
    "IP::idle_timeout": _setting("300"),
    "TCP::idletime": _setting("300"),
    "TCP::nagle": _setting("disable"),
    "TCP::mss": _setting("1460"),
    "TCP::collect": _collect,
    "TCP::release": _release,
    "TCP::payload": _payload,
    "TCP::respond": _respond,
    "TCP::close": _close,
    "SSL::sni": _server_name,
    "SSL::cipher": _cipher,
    "SSL::cert": _certificates,
    "SSL::disable": _tls_with_members(on=False),
    "SSL::enable": _tls_with_members(on=True),
}
