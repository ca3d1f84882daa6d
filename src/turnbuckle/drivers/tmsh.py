"""A plan as tmsh commands: what an operator could type to the same effect.

Everything is one transaction but application services, which the device takes by themselves only, and policies that go:
those go after the transaction that lets go of them. The output can be pasted into tmsh, and nothing else is sent, but
for certificates and keys: comments say where their contents are expected. What a folder or a ledger needs stands
ahead; that it may be there already does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turnbuckle.drivers import tmsh_shared
from turnbuckle.drivers.tmsh_words import dashed, description, listed, metadata, quoted
from turnbuckle.model import mark as marks
from turnbuckle.model.ltm import (
    DataGroup,
    DesignatedPool,
    IAppService,
    IAppTable,
    IRule,
    LtmObject,
    Member,
    Monitor,
    Pool,
    VirtualServer,
)
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Operation, Plan, Verb
from turnbuckle.model.policy import Policy, PolicyRule
from turnbuckle.model.tls import CertificateFile, ClientSsl, KeyFile, ProfileBinding, ServerSsl
from turnbuckle.planner.parts import gone_with

_FILES = frozenset({CertificateFile.KIND, KeyFile.KIND})
_PARTS = frozenset({PolicyRule.KIND, ProfileBinding.KIND})

_OPERATOR_STATES = {
    "enabled": "",
    "disabled": " session user-disabled",
    "offline": " session user-disabled state user-down",
}


def commands(plan: Plan, partitions: Iterable[str] = ()) -> str:
    """The commands, one a line, each line ended; empty for a plan without operations.

    partitions: those that are made first; the transaction refers to them, so they stand before it.
    """
    along = gone_with(plan.operations)
    apart = [op for op in plan.operations if op.path.kind == IAppService.KIND]
    rest = [op for op in plan.operations if op.path.kind != IAppService.KIND and op.path not in along]
    cut = next((n for n, op in enumerate(rest) if op.path.kind == Policy.KIND and op.verb is Verb.DELETE), len(rest))
    inside, after = [*_lines(rest[:cut])], rest[cut:]
    lines = [f"create auth partition {quoted(name)}" for name in partitions]
    lines += tmsh_shared.ahead(rest)
    lines += _lines(op for op in apart if op.verb is Verb.DELETE)
    if inside:
        lines += ["create cli transaction", *inside, "submit cli transaction"]
    lines += _lines(after)
    lines += _lines(op for op in apart if op.verb is not Verb.DELETE)
    return "".join(f"{line}\n" for line in lines)


def _lines(operations: Iterable[Operation]) -> Iterator[str]:
    for operation in operations:
        yield from _command(operation)


def _command(operation: Operation) -> Iterator[str]:
    path = operation.path
    if path.kind == DesignatedPool.KIND:
        yield from _designated(operation)
        return
    if path.kind in _FILES or path.kind in _PARTS:
        yield from tmsh_shared.file(operation) if path.kind in _FILES else tmsh_shared.part(operation)
        return
    if path.kind == IRule.KIND:
        yield from tmsh_shared.irule(operation)
        return
    component = path.kind.replace("/", " ")
    if operation.after is None:
        yield f"delete {component} {quoted(path.name)}"
        return
    creates = operation.verb is Verb.CREATE
    if creates:
        parts = [text for _, text in _properties(operation.after, operation.before)]
    else:
        parts = [text for name, text in _properties(operation.after, operation.before) if name in operation.fields]
    body = " ".join(dict.fromkeys(part for part in parts if part))
    if isinstance(operation.after, IAppService) and not creates:
        body = f"{body} execute-action definition"
    if body or creates:
        yield f"{'create' if creates else 'modify'} {component} {quoted(path.name)} {{ {body} }}"
    yield from tmsh_shared.lists(operation)


def _properties(obj: LtmObject, before: LtmObject | None) -> Iterator[tuple[str, str]]:
    """Field of the model -> the words that set it."""
    match obj:
        case Monitor():
            yield from _monitor(obj, before)
        case Pool():
            yield from _pool(obj, before)
        case VirtualServer():
            yield from _virtual(obj, before)
        case IAppService():
            yield from _service(obj, before)
        case DataGroup():
            yield from _data_group(obj, before)
        case Policy():
            yield from tmsh_shared.policy(obj, before)
        case ClientSsl():
            yield from tmsh_shared.client_ssl(obj, before)
        case ServerSsl():
            yield from tmsh_shared.server_ssl(obj, before)
        case _:
            raise TypeError(f"{type(obj).__name__} has no tmsh form")


def _monitor(monitor: Monitor, before: LtmObject | None) -> Iterator[tuple[str, str]]:
    if before is None:
        yield "type", f"defaults-from /Common/{monitor.type.replace('-', '_')}"
    yield "interval_s", f"interval {monitor.interval_s}"
    yield "timeout_s", f"timeout {monitor.timeout_s}"
    for name, text in (("send", monitor.send), ("recv", monitor.recv)):
        if text or before is not None:
            yield name, f"{name} {quoted(text) if text else 'none'}"
    if monitor.ssl_profile or (before is not None and monitor.type == "https"):
        yield "ssl_profile", f"ssl-profile {quoted(monitor.ssl_profile) if monitor.ssl_profile else 'none'}"
    yield "metadata", description(monitor.mark)


def _pool(pool: Pool, before: LtmObject | None) -> Iterator[tuple[str, str]]:
    yield "load_balancing", f"load-balancing-mode {pool.load_balancing}"
    if pool.monitors or before is not None:
        names = [quoted(path.name) for path in pool.monitors]
        least = (
            f"min {pool.monitors_needed} of {{ {' '.join(names)} }}" if pool.monitors_needed else " and ".join(names)
        )
        yield from ((name, f"monitor {least or 'none'}") for name in ("monitors", "monitors_needed"))
    yield "members", _members(pool, before)
    yield "metadata", metadata(pool.mark, before)


def _members(pool: Pool, before: LtmObject | None) -> str:
    known = {_member_name(m, pool.name): m for m in before.members} if isinstance(before, Pool) else {}
    wanted = {_member_name(m, pool.name): m for m in pool.members}
    if not known and not wanted:
        return ""
    if not wanted:
        return "members none"
    items = [f"{name} {{{_settings(m)}{_state(m, known.get(name))} }}" for name, m in sorted(wanted.items())]
    return f"members {'replace-all-with' if before is not None else 'add'} {{ {' '.join(items)} }}"


def _state(member: Member, before: Member | None, mark: Mark | None = None) -> str:
    """Whether a member takes new connections, and the entry that tells later whose wish that is."""
    operators = before.admin_state if before is not None else "enabled"
    words = _OPERATOR_STATES["disabled" if member.draining and operators == "enabled" else operators]
    ended = before is not None and before.draining and not member.draining
    if ended and not words:
        words = " session user-enabled"
    return words + (_all_metadata(member, mark) if member.draining or ended else "")


def _all_metadata(member: Member, mark: Mark | None) -> str:
    entries = [(name, value) for name, value, _ in member.notes]
    entries += [(marks.NAME, str(mark))] if mark is not None else []
    entries += [(marks.DRAINING, marks.FORMAT_VERSION)] if member.draining else []
    listed = " ".join(f"{quoted(name)} {{ value {quoted(value)} }}" for name, value in entries)
    return f" metadata replace-all-with {{ {listed} }}" if entries else " metadata none"


def _member_name(member: Member, pool: str) -> str:
    return quoted(f"/{member.node_partition or pool.split('/')[1]}/{member.name}")


def _settings(member: Member) -> str:
    words = (
        ("ratio", member.ratio, 1),
        ("priority-group", member.priority_group, 0),
        ("connection-limit", member.connection_limit, 0),
    )
    return "".join(f" {word} {value}" for word, value, default in words if value != default)


def _virtual(virtual: VirtualServer, before: LtmObject | None) -> Iterator[tuple[str, str]]:
    separator = "." if ":" in virtual.destination_address else ":"
    partition = virtual.name.split("/")[1]
    destination = f"destination {quoted(f'/{partition}/{virtual.destination_address}{separator}{virtual.port}')}"
    mask = "mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" if separator == "." else "mask 255.255.255.255"
    profiles = listed("profiles", "replace-all-with" if before is not None else "add", tmsh_shared.uses(virtual))
    yield "destination_address", f"{destination} {mask}"
    yield "port", "" if before is None else destination
    yield "protocol", f"ip-protocol {virtual.protocol}" + ("" if before is None else f" {profiles}")
    if before is None:
        yield "profiles", profiles
        yield "policies", listed("policies", "add", (f"{quoted(path)} {{ }}" for path in sorted(virtual.policies)))
        yield "rules", f"rules {{ {' '.join(map(quoted, sorted(virtual.rules)))} }}" if virtual.rules else ""
    if virtual.pool or before is not None:
        yield "pool", f"pool {quoted(virtual.pool) if virtual.pool else 'none'}"
    if not virtual.translate_address or before is not None:
        yield "translate_address", f"translate-address {'enabled' if virtual.translate_address else 'disabled'}"
    if virtual.source or before is not None:
        yield "source", f"source {virtual.source or ('::/0' if separator == '.' else '0.0.0.0/0')}"
    yield "snat", f"source-address-translation {{ {_snat(virtual.snat)} }}"
    if virtual.persistence:
        yield "persistence", f"persist replace-all-with {{ {quoted(virtual.persistence)} }}"
    elif before is not None:
        yield "persistence", "persist none"
    yield "metadata", metadata(virtual.mark, before)


def _snat(snat: str) -> str:
    return f"type snat pool {quoted(snat)}" if snat.startswith("/") else f"type {snat} pool none"


def _service(service: IAppService, before: LtmObject | None) -> Iterator[tuple[str, str]]:
    yield "template", f"template {quoted(service.template)}"
    yield "options", " ".join(f"{dashed(key)} {quoted(value)}" for key, value in service.options)
    verb = "replace-all-with" if before is not None else "add"
    variables = " ".join(f"{quoted(name)} {{ value {quoted(value)} }}" for name, value in service.variables)
    yield "variables", f"variables {verb} {{ {variables} }}" if variables else ""
    tables = " ".join(_table(table) for table in service.tables)
    yield "tables", f"tables {verb} {{ {tables} }}" if tables else ""
    yield "metadata", description(service.mark)


def _data_group(group: DataGroup, before: LtmObject | None) -> Iterator[tuple[str, str]]:
    verb = "replace-all-with" if before is not None else "add"
    records = " ".join(f"{quoted(name)} {{ data {quoted(data)} }}" for name, data in sorted(group.records))
    yield "records", f"records {verb} {{ {records} }}" if records else "records none"
    yield "type", f"type {group.type}" if before is None else ""
    yield "metadata", description(group.mark)


def _table(table: IAppTable) -> str:
    rows = " ".join(f"{{ row {{ {' '.join(quoted(cell) for cell in row)} }} }}" for row in table.rows)
    columns = " ".join(quoted(column) for column in table.columns)
    return f"{quoted(table.name)} {{ column-names {{ {columns} }} rows {{ {rows} }} }}"


def _designated(operation: Operation) -> Iterator[str]:
    """Members one by one: the others in that pool are not ours to repeat."""
    pool, after = operation.path.name, operation.after
    mark = after.mark if isinstance(after, DesignatedPool) else None
    known, wanted = _by_name(operation.before, pool), _by_name(after, pool)
    for name in sorted(known.keys() - wanted.keys()):
        yield f"modify ltm pool {quoted(pool)} {{ members delete {{ {name} }} }}"
    for name in sorted(wanted.keys() & known.keys()):
        if wanted[name] != known[name]:
            m = wanted[name]
            settings = f"ratio {m.ratio} priority-group {m.priority_group} connection-limit {m.connection_limit}"
            state = _state(m, known[name], m.mark or mark) if m.draining is not known[name].draining else ""
            yield f"modify ltm pool {quoted(pool)} {{ members modify {{ {name} {{ {settings}{state} }} }} }}"
    for name in sorted(wanted.keys() - known.keys()):
        own = wanted[name].mark or mark
        state = _state(wanted[name], None, own) if wanted[name].draining else f" {metadata(own, None)}"
        body = f"{_settings(wanted[name])}{state}"
        yield f"modify ltm pool {quoted(pool)} {{ members add {{ {name} {{{body} }} }} }}"


def _by_name(obj: LtmObject | None, pool: str) -> dict[str, Member]:
    members = obj.members if isinstance(obj, DesignatedPool) else ()
    return {_member_name(member, pool): member for member in members}
