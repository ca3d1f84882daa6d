"""Decides how the data plane reads the profiles that bear on HTTP, and what it says of what it does not follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bigipsim.dataplane.profiles import seconds
from bigipsim.objects.model import Item

Values = Mapping[str, Any]

NOT_FOLLOWED: Final[Mapping[str, Any]] = {
    "encryptCookies": [],
    "responseHeadersPermitted": [],
    "proxyType": "reverse",
    "basicAuthRealm": "none",
    "acceptXff": "disabled",
}
REUSE_NOT_FOLLOWED: Final[Mapping[str, Any]] = {
    "limitType": "none",
    "maxAge": 86400,
    "maxReuse": 1000,
    "maxSize": 10000,
    "sharePools": "disabled",
}
"""Properties that the data plane does not follow, and the value with which that makes no difference."""


@dataclass(frozen=True, slots=True)
class HttpProfile:
    """One http profile, as far as the data plane follows it; "" and empty sets mean that nothing is done.

    header_insert is a name and a text with commands to fill in (see `policy_text`); hsts is the value of
    Strict-Transport-Security; via holds, for requests and for answers, "preserve", "remove" or "append". methods are
    those that are let in, when others are not.
    """

    forwarded_for: bool = False
    header_insert: tuple[str, str] = ("", "")
    header_erase: str = ""
    server_agent: str = "BigIP"
    hsts: str = ""
    redirect_rewrite: str = "none"
    fallback_host: str = ""
    fallback_statuses: tuple[tuple[int, int], ...] = ()
    via: tuple[str, str] = ("preserve", "preserve")
    via_host: str = ""
    max_headers: int = 64
    max_head_bytes: int = 32768
    methods: frozenset[str] = frozenset()


def http_profile(values: Values) -> HttpProfile:
    """The profile by the values of its item."""
    enforcement = values.get("enforcement") or {}
    name, _, value = _word(values, "headerInsert").partition(":")
    strict = enforcement.get("unknownMethod") == "reject"
    return HttpProfile(
        forwarded_for=values.get("insertXforwardedFor") == "enabled",
        header_insert=(name.strip(), value.strip()),
        header_erase=_word(values, "headerErase"),
        server_agent=_word(values, "serverAgentName"),
        hsts=_strict_transport(values.get("hsts") or {}),
        redirect_rewrite=str(values.get("redirectRewrite", "none")),
        fallback_host=_word(values, "fallbackHost"),
        fallback_statuses=tuple(_ranges(values.get("fallbackStatusCodes") or ())),
        via=(str(values.get("viaRequest", "preserve")), str(values.get("viaResponse", "preserve"))),
        via_host=_word(values, "viaHostName"),
        max_headers=_limit(enforcement, "excessClientHeaders", "maxHeaderCount"),
        max_head_bytes=_limit(enforcement, "oversizeClientHeaders", "maxHeaderSize"),
        methods=frozenset(enforcement.get("knownMethods") or ()) if strict else frozenset(),
    )


def notes(profiles: Mapping[str, Item]) -> Iterator[str]:
    """Words on what the profiles of a virtual server, by their kinds, ask for and do not get."""
    for kind, unfollowed in (("http", NOT_FOLLOWED), ("one-connect", REUSE_NOT_FOLLOWED)):
        item = profiles.get(kind)
        for name, harmless in unfollowed.items() if item is not None else ():
            if item is not None and item.values.get(name, harmless) not in (harmless, None):
                yield f"{name} of {kind} profile {item.full_path} is not evaluated"


def _word(values: Values, name: str) -> str:
    text = values.get(name)
    return "" if text in (None, "none") else str(text)


def _strict_transport(values: Values) -> str:
    if values.get("mode") != "enabled":
        return ""
    parts = [f"max-age={values.get('maximumAge', 16070400)}"]
    parts += ["includeSubDomains"] if values.get("includeSubdomains") == "enabled" else []
    parts += ["preload"] if values.get("preload") == "enabled" else []
    return "; ".join(parts)


def _ranges(texts: Any) -> Iterator[tuple[int, int]]:
    """Status codes as they are listed: "500" or "502-504"."""
    for text in texts:
        first, _, last = str(text).partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            yield int(first), int(last or first)


def _limit(enforcement: Values, what: str, name: str) -> int:
    """A limit of the enforcement settings; 0, none, where what exceeds it is let through."""
    value = enforcement.get(name, 0)
    return value if enforcement.get(what) == "reject" and isinstance(value, int) else 0


@dataclass(frozen=True, slots=True)
class OneConnect:
    """How connections to members are kept: how long without use (None: as the system likes), and for which clients
    together (a netmask; "0.0.0.0" for all)."""

    idle_s: float | None = None
    mask: str = "0.0.0.0"


def one_connect(values: Values) -> OneConnect:
    """The one-connect profile by the values of its item."""
    mask = str(values.get("sourceMask", "any"))
    idle_s = values.get("idleTimeoutOverride", "disabled")
    return OneConnect(seconds(idle_s, None), "0.0.0.0" if mask in ("any", "any6", "none") else mask)
