"""Removals on weak grounds wait; those that a watch told of do not."""

from __future__ import annotations

from turnbuckle.model.ltm import Member, Pool
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.ref import Grounds, Ref
from turnbuckle.model.state import Path, State
from turnbuckle.runtime.caution import Caution

DEVICE = Ref("", "Device", "", "https://192.0.2.1")
MARK = Mark("ctl", "k1", "ConfigMap/default/web")


def pool(number: int, members: int = 1) -> Pool:
    return Pool(f"/k8s/p{number}", MARK, frozenset(Member(f"192.0.2.{n}", 80, "k8s") for n in range(1, members + 1)))


def deleted(number: int) -> Operation:
    return Operation(Verb.DELETE, pool(number).path, pool(number), None)


def emptied(number: int) -> Operation:
    return Operation(Verb.UPDATE, pool(number).path, pool(number), pool(number, 0), frozenset({"members"}))


def state(count: int) -> State:
    return State(pool(number) for number in range(count))


def paths(*operations: Operation) -> frozenset[Path]:
    return frozenset(operation.path for operation in operations)


def test_what_a_watch_told_is_not_doubted() -> None:
    caution = Caution(DEVICE, "ctl")
    caution.learn({pool(1).path: Grounds.WATCHED})
    assert not caution.doubts(deleted(1))
    assert caution.doubts(deleted(2))


def test_a_change_that_takes_nothing_away_is_never_doubted() -> None:
    fewer = Operation(Verb.UPDATE, pool(1).path, pool(1, 2), pool(1), frozenset({"members"}))
    assert not Caution(DEVICE, "ctl").doubts(fewer)


def test_what_is_found_ownerless_goes_when_the_second_look_agrees() -> None:
    caution = Caution(DEVICE, "ctl", second_look_s=5)
    assert caution.weigh([deleted(1)], None, state(3), 100, 1) == paths(deleted(1))
    assert caution.next_at() == 105
    assert caution.due(104, 1) == frozenset()
    assert caution.due(105, 1) == paths(deleted(1))
    assert caution.weigh([deleted(1)], paths(deleted(1)), state(3), 105, 1) == frozenset()
    assert len(caution) == 0


def test_a_second_look_that_does_not_agree_begins_anew() -> None:
    caution = Caution(DEVICE, "ctl", second_look_s=5)
    caution.weigh([deleted(1)], None, state(3), 100, 1)
    caution.weigh([], None, state(3), 103, 1)
    assert caution.weigh([deleted(1)], None, state(3), 106, 1) == paths(deleted(1))


def test_one_pool_without_endpoints_is_followed_to_zero_at_once() -> None:
    assert Caution(DEVICE, "ctl").weigh([emptied(1)], None, state(3), 0, 1) == frozenset()


def test_too_much_at_once_waits_for_a_second_list_and_says_so() -> None:
    caution = Caution(DEVICE, "ctl", max_percent=30)
    step = [emptied(number) for number in range(40)]
    assert caution.weigh(step, None, state(100), 0, 1) == paths(*step)
    assert caution.wants_list
    (issue,) = caution.issues()
    assert "40 of 100 pools with members would be emptied or deleted in one step" in issue.text
    assert "--allow-mass-delete" in issue.text
    assert caution.due(3600, 1) == frozenset()
    assert caution.due(3600, 2) == paths(*step)
    assert caution.weigh(step, None, state(100), 3600, 2) == frozenset()
    assert caution.issues() == ()


def test_a_changed_filter_waits_for_a_person() -> None:
    caution = Caution(DEVICE, "ctl")
    step = [deleted(number) for number in range(40)]
    caution.learn({operation.path: Grounds.FILTER for operation in step})
    assert caution.weigh(step, None, state(100), 0, 1) == paths(*step)
    assert not caution.wants_list
    assert caution.weigh(step, None, state(100), 3600, 9) == paths(*step)
    caution.allowed = True
    assert caution.due(3600, 9) == paths(*step)
    assert caution.weigh(step, None, state(100), 3600, 9) == frozenset()


def test_ten_are_never_too_many_and_thirty_percent_are_not() -> None:
    few = [emptied(number) for number in range(10)]
    assert Caution(DEVICE, "ctl").weigh(few, None, state(10), 0, 1) == frozenset()
    thirty = [emptied(number) for number in range(30)]
    assert Caution(DEVICE, "ctl").weigh(thirty, None, state(100), 0, 1) == frozenset()


def test_a_step_that_comes_in_parts_counts_as_one() -> None:
    caution = Caution(DEVICE, "ctl")
    first, second = [deleted(n) for n in range(8)], [deleted(n) for n in range(8, 16)]
    caution.weigh(first, None, state(20), 0, 1)
    caution.weigh(second, paths(*second), state(20), 1, 1)
    assert caution.tripped
    assert caution.weigh([*first, *second], None, state(20), 60, 1) == paths(*first, *second)


def test_what_waits_for_a_list_holds_only_itself() -> None:
    caution = Caution(DEVICE, "ctl")
    step = [deleted(number) for number in range(40)]
    caution.weigh(step, None, state(100), 0, 1)
    one = [deleted(77)]
    assert caution.weigh(one, paths(*one), state(100), 10, 1) == paths(*one)
    assert caution.weigh(one, paths(*one), state(100), 20, 1) == frozenset()


def test_what_was_watched_is_forgotten_once_it_is_done() -> None:
    caution = Caution(DEVICE, "ctl")
    caution.learn({pool(1).path: Grounds.WATCHED})
    caution.forget(())
    assert caution.doubts(deleted(1))
