"""What must never happen on the device, looked at with every change that is committed there.

1. Nothing is deleted that a live object wants, and wanted at every moment since the one up to which the replica that
   deletes it knew the cluster.
2. Nothing is written that bears no mark of ours, or another controller's; nobody whom an operator disabled is enabled.
3. Nobody writes after a later leader has written.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bigipsim.box import Box
from bigipsim.exchange import Request, Response
from bigipsim.objects.model import Change, Item
from soak.model import Model, Thing
from soak.wire import Sender

CONTROLLER = "ctl"
SLACK_S = 1.0
"""What an event takes from the API server's words to the plan, and a request from the plan to the device."""

UNSEEN_S = 150.0
"""What is done by hand is seen within a fifth more than the two minutes between two looks at the device."""

TRACED = 30
_OURS = f"1 {CONTROLLER} "
_MARKED = ("ltm/pool", "ltm/virtual")
_MEMBERS = "members"


class Violation(AssertionError):
    """Something happened that must not; the text says what, and what had happened before."""


class Oracle:
    """Watches one device. clock: seconds of the run. taken: what somebody else than a replica has deleted."""

    def __init__(self, box: Box, model: Model, clock: Callable[[], float]) -> None:
        self._box, self._model, self._clock = box, model, clock
        self._sender: Sender | None = None
        self._last_term = 0
        self._disabled: dict[tuple[str, str], float] = {}
        self.trace: deque[str] = deque(maxlen=TRACED)
        self.failures: list[str] = []
        self.taken: set[Thing] = set()
        self.written: Counter[str] = Counter()
        box.tree.subscribe(self._committed)

    def carry(self, request: Request, sender: Sender) -> Response:
        """Hands a replica's request to the device."""
        with self.sent_by(sender):
            return self._box.handle(request)

    @contextmanager
    def sent_by(self, sender: Sender) -> Iterator[None]:
        """What is committed inside is a replica's doing."""
        self._sender = sender
        try:
            yield
        finally:
            self._sender = None

    def note(self, what: str) -> None:
        """Adds a line to the trace."""
        self.trace.append(f"{self._clock():12.2f} {what}")

    def check(self) -> None:
        """Fails when something has happened that must not."""
        if self.failures:
            raise Violation("\n".join(self.failures))

    @property
    def changed(self) -> int:
        """How many objects and members of ours were written; what follows by itself on the device not counted."""
        return self.written.total()

    def _violated(self, what: str) -> None:
        self.note(f"VIOLATION {what}")
        self.failures.append(what)

    # ---- operators

    def operator_disabled(self, pool: str, member: str) -> None:
        """An operator has disabled a member, which has to stay so."""
        self._disabled[pool, member] = self._clock()

    def disabled(self, pool: str, member: str) -> bool:
        """Whether an operator's will stands behind a member's being disabled."""
        return (pool, member) in self._disabled

    def restarted(self) -> None:
        """The device came back with the configuration that it had saved, and with whom operators had disabled then."""
        self._disabled = {
            (pool.full_path, name): self._clock()
            for pool in self._box.tree.items("ltm/pool")
            for name, member in members(pool).items()
            if _is_disabled(member) and "turnbuckle-draining" not in str(member.values.get("metadata"))
        }

    # ---- what is committed

    def _committed(self, changes: Sequence[Change]) -> None:
        sender = self._sender
        if sender is None:
            self.taken |= {(change.kind[4:], change.path) for change in changes if change.after is None}
            self._forget_disabled(changes)
            return
        if sender.term < self._last_term:
            what = ", ".join(change.path for change in changes)
            self._violated(f"{sender.name} wrote {what} in term {sender.term}, after term {self._last_term} began")
        self._last_term = max(sender.term, self._last_term)
        for change in changes:
            self._look(change, sender)
        self._forget_disabled(changes)

    def _look(self, change: Change, sender: Sender) -> None:
        kind, path = change.kind, change.path
        monitor = kind.startswith("ltm/monitor/")
        if kind not in _MARKED and not monitor:
            self._look_beside(change, sender)
            return
        self.note(f"{sender.name} {_verb(change)} {kind} {path}{_members_changed(change)}")
        mine = is_ours(change.before) if change.before is not None else is_ours(change.after)
        if not mine:
            self._look_designated(change, sender)
            return
        if change.after is None or change.before is None or _values(change.before) != _values(change.after):
            self.written[_verb(change)] += 1
        if change.after is None:
            self._deleted(("monitor" if monitor else kind[4:], path), sender)
        if kind == "ltm/pool":
            self._look_members(change, sender)

    def _look_beside(self, change: Change, sender: Sender) -> None:
        """What the device makes by itself, and what nobody may touch."""
        told = change.before if change.before is not None else change.after
        described = told is not None and told.values.get("description")
        group = change.kind == "ltm/data-group/internal" and "/turnbuckle" in change.path
        if described and not group:
            self._violated(f"{sender.name} changed {change.kind} {change.path}, which somebody had described")

    def _look_members(self, change: Change, sender: Sender) -> None:
        before, after = members(change.before), members(change.after)
        for name in before.keys() - after.keys():
            self.written["member"] += 1
            if change.after is not None:
                self._deleted(("member", change.path, name), sender)
        if change.before is not None:
            self.written["member"] += len(after.keys() - before.keys())
        for name in after.keys() & before.keys():
            if after[name] is not before[name]:
                self.written["member"] += before[name].values != after[name].values
                self._look_disabled(change.path, name, after[name], sender)

    def _look_designated(self, change: Change, sender: Sender) -> None:
        """Somebody else's: members of ours may come and go in a pool, and nothing else."""
        where = f"{change.kind} {change.path}"
        if change.before is None or change.after is None or change.kind != "ltm/pool":
            self._violated(f"{sender.name} {_verb(change)} {where}, which bears no mark of ours")
            return
        if _values(change.before) != _values(change.after):
            self._violated(f"{sender.name} changed {where} itself, which is somebody else's")
        before, after = members(change.before), members(change.after)
        for name in before.keys() | after.keys():
            was, now = before.get(name), after.get(name)
            if was is now:
                continue
            if not is_ours(was if was is not None else now):
                self._violated(f"{sender.name} wrote member {name} of {where}, which bears no mark of ours")
            self.written["member"] += was is None or now is None or was.values != now.values
            if now is None:
                self._deleted(("member", change.path, name), sender)
            elif was is not None:
                self._look_disabled(change.path, name, now, sender)

    def _look_disabled(self, pool: str, name: str, now: Item, sender: Sender) -> None:
        since = self._disabled.get((pool, name))
        if since is not None and "turnbuckle-draining" in str(now.values.get("metadata")):
            # Who drains a member that was disabled after the last look at it cannot know, and lets it go on later.
            if self._clock() - since < UNSEEN_S:
                del self._disabled[pool, name]
            return
        if since is not None and since < sender.began - SLACK_S and not _is_disabled(now):
            self._violated(f"{sender.name} enabled member {name} of {pool}, which an operator had disabled")

    def _deleted(self, thing: Thing, sender: Sender) -> None:
        since = self._model.wanted_since(thing)
        if since is not None and since < sender.began - SLACK_S:
            age = self._clock() - since
            why = self._model.told_of(thing)
            self._violated(f"{sender.name} deleted {' '.join(thing)}, which has been wanted for {age:.1f} s: {why}")

    def _forget_disabled(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind == "ltm/pool" and self._disabled:
                there = members(change.after)
                for pool, name in [key for key in self._disabled if key[0] == change.path]:
                    if name not in there:
                        del self._disabled[pool, name]


def members(pool: Item | None) -> Mapping[str, Item]:
    """The members of a pool by "address:port"."""
    if pool is None:
        return {}
    return {path.rpartition("/")[2]: item for path, item in pool.children.get(_MEMBERS, {}).items()}


def is_ours(item: Item | None) -> bool:
    """Whether an object bears this controller's mark."""
    if item is None:
        return False
    for one in item.values.get("metadata") or ():
        if one["name"] == "turnbuckle" and str(one.get("value")).startswith(_OURS):
            return True
    return str(item.values.get("description") or "").startswith(_OURS)


def _is_disabled(member: Item) -> bool:
    return member.values.get("session") == "user-disabled"


def _values(item: Item) -> Mapping[str, Any]:
    return item.values


def _verb(change: Change) -> str:
    if change.before is None:
        return "created"
    return "deleted" if change.after is None else "changed"


def _members_changed(change: Change) -> str:
    before, after = members(change.before), members(change.after)
    words = [*(f"-{name}" for name in sorted(before.keys() - after.keys()))]
    words += [*(f"+{name}" for name in sorted(after.keys() - before.keys()))]
    return f" {' '.join(words)}" if words and change.before and change.after else ""
