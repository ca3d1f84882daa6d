"""Decides the shape of statistics: nested entries keyed by URL, with figures and states as leaves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from bigipsim.exchange import Refused, Request, Response
from bigipsim.objects.addresses import host_port
from bigipsim.objects.model import Item
from bigipsim.rest import errors
from bigipsim.rest.accounts import Caller
from bigipsim.rest.health import Health, member_health, node_health, pool_health, virtual_health
from bigipsim.rest.render import HOST, kind_of, segment
from bigipsim.rest.routing import Route
from bigipsim.runtime import Counters

if TYPE_CHECKING:
    from bigipsim.box import Box

Entries = dict[str, Any]

_QUEUE: Final = ("ageEdm", "ageEma", "ageHead", "ageMax", "depth", "serviced")
_SYNCOOKIE: Final = (
    "accepts",
    "hwAccepts",
    "hwSyncookies",
    "hwsyncookieInstance",
    "rejects",
    "swsyncookieInstance",
    "syncacheCurr",
    "syncacheOver",
    "syncookies",
)
_USAGE: Final = ("csMaxConnDur", "csMeanConnDur", "csMinConnDur")
_RATIOS: Final = ("fiveMinAvgUsageRatio", "fiveSecAvgUsageRatio", "oneMinAvgUsageRatio")
_MESSAGES: Final = ("msgIn", "msgOut", "reqIn", "reqOut", "respIn", "respOut")


def value(number: int) -> dict[str, int]:
    """A leaf that holds a figure."""
    return {"value": number}


def text(words: str) -> dict[str, str]:
    """A leaf that holds a text."""
    return {"description": words}


def _zeroes(prefix: str, names: tuple[str, ...]) -> Entries:
    return {f"{prefix}{name}": value(0) for name in names}


def _status(health: Health) -> Entries:
    return {
        "status.availabilityState": text(health.availability),
        "status.enabledState": text(health.enabled),
        "status.statusReason": text(health.reason),
    }


def _serverside(counters: Counters) -> Entries:
    return {
        "serverside.bitsIn": value(counters.bits_in),
        "serverside.bitsOut": value(counters.bits_out),
        "serverside.curConns": value(counters.cur_conns),
        "serverside.maxConns": value(counters.max_conns),
        "serverside.pktsIn": value(counters.pkts_in),
        "serverside.pktsOut": value(counters.pkts_out),
        "serverside.totConns": value(counters.tot_conns),
    }


def _clientside(counters: Counters) -> Entries:
    figures = {key.replace("serverside", "clientside"): leaf for key, leaf in _serverside(counters).items()} | _zeroes(
        "clientside.", ("evictedConns", "slowKilled")
    )
    return figures | {key.replace("clientside", "ephemeral"): value(0) for key in figures}


def _node_of(box: Box, member: Item) -> Item | None:
    return box.tree.get("ltm/node", f"{member.folder}/{_host(member)[0]}")


def _host(member: Item) -> tuple[str, int]:
    try:
        found = host_port(member.name)
    except Refused:
        # A recorded configuration may hold names that the device here would not have accepted.
        return member.name, 0
    return found.host, found.port


def _members(box: Box, pool: Item) -> list[tuple[Item, Health]]:
    return [
        (member, member_health(box.runtime, pool.full_path, member, _node_of(box, member)))
        for member in pool.children.get("members", {}).values()
    ]


def _virtual(box: Box, virtual: Item) -> Entries:
    counters = box.runtime.counters("ltm/virtual", virtual.full_path)
    pool = box.tree.get("ltm/pool", str(virtual.values.get("pool", "")))
    below = pool_health([health for _, health in _members(box, pool)]) if pool is not None else None
    return {
        **_clientside(counters),
        "cmpEnableMode": text("all-cpus"),
        "cmpEnabled": text("enabled" if virtual.values.get("cmpEnabled", "yes") == "yes" else "disabled"),
        **_zeroes("", _USAGE),
        "destination": text(str(virtual.values.get("destination", "")).rpartition("/")[2]),
        **_zeroes("", _RATIOS),
        "tmName": text(virtual.full_path),
        **_status(virtual_health(box.tree, virtual, below)),
        "syncookieStatus": text(str(virtual.values.get("synCookieStatus", "not-activated"))),
        **_zeroes("syncookie.", _SYNCOOKIE),
        "totRequests": value(counters.tot_requests),
    }


def _pool(box: Box, pool: Item) -> Entries:
    counters = box.runtime.counters("ltm/pool", pool.full_path)
    members = _members(box, pool)
    groups = [int(member.values.get("priorityGroup", 0)) for member, _ in members] or [0]
    current = [int(member.values.get("priorityGroup", 0)) for member, health in members if health.active]
    messages = _zeroes("mr.", _MESSAGES) if int(box.version.split(".")[0]) >= 15 else {}
    return {
        "activeMemberCnt": value(sum(health.active for _, health in members)),
        "availableMemberCnt": value(sum(health.availability != "offline" for _, health in members)),
        **_zeroes("connqAll.", _QUEUE),
        **_zeroes("connq.", _QUEUE),
        "curPriogrp": value(max(current, default=0)),
        "curSessions": value(counters.cur_conns),
        "highestPriogrp": value(max(groups)),
        "lowestPriogrp": value(min(groups)),
        "memberCnt": value(len(members)),
        "minActiveMembers": value(int(pool.values.get("minActiveMembers", 0))),
        "monitorRule": text(str(pool.values.get("monitor", "none")).strip()),
        **messages,
        **_serverside(counters),
        **_status(pool_health([health for _, health in members])),
        "tmName": text(pool.full_path),
        "totRequests": value(counters.tot_requests),
    }


def _member(box: Box, pool: Item, member: Item) -> Entries:
    counters = box.runtime.counters("ltm/pool/members", f"{pool.full_path} {member.full_path}")
    health = member_health(box.runtime, pool.full_path, member, _node_of(box, member))
    host, port = _host(member)
    own = str(member.values.get("monitor", "default")).strip()
    inherited = str(pool.values.get("monitor", "")).strip()
    rule = own if own != "default" else f"{inherited} (pool monitor)" if inherited else "none"
    return {
        "addr": text(str(member.values.get("address", host))),
        **_zeroes("connq.", _QUEUE),
        "curSessions": value(counters.cur_conns),
        "monitorRule": text(rule),
        "monitorStatus": text(health.monitor),
        "nodeName": text(f"{member.folder}/{host}"),
        "poolName": text(pool.full_path),
        "port": value(port),
        **_serverside(counters),
        "sessionStatus": text("enabled" if health.enabled == "enabled" else "disabled"),
        **_status(health),
        "totRequests": value(counters.tot_requests),
    }


def _node(box: Box, node: Item) -> Entries:
    counters = box.runtime.counters("ltm/node", node.full_path)
    health = node_health(box.runtime, node)
    return {
        "addr": text(str(node.values.get("address", node.name))),
        "curSessions": value(counters.cur_conns),
        "monitorRule": text(str(node.values.get("monitor", "default")).strip()),
        "monitorStatus": text(health.monitor),
        **_serverside(counters),
        "sessionStatus": text("enabled" if health.enabled == "enabled" else "disabled"),
        **_status(health),
        "tmName": text(node.full_path),
        "totRequests": value(counters.tot_requests),
    }


_KINDS: Final = {"ltm/virtual": _virtual, "ltm/pool": _pool, "ltm/node": _node}


def _path(text: str) -> str:
    """The full path that a part of a URI names; without a partition it is in Common."""
    name = unquote(text).replace("~", "/")
    return name if name.startswith("/") else f"/Common/{name}"


def _nested(kind: str, url: str, version: str, entries: Entries) -> Entries:
    return {"nestedStats": {"kind": f"{kind}stats", "selfLink": f"{url}?ver={version}", "entries": entries}}


def _reply(collection: str, box: Box, listed: Mapping[str, Entries], one: str = "") -> Response:
    """Statistics by full path: of the whole collection, or of the object `one`, whose key repeats its name."""
    kind = kind_of("ltm/pool/members" if collection.endswith("/members") else collection, "")
    url = f"{HOST}/{collection}"
    entries: Entries = {}
    for path, figures in listed.items():
        key = f"{url}/{segment(path)}/stats"
        if one:
            key = f"{url}/{segment(path)}/{segment(path)}/stats"
        entries[key] = _nested(kind, key, box.version, figures)
    at = f"{url}/{segment(one)}/stats" if one else f"{url}/stats"
    word = "stats" if one else "collectionstats"
    return Response.json(200, {"kind": f"{kind}{word}", "selfLink": f"{at}?ver={box.version}", "entries": entries})


def _of_collection(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    collection = match["kind"]
    figures = _KINDS[collection]
    visible = [item for item in box.tree.items(collection) if caller.may_read(item.partition)]
    return _reply(collection, box, {item.full_path: figures(box, item) for item in visible})


def _of_object(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    collection = match["kind"]
    item = _readable(box, caller, request, collection, _path(match["name"]))
    return _reply(collection, box, {item.full_path: _KINDS[collection](box, item)}, item.full_path)


def _readable(box: Box, caller: Caller, request: Request, collection: str, path: str) -> Item:
    item = box.tree.need(collection, path)
    if not caller.may_read(item.partition):
        raise errors.role_denied(caller.name, request.method, request.path, request.peer)
    return item


def _of_members(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    pool = _readable(box, caller, request, "ltm/pool", _path(match["name"]))
    return _reply(_members_of(pool), box, dict(_member_entries(box, pool)))


def _of_member(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    pool = _readable(box, caller, request, "ltm/pool", _path(match["name"]))
    path = _path(match["member"])
    member = box.tree.need_child("ltm/pool", pool.full_path, "members", path)
    return _reply(_members_of(pool), box, {path: _member(box, pool, member)}, path)


def _member_entries(box: Box, pool: Item) -> Iterator[tuple[str, Entries]]:
    for path, member in pool.children.get("members", {}).items():
        yield path, _member(box, pool, member)


def _members_of(pool: Item) -> str:
    return f"ltm/pool/{segment(pool.full_path)}/members"


def _not_here(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    raise errors.not_implemented(f"statistics of {match['kind']}")


_WITH_STATS: Final = r"tm/(?P<kind>ltm/virtual|ltm/pool|ltm/node)"

ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", rf"{_WITH_STATS}/stats", _of_collection),
    Route("GET", rf"{_WITH_STATS}/(?P<name>[^/]+)/stats", _of_object),
    Route("GET", r"tm/ltm/pool/(?P<name>[^/]+)/members/stats", _of_members),
    Route("GET", r"tm/ltm/pool/(?P<name>[^/]+)/members/(?P<member>[^/]+)/stats", _of_member),
    Route("GET", r"tm/(?P<kind>(?:ltm|gtm|net|sys|auth|cm)/.+)/stats", _not_here),
)
