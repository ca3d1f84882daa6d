"""Decides how the device saves, loads and synchronises its configuration as a task beside other requests, and what it
saves and loads at once.

A task goes from STARTED over VALIDATING to COMPLETED or FAILED. While one is VALIDATING, nothing can be
written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bigipsim.clock import Clock
from bigipsim.exchange import Refused, Request, Response
from bigipsim.rest import cm, errors
from bigipsim.rest.accounts import Caller
from bigipsim.rest.commands import body_of
from bigipsim.rest.listing import kind, self_link
from bigipsim.rest.render import HOST
from bigipsim.rest.routing import Route

if TYPE_CHECKING:
    from bigipsim.box import Box

KEPT_S: Final = 3600
"""How long an ended task can be read (the device says only: some time)."""

BUSY: Final = 32964609
_COMMANDS: Final = {"sys/config": frozenset({"save", "load"}), "cm/config-sync": frozenset({"run"})}
_NOT_IN_TRANSACTION: Final = {
    "sys/config": "sys config cannot be saved or loaded within a transaction.",
    "cm/config-sync": "cm config-sync cannot be run within a transaction.",
}


@dataclass(slots=True)
class Task:
    """One command that was given as a task for the worker at `address`; times are seconds since 1970."""

    number: int
    address: str
    body: Mapping[str, Any]
    started_s: float
    state: str = "STARTED"
    since_s: float = 0.0
    ends_s: float = 0.0
    failure: str = ""


class Tasks:
    """The tasks of one device. `duration_s` is how long each takes once it is validated; 0 is at once."""

    def __init__(self, clock: Clock, duration_s: float = 0.0) -> None:
        self.duration_s = duration_s
        self._clock = clock
        self._tasks: dict[int, Task] = {}
        self._last = 0

    def clear(self) -> None:
        """Forgets every task, as a reboot does."""
        self._tasks.clear()

    def check_idle(self) -> None:
        """Refuses a write while a task runs.

        Raises:
            Refused: 503, "There is an active asynchronous task executing."
        """
        now = self._clock.now()
        if any(task.state == "VALIDATING" and task.ends_s > now for task in self._tasks.values()):
            raise errors.refusal(503, "There is an active asynchronous task executing.", BUSY)

    def open(self, address: str, body: Mapping[str, Any]) -> Task:
        """Notes a command, to be run later."""
        now = self._clock.now()
        self._last = max(self._last + 1, round(now * 1e6))
        task = self._tasks[self._last] = Task(self._last, address, body, now, since_s=now)
        return task

    def get(self, address: str, number: int) -> Task:
        """A task in its present state.

        Raises:
            Refused: 404, unknown or long over.
        """
        task = self._tasks.get(number)
        now = self._clock.now()
        if task is not None and task.state == "VALIDATING" and task.ends_s <= now:
            task.state, task.since_s = ("FAILED" if task.failure else "COMPLETED"), task.ends_s
        if task is None or task.address != address:
            raise errors.refusal(404, f"Task not found: {number}", errors.REST)
        if task.state in ("COMPLETED", "FAILED") and now - task.since_s > KEPT_S:
            self._tasks.pop(number, None)
            raise errors.refusal(404, f"Task not found: {number}", errors.REST)
        return task

    def items(self, address: str) -> list[Task]:
        """The tasks of a worker in the order of their start."""
        found = []
        for number in list(self._tasks):
            try:
                found.append(self.get(address, number))
            except Refused:
                continue
        return found

    def run(self, task: Task, box: Box) -> None:
        """Does the work now; its end shows after `duration_s`, and the configuration is locked until then."""
        now = self._clock.now()
        task.state, task.since_s, task.ends_s = "VALIDATING", now, now + self.duration_s
        try:
            _WORK[task.address](box, task.body)
        except Refused as refused:
            task.failure = str(refused.body.get("message", ""))

    def remove(self, number: int) -> None:
        """Forgets a task that is not running."""
        self._tasks.pop(number, None)

    def to_wire(self, task: Task, version: str) -> dict[str, Any]:
        """A task as GET shows it."""
        reply = {
            **task.body,
            "_taskId": task.number,
            "_taskState": task.state,
            "_taskTimeInStateMs": round((self._clock.now() - task.since_s) * 1000),
            "_taskResultAvailable": task.state in ("COMPLETED", "FAILED"),
            "kind": f"tm:task:{task.address.replace('/', ':')}:{task.body['command']}taskstate",
            "selfLink": f"{HOST}/task/{task.address}/{task.number}?ver={version}",
        }
        if task.state == "FAILED":
            reply["_taskFailureReason"] = task.failure
        return reply


def execute(box: Box, body: Mapping[str, Any]) -> None:
    """Runs `save` or `load` of sys config.

    Raises:
        Refused: 501 for an option that has no counterpart here.
    """
    options = _options(body)
    if body["command"] == "save":
        unknown = set(options) - {"partitions"}
        if unknown:
            raise errors.not_implemented(f"the option {sorted(unknown)[0]} of save sys config")
        box.save()
    elif options.get("default") in (True, "", "true"):
        box.restore_defaults()
    elif options:
        raise errors.not_implemented(f"the option {sorted(options)[0]} of load sys config")
    else:
        box.restore_saved()


def _options(body: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a command as one object: they come as a list of objects, some also beside `command`."""
    options: dict[str, Any] = {}
    given = body.get("options", [])
    for entry in given if isinstance(given, list) else [given]:
        if not isinstance(entry, dict):
            raise errors.invalid_value("options", given)
        options |= entry
    return options | {key: body[key] for key in ("file", "default", "merge") if key in body}


def _synchronise(box: Box, body: Mapping[str, Any]) -> None:
    cm.order_task(box, body, _options(body))


_WORK: Final[Mapping[str, Callable[[Box, Mapping[str, Any]], None]]] = {
    "sys/config": execute,
    "cm/config-sync": _synchronise,
}
"""What a task of each worker does. Only devices of a group have the second one."""


def _worker(box: Box, request: Request, match: re.Match[str]) -> str:
    address = match["address"]
    if address == "cm/config-sync" and box.group is None:
        raise errors.not_registered(request.path.rstrip("/").removeprefix("/mgmt"), request.peer)
    return address


def _command(request: Request, address: str = "sys/config") -> dict[str, Any]:
    if "x-f5-rest-coordination-id" in request.headers:
        raise errors.refusal(400, _NOT_IN_TRANSACTION[address], errors.TRANSACTION)
    body = body_of(request)
    command = body.get("command")
    if command not in _COMMANDS[address]:
        raise errors.not_implemented(f"the command {command} of {address.replace('/', ' ')}")
    return body


def _check_rights(caller: Caller, request: Request) -> None:
    if not caller.may_administer():
        raise errors.role_denied(caller.name, request.method, request.path, request.peer)


def _direct(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    _check_rights(caller, request)
    body = _command(request)
    execute(box, body)
    return Response.json(200, {"kind": f"tm:sys:config:{body['command']}state", **body})


def _open(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    _check_rights(caller, request)
    address = _worker(box, request, match)
    task = box.tasks.open(address, _command(request, address))
    return Response.json(200, box.tasks.to_wire(task, box.version))


def _list(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    address = _worker(box, request, match)
    reply = {
        "kind": kind(f"task/{address}", "taskcollectionstate"),
        "selfLink": self_link(box, f"task/{address}"),
        "items": [box.tasks.to_wire(task, box.version) for task in box.tasks.items(address)],
    }
    return Response.json(200, reply)


def _get(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    task = box.tasks.get(_worker(box, request, match), int(match["number"]))
    return Response.json(200, box.tasks.to_wire(task, box.version))


def _put(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    _check_rights(caller, request)
    task = box.tasks.get(_worker(box, request, match), int(match["number"]))
    wanted = body_of(request).get("_taskState")
    if wanted != "VALIDATING" or task.state != "STARTED":
        raise errors.invalid_value("_taskState", wanted)
    box.tasks.check_idle()
    box.tasks.run(task, box)
    return Response.json(202, {"code": 202, "message": "Task will execute asynchronously.", "errorStack": []})


def _result(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    task = box.tasks.get(_worker(box, request, match), int(match["number"]))
    if task.state not in ("COMPLETED", "FAILED"):
        raise errors.refusal(404, f"The result of task {task.number} is not available yet.", errors.REST)
    reply = box.tasks.to_wire(task, box.version)
    reply["selfLink"] = self_link(box, f"task/{task.address}/{task.number}/result")
    if task.failure:
        reply["commandResult"] = task.failure
    return Response.json(200, reply)


def _delete(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    _check_rights(caller, request)
    task = box.tasks.get(_worker(box, request, match), int(match["number"]))
    if task.state == "VALIDATING":
        box.tasks.check_idle()
    box.tasks.remove(task.number)
    return Response(200)


_TASKS: Final = r"tm/task/(?P<address>sys/config|cm/config-sync)"
_TASK: Final = rf"{_TASKS}/(?P<number>\d+)"

ROUTES: Final[tuple[Route, ...]] = (
    Route("POST", r"tm/sys/config", _direct),
    Route("POST", _TASKS, _open),
    Route("GET", _TASKS, _list),
    Route("GET", _TASK, _get),
    Route("PUT", _TASK, _put),
    Route("GET", rf"{_TASK}/result", _result),
    Route("DELETE", _TASK, _delete),
)
