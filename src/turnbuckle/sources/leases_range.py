"""Leases from configured ranges: what is asked for is answered with an address as an object, like any other.

Nothing is granted or released before the device was read, since that is the memory of what was granted before this
process; see leases_book.py for who gets what.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model.ref import Event
from turnbuckle.model.state import State
from turnbuckle.sources.base import PutEvents
from turnbuckle.sources.leases_book import Book, Uses, settled
from turnbuckle.sources.leases_desk import LOOK_S, Desk, PoolUse
from turnbuckle.sources.leases_pools import Pools


class RangeLeases:
    """Leases (see leases_desk.py) from ranges.

    may_grant: whether this process may grant what nobody has yet: it leads, and knows what the device has. clock:
    seconds.
    """

    name = "leases"

    def __init__(
        self,
        pools: Pools,
        desk: Desk,
        *,
        may_grant: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pools, self._desk, self._may_grant, self._clock = pools, desk, may_grant, clock
        self._book, self._begins = Book(), True

    def configure(self, pools: Pools) -> None:
        """See Leases.configure."""
        if pools != self._pools:
            self._pools = pools
            self._desk.news.set()

    def asked(self, snapshot: Snapshot) -> None:
        """See Leases.asked."""
        self._desk.asked(snapshot)

    def observed(self, state: State) -> None:
        """See Leases.observed."""
        self._desk.observed(state)

    async def run(self, put: PutEvents) -> None:
        """See Leases.run."""
        while True:
            await self._desk.pause(self._pause_s())
            events = self.look()
            if events:
                await put(events)

    def look(self) -> list[Event]:
        """Looks at everybody who asks, and tells what is other than before; nothing before the device was read."""
        if not self._desk.knows_the_device or not (self._desk.demand or self._book.grants):
            return []
        # Who is known to be where it should be needs no comparison with everything that there is.
        uses = self._desk.uses() if self._unsettled() else Uses()
        fresh, requests = self._may_grant(), self._desk.requests()
        self._book = settled(self._book, self._pools, requests, uses, self._clock(), fresh=fresh, begins=self._begins)
        self._begins = self._begins and not fresh
        return self._desk.answered(self._book.leases())

    def usage(self) -> Iterable[PoolUse]:
        """See Leases.usage."""
        return self._desk.usage(self._pools, (grant.address for grant in self._book.grants.values()))

    def _unsettled(self) -> bool:
        """Whether somebody lacks an address, was not yet seen where it should be, or may be moved by whoever leads."""
        follows = self._begins or not self._may_grant()
        grants = (self._book.grants.get(ref) for ref in self._desk.demand)
        return any(grant is None or not grant.live or (follows and grant.outside) for grant in grants)

    def _pause_s(self) -> float | None:
        """Until when nothing can be otherwise that nobody tells."""
        if not self._desk.knows_the_device:
            return None
        ends_at = self._book.next_at()
        dates = [] if ends_at is None else [max(0.0, ends_at - self._clock())]
        if self._unsettled():
            dates.append(LOOK_S)
        return min(dates, default=None)
