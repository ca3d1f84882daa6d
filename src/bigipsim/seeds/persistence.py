"""The persistence profiles of a fresh device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bigipsim.seeds.release import Release

_SHARED: dict[str, Any] = {
    "appService": "none",
    "defaultsFrom": "none",
    "description": "none",
    "matchAcrossPools": "disabled",
    "matchAcrossServices": "disabled",
    "matchAcrossVirtuals": "disabled",
    "mirror": "disabled",
    "overrideConnectionLimit": "disabled",
    "timeout": "180",
}

# Type of the profile, name of the built-in one, and what it has beyond the shared properties.
_PROFILES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "cookie",
        "cookie",
        {
            "alwaysSend": "disabled",
            "cookieEncryption": "disabled",
            "cookieName": "none",
            "encryptCookiePoolname": "disabled",
            "expiration": "0",
            "hashLength": 0,
            "hashOffset": 0,
            "httponly": "enabled",
            "method": "insert",
            "secure": "enabled",
        },
    ),
    (
        "source-addr",
        "source_addr",
        {
            "hashAlgorithm": "default",
            "mapProxies": "enabled",
            "mapProxyAddress": "none",
            "mapProxyClass": "none",
            "mask": "none",
        },
    ),
    ("dest-addr", "dest_addr", {"hashAlgorithm": "default", "mask": "none"}),
    ("ssl", "ssl", {"timeout": "300"}),
    ("universal", "universal", {"rule": "none"}),
    (
        "hash",
        "hash",
        {
            "hashAlgorithm": "default",
            "hashBufferLimit": 0,
            "hashEndPattern": "none",
            "hashLength": 0,
            "hashOffset": 0,
            "hashStartPattern": "none",
            "rule": "none",
        },
    ),
    ("sip", "sip_info", {"sipInfo": "Call-ID"}),
    ("msrdp", "msrdp", {"hasSessionDir": "yes", "timeout": "300"}),
)


def persistence(release: Release) -> Iterator[tuple[str, dict[str, Any]]]:
    """One profile for each way to persist."""
    for kind, name, body in _PROFILES:
        yield f"ltm/persistence/{kind}", {"name": name, "partition": "Common", **_SHARED, **body}
