"""How often one logs in while a device is in trouble: not more than every half minute."""

from __future__ import annotations

import pytest
from device import device

from turnbuckle.drivers.base import Unreachable


async def test_a_login_that_the_device_could_not_answer_is_not_tried_again_for_half_a_minute() -> None:
    box = device()
    driver = box.driver()
    box.fault(kind="busy", path="/authn/login")
    for _ in range(29):
        with pytest.raises(Unreachable):
            await driver.read()
        box.clock.advance(1)
    assert box.logins == 1
    box.clock.advance(1)
    with pytest.raises(Unreachable):
        await driver.read()
    assert box.logins == 2
    box.box.faults.clear()
    box.clock.advance(30)
    await driver.read()
    assert box.logins == 3
