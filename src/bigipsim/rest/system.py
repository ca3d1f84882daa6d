"""Decides how the device's facts about itself are shown, and what the addresses between collections answer.

The facts stand in `facts`; here are their shapes. All of it is read-only, and a write says that it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from bigipsim.exchange import Request, Response
from bigipsim.objects import TYPES
from bigipsim.rest import cluster, errors, facts
from bigipsim.rest.accounts import Caller
from bigipsim.rest.listing import item, kind, leaves, listing, nested, one_of, self_link, single
from bigipsim.rest.render import HOST
from bigipsim.rest.routing import Route
from bigipsim.seeds.release import Release

if TYPE_CHECKING:
    from bigipsim.box import Box

_WORKERS: Final = r"tm(?:/(?:auth|cm|ltm|net|sys|task|transaction|util)(?:/[\w-]+)*)?|shared/(?:authn|authz|echo-js)"
_STATS: Final = "(?:/stats)?"
"""What tells the state of the device is of the shape of statistics, and answers at both addresses."""

_ABSENT: Final = r"(?P<path>(?:shared/file-transfer|cm/autodeploy)(?:/.*)?)"
"""What every device has for its files, and the simulator has not, but for uploads."""


def _check_release(box: Box, request: Request, path: str) -> None:
    since = facts.SINCE.get(path)
    if since is not None and Release.parse(box.version) < since:
        raise errors.not_registered(f"/tm/{path}", request.peer)


def _state(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    path = match["path"]
    _check_release(box, request, path)
    entries = {f"{HOST}/{path}/0": nested(leaves(facts.STATES[path](box)))}
    reply = {"kind": kind(path, "stats"), "selfLink": self_link(box, path), "entries": entries}
    return Response.json(200, reply)


def _singleton(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    path = match["path"]
    reply = {"kind": kind(path, "state"), "selfLink": self_link(box, path), **facts.SINGLETONS[path](box)}
    return single(box, request, reply)


def _list(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    path = match["path"]
    return listing(box, request, path, [item(box, path, fact) for fact in facts.LISTS[path](box)])


def _one(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    path = match["path"]
    return single(box, request, item(box, path, one_of(path, match["name"], facts.LISTS[path](box))))


def _document(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    return Response.json(200, facts.DOCUMENTS[match["path"]](box))


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
    return {*TYPES, *facts.STATES, *facts.SINGLETONS, *facts.LISTS, *cluster.LISTS, *more}


def _between() -> set[str]:
    """The addresses that lead to others and are no collection themselves."""
    known = _addresses()
    parts = (address.split("/") for address in known)
    return {"/".join(part[:depth]) for part in parts for depth in range(1, len(part))} - known


def _any_of(paths: Iterable[str], prefix: str = "tm/") -> str:
    return rf"{prefix}(?P<path>{'|'.join(re.escape(path) for path in sorted(paths))})"


_READ_ONLY: Final = (
    _any_of([*facts.STATES, *facts.SINGLETONS, *facts.LISTS, *cluster.LISTS, "sys/failover"]),
    rf"{_any_of([*facts.LISTS, *cluster.LISTS])}/[^/]+",
)

ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", rf"(?:{_WORKERS})/available", _available),
    Route("GET", f"{_any_of(facts.STATES)}{_STATS}", _state),
    Route("GET", _any_of(facts.SINGLETONS), _singleton),
    Route("GET", _any_of(facts.LISTS), _list),
    Route("GET", rf"{_any_of(facts.LISTS)}/(?P<name>[^/]+)", _one),
    Route("GET", _any_of(facts.DOCUMENTS, ""), _document),
    Route("GET", rf"tm(?P<path>(?:/(?:{'|'.join(re.escape(path) for path in sorted(_between()))}))?)", _organising),
    *(Route(method, _ABSENT, _absent) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
    *(Route(method, path, _read_only) for method in ("POST", "PUT", "PATCH", "DELETE") for path in _READ_ONLY),
)
