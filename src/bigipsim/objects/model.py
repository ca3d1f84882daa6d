"""The form of every configuration object: what an item holds and what a type of object knows about its properties."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from bigipsim.runtime import Runtime
    from bigipsim.tree import Tree

JSON = Any
"""A decoded JSON value. A recursive type would be of no use: past the edge every property has a shape of its own."""

ABSENT: Final = object()
"""Stands for a property that is not set: its key does not appear."""


class Ref(NamedTuple):
    """A pointer at another object: the family of collections that it is in, and its full path."""

    family: str
    path: str


class Referrer(NamedTuple):
    """Who holds a reference: an object, or a child of it (`child_kind` and `child` are empty otherwise)."""

    kind: str
    path: str
    child_kind: str = ""
    child: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One configuration object; never changed, always replaced.

    `values` are complete (defaults and inherited properties included) and normalised, under their names on the wire,
    without kind, name, partition, subPath, fullPath, generation, selfLink and links to other objects. `children` maps a
    child collection ("members") to its items by full path. `own` names the properties that are set here where the
    others are inherited. `recorded` is the answer of another device that the item was taken from, unchecked; it is
    shown as it came until someone writes to it. `refs` and `marks` are what the tree indexes: objects referred to, and
    what may exist only once (an address, a listener).
    """

    type: ObjectType
    partition: str
    subpath: str
    name: str
    full_path: str
    generation: int
    values: Mapping[str, JSON]
    children: Mapping[str, Mapping[str, Item]] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    recorded: Mapping[str, JSON] | None = None
    refs: tuple[Ref, ...] = ()
    marks: tuple[Hashable, ...] = ()

    @property
    def folder(self) -> str:
        """Full path of the folder that holds the object; "" for what lives outside folders."""
        return self.full_path.rpartition("/")[0]


class Change(NamedTuple):
    """One object before and after a committed write; None means that it did not, or does not, exist."""

    kind: str
    path: str
    before: Item | None
    after: Item | None


@dataclass(slots=True)
class Site:
    """Where a property is being written: the configuration it is checked against, and the object it belongs to.

    `before` is the object as it was (None when it is created); `parent` the object that a child belongs to.
    """

    tree: Tree
    type: ObjectType
    partition: str
    subpath: str
    name: str
    full_path: str
    before: Item | None = None
    parent: Item | None = None

    def resolve(self, family: str, word: str, text: JSON) -> str:
        """Full path of the object that `text` names: absolute, or in the partition of this object, or in /Common.

        Raises:
            Refused: there is none (404, code 01020036), or it is in another user's partition (400, 01070726).
        """
        return self.tree.resolve(self, family, word, text)


Shape = Callable[[str, JSON, Site], JSON]
"""Takes a property's name, the value of a request and the site; answers the value as the device stores it, or ABSENT
to unset it.

Raises:
    Refused: in the device's words.
"""

Access = Literal["write", "create", "create-or-same", "server"]
"""Who may set a property: anyone at any time; only who creates the object (then refused, or refused unless it is
repeated unchanged); only the device (then it is ignored)."""


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a type. `refs` finds the objects that a value points at; one with a `family` is
    shown with a second key beside it ("poolReference") that holds their addresses in that family."""

    name: str
    shape: Shape
    default: JSON = ABSENT
    access: Access = "write"
    refs: Callable[[JSON], Iterable[Ref]] | None = None
    family: str = ""


class View(Protocol):
    """What a type may ask while an object is shown: health, and the addresses of other objects."""

    tree: Tree
    runtime: Runtime

    def link(self, kind: str, path: str) -> str:
        """The address of an object in a collection."""
        ...

    def link_to(self, family: str, path: str) -> str:
        """The address of an object of a family; in the family itself when there is no such object."""
        ...


def _nothing(*_: Any) -> None:
    return None


def _no_refs(*_: Any) -> Iterable[Ref]:
    return ()


def _no_marks(*_: Any) -> Iterable[Hashable]:
    return ()


class Identity(NamedTuple):
    """What an object is called; the partition is "" for what has none."""

    partition: str
    subpath: str
    name: str
    full_path: str


@dataclass(frozen=True, slots=True, eq=False)
class ObjectType:
    """One collection of the device.

    word: what error texts call the object; used_word, user_word: what they call it when it is in use, or is the user.
    family: collections that share names and can be pointed at by one property ("ltm/monitor").
    open: properties that are not in `fields` are kept as they are.
    fresh: a child that is listed anew keeps nothing of the one of that name before it.
    inherits: properties come from the object named by defaultsFrom, whose base object tells what properties exist.
    identify: what an object is called by the body of the request that creates it (and its parent, for a child).
    pairs: properties of which exactly one is there and true; the first is the default.
    settle: completes and checks the values together, before the object is stored.
    effects: what else the device creates or removes once it is stored (before, after).
    before_delete: refuses what must not be deleted, beyond what is in use.
    show: completes the reply that shows an object (the view, the object, its parent, the reply).
    refs, marks: what the tree is to index beyond the `refs` of fields.
    deferred: marks are compared when a transaction ends, not at each command.
    commands: what a POST to the collection with a `command` does, by its word; answers what has come of it.
    together: refuses an object that does not fit to others, when a transaction ends.
    """

    collection: str
    word: str
    fields: Mapping[str, Field]
    family: str = ""
    used_word: str = ""
    user_word: str = ""
    children: Mapping[str, ObjectType] = field(default_factory=dict)
    pairs: tuple[tuple[str, str], ...] = ()
    open: bool = False
    fresh: bool = False
    inherits: bool = False
    creatable: bool = True
    writable: bool = True
    shows_generation: bool = True
    deferred: bool = False
    identify: Callable[[Tree, JSON, Item | None], Identity] | None = None
    settle: Callable[[Site, dict[str, JSON], dict[str, dict[str, Item]], frozenset[str]], None] = _nothing
    effects: Callable[[Tree, Item | None, Item | None], None] = _nothing
    before_delete: Callable[[Tree, Item], None] = _nothing
    show: Callable[[View, Item, Item | None, dict[str, JSON]], None] = _nothing
    refs: Callable[[Site, Mapping[str, JSON]], Iterable[Ref]] = _no_refs
    marks: Callable[[Site, Mapping[str, JSON]], Iterable[Hashable]] = _no_marks
    commands: Mapping[str, Callable[[Tree, JSON], Item]] = field(default_factory=dict)
    together: Callable[[Tree, Item], None] = _nothing

    @property
    def kin(self) -> str:
        """The family of the collection."""
        return self.family or self.collection


def fields(*listed: Field) -> dict[str, Field]:
    """A table of fields by name."""
    return {one.name: one for one in listed}
