"""What only one object can have, such as a destination, where somebody held has it on the device.

A held owner errs and was never good while this process runs. It gives its places up to an older owner in good
standing, as it would have if it had been good all the time, and keeps them against younger ones. Whoever cannot have a
place because of that stays where it is, unless somebody older wants that place too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.plan import Operation
from turnbuckle.model.ref import Age, Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner.diff import owners
from turnbuckle.planner.guard import is_ours


@dataclass(frozen=True, slots=True)
class Loss:
    """An operation cannot have the place that it wants. holder: who keeps it. stays: it may stay where it is.

    tell: the issue for an owner, from that one, the path, and the holder.
    """

    holder: Ref
    stays: bool
    tell: Callable[[Ref, str, str], Issue] = issues_of.address_kept


def kept(
    observed: State, desired: State, held: frozenset[Ref], ages: Mapping[Ref, Age], controller_id: str
) -> dict[str, Ref]:
    """What held owners occupy on the device and keep, and who of them.

    Whose age is not known could not be read, and counts as the oldest: unknown is not empty.
    """
    wanted: dict[str, list[Age]] = {}
    for obj in desired.values():
        for owner in (owners(obj) - held) & ages.keys() if obj.occupies() else ():
            for place in obj.occupies():
                wanted.setdefault(place, []).append(ages[owner])
    found: dict[str, Ref] = {}
    for obj in observed.values():
        for owner in owners(obj) & held if obj.occupies() and is_ours(obj, controller_id) else ():
            age, rivals = ages.get(owner), [age for place in obj.occupies() for age in wanted.get(place, ())]
            if all(keeps(age, rival) for rival in rivals):
                found |= dict.fromkeys(obj.occupies(), owner)
    return found


def keeps(holder: Age | None, rival: Age | None) -> bool:
    """Whether somebody held keeps what it has on the device against somebody who wants it.

    Whose age is not known counts as the oldest. Where neither has a time, as in most folders, what there is stays: the
    names of objects are no reason to move anybody's traffic.
    """
    if holder is None or rival is None:
        return holder is None
    return holder < rival or (holder[0] and rival[0])


def losses(
    operations: Iterable[Operation], kept_by: Mapping[str, Ref], held: frozenset[Ref], ages: Mapping[Ref, Age]
) -> dict[Path, Loss]:
    """By path, the operations that want what somebody keeps. kept_by: as `kept` answers."""
    taken = dict(kept_by)
    found: dict[Path, Loss] = {}
    if not taken:
        return found
    for operation in sorted(operations, key=lambda one: _age(one, ages)):
        if operation.after is None or owners(operation.after) & held:
            continue
        before = operation.before.occupies() if operation.before is not None else frozenset()
        owner = next(iter(owners(operation.after)), None)
        lost = [place for place in sorted(operation.after.occupies() - before) if place in taken]
        if not lost:
            taken |= dict.fromkeys(operation.after.occupies(), owner) if owner is not None else {}
            continue
        stays = not before & taken.keys()
        found[operation.path] = Loss(taken[lost[0]], stays)
        if stays and owner is not None:
            taken |= dict.fromkeys(before, owner)
    return found


def _age(operation: Operation, ages: Mapping[Ref, Age]) -> tuple[tuple[Age, ...], str]:
    return tuple(sorted(ages[ref] for ref in owners(operation.after) if ref in ages)), str(operation.path)
