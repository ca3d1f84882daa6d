r"""The monitors of a fresh device. Send and receive strings hold the two characters "\r" at a line's end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bigipsim.seeds.release import Release

_PROBE: dict[str, Any] = {
    "destination": "*:*",
    "interval": 5,
    "manualResume": "disabled",
    "timeUntilUp": 0,
    "timeout": 16,
    "upInterval": 0,
}
_ADAPTIVE: dict[str, Any] = {
    "adaptive": "disabled",
    "adaptiveDivergenceType": "relative",
    "adaptiveDivergenceValue": 25,
    "adaptiveLimit": 200,
    "adaptiveSamplingTimespan": 300,
}
_STREAM: dict[str, Any] = {
    **_PROBE,
    **_ADAPTIVE,
    "ipDscp": 0,
    "reverse": "disabled",
    "transparent": "disabled",
}
_HTTP: dict[str, Any] = {**_STREAM, "send": "GET /\\r\\n"}
_OLD_HTTPS: dict[str, Any] = {"cipherlist": "DEFAULT:+SHA:+3DES:+kEDH", "compatibility": "enabled"}
_HEAD: dict[str, Any] = {"send": "HEAD / HTTP/1.0\\r\\n\\r\\n", "recv": "Server\\:"}
_UDP: dict[str, Any] = {key: value for key, value in _STREAM.items() if key != "ipDscp"} | {
    "debug": "no",
    "send": "default send string",
}
_GATEWAY_ICMP: dict[str, Any] = {**_PROBE, **_ADAPTIVE, "transparent": "disabled"}
_LOGIN: dict[str, Any] = {**_PROBE, "debug": "no"}

# Type of the monitor, name of the base one, and its properties.
_BASES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("http", "http", _HTTP),
    ("https", "https", _HTTP),
    ("tcp", "tcp", _STREAM),
    ("udp", "udp", _UDP),
    ("icmp", "icmp", {**_GATEWAY_ICMP, "destination": "*"}),
    ("gateway-icmp", "gateway_icmp", _GATEWAY_ICMP),
    ("tcp-half-open", "tcp_half_open", {**_PROBE, "transparent": "disabled"}),
    ("tcp-echo", "tcp_echo", {**_GATEWAY_ICMP, "destination": "*"}),
    ("external", "external", _PROBE),
    ("inband", "inband", {"failureInterval": 30, "failures": 3, "responseTime": 10, "retryTime": 300}),
    ("none", "none", {**_PROBE, "destination": "*:6666", "timeUntilUp": 86500}),
    ("ftp", "ftp", {**_LOGIN, "interval": 10, "timeout": 31, "mode": "passive"}),
    ("imap", "imap", {**_LOGIN, "folder": "INBOX"}),
    ("ldap", "ldap", {**_LOGIN, "interval": 10, "timeout": 31, "chaseReferrals": "yes", "security": "none"}),
    ("mysql", "mysql", {**_LOGIN, "interval": 30, "timeout": 91, "count": "0"}),
    ("postgresql", "postgresql", {**_LOGIN, "interval": 30, "timeout": 91, "count": "0"}),
    ("pop3", "pop3", _LOGIN),
    ("radius", "radius", {**_LOGIN, "interval": 10, "timeout": 31}),
    ("smtp", "smtp", _LOGIN),
)

# Type, name, base monitor and what differs from it.
_BUILT_ON: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("http", "http_head_f5", "/Common/http", _HEAD),
    ("https", "https_443", "/Common/https", {"destination": "*:443"}),
    ("https", "https_head_f5", "/Common/https", _HEAD),
)


def monitors(release: Release) -> Iterator[tuple[str, dict[str, Any]]]:
    """The base monitor of each type, and those built on one."""
    for kind, name, body in _BASES:
        older = _OLD_HTTPS if kind == "https" and release < Release(14, 0) else {}
        yield f"ltm/monitor/{kind}", {"name": name, "partition": "Common", **body, **older}
    for kind, name, parent, changes in _BUILT_ON:
        named = {"name": name, "partition": "Common", "defaultsFrom": parent}
        yield f"ltm/monitor/{kind}", {**named, **changes}
    if release >= Release(15, 1):
        yield "ltm/monitor/http2", {"name": "http2", "partition": "Common", **_HTTP}
