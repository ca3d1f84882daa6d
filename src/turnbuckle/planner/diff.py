"""Desired against observed: one operation for each object that differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from turnbuckle.model.ltm import DesignatedPool, LtmObject, Member, Pool, as_operators_left_it, differing
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path

_ALL_OF_IT: frozenset[str] = frozenset()
"""One for all operations, since what was written is remembered for a while."""


def operation(
    path: Path, before: LtmObject | None, after: LtmObject | None, causes: Mapping[Path, frozenset[Ref]]
) -> Operation | None:
    """What turns `before` into `after`; None when nothing differs."""
    if isinstance(before, DesignatedPool):
        after = _our_part(before, after)
    if isinstance(before, Pool) and isinstance(after, Pool):
        after = replace(after, members=_as_operators_left_them(before.members, after.members))
    if before == after or (before is None and after is None):
        return None
    because = causes.get(path, frozenset()) | owners(before) | owners(after)
    if before is None:
        return Operation(Verb.CREATE, path, None, after, _ALL_OF_IT, because)
    if after is None:
        return Operation(Verb.DELETE, path, before, None, _ALL_OF_IT, because)
    fields = differing(before, after)
    if isinstance(after, DesignatedPool):
        fields &= {"members"}
    return Operation(Verb.UPDATE, path, before, after, fields, because) if fields else None


def _as_operators_left_them(before: frozenset[Member], after: frozenset[Member]) -> frozenset[Member]:
    """The members that shall be, with what operators set on those that are there already."""
    known = {member.name: member for member in before if member.admin_state != "enabled" or member.notes}
    if not known:
        return after
    return frozenset(as_operators_left_it(known[m.name], m) if m.name in known else m for m in after)


def _our_part(before: DesignatedPool, after: LtmObject | None) -> DesignatedPool:
    """Our members as they shall be in a pool that stays: without those that somebody else has put there."""
    if not isinstance(after, DesignatedPool):
        return replace(before, members=frozenset())
    members = frozenset(m for m in after.members if m.name not in before.taken)
    return replace(after, members=_as_operators_left_them(before.members, members), taken=before.taken)


def owners(obj: LtmObject | None) -> frozenset[Ref]:
    """The owner that an object's mark names."""
    return frozenset({owner_of(obj.mark)}) if obj is not None and obj.mark is not None else frozenset()


def owner_of(mark: Mark) -> Ref:
    """The owner in a mark, as a Ref."""
    kind, *rest = mark.owner.split("/")
    return Ref("", kind, rest[0] if len(rest) > 1 else "", rest[-1] if rest else "")
