"""Whatever is wanted next, the device comes to it in batches, and then nothing is left to do."""

from __future__ import annotations

from dataclasses import replace

from device import OURS, configuration, create, device
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnbuckle.model.ltm import LtmObject, Member, Monitor, Pool, ProfileUse, VirtualServer
from turnbuckle.model.partition_claim import Holder, claim, path_in
from turnbuckle.model.plan import Result, with_outcomes
from turnbuckle.model.state import Path, State
from turnbuckle.planner import cut, make_plan

PROFILES = {
    "tcp": [frozenset({ProfileUse("/Common/tcp")}), frozenset({ProfileUse("/Common/tcp"), ProfileUse("/Common/http")})],
    "udp": [frozenset({ProfileUse("/Common/udp")})],
}


@st.composite
def states(draw: st.DrawFn) -> dict[Path, LtmObject]:
    """Some of three applications, each with a monitor, a pool and a virtual server or a part of that."""
    found: list[LtmObject] = []
    ports = draw(st.permutations([80, 81, 82]))
    for number, port in zip(range(3), ports, strict=True):
        name = f"/k8s/app{number}"
        if not draw(st.booleans()):
            continue
        probes = [Monitor(f"{name}_m{n}", OURS, "http", 5, draw(st.sampled_from([16, 31])), "", "ok") for n in (0, 1)]
        probes = probes[: draw(st.integers(0, 2))]
        members = frozenset(
            Member(f"10.0.0.{n}", 8080, "k8s", ratio=draw(st.sampled_from([1, 1, 2])), draining=draw(st.booleans()))
            for n in draw(st.sets(st.integers(1, 5)))
        )
        found += probes
        balancing = draw(st.sampled_from(["round-robin", "ratio-member"]))
        found.append(Pool(name, OURS, members, balancing, tuple(probe.path for probe in probes)))
        if draw(st.booleans()):
            protocol = draw(st.sampled_from(["tcp", "udp"]))
            found.append(
                VirtualServer(
                    name,
                    replace(OURS, owner=f"ConfigMap/default/{draw(st.sampled_from('ab'))}"),
                    "203.0.113.7",
                    port,
                    protocol,  # type: ignore[arg-type]
                    draw(st.sampled_from([name, ""])),
                    draw(st.sampled_from(PROFILES[protocol])),
                    draw(st.sampled_from(["none", "automap"])),
                )
            )
    return {obj.path: obj for obj in found}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(states(), min_size=1, max_size=3))
async def test_every_wanted_state_is_reached_and_the_next_plan_is_empty(wanted: list[dict[Path, LtmObject]]) -> None:
    box = device()
    driver = box.driver()
    await driver.apply(configuration(create(foreign := replace(wanted_pool(), name="/k8s/theirs", mark=None))))
    observed = await driver.read()
    claimed = {path_in("k8s"): claim("k8s", Holder("us", "cluster"))}
    for objects in wanted:
        desired = State(objects.values())
        for batch in cut(make_plan(observed, desired, held=frozenset(), controller_id="us"), largest=4):
            outcomes = await driver.apply(batch)
            assert [(o.result, o.answer) for o in outcomes] == [(Result.DONE, "")] * len(outcomes)
            observed = with_outcomes(observed, outcomes)
        assert await driver.scan(observed) == {}
        seen = await driver.read()
        assert dict(seen) == {**desired, **(claimed if desired else {}), foreign.path: foreign}
        assert dict(seen) == dict(observed)
        assert not make_plan(seen, desired, held=frozenset(), controller_id="us").operations


def wanted_pool() -> Pool:
    return Pool("/k8s/p", OURS, frozenset({Member("10.0.0.9", 80, "k8s")}))
