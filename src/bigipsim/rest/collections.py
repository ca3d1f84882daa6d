"""Configuration objects over REST: lists of them, one of them, and writes to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bigipsim.exchange import Request, Response
from bigipsim.objects.model import Item
from bigipsim.rest import commands, errors, query
from bigipsim.rest.accounts import Caller
from bigipsim.rest.render import Renderer, kind_of, segment
from bigipsim.rest.routing import Route
from bigipsim.rest.targets import Target, target

if TYPE_CHECKING:
    from bigipsim.box import Box

COORDINATION = "x-f5-rest-coordination-id"


def _get(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    transaction = request.headers.get(COORDINATION)
    where = target(box.tree, match["address"], request.peer)
    if transaction is not None:
        return _queued(box, transaction, commands.Command("GET", match["address"], {}, request.peer))
    if not caller.may_read(where.partition):
        raise errors.role_denied(caller.name, request.method, request.path, request.peer)
    if where.path == "/Common/example" and where.bare:
        return Response.json(200, _example(box, where))
    if not where.path:
        return Response.json(200, _collection(box, caller, request, where.kind))
    item = box.tree.need(where.kind, where.path)
    if where.child_kind and not (where.inner if where.inner_kind else where.child):
        return Response.json(200, _children(box, request, where, item))
    return Response.json(200, _one(box, request, where, item))


def _collection(box: Box, caller: Caller, request: Request, kind: str) -> dict[str, Any]:
    asked = query.parse(box.tree, kind, request.query)
    renderer = Renderer(box.tree, box.runtime)
    found = [item for item in box.tree.items(kind, asked.partition) if caller.may_read(item.partition)]
    shown = [
        query.select(asked, renderer.item(item, f"{kind}/{segment(item.full_path)}", expand=asked.expand))
        for item in query.window(asked, found)
    ]
    return {
        "kind": kind_of(kind, "collectionstate"),
        "selfLink": renderer.self_link(kind, request.query),
        **query.page(asked, kind, request.query, len(found)),
        **_items(box, shown),
    }


def _items(box: Box, shown: list[dict[str, Any]]) -> dict[str, Any]:
    # Releases up to 13 leave the key out when there is nothing to list.
    return {"items": shown} if shown or box.tree.major > 13 else {}


def _uri(where: Target) -> str:
    name = where.path.removeprefix("/Common/") if where.bare else where.path
    parts = [where.kind, segment(name)]
    for step, key in ((where.child_kind, where.child), (where.inner_kind, where.inner)):
        parts += [step] if step else []
        parts += [segment(key)] if key else []
    return "/".join(parts)


def _children(box: Box, request: Request, where: Target, item: Item) -> dict[str, Any]:
    asked = query.parse(box.tree, "", {key: text for key, text in request.query.items() if key != "$filter"})
    renderer = Renderer(box.tree, box.runtime)
    kind, parent, collection = where.child_kind, item, f"{where.kind}/{where.child_kind}"
    if where.inner_kind:
        parent = box.tree.need_child(where.kind, where.path, where.child_kind, where.child)
        kind, collection = where.inner_kind, f"{collection}/{where.inner_kind}"
    uri = _uri(where)
    shown = [query.select(asked, one) for one in renderer.children(parent, kind, uri, expand=asked.expand)]
    return {
        "kind": kind_of(collection, "collectionstate"),
        "selfLink": renderer.self_link(uri, request.query),
        **query.page(asked, uri, request.query, len(shown)),
        **_items(box, list(query.window(asked, shown))),
    }


def _one(box: Box, request: Request, where: Target, item: Item) -> dict[str, Any]:
    asked = query.parse(box.tree, "", {key: text for key, text in request.query.items() if key != "$filter"})
    renderer = Renderer(box.tree, box.runtime)
    uri = _uri(where)
    if not where.child_kind:
        shown = renderer.item(item, uri, expand=asked.expand, bare=where.bare)
    else:
        parent, child = item, box.tree.need_child(where.kind, where.path, where.child_kind, where.child)
        if where.inner_kind:
            inner = child.children.get(where.inner_kind, {}).get(where.inner)
            if inner is None:
                raise errors.object_not_found(where.inner)
            parent, child = child, inner
        shown = renderer.child(child, parent, uri, expand=asked.expand)
    if request.method == "GET" and request.query:
        shown["selfLink"] = renderer.self_link(uri, request.query)
    return query.select(asked, shown)


def _example(box: Box, where: Target) -> dict[str, Any]:
    """The help of the device: the properties of a type, with their defaults."""
    kind = box.tree.types[where.kind]
    base = box.tree.get(where.kind, box.tree.types.base(where.kind)) if kind.inherits else None
    told = {name: base.values[name] for name in base.values} if base is not None else {}
    told |= {name: "" if one.default.__class__ is object else one.default for name, one in kind.fields.items()}
    renderer = Renderer(box.tree, box.runtime)
    return {
        "kind": kind_of(where.kind, "collectionstate"),
        "selfLink": renderer.self_link(f"{where.kind}/example", {}),
        "items": [{"propertyDescriptions": {}, **told}],
    }


def _write(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    command = commands.read(box.tree, caller, request, match["address"])
    transaction = request.headers.get(COORDINATION)
    if transaction is not None and command.is_order:
        raise errors.not_in_a_transaction(command.body["command"])
    if transaction is not None:
        return _queued(box, transaction, command)
    written = command.run(box.tree)
    if written is None:
        return Response(200)
    where, item = written
    if command.is_order:
        kind = f"tm:{where.kind.replace('/', ':')}:{command.body['command']}state"
        return Response.json(200, {"kind": kind, **command.body})
    top = box.tree.need(where.kind, where.path) if where.child_kind else item
    unexpanded = Request(request.method, request.path, {}, request.headers, peer=request.peer)
    return Response.json(200, _one(box, unexpanded, where, top))


def _queued(box: Box, transaction: str, command: commands.Command) -> Response:
    opened = box.transactions.need(transaction)
    return Response.json(200, opened.queue(command, box.transactions.now()).to_wire(opened.id, box.version))


_ADDRESS = r"tm/(?P<address>(?:auth|sys|ltm|net|cm|gtm|asm|apm|security|analytics|cli|util|vcmp|pem|wom|ilx)(?:/.*)?)"

ROUTES = (Route("GET", _ADDRESS, _get), *(Route(verb, _ADDRESS, _write) for verb in ("POST", "PUT", "PATCH", "DELETE")))
