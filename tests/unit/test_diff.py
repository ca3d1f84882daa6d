"""What an update carries over from what is on the device."""

from __future__ import annotations

from turnbuckle.model.ltm import Member, Pool
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Outcome, Result, with_outcomes
from turnbuckle.model.state import State
from turnbuckle.planner import make_plan
from turnbuckle.planner.render import change, text

MARK = Mark("ctl", "k1", "ConfigMap/ns/a")


def pool(*members: Member) -> Pool:
    return Pool("/k8s/p", MARK, frozenset(members))


def test_what_an_operator_disabled_is_still_known_to_be_disabled_after_an_update() -> None:
    observed = State([pool(Member("10.0.0.1", 80, "k8s", admin_state="disabled"), Member("10.0.0.2", 80, "k8s"))])
    for last in (4, 6):
        members = (Member(f"10.0.0.{n}", 80, "k8s") for n in range(1, last))
        (operation,) = make_plan(observed, State([pool(*members)]), controller_id="ctl").operations
        assert isinstance(operation.before, Pool)
        states = {member.address: member.admin_state for member in operation.before.members}
        assert states["10.0.0.1"] == "disabled"
        observed = with_outcomes(observed, [Outcome(operation, Result.DONE)])


def test_people_see_who_drains_and_who_is_ready_again() -> None:
    before = pool(Member("10.0.0.1", 80, "k8s"), Member("10.0.0.2", 80, "k8s", draining=True), Member("10.0.0.3", 80))
    after = pool(
        Member("10.0.0.1", 80, "k8s", draining=True),
        Member("10.0.0.2", 80, "k8s"),
        Member("10.0.0.4", 80, draining=True),
    )
    (operation,) = make_plan(State([before]), State([after]), controller_id="ctl").operations
    assert change(operation, "members") == (
        "+10.0.0.4:80 (draining) -10.0.0.3:80 ~10.0.0.1:80 (draining) ~10.0.0.2:80 (ready again)"
    )
    assert "10.0.0.1:80 (draining), 10.0.0.2:80" in text(make_plan(State(), State([after]), controller_id="ctl"))
