"""Rows of the ledger are written one by one, whatever the device or somebody else makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest
import shared_listener as shared
from device import Device, configuration, create, delete, device, update

from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.drivers.icontrol.transport import Reply
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.plan import Operation, Result

LEDGER = "/mgmt/tm/ltm/data-group/internal/~k8s~turnbuckle_ledger"


class Old(Device):
    """A device that does not take single records."""

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if "?options=" in path:
            self.sent.append(f"{method} {path}")
            self.bodies.append(None)
            refusal = {"code": 400, "message": "unexpected argument", "errorStack": [], "apiError": 26214401}
            return Reply(400, {}, msgspec.json.encode(refusal))
        return await super().send(method, path, headers, body)


@pytest.fixture(params=["new", "old"])
def box(request: pytest.FixtureRequest) -> Device:
    found = device()
    return found if request.param == "new" else Old(found.box, found.clock)


def rows(box: Device) -> dict[str, str]:
    return {one["name"]: one["data"] for one in box.operator("GET", LEDGER).get("records", ())}


def names(*objects: LtmObject) -> set[str]:
    return {f"{obj.path.kind}:{obj.path.name}".lower() for obj in objects}


async def done(driver: IControlDriver, *operations: Operation) -> None:
    outcomes = await driver.apply(configuration(*operations))
    assert {outcome.result for outcome in outcomes} == {Result.DONE}, outcomes


async def test_rows_come_change_and_go_with_their_files(box: Device) -> None:
    driver, web, shop = box.driver(), shared.files("web"), shared.files("shop")
    await done(driver, *map(create, web))
    await done(driver, *map(create, shop))
    assert rows(box).keys() == names(*web, *shop)
    moved = replace(web[0], mark=shared.mark("other"))
    await done(driver, update(web[0], moved))
    assert "Ingress/default/other" in rows(box)[names(web[0]).pop()]
    await done(driver, *map(delete, web))
    assert rows(box).keys() == names(*shop)
    await done(driver, *map(delete, shop))
    with pytest.raises(AssertionError, match="404"):
        box.operator("GET", LEDGER)


async def test_what_somebody_did_to_rows_meanwhile_keeps_nothing_from_being_written(box: Device) -> None:
    driver, web, shop, more = box.driver(), shared.files("web"), shared.files("shop"), shared.files("web", 2)
    await done(driver, *map(create, web))
    theirs = {"name": "theirs", "data": "note"}
    stale = {"name": names(shop[0]).pop(), "data": "left behind"}
    box.operator("PATCH", LEDGER, {"records": [theirs, stale]})
    await done(driver, *map(create, shop))
    assert rows(box).keys() == {"theirs"} | names(*shop)
    box.operator("PATCH", LEDGER, {"records": [theirs]})
    await done(driver, update(shop[0], replace(shop[0], mark=shared.mark("other"))))
    assert rows(box).keys() == {"theirs"} | names(shop[0])
    box.operator("DELETE", LEDGER)
    await done(driver, *map(create, more))
    assert rows(box).keys() == names(*more)


async def test_whoever_leads_anew_does_not_trust_what_it_remembers() -> None:
    box = device()
    first, second, web, shop = box.driver(), box.driver(), shared.files("web"), shared.files("shop")
    await done(first, *map(create, web))
    await done(second, *map(create, shop))
    first.fence(1, lambda: True)
    await done(first, *map(delete, (*web, *shop)))
    with pytest.raises(AssertionError, match="404"):
        box.operator("GET", LEDGER)


async def test_one_certificate_among_thousands_costs_one_certificate() -> None:
    box = device()
    driver = box.driver()
    await done(driver, *map(create, shared.files("web")))
    many = [{"name": f"sys/file/ssl-cert:/k8s/shared/{n}", "data": "1 us c Ingress/a/b"} for n in range(3000)]
    box.operator("PATCH", LEDGER, {"records": [*box.operator("GET", LEDGER)["records"], *many]})
    await driver.read()
    for name in ("shop", "bar"):
        box.forget()
        await done(driver, *map(create, shared.files(name)))
    written = [(sent, body) for sent, body in zip(box.sent, box.bodies, strict=True) if "turnbuckle_ledger" in sent]
    assert [sent.partition(" ")[0] for sent, _ in written] == ["PATCH"]
    assert sum(len(sent) + len(msgspec.json.encode(body)) for sent, body in written) < 1000


async def test_many_new_rows_are_lines_that_a_web_server_takes() -> None:
    box = device()
    driver = box.driver()
    await done(driver, *map(create, shared.files("web")))
    box.forget()
    some = [replace(one, name=f"{one.name}_{n}") for n in range(60) for one in shared.files("shop")]
    await done(driver, *map(create, some))
    sent = [one for one in box.sent if "?options=" in one]
    assert len(sent) > 1 and max(map(len, sent)) < 8000
    assert len(rows(box)) == 122
