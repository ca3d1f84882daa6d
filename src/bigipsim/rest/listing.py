"""Lists and objects that are not in the configuration tree, answered with the same arguments as those that are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bigipsim.exchange import Request, Response
from bigipsim.rest import query
from bigipsim.rest.render import HOST, kind_of

if TYPE_CHECKING:
    from bigipsim.box import Box


def self_link(box: Box, uri: str) -> str:
    """The address of what is at `uri` (below /mgmt/tm/; "" is /mgmt/tm itself)."""
    return f"{HOST}{'/' if uri else ''}{uri}?ver={box.version}"


def kind(uri: str, suffix: str) -> str:
    """The kind of the reply at `uri`; it may be "", which has no collection in it."""
    return kind_of(uri, suffix) if uri else f"tm:tm{suffix}"


def listing(box: Box, request: Request, uri: str, items: Sequence[Mapping[str, Any]]) -> Response:
    """A collection; none of these can be filtered by partition."""
    asked = _asked(box, request)
    shown = [query.select(asked, dict(item)) for item in query.window(asked, items)]
    told = query.page(asked, uri, request.query, len(items))
    head = {"kind": kind(uri, "collectionstate"), "selfLink": self_link(box, uri)}
    return Response.json(200, {**head, **told, "items": shown})


def single(box: Box, request: Request, document: Mapping[str, Any]) -> Response:
    """One object."""
    return Response.json(200, query.select(_asked(box, request), dict(document)))


def _asked(box: Box, request: Request) -> query.Query:
    return query.parse(box.tree, "", {key: text for key, text in request.query.items() if key != "$filter"})
