"""The annotations of an Ingress as one table, and the forms of those that hold more than a word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from turnbuckle.kinds.f5resource_schema import LOAD_BALANCING_MODES
from turnbuckle.kit import annotations as forms
from turnbuckle.kit import json_text
from turnbuckle.kit.annotations import FREEZE, Option, options
from turnbuckle.kit.shape import FLAW, Check, Field, Reader, as_json, integer, one_of, record, sequence, text
from turnbuckle.model import issue as issues_of

ADDRESS = "virtual-server.f5.com/ip"
PARTITION = "virtual-server.f5.com/partition"
HTTP_PORT = "virtual-server.f5.com/http-port"
HTTPS_PORT = "virtual-server.f5.com/https-port"
BALANCE = "virtual-server.f5.com/balance"
HEALTH = "virtual-server.f5.com/health"
REWRITE = "virtual-server.f5.com/rewrite-target-url"
APP_ROOT = "virtual-server.f5.com/rewrite-app-root"
WHITELIST = "virtual-server.f5.com/whitelist-source-range"
ALLOWED = "virtual-server.f5.com/allow-source-range"
CLIENT_SSL = "virtual-server.f5.com/clientssl"
SERVER_SSL = "virtual-server.f5.com/serverssl"
TRANSLATE = "virtual-server.f5.com/translate-server-address"
WAF = "virtual-server.f5.com/waf"
SSL_REDIRECT = "ingress.kubernetes.io/ssl-redirect"
ALLOW_HTTP = "ingress.kubernetes.io/allow-http"
CLASS = "kubernetes.io/ingress.class"

CONTROLLER_DEFAULT = "controller-default"
"""An address that stands for --default-ingress-ip."""

MONITOR_TYPES = ("http", "https", "tcp", "udp")

_SAFE = re.compile(r"[A-Za-z0-9._~!&'()*+;:@%/?-]*")
"""What may stand in the target of a rewrite: nothing that Tcl would read as something else."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Requests for a host and path get another host, another path, or both; item: as it was written."""

    host: str
    path: str
    new_host: str
    new_path: str
    item: str


@dataclass(frozen=True, slots=True)
class AppRoot:
    """Requests for / of a host are sent to another path; host: empty for the single-service form."""

    host: str
    target: str
    item: str


def _address(reader: Reader, path: str, value: str) -> Any:
    return value if value == CONTROLLER_DEFAULT else forms.address(reader, path, value)


def _balance(reader: Reader, path: str, value: str) -> Any:
    """A method that there is: a shared virtual server may need the pool, which the device would refuse."""
    if not value:
        return reader.flaw(issues_of.empty_text(reader.about, path))
    if value not in LOAD_BALANCING_MODES:
        return reader.flaw(issues_of.not_one_of(reader.about, path, value, LOAD_BALANCING_MODES))
    return value


def _texts(reader: Reader, path: str, value: Any) -> Any:
    """A text that may be empty."""
    if isinstance(value, str):
        return value
    return reader.flaw(issues_of.wrong_type(reader.about, path, as_json(value), "a text in quotes"))


def _profile(reader: Reader, path: str, value: Any) -> Any:
    """A profile of the BIG-IP."""
    found = text('a text in quotes, for example "/Common/serverssl"')(reader, path, value)
    return found if found is FLAW else forms.object_name(reader, path, found)


_ALWAYS = (0, 99)
_MONITOR, _PROFILE = '[{"path": "www.example.com/shop"}]', '[{"bigIpProfile": "/Common/clientssl"}]'

_HEALTH_MONITORS = sequence(
    record(
        [
            Field("path", text(), required=_ALWAYS, meaning="which rule it is for", example='"www.example.com/shop"'),
            Field("send", _texts),
            Field("recv", _texts),
            Field("interval", integer(1, 86400)),
            Field("timeout", integer(1, 86400)),
            Field("type", one_of(lambda _: MONITOR_TYPES)),
            Field("sslProfile", _profile),
        ]
    ),
    wanted=f"a list, for example {_MONITOR}",
)

_CLIENT_PROFILES = sequence(
    record(
        [
            Field("hosts", sequence(text())),
            Field("bigIpProfile", _profile, required=_ALWAYS, meaning="which profile", example='"/Common/clientssl"'),
        ]
    ),
    least=1,
    wanted=f"a list, for example {_PROFILE}",
)


def _json(check: Check, example: str) -> forms.Parse:
    """JSON that a check goes on with."""

    def parse(reader: Reader, path: str, value: str) -> Any:
        try:
            found, twice = json_text.parse(value, path)
        except json_text.NotJson as error:
            where, wanted = (error.reason, error.line, error.column), f"JSON like {example}"
            return reader.flaw(issues_of.not_json(reader.about, path, *where, found=value, wanted=wanted))
        except UnicodeEncodeError:
            return reader.flaw(issues_of.not_utf8(reader.about, path, "it holds one half of a character"))
        before = len(reader.issues)
        for field in twice:
            reader.flaw(issues_of.duplicate_key(reader.about, field))
        checked = check(reader, path, found)
        return FLAW if len(reader.issues) > before else checked

    return parse


def _client_ssl(reader: Reader, path: str, value: str) -> Any:
    found = _json(_CLIENT_PROFILES, _PROFILE)(reader, path, value)
    return found if found is FLAW else tuple(dict.fromkeys(one["bigIpProfile"] for one in found))


def _rewrites(reader: Reader, path: str, value: str) -> Any:
    example = "www.example.com/old=www.example.com/new"
    found: list[Rewrite] = []
    for item in (part.strip() for part in value.split(",")):
        source, equals, target = (part.strip() for part in item.partition("="))
        host, slash, old = source.partition("/")
        new_host, new_slash, new = target.partition("/")
        why = ""
        if not equals or not target or "=" in target:
            why = "there has to be one equals sign, with something on both sides"
        elif not host:
            why = "there is no host before the equals sign"
        elif new_slash and not slash:
            why = "there is a path after the equals sign and none before"
        elif not _SAFE.fullmatch(target):
            why = "what stands after the equals sign has characters that a URL cannot have as they are"
        if why:
            reader.flaw(issues_of.bad_rewrite(reader.about, path, item, why, example))
        else:
            found.append(Rewrite(host, slash + old, new_host, new_slash + new, item))
    return tuple(found)


def _app_roots(reader: Reader, path: str, value: str) -> Any:
    example = "www.example.com=/app, or only /app where there are no rules"
    found: list[AppRoot] = []
    for item in (part.strip() for part in value.split(",")):
        host, equals, target = (part.strip() for part in item.partition("="))
        host, target = (host, target) if equals else ("", host)
        if not target.startswith("/") or not _SAFE.fullmatch(target):
            why = "it names no path, which begins with a slash"
            reader.flaw(issues_of.bad_rewrite(reader.about, path, item, why, example))
        else:
            found.append(AppRoot(host.rstrip("/"), target, item))
    return tuple(found)


OPTIONS = options(
    Option(ADDRESS, "The address to listen on, or controller-default.", _address, ""),
    Option(PARTITION, "The partition; default: the first one of --bigip-partition.", forms.partition_name, ""),
    Option(HTTP_PORT, "The port for HTTP.", forms.number(1, 65535), 80),
    Option(HTTPS_PORT, "The port for HTTPS.", forms.number(1, 65535), 443),
    Option(BALANCE, "The load balancing method of its pools.", _balance, "round-robin"),
    Option(HEALTH, "Health monitors, as a list in JSON.", _json(_HEALTH_MONITORS, _MONITOR), ()),
    Option(REWRITE, "Other hosts and paths for requests: host/path=host/path, with commas between.", _rewrites, ()),
    Option(APP_ROOT, "Where / of a host is redirected to: host=/path, with commas between.", _app_roots, ()),
    Option(WHITELIST, "Networks that may ask, with commas between; others are refused.", forms.networks, ()),
    Option(ALLOWED, "The same as whitelist-source-range.", forms.networks, ()),
    Option(CLIENT_SSL, "Client-SSL profiles of the BIG-IP, as a list in JSON, in place of spec.tls.", _client_ssl, ()),
    Option(SERVER_SSL, "A server-SSL profile of the BIG-IP, for HTTPS to the pods.", forms.object_name, ""),
    Option(TRANSLATE, "false: pods see the virtual server's address as the destination.", forms.yes_no, None),
    Option(SSL_REDIRECT, "Whether HTTP is redirected to HTTPS where there is TLS.", forms.yes_no, True),
    Option(ALLOW_HTTP, "Whether HTTP is served beside HTTPS, where it is not redirected.", forms.yes_no, False),
    Option(CLASS, "The older form of spec.ingressClassName."),
    Option(WAF, "For Routes only."),
    FREEZE,
)  # fmt: skip
