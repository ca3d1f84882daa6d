"""Looking up the hosts of Ingresses: who answers what, what stays, and when it is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from fakes.nameserver import NameServer
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.kinds.host_address import HostAddressSpec, asked
from turnbuckle.kinds.ingress_spec import IngressSpec
from turnbuckle.kinds.lease import Asked
from turnbuckle.model.ref import Event, Gone, Put, Ref, SourceObject
from turnbuckle.sources.names import Found, Names, NotFound
from turnbuckle.sources.names_lookup import SystemResolver
from turnbuckle.sources.names_server import ServerResolver

WWW, API = asked("www.example.com"), asked("api.example.com")
OWNER = Ref("", "Ingress", "shop", "web")


# ---- a server


@pytest.mark.parametrize(
    ("records", "found"),
    [
        (["203.0.113.7"], ("203.0.113.7",)),
        (["203.0.113.7", "2001:db8::7"], ("203.0.113.7",)),
        (["2001:db8::7"], ("2001:db8::7",)),
        (["203.0.113.9", "203.0.113.7"], ("203.0.113.7", "203.0.113.9")),
    ],
)
async def test_a_server_is_asked_for_addresses_of_ipv4_and_then_of_ipv6(
    records: list[str], found: tuple[str, ...]
) -> None:
    async with NameServer({"www.example.com": records}, ttl_s=42) as server:
        answer = await ServerResolver("127.0.0.1", server.port).look_up("www.example.com")
        assert (tuple(sorted(answer.addresses)), answer.ttl_s) == (found, 42)
        # The name is complete: no search list is tried.
        assert {name for name, _ in server.queries} == {"www.example.com"}


async def test_a_server_may_be_given_by_its_name() -> None:
    async with NameServer({"www.example.com": ["203.0.113.7"]}) as server:
        found = await ServerResolver("localhost", server.port).look_up("www.example.com")
        assert found.addresses == ("203.0.113.7",)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ({"records": {}}, "127.0.0.1 does not know it"),
        ({"records": {"www.example.com": []}}, "127.0.0.1 has no address for it"),
        ({"rcode": "SERVFAIL"}, "127.0.0.1 answers with a failure"),
        ({"rcode": "REFUSED"}, "127.0.0.1 answers with a failure"),
        ({"silent": True}, "127.0.0.1 does not answer"),
        ({"garbage": True}, "127.0.0.1 "),
    ],
)
async def test_a_server_that_gives_no_address_is_told_in_the_same_words_each_time(
    trouble: dict[str, Any], says: str
) -> None:
    async with NameServer({"www.example.com": ["203.0.113.7"]}) as server:
        for name, value in trouble.items():
            setattr(server, name, value)
        texts = set()
        for _ in range(2):
            with pytest.raises(NotFound) as told:
                await ServerResolver("127.0.0.1", server.port, wait_s=0.2).look_up("www.example.com")
            texts.add(str(told.value))
        (text,) = texts
        assert text.startswith(says)


@pytest.mark.parametrize("server", ["x" * 64 + ".example.com", "no such host"])
async def test_a_server_whose_own_name_leads_nowhere_is_told(server: str) -> None:
    with pytest.raises(NotFound, match=r"the DNS server .* cannot be looked up itself"):
        await ServerResolver(server).look_up("www.example.com")


@pytest.mark.parametrize("resolver", [SystemResolver(), ServerResolver("127.0.0.1", 9)])
async def test_a_label_that_is_too_long_is_no_failure_of_ours(resolver: Any) -> None:
    with pytest.raises(NotFound):
        await resolver.look_up("x" * 64 + ".example.com")


async def test_the_machine_looks_up_what_its_hosts_file_has() -> None:
    found = await SystemResolver().look_up("localhost")
    assert set(found.addresses) <= {"127.0.0.1", "::1"}
    assert found.addresses


# ---- what is made of the answers


class Zone:
    """Answers at hand, without a network; a name that is not there fails. slow: those that are never answered."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self.addresses = addresses
        self.ttl_s = 60.0
        self.asked: list[str] = []

    async def look_up(self, name: str) -> Found:
        self.asked.append(name)
        found = self.addresses.get(name.partition(".")[0])
        if found is None:
            raise NotFound("nobody knows it")
        return Found(tuple(found), self.ttl_s)


class Asking:
    """Names that are looked up when a test says so."""

    def __init__(self, zone: Zone, *status: str) -> None:
        self.zone, self.now = zone, 0.0
        self.obj = SourceObject(OWNER, IngressSpec("f5", None, (), (), addresses=status))
        self.names = Names(zone, lambda ref: self.obj if ref == OWNER else None, lambda: self.now)

    def ask(self, *refs: Ref) -> Snapshot:
        snapshot = Snapshot(1, {}, demand={ref: frozenset({OWNER}) for ref in refs})  # type: ignore[arg-type]
        self.names.asked(snapshot)
        return snapshot

    async def look(self, after_s: float = 0.0) -> list[Event]:
        self.now += after_s
        await self.names._look()
        return self.names._events()


def put(ref: Ref, address: str, trouble: str = "") -> Put:
    return Put(SourceObject(ref, HostAddressSpec(address, trouble)))


async def test_a_name_is_looked_up_when_it_is_asked_for_and_leases_are_not() -> None:
    asking = Asking(Zone(www=["203.0.113.7"]))
    asking.ask(WWW, Asked("Dev", "shop/web_svc", "IPv4").ref)
    assert await asking.look() == [put(WWW, "203.0.113.7")]
    assert await asking.look() == []
    assert asking.zone.asked == ["www.example.com"]


async def test_an_address_stays_while_it_is_among_the_answers_in_whatever_order() -> None:
    asking = Asking(Zone(www=["203.0.113.9", "203.0.113.7"]))
    asking.ask(WWW)
    assert await asking.look() == [put(WWW, "203.0.113.7")]
    asking.zone.addresses["www"] = ["203.0.113.1", "203.0.113.7"]
    assert await asking.look(61) == []
    asking.zone.addresses["www"] = ["203.0.113.10", "203.0.113.9"]
    assert await asking.look(61) == [put(WWW, "203.0.113.9")]


async def test_after_a_restart_the_address_in_the_status_counts_if_it_is_still_one() -> None:
    several = ["203.0.113.7", "203.0.113.9"]
    for status, expected in (("203.0.113.9", "203.0.113.9"), ("203.0.113.1", "203.0.113.7")):
        asking = Asking(Zone(www=several), status)
        asking.ask(WWW)
        assert await asking.look() == [put(WWW, expected)]


async def test_a_name_that_is_lost_keeps_its_address_and_is_told_once() -> None:
    asking = Asking(Zone(www=["203.0.113.7"]))
    asking.ask(WWW)
    await asking.look()
    del asking.zone.addresses["www"]
    assert await asking.look(61) == [put(WWW, "203.0.113.7", "nobody knows it")]
    assert await asking.look(61) == []
    asking.zone.addresses["www"] = ["203.0.113.7"]
    assert await asking.look(61) == [put(WWW, "203.0.113.7")]


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "::1", "fe80::1", "224.0.0.1"])
async def test_an_address_that_no_virtual_server_could_have_is_none(address: str) -> None:
    asking = Asking(Zone(www=[address]))
    asking.ask(WWW)
    assert await asking.look() == [put(WWW, "", "it has no address that a virtual server could have")]
    asking.zone.addresses["www"] = [address, "203.0.113.7"]
    assert await asking.look(61) == [put(WWW, "203.0.113.7")]


async def test_ipv4_goes_before_ipv6_and_numbers_before_texts() -> None:
    asking = Asking(Zone(www=["2001:db8::1", "203.0.113.10", "203.0.113.9"]))
    asking.ask(WWW)
    assert await asking.look() == [put(WWW, "203.0.113.9")]


async def test_it_is_asked_again_when_the_answer_is_too_old_and_less_often_while_it_fails() -> None:
    asking = Asking(Zone(www=["203.0.113.7"]))
    asking.ask(WWW, API)
    for _ in range(120):
        await asking.look(1)
    assert asking.zone.asked.count("www.example.com") == 2
    assert 5 <= asking.zone.asked.count("api.example.com") <= 8
    asking.zone.ttl_s = 0.0
    await asking.look(60)
    asking.zone.asked.clear()
    for _ in range(10):
        await asking.look(1)
    assert asking.zone.asked.count("www.example.com") == 2


async def test_a_name_that_nobody_asks_for_any_more_goes_and_may_come_back() -> None:
    asking = Asking(Zone(www=["203.0.113.7"], api=["203.0.113.8"]))
    asking.ask(WWW, API)
    assert await asking.look() == [put(WWW, "203.0.113.7"), put(API, "203.0.113.8")]
    asking.ask(API)
    assert await asking.look() == [Gone(WWW)]
    asking.ask(WWW, API)
    assert await asking.look() == [put(WWW, "203.0.113.7")]


async def test_the_first_answers_are_there_at_once() -> None:
    asking = Asking(Zone(www=["203.0.113.7"]))
    assert await asking.names.first(asking.ask(WWW)) == [put(WWW, "203.0.113.7")]
