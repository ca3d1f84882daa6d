"""Decides whether pool members and nodes are up: one watch for each monitor and target, joined by rules.

A target is up after its first healthy answer, and down when it refuses, or has given none for the monitor's
timeout. A member's rule ("a and b", "min 1 of { a b }") joins the watches of its monitors.
Source: F5 LTM monitors reference, settings "Interval", "Timeout", "Up Interval", "Time Until Up".
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from bigipsim.dataplane.addresses import Addresses
from bigipsim.dataplane.config import MemberSpec, PoolSpec, node_spec, pool_spec, split_domain
from bigipsim.dataplane.connect import Upstream
from bigipsim.dataplane.probe import MonitorSpec, how, monitor_spec, probe
from bigipsim.dataplane.tls import Contexts
from bigipsim.dataplane.tls_spec import Unusable
from bigipsim.runtime import Runtime, Status
from bigipsim.tree import Tree

logger = logging.getLogger(__name__)

NO_MONITOR: Final = frozenset({"", "none", "default", "/Common/none", "/Common/inband"})
_MIN_OF = re.compile(r"min\s+(\d+)\s+of\s+\{?(.*?)\}?\s*", re.DOTALL)


class Rule(NamedTuple):
    """The monitors of a member, and how many of them must be up."""

    monitors: tuple[str, ...]
    need: int


def parse_rule(text: str) -> Rule:
    """Reads a monitor expression: "/P/a and /P/b", "min 1 of { /P/a /P/b }", "none"."""
    match = _MIN_OF.fullmatch(text.strip())
    if match is not None:
        names = tuple(match[2].split())
        return Rule(names, min(int(match[1]), len(names)))
    names = tuple(one for one in re.split(r"\s+and\s+|\s+", text.strip()) if one not in NO_MONITOR)
    return Rule(names, len(names))


def joined(rule: Rule, statuses: Iterable[Status]) -> Status:
    """The health of a member from that of its monitors."""
    found = list(statuses)
    if not found:
        return "unchecked"
    need = min(rule.need, len(found))
    if found.count("up") >= need:
        return "up"
    return "checking" if found.count("up") + found.count("checking") >= need else "down"


class Target(NamedTuple):
    """What one watch probes: a monitor, and where."""

    spec: MonitorSpec
    host: str
    port: int


@dataclass(slots=True)
class _Subject:
    """A member or node that is monitored: its rule, its watches, and who is told of its health."""

    rule: Rule
    targets: tuple[Target, ...]
    tell: Callable[[Status], None]


@dataclass(slots=True)
class _Watch:
    """The repeated probing of one target, for all members that share it."""

    target: Target
    status: Status
    upstream: Upstream | None = None
    subjects: set[tuple[str, str]] = field(default_factory=set)
    task: asyncio.Task[None] | None = None

    async def run(self, changed: Callable[[_Watch], None]) -> None:
        """Probes until it is cancelled."""
        loop = asyncio.get_running_loop()
        spec = self.target.spec
        last_ok = loop.time()
        well_since: float | None = None
        while True:
            began = loop.time()
            outcome = await probe(*self.target, self.upstream)
            now = loop.time()
            if outcome == "ok":
                last_ok = now
                well_since = began if well_since is None else well_since
                settled = self.status == "up" or now - well_since >= spec.time_until_up_s
                self._become("up" if settled else self.status, changed)
            else:
                well_since = None
                overdue = now - last_ok >= spec.timeout_s
                self._become("down" if overdue or outcome == "refused" else self.status, changed)
            interval_s = spec.up_interval_s if self.status == "up" and spec.up_interval_s else spec.interval_s
            await asyncio.sleep(max(0.0, began + interval_s - loop.time()))

    def _become(self, status: Status, changed: Callable[[_Watch], None]) -> None:
        if status != self.status:
            self.status = status
            changed(self)


class Monitors:
    """Keeps the watches in step with the configuration and writes health into the Runtime."""

    def __init__(self, tree: Tree, runtime: Runtime, addresses: Addresses, contexts: Contexts) -> None:
        self._tree = tree
        self._contexts = contexts
        self._runtime = runtime
        self._addresses = addresses
        self._watches: dict[Target, _Watch] = {}
        self._subjects: dict[tuple[str, str], _Subject] = {}
        self._of_pool: dict[str, set[str]] = {}
        self._explained: set[str] = set()

    def pool_changed(self, path: str) -> None:
        """Follows one pool: new members are watched, those that left are not."""
        pool = pool_spec(self._tree, path)
        members = {member.path: member for member in pool.members} if pool else {}
        for gone in self._of_pool.pop(path, set()) - members.keys():
            self._release((path, gone))
            self._runtime.forget_member(path, gone)
        if pool is not None and members:
            self._of_pool[path] = set(members)
            for member in members.values():
                self._follow_member(pool, member)

    def node_changed(self, path: str) -> None:
        """Follows one node's own monitor."""
        node = self._tree.get("ltm/node", path)
        text = node_spec(self._tree, path).monitor if node else "none"
        rule = parse_rule(text)
        address = split_domain(str(node.values.get("address", "")))[0] if node else ""
        if not rule.monitors or address in ("", "any6"):
            self._release(("", path))
            self._runtime.node_status.pop(path, None)
            return
        self._follow(("", path), rule, address, 0, lambda status: self._node_status(path, status))

    def monitor_changed(self, path: str) -> None:
        """Follows a monitor that was changed: everything that it watches is watched by its new settings."""
        for key, subject in tuple(self._subjects.items()):
            if path in subject.rule.monitors:
                if key[0]:
                    self.pool_changed(key[0])
                else:
                    self.node_changed(key[1])

    async def stop(self) -> None:
        """Ends all watches; what they last found stays in the Runtime."""
        tasks = [watch.task for watch in self._watches.values() if watch.task is not None]
        self._watches.clear()
        self._subjects.clear()
        self._of_pool.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _follow_member(self, pool: PoolSpec, member: MemberSpec) -> None:
        key = (pool.path, member.path)
        rule = parse_rule(pool.monitor if member.monitor == "default" else member.monitor)
        if not rule.monitors:
            self._release(key)
            self._runtime.set_member_status(*key, "unchecked")
            return
        self._follow(
            key,
            rule,
            member.address,
            member.port,
            lambda status: self._runtime.set_member_status(*key, status),
        )

    def _follow(
        self, key: tuple[str, str], rule: Rule, address: str, port: int, tell: Callable[[Status], None]
    ) -> None:
        targets = tuple(self._targets(rule, address, port))
        before = self._subjects.get(key)
        if before is not None and (before.rule, before.targets) == (rule, targets):
            self._tell(before)
            return
        known = {t.spec.path: self._watches[t].status for t in before.targets} if before else {}
        subject = self._subjects[key] = _Subject(rule, targets, tell)
        for target in targets:
            self._acquire(target, key, known.get(target.spec.path, "checking"))
        for target in set(before.targets) - set(targets) if before else ():
            self._drop(target, key)
        self._tell(subject)

    def _targets(self, rule: Rule, address: str, port: int) -> Iterable[Target]:
        for path in rule.monitors:
            spec = monitor_spec(self._tree, path)
            if spec is not None:
                self._explain(spec.kind)
                yield Target(spec, self._addresses.real(spec.host or address), spec.port or port)

    def _acquire(self, target: Target, key: tuple[str, str], status: Status) -> None:
        watch = self._watches.get(target)
        if watch is None:
            watch = self._watches[target] = _Watch(target, status, self._upstream(target.spec))
            watch.task = asyncio.get_running_loop().create_task(watch.run(self._changed))
        watch.subjects.add(key)

    def _upstream(self, spec: MonitorSpec) -> Upstream | None:
        try:
            return self._contexts.upstream([spec.tls], "", False) if spec.tls is not None else None
        except Unusable as error:
            logger.warning("%s trusts every certificate: %s", spec.path, error)
            return None

    def _drop(self, target: Target, key: tuple[str, str]) -> None:
        watch = self._watches[target]
        watch.subjects.discard(key)
        if not watch.subjects:
            del self._watches[target]
            if watch.task is not None:
                watch.task.cancel()

    def _release(self, key: tuple[str, str]) -> None:
        subject = self._subjects.pop(key, None)
        for target in subject.targets if subject else ():
            self._drop(target, key)

    def _changed(self, watch: _Watch) -> None:
        for key in tuple(watch.subjects):
            self._tell(self._subjects[key])

    def _tell(self, subject: _Subject) -> None:
        statuses = [self._watches[target].status for target in subject.targets]
        subject.tell(joined(subject.rule, statuses))

    def _node_status(self, path: str, status: Status) -> None:
        self._runtime.node_status[path] = status

    def _explain(self, kind: str) -> None:
        words = "" if kind in self._explained else how(kind)
        self._explained.add(kind)
        if words:
            logger.warning("%s", words)
