"""The profiles of a fresh device, those for TLS aside (see `tls`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bigipsim.seeds.notation import properties
from bigipsim.seeds.release import Release

HEADER: dict[str, Any] = {"appService": "none", "defaultsFrom": "none", "description": "none"}
"""What every profile has; defaultsFrom names its parent where it has one."""

_HTTP: dict[str, Any] = {
    **properties(
        """acceptXff disabled, basicAuthRealm none, fallbackHost none, headerErase none, headerInsert none,
        insertXforwardedFor disabled, lwsSeparator none, lwsWidth 80, oneconnectStatusReuse "200 206",
        oneconnectTransformations enabled, proxyType reverse, redirectRewrite none, serverAgentName
        BigIP, viaHostName none, viaRequest preserve, viaResponse preserve"""
    ),
    "encryptCookies": [],
    "fallbackStatusCodes": [],
    "responseHeadersPermitted": [],
    "xffAlternativeNames": [],
    "explicitProxy": {
        **properties(
            """badRequestMessage none, badResponseMessage none, connectErrorMessage none,
            defaultConnectHandling deny, dnsErrorMessage none, dnsResolver none, ipv6 no, routeDomain
            none, tunnelName none"""
        ),
        "hostNames": [],
    },
    "hsts": properties("includeSubdomains enabled, maximumAge 16070400, mode disabled, preload disabled"),
    "sflow": properties("pollInterval 0, pollIntervalGlobal yes, samplingRate 0, samplingRateGlobal yes"),
}
_ENFORCEMENT: dict[str, Any] = {
    **properties(
        """excessClientHeaders reject, excessServerHeaders reject, maxHeaderCount 64, maxHeaderSize 32768,
        maxRequests 0, oversizeClientHeaders reject, oversizeServerHeaders reject, pipeline allow,
        truncatedRedirects disabled, unknownMethod allow"""
    ),
    "knownMethods": [
        "CONNECT",
        "DELETE",
        "GET",
        "HEAD",
        "LOCK",
        "OPTIONS",
        "POST",
        "PROPFIND",
        "PUT",
        "TRACE",
        "UNLOCK",
    ],
}

_TCP = properties(
    """abc enabled, ackOnPush enabled, autoProxyBufferSize disabled, autoReceiveWindowSize disabled,
    autoSendBufferSize disabled, closeWaitTimeout 5, cmetricsCache enabled, cmetricsCacheTimeout 0,
    congestionControl high-speed, deferredAccept disabled, delayWindowControl disabled, delayedAcks
    enabled, dsack disabled, earlyRetransmit enabled, ecn enabled, enhancedLossRecovery enabled,
    fastOpen enabled, fastOpenCookieExpiration 21600, finWait_2Timeout 300, finWaitTimeout 5,
    hardwareSynCookie enabled, idleTimeout 300, initCwnd 10, initRwnd 10, ipDfMode pmtu, ipTosToClient
    "0", ipTtlMode proxy, ipTtlV4 255, ipTtlV6 64, keepAliveInterval 1800, limitedTransmit enabled,
    linkQosToClient "0", maxRetrans 8, maxSegmentSize 1460, md5Signature disabled,
    minimumRto 1000, mptcp disabled, mptcpCsum disabled, mptcpCsumVerify
    disabled, mptcpDebug disabled, mptcpFallback reset, mptcpFastjoin disabled, mptcpIdleTimeout 300,
    mptcpJoinMax 5, mptcpMakeafterbreak disabled, mptcpNojoindssack disabled, mptcpRtomax 5,
    mptcpRxmitmin 1000, mptcpSubflowmax 6, mptcpTimeout 3600, nagle disabled, pktLossIgnoreBurst 0,
    pktLossIgnoreRate 0, proxyBufferHigh 65535, proxyBufferLow 32768, proxyMss enabled, proxyOptions
    disabled, pushFlag default, ratePace enabled, ratePaceMaxRate 0, receiveWindowSize 65535,
    resetOnTimeout enabled, rexmtThresh 3, selectiveAcks enabled, selectiveNack disabled, sendBufferSize
    131072, slowStart enabled, synCookieEnable enabled, synCookieWhitelist disabled, synMaxRetrans 3,
    synRtoBase 3000, tailLossProbe enabled, tcpOptions none, timeWaitRecycle enabled, timeWaitTimeout
    "2000", timestamps enabled, verifiedAccept disabled, zeroWindowTimeout 20000"""
)
_TCP_LEGACY = properties(
    """ecn disabled, fastOpen disabled, earlyRetransmit disabled, tailLossProbe disabled, ratePace
    disabled, initCwnd 3, initRwnd 3, proxyBufferHigh 49152, sendBufferSize 65535, proxyOptions enabled"""
)
_AUTOMATIC = "autoProxyBufferSize enabled, autoReceiveWindowSize enabled, autoSendBufferSize enabled"

# Name, parent and what differs from it; parents come first.
_TCP_CHILDREN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("tcp-legacy", "tcp", _TCP_LEGACY),
    (
        "tcp-lan-optimized",
        "tcp-legacy",
        properties("slowStart disabled, proxyBufferHigh 131072, proxyBufferLow 98304"),
    ),
    (
        "tcp-wan-optimized",
        "tcp-legacy",
        properties("nagle enabled, proxyBufferHigh 131072, proxyBufferLow 131072"),
    ),
    (
        "tcp-mobile-optimized",
        "tcp-legacy",
        properties("nagle enabled, proxyBufferHigh 131072, proxyBufferLow 131072"),
    ),
    ("f5-tcp-lan", "tcp", properties("minimumRto 200, nagle auto, initCwnd 16, initRwnd 16")),
    (
        "f5-tcp-wan",
        "tcp",
        properties(
            """congestionControl woodside, minimumRto 500, delayedAcks disabled, nagle auto, initCwnd 16,
            initRwnd 16, proxyBufferHigh 262144, proxyBufferLow 262144, receiveWindowSize 262144,
            sendBufferSize 262144"""
        ),
    ),
    (
        "f5-tcp-mobile",
        "tcp",
        properties(f"{_AUTOMATIC}, congestionControl woodside, nagle auto, initCwnd 16, initRwnd 16"),
    ),
    (
        "f5-tcp-progressive",
        "tcp",
        properties(f"{_AUTOMATIC}, congestionControl woodside, nagle auto, pushFlag auto, initCwnd 16, initRwnd 16"),
    ),
    ("mptcp-mobile-optimized", "tcp-mobile-optimized", properties("mptcp enabled")),
    ("apm-forwarding-client-tcp", "tcp", {}),
    ("apm-forwarding-server-tcp", "tcp", {}),
    ("splitsession-default-tcp", "tcp", {}),
    ("wam-tcp-lan-optimized", "tcp-lan-optimized", {}),
    ("wam-tcp-wan-optimized", "tcp-wan-optimized", {}),
    ("wom-tcp-lan-optimized", "tcp-lan-optimized", {}),
    ("wom-tcp-wan-optimized", "tcp-wan-optimized", {}),
)

_UDP = properties(
    """allowNoPayload disabled, bufferMaxBytes 655350, bufferMaxPackets 0, datagramLoadBalancing disabled,
    idleTimeout "60", ipDfMode pmtu, ipTosToClient "0", ipTtlMode proxy, ipTtlV4 255, ipTtlV6 64,
    linkQosToClient "0", noChecksum disabled, proxyMss disabled, sendBufferSize 655350"""
)

_FASTL4 = properties(
    """clientTimeout 30, explicitFlowMigration disabled, hardwareSynCookie disabled, idleTimeout "300",
    ipDfMode preserve, ipTosToClient pass-through, ipTosToServer pass-through, ipTtlMode decrement,
    ipTtlV4 255, ipTtlV6 64, keepAliveInterval disabled, lateBinding disabled, linkQosToClient pass-through,
    linkQosToServer pass-through, looseClose disabled, looseInitialization disabled,
    mssOverride 0, otherPvaClientpktsThreshold 2, otherPvaOffloadDirection bidirectional,
    otherPvaServerpktsThreshold 1, otherPvaWhentoOffload after-packets-per-direction, priorityToClient
    pass-through, priorityToServer pass-through, pvaAcceleration full, pvaDynamicClientPackets 1,
    pvaDynamicServerPackets 0, pvaFlowAging enabled, pvaFlowEvict enabled, pvaOffloadDynamic enabled,
    pvaOffloadState embryonic, reassembleFragments disabled, receiveWindowSize 0, resetOnTimeout
    enabled, rttFromClient disabled, rttFromServer disabled, serverSack disabled, serverTimestamp
    disabled, softwareSynCookie disabled, synCookieEnable enabled, synCookieMss 0, synCookieWhitelist
    disabled, tcpCloseTimeout "5", tcpGenerateIsn disabled, tcpHandshakeTimeout "5", tcpPvaWhentoOffload
    embryonic, tcpStripSack disabled, tcpTimeWaitTimeout 0, tcpTimestampMode preserve, tcpWscaleMode
    preserve, timeoutRecovery disconnect"""
)

_HTTP2: dict[str, Any] = {
    "activationModes": ["alpn"],
    **properties(
        """concurrentStreamsPerConnection 10, connectionIdleTimeout 300, enforceTlsRequirements enabled,
        frameSize 2048, headerTableSize 4096, includeContentLength disabled, insertHeader disabled,
        insertHeaderName X-HTTP2, receiveWindow 32, writeSize 16384"""
    ),
}
_COMPRESSION: dict[str, Any] = {
    **properties(
        """allowHttp_10 disabled, browserWorkarounds disabled, bufferSize 4096, cpuSaver enabled,
        cpuSaverHigh 90, cpuSaverLow 75, gzipLevel 1, gzipMemoryLevel 8192, gzipWindowSize 16384,
        keepAcceptEncoding disabled, methodPrefer gzip, minSize 1024, selective disabled, varyHeader
        enabled"""
    ),
    "contentTypeExclude": [],
    "contentTypeInclude": ["text/", "application/(xml|x-javascript)"],
    "uriExclude": [],
    "uriInclude": [".*"],
}
_ACCELERATION: dict[str, Any] = {
    **properties(
        """cacheAgingRate 9, cacheClientCacheControlMode all, cacheInsertAgeHeader enabled, cacheMaxAge
        3600, cacheMaxEntries 10000, cacheObjectMaxSize 50000, cacheObjectMinSize 500, cacheSize
        104857600"""
    ),
    "applications": [],
    "cacheUriExclude": [],
    "cacheUriInclude": [".*"],
    "cacheUriIncludeOverride": [],
    "cacheUriPinned": [],
}
_ONE_CONNECT = properties(
    """idleTimeoutOverride disabled, limitType none, maxAge 86400, maxReuse 1000, maxSize 10000, sharePools
    disabled, sourceMask any"""
)
_STREAM = properties("chunkSize 4096, chunking disabled, source none, tmTarget none")
_SCTP = properties(
    """cookieExpiration 60, heartbeatInterval 30, heartbeatMaxBurst 1, idleTimeout 300, inStreams 2,
    initMaxRetries 4, maxBurst 4, outStreams 2, receiveWindowSize 65535, resetOnTimeout enabled,
    sendBufferSize 65536, tcpShutdown enabled"""
)

# Type of the profile and the name of its base object, for types whose properties are not simulated.
_NAMED_ONLY: tuple[tuple[str, str], ...] = (
    ("httprouter", "httprouter"),
    ("dns", "dns"),
    ("ftp", "ftp"),
    ("html", "html"),
    ("rewrite", "rewrite"),
    ("analytics", "analytics"),
    ("sip", "sip"),
    ("radius", "radiusLB"),
    ("request-log", "request-log"),
    ("statistics", "stats"),
)


def profiles(release: Release) -> Iterator[tuple[str, dict[str, Any]]]:
    """Base profiles with every property, then those built on them."""
    yield from _http(release)
    yield _base("tcp", "tcp", _TCP)
    for name, parent, changes in _TCP_CHILDREN:
        yield _child("tcp", name, parent, changes)
    yield _base("udp", "udp", _UDP)
    yield _child("udp", "udp_decrement_ttl", "udp", {"ipTtlMode": "decrement"})
    yield _child("udp", "udp_gtm_dns", "udp", {"datagramLoadBalancing": "enabled", "idleTimeout": "immediate"})
    yield _base("fastl4", "fastL4", _fastl4(release))
    yield _child("fastl4", "full-acceleration", "fastL4", {})
    yield _base("ipother", "ipother", properties("idleTimeout 60"))
    yield _base("sctp", "sctp", _SCTP)
    yield _child("sctp", "sctplegacy", "sctp", {})
    yield _base("one-connect", "oneconnect", _ONE_CONNECT)
    yield _base("http2", "http2", _HTTP2)
    yield _base("websocket", "websocket", _websocket(release))
    yield _base("http-compression", "httpcompression", _COMPRESSION)
    yield _child("http-compression", "wan-optimized-compression", "httpcompression", {"bufferSize": 131072})
    yield _base("web-acceleration", "webacceleration", _ACCELERATION)
    yield _base("stream", "stream", _STREAM)
    for kind, name in _NAMED_ONLY:
        yield _base(kind, name, {})


def _base(kind: str, name: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return f"ltm/profile/{kind}", {"name": name, "partition": "Common", **HEADER, **body}


def _child(kind: str, name: str, parent: str, changes: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    named = {"name": name, "partition": "Common", "defaultsFrom": f"/Common/{parent}"}
    return f"ltm/profile/{kind}", {**named, **changes}


def _http(release: Release) -> Iterator[tuple[str, dict[str, Any]]]:
    enforcement = dict(_ENFORCEMENT)
    chunking = {"requestChunking": "preserve", "responseChunking": "selective"}
    if release >= Release(15, 0):
        enforcement["rfcCompliance"] = "disabled"
        chunking = {"requestChunking": "sustain", "responseChunking": "sustain"}
    if release >= Release(16, 1):
        enforcement["allowWsHeaderName"] = "disabled"
    yield _base("http", "http", {**_HTTP, **chunking, "enforcement": enforcement})
    yield _child("http", "http-explicit", "http", {"proxyType": "explicit"})
    yield _child("http", "http-transparent", "http", {"proxyType": "transparent"})


def _fastl4(release: Release) -> dict[str, Any]:
    if release >= Release(14, 0):
        return _FASTL4
    return {key: value for key, value in _FASTL4.items() if not key.startswith(("otherPva", "tcpPva"))}


def _websocket(release: Release) -> dict[str, Any]:
    if release < Release(16, 1):
        return {"masking": "selective"}
    return properties("compressMode preserved, compression enabled, masking selective, noDelay enabled, windowBits 10")
