"""What is read of a device before it is asked for counts once, and not for long."""

from __future__ import annotations

import asyncio

import pytest

from turnbuckle.drivers.base import DriverError
from turnbuckle.model.ltm import Pool
from turnbuckle.model.state import State
from turnbuckle.runtime.ahead import KEEPS_S, ReadAhead

pytestmark = pytest.mark.asyncio

THERE = State([Pool("/k8s/a", None)])


class Device:
    def __init__(self) -> None:
        self.now_s, self.reads, self.answers = 0.0, 0, asyncio.Event()
        self.answers.set()
        self.fails = False

    async def read(self) -> State:
        self.reads += 1
        await self.answers.wait()
        if self.fails:
            raise DriverError("no")
        return THERE

    def ahead(self) -> ReadAhead:
        return ReadAhead(self.read, lambda: self.now_s)


async def test_it_is_read_once_and_counts_once() -> None:
    device = Device()
    ahead = device.ahead()
    assert await ahead.taken() is None
    ahead.begin()
    assert await ahead.taken() == THERE
    assert await ahead.taken() is None
    assert device.reads == 1


async def test_what_was_read_long_ago_does_not_count() -> None:
    device = Device()
    ahead = device.ahead()
    ahead.begin()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
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
    assert await ahead.taken() == THERE
    assert device.reads == 2


async def test_a_failure_is_told_to_whoever_asks_and_to_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    device = Device()
    ahead, device.fails = device.ahead(), True
    ahead.begin()
    with pytest.raises(DriverError):
        await ahead.taken()
    ahead.begin()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    ahead.drop()
    await asyncio.sleep(0)
    assert not caplog.records
