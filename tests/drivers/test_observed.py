"""Who watches is told of each request once: how it ended, and how long it took."""

from __future__ import annotations

import pytest
from device import Device, configuration, create, device, pool

from turnbuckle.drivers.base import DriverError, Unreachable
from turnbuckle.drivers.icontrol.driver import IControlDriver


@pytest.fixture
def box() -> Device:
    return device()


Seen = list[tuple[str, str, float]]


def watched(box: Device) -> tuple[IControlDriver, Seen]:
    seen: Seen = []
    return box.driver(observe=lambda *told: seen.append(told)), seen


async def test_each_request_is_told_once_log_ins_included(box: Device) -> None:
    driver, seen = watched(box)
    await driver.apply(configuration(create(pool())))
    assert seen == [("POST", "ok", 0.0), ("POST", "ok", 0.0)]
    assert len(box.sent) + box.logins == len(seen)


async def test_what_the_device_refuses_or_cannot_do_now_has_a_word_of_its_own(box: Device) -> None:
    driver, seen = watched(box)
    await driver.read()
    seen.clear()
    box.fault(kind="busy", method="POST", path="ltm/pool", times=1)
    box.fault(kind="write-refused", touches="/k8s/web", message="01071234:3: No such luck.")
    await driver.apply(configuration(create(pool())))
    assert [(method, outcome) for method, outcome, _ in seen] == [("POST", "busy"), ("POST", "refused")]


@pytest.mark.parametrize("how", ["before", "after"])
async def test_no_answer_is_told_too(box: Device, how: str) -> None:
    driver, seen = watched(box)
    box.fail = {"auth/partition": how}
    with pytest.raises(Unreachable):
        await driver.read()
    assert [(method, outcome) for method, outcome, _ in seen] == [("POST", "ok"), ("GET", "unreachable")]


async def test_a_refused_password_is_denied(box: Device) -> None:
    seen: Seen = []
    driver = box.driver(password="wrong", observe=lambda *told: seen.append(told))
    with pytest.raises(DriverError):
        await driver.read()
    assert [(method, outcome) for method, outcome, _ in seen] == [("POST", "denied")]
