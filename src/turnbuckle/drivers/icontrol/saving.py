"""Having the device write its running configuration to disk.

As a task, because it takes the device longer than it keeps a request open; directly where there are no tasks. A
configuration that is not saved is lost when the device restarts.
"""

from __future__ import annotations

from typing import Any

from turnbuckle.drivers.base import DriverError, Unreachable
from turnbuckle.drivers.icontrol import uri
from turnbuckle.drivers.icontrol.answers import Answer, Sense
from turnbuckle.drivers.icontrol.connection import Connection

TASK = f"{uri.ROOT}/task/sys/config"
DIRECT = f"{uri.ROOT}/sys/config"
SAVE = {"command": "save"}
POLLS_S = (0.2, 0.5, *(1.0 for _ in range(120)))
BUSY_PAUSES_S = (2.0,)


async def save(connection: Connection) -> None:
    """Saves, and waits until it is done.

    Raises:
        DriverError: it is not, with the device's words.
    """
    answer = await _when_free(connection, TASK)
    if answer.sense is Sense.GONE or (answer.sense is Sense.BUSY and "not registered" in answer.words):
        (await _when_free(connection, DIRECT)).required("save its configuration")
        return
    number = _field(answer.required("save its configuration"), "_taskId")
    if number is None:
        raise DriverError("The BIG-IP begins to save its configuration and does not say under which number.")
    task = f"{TASK}/{number}"
    (await connection.patiently("PUT", task, {"_taskState": "VALIDATING"})).required("save its configuration")
    await _finished(connection, task)


async def _when_free(connection: Connection, path: str) -> Answer:
    """The save command is given once the device has no other task."""
    for pause in BUSY_PAUSES_S:
        answer = await connection.patiently("POST", path, SAVE)
        if answer.sense is not Sense.BUSY or "not registered" in answer.words:
            return answer
        await connection.sleep(pause)
    return await connection.patiently("POST", path, SAVE)


async def _finished(connection: Connection, task: str) -> None:
    for pause in POLLS_S:
        answer = (await connection.patiently("GET", task)).required("tell whether its configuration is saved")
        state = _field(answer, "_taskState")
        if state == "COMPLETED":
            await _tidy(connection, task)
            return
        if state == "FAILED":
            reason = _field(answer, "failureReason") or _field(answer, "message") or "it does not say why"
            raise DriverError(f"The BIG-IP did not save its configuration: {reason}.")
        await connection.sleep(pause)
    raise Unreachable("The BIG-IP has not saved its configuration in two minutes.")


async def _tidy(connection: Connection, task: str) -> None:
    try:
        await connection.call("DELETE", task)
    except DriverError:
        # The device forgets finished tasks by itself.
        pass


def _field(answer: Answer, name: str) -> Any:
    return answer.value.get(name) if isinstance(answer.value, dict) else None
