"""Policies, certificates and what binds them, on a simulated device: the requests, and what becomes of refusals."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
import shared_listener as shared
from device import Device, configuration, create, delete, device, pool, update, virtual

from turnbuckle.drivers.icontrol.connection import Chunk
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.model.ltm import LtmObject, VirtualServer
from turnbuckle.model.plan import Batch, Operation, Outcome, Result, with_outcomes
from turnbuckle.model.policy import Policy, PolicyRule
from turnbuckle.model.state import Path, State
from turnbuckle.model.tls import CertificateFile, ClientSsl, KeyFile, ProfileBinding
from turnbuckle.planner import cut, make_plan

LTM = "/mgmt/tm/ltm"
RULES = f"{LTM}/policy/~k8s~Shared~Ingress_203_0_113_7_443/rules"
PROFILES = f"{LTM}/virtual/~k8s~Shared~ingress_203_0_113_7_443/profiles"
UPLOADS = "/mgmt/shared/file-transfer/uploads"
LEDGER = f"{LTM}/data-group/internal/~k8s~turnbuckle_ledger"


@pytest.fixture
def box() -> Device:
    return device()


async def published(box: Device, objects: Iterable[LtmObject]) -> tuple[IControlDriver, State]:
    """A driver that has made some objects and read them, and what it read."""
    driver = box.driver()
    observed = await driver.read()
    for batch in cut(make_plan(observed, State(objects), controller_id="us")):
        outcomes = await driver.apply(batch)
        assert {outcome.result for outcome in outcomes} == {Result.DONE}, outcomes
    known = await driver.read()
    box.forget()
    return driver, known


def batches(known: State, objects: Iterable[LtmObject]) -> tuple[Batch, ...]:
    return cut(make_plan(known, State(objects), controller_id="us"))


def changes(box: Device) -> list[str]:
    """What was written, uploads and folders aside."""
    return [one for one in box.writes if UPLOADS not in one]


async def test_a_listener_with_its_rules_is_one_transaction_and_rules_travel_within_their_policy(box: Device) -> None:
    driver = box.driver()
    (batch,) = batches(await driver.read(), shared.listener("a", "b"))
    box.forget()
    await driver.apply(batch)
    assert sum("POST /mgmt/tm/transaction" in one for one in box.sent) == 1
    (body,) = [body for sent, body in zip(box.sent, box.bodies, strict=True) if sent == f"POST {LTM}/policy"]
    assert [rule["name"] for rule in body["rules"]] == ["ingress_a_example_com_", "ingress_b_example_com_"]
    assert not any("/rules" in one for one in box.sent)


async def test_one_host_more_on_a_policy_of_1000_rules_is_one_transaction_with_one_rule(box: Device) -> None:
    many = [shared.policy(), shared.pool("web"), *(shared.rule(f"h{n}") for n in range(1000)), shared.server(False)]
    driver, known = await published(box, many)
    (batch,) = batches(known, [*many, shared.rule("more")])
    assert [operation.path.kind for operation in batch.operations] == [PolicyRule.KIND]
    driver.fence(1, lambda: True)
    await driver.apply(batch)
    assert [one for one in changes(box) if "data-group" not in one] == [f"POST {RULES}"]
    box.forget()
    found = await box.driver().read()
    assert found[shared.rule("more").path] == shared.rule("more")
    assert sum("policy" in one for one in box.sent) == 1


@pytest.mark.parametrize("field", ["ordinal", "conditions", "actions"])
async def test_of_a_rule_only_what_differs_is_written(box: Device, field: str) -> None:
    before = shared.rule("a", "a")
    driver, known = await published(box, shared.listener("a"))
    after = {
        "ordinal": replace(before, ordinal=99),
        "conditions": replace(before, conditions=shared.rule("a", path="x").conditions),
        "actions": replace(before, actions=()),
    }[field]
    (batch,) = batches(known, [*(obj for obj in known.values() if obj.path != before.path), after])
    await driver.apply(batch)
    assert box.writes == [f"PATCH {RULES}/ingress_a_example_com_"] and list(box.bodies[-1]) == [field]
    assert (await driver.read())[before.path] == after


async def test_a_policy_goes_after_the_transaction_that_lets_go_of_it_and_takes_its_rules_along(box: Device) -> None:
    driver, known = await published(box, shared.listener("a", "b"))
    (batch,) = batches(known, [])
    outcomes = await driver.apply(batch)
    assert {outcome.result for outcome in outcomes} == {Result.DONE} and len(outcomes) == len(known)
    assert not any("/rules" in one for one in box.sent)
    order = [one for one in box.sent if "transaction" in one or "DELETE" in one]
    virtual, policy = (
        next(n for n, one in enumerate(order) if f"DELETE {LTM}/{kind}/" in one) for kind in ("virtual", "policy")
    )
    assert any("PATCH /mgmt/tm/transaction" in one for one in order[virtual:policy])
    assert not await box.driver().read()


async def test_with_a_policy_that_cannot_go_its_rules_stay_and_what_they_use(box: Device) -> None:
    driver, known = await published(box, shared.listener("a", certificates=()))
    box.operator("POST", f"{LTM}/virtual", {
        "name": "theirs", "partition": "k8s", "destination": "/k8s/203.0.113.9:80", "ipProtocol": "tcp",
        "profiles": ["/Common/tcp", "/Common/http"], "policies": [shared.POLICY],
    })  # fmt: skip
    (batch,) = batches(known, [])
    outcomes = {outcome.operation.path.kind: outcome for outcome in await driver.apply(batch)}
    assert outcomes[VirtualServer.KIND].result is Result.DONE
    assert outcomes[Policy.KIND].result is Result.REJECTED and "in use" in outcomes[Policy.KIND].answer
    for kind in (PolicyRule.KIND, "ltm/pool"):
        assert (outcomes[kind].result, outcomes[kind].culprit) == (
            Result.REJECTED,
            outcomes[Policy.KIND].operation.path,
        )
    assert shared.rule("a").path in await driver.read()


async def test_a_rule_that_the_device_refuses_keeps_no_other_rule_from_being_made(box: Device) -> None:
    driver = box.driver()
    await driver.read()
    bad = replace(shared.rule("bad"), actions=shared.rule("bad", to="nowhere").actions)
    steps = [shared.pool("web"), shared.policy(), shared.rule("a"), bad, shared.rule("b"), shared.server(False)]
    outcomes = await driver.apply(configuration(*map(create, steps)))
    refused = [outcome for outcome in outcomes if outcome.result is not Result.DONE]
    assert [outcome.operation.path for outcome in refused] == [bad.path]
    assert "ingress_default_nowhere_80" in refused[0].answer
    assert {shared.rule("a").path, shared.rule("b").path} <= set(await driver.read())


async def test_one_certificate_more_is_a_file_a_key_a_profile_and_a_binding_in_one_transaction(box: Device) -> None:
    driver, known = await published(box, shared.listener("a"))
    (batch,) = batches(known, shared.listener("a", certificates=("web", "shop")))
    await driver.apply(batch)
    assert [one.partition("?")[0] for one in changes(box)] == [
        "POST /mgmt/tm/sys/file/ssl-cert",
        "POST /mgmt/tm/sys/file/ssl-key",
        f"POST {LTM}/profile/client-ssl",
        f"POST {PROFILES}",
        f"PATCH {LEDGER}",
    ]
    assert sum("POST /mgmt/tm/transaction" in one for one in box.sent) == 1
    begins = box.sent.index("POST /mgmt/tm/transaction")
    assert sum(UPLOADS in one for one in box.sent[:begins]) == 2


async def test_a_renewed_certificate_is_switched_and_the_old_files_go_in_one_transaction(box: Device) -> None:
    driver, known = await published(box, shared.listener("a"))
    (batch,) = batches(known, shared.listener("a", number=2))
    outcomes = await driver.apply(batch)
    assert {outcome.result for outcome in outcomes} == {Result.DONE}
    assert [one.partition("?")[0].partition("~")[0] for one in changes(box)] == [
        "POST /mgmt/tm/sys/file/ssl-cert",
        "POST /mgmt/tm/sys/file/ssl-key",
        f"PATCH {LTM}/profile/client-ssl/",
        "DELETE /mgmt/tm/sys/file/ssl-cert/",
        "DELETE /mgmt/tm/sys/file/ssl-key/",
        *[f"PATCH {LTM}/data-group/internal/"] * 2,
    ]
    assert sum("POST /mgmt/tm/transaction" in one for one in box.sent) == 1


async def test_a_key_that_is_not_that_of_its_certificate_is_refused_and_the_listener_is_not_made_without(
    box: Device,
) -> None:
    driver = box.driver()
    await driver.read()
    good, wrong = shared.files("web")[0], shared.files("shop")[1]
    key = replace(wrong, name=good.name, digest=good.digest)
    objects = [obj for obj in shared.listener("a") if not isinstance(obj, KeyFile)]
    plan = make_plan(State(), State([*objects, key]), controller_id="us")
    outcomes = {o.operation.path: o for batch in cut(plan) for o in await driver.apply(batch)}
    server = outcomes[shared.server().path]
    assert server.result is Result.REJECTED
    assert "do not match" in " ".join(outcome.answer for outcome in outcomes.values())
    assert outcomes[shared.rule("a").path].result is Result.DONE
    assert not [obj for obj in (await driver.read()).values() if isinstance(obj, VirtualServer)]


async def test_an_upload_that_the_device_does_not_take_is_told_and_the_rest_goes_on(box: Device) -> None:
    driver = box.driver()
    await driver.read()
    broken = replace(shared.files("shop")[0], pem="no certificate")
    outcomes = await driver.apply(configuration(create(broken), create(shared.pool("web"))))
    assert [outcome.result for outcome in outcomes] == [Result.REJECTED, Result.DONE]
    assert "unable to load certificate" in outcomes[0].answer


async def test_a_key_is_overwritten_where_it_was_uploaded_and_shows_itself_nowhere(
    box: Device, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    driver = box.driver()
    known = await driver.read()
    (batch,) = batches(known, shared.listener("a"))
    outcomes = await driver.apply(batch)
    known = with_outcomes(known, outcomes)
    key = shared.files("web")[1].pem
    assert key is not None
    secret = key.reveal().splitlines()[1]
    uploaded = [(sent, body) for sent, body in zip(box.sent, box.bodies, strict=True) if sent.endswith(".key")]
    assert [secret.encode() in body for _, body in uploaded] == [True, False]
    for text in (repr(batch), str(outcomes), repr(dict(known)), caplog.text, repr(driver)):
        assert secret not in text
    assert not any(secret in repr(body) for sent, body in zip(box.sent, box.bodies, strict=True) if UPLOADS not in sent)
    assert all(
        obj.pem in (None, "") for obj in (await driver.read()).values() if isinstance(obj, KeyFile | CertificateFile)
    )


async def test_a_file_without_a_row_in_the_ledger_is_somebody_elses(box: Device) -> None:
    driver, known = await published(box, shared.listener("a"))
    box.operator("DELETE", LEDGER)
    found = await driver.scan(known)
    assert {path.kind for path in found} == {CertificateFile.KIND, KeyFile.KIND}
    assert all(obj is not None and obj.mark is None for obj in found.values())
    again = make_plan(known.changed(found), State(shared.listener("a")), controller_id="us")
    assert not again.operations and {issue.code for issue in again.refusals} == {"TB3002"}


async def test_the_ledger_keeps_the_rows_of_others_and_goes_with_the_last_one(box: Device) -> None:
    driver, known = await published(box, shared.listener("a"))
    records = box.operator("GET", LEDGER)["records"]
    assert len(records) == 2 and Path("ltm/data-group/internal", "/k8s/turnbuckle_ledger") not in known
    more = [*records, {"name": "theirs", "data": "note"}]
    box.operator("PATCH", LEDGER, {"records": more})
    for batch in batches(known, [pool()]):
        await driver.apply(batch)
    assert box.operator("GET", LEDGER)["records"] == [{"name": "theirs", "data": "note"}]
    box.operator("PATCH", LEDGER, {"records": []})
    _, known = await published(box, shared.listener("a"))
    for batch in batches(known, []):
        await driver.apply(batch)
    box.operator("GET", f"{LTM}/data-group/internal?$filter=partition eq k8s")
    with pytest.raises(AssertionError):
        box.operator("GET", LEDGER)


async def test_a_new_owner_of_a_file_is_a_row_and_nothing_else(box: Device) -> None:
    driver, _ = await published(box, shared.listener("a"))
    certificate, _ = shared.files("web")
    moved = replace(certificate, mark=shared.mark("other"))
    (outcome,) = await driver.apply(configuration(update(certificate, moved)))
    assert outcome.result is Result.DONE
    assert [one.partition("?")[0] for one in changes(box)] == [f"PATCH {LEDGER}"]
    assert (await driver.read())[certificate.path] == moved


async def test_a_certificate_that_somebody_replaced_is_found_and_put_right_with_its_key(box: Device) -> None:
    driver, known = await published(box, shared.listener("a"))
    theirs = shared.pem("other.example.com")
    for ending, content in zip(("crt", "key"), theirs, strict=True):
        await driver.connection.call("POST", f"{UPLOADS}/theirs.{ending}", _chunk(content))
    name = shared.files("web")[0].name.replace("/", "~")
    number = box.operator("POST", "/mgmt/tm/transaction", {})["transId"]
    for kind, ending in (("cert", "crt"), ("key", "key")):
        body = {"sourcePath": f"file:/var/config/rest/downloads/theirs.{ending}"}
        path = f"/mgmt/tm/sys/file/ssl-{kind}/{name}"
        await driver.connection.call("PATCH", path, body, transaction=number)
    box.operator("PATCH", f"/mgmt/tm/transaction/{number}", {"state": "VALIDATING"})
    found = await driver.scan(known)
    assert {path.kind for path in found} == {CertificateFile.KIND, KeyFile.KIND}
    known = known.changed(found)
    (batch,) = batches(known, shared.listener("a"))
    assert {operation.fields for operation in batch.operations} == {frozenset({"digest"})}
    outcomes = await driver.apply(batch)
    assert {outcome.result for outcome in outcomes} == {Result.DONE}, outcomes
    assert await driver.scan(with_outcomes(known, outcomes)) == {}


def _chunk(content: str) -> Chunk:
    return Chunk(content.encode(), 0, len(content))


async def test_a_large_file_is_uploaded_in_pieces(box: Device) -> None:
    driver = box.driver()
    certificate, _ = shared.files("web")
    large = replace(certificate, pem=certificate.pem + "\n" * 600_000)
    (outcome,) = await driver.apply(configuration(create(large)))
    assert outcome.result is Result.DONE
    assert sum(UPLOADS in one for one in box.sent) == 2


async def test_the_folder_is_made_once_ahead_of_what_goes_into_it(box: Device) -> None:
    driver = box.driver()
    await driver.read()
    box.forget()
    await driver.apply(configuration(create(shared.pool("web")), create(shared.policy())))
    assert box.sent[:3] == [
        "GET /mgmt/tm/sys/folder/~k8s~Shared?$select=name",
        "POST /mgmt/tm/sys/folder",
        "POST /mgmt/tm/transaction",
    ]
    box.forget()
    await driver.apply(configuration(create(shared.rule("a"))))
    await driver.apply(configuration(create(shared.pool("other"))))
    assert not any("folder" in one for one in box.sent)


async def test_policies_and_profiles_of_others_are_left_alone(box: Device) -> None:
    driver, known = await published(box, shared.listener("a"))
    foreign = {"name": "theirs", "partition": "k8s", "legacy": True, "requires": ["http"], "controls": ["forwarding"]}
    box.operator("POST", f"{LTM}/policy", {**foreign, "rules": [{"name": "r", "ordinal": 1}]})
    box.operator("POST", f"{LTM}/profile/client-ssl", {"name": "theirs", "partition": "k8s"})
    box.operator("PATCH", f"{LTM}/virtual/~k8s~Shared~ingress_203_0_113_7_443", {
        "policies": [{"name": shared.POLICY}, {"name": "/k8s/theirs"}]
    })  # fmt: skip
    found = await driver.scan(known)
    known = known.changed(found)
    plan = make_plan(known, State(shared.listener("a")), controller_id="us")
    assert not plan.operations
    assert {path.name for path in plan.foreign} == {"/k8s/theirs"}


async def test_a_rule_that_somebody_added_to_a_policy_of_ours_stays(box: Device) -> None:
    driver, known = await published(box, shared.listener("a"))
    box.operator("POST", RULES, {"name": "theirs", "ordinal": 99})
    known = known.changed(await driver.scan(known))
    plan = make_plan(known, State(shared.listener("a")), controller_id="us")
    assert not plan.operations
    assert [path.name for path in plan.foreign] == [f"{shared.POLICY}:theirs"]


OPERATORS: list[tuple[str, str, Any, set[tuple[str, bool]]]] = [
    ("DELETE", f"{RULES}/ingress_a_example_com_", None, {(PolicyRule.KIND, True)}),
    ("PATCH", f"{RULES}/ingress_b_example_com_", {"ordinal": 5}, {(PolicyRule.KIND, False)}),
    ("PATCH", f"{RULES}/ingress_a_example_com_/actions/0", {"pool": "none"}, {(PolicyRule.KIND, False)}),
    (
        "DELETE",
        f"{PROFILES}/~k8s~Shared~default_shop_ingress_203_0_113_7_443",
        None,
        {(ProfileBinding.KIND, True)},
    ),
    (
        "PATCH",
        f"{LTM}/profile/client-ssl/~k8s~Shared~default_shop_ingress_203_0_113_7_443",
        {"serverName": "x"},
        {(ClientSsl.KIND, False)},
    ),
    (
        "PATCH",
        f"{LTM}/profile/client-ssl/~k8s~Shared~default_shop_ingress_203_0_113_7_443",
        {"description": "mine now"},
        {(ClientSsl.KIND, False), (VirtualServer.KIND, False), (ProfileBinding.KIND, True)},
    ),
    (
        "PATCH",
        f"{LTM}/policy/~k8s~Shared~Ingress_203_0_113_7_443",
        {"strategy": "/Common/best-match"},
        {(Policy.KIND, False)},
    ),
    (
        "PATCH",
        f"{LTM}/virtual/~k8s~Shared~ingress_203_0_113_7_443",
        {"translateAddress": "disabled"},
        {(VirtualServer.KIND, False)},
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "expected"), OPERATORS)
async def test_what_somebody_changed_is_found_by_a_scan_as_by_reading_everything(
    box: Device, method: str, path: str, body: Any, expected: set[tuple[str, bool]]
) -> None:
    driver, known = await published(box, shared.listener("a", "b", certificates=("web", "shop")))
    box.operator(method, path, body)
    found = await driver.scan(known)
    assert {(one.kind, obj is None) for one, obj in found.items()} == expected
    assert dict(known.changed(found)) == dict(await box.driver().read())
    assert await driver.scan(known.changed(found)) == {}


async def test_what_we_wrote_is_looked_at_once_and_then_not_any_more(box: Device) -> None:
    driver, known = await published(box, shared.listener("a", certificates=("web", "shop")))
    (batch,) = batches(known, shared.listener("a", "c", certificates=("web", "shop"), number=2))
    known = with_outcomes(known, await driver.apply(batch))
    assert await driver.scan(known) == {}
    box.forget()
    assert await driver.scan(known) == {}
    assert all("$select=fullPath,generation" in one for one in box.sent)


async def test_an_address_of_a_client_may_be_all_that_is_listened_to(box: Device) -> None:
    driver = box.driver()
    narrow = replace(virtual(), pool="", source="10.0.0.0/8", translate_address=False)
    await driver.apply(configuration(create(narrow)))
    assert (await driver.read())[narrow.path] == narrow
    wide = replace(narrow, source="", translate_address=True)
    await driver.apply(configuration(update(narrow, wide)))
    assert (await driver.read())[narrow.path] == wide
    shown = box.operator("GET", f"{LTM}/virtual/~k8s~web")
    assert (shown["source"], shown["translateAddress"]) == ("0.0.0.0/0", "enabled")


def results(outcomes: Iterable[Outcome]) -> dict[str, Result]:
    return {outcome.operation.path.name: outcome.result for outcome in outcomes}


async def test_a_rule_that_is_gone_already_is_deleted_and_one_that_changed_is_read_again(box: Device) -> None:
    driver, _ = await published(box, shared.listener("a", "b"))
    for host in "ab":
        box.operator("DELETE", f"{RULES}/ingress_{host}_example_com_")
    a, b = shared.rule("a"), shared.rule("b")
    operations: tuple[Operation, ...] = (delete(a), update(b, replace(b, ordinal=77)))
    outcomes = [outcome for one in operations for outcome in await driver.apply(configuration(one))]
    assert results(outcomes) == {a.name: Result.DONE, b.name: Result.UNREACHED}


async def test_an_irule_of_ours_runs_before_those_that_an_operator_attached_which_stay(box: Device) -> None:
    rule, server, theirs = shared.irule(), replace(shared.server(False), rules=frozenset()), f"{shared.FOLDER}/theirs"
    plain = [shared.policy(), shared.pool("web"), server]
    driver, known = await published(box, plain)
    box.operator(
        "POST",
        f"{LTM}/rule",
        {"name": "theirs", "partition": "k8s", "subPath": "Shared", "apiAnonymous": "when RULE_INIT { }"},
    )
    at = f"{LTM}/virtual/~k8s~Shared~{shared.SERVER.rpartition('/')[2]}"
    box.operator("PATCH", at, {"rules": [theirs]})
    known = await driver.read()
    assert known[server.path] == server
    watched = replace(server, rules=frozenset({rule.name}))
    for wanted, rules in (([rule, *plain[:2], watched], [rule.name, theirs]), (plain, [theirs])):
        for batch in batches(known, wanted):
            outcomes = await driver.apply(batch)
            assert {outcome.result for outcome in outcomes} == {Result.DONE}, outcomes
        assert box.operator("GET", at)["rules"] == rules
        known = await driver.read()
        assert not batches(known, wanted)
    assert [one["name"] for one in box.operator("GET", f"{LTM}/rule?$filter=partition+eq+k8s")["items"]] == ["theirs"]


async def test_what_somebody_wrote_into_an_irule_of_ours_is_seen_and_put_right(box: Device) -> None:
    rule = shared.irule()
    wanted = [rule, shared.policy(), shared.pool("web"), replace(shared.server(False), rules=frozenset({rule.name}))]
    driver, known = await published(box, wanted)
    place = f"{LTM}/rule/~k8s~Shared~{rule.name.rpartition('/')[2]}"
    box.operator("PATCH", place, {"apiAnonymous": "when RULE_INIT { }"})
    found = await driver.scan(known)
    assert found == {rule.path: replace(rule, text="when RULE_INIT { }")}
    (batch,) = batches(known.changed(found), wanted)
    assert [(one.path, one.fields) for one in batch.operations] == [(rule.path, {"text"})]
    await driver.apply(batch)
    assert box.operator("GET", place)["apiAnonymous"] == rule.text


async def test_the_irules_of_others_are_not_ours_whatever_they_say(box: Device) -> None:
    driver = box.driver()
    text = f"# turnbuckle {shared.mark()}\nwhen RULE_INIT {{ }}"
    box.operator("POST", f"{LTM}/rule", {"name": "theirs", "partition": "k8s", "apiAnonymous": text})
    known = await driver.read()
    assert known[Path("ltm/rule", "/k8s/theirs")].mark is None
    assert not batches(known, [])


async def test_an_irule_without_its_record_is_nobodys_for_a_scan_and_for_a_reading_alike(box: Device) -> None:
    rule, (certificate, key) = shared.irule(), shared.files("web")
    server = replace(shared.server(False), rules=frozenset({rule.name}))
    driver, known = await published(box, [rule, shared.policy(), shared.pool("web"), server, certificate, key])
    records = [one for one in box.operator("GET", LEDGER)["records"] if "ltm/rule" not in one["name"]]
    box.operator("PATCH", LEDGER, {"records": records})
    found = await driver.scan(known)
    assert found == {rule.path: replace(rule, mark=None, text=""), server.path: replace(server, rules=frozenset())}
    assert dict(known.changed(found)) == dict(await box.driver().read())
