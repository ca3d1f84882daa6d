"""How a configuration is written to JSON and read again: dumps of our own, and answers that a real device gave.

A dump holds everything and restores it exactly. Recorded answers may be nested in any way; every object whose "kind"
ends in "state" is taken as it is, dangling references, misspelt keys and all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from bigipsim.objects import writing
from bigipsim.objects.model import Item, ObjectType, Site
from bigipsim.planting import graft, parent_in
from bigipsim.tree import Tree

FORM = 1


class DumpedItem(msgspec.Struct, frozen=True):
    """The form of one object in a dump."""

    partition: str
    subPath: str
    name: str
    fullPath: str
    generation: int
    values: dict[str, Any]
    own: list[str] = []
    recorded: dict[str, Any] | None = None
    children: dict[str, list[DumpedItem]] = {}


class DumpedAccess(msgspec.Struct, frozen=True):
    """What an account may do in one partition."""

    name: str
    role: str


class DumpedAccount(msgspec.Struct, frozen=True):
    """The form of one account in a dump."""

    name: str
    partitionAccess: list[DumpedAccess] = []


class DumpedPrivate(msgspec.Struct, frozen=True):
    """What a saved configuration holds beyond a dump: private keys in Base64 by checksum, and what is sealed."""

    keys: dict[str, str] = {}
    secrets: dict[str, str] = {}


class Dump(msgspec.Struct, frozen=True):
    """The form of a dump, which is read as a mapping once it is known to have this form."""

    bigipsim: int
    generation: int
    lastIndex: int
    objects: dict[str, list[DumpedItem]]
    files: dict[str, str] = {}
    private: DumpedPrivate = DumpedPrivate()
    accounts: list[DumpedAccount] = []


def dump_tree(tree: Tree) -> dict[str, Any]:
    """The whole configuration, with "bigipsim" as the mark of a dump and "objects" as lists by collection."""
    return {
        "bigipsim": FORM,
        "version": tree.version,
        "generation": tree.generation,
        "lastIndex": tree.last_index,
        "objects": {
            kind: [dumped(item) for item in tree.items(kind)] for kind in sorted(tree.kinds()) if tree.items(kind)
        },
    }


def used_files(tree: Tree) -> frozenset[str]:
    """The checksums of the contents that objects name."""
    return frozenset(
        str(item.values["checksum"])
        for kind in tree.kinds()
        if kind.startswith("sys/file/")
        for item in tree.items(kind)
        if "checksum" in item.values
    )


def check_objects(objects: Any) -> None:
    """Refuses what is not the "objects" of a dump.

    Raises:
        ValueError: it has another form.
    """
    try:
        msgspec.convert(objects, dict[str, list[DumpedItem]])
    except msgspec.ValidationError as error:
        raise ValueError(f"the configuration is damaged: {error}") from error


def dumped(item: Item) -> dict[str, Any]:
    """One object as it stands in a dump."""
    document: dict[str, Any] = {
        "partition": item.partition,
        "subPath": item.subpath,
        "name": item.name,
        "fullPath": item.full_path,
        "generation": item.generation,
        "values": dict(item.values),
    }
    if item.own:
        document["own"] = sorted(item.own)
    if item.recorded is not None:
        document["recorded"] = dict(item.recorded)
    children = {name: [dumped(child) for child in items.values()] for name, items in item.children.items()}
    if children:
        document["children"] = children
    return document


def load_into(tree: Tree, recording: Any) -> None:
    """Takes a dump, which replaces everything, or recorded answers, which are stored over what is there.

    Raises:
        ValueError: it is neither, or holds a collection that the simulator does not have.
    """
    if isinstance(recording, Mapping) and "bigipsim" in recording:
        _check_form(recording)
        _restore(tree, recording)
        return
    found = list(_objects(recording))
    if not found:
        raise ValueError('there is no object with a "kind" in it; load a dump, or answers of a device as they were')
    known = {f"{kind}/{child}" for kind in tree.types for child in tree.types[kind].children}
    graft(tree, [_placed(known, document) for document in found])


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        kind = value.get("kind")
        if isinstance(kind, str) and kind.endswith("state") and not kind.endswith("collectionstate"):
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _placed(child_collections: set[str], document: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], str]:
    collection = collection_of(document["kind"])
    if not any(isinstance(document.get(key), str) and document[key] for key in ("name", "fullPath")):
        raise ValueError(f'an object of kind "{document["kind"]}" has neither "name" nor "fullPath"; give it one')
    parent = ""
    if collection in child_collections:
        parent = parent_in(str(document.get("selfLink", "")), collection.rpartition("/")[0])
    return collection, document, parent


def collection_of(kind: str) -> str:
    """The collection of objects of a kind: "tm:ltm:pool:poolstate" is "ltm/pool"."""
    return "/".join(kind.split(":")[1:-1])


def _check_form(dump: Mapping[str, Any]) -> None:
    if dump["bigipsim"] != FORM:
        raise ValueError(f"the dump has form {dump['bigipsim']}; this bigipsim reads form {FORM}")
    try:
        msgspec.convert(dump, Dump)
    except msgspec.ValidationError as error:
        raise ValueError(f"the dump is damaged: {error}; make a new one") from error


def _restore(tree: Tree, dump: Mapping[str, Any]) -> None:
    stage = tree.fork()
    for kind in tree.kinds():
        for item in tree.items(kind):
            stage.put(kind, item.full_path, item, None)
    for kind, documents in dump["objects"].items():
        if tree.types.get(kind) is None:
            raise ValueError(f'bigipsim has no collection "{kind}"; leave its objects out')
        for document in documents:
            item = restored(stage, tree.types[kind], document)
            stage.put(kind, item.full_path, None, item)
    stage.generation, stage.last_index = dump["generation"], dump["lastIndex"]
    stage.reindex()
    tree.adopt(stage, checked=False)


def restored(tree: Tree, kind: ObjectType, document: Mapping[str, Any], parent: Item | None = None) -> Item:
    """The object that stands in a dump, to be stored in `tree`.

    Raises:
        ValueError: it has children of a sort that the simulator does not have.
    """
    called = (document["partition"], document["subPath"], document["name"], document["fullPath"])
    strange = document.get("children", {}).keys() - kind.children.keys()
    if strange:
        raise ValueError(f'bigipsim has no collection "{kind.collection}/{min(strange)}"; leave its objects out')
    values, own = document["values"], frozenset(document.get("own", ()))
    shell = Item(kind, *called, 0, values)
    children = {
        name: {child.full_path: child for child in (restored(tree, kind.children[name], one, shell) for one in listed)}
        for name, listed in document.get("children", {}).items()
    }
    refs, marks = writing.index_of(Site(tree, kind, *called, None, parent), values, children if parent else {})
    return Item(kind, *called, document["generation"], values, children, own, document.get("recorded"), refs, marks)
