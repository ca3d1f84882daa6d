"""Decides when a policy has its say in a virtual server's traffic, and whose word holds when its actions disagree.

What a rule wants at a later event than the one at which it held (a header of the answer) is carried out then. Of
several actions that say where traffic goes, the first holds (assumed for "all-match").
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from bigipsim.dataplane.policy import ORDER, Policy, Rule
from bigipsim.dataplane.policy_actions import EFFECTS
from bigipsim.dataplane.policy_text import TextError
from bigipsim.dataplane.traffic import Connection, Event, Handler, Reset, Traffic
from bigipsim.objects import data_group
from bigipsim.tree import Tree

logger = logging.getLogger(__name__)


class PolicyPart:
    """One version of one policy, for all virtual servers that have it."""

    def __init__(self, policy: Policy, tree: Tree) -> None:
        self.policy = policy
        self._tree = tree

    def handler(self, connection: Connection) -> Handler:
        """What hears the events of one connection."""
        before = connection.before.get(self)
        return _Hearing(self, before.of_connection if isinstance(before, _Hearing) else ())

    def keys(self, group: str) -> Iterable[str]:
        """The keys of a data group as they are now."""
        return data_group.records(self._tree, group) or ()


class _Hearing:
    """What a policy remembers of one connection: the rules that held for it, and for the request that is under way."""

    def __init__(self, part: PolicyPart, of_connection: Iterable[Rule]) -> None:
        self._part = part
        self.of_connection: list[Rule] = [*of_connection]
        self._of_request: list[Rule] = []

    def __call__(self, event: Event, traffic: Traffic) -> None:
        if event not in ORDER:
            return
        if event is Event.HTTP_REQUEST:
            self._of_request = []
        found = self._part.policy.holding(event, traffic, self._part.keys)
        if event in (Event.HTTP_REQUEST, Event.HTTP_RESPONSE):
            self._of_request += found
        else:
            self.of_connection += found
        self._carry_out(event, traffic)

    def _carry_out(self, event: Event, traffic: Traffic) -> None:
        decided = False
        for rule in (*self.of_connection, *self._of_request):
            for action in rule.actions:
                if action.event is not event:
                    continue
                try:
                    verdict = EFFECTS[action.target, action.verb](traffic, action)
                except TextError as error:
                    # The device ends a connection when a Tcl expression of a policy fails.
                    logger.warning("%s: rule %s: %s", self._part.policy.path, rule.name, error)
                    traffic.verdict = Reset()
                    return
                if verdict is not None and not decided:
                    traffic.verdict, decided = verdict, True
