"""Pools of addresses as people write them, wrong ones first."""

from __future__ import annotations

import pytest

from turnbuckle.sources.leases_pools import BadPools, parse, text_of

WRONG = [
    ("{", "it is not JSON: expecting property name enclosed in double quotes"),
    ("[]", 'it is "[]", not an object'),
    ('{"Dev": "10.0.0.1", "Dev": "10.0.0.2"}', 'the label "Dev" stands there twice'),
    ('{"Dev": 1}', 'Dev has "1", which is no text'),
    ('{"": "10.0.0.1"}', 'the label "" is empty or has blanks around it'),
    ('{"Dev": ""}', 'Dev has "", which is no address, no range and no CIDR'),
    ('{"Dev": "!10.0.0.1"}', "Dev has no address"),
    ('{"Dev": "10.0.0.1-10.0.0.300"}', 'Dev has "10.0.0.1-10.0.0.300", which is no address, no range and no CIDR'),
    ('{"Dev": "10.0.0.1/24"}', 'Dev has "10.0.0.1/24", which is no address, no range and no CIDR'),
    ('{"Dev": "10.0.0.9-10.0.0.1"}', 'Dev has "10.0.0.9-10.0.0.1", whose end comes before its beginning'),
    ('{"Dev": "10.0.0.1-2001:db8::1"}', 'Dev has "10.0.0.1-2001:db8::1", whose ends are of different families'),
    ('{"Dev": "10.0.0.1%2"}', 'Dev has "10.0.0.1%2", and route domains are not for pools'),
    ('{"Dev": "10.0.0.1-10.0.0.9", "Test": "10.0.0.9"}', "Dev and Test both have 10.0.0.9"),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG, ids=[text for text, _ in WRONG])
def test_what_describes_no_pools_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(BadPools) as refused:
        parse(text)
    assert str(refused.value) == sentence


def addresses(text: str, family: str = "IPv4") -> list[str]:
    """All addresses of the only pool, in order."""
    (pool,) = parse(text).values()
    return [text_of(n, family) for low, high in pool.spans.get(family, ()) for n in range(low, high + 1)]


def test_ranges_are_numbers_whatever_order_they_stand_in_and_may_overlap_within_a_label() -> None:
    found = addresses('{"Dev": "10.0.0.9-10.0.0.11, 10.0.0.2-10.0.0.3,10.0.0.3-10.0.0.4"}')
    assert found == ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.9", "10.0.0.10", "10.0.0.11"]


def test_a_cidr_stands_for_its_hosts_and_exclusions_leave_some_out() -> None:
    assert addresses('{"Dev": "10.0.0.0/29,!10.0.0.3,!10.0.0.5-10.0.0.9"}') == ["10.0.0.1", "10.0.0.2", "10.0.0.4"]
    assert addresses('{"Dev": "10.0.0.0/31"}') == ["10.0.0.0", "10.0.0.1"]
    assert addresses('{"Dev": "2001:db8::/126"}', "IPv6") == ["2001:db8::1", "2001:db8::2", "2001:db8::3"]


def test_a_pool_knows_its_size_and_what_is_its_own_in_both_families() -> None:
    pool = parse('{"Dev": "10.0.0.0/24, 2001:db8::/64"}')["Dev"]
    assert (pool.size("IPv4"), pool.size("IPv6")) == (254, 2**64 - 1)
    assert pool.has("10.0.0.7") and pool.has("2001:db8::7")
    assert not pool.has("10.0.1.7") and not pool.has("2001:db9::7")


def test_an_empty_text_describes_no_pools() -> None:
    assert parse("  ") == {}
