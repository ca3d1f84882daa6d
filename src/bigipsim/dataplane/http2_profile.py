"""Decides how the data plane reads the http2 profile of a virtual server, and what it says of what it does not follow.

Source of the fields and their units: iControl REST, ltm profile http2, and the AS3 schema's HTTP2_Profile.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from bigipsim.dataplane.tls_spec import ClientSsl
from bigipsim.objects.http2 import COLLECTION
from bigipsim.objects.model import Item
from bigipsim.tree import Tree

H2: Final = "h2"
HTTP1: Final = "http/1.1"
ROUTER: Final = "ltm/profile/httprouter"


@dataclass(frozen=True, slots=True)
class Http2:
    """One http2 profile.

    always: every client speaks HTTP/2, whatever was agreed on in its handshake; else those that ask for it there.
    streams is how many requests a connection may have at a time, idle_s how long it may have none. frame_bytes is the
    size of DATA frames, write_bytes of what is sent together, window_bytes what of a body a client may send ahead.
    marker is the name of a header that tells members of HTTP/2, "" for none.
    """

    always: bool = False
    streams: int = 10
    idle_s: float = 300.0
    enforces_tls: bool = True
    frame_bytes: int = 2048
    header_table_bytes: int = 4096
    tells_length: bool = False
    marker: str = ""
    window_bytes: int = 32768
    write_bytes: int = 16384


class Attached(NamedTuple):
    """The http2 profile for the clients of a virtual server, None without one, and words on what is not followed."""

    profile: Http2 | None
    notes: tuple[str, ...]


def attached(tree: Tree, virtual: Item) -> Attached:
    """What the http2 profiles of a virtual server mean."""
    found, notes = None, []
    bound = virtual.children.get("profiles", {})
    routed = any(tree.get(ROUTER, path) is not None for path in bound)
    for path, binding in bound.items():
        item = tree.get(COLLECTION, path)
        if item is None:
            continue
        side = binding.values.get("context")
        if side != "serverside":
            found = _profile(item)
        if side == "serverside" or (routed and side == "all"):
            notes.append(f"{path}: HTTP/2 with members is not implemented: they are spoken to in HTTP/1.1")
    return Attached(found, tuple(notes))


def offering(http2: Http2 | None, clients: Iterable[ClientSsl]) -> tuple[ClientSsl, ...]:
    """TLS profiles that offer their clients the protocols that the http2 profile wants."""
    if http2 is None:
        return tuple(clients)
    offered = (H2,) if http2.always else (H2, HTTP1)
    return tuple(replace(one, alpn=offered) for one in clients)


def adequate(version: str, cipher: str) -> bool:
    """Whether HTTP/2 may be spoken over a TLS connection: with keys that last no longer than it, and an AEAD cipher.

    Source: RFC 9113, 9.2 and appendix A.
    """
    if version == "TLSv1.3":
        return True
    ephemeral = cipher.startswith(("ECDHE-", "DHE-"))
    return version == "TLSv1.2" and ephemeral and any(one in cipher for one in ("GCM", "CCM", "CHACHA20"))


def _profile(item: Item) -> Http2:
    values = item.values
    return Http2(
        always="always" in (values.get("activationModes") or ()),
        streams=int(values.get("concurrentStreamsPerConnection", 10)),
        idle_s=float(values.get("connectionIdleTimeout", 300)),
        enforces_tls=values.get("enforceTlsRequirements") != "disabled",
        frame_bytes=int(values.get("frameSize", 2048)),
        header_table_bytes=int(values.get("headerTableSize", 4096)),
        tells_length=values.get("includeContentLength") == "enabled",
        marker=str(values.get("insertHeaderName", "X-HTTP2")) if values.get("insertHeader") == "enabled" else "",
        window_bytes=int(values.get("receiveWindow", 32)) * 1024,
        write_bytes=int(values.get("writeSize", 16384)),
    )
