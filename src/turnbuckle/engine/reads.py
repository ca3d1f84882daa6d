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
    """What was read, by whom, in both directions.

    Nearly everything is read by one reader alone, who is kept without a set around it, and few things by each reader,
    which are kept without a table: that is memory for each object.
    """

    def __init__(self) -> None:
        self._reads: dict[Reader, tuple[Read, ...]] = {}
        self._reader: dict[Read, Reader] = {}
        self._readers: dict[Read, set[Reader]] = {}

    def record(self, reader: Reader, reads: Iterable[Read]) -> None:
        """Replaces what a reader has read; nothing at all forgets the reader."""
        before, after = set(self._reads.get(reader, ())), set(reads)
        for read in before - after:
            self._discard(read, reader)
        for read in after - before:
            self._add(read, reader)
        if after:
            self._reads[reader] = tuple(after)
        else:
            self._reads.pop(reader, None)

    def _add(self, read: Read, reader: Reader) -> None:
        if read in self._readers:
            self._readers[read].add(reader)
        elif read in self._reader:
            self._readers[read] = {self._reader.pop(read), reader}
        else:
            self._reader[read] = reader

    def _discard(self, read: Read, reader: Reader) -> None:
        if self._reader.get(read) == reader:
            del self._reader[read]
            return
        readers = self._readers[read]
        readers.discard(reader)
        if not readers:
            del self._readers[read]

    def reads_of(self, reader: Reader) -> tuple[Read, ...]:
        """What a reader has read last, in no order."""
        return self._reads.get(reader, ())

    def readers(self, touched: Iterable[Read]) -> set[Reader]:
        """Who has read any of these."""
        found: set[Reader] = set()
        for read in touched:
            if read in self._reader:
                found.add(self._reader[read])
            else:
                found |= self._readers.get(read, set())
        return found
