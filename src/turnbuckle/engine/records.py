"""What the engine keeps of roots and keys, and what is to be done for the edits at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from turnbuckle.engine.protocol import Composition, Translation
from turnbuckle.engine.reads import Reader
from turnbuckle.model.claim import Claim, Key
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ref import Age, Grounds, Ref
from turnbuckle.model.state import Path

NOTHING = Translation()
"""What a root wants that is there and wants nothing, as most Services do."""

_NOBODY: frozenset[Ref] = frozenset()
_NOWHERE: frozenset[Path] = frozenset()
_UNCOMPOSED = Composition()


@dataclass(slots=True)
class RootRecord:
    """What is known of a root: `failed` are the errors that ended its trial, `good` its last good claims.

    asks: what it asks for now; good_asks: what it asked for when it was good.
    """

    translation: Translation = NOTHING
    failed: tuple[Issue, ...] = ()
    good: tuple[Claim, ...] | None = None
    effective: tuple[Claim, ...] = ()
    asks: frozenset[Ref] = frozenset()
    good_asks: frozenset[Ref] = frozenset()

    @property
    def errs(self) -> bool:
        """Whether it is wrong by itself, or its trial has failed."""
        return bool(self.failed) or any(i.severity is Severity.ERROR for i in self.translation.issues)

    @property
    def is_not_for_now(self) -> bool:
        """Whether its claims are not to be followed: they err, or lack what somebody was asked for."""
        return self.errs or self.translation.waits

    @property
    def rests(self) -> bool:
        """Whether there is nothing to know of it, once it is good."""
        return self.translation == NOTHING and not self.asks


Claims = dict[Reader, tuple[Claim, ...]] | tuple[Reader, tuple[Claim, ...]] | tuple[()]
"""By who makes them. Nearly every key is claimed by one alone, who is kept without a table: see ReadGraph."""

_NO_CLAIMS: Claims = ()


@dataclass(slots=True)
class KeyRecord:
    """The claims on a key by who makes them, what became of them, and the last good of that."""

    claims: Claims = _NO_CLAIMS
    composition: Composition = _UNCOMPOSED
    good: Composition | None = None
    asks: frozenset[Ref] = _NOBODY
    good_asks: frozenset[Ref] = _NOBODY

    def owners(self) -> frozenset[Ref]:
        """The roots behind the claims."""
        return frozenset(claim.owner for claim in self._all())

    def fallback(self) -> Composition | None:
        """What was good last, if those whose marks it bears claim the key still: else it is nothing to who does now."""
        good = self.good.objects if self.good is not None else ()
        marked = {obj.mark.owner for obj in good if obj.mark is not None}
        return self.good if marked <= {str(ref) for ref in self.owners()} else None

    def oldest_first(self) -> tuple[Claim, ...]:
        """All claims on the key."""
        return tuple(sorted(self._all(), key=lambda claim: claim.age))

    def claim(self, by: Reader, claims: tuple[Claim, ...]) -> bool:
        """Replaces the claims that somebody makes on the key; whether that makes a difference."""
        known = self.claims
        if isinstance(known, dict):
            before = known.get(by, ())
        else:
            before = known[1] if known and known[0] == by else ()
        if before == claims:
            return False
        if isinstance(known, dict):
            known[by] = claims
            if not claims:
                del known[by]
        elif not known or known[0] == by:
            self.claims = (by, claims) if claims else _NO_CLAIMS
        else:
            self.claims = {known[0]: known[1], by: claims}
        return True

    def _all(self) -> Iterator[Claim]:
        if isinstance(self.claims, dict):
            return chain.from_iterable(self.claims.values())
        return iter(self.claims[1] if self.claims else ())


class Standing:
    """The roots that stand in some way. `shown` is a new set after a change, and the same one otherwise."""

    def __init__(self) -> None:
        self._refs: set[Ref] = set()
        self._shown: frozenset[Ref] | None = frozenset()

    def put(self, ref: Ref, stands: bool) -> bool:
        """Whether that is otherwise than before."""
        if (ref in self._refs) == stands:
            return False
        (self._refs.add if stands else self._refs.discard)(ref)
        self._shown = None
        return True

    def shown(self) -> frozenset[Ref]:
        """All of them."""
        if self._shown is None:
            self._shown = frozenset(self._refs)
        return self._shown


class Staying:
    """What cannot be made as things are, and who wants it. `shown` is a new mapping after a change."""

    def __init__(self) -> None:
        self._by_key: dict[Key, tuple[frozenset[Path], frozenset[Ref]]] = {}
        self._shown: Mapping[Path, frozenset[Ref]] | None = {}

    def put(self, key: Key, paths: frozenset[Path], owners: frozenset[Ref]) -> bool:
        """Whether something may go now that had to stay before."""
        before = self._by_key.get(key, (_NOWHERE, _NOBODY))
        after = (paths, owners) if paths else (_NOWHERE, _NOBODY)
        if before == after:
            return False
        if paths:
            self._by_key[key] = after
        else:
            del self._by_key[key]
        self._shown = None
        return not (before[0] <= after[0] and before[1] <= after[1])

    def shown(self) -> Mapping[Path, frozenset[Ref]]:
        """All of it."""
        if self._shown is None:
            found: dict[Path, frozenset[Ref]] = {}
            for paths, owners in self._by_key.values():
                found |= {path: found.get(path, _NOBODY) | owners for path in paths}
            self._shown = found
        return self._shown


@dataclass(slots=True)
class Work:
    """What is to be done for the edits at hand, what came of it, and because of which objects."""

    roots: set[Ref] = field(default_factory=set)
    keys: set[Key] = field(default_factory=set)
    to_judge: set[Ref] = field(default_factory=set)
    approved: set[Ref] = field(default_factory=set)
    composed: set[Key] = field(default_factory=set)
    changed: set[Path] = field(default_factory=set)
    causes: dict[Reader | Path, frozenset[Ref]] = field(default_factory=dict)
    grounds: dict[Ref, Grounds] = field(default_factory=dict)
    ages: dict[Ref, Age | None] = field(default_factory=dict)

    def wake(self, reader: Reader, causes: frozenset[Ref]) -> None:
        """A root is to be translated again, or a key composed."""
        if isinstance(reader, Ref):
            self.roots.add(reader)
        else:
            self.keys.add(reader)
        self.because(reader, causes)

    def known_by(self) -> dict[Path, Grounds]:
        """For each path that changed, the weakest grounds among those of the objects that led there."""
        # Many paths have the very same causes, and a shared listener's may be thousands.
        weakest: dict[frozenset[Ref], Grounds] = {}
        found = {}
        for path in self.changed:
            causes = self.causes.get(path, _NOBODY)
            if causes not in weakest:
                known = (self.grounds.get(ref, Grounds.WATCHED) for ref in causes)
                weakest[causes] = max(known, default=Grounds.WATCHED)
            found[path] = weakest[causes]
        return found

    def because(self, what: Reader | Path, causes: frozenset[Ref]) -> None:
        """Adds objects whose edits led there."""
        before = self.causes.get(what)
        self.causes[what] = before | causes if before and before is not causes else causes
