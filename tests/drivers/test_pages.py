"""Large collections are read page by page, and a page that does not fit the one before is noticed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from device import Device, device

from turnbuckle.drivers.base import DriverError
from turnbuckle.drivers.icontrol import reading
from turnbuckle.drivers.icontrol.transport import Reply
from turnbuckle.model.ltm import Pool


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE", 5)


def with_pools(count: int) -> Device:
    box = device()
    for number in range(count):
        box.operator("POST", "/mgmt/tm/ltm/pool", {"name": f"p{number:02}", "partition": "k8s"})
    return box


def pages(box: Device) -> int:
    return sum(one.startswith("GET /mgmt/tm/ltm/pool?") for one in box.sent)


class Unsteady:
    """A device where somebody deletes the first pool after a page was read, so many times."""

    def __init__(self, box: Device, times: int) -> None:
        self._box, self._times = box, times

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        reply = await self._box.send(method, path, headers, body)
        if self._times and "/ltm/pool?" in path:
            self._times -= 1
            first = next(iter(self._box.box.tree.items("ltm/pool")))
            self._box.operator("DELETE", f"/mgmt/tm/ltm/pool/~k8s~{first.name}")
        return reply

    async def close(self) -> None:
        return None


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(("count", "requests"), [(0, 1), (4, 1), (5, 2), (9, 3), (12, 3)])
async def test_every_object_is_read_however_many_pages_there_are(count: int, requests: int) -> None:
    box = with_pools(count)
    state = await box.driver().read()
    assert {obj.name for obj in state.values() if isinstance(obj, Pool)} == {f"/k8s/p{n:02}" for n in range(count)}
    assert pages(box) == requests


@pytest.mark.usefixtures("small_pages")
async def test_what_moves_between_two_pages_is_not_taken_for_gone() -> None:
    box = with_pools(12)
    driver = box.driver()
    driver._connection._transport = Unsteady(box, 1)
    state = await driver.read()
    assert {obj.name for obj in state.values() if isinstance(obj, Pool)} == {f"/k8s/p{n:02}" for n in range(1, 12)}


@pytest.mark.usefixtures("small_pages")
async def test_a_list_that_never_holds_still_is_not_known() -> None:
    box = with_pools(30)
    driver = box.driver()
    driver._connection._transport = Unsteady(box, 20)
    with pytest.raises(DriverError, match="changes faster than it can be read"):
        await driver.read()
