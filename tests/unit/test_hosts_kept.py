"""Whose a host is where somebody who errs, and was never good since the start, has rules for it on the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from turnbuckle.model.ltm import Pool
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Plan, Verb
from turnbuckle.model.policy import Action, Condition, Policy, PolicyRule
from turnbuckle.model.ref import Age, Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner import make_plan

OLD, MIDDLE, YOUNG, SAME = (
    Ref("", "Ingress", namespace, name)
    for namespace, name in (("a", "old"), ("b", "middle"), ("c", "young"), ("b", "same"))
)
AGES: Mapping[Ref, Age] = {
    ref: (False, f"202{number}-01-01T00:00:00Z", str(ref)) for number, ref in enumerate((OLD, MIDDLE, YOUNG, SAME))
}
UNTIMED: Mapping[Ref, Age] = {ref: (True, "", str(ref)) for ref in AGES}
POLICY = Policy("/k8s/Shared/p", Mark("ctl", "k1", str(OLD)))
POOL = Pool("/k8s/web", Mark("ctl", "k1", str(OLD)))


def rule(owner: Ref, path: str = "/", host: str = "www.example.com") -> PolicyRule:
    where = (Condition("http-host", "equals", (host,)),) if host else ()
    conditions = (*where, Condition("path", "starts-with", (path,)))
    name = f"{POLICY.name}:{owner.name}_{host}_{path.strip('/')}"
    return PolicyRule(name, Mark("ctl", "k1", str(owner)), 7, conditions, (Action("forward", POOL.name),))


def planned(
    observed: tuple[PolicyRule, ...],
    desired: tuple[PolicyRule, ...],
    held: Ref = MIDDLE,
    ages: Mapping[Ref, Age] = AGES,
    paths: frozenset[Path] | None = None,
) -> tuple[set[tuple[Verb, str]], set[tuple[str, str]]]:
    """What is done with rules, and who is told that somebody keeps a host."""
    there, wanted = State((POLICY, POOL, *observed)), State((POLICY, POOL, *desired))
    plan: Plan = make_plan(there, wanted, controller_id="ctl", held=frozenset({held}), ages=ages, paths=paths)
    done = {(one.verb, one.path.name.partition(":")[2]) for one in plan.operations if one.path.kind == PolicyRule.KIND}
    return done, {(issue.code, issue.about.name) for _, issue in plan.refused}


def test_a_held_owner_keeps_its_host_against_a_younger_namespace() -> None:
    assert planned((rule(MIDDLE),), (rule(YOUNG, "/other"),)) == (set(), {("TB2055", "young")})


def test_a_held_owner_gives_its_host_up_to_an_older_namespace_as_a_whole() -> None:
    done, told = planned((rule(MIDDLE), rule(MIDDLE, "/a")), (rule(OLD, "/b"),))
    assert done == {
        (Verb.DELETE, "middle_www.example.com_"),
        (Verb.DELETE, "middle_www.example.com_a"),
        (Verb.CREATE, "old_www.example.com_b"),
    }
    assert not told


def test_within_a_namespace_only_a_path_is_kept() -> None:
    done, told = planned((rule(MIDDLE, "/a"),), (rule(SAME, "/a"), rule(SAME, "/b")))
    assert (done, told) == ({(Verb.CREATE, "same_www.example.com_b")}, {("TB2055", "same")})


def test_within_a_namespace_an_older_owner_takes_a_path_and_the_others_stay() -> None:
    ages = {**AGES, SAME: (False, "2010-01-01T00:00:00Z", str(SAME))}
    done, told = planned((rule(MIDDLE, "/a"), rule(MIDDLE, "/b")), (rule(SAME, "/a"),), ages=ages)
    gone, made = (Verb.DELETE, "middle_www.example.com_a"), (Verb.CREATE, "same_www.example.com_a")
    assert (done, told) == ({gone, made}, set())


@pytest.mark.parametrize("newcomer", [OLD, YOUNG])
def test_without_times_what_there_is_stays_whoever_comes_first_by_name(newcomer: Ref) -> None:
    done, told = planned((rule(MIDDLE),), (rule(newcomer, "/other"),), ages=UNTIMED)
    assert (done, told) == (set(), {("TB2055", newcomer.name)})


def test_who_cannot_be_read_counts_as_the_oldest() -> None:
    ages = {ref: age for ref, age in AGES.items() if ref != MIDDLE}
    assert planned((rule(MIDDLE),), (rule(OLD),), ages=ages) == (set(), {("TB2055", "old")})


def test_other_hosts_and_other_policies_are_nobody_elses_business() -> None:
    elsewhere = rule(YOUNG, host="other.example.com")
    done, told = planned((rule(MIDDLE),), (elsewhere, rule(YOUNG, "/z", host="")))
    assert {verb for verb, _ in done} == {Verb.CREATE} and len(done) == 2 and not told


def test_rules_for_every_host_are_contested_too() -> None:
    assert planned((rule(MIDDLE, host=""),), (rule(YOUNG, "/a", host=""),)) == (set(), {("TB2055", "young")})


def test_a_plan_of_what_changed_makes_way_as_a_plan_of_everything_does() -> None:
    observed, desired = (rule(MIDDLE), rule(MIDDLE, "/a")), (rule(OLD, "/b"),)
    assert planned(observed, desired, paths=frozenset({desired[0].path})) == planned(observed, desired)


def test_what_a_younger_one_has_there_already_is_not_changed_and_may_go() -> None:
    before, after = rule(YOUNG, "/z"), replace(rule(YOUNG, "/z"), ordinal=9)
    assert planned((rule(MIDDLE), before), (after,)) == (set(), {("TB2055", "young")})
    assert planned((rule(MIDDLE), before), ()) == ({(Verb.DELETE, "young_www.example.com_z")}, set())
