"""One device transaction: opened, filled in order, committed; all of it is done or nothing.

The device forgets a transaction after 120 s without a word, and when it restarts. It then answers 404, and nothing
was done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from turnbuckle.drivers.base import DriverError, TransactionLost, Unreachable
from turnbuckle.drivers.icontrol import uri
from turnbuckle.drivers.icontrol.answers import Answer, Sense
from turnbuckle.drivers.icontrol.commands import Step
from turnbuckle.drivers.icontrol.companions import Queue
from turnbuckle.drivers.icontrol.connection import Connection

URI = f"{uri.ROOT}/transaction"
POLL_S = 0.5
POLLS = 120
PREFIX = "transaction failed:"

_LOST = "The BIG-IP does not know the transaction any more; nothing of it was done."


@dataclass(frozen=True, slots=True)
class Refusal:
    """The device's no. step: whose it is, when a step's own command was refused; None for a commit.

    target: as in Command, of a command that was refused when it was put in; may be empty.
    """

    answer: Answer
    step: Step | None = None
    target: str = ""


class CommitUnknown(DriverError):
    """What became of a commit is not known."""


async def run(connection: Connection, queue: Queue) -> Refusal | None:
    """Does all commands at once; answers None when it is done.

    Raises:
        Deposed: another replica leads; nothing was done.
        TransactionLost: nothing was done.
        Unreachable: the device was not asked to commit; nothing was done.
        CommitUnknown: it may all be done, or nothing.
    """
    opened = (await connection.write("POST", URI, {})).required("open a transaction")
    number = opened.value.get("transId") if isinstance(opened.value, dict) else None
    if not isinstance(number, int):
        raise Unreachable("The BIG-IP opens a transaction and does not say which.")
    refused = await _fill(connection, number, queue)
    if refused is not None:
        await _drop(connection, number)
        return refused
    return await _commit(connection, number)


async def _fill(connection: Connection, number: int, queue: Queue) -> Refusal | None:
    for command, step in queue:
        answer = await connection.patiently(command.method, command.path, command.body, transaction=number)
        if answer.sense is Sense.LOST:
            raise TransactionLost(_LOST)
        if answer.sense is Sense.BUSY:
            answer.required("take a command into a transaction")
        if not answer.ok:
            return Refusal(answer, step, command.target)
    return None


async def _drop(connection: Connection, number: int) -> None:
    try:
        await connection.call("DELETE", f"{URI}/{number}")
    except DriverError:
        # It ends by itself, uncommitted.
        pass


async def _commit(connection: Connection, number: int) -> Refusal | None:
    try:
        answer = await connection.patiently("PATCH", f"{URI}/{number}", {"state": "VALIDATING"})
        unknown_id = answer.status == 404 and not answer.words.startswith(PREFIX)
        if answer.sense is Sense.LOST or (unknown_id and answer.sense is not Sense.BUSY):
            raise TransactionLost(_LOST)
        if answer.ok:
            return await _completed(connection, number, answer.value)
    except Unreachable as error:
        raise CommitUnknown(str(error)) from error
    if answer.sense is Sense.BUSY:
        answer.required("commit a transaction")
    if answer.sense is Sense.UNKNOWN:
        raise CommitUnknown(f"The BIG-IP did not finish a commit: {answer.words}")
    return Refusal(answer)


async def _completed(connection: Connection, number: int, value: Any) -> Refusal | None:
    """Waits for a commit that goes on after its answer."""
    for _ in range(POLLS):
        state = value.get("state") if isinstance(value, dict) else None
        if state == "COMPLETED":
            return None
        if state == "FAILED":
            reason = str(value.get("failureReason") or "the device does not say why")
            return Refusal(Answer(400, Sense.REFUSED, reason))
        await connection.sleep(POLL_S)
        value = (await connection.call("GET", f"{URI}/{number}")).required("tell how a commit went").value
    raise CommitUnknown("The BIG-IP did not finish a commit in time.")
