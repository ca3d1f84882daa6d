"""Saving and loading, at once and as tasks."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Client

from bigipsim.box import Box
from bigipsim.clock import ManualClock

TASKS = "tm/task/sys/config"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def box(clock: ManualClock) -> Box:
    return Box(clock)


@pytest.fixture
def admin(box: Box) -> Client:
    return Client(box)


def start(admin: Client, command: str = "save") -> str:
    task = admin("POST", TASKS, {"command": command})
    path = f"{TASKS}/{task['_taskId']}"
    admin("PUT", path, {"_taskState": "VALIDATING"}, 202)
    return path


def test_what_is_saved_survives_a_reboot_and_the_rest_does_not(box: Box, admin: Client) -> None:
    admin("POST", "tm/ltm/pool", {"name": "kept"})
    reply = admin("POST", "tm/sys/config", {"command": "save"})
    assert reply == {"kind": "tm:sys:config:savestate", "command": "save"}
    admin("POST", "tm/ltm/pool", {"name": "lost"})
    box.reboot()
    admin("GET", "tm/ltm/pool/~Common~kept")
    admin("GET", "tm/ltm/pool/~Common~lost", None, 404)


def test_loading_brings_the_saved_configuration_back_without_a_reboot(admin: Client) -> None:
    admin("POST", "tm/ltm/pool", {"name": "lost"})
    assert admin("POST", "tm/sys/config", {"command": "load"})["kind"] == "tm:sys:config:loadstate"
    admin("GET", "tm/ltm/pool/~Common~lost", None, 404)


def test_loading_the_default_leaves_what_is_saved_alone(admin: Client) -> None:
    admin("POST", "tm/ltm/pool", {"name": "kept"})
    admin("POST", "tm/sys/config", {"command": "save"})
    admin("POST", "tm/sys/config", {"command": "load", "options": [{"default": True}]})
    admin("GET", "tm/ltm/pool/~Common~kept", None, 404)
    admin("GET", "tm/ltm/monitor/http/~Common~http")
    admin("POST", "tm/sys/config", {"command": "load"})
    admin("GET", "tm/ltm/pool/~Common~kept")


@pytest.mark.parametrize(
    "body",
    [
        {"command": "load", "options": [{"merge": True, "file": "/var/config/rest/downloads/x"}]},
        {"command": "save", "file": "x.scf"},
        {"command": "dance"},
    ],
)
def test_what_is_not_simulated_says_so(admin: Client, body: dict[str, Any]) -> None:
    assert admin("POST", "tm/sys/config", body, 501)["message"].startswith("bigipsim does not implement")


def test_a_task_goes_from_started_to_completed(admin: Client) -> None:
    task = admin("POST", TASKS, {"command": "save"})
    assert (task["command"], task["_taskState"]) == ("save", "STARTED")
    path = f"{TASKS}/{task['_taskId']}"
    assert task["selfLink"].startswith(f"https://localhost/mgmt/{path}?")
    assert admin("GET", path)["_taskState"] == "STARTED"
    admin("GET", f"{path}/result", None, 404)
    assert "message" in admin("PUT", path, {"_taskState": "VALIDATING"}, 202)
    assert admin("GET", path)["_taskState"] == "COMPLETED"
    assert admin("GET", f"{path}/result")["_taskState"] == "COMPLETED"
    assert [one["_taskId"] for one in admin("GET", TASKS)["items"]] == [task["_taskId"]]


def test_a_started_task_has_done_nothing_yet(box: Box, admin: Client) -> None:
    admin("POST", "tm/ltm/pool", {"name": "p"})
    admin("POST", TASKS, {"command": "save"})
    box.reboot()
    admin("GET", "tm/ltm/pool/~Common~p", None, 404)


def test_a_task_that_ran_has_saved(box: Box, admin: Client) -> None:
    admin("POST", "tm/ltm/pool", {"name": "p"})
    start(admin)
    box.reboot()
    admin("GET", "tm/ltm/pool/~Common~p")


def test_writes_are_refused_while_a_task_runs_and_reads_are_not(box: Box, admin: Client, clock: ManualClock) -> None:
    box.tasks.duration_s = 5.0
    path = start(admin)
    refused = admin("POST", "tm/ltm/pool", {"name": "p"}, 503)
    assert (refused["message"], refused["apiError"]) == ("There is an active asynchronous task executing.", 32964609)
    admin("POST", "tm/sys/config", {"command": "save"}, 503)
    admin("DELETE", path, None, 503)
    admin("GET", "tm/ltm/pool")
    assert admin("GET", path)["_taskState"] == "VALIDATING"
    clock.advance(5)
    assert admin("GET", path)["_taskState"] == "COMPLETED"
    admin("POST", "tm/ltm/pool", {"name": "p"})


def test_a_task_that_fails_tells_why(admin: Client) -> None:
    task = admin("POST", TASKS, {"command": "load", "options": [{"merge": True}]})
    path = f"{TASKS}/{task['_taskId']}"
    admin("PUT", path, {"_taskState": "VALIDATING"}, 202)
    ended = admin("GET", path)
    assert ended["_taskState"] == "FAILED"
    assert "merge" in ended["_taskFailureReason"]


def test_a_task_is_cleaned_up_or_forgotten_in_time(admin: Client, clock: ManualClock) -> None:
    first, second = start(admin), start(admin)
    assert admin("DELETE", first) is None
    assert admin("GET", first, None, 404)["message"].startswith("Task not found")
    clock.advance(4000)
    admin("GET", second, None, 404)
    admin("GET", f"{TASKS}/17", None, 404)


def test_a_task_cannot_be_validated_twice(admin: Client) -> None:
    path = start(admin)
    admin("PUT", path, {"_taskState": "VALIDATING"}, 400)
    fresh = admin("POST", TASKS, {"command": "save"})
    admin("PUT", f"{TASKS}/{fresh['_taskId']}", {"_taskState": "DONE"}, 400)


def test_a_transaction_cannot_save(admin: Client) -> None:
    number = admin("POST", "tm/transaction", {})["transId"]
    headers = {"x_f5_rest_coordination_id": str(number)}
    admin("POST", "tm/sys/config", {"command": "save"}, 400, **headers)
