"""Leases from Infoblox: the grid reserves the addresses, under names that say who has them.

What it has under our names is the memory of what was granted, then the objects' status and the marks on the device;
what is found there and the grid does not know is reserved. While the grid does not answer, nobody loses anything and
nobody gets anything. Only the replica that leads asks it. IPv4 only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.kinds.lease import Asked, LeaseSpec, asked
from turnbuckle.model.issue import Issue, quoted
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import State
from turnbuckle.sources import leases_pools
from turnbuckle.sources.base import PutEvents
from turnbuckle.sources.infoblox import Exhausted, Network, Refused, Wapi, WapiError
from turnbuckle.sources.leases_book import Book, Grant, settled
from turnbuckle.sources.leases_desk import LOOK_S, Desk, PoolUse
from turnbuckle.sources.leases_pools import BadPools, Pools
from turnbuckle.sources.leases_rounds import ASK_AGAIN_S, Rounds

EXAMPLE = """{"Dev": {"cidr": "10.1.0.0/24", "netView": "default"}}"""


class _Label(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    cidr: str
    net_view: str = "default"
    dns_view: str = ""


@dataclass(frozen=True, slots=True)
class Labels:
    """The networks by label, and the same as pools."""

    networks: Mapping[str, Network]
    pools: Pools


def parse(text: str) -> Labels:
    """The labels as F5's IPAM controller takes them; dnsView is read and means nothing here.

    Raises:
        BadPools: they are none; the text is a clause.
    """
    try:
        said = msgspec.json.decode(text or "{}", type=dict[str, _Label])
    except msgspec.DecodeError as error:
        raise BadPools(str(error)[:1].lower() + str(error)[1:]) from error
    pools = leases_pools.parse(json.dumps({label: one.cidr for label, one in said.items()}))
    for label, pool in pools.items():
        if not pool.size("IPv4") or "/" not in said[label].cidr or "," in said[label].cidr:
            raise BadPools(f"{label} has the cidr {quoted(said[label].cidr)}, which is no IPv4 network")
    return Labels({label: Network(one.cidr, one.net_view) for label, one in said.items()}, pools)


class InfobloxLeases:
    """Leases (see leases_desk.py) from a grid.

    owner: the beginning of our names, which tells clusters apart. tell: takes what is wrong with the grid.
    may_grant: whether this process leads, and knows what the device has.
    """

    name = "infoblox"

    def __init__(
        self,
        labels: Labels,
        desk: Desk,
        wapi: Wapi,
        *,
        owner: str,
        about: Ref,
        tell: Callable[[Sequence[Issue]], None],
        may_grant: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._labels, self._desk, self._wapi = labels, desk, wapi
        self._owner, self._rounds = owner, Rounds(desk, about, tell, WapiError)
        self._may_grant, self._clock = may_grant, clock
        self._book, self._begins = Book(), True
        self._grid: dict[Ref, str] | None = None
        self._refused: dict[Ref, LeaseSpec] = {}
        self._goes: dict[Ref, str] = {}

    def configure(self, pools: Pools) -> None:
        """See Leases.configure; ranges are none of the grid's business."""

    def asked(self, snapshot: Snapshot) -> None:
        """See Leases.asked."""
        self._desk.asked(snapshot)

    def observed(self, state: State) -> None:
        """See Leases.observed."""
        self._desk.observed(state)

    def usage(self) -> Iterable[PoolUse]:
        """See Leases.usage."""
        return self._desk.usage(self._labels.pools, (grant.address for grant in self._book.grants.values()))

    async def run(self, put: PutEvents) -> None:
        """See Leases.run."""
        async with self._wapi:
            await self._rounds.run(
                put, self._try_round, lambda: {**self._refused, **self._book.leases()}, self._pause_s
            )

    async def _try_round(self) -> None:
        try:
            await self._round()
        except WapiError:
            # What became of a write is open, so the grid is asked for everything again.
            self._grid = None
            raise

    def _pause_s(self) -> float | None:
        ends_at = self._book.next_at()
        dates = [] if ends_at is None else [max(0.0, ends_at - self._clock())]
        grants, demand = self._book.grants, self._desk.demand
        if any(ref not in grants and ref not in self._refused for ref in demand):
            dates.append(LOOK_S)
        if self._grid is None or self._goes or any(ref not in grants or not grants[ref].live for ref in demand):
            dates.append(ASK_AGAIN_S)
        return min(dates, default=None)

    # ---- one look

    async def _round(self) -> None:
        leads = self._may_grant()
        if not leads:
            self._grid = None
        elif self._grid is None:
            self._grid = await self._learn()
        before, uses, requests = self._book.grants, self._desk.uses(), self._desk.requests()
        pools, now_s = self._labels.pools, self._clock()
        self._book = settled(self._book, pools, requests, uses, now_s, fresh=False, begins=self._begins, firm=True)
        self._begins = False
        now = self._book.grants
        self._goes |= {ref: grant.address for ref, grant in before.items() if ref not in now}
        self._goes = {ref: one for ref, one in self._goes.items() if ref not in now or now[ref].address != one}
        self._refused = {ref: one for ref, one in self._refused.items() if ref in self._desk.demand.keys() - now.keys()}
        if self._grid is not None:
            await self._settle(self._grid, [one.asked for one in requests if one.asked.ref not in now], uses.device)

    async def _learn(self) -> dict[Ref, str]:
        """What the grid has under our names is granted; whoever does not ask for it any more is idle from now on."""
        await self._wapi.prepare()
        found: dict[Ref, str] = {}
        for view in sorted({network.view for network in self._labels.networks.values()}):
            for record in await self._wapi.records(f"{self._owner}/", view):
                pool, _, key = record.name.removeprefix(f"{self._owner}/").partition("/")
                network = self._labels.networks.get(pool)
                if network is not None and network.view == view:
                    found[Asked(pool, key, "IPv4").ref] = record.address
        idle = {ref: Grant(address, self._clock()) for ref, address in found.items()}
        self._book = replace(self._book, grants={**idle, **self._book.grants})
        return found

    async def _settle(self, grid: dict[Ref, str], unanswered: list[Asked], device: Collection[str]) -> None:
        """Brings the grid in line. grid: what it has under our names, kept as it is written.

        What the grid refuses of one concerns that one only; the first refusal is raised when all have had their turn.
        """
        steps = [partial(self._reserve, grid, ref) for ref in self._book.grants if ref not in grid]
        steps += [partial(self._ask_for, grid, one.ref) for one in unanswered]
        steps += [partial(self._give_back, grid, ref) for ref, address in self._goes.items() if address not in device]
        refusals: list[Refused] = []
        for step in steps:
            try:
                await step()
            except Refused as refusal:
                refusals.append(refusal)
        if refusals:
            raise refusals[0]

    async def _reserve(self, grid: dict[Ref, str], ref: Ref) -> None:
        """What a status or a mark says, and the grid does not."""
        wanted, address = asked(ref), self._book.grants[ref].address
        network = self._labels.networks.get(wanted.pool)
        if network is not None:
            await self._wapi.reserve(self._name(wanted), network, address)
            grid[ref] = address

    async def _ask_for(self, grid: dict[Ref, str], ref: Ref) -> None:
        wanted = asked(ref)
        network = self._labels.networks.get(wanted.pool)
        if network is None:
            self._refused[ref] = LeaseSpec(refusal="no such pool", instead=tuple(sorted(self._labels.networks)))
        elif wanted.family != "IPv4":
            self._refused[ref] = LeaseSpec(refusal="no such family")
        else:
            try:
                record = await self._wapi.reserve(self._name(wanted), network)
            except Exhausted:
                size = str(self._labels.pools[wanted.pool].size("IPv4"))
                self._refused[ref] = LeaseSpec(refusal="exhausted", instead=(size,))
            else:
                self._refused.pop(ref, None)
                grid[ref] = record.address
                self._book = replace(self._book, grants={**self._book.grants, ref: Grant(record.address)})

    async def _give_back(self, grid: dict[Ref, str], ref: Ref) -> None:
        """What nobody asks for any more, and nobody listens on."""
        wanted = asked(ref)
        network = self._labels.networks.get(wanted.pool)
        if network is not None:
            await self._wapi.release(self._name(wanted), network, self._goes[ref])
        if grid.get(ref) == self._goes.pop(ref):
            del grid[ref]

    def _name(self, wanted: Asked) -> str:
        return f"{self._owner}/{wanted.pool}/{wanted.key}"
