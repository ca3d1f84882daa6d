"""Types whose properties come from a base object in /Common: profiles, persistence profiles and monitors."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from bigipsim.objects import shapes
from bigipsim.objects.model import ABSENT, JSON, Field, Item, ObjectType, Ref, Shape, Site, View, fields
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


def _or_none(shape: Shape) -> Shape:
    """Profiles say "none" where others leave a key out."""

    def shaped(name: str, value: JSON, site: Site) -> JSON:
        return "none" if value in shapes.NOTHING else shape(name, value, site)

    return shaped


def _link(name: str, family: str, word: str) -> Field:
    shape = _or_none(shapes.points_at(family, word))
    return Field(name, shape, refs=lambda value: shapes.path_refs(family, value), family=family)


def _cert_key_chain(name: str, value: JSON, site: Site) -> JSON:
    """The pairs of a client-ssl profile: certificate, key and chain by name."""
    chain = []
    for entry in shapes.objects(name, value, site) if value not in shapes.NOTHING else []:
        if not isinstance(entry.get("name"), str):
            raise errors.identifier_needed()
        stored = {"name": entry["name"], "appService": "none", "chain": "none", "usage": entry.get("usage", "SERVER")}
        for key, family, word in CHAIN_PARTS:
            written = entry.get(key)
            stored[key] = "none" if written in shapes.NOTHING else site.resolve(family, word, written)
        if entry.get("passphrase"):
            stored["passphrase"] = entry["passphrase"]
        chain.append(stored)
    return chain


CERT, KEY = "sys/file/ssl-cert", "sys/file/ssl-key"
CHAIN_PARTS = (("cert", CERT, "Certificate File"), ("key", KEY, "Key File"), ("chain", CERT, "Certificate File"))


def _chain_refs(value: JSON) -> Iterable[Ref]:
    entries = [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
    return [
        ref for entry in entries for key, family, _ in CHAIN_PARTS for ref in shapes.path_refs(family, entry.get(key))
    ]


SSL_LINKS = (
    _link("cert", CERT, "Certificate File"),
    _link("key", KEY, "Key File"),
    _link("chain", CERT, "Certificate File"),
    _link("caFile", CERT, "Certificate File"),
    _link("clientCertCa", CERT, "Certificate File"),
)


def _settle_client_ssl(
    site: Site, values: dict[str, JSON], children: Mapping[str, JSON], given: frozenset[str]
) -> None:
    """Keeps the short form (cert, key, chain) and the list of pairs in step."""
    if "certKeyChain" in given:
        values["inheritCertkeychain"] = "false"
        first = values["certKeyChain"][0] if values["certKeyChain"] else {}
        for key, _, _ in CHAIN_PARTS:
            values[key] = first.get(key, "none")
    elif given & {"cert", "key", "chain"}:
        values["inheritCertkeychain"] = "false"
        name = str(values.get("cert", "none")).rpartition("/")[2].removesuffix(".crt")
        pair = {key: values.get(key, "none") for key, _, _ in CHAIN_PARTS}
        values["certKeyChain"] = [{"name": f"{name}_0", "appService": "none", **pair, "usage": "SERVER"}]


_rule = _link("rule", "ltm/rule", "iRule")

EXTRA: Mapping[str, tuple[Field, ...]] = {
    "ltm/profile/client-ssl": (
        *SSL_LINKS,
        Field("certKeyChain", _cert_key_chain, refs=_chain_refs),
        Field("passphrase", shapes.text),
    ),
    "ltm/profile/server-ssl": (*SSL_LINKS, Field("passphrase", shapes.text)),
    "ltm/profile/http": (
        Field("proxyType", shapes.one_of("reverse", "transparent", "explicit"), access="create-or-same"),
    ),
    "ltm/persistence/cookie": (Field("method", shapes.one_of("hash", "insert", "passive", "rewrite")),),
    "ltm/persistence/universal": (_rule,),
    "ltm/persistence/hash": (_rule,),
}


def _show_chain(view: View, item: Item, parent: Item | None, shown: dict[str, JSON]) -> None:
    entries = shown.get("certKeyChain")
    if isinstance(entries, list):
        shown["certKeyChain"] = [_linked_entry(view, entry) for entry in entries]


def _linked_entry(view: View, entry: Mapping[str, JSON]) -> dict[str, JSON]:
    linked = dict(entry)
    for key, family, _ in CHAIN_PARTS:
        if str(entry.get(key, "")).startswith("/"):
            linked[f"{key}Reference"] = {"link": view.link(family, entry[key])}
    if "passphrase" in linked:
        linked["passphrase"] = sealed(linked["passphrase"])
    return linked


SETTLE: Mapping[str, dict[str, Any]] = {
    "ltm/profile/client-ssl": {"settle": _settle_client_ssl, "show": _show_chain},
}

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
        user_word="profile",
        inherits=True,
        fields=fields(
            _link("defaultsFrom", "ltm/profile", word),
            Field("description", _or_none(shapes.text)),
            Field("appService", shapes.opaque, access="server"),
            *EXTRA.get(collection, ()),
        ),
        **SETTLE.get(collection, {}),
    )


def _persistence(kind: str) -> ObjectType:
    collection = f"ltm/persistence/{kind}"
    return ObjectType(
        collection=collection,
        family="ltm/persistence",
        word="persistence profile",
        inherits=True,
        fields=fields(
            _link("defaultsFrom", "ltm/persistence", "persistence profile"),
            Field("description", _or_none(shapes.text)),
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


def sealed(secret: str) -> str:
    """A password as the device shows it: of no use to anyone who reads it."""
    return "$M$" + base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()


def _secret(name: str, value: JSON, site: Site) -> JSON:
    """A password; the sealed form, which a client has from a reply, changes nothing."""
    if isinstance(value, str) and value.startswith("$M$") and site.before is not None:
        return site.before.values.get(name, ABSENT)
    return shapes.text(name, value, site)


def _show_monitor(view: View, item: Item, parent: Item | None, shown: dict[str, JSON]) -> None:
    if "password" in shown:
        shown["password"] = sealed(shown["password"])


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
            Field("password", _secret),
            *(Field(name, shapes.text) for name in UNSEEN.get(kind, UNSEEN_ELSEWHERE)),
            shapes.APP_SERVICE,
        ),
        show=_show_monitor,
    )


def _monitor_refs(value: JSON) -> Iterable[Ref]:
    return shapes.path_refs("ltm/monitor", value)


TYPES = (*map(_profile, PROFILES), *map(_persistence, PERSISTENCES), *map(_monitor, MONITORS))
