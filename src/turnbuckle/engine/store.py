"""What the sources told, by name and by facet."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from operator import attrgetter

from turnbuckle.model.claim import Key
from turnbuckle.model.ref import Facet, Ref, SourceObject


@dataclass(frozen=True, slots=True)
class FacetRead:
    """A look-up of the objects of a kind that bear a facet; namespace "" means across all of them."""

    kind: str
    namespace: str
    facet: Facet


@dataclass(frozen=True, slots=True)
class MadeRead:
    """A look-up of what a key's composer made."""

    key: Key


Read = Ref | FacetRead | MadeRead
"""What a translator or composer can have read."""

_NOTHING: frozenset[Read] = frozenset()
_BY_NAME = attrgetter("ref")


class Store:
    """All objects. An edit answers the reads whose results it changes, so nobody needs a reverse look-up."""

    def __init__(self) -> None:
        self._objects: dict[Ref, SourceObject] = {}
        # Sorted by name. Most facets have one bearer, and a table around each would be memory for each object.
        self._by_facet: dict[FacetRead, tuple[SourceObject, ...]] = {}

    def get(self, ref: Ref) -> SourceObject | None:
        """The object of that name, or None."""
        return self._objects.get(ref)

    def having(self, read: FacetRead) -> tuple[SourceObject, ...]:
        """The objects that bear a facet, sorted by name."""
        return self._by_facet.get(read, ())

    def refs(self) -> tuple[Ref, ...]:
        """The names of all objects."""
        return tuple(self._objects)

    def put(self, obj: SourceObject) -> frozenset[Read]:
        """Sets an object; answers what it touches, nothing when it equals the one before."""
        before = self._objects.get(obj.ref)
        self._objects[obj.ref] = obj
        if before == obj:
            return _NOTHING
        stale = _facet_reads(before) if before else frozenset()
        fresh = _facet_reads(obj)
        for read in stale - fresh:
            self._index(read, obj.ref)
        for read in fresh:
            self._index(read, obj.ref, obj)
        return frozenset({obj.ref, *stale, *fresh})

    def drop(self, ref: Ref) -> frozenset[Read]:
        """Forgets an object; answers what that touches."""
        before = self._objects.pop(ref, None)
        if before is None:
            return _NOTHING
        stale = _facet_reads(before)
        for read in stale:
            self._index(read, ref)
        return frozenset({ref, *stale})

    def _index(self, read: FacetRead, ref: Ref, *instead: SourceObject) -> None:
        """Puts an object, or nothing, in the place of the one of that name among the bearers of a facet."""
        bearers = self._by_facet.get(read, ())
        place = bisect_left(bearers, ref, key=_BY_NAME)
        rest = place + (place < len(bearers) and bearers[place].ref == ref)
        if after := (*bearers[:place], *instead, *bearers[rest:]):
            self._by_facet[read] = after
        else:
            del self._by_facet[read]


def _facet_reads(obj: SourceObject) -> frozenset[FacetRead]:
    kind, namespace = obj.ref.kind, obj.ref.namespace
    return frozenset(FacetRead(kind, where, facet) for facet in obj.facets for where in {namespace, ""})
