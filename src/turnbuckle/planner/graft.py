"""What a held owner has on the device stays: its objects as they are, its pools with fresh members.

A held owner errs and was never good while this process runs, so nobody knows what it would want; the device has the
last that was good. What of it has to give way to others is decided in `places`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from turnbuckle.model.ltm import DesignatedPool, LtmObject, Pool
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner.diff import owners
from turnbuckle.planner.guard import is_ours


def graft(
    observed: State,
    desired: State,
    held: frozenset[Ref],
    paths: Iterable[Path],
    kept: Mapping[str, Ref],
    controller_id: str,
) -> dict[Path, LtmObject | None]:
    """What is to be compared as desired, for each path. kept: as `places.kept` answers."""

    def ours(path: Path) -> LtmObject | None:
        # Another controller's object may bear an owner of the same name.
        obj = observed.get(path)
        return obj if obj is not None and is_ours(obj, controller_id) else None

    return {path: _wanted(ours(path), desired.get(path), held, kept) for path in paths}


def _wanted(
    before: LtmObject | None, after: LtmObject | None, held: frozenset[Ref], kept: Mapping[str, Ref]
) -> LtmObject | None:
    if isinstance(before, DesignatedPool):
        return _with_held_members(before, after, {str(ref) for ref in held}) if held else after
    if after is not None:
        if not owners(after) & held:
            return after
        if before is None:
            return None
        if isinstance(before, Pool) and isinstance(after, Pool) and before.mark is not None:
            return replace(before, members=after.members)
        return before
    if before is not None and owners(before) & held:
        return before if before.occupies() <= kept.keys() else None
    return None


def _with_held_members(before: DesignatedPool, after: LtmObject | None, owners: set[str]) -> LtmObject | None:
    """What is desired of a shared pool, and the members there of held owners of whom it is not known what they want."""
    silent = owners - after.owners if isinstance(after, DesignatedPool) else owners
    kept = frozenset(m for m in before.members if m.mark is not None and m.mark.owner in silent)
    if not kept:
        return after
    wanted = after if isinstance(after, DesignatedPool) else replace(before, members=frozenset())
    return replace(wanted, members=wanted.members | kept)
