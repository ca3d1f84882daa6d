"""From edits to the desired state, at the cost of what they concern.

An edit touches reads; the roots that made them are translated again, the keys composed again, level by level. An equal
result keeps the old object, and all work stops there.

`_judge` decides what stays in force when a root errs. A root's claims are on trial until nothing that was made of them
says ERROR about it. A root whose trial fails goes back to its last good claims, and is tried again when something that
the failure had read changes. A root that was never good keeps its FOLLOW claims only and is held: the device keeps what
it has of it. Last good claims and compositions are the only memory of the past here. Nothing counts as good before
every source has told everything: what was not told yet looks like what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from turnbuckle.engine.paths import PathTable
from turnbuckle.engine.protocol import Composer, Composition, Kind, Root, Translation
from turnbuckle.engine.reads import Reader, ReadGraph, RecordingLook
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.engine.store import MadeRead, Read, Store
from turnbuckle.engine.voices import Voices
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import Claim, Key
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ref import Age, Event, Flawed, Gone, Grounds, Put, Ref, SourceObject, Synced
from turnbuckle.model.state import Layered, Path

_MOST_ROUNDS = 12
"""Trials settle in two or three rounds; the limit only turns a bug into a snapshot instead of a hang."""

T = TypeVar("T")


@dataclass(slots=True)
class _RootRecord:
    """What is known of a root: `failed` are the errors that ended its trial, `good` its last good claims."""

    translation: Translation = field(default_factory=Translation)
    failed: tuple[Issue, ...] = ()
    good: tuple[Claim, ...] | None = None
    effective: tuple[Claim, ...] = ()

    @property
    def errs(self) -> bool:
        return bool(self.failed) or any(i.severity is Severity.ERROR for i in self.translation.issues)


@dataclass(slots=True)
class _KeyRecord:
    """The claims on a key by who makes them, what became of them, and the last good of that."""

    claims: dict[Reader, tuple[Claim, ...]] = field(default_factory=dict)
    composition: Composition = field(default_factory=Composition)
    good: Composition | None = None

    def oldest_first(self) -> tuple[Claim, ...]:
        return tuple(sorted((c for claims in self.claims.values() for c in claims), key=lambda c: c.age))


@dataclass(slots=True)
class _Work:
    """What is to be done for the edits at hand, what came of it, and because of which objects."""

    roots: set[Ref] = field(default_factory=set)
    keys: set[Key] = field(default_factory=set)
    to_judge: set[Ref] = field(default_factory=set)
    composed: set[Key] = field(default_factory=set)
    changed: set[Path] = field(default_factory=set)
    causes: dict[Reader | Path, frozenset[Ref]] = field(default_factory=dict)
    grounds: dict[Ref, Grounds] = field(default_factory=dict)
    ages: dict[Ref, Age | None] = field(default_factory=dict)

    def wake(self, reader: Reader, causes: frozenset[Ref]) -> None:
        if isinstance(reader, Ref):
            self.roots.add(reader)
        else:
            self.keys.add(reader)
        self.because(reader, causes)

    def known_by(self, path: Path) -> Grounds:
        """The weakest grounds among those of the objects that led to a change."""
        return max(
            (self.grounds.get(ref, Grounds.WATCHED) for ref in self.causes.get(path, ())), default=Grounds.WATCHED
        )

    def because(self, what: Reader | Path, causes: frozenset[Ref]) -> None:
        self.causes[what] = self.causes.get(what, frozenset()) | causes


class Engine:
    """Objects in, snapshots out. Pure and synchronous."""

    def __init__(self, kinds: Iterable[Kind], composers: Iterable[Composer], sources: Iterable[str] = ()) -> None:
        self._roots = {kind.name: cast(Root, kind) for kind in kinds if hasattr(kind, "translate")}
        self._composers = {composer.key: composer for composer in composers}
        self._lists = dict.fromkeys(sources, 0)
        self._store = Store()
        self._graph = ReadGraph()
        self._voices = Voices()
        self._paths = PathTable(self._voices)
        self._records: dict[Ref, _RootRecord] = {}
        self._keys: dict[Key, _KeyRecord] = {}
        self._claimed_by: dict[Reader, frozenset[Key]] = {}
        self._flaws: dict[Ref, tuple[Issue, ...]] = {}
        self._ages: Layered[Ref, Age] = Layered()
        self._held: frozenset[Ref] = frozenset()
        self._frozen: frozenset[Ref] = frozenset()
        self._all_changed = False
        self._version = 0

    def ingest(self, events: Iterable[Event]) -> Snapshot:
        """Takes edits and answers the state after them."""
        work, was_synced = _Work(), self._synced
        for event in events:
            self._take(event, work)
        if self._synced and not was_synced:
            # Until now nothing counted as good: what was not told yet looked like what is not there.
            work.to_judge.update(self._records)
            work.composed.update(self._keys)
        self._settle(work)
        return self._snapshot(work)

    def rebuild(self) -> Snapshot:
        """Computes everything anew from the objects and the last good claims: what `ingest` must equal."""
        fresh = Engine(self._roots.values(), self._composers.values())
        fresh._lists = dict(self._lists)
        fresh._records = {ref: _RootRecord(good=record.good) for ref, record in self._records.items()}
        fresh._keys = {key: _KeyRecord(good=record.good) for key, record in self._keys.items()}
        puts = (Put(obj) for ref in self._store.refs() if (obj := self._store.get(ref)))
        flaws = (Flawed(ref, issues) for ref, issues in self._flaws.items())
        return fresh.ingest([*puts, *flaws])

    @property
    def _synced(self) -> bool:
        return min(self._lists.values(), default=1) > 0

    def get(self, ref: Ref) -> SourceObject | None:
        """An object as it was told last."""
        return self._store.get(ref)

    # ---- edits

    def _take(self, event: Event, work: _Work) -> None:
        match event:
            case Synced(source):
                self._lists[source] += 1
            case Put(obj, grounds):
                work.grounds[obj.ref] = grounds
                self._flaw(obj.ref, (), work)
                self._forget_another(obj)
                self._touch(obj.ref, self._store.put(obj), work)
            case Gone(ref, grounds):
                work.grounds[ref] = grounds
                self._flaw(ref, (), work)
                self._touch(ref, self._store.drop(ref), work)
            case Flawed(ref, found):
                self._flaw(ref, found, work)

    def _forget_another(self, obj: SourceObject) -> None:
        """An object that was made anew under its name is another one: what the former was good for is not its own."""
        before = self._store.get(obj.ref)
        record = self._records.get(obj.ref)
        if record is not None and before is not None and before.uid and obj.uid and before.uid != obj.uid:
            record.good = None

    def _flaw(self, ref: Ref, found: tuple[Issue, ...], work: _Work) -> None:
        if self._flaws.get(ref, ()) == found:
            return
        if found:
            self._flaws[ref] = found
        else:
            del self._flaws[ref]
        if ref.kind in self._roots:
            work.wake(ref, frozenset({ref}))
        else:
            self._voices.say(ref, found)
            if self._store.get(ref) is None:
                self._wake_readers(frozenset({ref}), frozenset({ref}), work)

    def _touch(self, ref: Ref, touched: frozenset[Read], work: _Work) -> None:
        if touched and ref.kind in self._roots:
            work.wake(ref, frozenset({ref}))
            obj = self._store.get(ref)
            work.ages[ref] = obj.age_key() if obj is not None else None
        self._wake_readers(touched, frozenset({ref}), work)

    def _wake_readers(self, touched: frozenset[Read], causes: frozenset[Ref], work: _Work) -> None:
        for reader in self._graph.readers(touched):
            work.wake(reader, causes)

    # ---- settling

    def _settle(self, work: _Work) -> None:
        for _ in range(_MOST_ROUNDS):
            while work.roots:
                self._translate(work.roots.pop(), work)
            while work.keys:
                lowest = min(key.LEVEL for key in work.keys)
                batch = {key for key in work.keys if lowest == key.LEVEL}
                work.keys -= batch
                for key in batch:
                    self._compose(key, work)
            self._judge(work)
            if not work.roots and not work.keys:
                break
        self._remember(work)

    def _remember(self, work: _Work) -> None:
        """What came of the keys is good from now on; only now, since a trial must not replace what it falls back to."""
        for key in work.composed:
            record = self._keys[key]
            if not record.claims:
                del self._keys[key]
            elif self._synced and not record.composition.failed:
                record.good = record.composition

    def _translate(self, ref: Ref, work: _Work) -> None:
        obj, flaws = self._store.get(ref), self._flaws.get(ref, ())
        if obj is None and not flaws:
            if self._records.pop(ref, None) is not None:
                self._hold(ref, False)
                self._freeze(ref, False)
                self._graph.record(ref, ())
                self._claim(ref, (), work)
                self._voices.say(ref, ())
            return
        record = self._records.setdefault(ref, _RootRecord())
        look = RecordingLook(self._store, self._made)
        if flaws or obj is None:
            record.translation = Translation(issues=flaws)
        else:
            translate = self._roots[ref.kind].translate
            record.translation = self._guarded(
                lambda: translate(obj, look), [ref], lambda issues: Translation(issues=issues)
            )
        record.failed = ()
        self._graph.record(ref, look.reads)
        record.effective = self._fallback(record) if record.errs else record.translation.claims
        self._hold(ref, record.errs and record.good is None)
        self._freeze(ref, record.translation.frozen)
        work.to_judge.add(ref)
        self._claim(ref, record.effective, work)
        self._voices.say(ref, record.translation.issues)

    def _fallback(self, record: _RootRecord) -> tuple[Claim, ...]:
        if record.good is not None:
            return record.good
        follows = (c for c in record.translation.claims if self._composers[type(c.key)].when_owner_errs == "follow")
        return tuple(follows)

    def _claim(self, by: Reader, claims: tuple[Claim, ...], work: _Work) -> None:
        """Replaces the claims that a root or a key makes, and wakes the keys where that makes a difference."""
        wanted: dict[Key, list[Claim]] = {}
        for claim in claims:
            wanted.setdefault(claim.key, []).append(claim)
        for key in self._claimed_by.get(by, frozenset()) | wanted.keys():
            record = self._keys.setdefault(key, _KeyRecord())
            after = tuple(wanted.get(key, ()))
            if record.claims.get(by, ()) == after:
                continue
            if after:
                record.claims[by] = after
            else:
                record.claims.pop(by, None)
            work.wake(key, work.causes.get(by, frozenset()))
        if wanted:
            self._claimed_by[by] = frozenset(wanted)
        else:
            self._claimed_by.pop(by, None)

    def _compose(self, key: Key, work: _Work) -> None:
        record = self._keys[key]
        claims, causes = record.oldest_first(), work.causes.get(key, frozenset())
        look = RecordingLook(self._store, self._made)
        composition = Composition()
        if claims:
            compose = self._composers[type(key)].compose
            composition = self._guarded(
                lambda: compose(key, claims, look),
                [claim.owner for claim in claims],
                lambda issues: Composition(issues=issues, failed=True),
            )
            unknown = [ref for ref in look.reads if ref in self._flaws and self._store.get(ref) is None]
            if unknown:
                composition = _not_known(claims, unknown)
        if composition.failed and record.good:
            good = record.good
            composition = replace(composition, objects=good.objects, claims=good.claims, made=good.made)
        before, record.composition = record.composition, composition
        self._graph.record(key, look.reads)
        self._voices.say(key, composition.issues)
        work.to_judge |= {issue.about for issue in (*before.issues, *composition.issues)}
        self._claim(key, composition.claims, work)
        for path in self._paths.set(key, claims[0] if claims else None, composition.objects):
            work.changed.add(path)
            work.because(path, causes)
        if before.made != composition.made:
            for reader in self._graph.readers([MadeRead(key)]):
                work.wake(reader, causes)
        work.composed.add(key)

    def _made(self, key: Key) -> Any:
        record = self._keys.get(key)
        return record.composition.made if record else None

    def _judge(self, work: _Work) -> None:
        to_judge, work.to_judge = work.to_judge, set()
        for ref in to_judge:
            record = self._records.get(ref)
            if record is None or record.errs:
                continue
            said = self._voices.errors(ref)
            errors = _lowest({speaker: issues for speaker, issues in said.items() if isinstance(speaker, Key)})
            if not errors:
                record.good = record.effective if self._synced else record.good
            elif record.effective != record.good:
                self._end_trial(ref, record, errors, work)

    def _end_trial(self, ref: Ref, record: _RootRecord, errors: Mapping[Key, tuple[Issue, ...]], work: _Work) -> None:
        """Back to the last good claims, until something changes that the errors came from."""
        reads = set(self._graph.reads_of(ref))
        for key in self._claimed_by.get(ref, frozenset()):
            reads |= {read for read in self._graph.reads_of(key) if not isinstance(read, MadeRead)}
        for key in errors:
            reads |= self._graph.reads_of(key) | {MadeRead(key)}
        self._graph.record(ref, reads)
        record.failed = tuple(issue for issues in errors.values() for issue in issues)
        record.effective = self._fallback(record)
        self._hold(ref, record.good is None)
        self._voices.say(ref, (*record.translation.issues, *record.failed))
        self._claim(ref, record.effective, work)

    def _hold(self, ref: Ref, holding: bool) -> None:
        if (ref in self._held) != holding:
            self._held = self._held | {ref} if holding else self._held - {ref}
            self._all_changed = True

    def _freeze(self, ref: Ref, freezing: bool) -> None:
        if (ref in self._frozen) != freezing:
            self._frozen = self._frozen | {ref} if freezing else self._frozen - {ref}
            self._all_changed = True

    def _guarded(self, ask: Callable[[], T], owners: Iterable[Ref], failed: Callable[[tuple[Issue, ...]], T]) -> T:
        """A bug in a kind or a composer concerns its objects only."""
        try:
            return ask()
        except Exception as fault:
            what = f"{type(fault).__name__}: {fault}"
            return failed(tuple(issues_of.program_fault(owner, what) for owner in owners))

    # ---- answering

    def _snapshot(self, work: _Work) -> Snapshot:
        everything, self._all_changed = self._all_changed, False
        ages = {ref: age for ref, age in work.ages.items() if self._ages.get(ref) != age}
        self._ages = self._ages.changed(ages) if ages else self._ages
        self._version += 1
        return Snapshot(
            version=self._version,
            desired=self._paths.state,
            issues=self._voices.shown(),
            held=self._held,
            ages=self._ages,
            frozen=self._frozen,
            changed=None if everything else frozenset(work.changed),
            causes={path: work.causes.get(path, frozenset()) for path in work.changed},
            grounds={path: work.known_by(path) for path in work.changed},
            lists=min(self._lists.values(), default=1),
        )


def _not_known(claims: Iterable[Claim], flawed: Iterable[Ref]) -> Composition:
    """What can be made of objects that are there and that nobody could ever read: nothing, which is not "empty"."""
    owners = dict.fromkeys(claim.owner for claim in claims)
    issues = (issues_of.needs_flawed(owner, str(ref)) for ref in sorted(flawed) for owner in owners)
    return Composition(issues=tuple(issues), failed=True)


def _lowest(errors: Mapping[Key, tuple[Issue, ...]]) -> Mapping[Key, tuple[Issue, ...]]:
    """The errors of the lowest level: those above may only be there because others are on trial at the same time."""
    level = min((key.LEVEL for key in errors), default=0)
    return {key: issues for key, issues in errors.items() if level == key.LEVEL}
