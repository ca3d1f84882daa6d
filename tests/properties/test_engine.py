"""The engine against its own oracle: what is computed step by step equals what is computed from scratch."""

from __future__ import annotations

from hypothesis import given, settings

from properties import worlds
from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ref import Event, Ref
from turnbuckle.model.state import State


def engine() -> Engine:
    return Engine(registry.kinds(), registry.composers())


def told(snapshot: Snapshot) -> dict[Ref, tuple[bool, list[Issue]]]:
    """Whether each object errs, and everything else that is said of it.

    Who has lost one place to somebody is not tried again for each other place that goes meanwhile, so that of several
    conflicts of one object not all need to be known yet.
    """
    return {
        ref: (
            any(issue.severity is Severity.ERROR for issue in issues),
            [issue for issue in issues if issue.severity is not Severity.ERROR],
        )
        for ref, issues in snapshot.issues.items()
    }


@settings(max_examples=250, deadline=None)
@given(worlds.HISTORIES, worlds.MEMBER_TYPES)
def test_incremental_equals_rebuild(history: list[list[Event]], member_type: str) -> None:
    ours = engine()
    ours.ingest([worlds.settings(member_type)])
    for events in history:
        snapshot = ours.ingest(events)
        anew = ours.rebuild()
        assert dict(snapshot.desired) == dict(anew.desired)
        assert told(snapshot) == told(anew)
        assert snapshot.held == anew.held


@settings(max_examples=250, deadline=None)
@given(worlds.HISTORIES_OF_INGRESSES)
def test_incremental_equals_rebuild_where_ingresses_share_addresses(history: list[list[Event]]) -> None:
    ours = engine()
    ours.ingest([worlds.settings(), worlds.ingress_class()])
    for events in history:
        snapshot = ours.ingest(events)
        anew = ours.rebuild()
        assert dict(snapshot.desired) == dict(anew.desired)
        assert told(snapshot) == told(anew)
        assert snapshot.held == anew.held


@settings(max_examples=100, deadline=None)
@given(worlds.HISTORIES)
def test_a_snapshot_names_every_path_that_differs_from_the_one_before(history: list[list[Event]]) -> None:
    ours = engine()
    before = ours.ingest([worlds.settings()])
    for events in history:
        after = ours.ingest(events)
        if after.changed is not None:
            paths = set(before.desired) | set(after.desired)
            differing = {path for path in paths if before.desired.get(path) != after.desired.get(path)}
            assert differing <= after.changed
        before = after


@settings(max_examples=100, deadline=None)
@given(worlds.HISTORIES)
def test_an_edit_that_only_breaks_an_object_takes_nothing_away(history: list[list[Event]]) -> None:
    ours = engine()
    ours.ingest([worlds.settings()])
    for events in history:
        ours.ingest(events)
    before = ours.rebuild()
    after = ours.ingest([worlds.config_map("a", "{", "2026-01-01T00:00:00Z")])
    held = {str(ref) for ref in before.held}
    lost = {path for path, obj in before.desired.items() if path not in after.desired}
    assert all(before.desired[path].mark.owner in held for path in lost)
    broken = [issue for ref, issues in after.issues.items() if ref.name == "a" for issue in issues]
    assert any(issue.severity is Severity.ERROR for issue in broken)


@settings(max_examples=200, deadline=None)
@given(worlds.HISTORIES)
def test_a_state_built_by_changes_equals_one_built_at_once(history: list[list[Event]]) -> None:
    ours = engine()
    ours.ingest([worlds.settings()])
    for events in history:
        desired = ours.ingest(events).desired
        assert dict(desired) == dict(State(desired.values()))
        assert len(desired) == len(dict(desired))
