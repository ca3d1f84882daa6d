"""Decides which member one connection or request of a virtual server goes to, and keeps the books on it.

It joins what is configured (pools, nodes), what is true (health, open connections), what is remembered
(persistence) and the balancing method. The protocol modules ask it, open the connection and tell it the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bigipsim.clock import Clock
from bigipsim.dataplane import balance, persist
from bigipsim.dataplane.addresses import Addresses
from bigipsim.dataplane.balance import Balancer, Candidate
from bigipsim.dataplane.config import MemberSpec, PoolSpec, Snat, VirtualSpec, node_spec, pool_spec, split_domain
from bigipsim.dataplane.persist import Persistence, Place, Records, record_key
from bigipsim.runtime import Counters, Runtime
from bigipsim.tree import Tree

NO_POOL: Final = PoolSpec("", "round-robin", 0, 0, "none", "", ())
"""The pool of what is addressed past every pool."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The member for one connection: where it really is, and how to come back to it."""

    pool: PoolSpec
    member: MemberSpec
    host: str
    port: int

    @property
    def place(self) -> Place:
        """Where the member listens by the configuration, as a cookie names it."""
        return Place(self.member.address, self.member.port, self.member.route_domain)


@dataclass(slots=True)
class Flow:
    """The books of one connection between a client and a member: every byte is counted at each object."""

    books: tuple[Counters, ...]

    @classmethod
    def open(cls, books: Iterable[Counters]) -> Flow:
        """Counts a new connection everywhere."""
        flow = cls(tuple(books))
        for book in flow.books:
            book.opened()
        return flow

    def moved_in(self, octets: int) -> None:
        """Counts bytes from the client to the member."""
        for book in self.books:
            book.moved_in(octets)

    def moved_out(self, octets: int) -> None:
        """Counts bytes from the member to the client."""
        for book in self.books:
            book.moved_out(octets)

    def request(self) -> None:
        """Counts one request."""
        for book in self.books:
            book.tot_requests += 1

    def close(self) -> None:
        """Counts the end of the connection."""
        for book in self.books:
            book.closed()


class Selection:
    """Chooses members for all virtual servers of one device."""

    def __init__(self, tree: Tree, runtime: Runtime, clock: Clock, addresses: Addresses) -> None:
        self._tree = tree
        self._runtime = runtime
        self._addresses = addresses
        self._records = Records(clock)
        self._pools: dict[str, PoolSpec | None] = {}
        self._balancers: dict[str, Balancer] = {}
        self._turn = 0

    def pool(self, path: str) -> PoolSpec | None:
        """The pool of that path as it is configured now, or None."""
        if path not in self._pools:
            self._pools[path] = pool_spec(self._tree, path)
        return self._pools[path]

    def pool_changed(self, path: str) -> None:
        """Reads a pool anew at its next use; whose turn it is stays known for the members that stay."""
        self._pools.pop(path, None)
        spec = self.pool(path)
        if spec is None:
            self._balancers.pop(path, None)
        elif path in self._balancers:
            members = spec.members
            self._balancers[path].forget_all_but([m.path for m in members], [m.node for m in members])

    def known(self) -> set[str]:
        """Paths of the pools that were ever asked for."""
        return set(self._pools)

    def connections(self, pool: PoolSpec, member: MemberSpec) -> int:
        """Connections that are open to a member now."""
        return self._runtime.counters("ltm/pool/members", f"{pool.path} {member.path}").cur_conns

    def full(self, virtual: VirtualSpec) -> bool:
        """Whether the virtual server has all the connections that it may have."""
        return 0 < virtual.limit <= self._runtime.counters("ltm/virtual", virtual.path).cur_conns

    def choose(
        self, virtual: VirtualSpec, client: str, cookies: Iterable[str] = (), tried: frozenset[str] = frozenset()
    ) -> Choice | None:
        """The member for a client, by persistence or else by balancing; None when there is none.

        cookies are the client's Cookie headers; tried are members that just refused a connection.
        """
        pool = self.pool(virtual.pool) if virtual.pool else None
        if pool is None:
            return None
        candidates = [self._candidate(pool, one) for one in pool.members if one.path not in tried]
        chosen = self._returning(virtual, pool, candidates, client, tuple(cookies))
        if chosen is None:
            balancer = self._balancers.setdefault(pool.path, Balancer())
            chosen = balancer.choose(pool.mode, balance.eligible(candidates, pool.min_active))
        if chosen is None:
            return None
        member = next(one for one in pool.members if one.path == chosen.member)
        self._remember(virtual, pool, member, client)
        return Choice(pool, member, self._addresses.real(member.address), member.port or virtual.port)

    def member(self, path: str, address: str, port: int) -> Choice | None:
        """One member of a pool, whatever its health; None when the pool has no such member."""
        pool = self.pool(path)
        for one in pool.members if pool is not None else ():
            if (one.address, one.port) == (address, port) and pool is not None:
                return Choice(pool, one, self._addresses.real(one.address), one.port)
        return None

    def direct(self, address: str, port: int) -> Choice:
        """An address past every pool: it has no health, and figures are kept of no pool."""
        plain, domain = split_domain(address)
        node = MemberSpec(f"{address}:{port}", "", plain, port, domain, 1, 1, 0, 0, True, False, "")
        return Choice(NO_POOL, node, self._addresses.real(plain), port)

    def source(self, snat: Snat, client: str, target: str) -> str | None:
        """The local address for a connection to `target`, or None: any.

        Both ends of a connection over loopback are free to choose, so a mapped SNAT address, or the client's
        own, is used there; elsewhere the machine's routing decides.
        """
        if not target.startswith("127."):
            return None
        if snat.kind == "none":
            return client if client.startswith("127.") else None
        usable = [one for one in map(self._addresses.alias, snat.addresses) if one.startswith("127.")]
        if not usable:
            return None
        self._turn += 1
        return usable[self._turn % len(usable)]

    def flow(self, choice: Choice) -> Flow:
        """Opens the books of a connection to the chosen member; the client's side is booked by its listener."""
        if choice.pool is NO_POOL:
            return Flow.open(())
        pool, member = choice.pool.path, choice.member
        return Flow.open(
            (
                self._runtime.counters("ltm/pool", pool),
                self._runtime.counters("ltm/pool/members", f"{pool} {member.path}"),
                self._runtime.counters("ltm/node", member.node),
            )
        )

    def health(self, pool: PoolSpec, member: MemberSpec) -> str:
        """ "unchecked", "checking", "up" or "down": the member's own health, or its node's when that is down."""
        if self._runtime.node_status.get(member.node) == "down":
            return "down"
        return self._runtime.member_status.get((pool.path, member.path), "unchecked")

    def forget_clients(self) -> None:
        """Empties the persistence table."""
        self._records.clear()

    def _candidate(self, pool: PoolSpec, member: MemberSpec) -> Candidate:
        node = node_spec(self._tree, member.node)
        offline = member.forced_offline or node.forced_offline
        open_to_all = member.enabled and node.enabled
        health = self.health(pool, member)
        counters = self._runtime.counters("ltm/pool/members", f"{pool.path} {member.path}")
        return Candidate(
            member=member.path,
            node=member.node,
            health="down" if health == "down" else "checking" if health == "checking" else "up",
            admission="none" if offline else "new" if open_to_all else "persistent",
            ratio=member.ratio,
            node_ratio=node.ratio,
            dynamic_ratio=member.dynamic_ratio,
            priority=member.priority,
            connections=counters.cur_conns,
            node_connections=self._runtime.counters("ltm/node", member.node).cur_conns,
            limit=member.limit,
            node_limit=node.limit,
        )

    def _returning(
        self,
        virtual: VirtualSpec,
        pool: PoolSpec,
        candidates: list[Candidate],
        client: str,
        cookies: tuple[str, ...],
    ) -> Candidate | None:
        for persistence in (virtual.persistence, virtual.fallback):
            if persistence is None:
                continue
            member = self._recorded(persistence, virtual, pool, client, cookies)
            if member is None:
                continue
            found = balance.persistent(candidates, member, persistence.override_limit)
            if found is not None:
                return found
        return None

    def _recorded(
        self,
        persistence: Persistence,
        virtual: VirtualSpec,
        pool: PoolSpec,
        client: str,
        cookies: tuple[str, ...],
    ) -> str | None:
        if persistence.kind != "cookie":
            return self._records.member(record_key(persistence, virtual.path, pool.path, client, virtual.address))
        value = persist.cookie_in(cookies, persist.cookie_name(persistence, pool.path))
        place = persist.decode(value) if value is not None else None
        if place is None:
            return None
        for member in pool.members:
            if (member.address, member.port) == (place.address, place.port):
                return member.path
        return None

    def _remember(self, virtual: VirtualSpec, pool: PoolSpec, member: MemberSpec, client: str) -> None:
        for persistence in (virtual.persistence, virtual.fallback):
            if persistence is not None and persistence.kind != "cookie":
                key = record_key(persistence, virtual.path, pool.path, client, virtual.address)
                self._records.store(key, member.path, persistence.timeout_s)
