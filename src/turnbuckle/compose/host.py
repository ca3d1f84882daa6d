"""Whose a host is at a destination, and whose each path below it: rules of the destination's policy.

A host belongs to the oldest namespace that claims it, so that nobody takes over another team's; within a namespace all
share it, and a path belongs to the oldest claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from turnbuckle.engine.protocol import Composition, Look
from turnbuckle.kit import facts
from turnbuckle.kit.addresses import destination
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import AddressKey, Claim, HostKey, HostRules, ListenerKey
from turnbuckle.model.issue import Issue
from turnbuckle.model.policy import PolicyRule


class HostComposer:
    """The rules of a host, each with the mark of its own owner."""

    key = HostKey
    when_owner_errs: Literal["follow", "hold"] = "hold"

    def compose(self, key: HostKey, claims: Sequence[Claim], look: Look) -> Composition:
        """PolicyRules; `made` says whose the host and its paths are, so that who lost one is tried again."""
        # Read, so that who loses here is tried again as well when the listener or its address goes elsewhere.
        look.made(AddressKey(key.address))
        look.made(ListenerKey(key.address, key.port, key.protocol))
        where, first = destination(key.address, key.port), claims[0]
        holders: dict[str, Claim] = {}
        rules: list[PolicyRule] = []
        issues: list[Issue] = []
        for claim in claims:
            want: HostRules = claim.want
            why = issues_of.why_first(first.age, claim.age)
            if claim.owner.namespace != first.owner.namespace:
                namespace, holder = first.owner.namespace, str(first.owner)
                issues.append(issues_of.host_taken(claim.owner, want.field, key.host, where, namespace, holder, why))
                continue
            mark = facts.mark_for(look, claim.owner)
            for rule in want.rules:
                holder_of_path = holders.setdefault(rule.place, claim)
                if holder_of_path.owner == claim.owner:
                    name = f"{want.policy}:{rule.name}"
                    rules.append(PolicyRule(name, mark, rule.ordinal, rule.conditions, rule.actions))
                else:
                    issues.append(_path_taken(key, where, claim, rule.field, rule.place, holder_of_path))
        made = (first.owner, tuple(sorted((place, claim.owner) for place, claim in holders.items())))
        return Composition(tuple(rules), tuple(dict.fromkeys(issues)), made=made)


COMPOSER = HostComposer()


def _path_taken(key: HostKey, where: str, claim: Claim, field: str, place: str, holder: Claim) -> Issue:
    why = issues_of.why_first(holder.age, claim.age)
    return issues_of.path_taken(claim.owner, field, key.host, place, where, str(holder.owner), why)
