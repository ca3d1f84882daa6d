"""Decides which part of the configuration the units of a group share, and how the whole of it replaces another.

What is LTM's travels, with the partitions, folders and files that it needs, if its folder belongs to the group. What
ties a unit to its network stays: VLANs and the route domains they are in, self IPs, tunnels, ARP, routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from bigipsim.group.membership import Commit, Shared
from bigipsim.objects.model import Change, Item
from bigipsim.objects.partition import device_group
from bigipsim.recording import check_objects, dumped, restored
from bigipsim.store import Place
from bigipsim.tree import Tree

SHARED: Final = ("ltm/", "sys/application/", "sys/file/", "auth/partition", "sys/folder")
FILES: Final = "sys/file/"
CONTAINERS: Final = ("auth/partition", "sys/folder")
ROOTS: Final = ("/", "/Common")
"""Folders that belong to the group of the device whatever is written in them, and do not travel themselves."""


def folder_of(item: Item) -> str:
    """The folder whose device group tells whether an object travels: its own, for a folder and for a partition."""
    if item.type.collection == "auth/partition":
        return "/Common" if item.name == "Common" else f"/{item.name}"
    return item.full_path if item.type.collection == "sys/folder" else item.folder


class Scope:
    """Which objects of one configuration travel within a group."""

    def __init__(self, tree: Tree, group: str) -> None:
        self._tree = tree
        self._group = f"/Common/{group}"

    def has_folder(self, folder: str) -> bool:
        """Whether what lies in a folder travels."""
        return device_group(self._tree, folder, self._group) == self._group

    def has(self, item: Item) -> bool:
        """Whether an object travels."""
        return _shareable(item) and self.has_folder(folder_of(item))

    def touched(self, changes: Iterable[Change]) -> bool:
        """Whether any of these changes is one that other units lack now."""
        return any(self.has(item) for change in changes for item in (change.before, change.after) if item is not None)

    def items(self) -> Iterator[Item]:
        """Every object that may travel, wherever it lies."""
        for kind in sorted(self._tree.kinds()):
            if kind.startswith(SHARED):
                yield from filter(_shareable, self._tree.items(kind))


def _shareable(item: Item) -> bool:
    kind = item.type.collection
    return kind.startswith(SHARED) and not (kind in CONTAINERS and folder_of(item) in ROOTS)


def give(tree: Tree, group: str, commit: Commit) -> Shared:
    """The configuration of a unit as another one takes it."""
    scope = Scope(tree, group)
    folders = {item.full_path: scope.has_folder(item.full_path) for item in tree.items("sys/folder")}
    objects: dict[str, list[dict[str, Any]]] = {}
    for item in scope.items():
        if folders.get(folder_of(item), True):
            objects.setdefault(item.type.collection, []).append(dumped(item))
    used = {str(one["values"].get("checksum")) for kind in objects if kind.startswith(FILES) for one in objects[kind]}
    return Shared(
        group=group,
        commit=commit,
        folders=sorted(path for path, travels in folders.items() if travels),
        apart=sorted(path for path, travels in folders.items() if not travels),
        last_index=tree.last_index,
        objects=objects,
        files=tree.files.dump(used),
        private=tree.files.dump_private(used),
    )


def take(tree: Tree, shared: Shared) -> None:
    """Makes the shared configuration of another unit the one of this unit: what only this one had is gone.

    Objects that are equal are left as they are, so that whoever watches is told of differences only.

    Raises:
        ValueError: it is damaged, or of a collection that this unit does not have; nothing has changed then.
    """
    check_objects(shared.objects)
    for kind in shared.objects:
        if tree.types.get(kind) is None:
            raise ValueError(f'this bigipsim has no collection "{kind}"; give all units of a group the same version')
    wanted: dict[Place, dict[str, Any]] = {
        (kind, document["fullPath"]): document for kind, listed in shared.objects.items() for document in listed
    }
    scope = Scope(tree, shared.group)
    theirs, apart = frozenset(shared.folders), frozenset(shared.apart)
    stage = tree.fork()
    gone = [
        item
        for item in scope.items()
        if (item.type.collection, item.full_path) not in wanted
        and (folder_of(item) in theirs or (folder_of(item) not in apart and scope.has(item)))
    ]
    _remove(stage, gone)
    for place, document in wanted.items():
        _put(stage, place, document)
    tree.files.load(shared.files, shared.private)
    stage.last_index = max(tree.last_index, shared.last_index)
    stage.reindex()
    tree.adopt(stage, checked=False)


def _remove(stage: Tree, gone: list[Item]) -> None:
    """Containers last, inner before outer ones; one that holds something of this unit's own stays."""
    for item in sorted(gone, key=lambda one: (one.type.collection in CONTAINERS, -one.full_path.count("/"))):
        kind = item.type.collection
        if kind not in CONTAINERS or not stage.residents(folder_of(item)):
            stage.put(kind, item.full_path, item, None)


def _put(stage: Tree, place: Place, document: dict[str, Any]) -> None:
    kind, path = place
    before = stage.get(kind, path)
    if before is not None and {**dumped(before), "generation": 0} == {**document, "generation": 0}:
        return
    item = restored(stage, stage.types[kind], {**document, "generation": stage.next_generation()})
    stage.put(kind, path, before, item)
