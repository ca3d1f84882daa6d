"""Whatever listeners with many owners are wanted next, the device comes to it, and then nothing is left to do."""

from __future__ import annotations

from dataclasses import replace

import shared_listener as shared
from device import device
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnbuckle.model.ltm import LtmObject, VirtualServer
from turnbuckle.model.partition_claim import Holder, claim, path_in
from turnbuckle.model.plan import Result, with_outcomes
from turnbuckle.model.policy import PolicyRule
from turnbuckle.model.state import Path, State
from turnbuckle.planner import cut, make_plan

HOSTS, SECRETS = ("a", "b", "c"), ("web", "shop")


@st.composite
def listeners(draw: st.DrawFn) -> dict[Path, LtmObject]:
    """A listener, or none: some hosts on two pools, some certificates in one of two versions."""
    if draw(st.integers(0, 5)) == 0:
        return {}
    certificates = tuple(sorted(draw(st.sets(st.sampled_from(SECRETS)))))
    found = shared.listener(certificates=certificates, number=draw(st.integers(1, 2)))
    more = draw(st.booleans())
    found += [shared.pool("other")] if more else []
    if draw(st.booleans()):
        rule = shared.irule(draw(st.sampled_from(["when RULE_INIT { }", "when RULE_INIT {\n    set static::x 1\n}"])))
        (virtual,) = (obj for obj in found if isinstance(obj, VirtualServer))
        found = [rule, *(obj for obj in found if obj is not virtual), replace(virtual, rules=frozenset({rule.name}))]
    for host in sorted(draw(st.sets(st.sampled_from(HOSTS)))):
        found.append(
            shared.rule(
                host,
                draw(st.sampled_from("uv")),
                draw(st.integers(1, 3)),
                draw(st.sampled_from(["web", "other"])) if more else "web",
                draw(st.sampled_from(["", "x"])),
            )
        )
    return {obj.path: obj for obj in found}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(listeners(), min_size=1, max_size=4), st.sampled_from([3, 100]))
async def test_every_wanted_listener_is_reached_and_the_next_plan_is_empty(
    wanted: list[dict[Path, LtmObject]], largest: int
) -> None:
    box = device()
    driver = box.driver()
    observed = await driver.read()
    claimed = {path_in("k8s"): claim("k8s", Holder("us", "cluster"))}
    for objects in wanted:
        desired = State(objects.values())
        for batch in cut(make_plan(observed, desired, controller_id="us"), largest=largest):
            outcomes = await driver.apply(batch)
            assert [(o.result, o.answer) for o in outcomes] == [(Result.DONE, "")] * len(outcomes)
            observed = with_outcomes(observed, outcomes)
        assert await driver.scan(observed) == {}
        seen = await driver.read()
        assert dict(seen) == {**desired, **(claimed if desired else {})}
        assert dict(seen) == dict(observed)
        assert not make_plan(seen, desired, controller_id="us").operations


async def test_a_rule_moves_between_pools_while_one_of_them_goes() -> None:
    box = device()
    driver = box.driver()
    before = State([*shared.listener("a"), shared.pool("old"), shared.rule("b", to="old")])
    for batch in cut(make_plan(State(), before, controller_id="us")):
        await driver.apply(batch)
    observed = await driver.read()
    gone = Path("ltm/pool", f"{shared.FOLDER}/ingress_default_old_80")
    moved = {path: obj for path, obj in before.items() if path != gone}
    for path, obj in moved.items():
        if isinstance(obj, PolicyRule):
            moved[path] = replace(obj, actions=shared.rule("b", to="web").actions)
    (batch,) = cut(make_plan(observed, State(moved.values()), controller_id="us"))
    outcomes = await driver.apply(batch)
    assert {outcome.result for outcome in outcomes} == {Result.DONE}
    assert not make_plan(await driver.read(), State(moved.values()), controller_id="us").operations
