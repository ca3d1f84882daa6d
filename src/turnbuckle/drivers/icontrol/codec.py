"""A type of LTM object on the wire: one table gives its reading, its creation and its smallest change.

A row (Field) says which field of the model it is about, from which keys it is read and what is written for it. What the
device adds to an object, and what others set on it, is in no row and is therefore neither compared nor written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from turnbuckle.drivers.icontrol import uri, values
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ledger import Row, name_of
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.mark import Mark
from turnbuckle.model.state import Path

Body = dict[str, Any]

_NAMING = ("name", "partition", "subPath", "fullPath")
_GENERATION = "generation"


@dataclass(frozen=True, slots=True)
class Scene:
    """What has to be known to read an object.

    domains: partition -> its default route domain. monitors: full path -> Path of the monitors that were read.
    marks: whose the policies, iRules and SSL profiles are that virtual servers may use, as far as they were read. rows:
    what the ledgers say, by the names of their records.
    """

    domains: Mapping[str, int] = field(default_factory=dict)
    monitors: Mapping[str, Path] = field(default_factory=dict)
    marks: Mapping[Path, Mark] = field(default_factory=dict)
    rows: Mapping[str, Row] = field(default_factory=dict)

    def domain_of(self, full_path: str) -> int:
        """The default route domain where an object lives."""
        return self.domains.get(uri.split(full_path)[0], 0)

    def row_of(self, path: Path) -> Row | None:
        """What a ledger says of an object."""
        return self.rows.get(name_of(path))


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be known to write an object.

    before: the object as observed, None when it is created. standing: what is on the device under the keys that we
    share with others (Field.shared). names: full path of a member as we call it -> as the device does, where
    that differs.
    """

    before: LtmObject | None = None
    standing: Wire = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Field:
    """One row. name: as in Operation.fields; the mark is "metadata".

    shared: the keys of which others may own a part, to be read anew before the field is changed.
    """

    name: str
    keys: tuple[str, ...]
    read: Callable[[Wire, Scene], Any]
    write: Callable[[Any, Change], Body]
    shared: tuple[str, ...] = ()

    @property
    def attribute(self) -> str:
        """The field of the model."""
        return "mark" if self.name == "metadata" else self.name


@dataclass(frozen=True, slots=True)
class Codec:
    """One collection.

    constants: fields of the model that the collection itself decides. extra: keys for creation alone.
    makes_folder: the device makes the object's folder and wants to hear nothing of it.
    inner_keys: keys of subcollection items, which some versions strike out unless they are selected as well.
    naming: the keys that name an object in the body that creates it. parts: what of the same answer are objects of
    their own (LtmObject.whole), given the object. subcollections: where those are, if no field is read from there;
    every key of such an object is asked for, since any may matter, and inner_keys are those of items that tell of
    changes.
    """

    kind: str
    type: type[LtmObject]
    fields: tuple[Field, ...]
    constants: Mapping[str, Any] = field(default_factory=dict)
    extra: Callable[[Any], Body] = lambda _: {}
    inner_keys: tuple[str, ...] = ()
    makes_folder: bool = False
    naming: Callable[[Any], Body] = lambda obj: uri.naming(obj.name)
    parts: Callable[[Wire, Any, Scene], Iterable[LtmObject]] = lambda *_: ()
    subcollections: tuple[str, ...] = ()

    @property
    def expand(self) -> bool:
        """Whether the objects have subcollections to be read with them."""
        return bool(self.inner_keys)

    @property
    def select(self) -> str:
        """The keys to ask for, as $select takes them; empty for all of them."""
        if self.subcollections:
            return ""
        keys = (*_NAMING, *(k for f in self.fields for k in f.keys), _GENERATION)
        more = (*self.inner_keys, "items") if self.inner_keys else ()
        return ",".join(dict.fromkeys(keys + more))

    @property
    def select_generation(self) -> str:
        """The keys that tell where an object is and whether it was changed."""
        more = (*self._inner, "items") if self.inner_keys else ()
        return ",".join(("fullPath", _GENERATION, *more, *(self.inner_keys if self.subcollections else ())))

    @property
    def _inner(self) -> tuple[str, ...]:
        """The keys under which subcollections are."""
        found = (k for f in self.fields for k in f.keys if k.endswith("Reference"))
        return (*dict.fromkeys(found), *self.subcollections)

    def generation_of(self, raw: Wire) -> int:
        """One number that changes with the object and with each item of its subcollections; 0 when nobody can tell.

        Source: iControl REST: `generation` counts the changes of the whole device, and an item of a subcollection has
        one of its own. Monitors and some others always show 0.
        """
        own = values.number(raw.get(_GENERATION))
        if not own or not self._inner:
            return own
        items: list[tuple[str, int]] = []
        _add_generations(items, raw, "")
        return hash((own, frozenset(items))) if all(generation for _, generation in items) else 0

    @property
    def select_mark(self) -> str:
        """The keys that tell where an object is and whose it is."""
        return ",".join((*_NAMING, *self._mark_row().keys))

    def mark_of(self, raw: Wire) -> Mark | None:
        """The mark of an object of which perhaps no more than `select_mark` was read."""
        mark = self._mark_row().read(raw, Scene())
        return mark if isinstance(mark, Mark) else None

    def _mark_row(self) -> Field:
        return next(row for row in self.fields if row.name == "metadata")

    def decode(self, raw: Wire, scene: Scene) -> LtmObject:
        """The object that the device sent."""
        found = {f.attribute: f.read(raw, scene) for f in self.fields}
        return self.type(name=values.full_path(raw), **self.constants, **found)

    def objects(self, raw: Wire, scene: Scene) -> Iterable[LtmObject]:
        """The object that the device sent, and those that are parts of it."""
        whole = self.decode(raw, scene)
        yield whole
        yield from self.parts(raw, whole, scene)

    def create(self, obj: LtmObject) -> Body:
        """The body that creates an object."""
        body: Body = self.naming(obj) | self.extra(obj)
        if self.makes_folder:
            del body["subPath"]
        for row in self.fields:
            body |= row.write(obj, Change())
        return body

    def patch(self, obj: LtmObject, names: frozenset[str], change: Change) -> Body:
        """The smallest body that changes the named fields."""
        body: Body = {}
        for row in self.fields:
            if row.name in names:
                body |= row.write(obj, change)
        return body


def _add_generations(found: list[tuple[str, int]], raw: Wire, within: str) -> None:
    """Adds the place and the generation of each item of an object's subcollections, and of theirs."""
    for key, value in raw.items():
        if isinstance(value, dict) and key.endswith("Reference"):
            for item in values.listed(value):
                place = f"{within} {key} {values.full_path(item)}"
                found.append((place, values.number(item.get(_GENERATION))))
                _add_generations(found, item, place)


def plain(name: str, key: str, default: Any) -> Field:
    """A row for a value that is the same on both sides; absent means the default."""
    convert: Callable[[Any], Any] = (
        (lambda found: values.number(found, default))
        if isinstance(default, int)
        else lambda f: values.text(f) or default
    )
    return Field(
        name,
        (key,),
        lambda raw, _: convert(raw.get(key)),
        lambda obj, _: {key: getattr(obj, name)},
    )


def _write_metadata(obj: LtmObject, change: Change) -> Body:
    if obj.mark is None:
        return {}
    return {"metadata": values.with_metadata_mark(change.standing.get("metadata"), obj.mark)}


def _write_description(obj: LtmObject, change: Change) -> Body:
    if obj.mark is None:
        return {}
    words, _ = values.split_description(change.standing.get("description"))
    return {"description": values.with_description_mark(words, obj.mark)}


def in_ledger(kind: str) -> Field:
    """The row for the mark of objects that have no room for one."""

    def read(raw: Wire, scene: Scene) -> Mark | None:
        row = scene.row_of(Path(kind, values.full_path(raw)))
        return row.mark if row is not None else None

    return Field("metadata", (), read, lambda *_: {})


METADATA = Field("metadata", ("metadata",), lambda raw, _: values.metadata_mark(raw), _write_metadata, ("metadata",))
DESCRIPTION = Field(
    "metadata",
    ("description",),
    lambda raw, _: values.description_mark(raw.get("description")),
    _write_description,
    ("description",),
)
