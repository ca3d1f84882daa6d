"""How many reads are under way at once, as the device answers faster or slower."""

from __future__ import annotations

import asyncio

import pytest
from device import device

from turnbuckle.drivers.base import Unreachable
from turnbuckle.drivers.icontrol.window import LEAST, MOST, Pacing, Window


def answered(pacing: Pacing, *latencies_s: float) -> int:
    for took_s in latencies_s:
        pacing.answered("pools", took_s)
    return pacing.limit


def test_while_the_device_answers_as_fast_as_it_can_there_are_more_up_to_four() -> None:
    pacing = Pacing()
    assert answered(pacing, *[0.1] * 3) == 3
    assert answered(pacing, *[0.1] * 50) == MOST


def test_an_answer_that_takes_over_three_times_the_floor_halves_them() -> None:
    pacing = Pacing()
    assert answered(pacing, *[0.1] * 50, 0.29) == MOST
    assert answered(pacing, 0.5) == MOST // 2
    assert answered(pacing, 0.5, 0.5, 0.5) == LEAST


def test_no_answer_halves_them_and_one_always_remains() -> None:
    pacing = Pacing()
    answered(pacing, *[0.1] * 50)
    limits = []
    for _ in range(4):
        pacing.failed()
        limits.append(pacing.limit)
    assert limits == [2, 1, 1, 1]


def test_within_a_few_milliseconds_nothing_is_concluded() -> None:
    pacing = Pacing()
    assert answered(pacing, 0.001, *[0.04] * 50) == MOST


def test_a_large_collection_is_not_slow_because_a_small_one_is_fast() -> None:
    pacing = Pacing()
    answered(pacing, *[0.05] * 50)
    pacing.answered("virtual servers", 2.0)
    assert pacing.limit == MOST


def test_what_has_grown_for_good_is_the_new_measure_in_time() -> None:
    pacing = Pacing()
    answered(pacing, *[0.1] * 50)
    assert answered(pacing, 1.0) < MOST
    assert answered(pacing, *[1.0] * 40) == MOST


async def test_no_more_reads_are_under_way_than_the_window_lets_through() -> None:
    clock, window = device().clock, Window(device().clock.now)
    under_way, most = 0, 0

    async def read() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        clock.advance(1.0)
        under_way -= 1

    await asyncio.gather(*(window.through("pools", read) for _ in range(50)))
    assert most == MOST


async def test_after_failures_reads_go_one_by_one_and_go_on() -> None:
    window = Window(device().clock.now)
    under_way, most, done = 0, 0, 0

    async def read() -> None:
        nonlocal under_way, most, done
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        done += 1
        raise Unreachable("The BIG-IP cannot be reached.")

    for _ in range(2):
        with pytest.raises(Unreachable):
            await window.through("pools", read)
    most = done = 0
    await asyncio.gather(*(window.through("pools", read) for _ in range(9)), return_exceptions=True)
    assert (most, done) == (1, 9)


async def test_who_waits_and_is_cancelled_takes_nobodys_place() -> None:
    window = Window(device().clock.now)
    gate = asyncio.Event()

    async def read() -> str:
        await gate.wait()
        return "read"

    first = [asyncio.create_task(window.through("pools", read)) for _ in range(2)]
    waiting = [asyncio.create_task(window.through("pools", read)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.set()
    assert await asyncio.gather(*first, *waiting[1:]) == ["read"] * 4
