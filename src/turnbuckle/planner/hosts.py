"""Whose a host is in a policy, and whose a path below it, where somebody held has rules for it on the device.

What composing decides among all who are in good standing is decided here for those of whom nobody knows what they want:
a host belongs to the oldest namespace, and within it a path to the oldest owner. Without this a mistake in an Ingress
would give its host away at the next start. See `places` for whole listeners, and for what held means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from turnbuckle.model import issue as issues_of
from turnbuckle.model.policy import PolicyRule
from turnbuckle.model.ref import Age, Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner.diff import owners
from turnbuckle.planner.guard import is_ours
from turnbuckle.planner.places import Loss, keeps


@dataclass(slots=True)
class Contest:
    """losses: rules that are not to be written, since their host or path is kept.

    leaving: rules of held owners that give way.
    """

    losses: dict[Path, Loss] = field(default_factory=dict)
    leaving: set[Path] = field(default_factory=set)


def contest(
    observed: State,
    desired: State,
    held: frozenset[Ref],
    ages: Mapping[Ref, Age],
    compared: Iterable[Path],
    controller_id: str,
) -> Contest:
    """What becomes of the rules among the compared paths."""
    found = Contest()
    if not held:
        return found
    wanted = [obj for path in compared if isinstance(obj := desired.get(path), PolicyRule) and not owners(obj) & held]
    if not wanted:
        return found
    there: dict[tuple[Path, str], list[PolicyRule]] = {}
    for obj in observed.values():
        if isinstance(obj, PolicyRule) and owners(obj) & held and is_ours(obj, controller_id):
            for host in _hosts(obj):
                there.setdefault((obj.whole(), host), []).append(obj)
    for rule in wanted:
        rivals = {one.path: one for host in _hosts(rule) for one in there.get((rule.whole(), host), ())}
        rivals = {path: one for path, one in rivals.items() if _exclude(one, rule)}
        first = [one for one in rivals.values() if keeps(_age(one, ages), _age(rule, ages))]
        if first:
            holder = min(owner for one in first for owner in owners(one))
            found.losses[rule.path] = Loss(holder, True, issues_of.host_kept)
        else:
            found.leaving |= rivals.keys()
    return found


def _hosts(rule: PolicyRule) -> frozenset[str]:
    """The hosts that a rule is for, as the policy matches them; one that is for every host has the empty one."""
    found = {f"{one.match} {value}" for one in rule.conditions if one.operand == "http-host" for value in one.values}
    return frozenset(found or {""})


def _exclude(one: PolicyRule, other: PolicyRule) -> bool:
    """Whether only one of two rules for a host may be there."""
    (first,), (second,) = owners(one), owners(other)
    return first != second and (first.namespace != second.namespace or one.conditions == other.conditions)


def _age(rule: PolicyRule, ages: Mapping[Ref, Age]) -> Age | None:
    (owner,) = owners(rule)
    return ages.get(owner)
