"""How an object looks in a reply: its header, its values, and links to what it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from bigipsim.objects.model import Field, Item
from bigipsim.runtime import Runtime
from bigipsim.tree import Tree

HOST = "https://localhost/mgmt/tm"


@lru_cache(maxsize=16_384)
def segment(path: str) -> str:
    """A full path as one segment of a URI: "/P/10.0.0.1%2:80" is "~P~10.0.0.1%252:80"."""
    return quote(path.replace("/", "~"), safe="~:")


@lru_cache(maxsize=1024)
def kind_of(collection: str, suffix: str = "state") -> str:
    """The kind of objects of a collection: "tm:ltm:pool:poolstate"."""
    return f"tm:{collection.replace('/', ':')}:{collection.rpartition('/')[2]}{suffix}"


@lru_cache(maxsize=1024)
def _encoded(arguments: tuple[tuple[str, str], ...]) -> str:
    return urlencode(arguments, safe="$")


class Renderer:
    """Shows objects of one configuration as they are now."""

    def __init__(self, tree: Tree, runtime: Runtime) -> None:
        self.tree = tree
        self.runtime = runtime
        self._version = f"?ver={tree.version}"
        self._linked: dict[str, tuple[Field, ...]] = {}

    def link(self, kind: str, path: str) -> str:
        """The address of an object in a collection."""
        return f"{HOST}/{kind}/{segment(path)}{self._version}"

    def link_to(self, family: str, path: str) -> str:
        """The address of an object of a family; in the family itself when there is no such object."""
        return self.link(self.tree.kind_of(family, path) or family, path)

    def self_link(self, uri: str, arguments: Mapping[str, str]) -> str:
        """The address of a reply: what was asked for, with the arguments in order of their names."""
        shown = {**arguments, "ver": self.tree.version}
        return f"{HOST}/{uri}?{_encoded(tuple(sorted(shown.items())))}"

    def item(self, item: Item, uri: str, *, expand: bool = False, bare: bool = False) -> dict[str, Any]:
        """An object that was found at `uri` (below /mgmt/tm/, without arguments).

        `bare` is how the device shows objects of Common that were addressed without a partition: by their name alone.
        """
        return self._shown(item, None, uri, expand, bare)

    def child(self, item: Item, parent: Item, uri: str, *, expand: bool = False) -> dict[str, Any]:
        """A child of an object."""
        return self._shown(item, parent, uri, expand, False)

    def children(self, item: Item, kind: str, uri: str, *, expand: bool = False) -> list[dict[str, Any]]:
        """The children of an object in the collection at `uri`."""
        return [
            self._shown(child, item, f"{uri}/{segment(child.full_path)}", expand, False)
            for child in item.children.get(kind, {}).values()
        ]

    def _shown(self, item: Item, parent: Item | None, uri: str, expand: bool, bare: bool) -> dict[str, Any]:
        generation = item.generation if item.type.shows_generation else 0
        own = {"generation": generation, "selfLink": f"{HOST}/{uri}{self._version}"}
        if item.recorded is not None:
            shown = {**item.recorded, **own}
            self._recorded_health(item, parent, shown)
        else:
            shown = {"kind": kind_of(item.type.collection), "name": item.name, **_place(item, bare), **own}
            shown.update(item.values)
            self._add_links(item, shown)
            item.type.show(self, item, parent, shown)
        self._add_children(item, uri, expand, shown)
        return shown

    def _recorded_health(self, item: Item, parent: Item | None, shown: dict[str, Any]) -> None:
        """What is known now takes the place of what was true when the answer was recorded."""
        if item.type.collection == "ltm/pool/members" and parent is not None:
            status = self.runtime.member_status.get((parent.full_path, item.full_path))
            if status in ("up", "down") and shown.get("state") != "user-down":
                shown["state"] = status

    def _add_links(self, item: Item, shown: dict[str, Any]) -> None:
        collection = item.type.collection
        linked = self._linked.get(collection)
        if linked is None:
            linked = self._linked[collection] = tuple(one for one in item.type.fields.values() if one.family)
        for field in linked:
            value = item.values.get(field.name)
            if value is not None:
                self._add_link(field.name, value, field.family, shown)

    def _add_link(self, name: str, value: Any, family: str, shown: dict[str, Any]) -> None:
        if isinstance(value, list):
            shown[f"{name}Reference"] = [{"link": self.link_to(family, path)} for path in value]
        elif isinstance(value, str) and value.startswith("/"):
            shown[f"{name}Reference"] = {"link": self.link_to(family, value)}

    def _add_children(self, item: Item, uri: str, expand: bool, shown: dict[str, Any]) -> None:
        for kind in item.type.children:
            name, items = f"{kind}Reference", item.children.get(kind)
            if item.recorded is not None and name not in shown and not items:
                continue
            link = {"link": f"{HOST}/{uri}/{kind}{self._version}", "isSubcollection": True}
            reference = shown[name] = dict(shown[name]) if name in shown else link
            if expand and (items or (self.tree.major > 13 and item.recorded is None)):
                reference["items"] = self.children(item, kind, f"{uri}/{kind}", expand=True)


def _place(item: Item, bare: bool) -> dict[str, str]:
    if bare and item.partition == "Common":
        return {"fullPath": item.full_path.removeprefix("/Common/")}
    place = {}
    if item.partition:
        place["partition"] = item.partition
    if item.subpath:
        place["subPath"] = item.subpath
    place["fullPath"] = item.full_path
    return place
