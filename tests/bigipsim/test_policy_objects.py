"""Policies over REST: what their rules may say, transactions, and how a draft comes into force."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Client

from bigipsim.box import Box
from bigipsim.clock import ManualClock

POLICY = "tm/ltm/policy"
HOST = {"httpHost": True, "host": True, "values": ["a.example"]}
TO_WEB = {"forward": True, "pool": "/k8s/web"}


@pytest.fixture
def call() -> Client:
    client = Client(Box(ManualClock()))
    client("POST", "tm/auth/partition", {"name": "k8s"})
    for name in ("web", "other"):
        client("POST", "tm/ltm/pool", {"name": name, "partition": "k8s"})
    return client


def rule(condition: dict[str, Any] | None, action: dict[str, Any] | None, name: str = "r0") -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "ordinal": 0}
    if condition is not None:
        made["conditions"] = [{"name": "0", **condition}]
    if action is not None:
        made["actions"] = [{"name": "0", **action}]
    return made


def policy(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {"name": "pol", "partition": "k8s", "legacy": True, "requires": ["http"], "controls": ["forwarding"]}
    return {**base, "rules": list(rules or [rule(HOST, TO_WEB)]), **more}


def draft(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {"name": "pol", "partition": "k8s", "subPath": "Drafts", "strategy": "first-match"}
    return {**base, "rules": list(rules or [rule(HOST, TO_WEB)]), **more}


def refused(call: Client, status: int, method: str, path: str, body: Any = None) -> str:
    return str(call(method, path, body, status=status)["message"])


def publish(call: Client, name: str = "/k8s/Drafts/pol", status: int = 200) -> Any:
    return call("POST", POLICY, {"command": "publish", "name": name}, status=status)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"httpHost": True, "pathSegment": True}, '"pathSegment" may not be specified with "httpHost"'),
        ({"httpHost": True, "httpUri": True}, '"httpHost" may not be specified with "httpUri"'),
        ({"httpUri": True, "path": True, "all": True}, '"all" may not be specified with "path"'),
        ({**HOST, "equals": True, "contains": True}, '"contains" may not be specified with "equals"'),
        ({**HOST, "request": True, "response": True}, '"request" may not be specified with "response"'),
        ({**HOST, "colour": True}, '"colour" unknown property'),
        ({"httpUri": True, "pathSegment": True, "values": ["a"]}, 'invalid property value "index":0'),
        ({"httpHeader": True, "values": ["a"]}, "one or more configuration identifiers must be provided"),
        ({"values": ["a"]}, "one or more configuration identifiers must be provided"),
        ({"tcp": True, "address": True, "values": ["10.0.0.300"]}, 'invalid IPv4 or IPv6 address: "10.0.0.300"'),
        ({"httpMethod": True, "datagroup": "/k8s/no"}, "The requested value list (/k8s/no) was not found."),
        ({**HOST, "datagroup": "/Common/images"}, '"values" may not be specified with "datagroup"'),
    ],
)
def test_a_condition_outside_the_grammar_is_refused(call: Client, condition: dict[str, Any], words: str) -> None:
    status = 404 if "not found" in words else 400
    assert words in refused(call, status, "POST", POLICY, policy(rule(condition, TO_WEB)))
    assert call("GET", POLICY)["items"] == []


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"forward": True, "pool": "/k8s/no"}, "01020036:3: The requested Pool (/k8s/no) was not found."),
        ({"forward": True, "virtual": "/k8s/no"}, "The requested Virtual Server (/k8s/no) was not found."),
        ({**TO_WEB, "redirect": True}, '"redirect" may not be specified with "forward"'),
        ({**TO_WEB, "httpReply": True}, '"forward" may not be specified with "httpReply"'),
        ({"httpReply": True, "redirect": True}, "one or more configuration identifiers must be provided"),
        ({"httpHeader": True, "insert": True, "value": "x"}, "one or more configuration identifiers must be provided"),
        ({"pool": "/k8s/web"}, "one or more configuration identifiers must be provided"),
        ({**TO_WEB, "colour": "red"}, '"colour" unknown property'),
        ({**TO_WEB, "code": "x"}, 'invalid property value "code":"x"'),
    ],
)
def test_an_action_outside_the_grammar_is_refused(call: Client, action: dict[str, Any], words: str) -> None:
    status = 404 if "not found" in words else 400
    assert words in refused(call, status, "POST", POLICY, policy(rule(HOST, action)))


def test_what_is_left_out_is_shown_as_the_device_takes_it(call: Client) -> None:
    call("POST", POLICY, policy())
    condition = call("GET", POLICY + "/~k8s~pol/rules/r0/conditions/0")
    for flag in ("equals", "request", "present", "external", "remote", "caseInsensitive"):
        assert condition[flag] is True
    assert condition["index"] == 0
    action = call("GET", POLICY + "/~k8s~pol/rules/r0/actions/0")
    assert action["select"] is True
    assert [action[name] for name in ("code", "expirySecs", "length", "offset", "port", "status", "timeout")] == [0] * 7


def test_a_legacy_policy_that_needs_http_says_so(call: Client) -> None:
    assert "require http" in refused(call, 400, "POST", POLICY, policy(requires=[]))
    call("POST", POLICY, policy(rule({"tcp": True, "address": True, "values": ["10.0.0.0/8"]}, TO_WEB), requires=[]))


def test_one_rule_of_many_is_changed_inside_a_transaction(call: Client) -> None:
    rules = [rule({**HOST, "values": [f"h{n}.example"]}, TO_WEB, f"r{n}") for n in range(5)]
    call("POST", POLICY, policy(*rules))
    number = call("POST", "tm/transaction", {})["transId"]
    changed = {"actions": [{"name": "0", "forward": True, "pool": "/k8s/other"}]}
    path = POLICY + "/~k8s~pol/rules"
    call("PATCH", path + "/r3", changed, x_f5_rest_coordination_id=str(number))
    call("DELETE", path + "/r4", x_f5_rest_coordination_id=str(number))
    assert call("GET", path + "/r3/actions/0")["pool"] == "/k8s/web"
    assert call("PATCH", f"tm/transaction/{number}", {"state": "VALIDATING"})["state"] == "COMPLETED"
    shown = call("GET", POLICY + "/~k8s~pol?expandSubcollections=true")["rulesReference"]["items"]
    pools = {one["name"]: one["actionsReference"]["items"][0]["pool"] for one in shown}
    assert pools == {"r0": "/k8s/web", "r1": "/k8s/web", "r2": "/k8s/web", "r3": "/k8s/other"}
    assert [one["conditionsReference"]["items"][0]["values"] for one in shown if one["name"] == "r3"] == [
        ["h3.example"]
    ]


def test_a_rule_that_is_refused_loses_the_whole_transaction(call: Client) -> None:
    call("POST", POLICY, policy())
    number = str(call("POST", "tm/transaction", {})["transId"])
    call("PATCH", POLICY + "/~k8s~pol", {"description": "new"}, x_f5_rest_coordination_id=number)
    bad = {"actions": [{"name": "0", "forward": True, "pool": "/k8s/no"}]}
    call("PATCH", POLICY + "/~k8s~pol/rules/r0", bad, x_f5_rest_coordination_id=number)
    answer = refused(call, 400, "PATCH", f"tm/transaction/{number}", {"state": "VALIDATING"})
    assert answer == "transaction failed:01020036:3: The requested Pool (/k8s/no) was not found."
    assert "description" not in call("GET", POLICY + "/~k8s~pol")


def test_a_new_policy_is_a_draft_or_legacy(call: Client) -> None:
    body = policy()
    del body["legacy"]
    assert "must be created as a draft" in refused(call, 400, "POST", POLICY, body)
    made = call("POST", POLICY, draft())
    assert (made["fullPath"], made["status"], made["subPath"]) == ("/k8s/Drafts/pol", "draft", "Drafts")
    assert call("GET", "tm/sys/folder/~k8s~Drafts")["fullPath"] == "/k8s/Drafts"
    assert '"legacy" may not be specified' in refused(call, 400, "POST", POLICY, draft(name="x", legacy=True))


def test_a_draft_is_published_and_is_gone(call: Client) -> None:
    call("POST", POLICY, draft())
    answer = publish(call)
    assert (answer["command"], answer["name"]) == ("publish", "/k8s/Drafts/pol")
    shown = call("GET", POLICY + "/~k8s~pol")
    assert (shown["status"], shown["requires"], shown["controls"]) == ("published", ["http"], ["forwarding"])
    assert "subPath" not in shown
    call("GET", POLICY + "/~k8s~Drafts~pol", status=404)
    call("GET", "tm/sys/folder/~k8s~Drafts", status=404)
    assert "in use by a policy rule (/k8s/pol)" in refused(call, 400, "DELETE", "tm/ltm/pool/~k8s~web")


def test_a_published_policy_cannot_be_modified_but_by_another_draft(call: Client) -> None:
    call("POST", POLICY, draft())
    publish(call)
    path, changed = POLICY + "/~k8s~pol", {"rules": [rule(HOST, {"forward": True, "pool": "/k8s/other"})]}
    assert "is published and cannot be modified" in refused(call, 400, "PATCH", path, changed)
    assert "is published and cannot be modified" in refused(call, 400, "POST", path + "/rules", {"name": "r1"})
    assert "is published and cannot be modified" in refused(call, 400, "DELETE", path + "/rules/r0")
    call("PATCH", path, {"createDraft": True})
    again = POLICY + "/~k8s~Drafts~pol"
    assert call("GET", again)["publishedCopy"] == "/k8s/pol"
    assert "01020066" in refused(call, 409, "PATCH", path, {"createDraft": True})
    call("PUT", again, {"strategy": "/Common/all-match", **changed})
    assert call("GET", path + "/rules/r0/actions/0")["pool"] == "/k8s/web"
    publish(call)
    assert call("GET", path + "/rules/r0/actions/0")["pool"] == "/k8s/other"
    shown = call("GET", path)
    assert (shown["strategy"], "publishedCopy" in shown) == ("/Common/all-match", False)


def test_a_draft_is_also_made_by_a_command(call: Client) -> None:
    call("POST", POLICY, draft())
    publish(call)
    body = {"command": "createdraft", "name": "/k8s/pol"}
    assert call("POST", POLICY, body)["command"] == "createdraft"
    assert call("GET", POLICY + "/~k8s~Drafts~pol")["status"] == "draft"
    assert "01020066" in refused(call, 409, "POST", POLICY, body)
    assert "01020036" in refused(call, 404, "POST", POLICY, {**body, "name": "/k8s/no"})


def test_only_a_draft_can_be_published(call: Client) -> None:
    assert "01020036" in publish(call, status=404)["message"]
    call("POST", POLICY, policy())
    assert "is not a draft" in publish(call, "/k8s/pol", status=400)["message"]
    assert "is not published" in refused(call, 400, "PATCH", POLICY + "/~k8s~pol", {"createDraft": True})
    call("POST", POLICY, draft())
    assert "01020066" in publish(call, status=409)["message"]
    assert "bigipsim does not implement" in refused(call, 501, "POST", POLICY, {"command": "x", "name": "/k8s/pol"})


def test_publishing_cannot_be_part_of_a_transaction(call: Client) -> None:
    call("POST", POLICY, draft())
    number = str(call("POST", "tm/transaction", {})["transId"])
    body = {"command": "publish", "name": "/k8s/Drafts/pol"}
    answer = call("POST", POLICY, body, status=400, x_f5_rest_coordination_id=number)
    assert "transaction" in answer["message"]


def test_a_virtual_server_uses_policies_in_force_only(call: Client) -> None:
    call("POST", POLICY, draft())
    site = {"name": "v", "partition": "k8s", "destination": "203.0.113.7:80", "profiles": ["http"]}
    assert "is a draft" in refused(call, 400, "POST", "tm/ltm/virtual", {**site, "policies": ["/k8s/Drafts/pol"]})
    publish(call)
    call("POST", "tm/ltm/virtual", {**site, "policies": ["/k8s/pol"]})
    assert "01070265" in refused(call, 400, "DELETE", POLICY + "/~k8s~pol")
    call("PATCH", POLICY + "/~k8s~pol", {"createDraft": True})
    publish(call)
    assert "01070265" in refused(call, 400, "DELETE", POLICY + "/~k8s~pol")


def test_a_published_policy_needs_the_profiles_that_its_rules_look_into(call: Client) -> None:
    call("POST", POLICY, draft())
    publish(call)
    site = {"name": "v", "partition": "k8s", "destination": "203.0.113.7:80", "policies": ["/k8s/pol"]}
    body = {**site, "ipProtocol": "tcp", "profiles": ["tcp"]}
    assert "Required profile profile_http not present" in refused(call, 400, "POST", "tm/ltm/virtual", body)


def test_an_old_release_knows_no_drafts() -> None:
    client = Client(Box(ManualClock(), version="12.0.0"))
    client("POST", "tm/auth/partition", {"name": "k8s"})
    client("POST", "tm/ltm/pool", {"name": "web", "partition": "k8s"})
    body = policy()
    del body["legacy"]
    client("POST", POLICY, body)
    client("PATCH", POLICY + "/~k8s~pol", {"rules": []})


def test_a_policy_cannot_go_in_the_transaction_in_which_its_virtual_server_lets_go_of_it(call: Client) -> None:
    call("POST", POLICY, policy())
    site = {"name": "v", "partition": "k8s", "destination": "203.0.113.7:80", "profiles": ["http"]}
    call("POST", "tm/ltm/virtual", {**site, "policies": ["/k8s/pol"]})

    def commit(*commands: tuple[str, str, Any], status: int = 200) -> Any:
        number = str(call("POST", "tm/transaction", {})["transId"])
        for method, path, body in commands:
            call(method, path, body, x_f5_rest_coordination_id=number)
        return call("PATCH", f"tm/transaction/{number}", {"state": "VALIDATING"}, status=status)

    drop = ("PATCH", "tm/ltm/virtual/~k8s~v", {"policies": []})
    delete = ("DELETE", POLICY + "/~k8s~pol", None)
    answer = commit(drop, delete, status=400)
    assert "specified for virtual server policy (/k8s/v /k8s/pol): foreign key index (policy_FK)" in answer["message"]
    commit(drop)
    commit(delete)
    call("GET", POLICY + "/~k8s~pol", status=404)
