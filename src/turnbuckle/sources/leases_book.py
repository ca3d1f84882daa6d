"""Who has which address: an allocator without clock and without I/O; facts go in, the next book comes out.

There is no store of its own to lose. What was granted is found again, in this order, in the status of the objects that
ask and in the marks on the device; only who is in neither gets a fresh address, the lowest that is free in the order of
numbers. An address that somebody on the device has, or that somebody wants literally, is never granted, and one that is
in use is never changed: not by other ranges, not by a restart. What nobody asks for any more is kept for a grace, so
that whoever comes back has what it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from turnbuckle.kinds.lease import Asked, LeaseSpec, Refusal
from turnbuckle.model.ref import Ref
from turnbuckle.sources.leases_pools import Pool, Pools, number_of, text_of

GRACE_S = 60.0
"""So long an address stays granted to a key that nobody reads: clients that look names up have forgotten it by then."""


@dataclass(frozen=True, slots=True)
class Request:
    """An address is asked for. owners: who asks, as marks name them. told: addresses that their status has."""

    asked: Asked
    owners: frozenset[str]
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Uses:
    """Who uses which address.

    device: what listens there, by the owners that our marks name; "" stands for everybody else. wanted: addresses that
    somebody wants to listen on, granted or literal, by their owners.
    """

    device: Mapping[str, frozenset[str]] = field(default_factory=dict)
    wanted: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grant:
    """idle_since: when it was seen that nobody asks for it any more; None: somebody does.

    live: it has been seen in the status of its owner or, as its owner's, on the device.
    """

    address: str
    idle_since: float | None = None
    live: bool = False
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """What is granted to whom, and why others have nothing."""

    grants: Mapping[Ref, Grant] = field(default_factory=dict)
    refused: Mapping[Ref, LeaseSpec] = field(default_factory=dict)

    def leases(self) -> Mapping[Ref, LeaseSpec]:
        """The answers, by the names of the leases."""
        granted = {ref: LeaseSpec(grant.address, outside=grant.outside) for ref, grant in self.grants.items()}
        return {**self.refused, **granted}

    def next_at(self) -> float | None:
        """When the first grace ends, or None."""
        idle = (grant.idle_since for grant in self.grants.values() if grant.idle_since is not None)
        first = min(idle, default=None)
        return None if first is None else first + GRACE_S


def settled(
    book: Book,
    pools: Pools,
    requests: Iterable[Request],
    uses: Uses,
    now: float,
    *,
    fresh: bool,
    begins: bool,
    firm: bool = False,
) -> Book:
    """The book after everybody who asks has been looked at.

    uses: those of a device that was read. fresh: whether addresses may be granted that nobody has yet, which only one
    of several replicas may do. begins: whether nobody has been granted anything by this process yet, so that what the
    device has outside of all pools may have been granted before the ranges were changed.
    firm: whether what the book has counts more than a status or a mark, since somebody else keeps it.
    """
    return _Settling(book, pools, requests, uses, now, begins, firm).book(fresh)


class _Settling:
    """One look at everybody who asks."""

    def __init__(
        self, book: Book, pools: Pools, requests: Iterable[Request], uses: Uses, now: float, begins: bool, firm: bool
    ) -> None:
        self._pools, self._uses, self._now, self._begins, self._firm = pools, uses, now, begins, firm
        self._requests = {request.asked.ref: request for request in requests}
        self._marked: dict[str, list[str]] = {}
        for address in sorted(uses.device):
            for owner in uses.device[address]:
                self._marked.setdefault(owner, []).append(address)
        self._grants = {ref: kept for ref, grant in book.grants.items() if (kept := self._kept(ref, grant))}
        self._holders = {grant.address: ref for ref, grant in self._grants.items()}
        self._refused: dict[Ref, LeaseSpec] = {}

    def book(self, fresh: bool) -> Book:
        unseen = [request for ref, request in sorted(self._requests.items()) if not self._is_live(ref)]
        # Who is where its status says goes before those of whom only one of the two speaks.
        for request in sorted(unseen, key=lambda one: not any(self._is_at(one, address) for address in one.told)):
            self._find_again(request)
        if fresh:
            self._allot([request for request in unseen if request.asked.ref not in self._grants])
        return Book(self._grants, self._refused)

    def _is_live(self, ref: Ref) -> bool:
        return ref in self._grants and (self._firm or self._grants[ref].live)

    # ---- what was granted before

    def _kept(self, ref: Ref, grant: Grant) -> Grant | None:
        request = self._requests.get(ref)
        if request is None:
            since = self._now if grant.idle_since is None else grant.idle_since
            # Whoever comes back has to be seen there anew: somebody else may listen there by then.
            return replace(grant, idle_since=since, live=False) if self._now - since < GRACE_S else None
        pool = self._pools.get(request.asked.pool)
        outside, moved = pool is None or not pool.has(grant.address), self._begins or self._is_marked(request, pool)
        if outside and moved and not self._is_at(request, grant.address):
            # Who looks on found it on the device, and whoever leads has moved it since.
            return None
        live = grant.live or grant.address in request.told or self._is_at(request, grant.address)
        if self._is_elsewhere(request, grant.address) and (not live or self._is_marked(request, pool)):
            # Somebody else was there first: nobody has seen ours there yet, or another replica has given way since.
            return None
        return Grant(grant.address, None, live, outside)

    def _is_at(self, request: Request, address: str) -> bool:
        return bool(self._uses.device.get(address, frozenset()) & request.owners)

    def _is_marked(self, request: Request, pool: Pool | None) -> bool:
        """Whether who asks has another address of the pool on the device."""
        marked = [address for owner in request.owners for address in self._marked.get(owner, ())]
        family = request.asked.family
        return pool is not None and any(number_of(one)[1] == family and pool.has(one) for one in marked)

    def _is_elsewhere(self, request: Request, address: str) -> bool:
        """Whether others have an address on the device, and who asks has nothing there."""
        return bool(self._uses.device.get(address)) and not self._is_at(request, address)

    # ---- what was granted before a start, or by another replica

    def _find_again(self, request: Request) -> None:
        """Grants what the status or a mark says, also in place of what nobody has seen yet: a replica that led before
        may have granted something else that never was written.
        """
        ref, pool = request.asked.ref, self._pools.get(request.asked.pool, Pool())
        marked = [address for owner in sorted(request.owners) for address in self._marked.get(owner, ())]
        for address in (*request.told, *marked):
            inside = pool.has(address)
            outlived = self._begins and address in marked and not any(one.has(address) for one in self._pools.values())
            holder = self._holders.get(address, ref)
            taken = (holder != ref and self._is_live(holder)) or self._is_elsewhere(request, address)
            if number_of(address)[1] == request.asked.family and (inside or outlived) and not taken:
                self._grant(ref, Grant(address, live=True, outside=not inside))
                return

    def _grant(self, ref: Ref, grant: Grant) -> None:
        """Replaces what it had, and takes the address from whoever was not seen there yet."""
        if ref in self._grants:
            del self._holders[self._grants[ref].address]
        if (holder := self._holders.get(grant.address)) is not None:
            del self._grants[holder]
        self._grants[ref] = grant
        self._holders[grant.address] = ref

    # ---- what is granted anew

    def _allot(self, requests: Iterable[Request]) -> None:
        in_use = {*self._holders, *self._uses.device, *self._uses.wanted}
        numbers = {number for number, _ in map(number_of, in_use)}
        starts: dict[tuple[str, str], int] = {}
        for request in requests:
            asked, pool = request.asked, self._pools.get(request.asked.pool)
            if pool is None:
                self._refuse(asked, "no such pool", tuple(sorted(self._pools)))
            elif not pool.size(asked.family):
                self._refuse(asked, "no such family")
            else:
                place = (asked.pool, asked.family)
                number = pool.first_free(asked.family, numbers, starts.get(place, 0))
                if number is None:
                    self._refuse(asked, "exhausted", (str(pool.size(asked.family)),))
                else:
                    starts[place] = number + 1
                    numbers.add(number)
                    self._grant(asked.ref, Grant(text_of(number, asked.family)))

    def _refuse(self, asked: Asked, refusal: Refusal, instead: tuple[str, ...] = ()) -> None:
        self._refused[asked.ref] = LeaseSpec(refusal=refusal, instead=instead)
