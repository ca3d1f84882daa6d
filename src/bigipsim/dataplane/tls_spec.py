"""Decides what client-ssl and server-ssl profiles mean to the data plane: small specifications without any key in them.

A specification names certificates and keys by the checksums of their contents, so that two that are equal are served by
the same TLS context, and a renewed certificate makes another one. TLS 1.2 and 1.3 are spoken; what a profile says of
older versions counts for nothing.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from bigipsim import pem
from bigipsim.objects import ssl_profile
from bigipsim.objects.model import Item
from bigipsim.objects.ssl_profile import CERT, CLIENT, KEY, NO_FILE, SERVER
from bigipsim.tree import Tree

Values = Mapping[str, Any]
Peer = Literal["ignore", "request", "require"]
Versions = tuple[ssl.TLSVersion, ssl.TLSVersion]

SPOKEN: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
SYSTEM: Final = "system"
"""Stands for the certificate authorities that this machine trusts: the content of the device's own bundle."""

SYSTEM_BUNDLES: Final = frozenset({"/Common/ca-bundle.crt", "/Common/f5-ca-bundle.crt"})
HANDSHAKE_S: Final = 10.0
KEYWORDS: Final = {
    "NATIVE": "DEFAULT",
    "COMPAT": "DEFAULT",
    "AES-GCM": "AESGCM",
    "ECDHE_ECDSA": "ECDHE+aECDSA",
    "ECDHE_RSA": "ECDHE+aRSA",
    "DHE_RSA": "DHE+aRSA",
    "DHE_DSS": "DHE+aDSS",
    "CHACHA20-POLY1305": "CHACHA20",
}
"""Words of the device for sets of ciphers where OpenSSL has others."""

_VERSION: Final = re.compile(r"TLSV1_([0-3])|(?:D?TLSV1|SSLV[23])")


class Unusable(Exception):
    """A profile cannot be served; the text says why, to stand behind "not served: "."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate, its key and what stands between it and the authority, by the checksums of their contents; the
    passphrase is sealed."""

    certificate: str
    key: str
    chain: str = ""
    passphrase: str = ""


@dataclass(frozen=True, slots=True)
class ClientSsl:
    """One client-ssl profile.

    names are the host names that it answers to, in lower case, perhaps with a wildcard; `default` is the one for all
    other clients, unless it `needs_name`. `ca` is the checksum of the authorities that sign clients. `clear` lets
    clients through that do not speak TLS. alpn are the protocols that it offers.
    """

    path: str
    pairs: tuple[Pair, ...]
    names: tuple[str, ...] = ()
    default: bool = False
    needs_name: bool = False
    peer: Peer = "ignore"
    ca: str = ""
    versions: Versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    ciphers: str = ""
    clear: bool = False
    handshake_s: float = HANDSHAKE_S
    alpn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerSsl:
    """One server-ssl profile.

    `server_name` is what it asks members for; `checked_name` what their certificate must be for ("" for any);
    `verified` says whether `ca` must have signed it, and `expired` whether its dates count for nothing.
    """

    path: str
    pair: Pair | None = None
    server_name: str = ""
    default: bool = False
    verified: bool = False
    expired: bool = False
    ca: str = ""
    checked_name: str = ""
    versions: Versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    ciphers: str = ""
    handshake_s: float = HANDSHAKE_S

    @property
    def names(self) -> tuple[str, ...]:
        """The names of clients that it is for, where several profiles are there."""
        return (self.server_name.lower(),) if self.server_name else ()


class Attached(NamedTuple):
    """The TLS of one virtual server: profiles towards clients and members, or why they cannot be served.

    files are the full paths of their certificates and keys; notes say what of the profiles is not followed.
    """

    clients: tuple[ClientSsl, ...]
    members: tuple[ServerSsl, ...]
    unusable: str
    files: tuple[str, ...]
    notes: tuple[str, ...]


def attached(tree: Tree, virtual: Item) -> Attached:
    """What the profiles of a virtual server mean."""
    clients, members = (list(_bound(tree, virtual, kind)) for kind in (CLIENT, SERVER))
    both = [*clients, *members]
    files = tuple(ref.path for item in both for ref in item.refs if ref.family in (CERT, KEY))
    groups = (item.full_path for item in both if item.values.get("cipherGroup") not in NO_FILE)
    notes = tuple(f"the cipher group of {path} is not evaluated" for path in groups)
    try:
        for_clients = tuple(_client(tree, item) for item in clients)
        for_members = tuple(_server(tree, item) for item in members)
    except Unusable as error:
        return Attached((), (), str(error), files, notes)
    return Attached(for_clients, for_members, "", files, notes)


def server_profile(tree: Tree, path: str) -> ServerSsl | None:
    """The server-ssl profile of that full path; None when there is none, or none that can be served."""
    item = tree.get(SERVER, path)
    try:
        return _server(tree, item) if item is not None else None
    except Unusable:
        return None


def _bound(tree: Tree, virtual: Item, kind: str) -> Iterator[Item]:
    for path in virtual.children.get("profiles", {}):
        item = tree.get(kind, path)
        if item is not None and item.values.get("mode") != "disabled":
            yield item


def _client(tree: Tree, item: Item) -> ClientSsl:
    values = item.values
    pairs = tuple(_pair(tree, item, pair) for pair in ssl_profile.pairs(item))
    if not pairs:
        raise Unusable(f"its profile {item.full_path} has no certificate")
    peer = values.get("peerCertMode")
    asked: Peer = "require" if peer in ("require", "always") else "request" if peer == "request" else "ignore"
    return ClientSsl(
        path=item.full_path,
        pairs=pairs,
        names=_names(tree, item, pairs),
        default=values.get("sniDefault") == "true",
        needs_name=values.get("sniRequire") == "true",
        peer=asked,
        ca=_authorities(tree, item) if asked != "ignore" else "",
        versions=_versions(item),
        ciphers=openssl_ciphers(str(values.get("ciphers", ""))),
        clear=values.get("allowNonSsl") == "enabled",
        handshake_s=_handshake_s(values),
    )


def _server(tree: Tree, item: Item) -> ServerSsl:
    values = item.values
    pairs = [_pair(tree, item, pair) for pair in ssl_profile.pairs(item)]
    wanted, checked = (_word(values.get(name)) for name in ("serverName", "authenticateName"))
    verified = values.get("peerCertMode") == "require" and values.get("untrustedCertResponseControl") != "ignore"
    if verified and wanted and checked and wanted != checked:
        raise Unusable(f"its profile {item.full_path} asks for {wanted}, checks for {checked}; here both must be one")
    return ServerSsl(
        path=item.full_path,
        pair=pairs[0] if pairs else None,
        server_name=wanted or (checked if verified else ""),
        default=values.get("sniDefault") == "true",
        verified=verified,
        expired=values.get("expireCertResponseControl") == "ignore",
        ca=_authorities(tree, item) if verified else "",
        checked_name=checked if verified else "",
        versions=_versions(item),
        ciphers=openssl_ciphers(str(values.get("ciphers", ""))),
        handshake_s=_handshake_s(values),
    )


def _word(value: Any) -> str:
    return "" if value in NO_FILE else str(value)


def _handshake_s(values: Values) -> float:
    text = str(values.get("handshakeTimeout"))
    return float(text) if text.isdecimal() and int(text) else HANDSHAKE_S


def _pair(tree: Tree, profile: Item, pair: Values) -> Pair:
    certificate, key = _checksum(tree, CERT, pair.get("cert")), _checksum(tree, KEY, pair.get("key"))
    chain = _checksum(tree, CERT, pair.get("chain")) if pair.get("chain") not in NO_FILE else ""
    return Pair(certificate, key, chain, ssl_profile.sealed_passphrase(tree, pair, profile))


def _checksum(tree: Tree, family: str, path: Any) -> str:
    """The checksum of a file whose content is here."""
    item = tree.get(family, str(path))
    name = str(item.values.get("checksum")) if item is not None else ""
    if tree.files.content(name) is None:
        word = "key" if family == KEY else "certificate"
        raise Unusable(f"the content of its {word} {path} is not known here; upload it again")
    return name


def _authorities(tree: Tree, item: Item) -> str:
    path = item.values.get("caFile")
    if path in NO_FILE:
        return ""
    return SYSTEM if path in SYSTEM_BUNDLES else _checksum(tree, CERT, path)


def _names(tree: Tree, item: Item, pairs: tuple[Pair, ...]) -> tuple[str, ...]:
    """The name that the profile gives, or else those in its certificates."""
    given = _word(item.values.get("serverName"))
    if given:
        return (given.lower(),)
    contents = (tree.files.content(pair.certificate) for pair in pairs)
    leaves = (pem.certificates(content)[0] for content in contents if content is not None)
    return tuple(dict.fromkeys(name for leaf in leaves for name in pem.host_names(leaf)))


def _versions(item: Item) -> Versions:
    """The oldest and the newest version that a profile allows, of those that are spoken."""
    options = item.values.get("tmOptions")
    words = " ".join(map(str, options)) if isinstance(options, list) else str(options)
    forbidden = {word.removeprefix("no-tlsv") for word in words.lower().split() if word.startswith("no-tlsv")}
    for entry in re.split(r"[:,\s]+", str(item.values.get("ciphers", "")).upper()):
        match = _VERSION.fullmatch(entry[1:]) if entry[:1] in ("!", "-") else None
        if match is not None and match[1]:
            forbidden.add(f"1.{match[1]}")
    allowed = [version for word, version in SPOKEN.items() if word not in forbidden]
    if not allowed:
        raise Unusable(f"its profile {item.full_path} forbids TLS 1.2 and 1.3, and no other is spoken here")
    return allowed[0], allowed[-1]


def openssl_ciphers(text: str) -> str:
    """A list of ciphers in OpenSSL's words, "" for its own choice.

    The device joins sets with ":", "," or blanks and does not mind upper and lower case; versions are left to
    `ClientSsl.versions`, and the directives that sort a list to OpenSSL.
    """
    found = []
    for entry in re.split(r"[:,\s]+", text.upper()):
        sign = entry[:1] if entry[:1] in ("!", "-", "+") else ""
        words = [KEYWORDS.get(word, word).replace("-CBC-", "-") for word in entry.removeprefix(sign).split("+")]
        words = [word for word in words if word and not _VERSION.fullmatch(word) and not word.startswith("@")]
        if words and words != ["NONE"]:
            found.append(sign + "+".join(words))
    return ":".join([*found, "!aNULL", "!eNULL"]) if found else ""
