"""How much a plan takes away, and whether that is too much for grounds that may be wrong.

A watch that tells of a deletion is followed at once. What only a list, a start or another filter says is looked at as a
whole: when it would empty or delete more than a share of the device's pools or objects, something else may be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable

from turnbuckle.model.ltm import DesignatedPool, LtmObject, Pool
from turnbuckle.model.partition_claim import is_claim
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.state import State
from turnbuckle.planner.guard import is_ours

ALWAYS_ALLOWED = 10
"""So many removals at once are never too many, however small the device's share of ours is."""


def takes_away(operation: Operation) -> bool:
    """Whether an operation deletes an object, or leaves a pool without members that had some.

    The claim on a partition is no such object: it goes only after everything else there has gone.
    """
    return (operation.verb is Verb.DELETE and not is_claim(operation.path)) or _empties(operation)


def _empties(operation: Operation) -> bool:
    return _has_members(operation.before) and not _has_members(operation.after)


def _has_members(obj: LtmObject | None) -> bool:
    return isinstance(obj, Pool | DesignatedPool) and bool(obj.members)


def too_many(removals: Iterable[Operation], observed: State, controller_id: str, percent: int) -> str:
    """What removals would do, as a sentence, if it is more than `percent` of our pools or objects; else empty."""
    removed = tuple(removals)
    if len(removed) <= ALWAYS_ALLOWED:
        return ""
    ours = [obj for obj in observed.values() if is_ours(obj, controller_id)]
    for count, there, words in (
        (
            sum(_has_members(one.before) for one in removed),
            sum(map(_has_members, ours)),
            "pools with members would be emptied or deleted",
        ),
        (sum(one.verb is Verb.DELETE for one in removed), len(ours), "objects of ours would be deleted"),
    ):
        if count > max(ALWAYS_ALLOWED, there * percent / 100):
            return f"{count} of {there} {words} in one step, which is more than {percent} %."
    return ""
