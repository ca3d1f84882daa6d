"""What an update carries over from what is on the device."""

from __future__ import annotations

from turnbuckle.model.ltm import Member, Pool
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Outcome, Result, with_outcomes
from turnbuckle.model.state import State
from turnbuckle.planner import make_plan

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
