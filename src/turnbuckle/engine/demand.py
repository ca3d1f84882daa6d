"""Who needs which object that is made only when somebody asks for it, such as the lease of an address.

To read one is to ask for it. What a root that errs last read while it was good stays asked for, so that no mistake of a
user ever gives an address back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from turnbuckle.engine.reads import Reader
from turnbuckle.engine.store import Read
from turnbuckle.model.ref import Ref

_NOTHING: frozenset[Ref] = frozenset()


class Demand:
    """What is asked for, by whom. `shown` is a new mapping after a change, and the same one otherwise.

    kinds: of the objects that are made on demand.
    """

    def __init__(self, kinds: Iterable[str] = ()) -> None:
        self.kinds = frozenset(kinds)
        self._asked: dict[Reader, tuple[frozenset[Ref], frozenset[Ref]]] = {}
        self._askers: dict[Ref, dict[Reader, frozenset[Ref]]] = {}
        self._dirty: set[Ref] = set()
        self._shown: Mapping[Ref, frozenset[Ref]] = {}

    def among(self, reads: Iterable[Read]) -> frozenset[Ref]:
        """Those of the reads that ask for something."""
        # Nearly nobody asks for anything, and a set of one's own for that is memory for each reader.
        return frozenset(read for read in reads if isinstance(read, Ref) and read.kind in self.kinds) or _NOTHING

    def ask(self, reader: Reader, refs: frozenset[Ref], roots: Collection[Ref]) -> None:
        """Replaces what a reader asks for, on account of these roots."""
        before, _ = asked = self._asked.get(reader, (_NOTHING, _NOTHING))
        after = (refs, frozenset(roots) if refs else _NOTHING)
        if asked == after:
            return
        if refs:
            self._asked[reader] = after
        else:
            del self._asked[reader]
        for ref in before | refs:
            askers = self._askers.setdefault(ref, {})
            if ref in refs:
                askers[reader] = after[1]
            else:
                askers.pop(reader, None)
            self._dirty.add(ref)

    def shown(self) -> Mapping[Ref, frozenset[Ref]]:
        """The roots that need each object."""
        if self._dirty:
            shown = dict(self._shown)
            for ref in self._dirty:
                if askers := self._askers.get(ref):
                    shown[ref] = frozenset().union(*askers.values())
                else:
                    shown.pop(ref, None)
                    self._askers.pop(ref, None)
            self._shown, self._dirty = shown, set()
        return self._shown
