"""What the engine keeps of roots and keys, and what is to be done for the edits at hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from turnbuckle.engine.protocol import Composition, Translation
from turnbuckle.engine.reads import Reader
from turnbuckle.model.claim import Claim, Key
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ref import Age, Grounds, Ref
from turnbuckle.model.state import Path

_NOBODY: frozenset[Ref] = frozenset()


@dataclass(slots=True)
class RootRecord:
    """What is known of a root: `failed` are the errors that ended its trial, `good` its last good claims.

    asks: what it asks for now; good_asks: what it asked for when it was good.
    """

    translation: Translation = field(default_factory=Translation)
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


@dataclass(slots=True)
class KeyRecord:
    """The claims on a key by who makes them, what became of them, and the last good of that.

    good_owners: whose marks its objects bear. Once they claim no more it is nothing to others who claim the key now.
    """

    claims: dict[Reader, tuple[Claim, ...]] = field(default_factory=dict)
    composition: Composition = field(default_factory=Composition)
    good: Composition | None = None
    good_owners: tuple[str, ...] = ()
    asks: frozenset[Ref] = frozenset()
    good_asks: frozenset[Ref] = frozenset()

    def owners(self) -> frozenset[Ref]:
        """The roots behind the claims."""
        return frozenset(claim.owner for claims in self.claims.values() for claim in claims)

    def fallback(self) -> Composition | None:
        """What was good last, if those whose it was claim the key still."""
        return self.good if {str(ref) for ref in self.owners()}.issuperset(self.good_owners) else None

    def oldest_first(self) -> tuple[Claim, ...]:
        """All claims on the key."""
        return tuple(sorted((c for claims in self.claims.values() for c in claims), key=lambda c: c.age))


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
