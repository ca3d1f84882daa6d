"""A write to a configuration object: read from a request, carried out at once or when its transaction ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from bigipsim.exchange import Request
from bigipsim.objects import data_group, writing
from bigipsim.objects.model import Item, ObjectType
from bigipsim.rest import errors
from bigipsim.rest.targets import Target, target
from bigipsim.tree import Tree

if TYPE_CHECKING:
    from bigipsim.rest.accounts import Caller

MODIFYING = frozenset({"PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class Command:
    """`address` is the URI below /mgmt/tm/ as it was sent."""

    method: str
    address: str
    body: Mapping[str, Any]
    peer: str

    @property
    def is_order(self) -> bool:
        """Whether it has something done (`{"command": "publish"}`), and describes no object."""
        return self.method == "POST" and "command" in self.body

    def run(self, tree: Tree) -> tuple[Target, Item] | None:
        """Carries the command out; answers what was written and where it is now, None when it is gone.

        Raises:
            Refused: in the device's words; then nothing has changed.
        """
        where = target(tree, self.address, self.peer)
        if self.method == "GET":
            return None
        if where.inner_kind:
            return self._run_inside(tree, where)
        if where.child_kind:
            return self._run_on_child(tree, where)
        return self._run_on_object(tree, where)

    def _run_on_object(self, tree: Tree, where: Target) -> tuple[Target, Item] | None:
        if not where.path:
            if self.method != "POST":
                raise errors.not_implemented(f"{self.method} of a whole collection")
            if self.is_order:
                item = tree.types[where.kind].commands[self.body["command"]](tree, self.body)
                return Target(where.kind, item.full_path), item
            item = tree.create(where.kind, self.body)
            return Target(where.kind, item.full_path, bare=_says_no_partition(self.body, item)), item
        if self.method == "DELETE":
            tree.delete(where.kind, where.path)
            return None
        if self.method not in MODIFYING:
            raise errors.not_registered(f"/tm/{self.address}", self.peer)
        return where, tree.modify(where.kind, where.path, self.body, self.method == "PUT")

    def _run_on_child(self, tree: Tree, where: Target) -> tuple[Target, Item] | None:
        place = (where.kind, where.path, where.child_kind)
        if not where.child:
            if self.method != "POST":
                raise errors.not_implemented(f"{self.method} of a whole collection of {where.child_kind}")
            child = tree.create_child(*place, self.body)
            return Target(*place, child.full_path, bare=where.bare), child
        if self.method == "DELETE":
            tree.delete_child(*place, where.child)
            return None
        if self.method not in MODIFYING:
            raise errors.not_registered(f"/tm/{self.address}", self.peer)
        return where, tree.modify_child(*place, where.child, self.body, self.method == "PUT")

    def _run_inside(self, tree: Tree, where: Target) -> tuple[Target, Item] | None:
        """Writes to the children of a child (conditions and actions of a rule) by listing them all anew."""
        outer = tree.need_child(where.kind, where.path, where.child_kind, where.child)
        before = outer.children.get(where.inner_kind, {})
        if where.inner and where.inner not in before:
            raise errors.object_not_found(where.inner)
        bodies = {key: {"name": item.name, **item.values} for key, item in before.items()}
        name = where.inner or writing.plain_name(self.body)
        if self.method == "POST" and name in bodies:
            raise errors.already_exists(outer.type.children[where.inner_kind].word, name, where.partition)
        if self.method == "DELETE":
            bodies.pop(name)
        else:
            kept = bodies.get(name, {}) if self.method == "PATCH" else {}
            bodies[name] = {**kept, **self.body, "name": name}
        listed = {where.inner_kind: list(bodies.values())}
        after = tree.modify_child(where.kind, where.path, where.child_kind, where.child, listed)
        if self.method == "DELETE":
            return None
        inner = Target(where.kind, where.path, where.child_kind, where.child, where.inner_kind, name, where.bare)
        return inner, after.children[where.inner_kind][name]


def _says_no_partition(body: Mapping[str, Any], item: Item) -> bool:
    return item.partition == "Common" and "partition" not in body and not str(body.get("name")).startswith("/")


def body_of(request: Request) -> dict[str, Any]:
    """The body of a request, which must be a JSON object; no body is an empty one.

    Raises:
        Refused: it is something else (400).
    """
    if not request.body.strip():
        return {}
    try:
        value = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise errors.invalid_json() from None
    if not isinstance(value, dict):
        raise errors.invalid_json()
    return value


def read(tree: Tree, caller: Caller, request: Request, address: str) -> Command:
    """The command of a request, checked as far as that goes without carrying it out.

    Raises:
        Refused: bad JSON, an unknown URI or property, no right to write to the partition.
    """
    where = target(tree, address, request.peer)
    body = {} if request.method == "DELETE" else body_of(request)
    partition = where.partition
    if request.method == "POST" and not where.path:
        partition = _partition_of(body)
    collection = "/".join(filter(None, (where.kind, where.child_kind)))
    if not caller.may_write(_guarded(where.kind, partition), collection, request.method):
        raise errors.role_denied(caller.name, request.method, request.path, request.peer)
    option = request.query.get("options", "recursive")
    if option != "recursive":
        body = {"records": _edit(where, request.method, option)}
    if "command" in body and request.method == "POST" and not where.path:
        if body["command"] not in tree.types[where.kind].commands:
            raise errors.not_implemented(f'the command "{body["command"]}" of {where.kind}')
        return Command(request.method, address, body, request.peer)
    check_keys(tree, _type(tree, where), body)
    return Command(request.method, address, body, request.peer)


def _edit(where: Target, method: str, option: str) -> data_group.RecordEdit:
    """The change to single records of a data group, which is the one option of a write that is known here."""
    change = data_group.edit(option) if where.kind == data_group.INTERNAL.collection and method == "PATCH" else None
    if change is None:
        raise errors.not_implemented(f'the option "{option}" of a write')
    return change


def _guarded(kind: str, partition: str) -> str:
    # Partitions and their folders are no one's own: they need rights on the whole device.
    return "" if kind == "auth/partition" else partition


def _partition_of(body: Mapping[str, Any]) -> str:
    name = str(body.get("name", ""))
    return name[1:].partition("/")[0] if name.startswith("/") else str(body.get("partition") or "Common")


def _type(tree: Tree, where: Target) -> ObjectType:
    found = tree.types[where.kind]
    for step in filter(None, (where.child_kind, where.inner_kind)):
        found = found.children[step]
    return found


def check_keys(tree: Tree, kind: ObjectType, body: Mapping[str, Any]) -> None:
    """Refuses properties that the type does not have, in a body and in the children listed in it."""
    base = tree.get(kind.collection, tree.types.base(kind.collection)) if kind.inherits else None
    if kind.open or (kind.inherits and base is None):
        return
    known = {*writing.ECHOES, *writing.IDENTITY, *kind.fields, *(name for pair in kind.pairs for name in pair)}
    if base is not None:
        known.update(base.values)
    for name, value in body.items():
        plain = writing.camel(name)
        child = kind.children.get(plain.removesuffix("Reference"))
        if child is not None:
            listed = value.get("items") if isinstance(value, dict) else value
            for inner in listed if isinstance(listed, list) else ():
                if isinstance(inner, dict):
                    check_keys(tree, child, inner)
        elif plain not in known and not plain.endswith("Reference"):
            raise errors.unknown_property(name)
