"""Who has a destination where somebody who errs, and was never good since the start, has it on the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Plan, Verb
from turnbuckle.model.ref import Age, Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner import make_plan

ELDEST, OLD, MIDDLE, YOUNG = (Ref("", "ConfigMap", "ns", name) for name in ("eldest", "old", "middle", "young"))
AGES: Mapping[Ref, Age] = {
    ref: (False, f"202{number}-01-01T00:00:00Z", str(ref)) for number, ref in enumerate((ELDEST, OLD, MIDDLE, YOUNG))
}


def server(owner: Ref, last: int) -> VirtualServer:
    mark = Mark("ctl", "k1", str(owner))
    return VirtualServer(f"/k8s/{owner.name}", mark, destination_address=f"203.0.113.{last}", port=80)


def planned(
    observed: tuple[VirtualServer, ...],
    desired: tuple[VirtualServer, ...],
    held: Ref,
    ages: Mapping[Ref, Age] = AGES,
) -> tuple[set[tuple[Verb, str]], set[tuple[str, str]]]:
    """What is done, and who is told that somebody keeps a destination."""
    plan: Plan = make_plan(State(observed), State(desired), controller_id="ctl", held=frozenset({held}), ages=ages)
    done = {(one.verb, one.path.leaf) for one in plan.operations if one.path.kind == VirtualServer.KIND}
    return done, {(issue.code, issue.about.name) for _, issue in plan.refused}


def test_a_held_owner_keeps_its_destination_against_a_younger_one() -> None:
    assert planned((server(OLD, 1),), (server(YOUNG, 1),), OLD) == (set(), {("TB2020", "young")})


def test_a_held_owner_gives_its_destination_up_to_an_older_one() -> None:
    done, told = planned((server(MIDDLE, 1),), (server(OLD, 1),), MIDDLE)
    assert (done, told) == ({(Verb.DELETE, "middle"), (Verb.CREATE, "old")}, set())


def test_a_held_owner_that_cannot_be_read_counts_as_the_oldest() -> None:
    ages = {ref: age for ref, age in AGES.items() if ref != YOUNG}
    assert planned((server(YOUNG, 1),), (server(OLD, 1),), YOUNG, ages) == (set(), {("TB2020", "old")})


def test_whoever_cannot_move_to_a_kept_destination_stays_where_it_is() -> None:
    done, told = planned((server(OLD, 1), server(YOUNG, 2)), (server(YOUNG, 1),), OLD)
    assert (done, told) == (set(), {("TB2020", "young")})


def test_whoever_stays_because_of_a_kept_destination_keeps_its_own_against_younger_ones() -> None:
    observed, desired = (server(OLD, 1), server(MIDDLE, 2)), (server(MIDDLE, 1), server(YOUNG, 2))
    assert planned(observed, desired, OLD) == (set(), {("TB2020", "middle"), ("TB2020", "young")})


def test_whoever_cannot_move_to_a_kept_destination_makes_way_for_an_older_one_all_the_same() -> None:
    observed, desired = (server(ELDEST, 1), server(YOUNG, 2)), (server(YOUNG, 1), server(OLD, 2))
    done, told = planned(observed, desired, ELDEST)
    assert (done, told) == ({(Verb.DELETE, "young"), (Verb.CREATE, "old")}, {("TB2020", "young")})


def test_a_destination_that_nobody_contests_is_left_alone() -> None:
    observed, desired = (server(OLD, 1), server(YOUNG, 2)), (server(YOUNG, 3),)
    assert planned(observed, desired, OLD) == ({(Verb.UPDATE, "young")}, set())


def test_what_another_controller_made_for_an_owner_of_the_same_name_keeps_nothing() -> None:
    foreign = replace(server(OLD, 1), name="/k8s/theirs", mark=Mark("other", "k9", str(OLD)))
    assert planned((foreign,), (server(YOUNG, 1),), OLD) == ({(Verb.CREATE, "young")}, set())


def test_what_a_plan_of_one_path_leaves_out_is_what_a_plan_of_all_leaves_out() -> None:
    observed, desired = State((server(OLD, 1), server(MIDDLE, 2))), State((server(MIDDLE, 1), server(YOUNG, 2)))
    path = Path(VirtualServer.KIND, "/k8s/young")
    plan = make_plan(observed, desired, controller_id="ctl", held=frozenset({OLD}), ages=AGES, paths=frozenset({path}))
    assert plan.operations == ()
    assert (path, "TB2020") in {(where, issue.code) for where, issue in plan.refused}
