"""State: what is on a device, or what should be; the type of both. And the frozen mapping that it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar, overload

if TYPE_CHECKING:
    from turnbuckle.model.ltm import LtmObject

_FLATTEN_ABOVE = 256

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")


@dataclass(frozen=True, slots=True, order=True)
class Path:
    """An object's place on the device.

    kind: the collection in tmsh's words joined by "/", for example "ltm/pool" or "ltm/monitor/http".
    name: the full path, for example "/k8s/default_example-vs".
    """

    kind: str
    name: str

    @property
    def partition(self) -> str:
        """The partition, the first part of the full path."""
        return self.name.split("/", 2)[1]

    @property
    def leaf(self) -> str:
        """The name without partition and folder."""
        return self.name.rsplit("/", 1)[1]

    def __str__(self) -> str:
        """As tmsh writes it: `ltm pool /k8s/web`."""
        return f"{self.kind.replace('/', ' ')} {self.name}"


class Layered(Mapping[K, V]):
    """A frozen mapping whose successors cost what they change.

    A successor made by `changed` shares the bulk of its entries with its ancestor, so a change costs what it changes
    (amortised), not what there is.
    """

    __slots__ = ("_base", "_over", "_size")

    def __init__(self, entries: Mapping[K, V] | None = None) -> None:
        self._base: Mapping[K, V] = dict(entries or {})
        self._over: Mapping[K, V | None] = {}
        self._size = len(self._base)

    def changed(self, changes: Mapping[K, V | None]) -> Self:
        """The mapping with some entries set, and those that are to be None left out."""
        size = self._size
        for key, value in changes.items():
            size += (value is not None) - (key in self)
        successor = type(self)()
        successor._size = size
        over = {**self._over, **changes}
        if len(over) > _FLATTEN_ABOVE and len(over) * 8 > len(self._base):
            merged = {**self._base, **over}
            successor._base = {key: value for key, value in merged.items() if value is not None}
        else:
            successor._base, successor._over = self._base, over
        return successor

    def __getitem__(self, key: K) -> V:
        found = self._over[key] if key in self._over else self._base[key]
        if found is None:
            raise KeyError(key)
        return found

    @overload
    def get(self, key: K, /) -> V | None: ...

    @overload
    def get(self, key: K, /, default: V | D) -> V | D: ...

    def get(self, key: K, /, default: object = None) -> object:
        """See Mapping.get, which would raise an error and catch it for each key that is missing."""
        found = self._over[key] if key in self._over else self._base.get(key)
        return default if found is None else found

    def __contains__(self, key: object) -> bool:
        if key in self._over:
            return self._over[key] is not None  # type: ignore[index]
        return key in self._base

    def __iter__(self) -> Iterator[K]:
        for key in self._base:
            if key not in self._over:
                yield key
        for key, value in self._over.items():
            if value is not None:
                yield key

    def __len__(self) -> int:
        return self._size


class State(Layered[Path, "LtmObject"]):
    """A frozen mapping from Path to LTM object."""

    __slots__ = ("_referring",)

    def __init__(self, objects: Iterable[LtmObject] = ()) -> None:
        super().__init__({obj.path: obj for obj in objects})
        # Who refers to a path among the entries that successors share, made when it is first asked for.
        self._referring: Mapping[Path, list[Path]] | None = None

    def changed(self, changes: Mapping[Path, LtmObject | None]) -> Self:
        """See Layered.changed."""
        successor = super().changed(changes)
        if successor._base is self._base:
            successor._referring = self._referring
        return successor

    def referrers(self, paths: AbstractSet[Path]) -> set[Path]:
        """The paths of those that refer to one of these."""
        if not paths:
            return set()
        if self._referring is None:
            self._referring = _referring(self._base.values())
        found = {path for to in paths for path in self._referring.get(to, ()) if path not in self._over}
        late = (obj for obj in self._over.values() if obj is not None)
        return found | {obj.path for obj in late if not obj.references().isdisjoint(paths)}


def _referring(objects: Iterable[LtmObject]) -> Mapping[Path, list[Path]]:
    found: dict[Path, list[Path]] = {}
    for obj in objects:
        for to in obj.references():
            found.setdefault(to, []).append(obj.path)
    return found
