"""The size of a transaction follows the time that the last ones took."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from turnbuckle.runtime.tempo import FIRST, MOST, STEP, Tempo


def test_a_quick_device_gets_more_at_a_time_up_to_the_most() -> None:
    tempo = Tempo()
    tempo.took(FIRST, 0.1)
    assert tempo.operations == FIRST + STEP
    for _ in range(20):
        tempo.took(tempo.operations, 0.1)
    assert tempo.operations == MOST


def test_a_small_batch_says_nothing_about_large_ones() -> None:
    tempo = Tempo()
    tempo.took(1, 0.01)
    assert tempo.operations == FIRST


def test_a_slow_device_gets_half_and_one_that_fails_much_less() -> None:
    tempo = Tempo()
    tempo.took(FIRST, 5)
    assert tempo.operations == FIRST // 2
    tempo.lost()
    assert tempo.operations == FIRST // 16
    for _ in range(9):
        tempo.lost()
    assert tempo.operations == 1


def sizes(seconds: Callable[[int, int], float], waiting: Callable[[int], int] = lambda _: MOST) -> list[int]:
    """How large batches may be after each of some. seconds: what batch number n of so many operations takes."""
    tempo, found = Tempo(), []
    for number in range(40):
        operations = min(waiting(number), tempo.operations)
        tempo.took(operations, seconds(number, operations))
        found.append(tempo.operations)
    return found


def test_batches_become_smaller_as_long_as_that_makes_them_quicker() -> None:
    assert sizes(lambda _, operations: 0.1 + 0.1 * operations)[-1] * 0.1 < 0.75


def test_a_device_that_is_slow_at_every_commit_is_sent_as_much_as_at_all() -> None:
    assert sizes(lambda _, operations: 3 + 0.01 * operations)[-1] == MOST


def test_a_device_about_as_slow_as_it_may_be_is_not_sent_ever_less() -> None:
    assert sizes(lambda number, _: 0.65 if number % 2 else 0.85)[-1] >= FIRST


@pytest.mark.parametrize("seed", range(20))
def test_nor_is_one_whose_times_have_nothing_to_do_with_what_it_is_sent(seed: int) -> None:
    drawn = random.Random(seed)
    found = sizes(lambda *_: drawn.uniform(0.6, 1.0), lambda _: drawn.choice([1, 2, 5, MOST]))
    assert found[-1] >= FIRST // 2


@pytest.mark.parametrize(("first", "took_s"), [(1, 2.0), (20, 3.0)])
def test_a_small_slow_batch_at_first_does_not_keep_large_ones_from_shrinking(first: int, took_s: float) -> None:
    found = sizes(
        lambda number, operations: took_s if not number else float(operations), lambda number: MOST if number else first
    )
    assert found[-1] <= 2


def test_a_device_that_becomes_much_slower_is_noticed_though_it_was_slow_before() -> None:
    found = sizes(lambda number, operations: 3 if number < 3 else float(operations))
    assert found[-1] <= 2


def test_a_device_that_takes_long_for_each_operation_is_sent_one_or_two() -> None:
    assert set(sizes(lambda _, operations: 1.2 * operations)[10:]) == {1, 2}


def test_what_was_lost_is_made_up_for_on_a_slow_device_too() -> None:
    tempo = Tempo()
    tempo.lost()
    for _ in range(20):
        tempo.took(tempo.operations, 3 + 0.01 * tempo.operations)
    assert tempo.operations > FIRST


def test_a_device_that_is_quick_again_gets_more() -> None:
    assert sizes(lambda number, _: 3 if number < 6 else 0.2)[-1] == MOST
