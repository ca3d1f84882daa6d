"""Which operation of a refused transaction is at fault, and which others cannot be done without it; pure.

The device names no command when it refuses a commit; its words name objects. Where they point at nobody, whoever asks
has to halve the transaction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from turnbuckle.drivers.icontrol.commands import Step
from turnbuckle.model.partition_claim import is_claim
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.state import Path

_PATH = re.compile(r"(?<![\w/])/[^\s()'\",\[\]]+")
_ADDRESS = re.compile(r"IP address (\S+)")


@dataclass(frozen=True, slots=True)
class Suspects:
    """Steps that a refusal may be about. certain: each of them is, so none needs to be tried by itself."""

    steps: tuple[Step, ...]
    certain: bool


def suspects(words: str, steps: Sequence[Step]) -> Suspects:
    """The steps that the device's words point at: by their own names, else by what they refer to."""
    paths = {found.rstrip(".:") for found in _PATH.findall(words)}
    named = tuple(step for step in steps if step.operation.path.name in paths)
    if named:
        return Suspects(named, len(named) == 1)
    hosts = {host.split("%")[0].rstrip(".") for host in _ADDRESS.findall(words)}
    about = tuple(step for step in steps if _mentions(step, paths, hosts))
    return Suspects(about, True)


def _mentions(step: Step, paths: set[str], hosts: set[str]) -> bool:
    strings = {text for command in step.commands for text in _strings(command.body)}
    if paths & strings:
        return True
    return any(host in _hosts(text) for text in strings for host in hosts)


def _hosts(text: str) -> set[str]:
    """The addresses that a member's name or a destination may be about."""
    leaf = text.rpartition("/")[2]
    return {part.split("%")[0] for part in (leaf, leaf.rpartition(":")[0], leaf.rpartition(".")[0])}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def dependants(culprits: Iterable[Step], steps: Sequence[Step]) -> dict[int, Path]:
    """The steps that cannot be done when the culprits are not: index -> path of the culprit."""
    found: dict[int, Path] = {}
    todo = [(step, step.operation.path) for step in culprits]
    guilty = {step.index for step, _ in todo}
    while todo:
        step, culprit = todo.pop()
        for other in steps:
            if other.index in guilty or other.index in found:
                continue
            if needs(other.operation, step.operation):
                found[other.index] = culprit
                todo.append((other, culprit))
    return found


def needs(later: Operation, earlier: Operation) -> bool:
    """Whether an operation cannot be done while another one is not done; nothing can without its partition's claim."""
    if earlier.verb is Verb.CREATE and is_claim(earlier.path) and later.path.partition == earlier.path.partition:
        return True
    if earlier.verb is Verb.CREATE and later.after is not None and earlier.path in later.after.references():
        return True
    if later.verb is Verb.DELETE and earlier.before is not None and later.path in earlier.before.references():
        return later.path != earlier.before.whole()
    if later.verb is Verb.DELETE and earlier.verb is Verb.DELETE and later.before is not None:
        return later.before.whole() == earlier.path
    vacated = _occupies(earlier.before) - _occupies(earlier.after)
    return bool(vacated & (_occupies(later.after) - _occupies(later.before)))


def _occupies(obj: Any) -> frozenset[str]:
    return obj.occupies() if obj is not None else frozenset()
