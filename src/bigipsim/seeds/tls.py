"""The certificates, keys and TLS profiles of a fresh device."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from bigipsim import pem
from bigipsim.filestore import Filestore, checksum
from bigipsim.seeds.default_pair import default_pair
from bigipsim.seeds.notation import properties
from bigipsim.seeds.profiles import HEADER
from bigipsim.seeds.release import Release

_CERT = "/Common/default.crt"
_KEY = "/Common/default.key"
_MADE = "2021-01-01T00:00:00Z"
_EXTENSIONS = ["basic-constraints", "subject-alternative-name"]
_SERVER_EXTENSIONS = ["basic-constraints", "extended-key-usage", "key-usage", "subject-alternative-name"]

# Name, subject, size in bytes, whether it holds several certificates, place in the file system.
_CERTIFICATES = (
    ("ca-bundle.crt", "CN=Example Root CA,O=Example", 225000, "true", "/config/ssl/ssl.crt/ca-bundle.crt"),
    (
        "f5-ca-bundle.crt",
        "CN=Entrust Root CA,O=Entrust",
        5400,
        "true",
        "/config/ssl/ssl.crt/f5-ca-bundle.crt",
    ),
    ("f5-irule.crt", "CN=support.f5.com,O=F5 Networks", 1346, "false", "/config/ssl/ssl.crt/f5-irule.crt"),
)

_BOTH = properties(
    """alertTimeout indefinite, allowExpiredCrl disabled, authenticate once, authenticateDepth 9,
    bypassOnClientCertFail disabled, bypassOnHandshakeAlert disabled, caFile
    none, cacheSize 262144, cacheTimeout 3600, chain none, cipherGroup none, ciphers DEFAULT, crlFile
    none, genericAlert enabled, handshakeTimeout "10", maxActiveHandshakes indefinite, modSslMethods
    disabled, mode enabled, peerCertMode ignore, proxySsl disabled, proxySslPassthrough
    disabled, renegotiatePeriod indefinite, renegotiateSize indefinite, renegotiation enabled,
    retainCertificate true, serverName none, sessionMirroring disabled, sessionTicket disabled,
    sniDefault false, sniRequire false, sslC3d disabled, sslForwardProxy disabled, sslForwardProxyBypass
    disabled, sslForwardProxyVerifiedHandshake disabled, sslSignHash any, strictResume disabled,
    uncleanShutdown enabled"""
)
_CLIENT = properties(
    """allowDynamicRecordSizing disabled, allowNonSsl disabled, c3dDropUnknownOcspStatus drop, c3dOcsp
    none, certLifespan 30, certLookupByIpaddrPort disabled, clientCertCa none, destinationIpBlacklist
    none, destinationIpWhitelist none, forwardProxyBypassDefaultAction intercept, hostnameBlacklist
    none, hostnameWhitelist none, inheritCaCertkeychain false, inheritCertkeychain false,
    maxAggregateRenegotiationPerMinute indefinite, maxRenegotiationsPerMinute 5, maximumRecordSize
    16384, notifyCertStatusToVirtualServer disabled, ocspStapling disabled, peerNoRenegotiateTimeout
    "10", proxyCaCert none, proxyCaKey none, renegotiateMaxRecordDelay
    indefinite, secureRenegotiation require, sessionTicketTimeout 0, sourceIpBlacklist none,
    sourceIpWhitelist none"""
)
_SERVER = properties(
    """authenticateName none, c3dCaCert none, c3dCaKey none, c3dCertLifespan 24, cert none, crl none,
    expireCertResponseControl drop, key none, ocsp none, secureRenegotiation require-strict,
    untrustedCertResponseControl drop"""
)
_INSECURE = {"ciphers": "!SSLv2:ALL:!DH:!ADH:!EDH:@SPEED", "secureRenegotiation": "request"}
_SECURE = {"ciphers": "ecdhe:rsa:!sslv3:!rc4:!exp:!des"}


def keep_contents(files: Filestore) -> None:
    """Puts the contents that the files of the factory have here into a store: those of the default pair."""
    pair = default_pair()
    files.keep(pair.certificate)
    files.keep(pair.key, private=True)


def certificates(release: Release) -> Iterator[tuple[str, dict[str, Any]]]:
    """The files that profiles refer to; but for the default pair their content is not simulated."""
    pair = default_pair()
    yield (
        "sys/file/ssl-cert",
        {
            **_file("default.crt", len(pair.certificate), 33188),
            **pem.certificate_facts(pair.certificate),
            "checksum": checksum(pair.certificate),
            "systemPath": "/config/ssl/ssl.crt/default.crt",
        },
    )
    for name, subject, size, bundle, place in _CERTIFICATES:
        yield "sys/file/ssl-cert", _certificate(name, subject, size, bundle, place)
    yield (
        "sys/file/ssl-key",
        {
            **_file("default.key", len(pair.key), 33184),
            **pem.key_facts(pair.key, None),
            "checksum": checksum(pair.key),
            "systemPath": "/config/ssl/ssl.key/default.key",
        },
    )


def _certificate(name: str, subject: str, size: int, bundle: str, place: str) -> dict[str, Any]:
    digest = hashlib.sha256(name.encode()).hexdigest().upper()
    pairs = [digest[index : index + 2] for index in range(0, len(digest), 2)]
    return {
        **_file(name, size, 33188),
        "certificateKeyCurveName": "none",
        "certificateKeySize": 2048,
        "expirationDate": 1924991999,
        "expirationString": "Dec 31 23:59:59 2030 GMT",
        "fingerprint": "SHA256/" + ":".join(pairs),
        "isBundle": bundle,
        "issuer": subject,
        "keyType": "rsa-public",
        "serialNumber": str(int(digest[:12], 16)),
        "subject": subject,
        "systemPath": place,
        "version": 3,
    }


def _file(name: str, size: int, mode: int) -> dict[str, Any]:
    return {
        "name": name,
        "partition": "Common",
        "checksum": f"SHA1:{size}:{hashlib.sha1(name.encode()).hexdigest()}",
        "createTime": _MADE,
        "createdBy": "root",
        "lastUpdateTime": _MADE,
        "mode": mode,
        "revision": 1,
        "size": size,
        "updatedBy": "root",
    }


def profiles(release: Release) -> Iterator[tuple[str, dict[str, Any]]]:
    """The profiles towards clients, then those towards servers."""
    yield _base("client-ssl", "clientssl", _client(release))
    yield _child("client-ssl", "clientssl-secure", "clientssl", _SECURE)
    yield _child("client-ssl", "clientssl-insecure-compatible", "clientssl", _INSECURE)
    yield _child("client-ssl", "crypto-server-default-clientssl", "clientssl", {})
    yield _child("client-ssl", "wom-default-clientssl", "clientssl", {})
    yield _base("server-ssl", "serverssl", _server(release))
    yield _child("server-ssl", "serverssl-insecure-compatible", "serverssl", _INSECURE)
    yield _child("server-ssl", "apm-default-serverssl", "serverssl", {})
    yield _child("server-ssl", "wom-default-serverssl", "serverssl", {})


def _client(release: Release) -> dict[str, Any]:
    chain = {
        "name": "default",
        "appService": "none",
        "cert": _CERT,
        "chain": "none",
        "key": _KEY,
        "usage": "SERVER",
    }
    if release < Release(13, 1):
        del chain["usage"]
    lists = {"certExtensionIncludes": list(_EXTENSIONS), "tmOptions": _options(release)}
    return {**_BOTH, **_CLIENT, **lists, "cert": _CERT, "key": _KEY, "certKeyChain": [chain]}


def _server(release: Release) -> dict[str, Any]:
    extensions = {"c3dCertExtensionCustomOids": [], "c3dCertExtensionIncludes": list(_SERVER_EXTENSIONS)}
    return {**_BOTH, **_SERVER, **extensions, "tmOptions": _options(release)}


def _options(release: Release) -> Any:
    """Until 13.x a list, since then a text in braces."""
    words = ["dont-insert-empty-fragments"] + (["no-tlsv1.3"] if release >= Release(14, 0) else [])
    return words if release < Release(14, 0) else "{ " + " ".join(words) + " }"


def _base(kind: str, name: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return f"ltm/profile/{kind}", {"name": name, "partition": "Common", **HEADER, **body}


def _child(kind: str, name: str, parent: str, changes: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    named = {"name": name, "partition": "Common", "defaultsFrom": f"/Common/{parent}"}
    return f"ltm/profile/{kind}", {**named, **changes}
