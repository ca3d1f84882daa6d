"""Lists and objects that are not in the configuration tree, answered with the same arguments as those that are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from bigipsim.exchange import Request, Response
from bigipsim.rest import errors, query
from bigipsim.rest.render import HOST, kind_of, segment

if TYPE_CHECKING:
    from bigipsim.box import Box


def self_link(box: Box, uri: str) -> str:
    """The address of what is at `uri` (below /mgmt/tm/; "" is /mgmt/tm itself)."""
    return f"{HOST}{'/' if uri else ''}{uri}?ver={box.version}"


def kind(uri: str, suffix: str) -> str:
    """The kind of the reply at `uri`; it may be "", which has no collection in it."""
    return kind_of(uri, suffix) if uri else f"tm:tm{suffix}"


def listing(box: Box, request: Request, uri: str, items: Sequence[Mapping[str, Any]], collection: str = "") -> Response:
    """A collection; none of these can be filtered by partition. `collection` is its type, if `uri` has names in it."""
    asked = _asked(box, request)
    shown = [query.select(asked, dict(item)) for item in query.window(asked, items)]
    told = query.page(asked, uri, request.query, len(items))
    head = {"kind": kind(collection or uri, "collectionstate"), "selfLink": self_link(box, uri)}
    return Response.json(200, {**head, **told, "items": shown})


def single(box: Box, request: Request, document: Mapping[str, Any]) -> Response:
    """One object."""
    return Response.json(200, query.select(_asked(box, request), dict(document)))


def item(box: Box, path: str, fact: Mapping[str, Any]) -> dict[str, Any]:
    """A fact of the collection at `path` as the device shows it; its `fullPath` is part of its address."""
    uri = f"{path}/{segment(str(fact['fullPath']))}"
    link = {"kind": kind(path, "state"), "generation": 1, "selfLink": self_link(box, uri)}
    return {**link, **fact}


def one_of(path: str, name: str, facts: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The fact that a URI names, with or without its partition.

    Raises:
        Refused: there is none (404).
    """
    wanted = unquote(name).replace("~", "/")
    for fact in facts:
        if wanted in (fact["fullPath"], fact["fullPath"].removeprefix("/Common/")):
            return fact
    raise errors.not_found(path.rpartition("/")[2], wanted)


def leaves(texts: Mapping[str, str]) -> dict[str, Any]:
    """Texts as the leaves of statistics."""
    return {name: {"description": words} for name, words in texts.items()}


def nested(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Statistics within statistics."""
    return {"nestedStats": {"entries": entries}}


def _asked(box: Box, request: Request) -> query.Query:
    return query.parse(box.tree, "", {key: text for key, text in request.query.items() if key != "$filter"})
