"""LTM policies and their rules, as values.

A policy and each of its rules are objects of their own here, as they are resources of their own on the device
(`…/ltm/policy/~P~web/rules/shop`). So one rule more on an address of a thousand hosts is one operation, a rule has its
own owner and is held or refused by itself, and whoever errs freezes nobody else's rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from turnbuckle.model.ltm import LtmObject, Pool
from turnbuckle.model.state import Path

Operand = Literal["http-host", "path", "path-segment", "client-address", "peer-address"]
Match = Literal["equals", "starts-with", "ends-with", "matches"]
Act = Literal["forward", "forward-peer", "redirect", "replace-host", "replace-uri", "reset", "set-variable"]

FORWARDING: frozenset[Act] = frozenset({"forward", "forward-peer"})
"""Acts whose value is a pool."""


@dataclass(frozen=True, slots=True, order=True)
class Condition:
    """One condition of a rule; all of a rule's conditions have to hold.

    operand: "http-host" is the Host header without its port; "path" the path of the URI; "path-segment" one of its
    segments, counted from 1 in `index`; "client-address" the address of the client, matched by prefixes ("matches");
    "peer-address" the same as soon as it connects, before it asks for anything.
    values: any of them suffices; they are sorted, since the device has them in an order of its own, and prefixes have
    their length ("192.0.2.1/32"). negated: none of them may match.
    """

    operand: Operand
    match: Match
    values: tuple[str, ...]
    index: int = 0
    negated: bool = False
    case_sensitive: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Action:
    """One action of a rule.

    act: all are done at a request, "forward-peer" as soon as somebody connects.
    value: the full path of a pool to forward to; where to redirect to, what to put in the place of host or URI, or into
    a variable, which may be a Tcl expression after "tcl:"; empty for reset. code: the HTTP status of a redirect.
    variable: the name of one that iRules read.
    """

    act: Act
    value: str = ""
    code: int = 0
    variable: str = ""


def irule_of(policy: str) -> str:
    """The full path of the iRule that runs beside a policy whose rules need one."""
    return f"{policy}_wildcards"


@dataclass(frozen=True, slots=True)
class Policy(LtmObject):
    """A policy without its rules, of the sort that is edited inside transactions ("legacy")."""

    strategy: str = "/Common/first-match"
    requires: frozenset[str] = frozenset({"http"})
    controls: frozenset[str] = frozenset({"forwarding"})

    KIND: ClassVar[str] = "ltm/policy"


@dataclass(frozen=True, slots=True)
class PolicyRule(LtmObject):
    """A rule; `name` is the policy's full path, ":" and the rule's name.

    ordinal: the smallest comes first; a function of what the rule matches, so that inserting one never renumbers.
    """

    ordinal: int = 0
    conditions: tuple[Condition, ...] = ()
    actions: tuple[Action, ...] = ()

    KIND: ClassVar[str] = "ltm/policy/rules"

    @property
    def policy(self) -> str:
        """The full path of its policy."""
        return self.name.partition(":")[0]

    @property
    def rule(self) -> str:
        """Its name in the policy."""
        return self.name.partition(":")[2]

    def whole(self) -> Path:
        """Its policy."""
        return Path(Policy.KIND, self.policy)

    def references(self) -> frozenset[Path]:
        """Its policy and the pools that it forwards to."""
        pools = {Path(Pool.KIND, action.value) for action in self.actions if action.act in FORWARDING}
        return frozenset({Path(Policy.KIND, self.policy), *pools})
