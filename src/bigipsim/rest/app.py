"""Who answers which request: the one table of routes, and the one place where refusals become responses.

Modules that answer expose `ROUTES`; they take `Route` from `bigipsim.rest.routing`.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from bigipsim.exchange import Refused, Request, Response
from bigipsim.rest import errors
from bigipsim.rest.routing import Route

if TYPE_CHECKING:
    from bigipsim.box import Box

__all__ = ["Route", "answer"]

PREFIX = "/mgmt/"


@functools.cache
def _table() -> tuple[tuple[str, re.Pattern[str], Route], ...]:
    from bigipsim.rest import auth, cm, collections, crypto, stats, system, tasks, transactions, upload

    parts = (auth, tasks, cm, upload, crypto, system, stats, transactions, collections)
    routes = [route for part in parts for route in part.ROUTES]
    return tuple((route.method, re.compile(route.pattern), route) for route in routes)


def answer(box: Box, request: Request) -> Response:
    """Answers a request: faults first, then credentials, then the route."""
    intercepted = box.faults.intercept(request)
    if intercepted is not None:
        return intercepted
    try:
        return _routed(box, request)
    except Refused as refused:
        return refused.response()


def _routed(box: Box, request: Request) -> Response:
    caller = box.auth.authenticate(box, request)
    path = request.path.rstrip("/")
    below = path.removeprefix(PREFIX)
    if below == path:
        raise errors.not_registered(path, request.peer)
    if request.method != "GET" and below.startswith("tm/") and not below.startswith("tm/task/"):
        box.tasks.check_idle()
    found = _find(request.method, below)
    if found is None:
        raise errors.not_registered("/" + below, request.peer)
    route, match = found
    return route.handler(box, caller, request, match)


@functools.lru_cache(maxsize=4096)
def _find(method: str, below: str) -> tuple[Route, re.Match[str]] | None:
    for of, pattern, route in _table():
        if of == method and (match := pattern.fullmatch(below)) is not None:
            return route, match
    return None
