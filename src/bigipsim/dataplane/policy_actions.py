"""Decides what the actions of policies do to traffic: one row for each target with its verb.

Where the device's documentation is silent: a shutdown, and a forward that leads nowhere, end the connection with a
reset (assumed). Source: tmsh reference, ltm policy.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final, Literal

from multidict import CIMultiDict

from bigipsim.dataplane.config import Snat, split_port
from bigipsim.dataplane.persist import Persistence
from bigipsim.dataplane.policy import Action
from bigipsim.dataplane.profiles import duration_s, seconds
from bigipsim.dataplane.traffic import (
    Endpoint,
    Event,
    Reset,
    ToNode,
    ToPool,
    ToVirtual,
    Traffic,
    Verdict,
    redirect,
)

logger = logging.getLogger(__name__)

Effect = Callable[[Traffic, Action], Verdict | None]
"""Carries out an action; what it answers is the verdict that it asks for, if any."""

DEFAULT_REDIRECT: Final = 302


def _forward(traffic: Traffic, action: Action) -> Verdict | None:
    snat = action.word("snat", traffic)
    if snat == "disable":
        traffic.snat = Snat()
    elif snat == "automap":
        traffic.snat = Snat("automap", traffic.snat.addresses)
    pool, node = action.word("pool", traffic), action.word("node", traffic)
    if pool:
        address, port = split_port(action.word("member", traffic))
        return ToPool(pool, Endpoint(address, port) if address else None)
    if node:
        return ToNode(node, int(action.word("port", traffic) or 0))
    virtual = action.word("virtual", traffic)
    if virtual:
        return ToVirtual(virtual)
    return None if snat else Reset()


def _redirect(traffic: Traffic, action: Action) -> Verdict | None:
    code = int(action.word("code", traffic) or 0)
    return redirect(action.word("location", traffic), code or DEFAULT_REDIRECT)


def _replace_uri(traffic: Traffic, action: Action) -> Verdict | None:
    request = traffic.request
    if request is not None:
        value, path = action.word("value", traffic), action.word("path", traffic)
        if value:
            request.uri = value
        if path:
            request.path = path
        if "queryString" in action.words:
            request.query = action.word("queryString", traffic)
    return None


def _replace_host(traffic: Traffic, action: Action) -> Verdict | None:
    if traffic.request is not None:
        traffic.request.host = action.word("value", traffic)
    return None


def _headers(traffic: Traffic, action: Action) -> CIMultiDict[str]:
    """The headers that an action is about: those of the answer at the answer, else those of the request."""
    message = traffic.response if action.event is Event.HTTP_RESPONSE else traffic.request
    return message.headers if message is not None else CIMultiDict()


def _insert_header(traffic: Traffic, action: Action) -> Verdict | None:
    _headers(traffic, action).add(action.word("tmName", traffic), action.word("value", traffic))
    return None


def _replace_header(traffic: Traffic, action: Action) -> Verdict | None:
    _headers(traffic, action)[action.word("tmName", traffic)] = action.word("value", traffic)
    return None


def _remove_header(traffic: Traffic, action: Action) -> Verdict | None:
    _headers(traffic, action).popall(action.word("tmName", traffic), None)
    return None


def _referer(traffic: Traffic, action: Action) -> Verdict | None:
    headers = _headers(traffic, action)
    if action.verb == "remove":
        headers.popall("Referer", None)
    else:
        headers["Referer"] = action.word("value", traffic)
    return None


def _cookie(traffic: Traffic, action: Action) -> Verdict | None:
    """Sets or takes away one cookie of the request."""
    request = traffic.request
    if request is not None:
        name = action.word("tmName", traffic)
        pairs = [f"{key}={value}" for key, value in request.cookies if key != name]
        if action.verb == "insert":
            pairs.append(f"{name}={action.word('value', traffic)}")
        request.headers.popall("Cookie", None)
        if pairs:
            request.headers.add("Cookie", "; ".join(pairs))
    return None


def _set_cookie(traffic: Traffic, action: Action) -> Verdict | None:
    """Sets or takes away one cookie of the answer."""
    headers = _headers(traffic, action)
    name = action.word("tmName", traffic)
    if action.verb == "insert":
        parts = [f"{name}={action.word('value', traffic)}"]
        parts += [f"{key}={action.word(key, traffic)}" for key in ("domain", "path") if key in action.words]
        headers.add("Set-Cookie", "; ".join(parts))
        return None
    kept = [line for line in headers.popall("Set-Cookie", []) if line.partition("=")[0].strip() != name]
    for line in kept:
        headers.add("Set-Cookie", line)
    return None


def _not_persist(traffic: Traffic, action: Action) -> Verdict | None:
    traffic.persistence = traffic.fallback = None
    return None


def _persist_by(kind: Literal["source-addr", "dest-addr", "universal"]) -> Effect:
    def effect(traffic: Traffic, action: Action) -> Verdict | None:
        traffic.persistence = Persistence(
            f"policy {action.verb}",
            kind,
            timeout_s=seconds(action.word("timeout", traffic) or 180, 180.0),
            mask=action.word("netmask", traffic),
            key=action.word("key", traffic),
        )
        return None

    return effect


def _persist_cookie(traffic: Traffic, action: Action) -> Verdict | None:
    traffic.persistence = Persistence(
        f"policy {action.verb}",
        "cookie",
        cookie_name=action.word("tmName", traffic),
        cookie_method="passive" if action.verb == "cookiePassive" else "insert",
        cookie_lifetime_s=duration_s(action.word("expiry", traffic).replace("d", ":").strip() or "0"),
    )
    return None


def _server_tls(traffic: Traffic, action: Action) -> Verdict | None:
    traffic.server_tls = action.verb == "enable"
    return None


def _set_variable(traffic: Traffic, action: Action) -> Verdict | None:
    """Sets a variable of the connection, for the iRules that run after the policy."""
    traffic.variables[action.word("tmName", traffic)] = action.word("expression", traffic)
    return None


def _log(traffic: Traffic, action: Action) -> Verdict | None:
    logger.info("%s: %s", traffic.virtual.path, action.word("message", traffic))
    return None


def _reset(traffic: Traffic, action: Action) -> Verdict | None:
    return Reset()


EFFECTS: Final[Mapping[tuple[str, str], Effect]] = {
    ("forward", "select"): _forward,
    ("forward", "reset"): _reset,
    ("shutdown", "connection"): _reset,
    ("httpReply", "redirect"): _redirect,
    ("httpHost", "replace"): _replace_host,
    ("httpUri", "replace"): _replace_uri,
    ("httpHeader", "insert"): _insert_header,
    ("httpHeader", "replace"): _replace_header,
    ("httpHeader", "remove"): _remove_header,
    **{("httpReferer", verb): _referer for verb in ("insert", "replace", "remove")},
    **{("httpCookie", verb): _cookie for verb in ("insert", "remove")},
    **{("httpSetCookie", verb): _set_cookie for verb in ("insert", "remove")},
    ("persist", "disable"): _not_persist,
    ("persist", "sourceAddress"): _persist_by("source-addr"),
    ("persist", "destinationAddress"): _persist_by("dest-addr"),
    **{("persist", verb): _persist_by("universal") for verb in ("universal", "uie", "hash", "carp")},
    **{("persist", verb): _persist_cookie for verb in ("cookieInsert", "cookieRewrite", "cookiePassive")},
    **{("serverSsl", verb): _server_tls for verb in ("enable", "disable")},
    ("tcl", "setVariable"): _set_variable,
    ("log", "write"): _log,
}
"""By target and verb. What is part of the grammar and not of this table is not evaluated."""
