"""Where addresses of the simulated network lie on this machine."""

import socket

import pytest

from bigipsim.dataplane.addresses import ALIASES, Addresses, MapMistake, Mapping


def test_a_mapped_network_keeps_the_host_part() -> None:
    addresses = Addresses([Mapping.parse("198.51.100.0/24=127.1.0.0/24")])
    assert addresses.real("198.51.100.7") == "127.1.0.7"
    assert addresses.real("192.0.2.7") == "192.0.2.7"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("198.51.100.0/24", 'has no "="'),
        ("198.51.100.0/24=127.1.0.0/16", "must be of one size"),
        ("198.51.100.0/24=nowhere", "does not name two networks"),
        ("198.51.100.1/24=127.1.0.0/24", "does not name two networks"),
        ("2001:db8::/120=127.1.0.0/24", "must be of one size"),
    ],
)
def test_a_map_that_is_wrong_is_refused_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(MapMistake, match=words):
        Mapping.parse(text)


def test_an_address_of_this_machine_is_bound_as_it_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    bound = Addresses().bind("127.0.0.1", port, socket.SOCK_STREAM)
    with bound.sock:
        assert (bound.host, bound.port, bound.reason) == ("127.0.0.1", port, "")


def test_a_foreign_address_gets_a_loopback_address_of_its_own_and_always_the_same() -> None:
    first, again, other = (Addresses().alias(a) for a in ("203.0.113.7", "203.0.113.7", "203.0.113.8"))
    assert first == again != other
    assert ALIASES.network_address < type(ALIASES.network_address)(first) < ALIASES.broadcast_address


def test_a_foreign_address_keeps_its_port_when_it_is_free() -> None:
    bound = Addresses().bind("203.0.113.7", 18080, socket.SOCK_STREAM)
    with bound.sock:
        assert bound.port == 18080
        assert bound.host == Addresses().alias("203.0.113.7")
        assert bound.reason == "203.0.113.7:18080 is not an address that can be bound here"


def test_the_reason_writes_an_ipv6_address_in_brackets() -> None:
    bound = Addresses().bind("2001:db8::7", 18080, socket.SOCK_STREAM)
    with bound.sock:
        assert bound.reason == "[2001:db8::7]:18080 is not an address that can be bound here"


def test_a_port_that_is_taken_is_replaced_by_the_one_ten_thousand_above() -> None:
    addresses = Addresses([Mapping.parse("203.0.113.0/24=127.9.9.0/24")])
    first = addresses.bind("203.0.113.7", 18081, socket.SOCK_STREAM)
    second = addresses.bind("203.0.113.7", 18081, socket.SOCK_STREAM)
    with first.sock, second.sock:
        assert (first.host, first.port) == ("127.9.9.7", 18081)
        assert (second.host, second.port) == ("127.9.9.7", 28081)


def test_the_address_of_everything_is_kept_to_loopback() -> None:
    bound = Addresses().bind("0.0.0.0", 18082, socket.SOCK_STREAM)
    with bound.sock:
        assert bound.host.startswith("127.")


def test_a_udp_destination_is_bound_beside_a_tcp_one() -> None:
    tcp = Addresses().bind("203.0.113.9", 18083, socket.SOCK_STREAM)
    udp = Addresses().bind("203.0.113.9", 18083, socket.SOCK_DGRAM)
    with tcp.sock, udp.sock:
        assert (tcp.host, tcp.port) == (udp.host, udp.port)
