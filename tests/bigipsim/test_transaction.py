from __future__ import annotations

from typing import Any

import pytest
from caller import Client, basic

from bigipsim.box import Box
from bigipsim.clock import ManualClock

POOL, VIRTUAL, TRANSACTION = "tm/ltm/pool", "tm/ltm/virtual", "tm/transaction"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def call(clock: ManualClock) -> Client:
    client = Client(Box(clock))
    client("POST", "tm/auth/partition", {"name": "k8s"})
    return client


class Batch:
    """An open transaction and requests within it."""

    def __init__(self, call: Client) -> None:
        self.id: int = call("POST", TRANSACTION, {})["transId"]
        self.path = f"{TRANSACTION}/{self.id}"
        self.call = Client(call.box, {**basic("admin", "admin"), "x-f5-rest-coordination-id": str(self.id)})

    def commit(self, call: Client, status: int = 200, **more: Any) -> Any:
        return call("PATCH", self.path, {"state": "VALIDATING", **more}, status=status)


def pool(name: str, *members: str) -> dict[str, Any]:
    return {"name": name, "partition": "k8s", "members": list(members)}


def virtual(name: str, address: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "partition": "k8s", "destination": f"/k8s/{address}:80", "ipProtocol": "tcp", **more}


def test_an_open_transaction_tells_its_terms(call: Client, clock: ManualClock) -> None:
    opened = call("POST", TRANSACTION, {})
    number = opened["transId"]
    assert number == int(clock.now() * 1_000_000)
    assert opened == {
        "transId": number,
        "state": "STARTED",
        "timeoutSeconds": 120,
        "asyncExecution": False,
        "validateOnly": False,
        "executionTimeout": 300,
        "executionTime": 0,
        "failureReason": "",
        "kind": "tm:transactionstate",
        "selfLink": f"https://localhost/mgmt/tm/transaction/{number}?ver=16.1.3",
    }
    assert call("POST", TRANSACTION, {})["transId"] != number
    assert len(call("GET", TRANSACTION)["items"]) == 2


def test_a_transaction_needs_a_body(call: Client) -> None:
    assert call("POST", TRANSACTION, status=400)["message"] == "Found invalid JSON body in the request."


def test_a_queued_command_is_answered_with_itself_and_not_carried_out(call: Client) -> None:
    batch = Batch(call)
    answer = batch.call("POST", POOL, pool("web"))
    assert answer == {
        "method": "POST",
        "uri": "https://localhost/mgmt/tm/ltm/pool",
        "body": pool("web"),
        "evalOrder": 1,
        "commandId": 1,
        "kind": "tm:transaction:commandsstate",
        "selfLink": f"https://localhost/mgmt/tm/transaction/{batch.id}/commands/1?ver=16.1.3",
    }
    call("GET", POOL + "/~k8s~web", status=404)
    assert batch.commit(call)["state"] == "COMPLETED"
    call("GET", POOL + "/~k8s~web")
    assert call("GET", batch.path)["state"] == "COMPLETED"


def test_each_command_sees_what_those_before_it_did(call: Client) -> None:
    batch = Batch(call)
    batch.call("POST", POOL, pool("web", "10.0.0.1:80"))
    batch.call("POST", POOL + "/~k8s~web/members", {"name": "10.0.0.2:80"})
    batch.call("POST", VIRTUAL, virtual("site", "10.1.1.1", pool="/k8s/web"))
    batch.call("PATCH", POOL + "/~k8s~web", {"description": "shop"})
    batch.commit(call)
    assert len(call("GET", POOL + "/~k8s~web/members")["items"]) == 2
    assert call("GET", VIRTUAL + "/~k8s~site")["pool"] == "/k8s/web"


def test_a_reference_to_what_comes_later_fails_and_undoes_everything(call: Client) -> None:
    batch = Batch(call)
    batch.call("POST", POOL, pool("other", "10.0.0.1:80"))
    batch.call("POST", VIRTUAL, virtual("site", "10.1.1.1", pool="/k8s/web"))
    batch.call("POST", POOL, pool("web"))
    answer = batch.commit(call, status=400)
    inner = "01020036:3: The requested Pool (/k8s/web) was not found."
    assert answer == {"code": 400, "message": f"transaction failed:{inner}", "errorStack": [], "apiError": 2}
    failed = call("GET", batch.path)
    assert (failed["state"], failed["failureReason"]) == ("FAILED", inner)
    assert call("GET", POOL)["items"] == []
    assert call("GET", "tm/ltm/node")["items"] == []
    batch.commit(call, status=404)


def test_commands_can_be_moved_and_taken_out(call: Client) -> None:
    batch = Batch(call)
    batch.call("POST", VIRTUAL, virtual("site", "10.1.1.1", pool="/k8s/web"))
    batch.call("POST", POOL, pool("web"))
    batch.call("DELETE", POOL + "/~k8s~no")
    assert call("PATCH", batch.path + "/commands/2", {"evalOrder": 1})["evalOrder"] == 1
    call("DELETE", batch.path + "/commands/3")
    items = call("GET", batch.path + "/commands")["items"]
    assert [(item["commandId"], item["evalOrder"]) for item in items] == [(2, 1), (1, 2)]
    assert call("GET", batch.path + "/commands/1")["method"] == "POST"
    call("GET", batch.path + "/commands/3", status=404)
    batch.commit(call)


def test_listeners_are_compared_at_the_end_so_that_they_can_be_swapped(call: Client) -> None:
    call("POST", VIRTUAL, virtual("a", "10.1.1.1"))
    call("POST", VIRTUAL, virtual("b", "10.1.1.2"))
    swap = Batch(call)
    swap.call("PATCH", VIRTUAL + "/~k8s~a", {"destination": "/k8s/10.1.1.2:80"})
    swap.call("PATCH", VIRTUAL + "/~k8s~b", {"destination": "/k8s/10.1.1.1:80"})
    swap.commit(call)
    clash = Batch(call)
    clash.call("PATCH", VIRTUAL + "/~k8s~a", {"destination": "/k8s/10.1.1.1:80"})
    assert clash.commit(call, status=400)["message"].startswith("transaction failed:01070333:3: Virtual Server /k8s/a ")
    assert call("GET", VIRTUAL + "/~k8s~a")["destination"] == "/k8s/10.1.1.2:80"


def test_an_object_can_be_deleted_and_made_anew(call: Client) -> None:
    call("POST", "tm/ltm/monitor/http", {"name": "m", "partition": "k8s"})
    batch = Batch(call)
    batch.call("DELETE", "tm/ltm/monitor/http/~k8s~m")
    batch.call("POST", "tm/ltm/monitor/tcp", {"name": "m", "partition": "k8s"})
    batch.commit(call)
    assert call("GET", "tm/ltm/monitor/tcp/~k8s~m")["defaultsFrom"] == "/Common/tcp"
    call("GET", "tm/ltm/monitor/http/~k8s~m", status=404)


def test_a_mistake_in_a_command_is_told_at_once_and_spares_the_transaction(call: Client) -> None:
    batch = Batch(call)
    assert batch.call("POST", POOL, {**pool("web"), "colour": 1}, status=400)["message"] == '"colour" unknown property'
    batch.call("POST", POOL, b"{", status=400)
    batch.call("POST", "tm/ltm/nope", {}, status=404)
    batch.call("POST", POOL, pool("web"))
    batch.commit(call)


def test_validation_alone_changes_nothing(call: Client) -> None:
    batch = Batch(call)
    batch.call("POST", POOL, pool("web"))
    answer = batch.commit(call, validateOnly=True)
    assert (answer["state"], answer["validateOnly"]) == ("COMPLETED", True)
    call("GET", POOL + "/~k8s~web", status=404)


def test_a_transaction_takes_more_commands_after_a_trial_and_can_be_committed(call: Client) -> None:
    batch = Batch(call)
    batch.call("POST", POOL, pool("web"))
    batch.commit(call, validateOnly=True)
    assert call("GET", batch.path)["state"] == "STARTED"
    batch.call("POST", POOL, pool("api"))
    answer = batch.commit(call)
    assert (answer["state"], answer["validateOnly"]) == ("COMPLETED", False)
    assert [one["name"] for one in call("GET", POOL)["items"]] == ["api", "web"]


def test_a_command_that_is_not_simulated_fails_the_commit_with_501_and_its_name(call: Client) -> None:
    batch = Batch(call)
    batch.call("POST", POOL, pool("web"))
    batch.call("POST", "tm/sys/file/ssl-cert", {"name": "w", "partition": "k8s", "sourcePath": "ftp://a/b"})
    assert 'a file from "ftp:"' in batch.commit(call, status=501)["message"]
    assert call("GET", batch.path)["state"] == "FAILED"
    call("GET", POOL + "/~k8s~web", status=404)


def test_a_commit_nobody_waits_for_tells_its_outcome_later(call: Client) -> None:
    good, bad = Batch(call), Batch(call)
    good.call("POST", POOL, pool("web"))
    bad.call("DELETE", POOL + "/~k8s~no")
    assert good.commit(call, status=202, asyncExecution=True)["state"] == "VALIDATING"
    assert bad.commit(call, status=202, asyncExecution=True)["failureReason"] == ""
    assert call("GET", good.path)["state"] == "COMPLETED"
    assert call("GET", bad.path)["failureReason"].startswith("01020036:3: ")


def test_an_empty_transaction_cannot_be_committed(call: Client) -> None:
    answer = Batch(call).commit(call, status=404)
    assert answer["message"] == "there is no command to commit in the transaction."
    assert answer["apiError"] == 1


def test_a_transaction_that_is_left_alone_is_forgotten(call: Client, clock: ManualClock) -> None:
    batch = Batch(call)
    clock.advance(100)
    batch.call("POST", POOL, pool("web"))
    clock.advance(100)
    assert call("GET", batch.path)["state"] == "STARTED"
    clock.advance(21)
    batch.commit(call, status=404)
    batch.call("POST", POOL, pool("web"), status=404)


def test_a_transaction_can_be_rolled_back(call: Client) -> None:
    batch = Batch(call)
    batch.call("POST", POOL, pool("web"))
    assert call("DELETE", batch.path) is None
    batch.commit(call, status=404)


def test_a_commit_is_one_change_to_those_who_watch(call: Client) -> None:
    heard: list[set[str]] = []
    call.box.tree.subscribe(lambda changes: heard.append({change.path for change in changes}))
    batch = Batch(call)
    for name in "abc":
        batch.call("POST", POOL, pool(name))
    batch.commit(call)
    assert heard == [{"/k8s/a", "/k8s/b", "/k8s/c"}]


def test_a_read_in_a_transaction_is_queued_like_a_write(call: Client) -> None:
    batch = Batch(call)
    assert batch.call("GET", POOL)["kind"] == "tm:transaction:commandsstate"
