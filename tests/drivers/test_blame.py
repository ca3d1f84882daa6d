"""Who is at fault, from the device's words alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from device import create, delete, monitor, pool, update, virtual

from turnbuckle.drivers.icontrol import blame
from turnbuckle.drivers.icontrol.commands import Step, commands
from turnbuckle.model.partition_claim import Holder, claim, path_in
from turnbuckle.model.plan import Operation


def steps(*operations: Operation) -> list[Step]:
    return [Step(index, op, commands(op, {}, {})) for index, op in enumerate(operations)]


A = virtual("a", 1, pool="/k8s/p")
B = virtual("b", 2, pool="/k8s/q")
ALL = steps(create(pool("p")), create(pool("q", 1)), create(A), create(B))


@pytest.mark.parametrize(
    ("words", "guilty", "certain"),
    [
        ("01070734:3: Configuration error: in Virtual Server (/k8s/a) an http profile is required", [2], True),
        ("01020036:3: The requested profile (/Common/http) was not found.", [2, 3], True),
        ("0107176c:3: Invalid Node, the IP address 10.0.0.2 already exists.", [0], True),
        ("0107176c:3: Invalid Virtual Address, the IP address 203.0.113.2%0 already exists.", [3], True),
        ("01070333:3: Virtual Server /k8s/a illegally shares destination with Virtual Server /k8s/b.", [2, 3], False),
        ("01070151:3: Pool Member (/k8s/p /k8s/10.0.0.1 80) is no good", [0], True),
        ("01071234:3: the moon is full", [], True),
    ],
)
def test_the_words_point_at_steps(words: str, guilty: list[int], certain: bool) -> None:
    found = blame.suspects(words, ALL)
    assert ([step.index for step in found.steps], found.certain) == (guilty, certain)


def test_what_refers_to_an_object_that_is_not_made_cannot_be_made() -> None:
    probe = monitor()
    all_of = steps(create(probe), create(pool("p", monitors=(probe.path,))), create(A), create(B))
    assert blame.dependants([all_of[0]], all_of) == {1: probe.path, 2: probe.path}


def test_what_is_still_referred_to_cannot_be_deleted() -> None:
    all_of = steps(update(A, replace(A, pool="")), delete(pool("p")), delete(pool("q")))
    assert blame.dependants([all_of[0]], all_of) == {1: A.path}


def test_a_destination_that_is_not_vacated_cannot_be_taken() -> None:
    all_of = steps(delete(A), create(replace(B, destination_address=A.destination_address)))
    assert blame.dependants([all_of[0]], all_of) == {1: A.path}


def test_a_refused_update_does_not_hold_up_those_who_refer_to_the_object() -> None:
    p = pool("p")
    all_of = steps(update(p, replace(p, load_balancing="ratio-member")), create(A))
    assert blame.dependants([all_of[0]], all_of) == {}


def test_without_its_claim_nothing_in_a_partition_can_be_done() -> None:
    elsewhere = replace(pool("p"), name="/other/p")
    all_of = steps(create(claim("k8s", Holder("us", "c"))), create(pool("p")), create(elsewhere))
    assert blame.dependants([all_of[0]], all_of) == {1: path_in("k8s")}
