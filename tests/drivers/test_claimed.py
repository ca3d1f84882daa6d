"""The claim on a partition at the device: written with what needs it, and never beside another controller's."""

from __future__ import annotations

import pytest
from device import Device, configuration, create, device, monitor, pool

from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.partition_claim import Holder, claim, path_in
from turnbuckle.model.plan import Outcome, Result
from turnbuckle.model.state import State
from turnbuckle.planner import cut, make_plan

GROUPS = "/mgmt/tm/ltm/data-group/internal"
OURS = claim("k8s", Holder("us", "cluster"))


@pytest.fixture
def box() -> Device:
    return device()


async def follow(box: Device, *desired: LtmObject, observed: State | None = None) -> list[Outcome]:
    driver = box.driver()
    observed = await driver.read() if observed is None else observed
    box.forget()
    outcomes: list[Outcome] = []
    for batch in cut(make_plan(observed, State(desired), controller_id="us")):
        outcomes += await driver.apply(batch)
    return outcomes


async def test_the_first_write_and_its_claim_are_one_transaction_and_read_back_equal(box: Device) -> None:
    await follow(box, pool())
    assert box.writes == [f"POST {GROUPS}", "POST /mgmt/tm/ltm/pool"]
    assert box.bodies[1] == {
        "name": "turnbuckle",
        "partition": "k8s",
        "type": "string",
        "records": [
            {"name": "cluster-id", "data": "cluster"},
            {"name": "controller-id", "data": "us"},
            {"name": "version", "data": "1"},
        ],
    }
    assert (await box.driver().read())[path_in("k8s")] == OURS
    await follow(box, pool())
    assert not box.writes
    await follow(box)
    assert box.writes == ["DELETE /mgmt/tm/ltm/pool/~k8s~web", f"DELETE {GROUPS}/~k8s~turnbuckle"]


async def test_who_comes_second_to_a_partition_writes_nothing_into_it(box: Device) -> None:
    records = [{"name": "controller-id", "data": "other"}, {"name": "cluster-id", "data": "far"}]
    box.operator("POST", GROUPS, {"name": "turnbuckle", "partition": "k8s", "type": "string", "records": records})
    probe = monitor()
    wanted = (probe, pool(monitors=(probe.path,)), pool("alone"))
    outcomes = await follow(box, *wanted, observed=State())
    assert {outcome.result for outcome in outcomes} == {Result.UNREACHED}
    assert [outcome.culprit for outcome in outcomes] == [None] + [path_in("k8s")] * 3
    assert set(await box.driver().read()) == {path_in("k8s")}
    assert await follow(box, *wanted) == []


async def test_a_claim_that_the_device_refuses_holds_up_everything_in_its_partition(box: Device) -> None:
    box.fault(kind="commit-refused", touches="/k8s/turnbuckle", message="01070000:3: /k8s/turnbuckle is no good.")
    box.fault(kind="write-refused", touches="/k8s/turnbuckle", message="01070000:3: /k8s/turnbuckle is no good.")
    first, *rest = await follow(box, pool(), pool("q"))
    assert (first.result, first.answer) == (Result.REJECTED, "01070000:3: /k8s/turnbuckle is no good.")
    assert [(one.result, one.culprit) for one in rest] == [(Result.REJECTED, path_in("k8s"))] * 2


async def test_tables_of_an_operator_are_seen_and_left_alone(box: Device) -> None:
    records = [{"name": "10.0.0.0/8", "data": "inside"}]
    box.operator("POST", GROUPS, {"name": "nets", "partition": "k8s", "type": "ip", "records": records})
    await follow(box, pool())
    (nets,) = (obj for path, obj in (await box.driver().read()).items() if path.name == "/k8s/nets")
    assert nets.mark is None
    await follow(box)
    assert box.operator("GET", f"{GROUPS}/~k8s~nets")["records"] == records


async def test_what_an_earlier_version_left_without_a_claim_is_not_written_for_its_sake(box: Device) -> None:
    assert {o.result for o in await box.driver().apply(configuration(create(pool())))} == {Result.DONE}
    observed = await box.driver().read()
    assert path_in("k8s") not in observed
    assert make_plan(observed, State([pool()]), controller_id="us").operations == ()
