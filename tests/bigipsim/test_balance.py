"""The balancer: who gets the next connection."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigipsim.dataplane.balance import METHODS, Balancer, Candidate, eligible, persistent


def member(name: str, **fields: object) -> Candidate:
    return Candidate(member=name, node=fields.pop("node", f"node of {name}"), **fields)  # type: ignore[arg-type]


def chosen(mode: str, candidates: list[Candidate], times: int) -> list[str]:
    balancer = Balancer()
    found = (balancer.choose(mode, candidates) for _ in range(times))
    return [one.member for one in found if one is not None]


def test_round_robin_goes_from_member_to_member() -> None:
    assert chosen("round-robin", [member("a"), member("b"), member("c")], 6) == ["a", "b", "c", "a", "b", "c"]


def test_ratio_member_gives_each_its_share_and_spreads_it() -> None:
    turns = chosen("ratio-member", [member("a", ratio=3), member("b", ratio=1)], 8)
    assert Counter(turns) == {"a": 6, "b": 2}
    assert turns[:4] == turns[4:]


def test_ratio_node_counts_a_node_once_however_many_members_it_has() -> None:
    candidates = [member("a", node="n", node_ratio=1), member("b", node="n", node_ratio=1), member("c", node="m")]
    assert Counter(chosen("ratio-node", candidates, 8)) == {"c": 4, "a": 2, "b": 2}


def test_least_connections_member_takes_the_least_loaded_and_turns_among_equals() -> None:
    candidates = [member("a", connections=4), member("b", connections=1), member("c", connections=1)]
    assert chosen("least-connections-member", candidates, 4) == ["b", "c", "b", "c"]


def test_least_connections_node_counts_what_the_node_carries_for_other_pools_too() -> None:
    candidates = [member("a", connections=0, node_connections=9), member("b", connections=2, node_connections=2)]
    assert chosen("least-connections-node", candidates, 2) == ["b", "b"]


def test_ratio_least_connections_weighs_the_load_by_the_ratio() -> None:
    candidates = [member("a", connections=4, ratio=5), member("b", connections=2, ratio=1)]
    assert chosen("ratio-least-connections-member", candidates, 1) == ["a"]


@pytest.mark.parametrize("mode", METHODS)
def test_every_documented_mode_reaches_every_member_of_an_idle_pool(mode: str) -> None:
    assert set(chosen(mode, [member("a"), member("b"), member("c")], 6)) == {"a", "b", "c"}


def test_a_pool_without_members_has_nobody_to_choose() -> None:
    assert Balancer().choose("round-robin", []) is None


def test_lower_priority_groups_wait_until_the_higher_ones_fall_below_the_minimum() -> None:
    candidates = [member("a", priority=10), member("b", priority=10), member("c", priority=5), member("d", priority=1)]
    assert {one.member for one in eligible(candidates, 1)} == {"a", "b"}
    assert {one.member for one in eligible(candidates, 3)} == {"a", "b", "c"}
    assert {one.member for one in eligible(candidates, 0)} == {"a", "b", "c", "d"}


def test_a_member_that_is_down_brings_the_next_group_in() -> None:
    candidates = [member("a", priority=10, health="down"), member("b", priority=5)]
    assert [one.member for one in eligible(candidates, 1)] == ["b"]


def test_members_at_their_limit_and_members_of_nodes_at_theirs_are_passed_over() -> None:
    candidates = [
        member("a", limit=2, connections=2),
        member("b", node_limit=3, node_connections=3),
        member("c", limit=2, connections=1),
    ]
    assert [one.member for one in eligible(candidates, 0)] == ["c"]


def test_a_disabled_member_takes_only_clients_that_were_there_before() -> None:
    candidates = [member("a", admission="persistent"), member("b")]
    assert [one.member for one in eligible(candidates, 0)] == ["b"]
    kept = persistent(candidates, "a", override_limit=False)
    assert kept is not None and kept.member == "a"


def test_a_member_forced_offline_takes_nobody() -> None:
    candidates = [member("a", admission="none")]
    assert eligible(candidates, 0) == []
    assert persistent(candidates, "a", override_limit=True) is None


def test_a_full_member_keeps_its_clients_only_when_the_limit_may_be_overridden() -> None:
    candidates = [member("a", limit=1, connections=1)]
    assert persistent(candidates, "a", override_limit=False) is None
    assert persistent(candidates, "a", override_limit=True) is not None


def test_members_still_being_checked_serve_only_while_nobody_is_up() -> None:
    checking = member("a", health="checking")
    assert [one.member for one in eligible([checking], 0)] == ["a"]
    assert [one.member for one in eligible([checking, member("b")], 0)] == ["b"]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_over_one_round_every_member_gets_exactly_its_ratio(ratios: list[int]) -> None:
    candidates = [member(str(index), ratio=ratio) for index, ratio in enumerate(ratios)]
    turns = Counter(chosen("ratio-member", candidates, sum(ratios)))
    assert turns == {str(index): ratio for index, ratio in enumerate(ratios)}
