"""An operation as requests: which ones, and that they are the fewest.

A change of members alone is one request: one member is a POST, a DELETE or a PATCH of that member, several are one
PATCH of the pool with its whole list. In a pool that is not ours the list is not ours either, so there each member is
a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from turnbuckle.drivers.icontrol import uri
from turnbuckle.drivers.icontrol.codec import Body, Change, Codec
from turnbuckle.drivers.icontrol.objects import CODECS, PARTS
from turnbuckle.drivers.icontrol.objects import member as members
from turnbuckle.drivers.icontrol.objects.iapp import RERUN
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ltm import DesignatedPool, IAppService, LtmObject, Member, Pool
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.state import Path

DIRECT_ONLY = frozenset({IAppService.KIND})
"""Collections that the device refuses inside a transaction."""

Names = Mapping[str, Mapping[str, str]]
"""Pool -> full path of a member as we call it -> as the device does, for those few where the two differ."""


@dataclass(frozen=True, slots=True)
class Command:
    """One write. target: full path of the object that is written, a member's own when it is one; a rule's name."""

    method: str
    path: str
    target: str
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An operation and the commands that do it, in order; index: its place in the batch."""

    index: int
    operation: Operation
    commands: tuple[Command, ...]


def shared_keys(operation: Operation) -> tuple[str, ...]:
    """The keys to be read anew before an operation, because others may have entries there that have to stay."""
    codec = codec_of(operation.path.kind)
    if codec is None or operation.verb is not Verb.UPDATE:
        return ()
    return tuple(dict.fromkeys(key for row in codec.fields if row.name in operation.fields for key in row.shared))


def codec_of(kind: str) -> Codec | None:
    """The codec of a kind, whether it is a collection or a part of other objects."""
    return CODECS.get(kind) or PARTS.get(kind)


def commands(operation: Operation, names: Names, standing: Wire) -> tuple[Command, ...]:
    """The writes for an operation. standing: what is on the device under its shared keys."""
    path = operation.path
    aliases = names.get(path.name, {})
    if path.kind == DesignatedPool.KIND:
        return _designated(operation, aliases)
    target = path.name.partition(":")[2] if path.kind in PARTS else path.name
    if operation.verb is Verb.DELETE:
        return (Command("DELETE", uri.of(path.kind, path.name), target),)
    codec, after = cast(Codec, codec_of(path.kind)), cast(LtmObject, operation.after)
    if operation.verb is Verb.CREATE:
        return (Command("POST", uri.home(path.kind, path.name), target, codec.create(after)),)
    if path.kind == Pool.KIND and operation.members_only:
        single = _single(_differences(operation), path.name, aliases, None)
        if single is not None:
            return (single,)
    return _patch(codec, path, target, operation, Change(operation.before, standing, aliases))


def _patch(codec: Codec, path: Path, target: str, operation: Operation, change: Change) -> tuple[Command, ...]:
    body = codec.patch(cast(LtmObject, operation.after), operation.fields, change)
    if not body:
        return ()
    if path.kind in DIRECT_ONLY:
        body |= RERUN
    return (Command("PATCH", uri.of(path.kind, path.name), target, body),)


@dataclass(frozen=True, slots=True)
class _Differences:
    more: tuple[Member, ...]
    less: tuple[Member, ...]
    other: tuple[tuple[Member, Member], ...]


def _differences(operation: Operation) -> _Differences:
    pool = operation.path.name
    before = {members.key_of(m, pool): m for m in _members(operation.before)}
    after = {members.key_of(m, pool): m for m in _members(operation.after)}
    return _Differences(
        tuple(after[key] for key in sorted(after.keys() - before.keys())),
        tuple(before[key] for key in sorted(before.keys() - after.keys())),
        tuple((before[k], after[k]) for k in sorted(after.keys() & before.keys()) if before[k] != after[k]),
    )


def _members(obj: LtmObject | None) -> frozenset[Member]:
    return obj.members if isinstance(obj, Pool | DesignatedPool) else frozenset()


def _single(differences: _Differences, pool: str, aliases: Mapping[str, str], mark: Mark | None) -> Command | None:
    found = _each(differences, pool, aliases, mark)
    return found[0] if len(found) == 1 else None


def _each(differences: _Differences, pool: str, aliases: Mapping[str, str], mark: Mark | None) -> tuple[Command, ...]:
    """A command for each member: those that leave first, so that an address may come back under another name."""
    within = f"{uri.of(Pool.KIND, pool)}/{members.KIND}"

    def named(member: Member) -> str:
        path = members.path_of(member, pool)
        return aliases.get(path, path)

    def at(member: Member) -> str:
        return f"{within}/{uri.segment(named(member))}"

    return (
        *(Command("DELETE", at(m), named(m)) for m in differences.less),
        *(
            Command("PATCH", at(after), named(after), members.change(after, before, mark and (before.mark or mark)))
            for before, after in differences.other
        ),
        *(
            Command("POST", within, named(m), members.body(m, named(m), None, mark and (m.mark or mark)))
            for m in differences.more
        ),
    )


def _designated(operation: Operation, aliases: Mapping[str, str]) -> tuple[Command, ...]:
    mark = operation.after.mark if operation.after is not None else None
    return _each(_differences(operation), operation.path.name, aliases, mark)
