"""The grammar of policy conditions and actions: which flags go together, and what they need of a virtual server.

Source: iControl REST, ltm policy; tmsh reference, ltm policy. Flags are names on the wire. A flag of a table that the
data plane does not evaluate is still part of the grammar.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final

EVENTS: Final = (
    "request", "response", "clientAccepted", "proxyConnect", "proxyRequest", "proxyResponse", "serverConnected",
    "sslClientHello", "sslServerHello", "sslServerHandshake", "sslClientServerhelloSend", "wsRequest", "wsResponse",
    "classificationDetected",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operand:
    """What a condition looks at. `selectors` choose a part of it; `named` ones need tmName; `needs` is what a virtual
    server with the policy must have ("requires")."""

    selectors: frozenset[str]
    needs: str
    named: bool = False


def _operand(selectors: str, needs: str = "http", named: bool = False) -> Operand:
    return Operand(frozenset(selectors.split()), needs, named)


_URL: Final = "all scheme host port path pathSegment extension queryString queryParameter unnamedQueryParameter"

OPERANDS: Final[Mapping[str, Operand]] = {
    "httpHost": _operand("all host port"),
    "httpUri": _operand(_URL),
    "httpReferer": _operand(_URL),
    "httpHeader": _operand("all", named=True),
    "httpCookie": _operand("all", named=True),
    "httpSetCookie": _operand("all domain expiry path value version", named=True),
    "httpMethod": _operand("all"),
    "httpStatus": _operand("all code text"),
    "httpVersion": _operand("all major minor protocol"),
    "httpUserAgent": _operand("all browserType browserVersion deviceMake deviceModel userAgentToken"),
    "httpBasicAuth": _operand("username password"),
    "tcp": _operand("address port mss rtt vlan vlanId routeDomain", "tcp"),
    "sslExtension": _operand("serverName npn alpn", "ssl-persistence"),
    "sslCert": _operand("commonName", "client-ssl"),
    "clientSsl": _operand("cipher cipherBits protocol", "client-ssl"),
    "geoip": _operand("continent countryCode countryName isp org regionCode regionName", "tcp"),
    "cpuUsage": _operand("last_15secs last_1min last_5mins", ""),
    "websocket": _operand("all", "websocket"),
    "classification": _operand("application category protocol", "classification"),
}

COMPARISONS: Final = frozenset(
    {"equals", "startsWith", "endsWith", "contains", "matches", "less", "lessOrEqual", "greater", "greaterOrEqual"}
)
PAIRS: Final = (
    ("present", "missing"),
    ("external", "internal"),
    ("remote", "local"),
    ("caseInsensitive", "caseSensitive"),
)
"""Flags of which one holds: the first, unless the second is given."""

MODIFIERS: Final = frozenset({"exists", "normalized", "not"})


@dataclass(frozen=True, slots=True)
class Target:
    """What an action does something to: `verbs` are what it does, the first one if none is given; `controls` is what
    the policy then controls."""

    verbs: tuple[str, ...]
    controls: str = ""
    needs: str = ""


_ON_OFF: Final = ("enable", "disable")
_EDIT: Final = ("insert", "remove", "replace")
_PERSIST: Final = (
    "carp", "cookieHash", "cookieInsert", "cookiePassive", "cookieRewrite", "destinationAddress", "disable", "hash",
    "sourceAddress", "sslSessionId", "uie", "universal",
)  # fmt: skip

TARGETS: Final[Mapping[str, Target]] = {
    "forward": Target(("select", "reset"), "forwarding"),
    "shutdown": Target(("connection",), "forwarding"),
    "httpReply": Target(("redirect",), "forwarding", "http"),
    "httpHost": Target(("replace",), "", "http"),
    "httpUri": Target(("replace",), "", "http"),
    "httpHeader": Target(_EDIT, "", "http"),
    "httpReferer": Target(_EDIT, "", "http"),
    "httpCookie": Target(("insert", "remove"), "", "http"),
    "httpSetCookie": Target(("insert", "remove"), "", "http"),
    "tcl": Target(("setVariable",)),
    "persist": Target(_PERSIST, "persistence"),
    "log": Target(("write",)),
    "asm": Target(_ON_OFF, "asm", "http"),
    "avr": Target(_ON_OFF, "avr", "http"),
    "botDefense": Target(_ON_OFF, "bot-defense", "http"),
    "cache": Target(_ON_OFF, "caching", "http"),
    "compress": Target(_ON_OFF, "compression", "http"),
    "decompress": Target(_ON_OFF, "compression", "http"),
    "http": Target(_ON_OFF, "", "http"),
    "l7dos": Target(_ON_OFF, "l7dos", "http"),
    "ltmPolicy": Target(("disable",)),
    "pem": Target(("classify",), "classification"),
    "requestAdapt": Target(_ON_OFF, "request-adaptation", "http"),
    "responseAdapt": Target(_ON_OFF, "response-adaptation", "http"),
    "serverSsl": Target(_ON_OFF, "server-ssl"),
    "tcpNagle": Target(_ON_OFF, "", "tcp"),
    "wam": Target(_ON_OFF, "acceleration", "http"),
}

EVENT_FLAGS: Final = frozenset(EVENTS)
OPERAND_FLAGS: Final = frozenset(OPERANDS)
SELECTORS: Final = frozenset[str]().union(*(operand.selectors for operand in OPERANDS.values()))
TARGET_FLAGS: Final = frozenset(TARGETS)
VERBS: Final = frozenset(verb for target in TARGETS.values() for verb in target.verbs)
"""The flags of each sort; none is of two sorts within conditions, or within actions."""


def flag(values: Mapping[str, object], flags: Set[str], otherwise: str = "") -> str:
    """The flag out of some that is set (one that is not set is not there), or `otherwise`."""
    return next(iter(flags & values.keys()), otherwise)


ARGUMENTS: Final = (
    "application", "category", "clonePool", "content", "defer", "domain", "expiry", "expression", "extension",
    "facility", "fromProfile", "host", "ifile", "internalVirtual", "ipAddress", "key", "location", "member",
    "message", "netmask", "nexthop", "node", "path", "policy", "priority", "profile", "protocol", "queryString",
    "rateclass", "scheme", "snat", "text", "tmName", "value", "vlan",
)  # fmt: skip
"""Words that an action may come with; pools and virtual servers are pointers, and numbers stand for themselves."""

NUMBERS: Final = ("code", "expirySecs", "length", "offset", "port", "status", "timeout", "vlanId")
"""Numbers that every action shows, whatever it does."""
