"""The size of a transaction follows the time that the last ones took."""

from __future__ import annotations

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
