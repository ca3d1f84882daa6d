"""What a folder of manifests asks for, without a cluster and without a device: for plan, apply and check."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Origin, Put, Ref, SourceObject, Synced
from turnbuckle.model.settings import SETTINGS, Settings
from turnbuckle.runtime.namespaces import Scope
from turnbuckle.sources.files import read_folder


@dataclass(frozen=True, slots=True)
class Manifests:
    """What a folder says. issues: those of the files and those of the objects; origins: where each object stands.

    The snapshot is not synced when something could not be read; then nothing may be deleted on its grounds.
    """

    snapshot: Snapshot
    issues: tuple[Issue, ...]
    origins: Mapping[Ref, Origin]


def translate(folder: Path, settings: Settings, namespaces: Collection[str] = ()) -> Manifests:
    """Reads a folder once and translates what is in it. namespaces: those that count; empty: all."""
    scope = Scope(namespaces)
    content = read_folder(folder, registry.kinds())
    engine = Engine(registry.kinds(), registry.composers(), ["folder"])
    told = [Synced("folder")] if content.complete else []
    snapshot = engine.ingest([Put(SourceObject(SETTINGS, settings)), *scope.events(content.events), *told])
    issues = tuple(sorted({*scope.issues(content.issues), *snapshot.all_issues()}))
    return Manifests(snapshot, issues, content.origins)
