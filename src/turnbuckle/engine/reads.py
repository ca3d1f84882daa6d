"""Who read what: the look that records, and the graph that answers who is concerned by an edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from turnbuckle.engine.store import FacetRead, MadeRead, Read, Store
from turnbuckle.model.claim import Key
from turnbuckle.model.ref import Facet, Ref, SourceObject

Reader = Ref | Key
"""A root, which is translated, or a key, which is composed."""


class RecordingLook:
    """Reads the store and keeps every read, also of what is not there."""

    __slots__ = ("_made", "_store", "reads")

    def __init__(self, store: Store, made: Callable[[Key], Any]) -> None:
        self._store = store
        self._made = made
        self.reads: set[Read] = set()

    def get(self, ref: Ref) -> SourceObject | None:
        """The object of that name, or None."""
        self.reads.add(ref)
        return self._store.get(ref)

    def having(self, kind: str, namespace: str, facet: Facet) -> tuple[SourceObject, ...]:
        """The objects of a kind that bear a facet, sorted by name; namespace "" asks across all of them."""
        read = FacetRead(kind, namespace, facet)
        self.reads.add(read)
        return self._store.having(read)

    def made(self, key: Key) -> Any:
        """What the composer of a key of a lower level left for others to read, or None."""
        self.reads.add(MadeRead(key))
        return self._made(key)


class ReadGraph:
    """What was read, by whom, in both directions."""

    def __init__(self) -> None:
        self._reads: dict[Reader, frozenset[Read]] = {}
        self._readers: dict[Read, set[Reader]] = {}

    def record(self, reader: Reader, reads: Iterable[Read]) -> None:
        """Replaces what a reader has read; nothing at all forgets the reader."""
        before = self._reads.get(reader, frozenset())
        after = frozenset(reads)
        for read in before - after:
            readers = self._readers[read]
            readers.discard(reader)
            if not readers:
                del self._readers[read]
        for read in after - before:
            self._readers.setdefault(read, set()).add(reader)
        if after:
            self._reads[reader] = after
        else:
            self._reads.pop(reader, None)

    def reads_of(self, reader: Reader) -> frozenset[Read]:
        """What a reader has read last."""
        return self._reads.get(reader, frozenset())

    def readers(self, touched: Iterable[Read]) -> set[Reader]:
        """Who has read any of these."""
        found: set[Reader] = set()
        for read in touched:
            found |= self._readers.get(read, set())
        return found
