"""Decides how a device answers for its device group: who is active, how far all are synchronised, and what to do now.

A device that is in no group answers as the one unit of its own, and knows no orders but those that change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from bigipsim.exchange import Request, Response
from bigipsim.group import status
from bigipsim.group.group import Command, Direction, Group, SyncRefused
from bigipsim.objects.virtual_address import FLOATING
from bigipsim.rest import cluster, errors
from bigipsim.rest.accounts import Caller
from bigipsim.rest.commands import body_of
from bigipsim.rest.listing import item, kind, leaves, listing, nested, one_of, self_link, single
from bigipsim.rest.render import HOST, segment
from bigipsim.rest.routing import Route

if TYPE_CHECKING:
    from bigipsim.box import Box

_GROUPS: Final = "cm/device-group"
_TRAFFIC: Final = f"cm/traffic-group/{segment(FLOATING)}"
_STATS: Final = "(?:/stats)?"
_SYNC: Final = re.compile(
    r"config-sync (?P<force>force-full-load-push )?(?P<direction>to-group|from-group) (?P<group>\S+)"
)
_DIRECTIONS: Final[tuple[Direction, ...]] = ("to-group", "from-group")
_COMMANDS: Final[tuple[Command, ...]] = ("standby", "offline", "online")
_PLACE: Final = frozenset({"command", "trafficGroup"})


def order(box: Box, name: str, direction: Direction, force: bool) -> None:
    """Has the configuration synchronised; for the groups that the device keeps for itself there is nothing to do.

    Raises:
        Refused: the device is in no such group, or an older configuration would replace a newer one.
    """
    known = {str(fact["name"]) for fact in cluster.device_groups(box)}
    plain = name.removeprefix("/Common/")
    if plain not in known:
        raise errors.configuration(f"Device group ({name}) not found in device group sync")
    if box.group is not None and plain == box.group.membership.name:
        try:
            box.group.order_sync(direction, force)
        except SyncRefused as refused:
            raise errors.configuration(f"{refused}.") from refused


def order_task(box: Box, body: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Runs config-sync as it is given to a task, where the direction is an option and the group is its value.

    Raises:
        Refused: as for `order`; or the options do not name one direction.
    """
    if body.get("command") != "run" or set(options) - {*_DIRECTIONS, "force-full-load-push"}:
        raise errors.not_implemented("this command of cm config-sync; run with to-group or from-group is what it knows")
    given = [(direction, options[direction]) for direction in _DIRECTIONS if direction in options]
    if len(given) != 1 or not isinstance(given[0][1], str):
        raise errors.identifier_needed()
    order(box, given[0][1], given[0][0], "force-full-load-push" in options)


def _list(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    path = match["path"]
    return listing(box, request, path, [_shown(box, request, path, fact) for fact in cluster.LISTS[path](box)])


def _one(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    path = match["path"]
    fact = one_of(path, match["name"], cluster.LISTS[path](box))
    return single(box, request, _shown(box, request, path, fact))


def _shown(box: Box, request: Request, path: str, fact: Mapping[str, Any]) -> dict[str, Any]:
    shown = item(box, path, fact)
    if box.group is not None and path == _GROUPS and fact["name"] == box.group.membership.name:
        uri = f"{path}/{segment(str(fact['fullPath']))}/devices"
        reference: dict[str, Any] = {"link": self_link(box, uri), "isSubcollection": True}
        if request.query.get("expandSubcollections") == "true":
            reference["items"] = [_member(box, uri, one) for one in cluster.members(box)]
        shown["devicesReference"] = reference
    return shown


def _member(box: Box, uri: str, fact: Mapping[str, Any]) -> dict[str, Any]:
    return {**item(box, uri, fact), "kind": kind(f"{_GROUPS}/devices", "state")}


def _joined(box: Box, request: Request, match: re.Match[str]) -> Group:
    """The group whose devices are asked for; a device in no group has none to list."""
    wanted = match["name"].replace("~", "/").removeprefix("/Common/")
    if box.group is None or wanted != box.group.membership.name:
        raise errors.not_registered(request.path.rstrip("/").removeprefix("/mgmt"), request.peer)
    return box.group


def _devices(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    name = _joined(box, request, match).membership.name
    uri = f"{_GROUPS}/{segment(f'/Common/{name}')}/devices"
    if match["device"] is not None:
        return single(box, request, _member(box, uri, one_of(uri, match["device"], cluster.members(box))))
    return listing(box, request, uri, [_member(box, uri, fact) for fact in cluster.members(box)], f"{_GROUPS}/devices")


def _document(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    return Response.json(200, cluster.failover_state(box))


def _failover(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    since_s, word = box.started_s, "active"
    if box.group is not None:
        since_s, word = box.group.since_s, box.group.state.replace("-", "_")
    days, rest = divmod(int(box.clock.now() - since_s), 86400)
    text = f"Failover {word} for {days}d {rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}\n"
    raw = {"apiRawValues": {"apiAnonymous": text}}
    head = {"kind": "tm:sys:failover:failoverstats", "selfLink": self_link(box, "sys/failover")}
    return Response.json(200, {**head, **raw})


def _fail_over(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    if box.group is None:
        raise errors.not_implemented("POST of sys/failover; it can only be read")
    if not caller.may_administer():
        raise errors.role_denied(caller.name, request.method, request.path, request.peer)
    body = body_of(request)
    traffic_group = body.get("trafficGroup", FLOATING)
    given = [word for word in _COMMANDS if body.get(word) is True]
    if body.get("command") != "run" or len(given) != 1 or set(body) - {*_PLACE, *given}:
        raise errors.not_implemented("this command of sys failover; it knows run with standby, offline or online")
    if traffic_group not in (FLOATING, FLOATING.rpartition("/")[2]):
        raise errors.not_found("traffic group", str(traffic_group))
    box.group.command(given[0])
    return Response.json(200, {"kind": "tm:sys:failover:runstate", **body})


def _told(box: Box, path: str, camel: str, told: status.Told) -> Response:
    """failover-status and sync-status: the key of the details is in camel case, other than the rest."""
    below = f"{HOST}/cm/{camel}/0/details"
    lines = {f"{below}/{n}": nested(leaves({"details": line})) for n, line in enumerate(told.details)}
    entries = {f"{HOST}/{path}/0": nested({**leaves(told.leaves()), below: nested(lines)})}
    reply = {"kind": kind(path, "stats"), "selfLink": self_link(box, path), "entries": entries}
    return Response.json(200, reply)


def _failover_status(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    state = box.group.state if box.group is not None else "active"
    return _told(box, "cm/failover-status", "failoverStatus", status.failover(state))


def _sync_status(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    told = status.synchronisation(box.group) if box.group is not None else status.STANDALONE
    return _told(box, "cm/sync-status", "syncStatus", told)


def _traffic(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    """Statistics of the floating traffic group: the state of each device for it."""
    if box.group is None:
        raise errors.not_implemented(f"statistics of {match['kind']}")
    following = box.group.next_active()
    entries: dict[str, Any] = {}
    for fact in cluster.devices(box):
        texts = {
            "deviceName": str(fact["fullPath"]),
            "failoverState": str(fact["failoverState"]),
            "nextActive": "true" if fact["name"] == following else "false",
            "trafficGroup": FLOATING,
        }
        key = f"{HOST}/{_TRAFFIC}/{segment(FLOATING)}:{segment(str(fact['fullPath']))}/stats"
        entries[key] = nested(leaves(texts))
    head = {"kind": kind("cm/traffic-group", "stats"), "selfLink": self_link(box, f"{_TRAFFIC}/stats")}
    return Response.json(200, {**head, "entries": entries})


def _run(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    if not caller.may_administer():
        raise errors.role_denied(caller.name, request.method, request.path, request.peer)
    body = body_of(request)
    arguments = body.get("utilCmdArgs")
    found = _SYNC.fullmatch(arguments.strip()) if isinstance(arguments, str) else None
    if found is None or body.get("command") != "run":
        raise errors.not_implemented("this command of cm; config-sync is the one that it knows")
    direction: Direction = "to-group" if found["direction"] == "to-group" else "from-group"
    order(box, found["group"], direction, found["force"] is not None)
    return Response.json(200, {"kind": "tm:cm:runstate", "command": "run", "utilCmdArgs": arguments})


_PATHS: Final = f"tm/(?P<path>{'|'.join(re.escape(path) for path in sorted(cluster.LISTS))})"

ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", _PATHS, _list),
    Route("GET", rf"{_PATHS}/(?P<name>[^/]+)", _one),
    Route("GET", r"tm/cm/device-group/(?P<name>[^/]+)/devices(?:/(?P<device>[^/]+))?", _devices),
    Route("GET", r"shared/bigip-failover-state", _document),
    Route("GET", rf"tm/sys/failover{_STATS}", _failover),
    Route("POST", r"tm/sys/failover", _fail_over),
    Route("GET", rf"tm/cm/failover-status{_STATS}", _failover_status),
    Route("GET", rf"tm/cm/sync-status{_STATS}", _sync_status),
    Route("GET", r"tm/(?P<kind>cm/traffic-group/(?:~Common~)?traffic-group-1)/stats", _traffic),
    Route("POST", r"tm/cm", _run),
)
