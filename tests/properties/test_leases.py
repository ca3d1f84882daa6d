"""The allocator over random histories: no address twice, and none changed under what is live, whatever is forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from turnbuckle.kinds.lease import Asked
from turnbuckle.model.ref import Ref
from turnbuckle.sources import leases_pools
from turnbuckle.sources.leases_book import GRACE_S, Book, Grant, Request, Uses, settled

NARROW = leases_pools.parse('{"Dev": "10.0.0.1-10.0.0.3, 10.0.0.9", "Test": "10.0.1.0/29,!10.0.1.2, 2001:db8::/126"}')
MOVED = leases_pools.parse('{"Dev": "10.0.0.3-10.0.0.5", "Test": "10.0.1.0/30, 2001:db8::/126"}')
KEYS = ("shop/a_svc", "shop/b_svc", "shop/c_svc", "shop/d_svc", "shop/e_svc")
ASKED = [Asked(pool, key, "IPv4") for pool in ("Dev", "Test") for key in KEYS]
ASKED += [Asked("Test", key, "IPv6") for key in KEYS]
BY_REF = {asked.ref: asked for asked in ASKED}


@dataclass
class Device:
    """Addresses and who listens there; it refuses one that somebody else has."""

    at: dict[str, tuple[str, Ref | None]] = field(default_factory=dict)

    def write(self, controller: str, wanted: dict[Ref, str]) -> dict[Ref, str]:
        """What is there of a controller afterwards."""
        goes = [a for a, (who, ref) in self.at.items() if who == controller and (ref is None or wanted.get(ref) != a)]
        for address in goes:
            del self.at[address]
        for ref, address in wanted.items():
            self.at.setdefault(address, (controller, ref))
        return {ref: address for ref, address in wanted.items() if self.at[address] == (controller, ref)}


@dataclass
class Replica:
    """One process of a controller; what it remembers is lost with a restart."""

    book: Book = field(default_factory=Book)
    begins: bool = True


@dataclass
class Controller:
    """Asks on behalf of its objects. Of its two replicas one leads, which grants and writes; the other looks on.

    status: what the objects say of themselves, which no restart loses.
    """

    name: str
    device: Device
    asks: set[Ref] = field(default_factory=set)
    status: dict[Ref, str] = field(default_factory=dict)
    replicas: tuple[Replica, Replica] = field(default_factory=lambda: (Replica(), Replica()))
    leads: int = 0

    @property
    def leader(self) -> Replica:
        return self.replicas[self.leads]

    @property
    def live(self) -> dict[Ref, str]:
        """What is asked for and is there: on the device, where that has it, else in the status if it can be had."""
        there = {ref: a for a, (who, ref) in self.device.at.items() if who == self.name and ref in self.asks and ref}
        told = {ref: a for ref, a in self.status.items() if a not in self.device.at and a not in there.values()}
        return {**told, **there}

    def owner(self, ref: Ref) -> str:
        return f"Service/{BY_REF[ref].key}/{BY_REF[ref].pool}/{BY_REF[ref].family}"

    def look(self, pools: leases_pools.Pools, now: float) -> None:
        requests = [
            Request(BY_REF[ref], frozenset({self.owner(ref)}), (self.status[ref],) if ref in self.status else ())
            for ref in self.asks
        ]
        uses = Uses(
            {
                address: frozenset({self.owner(ref) if who == self.name and ref is not None else ""})
                for address, (who, ref) in self.device.at.items()
            }
        )
        for replica in self.replicas:
            before, began = dict(replica.book.grants), replica.begins
            fresh = replica is self.leader
            replica.book = settled(replica.book, pools, requests, uses, now, fresh=fresh, begins=began)
            replica.begins = replica.begins and not fresh
            self._holds(replica.book, pools, before, fresh, began)

    def _holds(self, book: Book, pools: leases_pools.Pools, before: dict[Ref, Grant], fresh: bool, began: bool) -> None:
        granted = [grant.address for grant in book.grants.values()]
        assert len(granted) == len(set(granted)), "an address is granted twice"
        for ref, address in self.live.items():
            # What no range has any more is recognised by who begins, on the device and only there; it is kept by who
            # granted it.
            inside, there = pools[BY_REF[ref].pool].has(address), address in self.device.at
            had = ref in before and before[ref].address == address
            if ref in book.grants and (inside or (there if began else had)):
                assert book.grants[ref].address == address, "an address changed under what is live"
        for address, (who, mine) in self.device.at.items() if fresh else ():
            if who == self.name and mine in self.asks and mine is not None and pools[BY_REF[mine].pool].has(address):
                assert mine in book.grants, "what is live was released"
        for ref in book.grants.keys() - before.keys() - self.live.keys():
            address = book.grants[ref].address
            assert fresh, "who does not lead granted something"
            assert address not in self.device.at, "an address in use was granted anew"
            assert pools[BY_REF[ref].pool].has(address), "a fresh address is none of the pool's"
        for ref, refused in book.refused.items():
            asked = BY_REF[ref]
            assert refused.refusal == "exhausted"
            taken = {*granted, *self.device.at}
            numbers = {number for number, _ in map(leases_pools.number_of, taken)}
            assert pools[asked.pool].first_free(asked.family, numbers) is None, "an address is free, and refused"

    def write(self) -> None:
        """What the leader wants is brought to the device, and what is there into the status."""
        wanted = {ref: grant.address for ref, grant in self.leader.book.grants.items() if ref in self.asks}
        there = self.device.write(self.name, wanted)
        self.status = {**{ref: a for ref, a in self.status.items() if ref in self.asks}, **there}

    def restart(self, replica: int) -> None:
        self.replicas[replica].book, self.replicas[replica].begins = Book(), True


REFS = st.sampled_from(list(BY_REF))
EVENTS = ["write", "write", "restart", "restart of both", "take over", "lose the status", "lose the device"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["ask", "be served"]), st.integers(0, 1), REFS),
        st.tuples(st.just("be served"), st.integers(0, 1), REFS),
        st.tuples(st.just("leave"), st.integers(0, 1), REFS),
        st.tuples(st.sampled_from(EVENTS), st.integers(0, 1), REFS),
        st.tuples(st.just("wait"), st.integers(0, 100), REFS),
        st.tuples(st.just("ranges"), st.integers(0, 1), REFS),
        st.tuples(st.just("stranger"), st.integers(1, 9), REFS),
    ),
    max_size=40,
)


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_no_address_is_granted_twice_and_none_changes_under_what_is_live(steps: list[tuple[str, int, Ref]]) -> None:
    """Two controllers with different ids, two replicas each, on one device and with the same pools."""
    device, now, pools, lost = Device(), 0.0, NARROW, False
    both = (Controller("one", device), Controller("two", device))
    for what, number, ref in steps:
        one = both[number % 2]
        match what:
            case "ask":
                one.asks.add(ref)
            case "be served":
                one.asks.add(ref)
                one.look(pools, now)
                one.write()
            case "leave":
                one.asks.discard(ref)
                one.status.pop(ref, None)
            case "restart":
                one.restart(one.leads)
            case "restart of both":
                one.restart(0)
                one.restart(1)
            case "take over":
                one.leads = 1 - one.leads
            case "lose the status":
                one.status.clear()
            case "lose the device":
                device.at.clear()
                lost = True
            case "write":
                one.write()
            case "wait":
                now += number
            case "ranges":
                pools = (NARROW, MOVED)[number]
            case "stranger":
                device.at.setdefault(f"10.0.0.{number}", ("somebody", None))
        for controller in both:
            controller.look(pools, now)
    _comes_to_rest(both, pools, now, lost)


def _comes_to_rest(both: tuple[Controller, Controller], pools: leases_pools.Pools, now: float, lost: bool) -> None:
    """Whoever asks is served at an address that nobody else has, or is told that there is none.

    lost: whether the device once was. Then a controller cannot see what another one had there, and may get it for an
    object of its own; who had it keeps the grant, and is told who listens there.
    """
    for _ in range(3):
        for controller in both:
            controller.write()
        for controller in both:
            controller.look(pools, now)
    for controller in both:
        book, device = controller.leader.book, controller.device
        for ref in controller.asks - book.refused.keys():
            address = book.grants[ref].address
            there = (controller.status.get(ref), device.at[address]) == (address, (controller.name, ref))
            assert there or lost, "who asks is not served where it was told, or that is somebody else's"


def _request(key: str, *told: str, pool: str = "Dev") -> Request:
    return Request(Asked(pool, key, "IPv4"), frozenset({f"Service/{key}"}), told)


def _addresses(book: Book) -> dict[str, str]:
    return {BY_REF[ref].key[5]: grant.address for ref, grant in book.grants.items()}


def _look(book: Book, requests: list[Request], now: float = 0.0, uses: Uses | None = None, **more: bool) -> Book:
    return settled(book, NARROW, requests, uses or Uses(), now, **{"fresh": True, "begins": False, **more})


def test_addresses_are_granted_in_the_order_of_numbers_and_the_fifth_of_four_is_refused() -> None:
    book = _look(Book(), [_request(key) for key in KEYS])
    assert _addresses(book) == {"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.3", "d": "10.0.0.9"}
    (refused,) = book.refused.values()
    assert (refused.refusal, refused.instead) == ("exhausted", ("4",))


def test_an_address_that_nobody_asks_for_any_more_is_free_after_the_grace_and_not_before() -> None:
    book = _look(Book(), [_request("shop/a_svc")])
    book = _look(book, [_request("shop/b_svc")], now=5)
    assert _addresses(book) == {"a": "10.0.0.1", "b": "10.0.0.2"}
    assert book.next_at() == 5 + GRACE_S
    assert _addresses(_look(book, [_request("shop/b_svc"), _request("shop/a_svc")], now=30))["a"] == "10.0.0.1"
    book = _look(book, [_request("shop/b_svc"), _request("shop/c_svc")], now=5 + GRACE_S)
    assert _addresses(book) == {"b": "10.0.0.2", "c": "10.0.0.1"}


def test_after_a_restart_the_status_counts_then_the_mark_then_what_is_free() -> None:
    uses = Uses({"10.0.0.1": frozenset({"Service/shop/b_svc"}), "10.0.0.2": frozenset({"Service/shop/a_svc"})})
    requests = [_request("shop/a_svc", "10.0.0.9"), _request("shop/b_svc"), _request("shop/c_svc")]
    book = _look(Book(), requests, uses=uses, begins=True)
    assert _addresses(book) == {"a": "10.0.0.9", "b": "10.0.0.1", "c": "10.0.0.3"}


def test_a_status_does_not_get_an_address_that_somebody_else_has_on_the_device() -> None:
    uses = Uses({"10.0.0.1": frozenset({""})})
    assert _addresses(_look(Book(), [_request("shop/a_svc", "10.0.0.1")], uses=uses)) == {"a": "10.0.0.2"}


def test_an_address_that_somebody_wants_literally_is_not_granted() -> None:
    uses = Uses(wanted={"10.0.0.1": frozenset()})
    assert _addresses(_look(Book(), [_request("shop/a_svc")], uses=uses)) == {"a": "10.0.0.2"}


def test_a_live_address_outside_of_new_ranges_stays_and_is_told_also_after_a_restart() -> None:
    uses = Uses({"10.0.0.200": frozenset({"Service/shop/a_svc"})})
    book = _look(Book(), [_request("shop/a_svc", "10.0.0.200")], uses=uses, begins=True)
    (lease,) = book.leases().values()
    assert (lease.address, lease.outside) == ("10.0.0.200", True)


def test_another_pool_gives_another_address_though_the_former_is_still_on_the_device() -> None:
    uses = Uses({"10.0.0.1": frozenset({"Service/shop/a_svc"})})
    book = _look(Book(), [_request("shop/a_svc", "10.0.0.1", pool="Test")], uses=uses, begins=True)
    assert [grant.address for grant in book.grants.values()] == ["10.0.1.1"]


def test_a_replica_that_leads_once_more_follows_what_another_one_wrote_meanwhile() -> None:
    requests = [_request("shop/a_svc"), _request("shop/b_svc")]
    book = _look(_look(Book(), requests[1:]), requests)
    assert _addresses(book) == {"a": "10.0.0.2", "b": "10.0.0.1"}
    written = Uses({"10.0.0.1": frozenset({"Service/shop/a_svc"}), "10.0.0.3": frozenset({"Service/shop/b_svc"})})
    assert _addresses(_look(book, requests, uses=written)) == {"a": "10.0.0.1", "b": "10.0.0.3"}
    told = [_request("shop/a_svc", "10.0.0.1"), _request("shop/b_svc")]
    assert _addresses(_look(book, told)) == {"a": "10.0.0.1", "b": "10.0.0.2"}
    assert _addresses(_look(book, told, fresh=False)) == {"a": "10.0.0.1"}


def test_who_does_not_lead_finds_again_what_was_granted_and_grants_nothing_new() -> None:
    requests = [_request("shop/a_svc", "10.0.0.3"), _request("shop/b_svc")]
    book = _look(Book(), requests, fresh=False, begins=True)
    assert (_addresses(book), dict(book.refused)) == ({"a": "10.0.0.3"}, {})


def test_an_unknown_label_and_a_missing_family_are_refused_with_what_there_is() -> None:
    ref = Asked("Dov", "shop/a_svc", "IPv4")
    book = _look(Book(), [Request(ref, frozenset()), Request(Asked("Dev", "shop/a_svc", "IPv6"), frozenset())])
    found = {lease.refusal: lease.instead for lease in book.refused.values()}
    assert found == {"no such pool": ("Dev", "Test"), "no such family": ()}


def test_who_comes_back_where_somebody_listens_by_now_is_given_another_address() -> None:
    book = _look(Book(), [_request("shop/a_svc")])
    served = Uses({"10.0.0.1": frozenset({"Service/shop/a_svc"})})
    book = _look(_look(book, [_request("shop/a_svc", "10.0.0.1")], uses=served), [], now=1)
    somebody = Uses({"10.0.0.1": frozenset({""})})
    assert _addresses(_look(book, [_request("shop/a_svc")], now=2, uses=somebody)) == {"a": "10.0.0.2"}


def test_who_led_once_follows_whoever_leads_now_out_of_former_ranges() -> None:
    asks = [_request("shop/a_svc", "10.0.0.1")]
    book = settled(
        Book(), NARROW, asks, Uses({"10.0.0.1": frozenset({"Service/shop/a_svc"})}), 0, fresh=True, begins=True
    )
    moved = Uses({"10.0.0.4": frozenset({"Service/shop/a_svc"})})
    book = settled(book, MOVED, [_request("shop/a_svc", "10.0.0.4")], moved, 1, fresh=False, begins=False)
    assert _addresses(book) == {"a": "10.0.0.4"}
