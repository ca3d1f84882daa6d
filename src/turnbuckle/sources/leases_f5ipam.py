"""Leases from F5's IPAM controller: the spec of an IPAM object says what is asked for, its status has the answers.

That controller's memory is what counts: an entry in the spec keeps an address, so one of ours goes only when nobody has
asked for it for a while and nothing on the device listens there. Entries of other forms than ours stay as they are.
While the cluster does not answer, nobody loses anything and nobody gets anything. Only the replica that leads writes.
Source: the definition ipams.fic.f5.com, v1; its status is called IPStatus, and ipStatus in some releases.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.kinds.lease import Asked, LeaseSpec, asked
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import State
from turnbuckle.sources.base import PutEvents
from turnbuckle.sources.leases_book import GRACE_S
from turnbuckle.sources.leases_desk import LOOK_S, Desk, PoolUse
from turnbuckle.sources.leases_pools import Pools, number_of
from turnbuckle.sources.leases_rounds import ASK_AGAIN_S, Rounds

OUR_KEYS = "_svc"
"""How the keys end that we ask under; others in the object are somebody else's."""

Entry = tuple[str, str]
"""What is asked for: key and label."""


class NoAnswer(Exception):
    """The cluster does not answer, or refuses; the text is a sentence."""


class IpamObject(Protocol):
    """The IPAM object of this controller, wherever it is."""

    async def read(self) -> Mapping[str, Any] | None:
        """The object; None where there is none. Raises NoAnswer."""
        ...

    async def write(self, body: Mapping[str, Any]) -> None:
        """Creates or replaces it. Raises NoAnswer, also when somebody else has written since it was read."""
        ...


class F5IpamLeases:
    """Leases (see leases_desk.py) by an IPAM object.

    prefix: of every key, which tells clusters apart; empty or ending in a slash. tell: takes what is wrong with it.
    may_grant: whether this process leads, and knows what the device has.
    """

    name = "f5 ipam"

    def __init__(
        self,
        desk: Desk,
        ipam: IpamObject,
        *,
        prefix: str,
        about: Ref,
        tell: Callable[[Sequence[Issue]], None],
        may_grant: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk, self._ipam, self._prefix = desk, ipam, prefix
        self._may_grant, self._clock = may_grant, clock
        self._rounds = Rounds(desk, about, tell, NoAnswer)
        self._granted: dict[Entry, str] = {}
        self._idle: dict[Entry, float] = {}
        self._answers: dict[Ref, LeaseSpec] = {}

    def configure(self, pools: Pools) -> None:
        """See Leases.configure; ranges are the other controller's business."""

    def asked(self, snapshot: Snapshot) -> None:
        """See Leases.asked."""
        self._desk.asked(snapshot)

    def observed(self, state: State) -> None:
        """See Leases.observed."""
        self._desk.observed(state)

    def usage(self) -> Iterable[PoolUse]:
        """See Leases.usage; how large a pool is, only the other controller knows."""
        return ()

    async def run(self, put: PutEvents) -> None:
        """See Leases.run."""
        await self._rounds.run(put, self._round, lambda: dict(self._answers), self._pause_s)

    def _pause_s(self) -> float:
        waits = any(ref not in self._answers for ref in self._desk.demand)
        return LOOK_S if waits or self._idle else ASK_AGAIN_S

    # ---- one look

    async def _round(self) -> None:
        there = await self._ipam.read() if self._desk.demand or self._may_grant() else None
        found = _entries(there, "spec", ("hostSpecs",))
        self._granted = {entry: one["ip"] for entry, one in _entries(there, "status", ("IPStatus", "ipStatus")).items()}
        self._answers = {ref: spec for ref in self._desk.demand if (spec := self._answer(ref)) is not None}
        demand = {self._entry(asked(ref)) for ref in self._desk.demand}
        wanted = demand - self._superseded(demand)
        kept = {entry: one for entry, one in found.items() if entry in wanted or self._stays(entry, demand)}
        self._idle = {entry: since for entry, since in self._idle.items() if entry in kept and entry not in wanted}
        new = [{"key": key, "ipamLabel": label} for key, label in sorted(wanted - found.keys())]
        if self._may_grant() and (new or kept.keys() != found.keys()):
            await self._ipam.write({**(there or {}), "spec": {"hostSpecs": [*kept.values(), *new]}})

    def _entry(self, wanted: Asked) -> Entry:
        return f"{self._prefix}{wanted.key}", wanted.pool

    def _answer(self, ref: Ref) -> LeaseSpec | None:
        """An entry has one address; who asks for one of the other family is told that there is none."""
        wanted = asked(ref)
        address = self._granted.get(self._entry(wanted))
        if address is None:
            return None
        same = number_of(address)[1] == wanted.family
        return LeaseSpec(address) if same else LeaseSpec(refusal="no such family")

    def _superseded(self, demand: set[Entry]) -> set[Entry]:
        """Entries whose key asks for an address of another label by now: that controller knows one label for a key, and
        gives an address away twice where there are two.
        """
        waiting = {key for key, label in demand if (key, label) not in self._granted}
        return {entry for entry in demand if entry[0] in waiting and entry in self._granted}

    def _stays(self, entry: Entry, demand: set[Entry]) -> bool:
        """Whether an entry that is not wanted is to stay: it is not ours, or somebody may still meet its address."""
        key, _ = entry
        if entry in demand:
            return False
        if not key.endswith(OUR_KEYS) or not key.startswith(self._prefix):
            return True
        since = self._idle.setdefault(entry, self._clock())
        return self._clock() - since < GRACE_S or self._granted.get(entry, "") in self._desk.uses().device


def _entries(there: Mapping[str, Any] | None, part: str, names: Sequence[str]) -> dict[Entry, Mapping[str, Any]]:
    """The entries of a list by key and label; what has no key is kept under its host."""
    within = (there or {}).get(part)
    lists = [within.get(name) for name in names] if isinstance(within, Mapping) else []
    found: dict[Entry, Mapping[str, Any]] = {}
    for entries in lists:
        for one in entries if isinstance(entries, list) else ():
            if isinstance(one, Mapping) and (part == "spec" or _is_address(one.get("ip"))):
                found[str(one.get("key") or one.get("host") or ""), str(one.get("ipamLabel") or "")] = one
    return found


def _is_address(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(number_of(text))
    except ValueError:
        return False
