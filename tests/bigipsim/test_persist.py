"""Persistence: cookies in the device's own form, and the table of sources."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigipsim.clock import ManualClock
from bigipsim.dataplane.persist import (
    Persistence,
    Place,
    Records,
    cookie_in,
    cookie_name,
    decode,
    encode,
    network_of,
    record_key,
    set_cookie,
)
from bigipsim.dataplane.profiles import duration_s

COOKIE = Persistence("/Common/cookie", "cookie")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (Place("10.1.1.100", 8080), "1677787402.36895.0000"),
        (Place("127.0.0.1", 80), "16777343.20480.0000"),
        (Place("2001:112::30", 80), "vi20010112000000000000000000000030.20480"),
        (Place("192.0.2.1", 80, 5), "rd5o00000000000000000000ffffc0000201o80"),
    ],
)
def test_a_member_is_written_into_the_cookie_as_the_device_does(place: Place, value: str) -> None:
    assert encode(place) == value
    assert decode(value) == place


@given(st.ip_addresses(), st.integers(1, 65535), st.integers(0, 65534))
def test_what_is_encoded_is_decoded(address: ipaddress.IPv4Address, port: int, domain: int) -> None:
    place = Place(str(address), port, domain)
    found = decode(encode(place))
    assert found is not None
    assert (found.port, found.route_domain) == (port, domain)
    mapped = getattr(address, "ipv4_mapped", None)
    assert found.address in (str(address), str(mapped))


@pytest.mark.parametrize("value", ["", "1.2", "99999999999.1.0000", "16777343.99999.0000", "vi00.80", "hello"])
def test_foreign_values_are_nobody(value: str) -> None:
    assert decode(value) is None


def test_the_cookie_is_named_after_the_pool_unless_the_profile_names_it() -> None:
    assert cookie_name(COOKIE, "/Common/web") == "BIGipServerweb"
    assert cookie_name(COOKIE, "/k8s/web") == "BIGipServer~k8s~web"
    assert cookie_name(Persistence("/Common/c", "cookie", cookie_name="stick"), "/k8s/web") == "stick"


def test_a_cookie_is_found_among_others() -> None:
    assert cookie_in(["a=1; BIGipServerweb=16777343.20480.0000", "b=2"], "BIGipServerweb") == "16777343.20480.0000"
    assert cookie_in(["a=1"], "b") is None


def test_a_session_cookie_has_no_expiry_and_a_lasting_one_has() -> None:
    place = Place("10.1.1.100", 8080)
    session = set_cookie(COOKIE, "/Common/web", place, 0.0, str)
    lasting = set_cookie(Persistence("/Common/c", "cookie", cookie_lifetime_s=60), "/Common/web", place, 0.0, str)
    assert session == "BIGipServerweb=1677787402.36895.0000; path=/; Httponly"
    assert lasting == "BIGipServerweb=1677787402.36895.0000; expires=60.0; path=/; Httponly"


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("90", 90), ("1:30", 90), ("1:0:0", 3600), ("1:0:0:0", 86400)])
def test_an_expiration_is_read_from_its_smallest_part(text: str, seconds: int) -> None:
    assert duration_s(text) == seconds


def test_a_record_ends_when_it_was_not_used_for_its_timeout() -> None:
    clock = ManualClock()
    records = Records(clock)
    records.store(("client",), "/k8s/10.0.0.1:80", 180.0)
    clock.advance(179)
    assert records.member(("client",)) == "/k8s/10.0.0.1:80"
    clock.advance(1)
    assert records.member(("client",)) is None


def test_a_record_for_good_stays() -> None:
    clock = ManualClock()
    records = Records(clock)
    records.store(("client",), "m", None)
    clock.advance(1e9)
    assert records.member(("client",)) == "m"


def test_a_mask_makes_neighbours_one_client() -> None:
    masked = Persistence("/Common/s", "source-addr", mask="255.255.255.0")
    keys = {record_key(masked, "/k8s/v", "/k8s/p", f"192.0.2.{host}", "203.0.113.7") for host in (1, 2)}
    assert len(keys) == 1
    assert network_of("192.0.2.9", "") == "192.0.2.9"


def test_a_record_holds_for_one_virtual_server_unless_it_is_to_match_across() -> None:
    alone, across = Persistence("/p", "source-addr"), Persistence("/p", "source-addr", across_virtuals=True)
    assert record_key(alone, "/k8s/v1", "/k8s/p", "c", "") != record_key(alone, "/k8s/v2", "/k8s/p", "c", "")
    assert record_key(across, "/k8s/v1", "/k8s/p", "c", "") == record_key(across, "/k8s/v2", "/k8s/p", "c", "")
