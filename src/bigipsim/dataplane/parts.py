"""Decides which parts have a say in a virtual server's traffic, and in which order: policies, iRules, the profiles.

A part is compiled once for each version of the object that it stands for, however many virtual servers use it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bigipsim.clock import Clock
from bigipsim.dataplane.config import VirtualSpec, virtual_spec
from bigipsim.dataplane.irule.groups import Groups
from bigipsim.dataplane.irule.rules import Engine, Rules
from bigipsim.dataplane.irule.rules import notes as rule_notes
from bigipsim.dataplane.irule.session import Device
from bigipsim.dataplane.irule.table import Table
from bigipsim.dataplane.irule.tcl import why_no_tcl
from bigipsim.dataplane.policy_part import PolicyPart
from bigipsim.dataplane.policy_reading import Reading, policy_of, readings
from bigipsim.dataplane.profile_part import GatePart, ProfilePart
from bigipsim.dataplane.selection import Selection
from bigipsim.dataplane.traffic import Part
from bigipsim.objects.model import Item
from bigipsim.runtime import Runtime
from bigipsim.tree import Tree


class Parts:
    """The parts of all virtual servers of one device."""

    def __init__(self, tree: Tree, runtime: Runtime, clock: Clock, selection: Selection) -> None:
        self._tree = tree
        self._runtime = runtime
        self._clock = clock
        self._selection = selection
        self._policies: dict[str, tuple[Item, PolicyPart, dict[Item, Reading]]] = {}
        self._engine: Engine | None = None
        self._rules: dict[str, tuple[tuple[Item, ...], Rules]] = {}

    def of(self, spec: VirtualSpec) -> tuple[Part, ...]:
        """The parts of a virtual server in the order in which they hear an event."""
        profile = spec.http_profile
        if profile is None:
            return (*self._policy_parts(spec), *self._rule_part(spec))
        return (GatePart(profile), *self._policy_parts(spec), *self._rule_part(spec), ProfilePart(profile))

    def notes(self, spec: VirtualSpec) -> Iterator[str]:
        """Words on what the parts of a virtual server ask for and do not get."""
        for part in self._policy_parts(spec):
            yield from part.policy.notes
        for item in self._rule_items(spec):
            yield from rule_notes(item)

    def virtual(self, path: str) -> VirtualSpec | None:
        """Another virtual server, for traffic that is forwarded to it."""
        return virtual_spec(self._tree, path)

    def close(self) -> None:
        """Frees what the iRules run in; none runs any more."""
        if self._engine is not None:
            self._engine.close()
        self._engine = None
        self._rules.clear()

    def _rule_part(self, spec: VirtualSpec) -> Iterator[Rules]:
        """The iRules of a virtual server as one part, the same as long as none of them changes."""
        items = tuple(self._rule_items(spec))
        known = self._rules.pop(spec.path, None)
        if not items or why_no_tcl():
            return
        if known is None or known[0] != items:
            if self._engine is None:
                groups, table = Groups(self._tree), Table(self._clock)
                self._engine = Engine(Device(self._tree, self._selection, self._clock, groups, table))
            known = items, self._engine.attached(items)
        self._rules[spec.path] = known
        yield known[1]

    def _rule_items(self, spec: VirtualSpec) -> Iterator[Item]:
        for path in spec.rules:
            item = self._tree.get("ltm/rule", path)
            if item is not None:
                yield item

    def _policy_parts(self, spec: VirtualSpec) -> Iterator[PolicyPart]:
        for path in spec.policies:
            item = self._tree.get("ltm/policy", path)
            if item is None:
                continue
            known = self._policies.get(path)
            if known is None or known[0] is not item:
                read = readings(item, known[2] if known is not None else {})
                part = PolicyPart(policy_of(self._tree, item, read), self._tree)
                known = self._policies[path] = item, part, read
            yield known[1]
