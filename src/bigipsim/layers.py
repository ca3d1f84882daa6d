"""How a staged copy of the configuration costs nothing: tables that record what differs from the tables below them.

A layer over another answers as if it were a whole copy, and can be folded into the one below. Nothing is copied, so a
write costs what it touches, whatever the size of the configuration.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Table(Generic[K, V]):
    """A mapping, or the differences to another one; None in `own` marks what is deleted."""

    __slots__ = ("_below", "own")

    def __init__(self, below: Table[K, V] | None = None) -> None:
        self._below = below
        self.own: dict[K, V | None] = {}

    def get(self, key: K) -> V | None:
        """The value, or None."""
        table: Table[K, V] | None = self
        while table is not None:
            if key in table.own:
                return table.own[key]
            table = table._below
        return None

    def put(self, key: K, value: V) -> None:
        """Sets the value of a key."""
        self.own[key] = value

    def drop(self, key: K) -> None:
        """Removes a key, if it is there."""
        if self._below is None:
            self.own.pop(key, None)
        else:
            self.own[key] = None

    def items(self) -> Iterator[tuple[K, V]]:
        """Every key and value."""
        if self._below is not None:
            for key, value in self._below.items():
                if key not in self.own:
                    yield key, value
        for key, own in self.own.items():
            if own is not None:
                yield key, own

    def fork(self) -> Table[K, V]:
        """A layer over this table."""
        return Table(self)

    def fold(self) -> None:
        """Moves the differences into the table below."""
        below = self._below
        if below is None:
            return
        if below._below is None:
            for key, value in self.own.items():
                if value is None:
                    below.own.pop(key, None)
                else:
                    below.own[key] = value
        else:
            below.own.update(self.own)
        self.own.clear()


class Index(Generic[K, V]):
    """From a key to a set of values, or the differences to another index."""

    __slots__ = ("_added", "_below", "_removed")

    def __init__(self, below: Index[K, V] | None = None) -> None:
        self._below = below
        self._added: dict[K, dict[V, None]] = {}
        self._removed: dict[K, dict[V, None]] = {}

    def add(self, key: K, value: V) -> None:
        """Puts a value into the set of a key."""
        removed = self._removed.get(key)
        if removed is not None:
            removed.pop(value, None)
        self._added.setdefault(key, {})[value] = None

    def discard(self, key: K, value: V) -> None:
        """Takes a value out of the set of a key."""
        added = self._added.get(key)
        if added is not None:
            added.pop(value, None)
            if not added:
                del self._added[key]
        if self._below is not None:
            self._removed.setdefault(key, {})[value] = None

    def values(self, key: K) -> Iterator[V]:
        """The set of a key, in the order in which its values came."""
        own = self._added.get(key, {})
        if self._below is not None:
            removed = self._removed.get(key, {})
            for value in self._below.values(key):
                if value not in removed and value not in own:
                    yield value
        yield from own

    def first(self, key: K) -> V | None:
        """Any value of a key, or None when its set is empty."""
        return next(self.values(key), None)

    def fork(self) -> Index[K, V]:
        """A layer over this index."""
        return Index(self)

    def fold(self) -> None:
        """Moves the differences into the index below."""
        below = self._below
        if below is None:
            return
        for key, values in self._removed.items():
            for value in values:
                below.discard(key, value)
        for key, values in self._added.items():
            for value in values:
                below.add(key, value)
        self._added.clear()
        self._removed.clear()
