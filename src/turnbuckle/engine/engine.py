"""From edits to the desired state, at the cost of what they concern.

An edit touches reads; the roots that made them are translated again, the keys composed again, level by level. An equal
result keeps the old object, and all work stops there.

`_judge` decides what stays in force when a root errs. A root's claims are on trial until nothing that was made of them
says ERROR about it. A root whose trial fails goes back to its last good claims, and is tried again when something that
the failure had read changes. A root that was never good keeps its FOLLOW claims only and is held: the device keeps what
it has of it. One that waits for what it has asked for stands back in the same way, without an error. Last good claims
and compositions are the only memory of the past here. Nothing counts as good before every source has told everything:
what was not told yet looks like what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from turnbuckle.engine.demand import Demand
from turnbuckle.engine.paths import PathTable
from turnbuckle.engine.protocol import Composer, Composition, Kind, Root, Translation
from turnbuckle.engine.reads import Reader, ReadGraph, RecordingLook
from turnbuckle.engine.records import KeyRecord, RootRecord, Standing, Staying, Work
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.engine.store import MadeRead, Read, Store
from turnbuckle.engine.voices import Voices
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import Claim, Key
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Age, Event, Flawed, Gone, Put, Ref, SourceObject, Synced
from turnbuckle.model.state import Layered

_MOST_ROUNDS = 12
"""Trials settle in two or three rounds; the limit only turns a bug into a snapshot instead of a hang."""

T = TypeVar("T")


class Engine:
    """Objects in, snapshots out. Pure and synchronous."""

    def __init__(
        self,
        kinds: Iterable[Kind],
        composers: Iterable[Composer],
        sources: Iterable[str] = (),
        on_demand: Iterable[str] = (),
    ) -> None:
        self._roots = {kind.name: cast(Root, kind) for kind in kinds if hasattr(kind, "translate")}
        self._composers = {composer.key: composer for composer in composers}
        self._lists = dict.fromkeys(sources, 0)
        self._store = Store()
        self._graph = ReadGraph()
        self._demand = Demand(on_demand)
        self._voices = Voices()
        self._paths = PathTable(self._voices)
        self._records: dict[Ref, RootRecord] = {}
        self._keys: dict[Key, KeyRecord] = {}
        # Roots that are good and want nothing: most Services are no more than that.
        self._resting: set[Ref] = set()
        self._flaws: dict[Ref, tuple[Issue, ...]] = {}
        self._ages: Layered[Ref, Age] = Layered()
        self._held, self._frozen, self._waiting = Standing(), Standing(), Standing()
        self._staying = Staying()
        self._all_changed = False
        self._version = 0

    def ingest(self, events: Iterable[Event]) -> Snapshot:
        """Takes edits and answers the state after them."""
        work, was_synced = Work(), self._synced
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
        fresh = Engine(self._roots.values(), self._composers.values(), on_demand=self._demand.kinds)
        fresh._lists = dict(self._lists)
        fresh._records = {
            ref: RootRecord(good=record.good, good_asks=record.good_asks) for ref, record in self._records.items()
        }
        fresh._keys = {
            key: KeyRecord(good=record.good, good_asks=record.good_asks) for key, record in self._keys.items()
        }
        fresh._resting = set(self._resting)
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

    def _take(self, event: Event, work: Work) -> None:
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
                self._forget_good(ref)
                self._touch(ref, self._store.drop(ref), work)
            case Flawed(ref, found):
                self._flaw(ref, found, work)

    def _forget_another(self, obj: SourceObject) -> None:
        """An object that was made anew under its name is another one: what the former was good for is not its own."""
        before = self._store.get(obj.ref)
        if before is not None and before.uid and obj.uid and before.uid != obj.uid:
            self._forget_good(obj.ref)

    def _forget_good(self, ref: Ref) -> None:
        self._resting.discard(ref)
        if (record := self._records.get(ref)) is not None:
            record.good, record.good_asks = None, frozenset()

    def _flaw(self, ref: Ref, found: tuple[Issue, ...], work: Work) -> None:
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

    def _touch(self, ref: Ref, touched: frozenset[Read], work: Work) -> None:
        if touched and ref.kind in self._roots:
            work.wake(ref, frozenset({ref}))
        self._wake_readers(touched, frozenset({ref}), work)

    def _wake_readers(self, touched: frozenset[Read], causes: frozenset[Ref], work: Work) -> None:
        for reader in self._graph.readers(touched):
            work.wake(reader, causes)

    # ---- settling

    def _settle(self, work: Work) -> None:
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

    def _remember(self, work: Work) -> None:
        """What came of roots and keys is good from now on; only now, since a trial must not replace what it falls back
        to, and what passes in one round may lose in the next against what somebody else falls back to.
        """
        for ref in work.approved if self._synced else ():
            self._approve(ref, work)
        for key in work.composed:
            record = self._keys[key]
            stays = record.composition.stays
            self._all_changed |= self._staying.put(key, stays, record.owners() if stays else frozenset())
            if not record.claims:
                del self._keys[key]
                self._demand.ask(key, frozenset(), ())
                continue
            if self._synced and not record.composition.failed:
                record.good, record.good_asks = record.composition, record.asks
            asks = record.asks | record.good_asks
            self._demand.ask(key, asks, record.owners() if asks else ())

    def _translate(self, ref: Ref, work: Work) -> None:
        obj, flaws = self._store.get(ref), self._flaws.get(ref, ())
        work.ages[ref] = obj.age_key() if obj is not None else None
        if obj is None and not flaws:
            self._forget(ref, work)
            return
        record = self._record(ref)
        before = record.effective
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
        record.effective = self._fallback(record) if record.is_not_for_now else record.translation.claims
        self._hold(ref, record.is_not_for_now and record.good is None)
        self._ask(ref, record, self._demand.among(look.reads))
        self._freeze(ref, record.translation.frozen)
        work.to_judge.add(ref)
        self._claim(ref, before, record.effective, work)
        self._voices.say(ref, record.translation.issues)

    def _record(self, ref: Ref) -> RootRecord:
        if ref not in self._records:
            self._records[ref] = RootRecord(good=() if ref in self._resting else None)
            self._resting.discard(ref)
        return self._records[ref]

    def _forget(self, ref: Ref, work: Work) -> None:
        self._resting.discard(ref)
        self._graph.record(ref, ())
        record = self._records.pop(ref, None)
        if record is not None:
            self._hold(ref, False)
            self._freeze(ref, False)
            self._waiting.put(ref, False)
            self._demand.ask(ref, frozenset(), ())
            self._claim(ref, record.effective, (), work)
            self._voices.say(ref, ())

    def _ask(self, ref: Ref, record: RootRecord, asks: frozenset[Ref]) -> None:
        record.asks = asks
        self._demand.ask(ref, asks | record.good_asks, (ref,))
        self._waiting.put(ref, record.translation.waits)

    def _fallback(self, record: RootRecord) -> tuple[Claim, ...]:
        if record.good is not None:
            return record.good
        follows = (c for c in record.translation.claims if self._composers[type(c.key)].when_owner_errs == "follow")
        return tuple(follows)

    def _claim(self, by: Reader, before: Iterable[Claim], after: Iterable[Claim], work: Work) -> None:
        """Replaces the claims that a root or a key makes, and wakes the keys where that makes a difference."""
        wanted: dict[Key, list[Claim]] = {claim.key: [] for claim in before}
        for claim in after:
            wanted.setdefault(claim.key, []).append(claim)
        for key, claims in wanted.items():
            if key not in self._keys:
                self._keys[key] = KeyRecord()
            if self._keys[key].claim(by, tuple(claims)):
                work.wake(key, work.causes.get(by, frozenset()))

    def _compose(self, key: Key, work: Work) -> None:
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
        if composition.failed and (good := record.fallback()) is not None:
            composition = replace(
                composition, objects=good.objects, claims=good.claims, made=good.made, stays=good.stays
            )
        before, record.composition, record.asks = record.composition, composition, self._demand.among(look.reads)
        self._graph.record(key, look.reads)
        self._voices.say(key, composition.issues)
        work.to_judge |= {issue.about for issue in (*before.issues, *composition.issues)}
        self._claim(key, before.claims, composition.claims, work)
        for path in self._paths.set(key, claims[0] if claims else None, before.objects, composition.objects):
            work.changed.add(path)
            work.because(path, causes)
        if before.made != composition.made:
            for reader in self._graph.readers([MadeRead(key)]):
                work.wake(reader, causes)
        work.composed.add(key)

    def _made(self, key: Key) -> Any:
        record = self._keys.get(key)
        return record.composition.made if record else None

    def _judge(self, work: Work) -> None:
        to_judge, work.to_judge = work.to_judge, set()
        for ref in to_judge:
            record = self._records.get(ref)
            work.approved.discard(ref)
            if record is None or record.is_not_for_now:
                continue
            said = self._voices.errors(ref)
            errors = _lowest({speaker: issues for speaker, issues in said.items() if isinstance(speaker, Key)})
            if not errors:
                work.approved.add(ref)
            elif record.effective != record.good:
                self._end_trial(ref, record, errors, work)

    def _approve(self, ref: Ref, work: Work) -> None:
        record = self._records[ref]
        record.good, record.good_asks = record.effective, record.asks
        self._demand.ask(ref, record.asks, (ref,))
        if record.rests:
            del self._records[ref]
            self._resting.add(ref)
            work.ages[ref] = None

    def _end_trial(self, ref: Ref, record: RootRecord, errors: Mapping[Key, tuple[Issue, ...]], work: Work) -> None:
        """Back to the last good claims, until something changes that the errors came from."""
        reads = set(self._graph.reads_of(ref))
        before = record.effective
        for key in {claim.key for claim in before}:
            reads |= {read for read in self._graph.reads_of(key) if not isinstance(read, MadeRead)}
        for key in errors:
            reads |= {*self._graph.reads_of(key), MadeRead(key)}
        self._graph.record(ref, reads)
        record.failed = tuple(issue for issues in errors.values() for issue in issues)
        record.effective = self._fallback(record)
        self._hold(ref, record.good is None)
        self._voices.say(ref, (*record.translation.issues, *record.failed))
        self._claim(ref, before, record.effective, work)

    def _hold(self, ref: Ref, holding: bool) -> None:
        self._all_changed |= self._held.put(ref, holding)

    def _freeze(self, ref: Ref, freezing: bool) -> None:
        self._all_changed |= self._frozen.put(ref, freezing)

    def _guarded(self, ask: Callable[[], T], owners: Iterable[Ref], failed: Callable[[tuple[Issue, ...]], T]) -> T:
        """A bug in a kind or a composer concerns its objects only."""
        try:
            return ask()
        except Exception as fault:
            what = f"{type(fault).__name__}: {fault}"
            return failed(tuple(issues_of.program_fault(owner, what) for owner in owners))

    # ---- answering

    def _snapshot(self, work: Work) -> Snapshot:
        everything, self._all_changed = self._all_changed, False
        ages = {ref: age for ref, age in work.ages.items() if self._ages.get(ref) != age}
        self._ages = self._ages.changed(ages) if ages else self._ages
        self._version += 1
        return Snapshot(
            version=self._version,
            desired=self._paths.state,
            issues=self._voices.shown(),
            held=self._held.shown(),
            ages=self._ages,
            frozen=self._frozen.shown(),
            changed=None if everything else frozenset(work.changed),
            causes={path: work.causes.get(path, frozenset()) for path in work.changed},
            grounds=work.known_by(),
            demand=self._demand.shown(),
            waiting=self._waiting.shown(),
            stays=self._staying.shown(),
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
