"""How a batch is done: directly or in a transaction, and what becomes of the rest when the device refuses a part.

Nothing that was done is written again: a refused commit has done nothing, and what was committed is decided for good.
An operation whose end is not known stops the batch, since what follows would rest on a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from turnbuckle.drivers.base import DriverError, TransactionLost, Unreachable
from turnbuckle.drivers.icontrol import blame, companions, nodes, transaction, uri
from turnbuckle.drivers.icontrol.answers import FOLDER_MISSING, Answer, Sense
from turnbuckle.drivers.icontrol.commands import Command, Names, Step, codec_of, commands, shared_keys
from turnbuckle.drivers.icontrol.connection import Connection
from turnbuckle.drivers.icontrol.fencing import Fence
from turnbuckle.drivers.icontrol.folders import Folders
from turnbuckle.drivers.icontrol.ledger import KINDS, Ledgers
from turnbuckle.drivers.icontrol.phases import phases
from turnbuckle.drivers.icontrol.transaction import CommitUnknown, Refusal
from turnbuckle.drivers.icontrol.uploading import Uploads
from turnbuckle.model.ltm import DesignatedPool
from turnbuckle.model.plan import Batch, Operation, Outcome, Result, Verb
from turnbuckle.model.state import Path
from turnbuckle.planner.parts import gone_with


class _Stop(Exception):
    """The end of a write is not known; nothing more is written."""


Fencing = tuple[Fence | None, str]
"""What keeps a replica that no longer leads from writing, and the partition where it is."""

_NO_FENCE: Fencing = (None, "")


class Writer:
    """Does one batch, once. folders, ledgers: what is known of them on the device."""

    def __init__(
        self,
        connection: Connection,
        batch: Batch,
        names: Names,
        fencing: Fencing = _NO_FENCE,
        folders: Folders | None = None,
        ledgers: Ledgers | None = None,
    ) -> None:
        self._connection, self._folders = connection, folders or Folders(connection)
        self._ledgers = ledgers or Ledgers(connection)
        self._uploads = Uploads(connection)
        self._fence, self._fenced_in = fencing
        self._batch = batch
        self._names = names
        self._outcomes: dict[int, Outcome] = {}
        self._steps: list[Step] = []
        self._along, self._behind = gone_with(batch.operations), dict[Path, list[Step]]()
        self._started = connection.clock()

    async def run(self) -> tuple[Outcome, ...]:
        """One outcome for each operation, in order.

        Raises:
            DriverError: nothing was done.
        """
        try:
            await self._prepare()
            await self._do()
            await self._uploads.sweep()
        except _Stop as stop:
            self._leave(str(stop))
        except DriverError as error:
            if not self._outcomes:
                raise
            self._leave(str(error))
        return tuple(self._outcomes[index] for index in range(len(self._batch.operations)))

    async def _prepare(self) -> None:
        for index, operation in enumerate(self._batch.operations):
            standing: dict[str, Any] | None = {}
            keys = shared_keys(operation)
            if keys:
                standing = await self._standing(operation.path, keys)
            if standing is None:
                step = Step(index, operation, ())
                self._decide(step, Result.UNREACHED, "it is not on the BIG-IP any more")
            else:
                step = Step(index, operation, commands(operation, self._names, standing))
            self._steps.append(step)
            whole = self._along.get(operation.path)
            if whole is not None:
                self._behind.setdefault(whole, []).append(step)

    async def _standing(self, path: Path, keys: Sequence[str]) -> dict[str, Any] | None:
        expand = any(key.endswith("Reference") for key in keys)
        codec = codec_of(path.kind)
        inner = (*codec.inner_keys, "items") if expand and codec is not None else ()
        answer = await self._connection.patiently(
            "GET", uri.one(path.kind, path.name, ",".join((*keys, *inner)), expand)
        )
        if answer.sense is Sense.GONE:
            return None
        found = answer.required(f"show {path}").value
        return found if isinstance(found, dict) else {}

    async def _do(self) -> None:
        if self._batch.form == "members":
            for step in self._steps:
                await self._settle([step])
            return
        for portion in phases(self._steps, self._along):
            await self._settle(portion)

    async def _settle(self, steps: Sequence[Step]) -> None:
        """Decides what is undecided among some steps, all at once as long as the device agrees."""
        todo = [step for step in steps if step.index not in self._outcomes]
        for step in todo:
            if not step.commands and step.operation.path.kind not in KINDS:
                self._decide(step, Result.DONE)
        todo = [step for step in todo if step.index not in self._outcomes]
        if not todo:
            return
        self._started = self._connection.clock()
        await self._folders.ready(step.operation for step in todo)
        alone = len(todo) == 1 and len(todo[0].commands) == 1 and todo[0].operation.path.kind not in KINDS
        if alone and (self._fence is None or self._fence.is_up(self._fenced_in)):
            await self._alone(todo[0])
            return
        refusal = await self._together(todo)
        if refusal is None:
            for step in todo:
                self._decide(step, Result.DONE)
        elif len(todo) == 1:
            await self._convict(todo[0], refusal.answer)
        else:
            await self._divide(todo, refusal)

    async def _alone(self, step: Step) -> None:
        command = step.commands[0]
        try:
            answer = await self._connection.write(command.method, command.path, command.body)
        except Unreachable as error:
            self._decide(step, Result.UNREACHED, str(error))
            raise _Stop(str(error)) from error
        if answer.ok:
            self._decide(step, Result.DONE)
        else:
            await self._convict(step, answer)

    async def _together(self, steps: Sequence[Step]) -> Refusal | None:
        try:
            try:
                return await self._transact(steps)
            except TransactionLost:
                # Nothing was done, so it may be done anew.
                return await self._transact(steps)
        except TransactionLost as error:
            # The device may not bear what is in it; that is found like anything else that it refuses.
            return Refusal(Answer(404, Sense.LOST, str(error)))
        except CommitUnknown as error:
            for step in steps:
                self._decide(step, Result.UNREACHED, str(error))
            raise _Stop(str(error)) from error

    async def _transact(self, steps: Sequence[Step]) -> Refusal | None:
        not_taken = await self._uploads.ready(steps)
        if not_taken is not None:
            return Refusal(not_taken[1], not_taken[0])
        first = await self._fence.commands(self._fenced_in) if self._fence is not None else ()
        last = await self._ledgers.commands(self._batch.partition, steps)
        queue = [*((one, None) for one in first), *companions.queue(steps), *((one, None) for one in last)]
        refusal = await transaction.run(self._connection, queue)
        if refusal is not None and FOLDER_MISSING.search(refusal.answer.words):
            self._folders.forget()
        if self._fence is not None and refusal is None:
            self._fence.stands(self._fenced_in)
        elif self._fence is not None and refusal is not None:
            await self._fence.judge(self._fenced_in, refusal.answer)
        if last and refusal is None:
            self._ledgers.committed(self._batch.partition)
        elif last and refusal is not None:
            self._ledgers.judge(self._batch.partition, refusal)
        return refusal

    async def _divide(self, steps: list[Step], refusal: Refusal) -> None:
        words = _own_words(refusal.answer)
        guilty = blame.Suspects((refusal.step,), True) if refusal.step else blame.suspects(words, steps)
        if guilty.steps and guilty.certain:
            for step in guilty.steps:
                if step.index not in self._outcomes:
                    await self._convict(step, refusal.answer)
            await self._settle(steps)
            return
        waiting = {step.index for step in guilty.steps} | set(blame.dependants(guilty.steps, steps))
        innocent = [step for step in steps if step.index not in waiting]
        if guilty.steps and innocent:
            await self._settle(innocent)
            await self._settle(steps)
            return
        half = len(steps) // 2
        await self._settle(steps[:half])
        await self._settle(steps[half:])

    async def _convict(self, step: Step, answer: Answer) -> None:
        """Decides a step that the device refused, and with it those that need it."""
        words = _own_words(answer)
        result = await self._result(step, answer)
        if result is Result.REJECTED:
            words = await nodes.with_holder(self._connection, words)
        self._decide(step, result, "" if result is Result.DONE else words)
        if result is Result.DONE:
            return
        for index, culprit in blame.dependants([step], self._steps).items():
            if index not in self._outcomes:
                self._decide(self._steps[index], result, "", culprit)

    async def _result(self, step: Step, answer: Answer) -> Result:
        """What a refusal means for the step: a picture that is out of date is no refusal of what was asked for."""
        if answer.sense is Sense.BUSY:
            raise Unreachable(f"The BIG-IP is busy: {answer.words}")
        if answer.sense is Sense.UNKNOWN:
            self._decide(step, Result.UNREACHED, answer.words)
            raise _Stop(answer.words)
        if answer.sense is Sense.LOST:
            return Result.UNREACHED
        if answer.sense is Sense.GONE and step.commands:
            command = step.commands[0]
            if len(step.commands) == 1 and command.method == "DELETE":
                return Result.DONE
            return Result.UNREACHED if _about_itself(step.operation, command, answer) else Result.REJECTED
        if answer.sense is Sense.STALE:
            return Result.UNREACHED if await self._exists(step.operation) else Result.REJECTED
        return Result.REJECTED

    async def _exists(self, operation: Operation) -> bool:
        if operation.verb is not Verb.CREATE or operation.path.kind == DesignatedPool.KIND:
            return True
        path = operation.path
        return (await self._connection.patiently("GET", uri.one(path.kind, path.name, "name"))).ok

    def _decide(self, step: Step, result: Result, answer: str = "", culprit: Path | None = None) -> None:
        took_s = self._connection.clock() - self._started
        self._outcomes[step.index] = Outcome(step.operation, result, took_s, answer, culprit)
        path = step.operation.path
        for part in self._behind.get(path, ()):
            self._outcomes[part.index] = Outcome(part.operation, result, took_s, "", path if answer else culprit)

    def _leave(self, reason: str) -> None:
        for index, operation in enumerate(self._batch.operations):
            if index not in self._outcomes:
                self._outcomes[index] = Outcome(operation, Result.UNREACHED, 0.0, reason)


def _own_words(answer: Answer) -> str:
    return answer.words.removeprefix(transaction.PREFIX)


def _about_itself(operation: Operation, command: Command, answer: Answer) -> bool:
    """Whether what was not found is the object that was to be written, rather than one that it refers to."""
    if operation.verb is Verb.CREATE and operation.path.kind != DesignatedPool.KIND:
        return False
    return any(path in answer.words for path in (operation.path.name, command.target))
