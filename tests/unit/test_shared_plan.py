"""Plans of what several owners share: parts and wholes, held owners, files that nobody has the content of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from turnbuckle.model.ltm import LtmObject, Pool, ProfileUse, VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Operation, Plan, Verb
from turnbuckle.model.policy import Action, Condition, Policy, PolicyRule
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path, State
from turnbuckle.model.tls import CertificateFile, ClientSsl, KeyFile, ProfileBinding, SealedPem, default_profile
from turnbuckle.planner import cut, make_plan
from turnbuckle.planner.archive import Archive, from_bytes, to_bytes
from turnbuckle.planner.fingerprint import fingerprint
from turnbuckle.planner.freeze import Freeze
from turnbuckle.planner.order import together
from turnbuckle.planner.render import as_json, text

A, B = (Ref("", "Ingress", "ns", name) for name in "ab")
VS, POLICY = "/k8s/Shared/vs", "/k8s/Shared/Pol"
SECRET = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"


def mark(owner: Ref = A) -> Mark:
    return Mark("ctl", "k1", str(owner))


def rule(name: str, owner: Ref = A, pool: str = "p") -> PolicyRule:
    host = Condition("http-host", "equals", (f"{name}.example.com",))
    return PolicyRule(f"{POLICY}:{name}", mark(owner), 1, (host,), (Action("forward", f"/k8s/Shared/{pool}"),))


def files(name: str, owner: Ref = A, digest: str = "d1") -> tuple[CertificateFile, KeyFile]:
    path = f"/k8s/Shared/{name}_{digest}"
    return CertificateFile(path, mark(owner), digest, "PEM"), KeyFile(path, mark(owner), digest, SealedPem(SECRET))


POOL = Pool("/k8s/Shared/p", mark())
SHARED = Policy(POLICY, mark())
CERTIFICATE, KEY = files("a")
DEFAULT = ClientSsl(default_profile(VS), mark(), certificate=CERTIFICATE.name, key=KEY.name, sni_default=True)
SERVER = VirtualServer(
    VS,
    mark(),
    "203.0.113.7",
    443,
    profiles=frozenset({ProfileUse("/Common/http")}),
    policies=frozenset({POLICY}),
    default_ssl=DEFAULT.name,
)
LISTENER: list[LtmObject] = [POOL, SHARED, CERTIFICATE, KEY, DEFAULT, SERVER]


def plan(observed: list[LtmObject], desired: list[LtmObject], **more: Any) -> Plan:
    return make_plan(State(observed), State(desired), controller_id="ctl", **more)


def done(found: Plan) -> list[str]:
    return [f"{operation.verb} {operation.path.name}" for operation in found.operations]


def test_a_whole_is_made_after_all_that_its_parts_need_and_before_them_and_a_listener_comes_last() -> None:
    found = done(plan([], [*LISTENER, rule("x"), rule("y", pool="q"), Pool("/k8s/Shared/q", mark())]))
    place = {name.partition(" ")[2]: number for number, name in enumerate(found)}
    assert place["/k8s/Shared/q"] < place[POLICY] < place[f"{POLICY}:x"] < place[VS] == len(found) - 1


def test_parts_that_go_with_their_whole_stand_behind_it_and_what_they_used_goes_later() -> None:
    found = done(plan([*LISTENER, rule("x"), rule("y")], []))
    at = found.index(f"DELETE {POLICY}")
    assert found[at + 1 : at + 3] == [f"DELETE {POLICY}:x", f"DELETE {POLICY}:y"]
    assert found.index(f"DELETE {VS}") < at < found.index("DELETE /k8s/Shared/p")


def test_a_policy_with_any_number_of_rules_goes_in_one_batch() -> None:
    many = [rule(f"h{number}") for number in range(500)]
    batches = cut(plan([*LISTENER, *many], []), largest=10)
    (batch,) = [one for one in batches if any(op.path == SHARED.path for op in one.operations)]
    assert sum(op.path.kind == PolicyRule.KIND for op in batch.operations) == 500
    assert [len(one.operations) for one in cut(plan([*LISTENER, *many], LISTENER), largest=100)] == [100] * 5


def test_a_binding_goes_after_the_list_of_profiles_was_written() -> None:
    profile = ClientSsl("/k8s/Shared/b_vs", mark(B), certificate=CERTIFICATE.name, key=KEY.name)
    bound = ProfileBinding(f"{VS}:{profile.name}", profile.mark)
    other = replace(SERVER, profiles=frozenset({ProfileUse("/Common/http2")}))
    assert done(plan([*LISTENER, profile, bound], [*LISTENER[:-1], other])) == [
        "CREATE /k8s/turnbuckle",
        f"UPDATE {VS}",
        f"DELETE {bound.name}",
        f"DELETE {profile.name}",
    ]


def test_a_certificate_and_its_key_are_put_right_at_once() -> None:
    spoilt = [replace(CERTIFICATE, digest=""), replace(KEY, digest="")]
    found = plan([*spoilt, POOL, SHARED, DEFAULT, SERVER], LISTENER)
    pair = [op for op in found.operations if op.verb is Verb.UPDATE]
    assert [op.path for op in pair] == [CERTIFICATE.path, KEY.path]
    assert together(pair) == [pair]


@pytest.mark.parametrize("partly", [False, True])
def test_a_rule_of_a_held_owner_stays_with_the_listener_that_serves_it(partly: bool) -> None:
    held_rule, own_pool = rule("b", B, "b"), Pool("/k8s/Shared/b", mark(B))
    observed = [*LISTENER, rule("x"), held_rule, own_pool]
    gone = frozenset(obj.path for obj in (*LISTENER, rule("x")))
    found = plan(observed, [], held=frozenset({B}), paths=gone if partly else None)
    assert done(found) == [f"DELETE {POLICY}:x", "DELETE /k8s/Shared/p"]


def test_of_a_held_owner_only_its_own_rules_stay_on_a_listener_that_others_share() -> None:
    observed = [*LISTENER, rule("x"), rule("b", B)]
    desired = [*LISTENER, rule("x", pool="q"), Pool("/k8s/Shared/q", mark())]
    found = done(plan(observed, desired, held=frozenset({B})))
    assert f"UPDATE {POLICY}:x" in found and not any(f"{POLICY}:b" in one for one in found)


def test_a_binding_of_a_held_owner_keeps_its_certificate_and_the_virtual_server() -> None:
    certificate, key = files("b", B)
    profile = ClientSsl("/k8s/Shared/b_vs", mark(B), certificate=certificate.name, key=key.name)
    bound = ProfileBinding(f"{VS}:{profile.name}", profile.mark)
    found = plan([*LISTENER, certificate, key, profile, bound], [], held=frozenset({B}))
    assert done(found) == ["DELETE /k8s/Shared/p"]


def test_without_its_certificate_a_listener_is_not_made() -> None:
    empty = replace(CERTIFICATE, pem="")
    found = plan([], [POOL, SHARED, empty, KEY, DEFAULT, SERVER])
    assert f"CREATE {VS}" not in done(found) and f"CREATE {DEFAULT.name}" not in done(found)
    assert {path: issue.code for path, issue in found.refused} == {
        empty.path: "TB3030",
        DEFAULT.path: "TB3003",
        SERVER.path: "TB3003",
    }


def test_a_policy_of_somebody_else_is_left_alone_and_our_rules_wait() -> None:
    found = plan([replace(SHARED, mark=None)], [POOL, SHARED, rule("x")])
    assert done(found) == ["CREATE /k8s/turnbuckle", "CREATE /k8s/Shared/p"]
    assert {issue.code for issue in found.refusals} == {"TB3002", "TB3003"}


def test_who_freezes_a_policy_freezes_its_rules() -> None:
    step = Operation(Verb.CREATE, rule("x").path, None, rule("x"))
    assert Freeze(paths=frozenset({POLICY})).holds(step) == POLICY
    assert Freeze(paths=frozenset({f"{POLICY}:x"})).holds(step) == f"{POLICY}:x"
    assert not Freeze(paths=frozenset({"/k8s/Shared/other"})).holds(step)


def test_people_read_what_a_rule_does_and_not_the_rules_that_go_with_their_policy() -> None:
    made = text(plan([], [*LISTENER, rule("x")]))
    assert f"+ create  ltm policy rules {POLICY}:x  because of Ingress/ns/a" in made
    assert "http-host equals x.example.com: forward /k8s/Shared/p" in made
    gone = plan([*LISTENER, rule("x")], [])
    shown = text(gone)
    assert f"{POLICY}:x" not in shown and f"- delete  ltm policy {POLICY}" in shown
    assert f"{len(gone.operations) - 1} to delete" in shown
    assert f'"path": "{POLICY}:x"' in as_json(gone)
    moved = text(plan([*LISTENER, rule("x")], [*LISTENER, rule("x", pool="q"), Pool("/k8s/Shared/q", mark())]))
    assert "actions: [forward /k8s/Shared/p] -> [forward /k8s/Shared/q]" in moved


def test_a_key_is_in_no_form_of_a_plan_and_in_no_restore_file() -> None:
    found = plan([], LISTENER)
    archive = to_bytes(Archive("https://192.0.2.1", "ctl", "2026-01-01T00:00:00Z", "test", State(LISTENER)))
    for form in (text(found), as_json(found), repr(found), archive.decode(), str(dict(State(LISTENER)))):
        assert "c2VjcmV0" not in form
    other = [replace(obj, pem=SealedPem("other")) if isinstance(obj, KeyFile) else obj for obj in LISTENER]
    assert fingerprint(plan([], other)) == fingerprint(found)
    back = from_bytes(archive).state
    assert dict(back) == dict(State(LISTENER))
    restored = back[KEY.path]
    assert isinstance(restored, KeyFile) and restored.pem is None


def test_what_a_restore_file_has_no_content_of_is_told_and_the_rest_is_restored() -> None:
    archive = from_bytes(to_bytes(Archive("d", "ctl", "t", "r", State([*LISTENER, rule("x")]))))
    found = make_plan(State([CERTIFICATE]), archive.state, controller_id="ctl")
    assert {path: issue.code for path, issue in found.refused}[KEY.path] == "TB3030"
    assert Path(PolicyRule.KIND, f"{POLICY}:x") in {op.path for op in found.operations}


def test_what_a_held_owner_said_for_the_whole_of_a_listener_holds_and_what_others_want_is_added() -> None:
    theirs = files("b", B)
    profile = ClientSsl("/k8s/Shared/b_vs", mark(B), certificate=theirs[0].name, key=theirs[1].name)
    bound = ProfileBinding(f"{VS}:{profile.name}", mark(B))
    own_pool = replace(SERVER, pool=POOL.name, snat="none", translate_address=False)
    observed = [
        POOL,
        SHARED,
        CERTIFICATE,
        KEY,
        DEFAULT,
        own_pool,
        rule("x"),
        *theirs,
        profile,
        bound,
        rule("y", B, "q"),
    ]
    pool = Pool("/k8s/Shared/q", mark(B))
    default = replace(DEFAULT, mark=mark(B), certificate=theirs[0].name, key=theirs[1].name)
    server, policy = replace(SERVER, mark=mark(B)), replace(SHARED, mark=mark(B))
    desired = [pool, policy, *theirs, default, server, rule("y", B, "q"), rule("z", B, "q")]
    found = plan([*observed, pool], desired, held=frozenset({A}))
    assert done(found) == ["CREATE /k8s/turnbuckle", f"CREATE {POLICY}:z"]
