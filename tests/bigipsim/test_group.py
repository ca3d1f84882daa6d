"""What a unit decides from what it hears of the others, without any network: `hear` and `miss` are all it knows."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bigipsim.box import Box
from bigipsim.clock import ManualClock
from bigipsim.group import status
from bigipsim.group.group import Group, SyncRefused
from bigipsim.group.membership import MISSED_BEATS, NEVER, Commit, GroupMistake, Membership, Report, State

HERE = "https://127.0.0.1:8441"
OTHER = "https://127.0.0.1:8442"
THIRD = "https://127.0.0.1:8443"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def started(clock: ManualClock, *peers: str, **settings: Any) -> tuple[Box, Group]:
    box = Box(clock, hostname="bigip1.example.net", membership=Membership("dg1", peers, **settings))
    assert box.group is not None
    box.group.begin(HERE)
    return box, box.group


def word(state: State = "standby", url: str = OTHER, number: int = 2, **more: Any) -> Report:
    """What another unit says."""
    known = {"since_s": 0.0, **more}
    return Report("dg1", f"bigip{number}.example.net", url, "16.1.3", state, **known)


def gone(group: Group, url: str = OTHER) -> None:
    for _ in range(MISSED_BEATS):
        group.miss(url)


def sync(group: Group) -> str:
    return status.synchronisation(group).status


# Who belongs to the group


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"group": "dg2"}, 'unit bigip2.example.net is in device group "dg2" and bigip1.example.net in "dg1"'),
        ({"name": "bigip1.example.net"}, "two units are called bigip1.example.net"),
        ({"version": "15.1.0"}, "bigip2.example.net runs TMOS 15.1.0 and bigip1.example.net 16.1.3"),
    ],
)
def test_a_unit_that_does_not_belong_is_not_counted(clock: ManualClock, change: dict[str, Any], words: str) -> None:
    _, group = started(clock)
    with pytest.raises(GroupMistake, match=words):
        group.hear(msgspec.structs.replace(word(), **change))
    assert group.alone


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8443", "https://127.0.0.1", "127.0.0.1:8443", "https://h:1/_sim", "https://h:x"]
)
def test_a_peer_that_is_no_url_is_refused(clock: ManualClock, url: str) -> None:
    _, group = started(clock)
    with pytest.raises(GroupMistake, match="is not a URL of a bigipsim"):
        group.join(url)


def test_a_group_has_at_most_eight_units(clock: ManualClock) -> None:
    _, group = started(clock)
    for port in range(7):
        group.join(f"https://127.0.0.2:{port + 1}")
    with pytest.raises(GroupMistake, match="has 8 units; it cannot have more"):
        group.join("https://127.0.0.2:99")


def test_who_hears_of_one_unit_learns_of_the_rest(clock: ManualClock) -> None:
    _, group = started(clock)
    group.hear(word(units=(OTHER, HERE, THIRD)))
    assert set(group.peers) == {OTHER, THIRD}


def test_a_unit_that_only_another_one_spoke_of_and_that_never_answers_is_forgotten(clock: ManualClock) -> None:
    _, group = started(clock, THIRD)
    group.hear(word(units=(OTHER, HERE, "https://127.0.0.1:8449")))
    gone(group, "https://127.0.0.1:8449")
    gone(group, THIRD)
    assert set(group.peers) == {OTHER, THIRD}


def test_a_unit_that_comes_back_elsewhere_is_the_same_unit(clock: ManualClock) -> None:
    _, group = started(clock)
    group.hear(word())
    group.hear(word(url=THIRD))
    assert [peer.url for peer in group.peers.values()] == [THIRD]


def test_a_unit_that_was_named_by_another_of_its_addresses_is_one_unit(clock: ManualClock) -> None:
    _, group = started(clock, "https://localhost:8442")
    group.hear(word("active"), asked="https://localhost:8442")
    assert [(peer.url, peer.name) for peer in group.peers.values()] == [(OTHER, "bigip2.example.net")]


# Who is active


def test_a_unit_without_peers_is_active(clock: ManualClock) -> None:
    _, group = started(clock)
    assert group.state == "active"


def test_a_unit_that_starts_waits_until_it_knows_of_every_peer(clock: ManualClock) -> None:
    _, group = started(clock, OTHER, THIRD)
    group.decide()
    group.hear(word())
    assert group.state == "offline"
    gone(group, THIRD)
    assert group.state == "active"


def test_a_unit_that_finds_an_active_one_is_its_standby(clock: ManualClock) -> None:
    _, group = started(clock, OTHER)
    group.hear(word("active"))
    assert group.state == "standby"


@pytest.mark.parametrize("state", ["standby", "offline"])
def test_of_two_that_start_together_the_first_by_name_is_active(clock: ManualClock, state: State) -> None:
    _, group = started(clock, OTHER)
    group.hear(word(state))
    assert group.state == "active"
    _, later = started(clock, OTHER)
    later.hear(word(state, number=0))
    assert later.state == "standby"


def test_a_reluctant_unit_leaves_it_to_the_other(clock: ManualClock) -> None:
    _, group = started(clock, OTHER, reluctant=True)
    group.hear(word())
    assert group.state == "standby"
    gone(group)
    assert group.state == "active"


def test_two_missed_beats_are_not_enough_to_be_gone(clock: ManualClock) -> None:
    _, group = started(clock, OTHER)
    group.hear(word("active"))
    for _ in range(MISSED_BEATS - 1):
        group.miss(OTHER)
    group.hear(word("active"))
    group.miss(OTHER)
    assert group.state == "standby"
    gone(group)
    assert group.state == "active"


def test_an_active_unit_that_is_put_to_standby_stays_so_while_another_takes_over(clock: ManualClock) -> None:
    _, group = started(clock)
    group.hear(word())
    clock.advance(5)
    group.command("standby")
    group.hear(word())
    assert group.state == "standby"
    group.hear(word("active", since_s=clock.now()))
    clock.advance(5)
    group.hear(word(rank_s=clock.now()))
    assert group.state == "active"


def test_with_nobody_to_take_over_it_is_active_again(clock: ManualClock) -> None:
    _, group = started(clock)
    group.command("standby")
    assert group.state == "standby"
    group.decide()
    assert group.state == "active"


def test_a_unit_forced_offline_takes_over_for_nobody_until_it_is_online(clock: ManualClock) -> None:
    _, group = started(clock)
    group.hear(word("active", since_s=clock.now() + 1))
    group.command("offline")
    gone(group)
    group.command("standby")
    assert group.state == "forced-offline"
    group.command("online")
    assert group.state == "active"


def test_a_unit_that_was_active_and_reboots_is_standby_even_if_nobody_noticed(clock: ManualClock) -> None:
    box, group = started(clock)
    group.hear(word())
    clock.advance(1)
    box.reboot()
    assert group.state == "offline"
    group.hear(word())
    assert group.state == "standby"


def test_a_forced_offline_unit_is_that_after_a_reboot_too(clock: ManualClock) -> None:
    box, group = started(clock)
    group.command("offline")
    box.reboot()
    assert group.state == "forced-offline"


def test_of_two_active_ones_the_one_that_is_so_for_longer_stays(clock: ManualClock) -> None:
    _, group = started(clock)
    group.hear(word("active", since_s=group.since_s + 1))
    assert group.state == "active"
    group.hear(word("active", since_s=group.since_s - 1))
    assert group.state == "standby"


# Whose configuration is the newest


def test_before_any_change_the_group_awaits_its_initial_sync(clock: ManualClock) -> None:
    _, group = started(clock)
    assert sync(group) == "Standalone"
    group.hear(word())
    assert sync(group) == "Awaiting Initial Sync"


def test_each_write_to_what_is_shared_is_a_change_and_others_are_not(clock: ManualClock) -> None:
    box, group = started(clock)
    group.hear(word())
    box.tree.create("net/vlan", {"name": "internal"})
    box.tree.create("net/self", {"name": "own", "address": "192.0.2.8/24", "vlan": "internal"})
    box.tree.create("net/route", {"name": "r", "network": "198.51.100.0/24", "gw": "192.0.2.1"})
    assert group.commit is None
    box.tree.create("auth/partition", {"name": "k8s"})
    first = group.commit
    assert first is not None and sync(group) == "Changes Pending"
    box.tree.create("ltm/pool", {"name": "web", "partition": "k8s"})
    assert group.commit is not None and group.commit > first
    box.tree.modify("sys/folder", "/k8s", {"deviceGroup": "none"})
    kept = group.commit
    box.tree.create("ltm/pool", {"name": "own", "partition": "k8s"})
    assert group.commit == kept


def test_a_change_is_newer_than_every_change_that_is_known_whatever_the_clock_says(clock: ManualClock) -> None:
    box, group = started(clock)
    ahead = Commit(clock.now() + 60, 7, "bigip2.example.net")
    group.hear(word(commit=ahead))
    box.tree.create("ltm/pool", {"name": "web"})
    assert group.commit is not None and group.commit > ahead


def test_the_status_names_the_unit_with_the_newest_changes_and_what_to_do(clock: ManualClock) -> None:
    box, group = started(clock)
    box.tree.create("ltm/pool", {"name": "web"})
    group.hear(word(commit=Commit(clock.now() + 1, 9, "bigip2.example.net")))
    told = status.synchronisation(group)
    assert (told.status, told.color, told.mode) == ("Changes Pending", "yellow", "high-availability")
    assert told.details[0] == "bigip2.example.net: connected"
    assert "bigip2.example.net has the newest changes" in told.details[1]
    assert told.details[2] == "Recommended action: Synchronize bigip2.example.net to group dg1"


def test_a_peer_that_is_gone_makes_the_group_disconnected(clock: ManualClock) -> None:
    _, group = started(clock)
    group.hear(word())
    gone(group)
    told = status.synchronisation(group)
    assert (told.status, told.color) == ("Disconnected", "red")
    assert told.details[0] == "bigip2.example.net: disconnected"


def test_an_older_configuration_goes_over_a_newer_one_only_by_force(clock: ManualClock) -> None:
    _, group = started(clock)
    newer = Commit(clock.now(), 3, "bigip2.example.net")
    group.hear(word(commit=newer))
    with pytest.raises(SyncRefused, match=r"Device \(bigip2.example.net\) of device group \(dg1\) has newer changes"):
        group.order_sync("to-group", force=False)
    assert not group.synchronising
    group.order_sync("to-group", force=True)
    assert group.commit is not None and group.commit > newer
    assert [peer.url for peer in group.receivers("to-group")] == [OTHER]
    assert sync(group) == "Syncing"


def test_nothing_can_be_taken_before_anything_was_given(clock: ManualClock) -> None:
    box, group = started(clock)
    group.hear(word())
    box.tree.create("ltm/pool", {"name": "web"})
    with pytest.raises(SyncRefused, match="is not allowed until a push has been done first"):
        group.order_sync("from-group", force=False)


def test_an_older_configuration_is_not_taken_over_the_own_newer_one(clock: ManualClock) -> None:
    box, group = started(clock)
    group.hear(word(commit=Commit(clock.now(), 1, "bigip2.example.net")))
    box.tree.create("ltm/pool", {"name": "web"})
    with pytest.raises(SyncRefused, match=r"Device \(bigip1.example.net\) .* has newer changes"):
        group.order_sync("from-group", force=False)


def test_a_sync_that_fails_is_told_until_something_changes(clock: ManualClock) -> None:
    box, group = started(clock)
    group.hear(word())
    group.order_sync("to-group", force=False)
    group.next_order()
    group.synchronised("bigip2.example.net: out of memory")
    told = status.synchronisation(group)
    assert (told.status, told.summary) == ("Sync Failure", "bigip2.example.net: out of memory")
    box.tree.create("ltm/pool", {"name": "web"})
    assert sync(group) == "Changes Pending"


def test_an_order_that_comes_during_a_sync_is_carried_out_after_it(clock: ManualClock) -> None:
    _, group = started(clock)
    group.hear(word())
    group.order_sync("to-group", force=False)
    assert group.next_order() == "to-group"
    assert sync(group) == "Syncing"
    group.order_sync("to-group", force=False)
    group.synchronised()
    assert sync(group) == "Syncing"
    assert group.next_order() == "to-group"
    group.synchronised()
    assert sync(group) == "Changes Pending"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"group": "dg2"}, "is that of device group dg2, not dg1"),
        ({"objects": {"ltm/pool": [{"name": "web"}]}}, "the configuration is damaged: Object missing required field"),
        ({"objects": {"ltm/moon": []}}, 'has no collection "ltm/moon"'),
        ({"commit": NEVER}, "has newer changes"),
    ],
)
def test_a_configuration_that_cannot_be_taken_changes_nothing(
    clock: ManualClock, change: dict[str, Any], words: str
) -> None:
    box, group = started(clock)
    box.tree.create("ltm/pool", {"name": "web"})
    offered = msgspec.structs.replace(group.shared(), objects={})
    before = box.dump()
    with pytest.raises(SyncRefused, match=words):
        group.receive(msgspec.structs.replace(offered, **change))
    assert box.dump() == before


def test_with_auto_sync_only_the_first_of_those_with_the_newest_gives_it(clock: ManualClock) -> None:
    box, group = started(clock, auto_sync=True)
    group.hear(word())
    assert list(group.receivers(None)) == []
    box.tree.create("ltm/pool", {"name": "web"})
    assert [peer.url for peer in group.receivers(None)] == [OTHER]
    group.hear(word(url=THIRD, number=0, commit=group.commit))
    assert list(group.receivers(None)) == []


def test_without_auto_sync_nothing_is_given_unasked(clock: ManualClock) -> None:
    box, group = started(clock)
    group.hear(word())
    box.tree.create("ltm/pool", {"name": "web"})
    assert list(group.receivers(None)) == []


def test_after_a_reset_a_unit_has_nothing_that_anybody_should_take(clock: ManualClock) -> None:
    box, group = started(clock, auto_sync=True)
    group.hear(word())
    box.tree.create("ltm/pool", {"name": "web"})
    box.reset()
    assert group.commit is None and list(group.receivers(None)) == []


def test_after_a_reboot_a_unit_has_the_changes_that_it_had_when_it_saved(clock: ManualClock) -> None:
    box, group = started(clock)
    box.tree.create("ltm/pool", {"name": "kept"})
    box.save()
    saved = group.commit
    box.tree.create("ltm/pool", {"name": "lost"})
    box.reboot()
    assert group.commit == saved
