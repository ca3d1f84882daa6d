"""What waits to be written, and how newer plans change it without planning all of it again."""

from __future__ import annotations

from turnbuckle.model.ltm import Member, Pool, VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.runtime.backlog import Backlog

MARK = Mark("ctl", "k1", "ConfigMap/default/web")


def pool(number: int, members: int = 1) -> Pool:
    return Pool(f"/k8s/p{number}", MARK, frozenset(Member(f"192.0.2.{n}", 80, "k8s") for n in range(1, members + 1)))


def created(number: int, members: int = 1) -> Operation:
    return Operation(Verb.CREATE, pool(number).path, None, pool(number, members))


def changed(number: int) -> Operation:
    return Operation(Verb.UPDATE, pool(number).path, pool(number), pool(number, 2), frozenset({"members"}))


def waiting(*operations: Operation) -> Backlog:
    backlog = Backlog()
    backlog.replace(operations)
    return backlog


def drained(backlog: Backlog, largest: int = 100) -> list[list[str]]:
    batches = []
    while (batch := backlog.pop(largest)) is not None:
        batches.append([f"{operation.verb} {operation.path.leaf}" for operation in batch.operations])
    return batches


def test_batches_are_as_large_as_asked_for() -> None:
    backlog = waiting(*(created(n) for n in range(5)))
    assert [len(batch) for batch in drained(backlog, 2)] == [2, 2, 1]
    assert len(backlog) == 0


def test_a_member_that_changes_goes_in_front_of_what_waits() -> None:
    backlog = waiting(*(created(n) for n in range(3)))
    assert backlog.merge([changed(7)], frozenset({changed(7).path}))
    assert drained(backlog) == [["UPDATE p7"], ["CREATE p0", "CREATE p1", "CREATE p2"]]


def test_what_replaces_something_that_waits_takes_its_place() -> None:
    backlog = waiting(created(0), created(1))
    assert backlog.merge([created(1, members=3)], frozenset({created(1).path}))
    batch = backlog.pop(100)
    assert batch is not None
    assert batch.operations[1].after == pool(1, 3)
    assert backlog.pop(100) is None


def test_members_that_wait_already_go_before_those_that_come_later() -> None:
    backlog = waiting(*(created(n) for n in range(3)))
    for number in (7, 8, 9):
        assert backlog.merge([changed(number)], frozenset({changed(number).path}))
    assert drained(backlog, 2)[:2] == [["UPDATE p7", "UPDATE p8"], ["UPDATE p9"]]


def test_what_is_new_comes_after_all_that_it_could_need() -> None:
    backlog = waiting(created(0))
    deleted = Operation(Verb.DELETE, pool(5).path, pool(5), None)
    assert backlog.merge([created(1), deleted], frozenset({created(1).path, deleted.path}))
    assert drained(backlog, 1) == [["CREATE p0"], ["CREATE p1"], ["DELETE p5"]]


def test_what_is_not_asked_for_any_more_is_dropped() -> None:
    backlog = waiting(created(0), created(1))
    assert backlog.merge([], frozenset({created(0).path}))
    assert len(backlog) == 1
    assert backlog.merge([created(0)], frozenset({created(0).path}))
    assert drained(backlog, 1) == [["CREATE p1"], ["CREATE p0"]]


def listener(pool_name: str) -> Operation:
    virtual = VirtualServer("/k8s/v", MARK, "203.0.113.1", 80, pool=pool_name)
    return Operation(Verb.CREATE, virtual.path, None, virtual)


def test_an_object_that_refers_to_another_one_than_before_comes_after_that_one() -> None:
    backlog = waiting(created(0), listener("/k8s/p0"))
    assert backlog.merge([created(1), listener("/k8s/p1")], frozenset({created(1).path, listener("").path}))
    assert drained(backlog, 1) == [["CREATE p0"], ["CREATE p1"], ["CREATE v"]]


def test_what_others_wait_for_cannot_come_later_and_is_planned_with_them() -> None:
    backlog = waiting(created(0), listener("/k8s/p0"))
    other = Operation(Verb.UPDATE, pool(0).path, pool(0), pool(0, 2), frozenset({"members", "monitors"}))
    assert not backlog.merge([other], frozenset({other.path}))
