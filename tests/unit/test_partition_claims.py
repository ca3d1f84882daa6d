"""The claim on a partition in plans: when it is written, when it goes, and what it forbids."""

from __future__ import annotations

from dataclasses import replace

from turnbuckle.drivers import tmsh
from turnbuckle.model.ltm import DataGroup, DesignatedPool, IAppService, LtmObject, Member, Pool, VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.partition_claim import Holder, claim, is_claim, path_in
from turnbuckle.model.plan import Operation, Plan, Verb
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner import cut, make_plan
from turnbuckle.planner.render import text

MARK = Mark("ctl", "k1", "ConfigMap/ns/a")
OURS = claim("k8s", Holder("ctl", "k1"))
SIBLINGS = claim("k8s", Holder("ctl", "k2"))
THEIRS = claim("k8s", Holder("other", "k9"))
POOL = Pool("/k8s/p", MARK, frozenset({Member("10.0.0.1", 80, "k8s")}))
SERVER = VirtualServer("/k8s/v", MARK, "203.0.113.1", 80, "tcp", POOL.name)
SHOP = Pool("/shop/p", replace(MARK, owner="ConfigMap/ns/b"))


def plan(observed: list[LtmObject], desired: list[LtmObject], **more: object) -> Plan:
    return make_plan(State(observed), State(desired), controller_id="ctl", **more)  # type: ignore[arg-type]


def done(planned: Plan) -> list[str]:
    return [f"{operation.verb} {operation.path.name}" for operation in planned.operations]


def test_in_a_partition_that_another_controller_holds_everything_is_refused_with_the_holder() -> None:
    stays = Pool("/k8s/mine", MARK)
    designated = DesignatedPool("/k8s/theirs", replace(MARK, owner="ConfigMap/ns/c"), POOL.members)
    observed = [THEIRS, stays, DesignatedPool("/k8s/theirs", None), SERVER]
    found = plan(observed, [POOL, replace(SERVER, port=81), designated, SHOP])
    assert done(found) == ["CREATE /shop/turnbuckle", "CREATE /shop/p"]
    assert {path.name for path, _ in found.refused} == {"/k8s/p", "/k8s/v", "/k8s/mine", "/k8s/theirs"}
    assert {issue.code for issue in found.refusals} == {"TB3012"}
    assert {issue.about for issue in found.refusals} == {
        Ref("", "ConfigMap", "ns", "a"),
        Ref("", "ConfigMap", "ns", "c"),
    }
    assert found.refused[0][1].text == (
        "ltm pool /k8s/mine is not written: its partition is held by controller other of cluster k9. "
        "If both are meant to be one, give this one --controller-id=other; else use another partition. "
        "If whoever made /k8s/turnbuckle is gone for good, delete that "
        "(tmsh delete ltm data-group internal /k8s/turnbuckle)."
    )
    assert path_in("k8s") in found.foreign


def test_what_is_at_the_place_of_the_claim_and_says_nobody_is_left_alone_too() -> None:
    strange = DataGroup("/k8s/turnbuckle", None, "string", frozenset({("colour", "blue")}))
    found = plan([strange], [POOL])
    assert found.operations == () and "held by a claim that names nobody" in found.refusals[0].message


def test_what_is_wanted_by_nobody_and_made_by_others_is_no_refusal_in_their_partition() -> None:
    others = replace(POOL, mark=Mark("other", "k9", "ConfigMap/x/y"))
    found = plan([THEIRS, others, replace(SERVER, mark=None, pool="")], [])
    assert found.operations == () and found.refused == ()


def test_the_claim_is_first_in_the_transaction_of_the_first_write() -> None:
    found = plan([], [POOL, SERVER, SHOP])
    assert done(found)[:2] == ["CREATE /k8s/turnbuckle", "CREATE /shop/turnbuckle"]
    by_partition = {batch.partition: batch for batch in cut(found)}
    assert [op.after for op in by_partition["k8s"].operations] == [OURS, POOL, SERVER]
    assert by_partition["k8s"].operations[0].because == {Ref("", "ConfigMap", "ns", "a")}
    assert done(plan([OURS], [POOL])) == ["CREATE /k8s/p"]


def test_a_claim_alone_is_no_reason_to_write() -> None:
    assert plan([POOL, SERVER], [POOL, SERVER]).operations == ()
    more = replace(POOL, members=frozenset())
    assert done(plan([POOL, SERVER], [more, SERVER])) == ["UPDATE /k8s/p"]
    assert done(plan([POOL, SERVER], [POOL, replace(SERVER, port=81)])) == ["CREATE /k8s/turnbuckle", "UPDATE /k8s/v"]


def test_several_clusters_share_a_controller_id_and_a_claim() -> None:
    assert done(plan([SIBLINGS], [POOL])) == ["CREATE /k8s/p"]
    assert plan([SIBLINGS, POOL], [POOL]).operations == ()


def test_the_claim_goes_last_and_with_the_last_object() -> None:
    foreign = replace(POOL, name="/k8s/operators", mark=None)
    assert done(plan([OURS, POOL, SERVER, foreign], [])) == ["DELETE /k8s/v", "DELETE /k8s/p", "DELETE /k8s/turnbuckle"]
    assert done(plan([OURS, POOL, SERVER], [POOL])) == ["DELETE /k8s/v"]
    assert done(plan([OURS], [])) == ["DELETE /k8s/turnbuckle"]
    assert plan([THEIRS], []).operations == ()


def test_the_claim_stays_while_something_stays() -> None:
    held = frozenset({Ref("", "ConfigMap", "ns", "a")})
    other = replace(POOL, name="/k8s/q", mark=replace(MARK, owner="ConfigMap/ns/b"))
    assert done(plan([OURS, POOL, other], [], held=held)) == ["DELETE /k8s/q"]
    assert plan([OURS, POOL], [], synced=False).operations == ()
    assert plan([OURS, POOL], [], spare=lambda op: True).operations == ()
    assert plan([OURS], [], spare=lambda op: True).operations == ()


def test_a_plan_of_what_changed_claims_and_gives_up_as_one_of_everything_does() -> None:
    assert done(plan([], [POOL], paths=frozenset({POOL.path}))) == ["CREATE /k8s/turnbuckle", "CREATE /k8s/p"]
    gone = plan([OURS, POOL], [], paths=frozenset({POOL.path}))
    assert done(gone) == ["DELETE /k8s/p", "DELETE /k8s/turnbuckle"]
    never_made = plan([OURS], [], paths=frozenset({POOL.path}))
    assert done(never_made) == ["DELETE /k8s/turnbuckle"]
    again = plan([], [POOL], paths=frozenset({POOL.path, path_in("k8s")}))
    assert done(again) == ["CREATE /k8s/turnbuckle", "CREATE /k8s/p"]


def test_members_in_pools_of_others_claim_nothing() -> None:
    theirs = DesignatedPool("/Common/shop", None)
    found = plan([theirs], [DesignatedPool("/Common/shop", MARK, POOL.members)])
    assert done(found) == ["UPDATE /Common/shop"]


def test_what_is_refused_claims_nothing() -> None:
    found = plan([replace(POOL, mark=None)], [POOL])
    assert found.operations == () and [issue.code for issue in found.refusals] == ["TB3002"]


def test_an_application_service_is_made_after_the_claim() -> None:
    service = IAppService("/k8s/a.app/a", MARK, template="/Common/f5.http")
    assert done(plan([], [service])) == ["CREATE /k8s/turnbuckle", "CREATE /k8s/a.app/a"]


def test_only_that_name_in_the_partition_itself_is_a_claim() -> None:
    assert is_claim(path_in("k8s"))
    assert not is_claim(Path(DataGroup.KIND, "/k8s/Shared/turnbuckle"))
    assert not is_claim(Path("ltm/pool", "/k8s/turnbuckle"))


def test_people_see_the_claim_in_the_plan_and_as_commands() -> None:
    found = Plan((Operation(Verb.CREATE, OURS.path, None, OURS), Operation(Verb.DELETE, path_in("b"), OURS, None)))
    lines = text(found).splitlines()
    assert lines[0] == "+ create  ltm data-group internal /k8s/turnbuckle"
    assert lines[1].strip() == "the partition is claimed for controller ctl of cluster k1"
    assert tmsh.commands(found).splitlines()[1:-1] == [
        "create ltm data-group internal /k8s/turnbuckle { records add "
        "{ cluster-id { data k1 } controller-id { data ctl } version { data 1 } } type string }",
        "delete ltm data-group internal /b/turnbuckle",
    ]


def test_a_folder_that_was_moved_is_told_how_to_be_the_same_again() -> None:
    found = plan([claim("k8s", Holder("files:0123", "files:0123"))], [POOL])
    assert "If that is the same folder under its former path" in found.refusals[0].hint
    assert "--controller-id=files:0123;" in found.refusals[0].hint
