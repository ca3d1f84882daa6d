"""State: what is on a device, or what should be; the type of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turnbuckle.model.ltm import LtmObject

_FLATTEN_ABOVE = 256


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


class State(Mapping[Path, "LtmObject"]):
    """A frozen mapping from Path to LTM object.

    A successor made by `changed` shares the bulk of its entries with its ancestor, so a change costs what it changes
    (amortised), not what there is.
    """

    __slots__ = ("_base", "_over", "_size")

    def __init__(self, objects: Iterable[LtmObject] = ()) -> None:
        self._base: Mapping[Path, LtmObject] = {obj.path: obj for obj in objects}
        self._over: Mapping[Path, LtmObject | None] = {}
        self._size = len(self._base)

    def changed(self, changes: Mapping[Path, LtmObject | None]) -> State:
        """The state with some objects set, and those that map to None left out."""
        size = self._size
        for path, obj in changes.items():
            size += (obj is not None) - (path in self)
        successor = State()
        successor._size = size
        over = {**self._over, **changes}
        if len(over) > _FLATTEN_ABOVE and len(over) * 8 > len(self._base):
            merged = {**self._base, **over}
            successor._base = {path: obj for path, obj in merged.items() if obj is not None}
        else:
            successor._base, successor._over = self._base, over
        return successor

    def __getitem__(self, path: Path) -> LtmObject:
        found = self._over[path] if path in self._over else self._base[path]
        if found is None:
            raise KeyError(path)
        return found

    def __contains__(self, path: object) -> bool:
        if path in self._over:
            return self._over[path] is not None  # type: ignore[index]
        return path in self._base

    def __iter__(self) -> Iterator[Path]:
        for path in self._base:
            if path not in self._over:
                yield path
        for path, obj in self._over.items():
            if obj is not None:
                yield path

    def __len__(self) -> int:
        return self._size
