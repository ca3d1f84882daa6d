"""What is read of a device before it is asked for counts once, and not for long."""

from __future__ import annotations

import asyncio

import pytest

from turnbuckle.drivers.base import DriverError, Unauthorized
from turnbuckle.model.ltm import Pool
from turnbuckle.model.state import State
from turnbuckle.runtime.ahead import KEEPS_S, ReadAhead, Seen

pytestmark = pytest.mark.asyncio

THERE = State([Pool("/k8s/a", None)])


class Device:
    def __init__(self) -> None:
        self.now_s, self.reads, self.answers = 0.0, 0, asyncio.Event()
        self.answers.set()
        self.fails: Exception | None = None

    async def read(self) -> State:
        self.reads += 1
        await self.answers.wait()
        if self.fails is not None:
            raise self.fails
        return THERE

    def ahead(self) -> ReadAhead:
        return ReadAhead(self.read, lambda: self.now_s)


async def test_it_is_read_once_and_counts_once_with_the_time_at_which_it_began() -> None:
    device = Device()
    ahead = device.ahead()
    assert await ahead.taken() is None
    device.now_s = 7
    ahead.begin()
    device.now_s = 9
    assert await ahead.taken() == Seen(THERE, 7)
    assert await ahead.taken() is None
    assert device.reads == 1


async def test_a_reading_that_began_long_ago_does_not_count() -> None:
    device = Device()
    ahead = device.ahead()
    ahead.begin()
    device.now_s = KEEPS_S + 1
    assert await ahead.taken() is None


async def test_another_beginning_forgets_the_first() -> None:
    device = Device()
    ahead = device.ahead()
    device.answers.clear()
    ahead.begin()
    await asyncio.sleep(0)
    ahead.begin()
    device.answers.set()
    assert await ahead.taken() == Seen(THERE, 0)
    assert device.reads == 2


async def test_what_failed_is_read_anew_and_what_nobody_asks_for_is_told_to_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    device = Device()
    ahead, device.fails = device.ahead(), DriverError("no")
    ahead.begin()
    assert await ahead.taken() is None
    ahead.begin()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    ahead.drop()
    await asyncio.sleep(0)
    assert not caplog.records


async def test_refused_credentials_are_not_tried_at_once_again() -> None:
    device = Device()
    ahead, device.fails = device.ahead(), Unauthorized("no")
    ahead.begin()
    with pytest.raises(Unauthorized):
        await ahead.taken()
