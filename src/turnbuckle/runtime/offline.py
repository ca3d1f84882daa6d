"""What a folder of manifests asks for, without a cluster and without a device: for plan, apply and check."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Origin, Put, Ref, SourceObject, Synced
from turnbuckle.model.settings import SETTINGS, Settings
from turnbuckle.model.state import State
from turnbuckle.runtime.calendar import Calendar
from turnbuckle.runtime.namespaces import Scope
from turnbuckle.sources.files import read_folder
from turnbuckle.sources.leases_desk import Desk
from turnbuckle.sources.leases_pools import Pools
from turnbuckle.sources.leases_range import RangeLeases


@dataclass(frozen=True, slots=True)
class Manifests:
    """What a folder says. issues: those of the files and those of the objects; origins: where each object stands.

    The snapshot is not synced when something could not be read; then nothing may be deleted on its grounds.
    """

    snapshot: Snapshot
    issues: tuple[Issue, ...]
    origins: Mapping[Ref, Origin]
    engine: Engine
    settings: Settings

    def differences(self) -> list[tuple[Ref, str, str]]:
        """Object, field and sentence of what is served otherwise than the original did, in the objects' order."""
        tell, found = registry.differences(), []
        for ref in sorted(ref for ref in self.snapshot.ages if ref.kind in tell):
            obj = self.engine.get(ref)
            found += [(ref, *one) for one in tell[ref.kind](obj)] if obj is not None else []
        return found

    def leased(self, observed: State, pools: Pools) -> Manifests:
        """The same with the addresses that are asked for, given what a device has."""
        if not self.snapshot.demand:
            return self
        leases = RangeLeases(pools, Desk(self.engine.get, self.settings))
        leases.asked(self.snapshot)
        leases.observed(observed)
        snapshot = self.engine.ingest(leases.look())
        others = set(self.issues) - set(self.snapshot.all_issues())
        return replace(self, snapshot=snapshot, issues=tuple(sorted({*others, *snapshot.all_issues()})))


def translate(
    folder: Path, settings: Settings, namespaces: Collection[str] = (), calendar: Calendar | None = None
) -> Manifests:
    """Reads a folder once and translates what is in it. namespaces: those that count; empty: all."""
    scope = Scope(namespaces)
    content = read_folder(folder, registry.kinds())
    engine = Engine(registry.kinds(), registry.composers(), ["folder"], registry.on_demand())
    told = [Synced("folder")] if content.complete else []
    facts = [Put(SourceObject(SETTINGS, settings)), (calendar or Calendar()).fact()]
    snapshot = engine.ingest([*facts, *scope.events(content.events), *told])
    issues = tuple(sorted({*scope.issues(content.issues), *snapshot.all_issues()}))
    return Manifests(snapshot, issues, content.origins, engine, settings)
