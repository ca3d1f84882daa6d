"""Decides which pool member a new connection goes to; pure, it knows no sockets and no clock.

A method is a rule (take turns, or take the least loaded), a weight and what it counts over (member or node).
Methods that rest on measurements that the simulator does not have are mapped to the nearest one, and say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pool member as the balancer sees it.

    health: "up" takes part; "checking" only while nobody is up; "down" never.
    admission: "new" for everybody, "persistent" for clients that were there before (disabled), "none"
    (forced offline). Limits are numbers of connections at once; 0 means no limit.
    """

    member: str
    node: str
    health: Literal["up", "checking", "down"] = "up"
    admission: Literal["new", "persistent", "none"] = "new"
    ratio: int = 1
    node_ratio: int = 1
    dynamic_ratio: int = 1
    priority: int = 0
    connections: int = 0
    node_connections: int = 0
    limit: int = 0
    node_limit: int = 0

    @property
    def full(self) -> bool:
        """Whether the member or its node has all the connections that it may have."""
        member_full = 0 < self.limit <= self.connections
        return member_full or 0 < self.node_limit <= self.node_connections


@dataclass(frozen=True, slots=True)
class Method:
    """How one load balancing mode chooses; note says how it differs from the device's."""

    rule: Literal["turns", "least"]
    weight: Callable[[Candidate], int]
    over: Literal["member", "node"]
    note: str = ""


def _one(candidate: Candidate) -> int:
    return 1


def _ratio(candidate: Candidate) -> int:
    return max(1, candidate.ratio)


def _node_ratio(candidate: Candidate) -> int:
    return max(1, candidate.node_ratio)


def _dynamic_ratio(candidate: Candidate) -> int:
    return max(1, candidate.dynamic_ratio)


def _limit(candidate: Candidate) -> int:
    return candidate.limit or 1


def _node_limit(candidate: Candidate) -> int:
    return candidate.node_limit or 1


_UNMEASURED: Final = "response times are not measured: the fewest connections stand for the fastest"
_TREND: Final = "load is not ranked over time: the fewest connections now decide"
_SESSIONS: Final = "sessions are not counted apart: the fewest connections decide"
_DYNAMIC: Final = "no performance monitor sets dynamic ratios: the configured dynamicRatio is used"

METHODS: Final[Mapping[str, Method]] = {
    "round-robin": Method("turns", _one, "member"),
    "ratio-member": Method("turns", _ratio, "member"),
    "ratio-node": Method("turns", _node_ratio, "node"),
    "ratio-session": Method("turns", _ratio, "member", "turns are taken per connection, not per session"),
    "dynamic-ratio-member": Method("turns", _dynamic_ratio, "member", _DYNAMIC),
    "dynamic-ratio-node": Method("turns", _dynamic_ratio, "node", _DYNAMIC),
    "least-connections-member": Method("least", _one, "member"),
    "least-connections-node": Method("least", _one, "node"),
    "ratio-least-connections-member": Method("least", _ratio, "member"),
    "ratio-least-connections-node": Method("least", _node_ratio, "node"),
    "weighted-least-connections-member": Method("least", _limit, "member"),
    "weighted-least-connections-node": Method("least", _node_limit, "node"),
    "least-sessions": Method("least", _one, "member", _SESSIONS),
    "fastest-node": Method("least", _one, "node", _UNMEASURED),
    "fastest-app-response": Method("least", _one, "member", _UNMEASURED),
    "observed-member": Method("least", _one, "member", _TREND),
    "observed-node": Method("least", _one, "node", _TREND),
    "predictive-member": Method("least", _one, "member", _TREND),
    "predictive-node": Method("least", _one, "node", _TREND),
}
UNKNOWN: Final = Method("turns", _one, "member", "the mode is not known: members take turns")


def eligible(candidates: Iterable[Candidate], min_active: int) -> list[Candidate]:
    """Members that may take a new connection: usable, below their limits, in an active priority group.

    min_active is the pool's minActiveMembers: below that many members of the highest group the next lower
    group joins in, and so on; 0 switches priority groups off.
    """
    usable = [one for one in candidates if one.admission == "new" and one.health != "down" and not one.full]
    best = [one for one in usable if one.health == "up"] or usable
    if min_active <= 0:
        return best
    active: list[Candidate] = []
    for priority in sorted({one.priority for one in best}, reverse=True):
        active.extend(one for one in best if one.priority == priority)
        if len(active) >= min_active:
            break
    return active


def persistent(candidates: Iterable[Candidate], member: str, override_limit: bool) -> Candidate | None:
    """The member that a returning client belongs to, or None when that one may not take it any more."""
    for one in candidates:
        if one.member == member and one.admission != "none" and one.health != "down":
            return one if override_limit or not one.full else None
    return None


class Balancer:
    """The memory of one pool: whose turn it is."""

    def __init__(self) -> None:
        self._credit: dict[str, int] = {}

    def choose(self, mode: str, candidates: Sequence[Candidate]) -> Candidate | None:
        """One of the eligible members by the load balancing mode, or None when there are none."""
        if not candidates:
            return None
        method = METHODS.get(mode, UNKNOWN)
        if method.rule == "least":
            candidates = _least_loaded(candidates, method)
            return self._turn(candidates, _one, "member")
        chosen = self._turn(candidates, method.weight, method.over)
        if method.over == "member":
            return chosen
        return self._turn([one for one in candidates if one.node == chosen.node], _one, "member")

    def _turn(self, candidates: Sequence[Candidate], weight: Callable[[Candidate], int], over: str) -> Candidate:
        """Takes turns in proportion to the weights, evenly spread: who has waited longest goes next."""
        groups: dict[str, Candidate] = {}
        for one in candidates:
            groups.setdefault(one.member if over == "member" else f"node {one.node}", one)
        total = sum(weight(one) for one in groups.values())
        credit = {key: self._credit.get(key, 0) + weight(one) for key, one in groups.items()}
        best = max(credit, key=lambda key: credit[key])
        credit[best] -= total
        self._credit.update(credit)
        return groups[best]

    def forget_all_but(self, members: Iterable[str], nodes: Iterable[str]) -> None:
        """Drops the turns of members and nodes that left the pool."""
        keep = {*members, *(f"node {node}" for node in nodes)}
        self._credit = {key: value for key, value in self._credit.items() if key in keep}


def _least_loaded(candidates: Sequence[Candidate], method: Method) -> list[Candidate]:
    def load(one: Candidate) -> float:
        connections = one.connections if method.over == "member" else one.node_connections
        return connections / method.weight(one)

    least = min(load(one) for one in candidates)
    return [one for one in candidates if load(one) == least]
