"""Decides how the device's facts about itself are shown, and what the addresses between collections answer.

The facts stand in `facts`; here are their shapes. All of it is read-only, and a write says that it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from bigipsim.exchange import Request, Response
from bigipsim.objects import TYPES
from bigipsim.rest import errors, facts
from bigipsim.rest.accounts import Caller
from bigipsim.rest.commands import body_of
from bigipsim.rest.listing import kind, listing, self_link, single
from bigipsim.rest.render import HOST, segment
from bigipsim.rest.routing import Route
from bigipsim.seeds.release import Release

if TYPE_CHECKING:
    from bigipsim.box import Box

_WORKERS: Final = r"tm(?:/(?:auth|cm|ltm|net|sys|task|transaction|util)(?:/[\w-]+)*)?|shared/(?:authn|authz|echo-js)"
_STATS: Final = "(?:/stats)?"
"""What tells the state of the device is of the shape of statistics, and answers at both addresses."""

_ABSENT: Final = r"(?P<path>(?:shared/file-transfer|cm/autodeploy)(?:/.*)?)"
"""What every device has for its files, and the simulator has not."""

_SYNC_GROUP: Final = re.compile(r"config-sync (?:force-full-load-push )?(?:to|from)-group (\S+)")


def _leaves(texts: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"description": words} for name, words in texts.items()}


def _nested(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {"nestedStats": {"entries": entries}}


def _check_release(box: Box, request: Request, path: str) -> None:
    since = facts.SINCE.get(path)
    if since is not None and Release.parse(box.version) < since:
        raise errors.not_registered(f"/tm/{path}", request.peer)


def _state(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    path = match["path"]
    _check_release(box, request, path)
    entries = {f"{HOST}/{path}/0": _nested(_leaves(facts.STATES[path](box)))}
    reply = {"kind": kind(path, "stats"), "selfLink": self_link(box, path), "entries": entries}
    return Response.json(200, reply)


def _singleton(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    path = match["path"]
    reply = {"kind": kind(path, "state"), "selfLink": self_link(box, path), **facts.SINGLETONS[path](box)}
    return single(box, request, reply)


def _item(box: Box, path: str, fact: Mapping[str, Any]) -> dict[str, Any]:
    uri = f"{path}/{segment(str(fact['fullPath']))}"
    link = {"kind": kind(path, "state"), "generation": 1, "selfLink": self_link(box, uri)}
    return {**link, **fact}


def _list(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    path = match["path"]
    return listing(box, request, path, [_item(box, path, fact) for fact in facts.LISTS[path](box)])


def _one(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    path, name = match["path"], unquote(match["name"]).replace("~", "/")
    for fact in facts.LISTS[path](box):
        if name in (fact["fullPath"], fact["fullPath"].removeprefix("/Common/")):
            return single(box, request, _item(box, path, fact))
    raise errors.not_found(path.rpartition("/")[2], name)


def _document(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    return Response.json(200, facts.DOCUMENTS[match["path"]](box))


def _failover(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    up_s = int(box.clock.now() - box.started_s)
    days, rest = divmod(up_s, 86400)
    text = f"Failover active for {days}d {rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}\n"
    raw = {"apiRawValues": {"apiAnonymous": text}}
    kind = {"kind": "tm:sys:failover:failoverstats", "selfLink": self_link(box, "sys/failover")}
    return Response.json(200, {**kind, **raw})


def _cluster_state(box: Box, path: str, camel: str, texts: Mapping[str, str], details: str) -> Response:
    """failover-status and sync-status: the key of the details is in camel case, other than the rest."""
    below = f"{HOST}/cm/{camel}/0/details"
    told = {f"{below}/0": _nested(_leaves({"details": details}))}
    entries = {f"{HOST}/{path}/0": _nested({**_leaves(texts), below: _nested(told)})}
    reply = {"kind": kind(path, "stats"), "selfLink": self_link(box, path), "entries": entries}
    return Response.json(200, reply)


def _failover_status(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    texts = {"color": "green", "status": "ACTIVE", "summary": "1/1 active"}
    return _cluster_state(box, "cm/failover-status", "failoverStatus", texts, "active for /Common/traffic-group-1")


def _sync_status(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    texts = {"color": "green", "mode": "standalone", "status": "Standalone", "summary": " "}
    return _cluster_state(box, "cm/sync-status", "syncStatus", texts, "Optional action: Add a device to the group")


def _config_sync(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    if not caller.may_administer():
        raise errors.role_denied(caller.name, request.method, request.path, request.peer)
    body = body_of(request)
    arguments = body.get("utilCmdArgs")
    found = _SYNC_GROUP.fullmatch(arguments.strip()) if isinstance(arguments, str) else None
    if found is None or body.get("command") != "run":
        raise errors.not_implemented("this command of cm; config-sync is the one that it knows")
    group = found[1].removeprefix("/Common/")
    if all(fact["name"] != group for fact in facts.device_groups(box)):
        raise errors.configuration(f"Device group ({found[1]}) not found in device group sync")
    return Response.json(200, {"kind": "tm:cm:runstate", "command": "run", "utilCmdArgs": arguments})


def _absent(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    raise errors.not_implemented(f"/mgmt/{match['path']}")


def _available(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    return Response.json(200, {})


def _organising(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    path = (match["path"] or "").strip("/")
    below = f"{path}/" if path else ""
    names = sorted({known[len(below) :].partition("/")[0] for known in _addresses() if known.startswith(below)})
    return listing(box, request, path, [{"reference": {"link": self_link(box, f"{below}{name}")}} for name in names])


def _read_only(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    raise errors.not_implemented(f"{request.method} of {match['path']}; it can only be read")


def _addresses() -> set[str]:
    """Every collection and singleton below /mgmt/tm/."""
    more = {"auth/user", "cm/failover-status", "cm/sync-status", "sys/config", "sys/failover"}
    return {*TYPES, *facts.STATES, *facts.SINGLETONS, *facts.LISTS, *more}


def _between() -> set[str]:
    """The addresses that lead to others and are no collection themselves."""
    known = _addresses()
    parts = (address.split("/") for address in known)
    return {"/".join(part[:depth]) for part in parts for depth in range(1, len(part))} - known


def _any_of(paths: Iterable[str], prefix: str = "tm/") -> str:
    return rf"{prefix}(?P<path>{'|'.join(re.escape(path) for path in sorted(paths))})"


_READ_ONLY: Final = (
    _any_of([*facts.STATES, *facts.SINGLETONS, *facts.LISTS, "sys/failover"]),
    rf"{_any_of(facts.LISTS)}/[^/]+",
)

ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", rf"(?:{_WORKERS})/available", _available),
    Route("GET", f"{_any_of(facts.STATES)}{_STATS}", _state),
    Route("GET", _any_of(facts.SINGLETONS), _singleton),
    Route("GET", _any_of(facts.LISTS), _list),
    Route("GET", rf"{_any_of(facts.LISTS)}/(?P<name>[^/]+)", _one),
    Route("GET", _any_of(facts.DOCUMENTS, ""), _document),
    Route("GET", rf"tm/sys/failover{_STATS}", _failover),
    Route("GET", rf"tm/cm/failover-status{_STATS}", _failover_status),
    Route("GET", rf"tm/cm/sync-status{_STATS}", _sync_status),
    Route("POST", r"tm/cm", _config_sync),
    Route("GET", rf"tm(?P<path>(?:/(?:{'|'.join(re.escape(path) for path in sorted(_between()))}))?)", _organising),
    *(Route(method, _ABSENT, _absent) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
    *(Route(method, path, _read_only) for method in ("POST", "PUT", "PATCH", "DELETE") for path in _READ_ONLY),
)
