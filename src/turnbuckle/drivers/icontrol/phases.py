"""In which portions a batch of configuration is written: as few transactions as the device puts up with.

Source: BIG-IP iControl REST: application services are refused inside transactions; a policy is not deleted in the
transaction in which its virtual server lets go of it, so it goes in one of its own afterwards, and then what it used.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from turnbuckle.drivers.icontrol.commands import DIRECT_ONLY, Step
from turnbuckle.model.partition_claim import is_claim
from turnbuckle.model.plan import Verb
from turnbuckle.model.policy import Policy
from turnbuckle.model.state import Path


def phases(steps: Sequence[Step], along: Container[Path]) -> Iterator[list[Step]]:
    """Steps that are tried together, portion by portion, in order. along: parts that go with their whole by
    themselves.
    """
    direct = [step for step in steps if step.operation.path.kind in DIRECT_ONLY]
    first = [step for step in direct if step.operation.verb is Verb.DELETE]
    late = _late(steps)
    rest = [step for step in steps if step not in direct and step.operation.path not in along]
    yield from ([step] for step in first)
    yield [step for step in rest if step.operation.path not in late]
    yield [step for step in rest if step.operation.path in late]
    yield from ([step] for step in direct if step not in first)


def _late(steps: Sequence[Step]) -> set[Path]:
    """Deletes of policies that something in the same batch lets go of, and of what they and their rules use.

    The claim on the partition goes last of all.
    """
    olds = [step.operation.before for step in steps if step.operation.before is not None]
    released = {path for old in olds for path in old.references() if path != old.whole() and path.kind == Policy.KIND}
    found: set[Path] = set()
    used: set[Path] = set()
    for step in steps:
        path, before = step.operation.path, step.operation.before
        if step.operation.verb is not Verb.DELETE or before is None:
            continue
        last = bool(found) and is_claim(path)
        if path in released or path in used or before.whole() in found or last:
            found.add(path)
            used |= before.references()
    return found
