"""Types whose properties come from a base object in /Common: profiles, persistence profiles and monitors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bigipsim.objects import http2, shapes, ssl_profile
from bigipsim.objects.model import JSON, Field, ObjectType, Ref, Site, fields
from bigipsim.rest import errors

PROFILES = (
    "analytics", "certificate-authority", "classification", "client-ldap", "client-ssl", "dhcpv4", "dhcpv6", "diameter",
    "dns", "dns-logging", "doh-proxy", "doh-server", "fasthttp", "fastl4", "fix", "ftp", "georedundancy", "gtp", "html",
    "http", "http-compression", "http2", "http3", "httprouter", "icap", "iiop", "imap", "ipother", "ipsecalg",
    "map-t", "mblb", "mqtt", "netflow", "ntlm", "ocsp-stapling-params", "one-connect", "pcp", "pop3", "pptp", "qoe",
    "quic", "radius", "ramcache", "request-adapt", "request-log", "response-adapt", "rewrite", "rtsp", "sctp",
    "server-ldap", "server-ssl", "service", "sip", "smtps", "socks", "spdy", "statistics", "stream", "tcp",
    "tcp-analytics", "tftp", "traffic-acceleration", "udp", "wa-cache", "web-acceleration", "web-security", "websocket",
    "xml", "splitsessionclient", "splitsessionserver",
)  # fmt: skip

PERSISTENCES = (
    "cookie", "dest-addr", "global-settings", "hash", "host", "msrdp", "sip", "source-addr", "ssl", "universal",
)  # fmt: skip

MONITORS = (
    "diameter", "dns", "external", "firepass", "ftp", "gateway-icmp", "http", "http2", "https", "icmp", "imap",
    "inband",
    "ldap", "module-score", "mqtt", "mssql", "mysql", "nntp", "none", "oracle", "pop3", "postgresql", "radius",
    "radius-accounting", "real-server", "rpc", "sasp", "scripted", "sip", "smb", "smtp", "snmp-dca", "snmp-dca-base",
    "soap", "tcp", "tcp-echo", "tcp-half-open", "udp", "virtual-location", "wap", "wmi",
)  # fmt: skip

BASES = {
    "ltm/profile/fastl4": "/Common/fastL4",
    "ltm/profile/sctp": "/Common/sctp",
    "ltm/profile/radius": "/Common/radiusLB",
    "ltm/profile/request-log": "/Common/request-log",
    "ltm/profile/statistics": "/Common/stats",
    "ltm/persistence/sip": "/Common/sip_info",
    "ltm/persistence/host": "/Common/host",
}
"""Names of base objects that do not follow from the type; profiles drop hyphens, monitors and persistence turn them."""


def base_path(collection: str) -> str:
    """Full path of the base object of a type."""
    last = collection.rpartition("/")[2]
    dash = "" if collection.startswith("ltm/profile/") else "_"
    return BASES.get(collection, "/Common/" + last.replace("-", dash))


_rule = shapes.pointer_or_none("rule", "ltm/rule", "iRule")

EXTRA: Mapping[str, tuple[Field, ...]] = {
    ssl_profile.CLIENT: ssl_profile.CLIENT_FIELDS,
    ssl_profile.SERVER: ssl_profile.LINKS,
    "ltm/profile/http": (
        Field("proxyType", shapes.one_of("reverse", "transparent", "explicit"), access="create-or-same"),
        Field("redirectRewrite", shapes.one_of("none", "all", "matching", "nodes")),
        Field("viaRequest", shapes.one_of("append", "preserve", "remove")),
        Field("viaResponse", shapes.one_of("append", "preserve", "remove")),
    ),
    "ltm/profile/one-connect": (
        Field("idleTimeoutOverride", shapes.number_or("disabled", "indefinite")),
        Field("limitType", shapes.one_of("none", "idle", "strict")),
    ),
    http2.COLLECTION: http2.FIELDS,
    "ltm/profile/websocket": (Field("masking", shapes.one_of("preserve", "unmask", "remask", "selective")),),
    "ltm/persistence/cookie": (Field("method", shapes.one_of("hash", "insert", "passive", "rewrite")),),
    "ltm/persistence/universal": (_rule,),
    "ltm/persistence/hash": (_rule,),
}


RULES: Mapping[str, dict[str, Any]] = {
    ssl_profile.CLIENT: {
        "user_word": "clientssl profile",
        "settle": ssl_profile.settle_client,
        "together": ssl_profile.check,
        "show": ssl_profile.show_client,
    },
    ssl_profile.SERVER: {
        "user_word": "serverssl profile",
        "settle": ssl_profile.settle_ciphers,
        "together": ssl_profile.check,
    },
}
"""What holds of a type beyond what holds of every profile."""

WORDS = {
    "client-ssl": "ClientSSL Profile",
    "server-ssl": "ServerSSL Profile",
    "udp": "UDP Profile",
    "tcp": "TCP Profile",
    "http": "HTTP Profile",
    "dns": "DNS Profile",
    "websocket": "Websocket Profile",
    "html": "HTML Profile",
    "fastl4": "FastL4 Profile",
}


def _profile(kind: str) -> ObjectType:
    collection = f"ltm/profile/{kind}"
    word = WORDS.get(kind, "profile")
    return ObjectType(
        collection=collection,
        family="ltm/profile",
        word=word,
        used_word="profile",
        inherits=True,
        fields=fields(
            shapes.pointer_or_none("defaultsFrom", "ltm/profile", word),
            Field("description", shapes.or_none(shapes.text)),
            Field("appService", shapes.opaque, access="server"),
            *EXTRA.get(collection, ()),
        ),
        **{"user_word": "profile", **RULES.get(collection, {})},
    )


def _persistence(kind: str) -> ObjectType:
    collection = f"ltm/persistence/{kind}"
    return ObjectType(
        collection=collection,
        family="ltm/persistence",
        word="persistence profile",
        inherits=True,
        fields=fields(
            shapes.pointer_or_none("defaultsFrom", "ltm/persistence", "persistence profile"),
            Field("description", shapes.or_none(shapes.text)),
            Field("appService", shapes.opaque, access="server"),
            *EXTRA.get(collection, ()),
        ),
    )


def _turned(before: str, after: str) -> bool:
    """Whether a monitor that had probed the member would probe another host, or the other way round."""
    return before != after and ("*" in before or "*" in after)


def _monitor_destination(name: str, value: JSON, site: Site) -> JSON:
    if not isinstance(value, str):
        raise errors.invalid_value(name, value)
    if site.before is not None and _turned(str(site.before.values.get(name)), value):
        raise errors.refusal(400, f"Cannot modify the address type of monitor {site.full_path}")
    return value


PROBED_TEXTS = ("recv", "recvDisable", "send")
UNSEEN: Mapping[str, tuple[str, ...]] = {
    "icmp": (),
    "gateway-icmp": (),
    "tcp-half-open": (),
    "inband": (),
    "none": (),
    "tcp": PROBED_TEXTS,
    "udp": PROBED_TEXTS,
    "http": (*PROBED_TEXTS, "username"),
    "https": (*PROBED_TEXTS, "username", "cert", "cipherlist", "compatibility", "key"),
}
"""Properties of monitors that are not shown while they are empty, and so are not known from a base object."""

UNSEEN_ELSEWHERE = (
    *PROBED_TEXTS,
    "username",
    "args",
    "run",
    "database",
    "cert",
    "key",
    "cipherlist",
    "debug",
    "domain",
)


def _monitor(kind: str) -> ObjectType:
    return ObjectType(
        collection=f"ltm/monitor/{kind}",
        family="ltm/monitor",
        word="monitor",
        inherits=True,
        shows_generation=False,
        fields=fields(
            Field("defaultsFrom", shapes.points_at("ltm/monitor", "monitor"), access="create", refs=_monitor_refs),
            Field("destination", _monitor_destination),
            shapes.DESCRIPTION,
            shapes.pointer("sslProfile", "ltm/profile", "profile"),
            Field("password", shapes.secret),
            *(Field(name, shapes.text) for name in UNSEEN.get(kind, UNSEEN_ELSEWHERE)),
            shapes.APP_SERVICE,
        ),
    )


def _monitor_refs(value: JSON) -> Iterable[Ref]:
    return shapes.path_refs("ltm/monitor", value)


TYPES = (*map(_profile, PROFILES), *map(_persistence, PERSISTENCES), *map(_monitor, MONITORS))
