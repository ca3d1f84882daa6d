"""What goes with what in a transaction.

A part that is created in the same transaction as its whole is told in the body of that one, since the device does not
reliably find an object that a transaction is about to make.

Source: BIG-IP iControl REST, transactions: a POST to a subcollection of a parent that does not exist yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from turnbuckle.drivers.icontrol import uri
from turnbuckle.drivers.icontrol.commands import Command, Step
from turnbuckle.model.plan import Verb
from turnbuckle.model.state import Path
from turnbuckle.planner.parts import whole_of

Queue = list[tuple[Command, Step | None]]
"""Commands in order, each with the step that it is for; None when it is for several."""


def queue(steps: Sequence[Step]) -> Queue:
    """The commands of a transaction."""
    made = {step.operation.path for step in steps if step.operation.verb is Verb.CREATE}
    within: dict[Path, list[Step]] = {}
    for step in steps:
        whole = whole_of(step.operation)
        if step.operation.verb is Verb.CREATE and whole in made:
            within.setdefault(whole, []).append(step)
    inside = {step.index for parts in within.values() for step in parts}
    return list(_commands([step for step in steps if step.index not in inside], within))


def _commands(steps: Sequence[Step], within: dict[Path, list[Step]]) -> Iterator[tuple[Command, Step | None]]:
    for step in steps:
        parts = within.get(step.operation.path, [])
        if parts and step.operation.verb is Verb.CREATE:
            yield _with(step.commands[0], parts), None
        else:
            yield from ((command, step) for command in step.commands)


def _with(command: Command, parts: Sequence[Step]) -> Command:
    """A command that creates an object, with parts of it."""
    body = dict(command.body or {})
    for part in parts:
        inner = uri.SUBCOLLECTIONS[part.operation.path.kind][1]
        body[inner] = [*body.get(inner, ()), *(one.body for one in part.commands)]
    return replace(command, body=body)
