"""Objects that are stored without any check: those of the factory, and those that another device was seen to have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from bigipsim.objects import inheritance, writing
from bigipsim.objects.model import ABSENT, Identity, Item, ObjectType, Site
from bigipsim.tree import Tree

HEADER = frozenset({"kind", "name", "partition", "subPath", "fullPath", "generation", "selfLink"})

Seed = tuple[str, Mapping[str, Any]]


def plant(tree: Tree, seeds: Iterable[Seed]) -> None:
    """Stores (collection, body with name and partition), each after those that it takes its properties from.

    Raises:
        ValueError: the simulator has no such collection.
    """
    stage = tree.fork()
    for collection, body in seeds:
        kind = _type(tree, collection)
        item = _planted(stage, kind, body)
        _store(stage, item)
    stage.reindex()
    tree.adopt(stage, checked=False)


def graft(tree: Tree, recordings: Iterable[tuple[str, Mapping[str, Any], str]]) -> None:
    """Stores (collection, reply of a device, full path of the parent of a child) over what is there.

    Partitions and folders that the objects are in are made when they are missing.

    Raises:
        ValueError: the simulator has no such collection.
    """
    stage = tree.fork()
    for collection, document, parent in recordings:
        if parent:
            _graft_child(stage, collection, document, parent)
        else:
            _store(stage, _recorded(stage, _type(tree, collection), document, None))
    stage.reindex()
    tree.adopt(stage, checked=False)


def _type(tree: Tree, collection: str) -> ObjectType:
    kind = tree.types.get(collection)
    if kind is None:
        raise ValueError(f'bigipsim has no collection "{collection}"; leave its objects out')
    return kind


def _store(tree: Tree, item: Item) -> None:
    kind = tree.kind_of(item.type.kin, item.full_path)
    before = tree.get(kind, item.full_path) if kind is not None else None
    if before is not None and kind is not None and kind != item.type.collection:
        tree.put(kind, item.full_path, before, None)
        before = None
    tree.put(item.type.collection, item.full_path, before, item)


def _planted(tree: Tree, kind: ObjectType, body: Mapping[str, Any]) -> Item:
    called = (kind.identify or writing.identity)(tree, body, None)
    given = {key: value for key, value in body.items() if key not in HEADER and key not in kind.children}
    values: dict[str, Any] = {}
    own: frozenset[str] = frozenset()
    if kind.inherits:
        path = given.get("defaultsFrom")
        parent = tree.get(kind.collection, path) if isinstance(path, str) else None
        if parent is not None:
            values = {key: value for key, value in parent.values.items() if key not in inheritance.NOT_INHERITED}
            words = parent.values.keys() & inheritance.NOT_INHERITED - {"defaultsFrom"}
            values.update(dict.fromkeys(words, "none") if kind.family != "ltm/monitor" else {})
            own = frozenset(key for key, value in given.items() if values.get(key, ABSENT) != value)
        else:
            own = frozenset(given)
        own -= inheritance.NOT_INHERITED
    else:
        values = {one.name: one.default for one in kind.fields.values() if one.default is not ABSENT}
        if not any(name in given for pair in kind.pairs for name in pair):
            values.update(dict.fromkeys((first for first, _ in kind.pairs), True))
    values.update(given)
    children = {name: _planted_children(tree, child, body.get(name, ())) for name, child in kind.children.items()}
    return _item(tree, kind, called, values, children, own, None)


def _planted_children(tree: Tree, kind: ObjectType, bodies: Iterable[Mapping[str, Any]]) -> dict[str, Item]:
    listed = [_planted(tree, kind, body) for body in bodies]
    return {child.full_path: child for child in listed}


def _item(
    tree: Tree,
    kind: ObjectType,
    called: Identity,
    values: Mapping[str, Any],
    children: dict[str, dict[str, Item]],
    own: frozenset[str],
    recorded: Mapping[str, Any] | None,
    parent: Item | None = None,
    generation: int | None = None,
) -> Item:
    refs, marks = writing.index_of(Site(tree, kind, *called, None, parent), values, children if parent else {})
    number = tree.next_generation() if generation is None else generation
    return Item(kind, *called, number, values, children, own, recorded, refs, marks)


def called_in(document: Mapping[str, Any], in_folder: bool) -> Identity:
    """What a recorded object is called, by its own words as far as they go."""
    name = str(document.get("name", ""))
    partition, subpath = str(document.get("partition", "")), str(document.get("subPath", ""))
    path = str(document.get("fullPath", name))
    if in_folder and not path.startswith("/"):
        partition = partition or "Common"
        path = "/" + "/".join(filter(None, (partition, subpath.strip("/"), path)))
    elif in_folder and not partition and path.count("/") > 1:
        partition = path[1:].partition("/")[0]
    return Identity(partition, subpath, name, path)


def _recorded(tree: Tree, kind: ObjectType, document: Mapping[str, Any], parent: Item | None) -> Item:
    in_folder = kind.collection != "auth/partition" and (parent is None or kind.identify is not writing.bare_identity)
    if parent is not None and not str(document.get("fullPath", "")).startswith("/"):
        in_folder = "partition" in document
    called = called_in(document, in_folder)
    if parent is None:
        _ensure_folders(tree, called)
    references = {f"{name}Reference" for name in kind.children}
    values = {
        key: _administrative(key, value)
        for key, value in document.items()
        if key not in HEADER and key not in references and not _is_link(key, value)
    }
    shown = {key: value for key, value in document.items() if key not in {"generation", "selfLink"}}
    children: dict[str, dict[str, Item]] = {}
    shell = Item(kind, *called, 0, values)
    for name, child_kind in kind.children.items():
        reference = document.get(f"{name}Reference")
        listed = reference.get("items", ()) if isinstance(reference, dict) else ()
        items = [_recorded(tree, child_kind, one, shell) for one in listed if isinstance(one, dict)]
        children[name] = {item.full_path: item for item in items}
        if isinstance(reference, dict):
            shown[f"{name}Reference"] = {key: value for key, value in reference.items() if key != "items"}
    own = frozenset(values) - inheritance.NOT_INHERITED if kind.inherits else frozenset()
    generation = document.get("generation")
    number = generation if isinstance(generation, int) else None
    return _item(tree, kind, called, values, children, own, shown, parent, number)


def _is_link(key: str, value: Any) -> bool:
    entries = value if isinstance(value, list) else [value]
    return key.endswith("Reference") and all(isinstance(one, dict) for one in entries)


def _administrative(key: str, value: Any) -> Any:
    """What the administrator set, where a reply mixes it with what was true when it was recorded."""
    if key == "session" and isinstance(value, str):
        return "user-disabled" if "disabled" in value else "user-enabled"
    if key == "state" and isinstance(value, str):
        return "user-down" if value == "user-down" else "user-up"
    return value


def _ensure_folders(tree: Tree, called: Identity) -> None:
    if not called.partition:
        return
    folder = called.full_path.rpartition("/")[0]
    parts = folder[1:].split("/")
    if tree.get("auth/partition", parts[0]) is None:
        tree.make("auth/partition", {"name": parts[0]})
    for depth in range(2, len(parts) + 1):
        path = "/" + "/".join(parts[:depth])
        if tree.get("sys/folder", path) is None:
            tree.make("sys/folder", {"name": path})


def _graft_child(tree: Tree, collection: str, document: Mapping[str, Any], parent_path: str) -> None:
    parent_kind, _, name = collection.rpartition("/")
    kind = _type(tree, parent_kind)
    partition, _, last = parent_path[1:].partition("/")
    parent = tree.get(parent_kind, parent_path)
    if parent is None:
        _store(tree, _recorded(tree, kind, {"name": last, "partition": partition, "fullPath": parent_path}, None))
        parent = tree.need(parent_kind, parent_path)
    child = _recorded(tree, kind.children[name], document, parent)
    children = {key: dict(items) for key, items in parent.children.items()}
    children.setdefault(name, {})[child.full_path] = child
    called = Identity(parent.partition, parent.subpath, parent.name, parent.full_path)
    after = _item(tree, kind, called, parent.values, children, parent.own, parent.recorded, None, parent.generation)
    tree.put(parent_kind, parent_path, parent, after)


def parent_in(link: str, parent_kind: str) -> str:
    """Full path of the parent that the selfLink of a child names.

    Raises:
        ValueError: it names none.
    """
    path = urlsplit(link).path
    _, found, rest = path.partition(f"/mgmt/tm/{parent_kind}/")
    if not found:
        raise ValueError(f'the selfLink "{link}" does not say which object of {parent_kind} its object belongs to')
    return unquote(rest.partition("/")[0]).replace("~", "/")
