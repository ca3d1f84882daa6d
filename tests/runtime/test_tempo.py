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


def after_batches(fixed_s: float, each_s: float, batches: int = 30) -> int:
    """The size that batches come to on a device that takes so long for a commit, and for each operation in it."""
    tempo = Tempo()
    for _ in range(batches):
        tempo.took(tempo.operations, fixed_s + each_s * tempo.operations)
    return tempo.operations


def test_batches_become_smaller_as_long_as_that_makes_them_quicker() -> None:
    assert after_batches(fixed_s=0.1, each_s=0.1) * 0.1 < 1.5


def test_a_device_that_is_slow_at_every_commit_is_not_sent_ever_less() -> None:
    assert after_batches(fixed_s=3, each_s=0.01) >= FIRST


def test_what_is_no_quicker_in_halves_goes_back_and_stays() -> None:
    tempo = Tempo()
    sizes = []
    for _ in range(6):
        tempo.took(tempo.operations, 3)
        sizes.append(tempo.operations)
    assert sizes == [FIRST // 2, FIRST, FIRST, FIRST, FIRST, FIRST]
