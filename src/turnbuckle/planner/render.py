"""A plan for people and for programs. The JSON form is a contract: keys are added, never changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ltm import (
    DataGroup,
    DesignatedPool,
    IAppService,
    IRule,
    LtmObject,
    Member,
    Monitor,
    Pool,
    VirtualServer,
)
from turnbuckle.model.partition_claim import holder_of, is_claim
from turnbuckle.model.plan import Operation, Outcome, Plan, Result, Verb
from turnbuckle.model.policy import Action, Condition, Policy, PolicyRule
from turnbuckle.model.ref import Origin, Ref
from turnbuckle.model.state import Path
from turnbuckle.model.tls import CertificateFile, ClientSsl, KeyFile, ProfileBinding, ServerSsl
from turnbuckle.planner.fingerprint import fingerprint
from turnbuckle.planner.parts import gone_with

_SIGNS = {Verb.CREATE: ("+", "32"), Verb.UPDATE: ("~", "33"), Verb.DELETE: ("-", "31")}

_MOST_NAMES = 5

Origins = Mapping[Ref, Origin]


def text(plan: Plan, colour: bool = False, *, issues: Iterable[Issue] = (), partitions: Sequence[str] = ()) -> str:
    """The plan as people read it: an operation a line, and below it what is made, or the fields that change.

    issues: what is shown above the plan. partitions: those that --create-partition makes before anything else.
    """
    shown = told(plan.operations)
    lines = operations_text(shown, colour, partitions=partitions)
    lines += [f"{_painter(colour)('=', '90')} foreign  {path}  left as it is" for path in plan.foreign]
    counts = {verb: sum(op.verb is verb for op in shown) for verb in Verb}
    if plan.operations or partitions:
        lines.append(
            f"{counts[Verb.CREATE] + len(partitions)} to create, {counts[Verb.UPDATE]} to change,"
            f" {counts[Verb.DELETE]} to delete. Fingerprint {fingerprint(plan)}."
        )
    else:
        lines.append(nothing_to_do(issues))
    return "\n".join(lines)


def told(operations: Iterable[Operation]) -> list[Operation]:
    """Those that people are told of. What goes with its whole is not: of a policy with its rules the policy goes."""
    todo = list(operations)
    along = gone_with(todo)
    return [operation for operation in todo if operation.path not in along]


def operations_text(
    operations: Iterable[Operation], colour: bool = False, *, partitions: Sequence[str] = ()
) -> list[str]:
    """Lines for operations that are told. partitions: those that are made before anything else."""
    paint = _painter(colour)
    sign, green = _SIGNS[Verb.CREATE]
    lines = [
        f"{paint(sign, green)} create  auth partition {name}  because of --create-partition" for name in partitions
    ]
    return lines + [line for operation in operations for line in _operation_lines(operation, paint)]


def nothing_to_do(issues: Iterable[Issue]) -> str:
    """Why there is no operation, given what was told before."""
    found = {issue.severity for issue in issues}
    if Severity.ERROR in found:
        return "Nothing is done because of the mistakes above; everything else is as it should be."
    if Severity.PENDING in found:
        return "Nothing is done: it waits for what is missing, see above; everything else is as it should be."
    return "Nothing to do: the BIG-IP is as it should be."


def as_json(
    plan: Plan,
    issues: Iterable[Issue] = (),
    origins: Origins | None = None,
    *,
    partitions: Sequence[str] = (),
    **more: object,
) -> str:
    """The plan as a program reads it. partitions: as in text. more: keys beside those of a plan."""
    made = [_partition_json(name) for name in partitions]
    operations = made + [_operation_json(operation) for operation in plan.operations]
    return _as_json(plan, operations, [*issues, *plan.refusals], origins or {}, **more)


def outcomes_as_json(
    plan: Plan,
    outcomes: Iterable[Outcome],
    issues: Iterable[Issue],
    origins: Origins,
    *,
    partitions: Sequence[str] = (),
    **more: object,
) -> str:
    """What became of a plan as a program reads it: the plan's form, with what was asked of the BIG-IP and its results.

    partitions: those that were made. more: keys beside those of a plan.
    """
    made = [_partition_json(name) | {"result": str(Result.DONE), "answer": ""} for name in partitions]
    done = [_operation_json(one.operation) | {"result": str(one.result), "answer": one.answer} for one in outcomes]
    return _as_json(plan, made + done, issues, origins, **more)


def _as_json(
    plan: Plan, operations: list[dict[str, Any]], issues: Iterable[Issue], origins: Origins, **more: object
) -> str:
    shown = {
        "fingerprint": fingerprint(plan),
        "operations": operations,
        "foreign": [str(path) for path in plan.foreign],
        "issues": issues_json(issues, origins),
    }
    return json.dumps(shown | more, indent=2)


def _partition_json(name: str) -> dict[str, Any]:
    return {"verb": str(Verb.CREATE), "type": "auth/partition", "path": name, "fields": [], "because": []}


def issues_json(issues: Iterable[Issue], origins: Origins) -> list[dict[str, Any]]:
    """Issues with their places; file and line are null for what does not come from a file."""
    rows = []
    for issue in issues:
        origin = origins.get(issue.about)
        rows.append(
            {
                "object": str(issue.about),
                "field": issue.field,
                "code": issue.code,
                "severity": str(issue.severity),
                "found": issue.found,
                "message": issue.message,
                "hint": issue.hint,
                "file": origin.file if origin else None,
                "line": origin.line_of(issue.field) if origin else None,
            }
        )
    return rows


def _operation_json(operation: Operation) -> dict[str, Any]:
    return {
        "verb": str(operation.verb),
        "type": operation.path.kind,
        "path": operation.path.name,
        "fields": sorted(operation.fields),
        "because": sorted(str(ref) for ref in operation.because),
    }


def _operation_lines(operation: Operation, paint: Any) -> list[str]:
    sign, colour = _SIGNS[operation.verb]
    because = ", ".join(sorted(str(ref) for ref in operation.because))
    head = f"{paint(sign, colour)} {operation.verb.lower()}  {operation.path}"
    lines = [f"{head}  because of {because}" if because else head]
    if operation.verb is Verb.CREATE and operation.after is not None:
        lines.append(f"      {_made(operation.after)}")
    return lines + [f"      {name}: {change(operation, name)}" for name in sorted(operation.fields)]


def _made(obj: LtmObject) -> str:
    """What an object will be, in one short line."""
    match obj:
        case VirtualServer():
            separator = "." if ":" in obj.destination_address else ":"
            served = [f"pool {obj.pool}"] if obj.pool else []
            served += [f"policy {name}" for name in sorted(obj.policies)]
            return f"{obj.destination_address}{separator}{obj.port} {obj.protocol}, {', '.join(served) or 'no pool'}"
        case Pool() | DesignatedPool():
            names = sorted(_called(member) for member in obj.members)
            shown = ", ".join(names[:_MOST_NAMES]) + (" …" if len(names) > _MOST_NAMES else "")
            count = f"{len(names)} member{'' if len(names) == 1 else 's'}"
            balance = f"{obj.load_balancing}, " if isinstance(obj, Pool) else ""
            return f"{balance}{count}: {shown}" if names else f"{balance}no members"
        case Monitor():
            return f"every {obj.interval_s} s, down after {obj.timeout_s} s"
        case IAppService():
            return f"template {obj.template}"
        case PolicyRule():
            conditions = " and ".join(map(_condition, obj.conditions)) or "always"
            return f"{conditions}: {', '.join(map(_action, obj.actions))}"
        case Policy():
            return obj.strategy.rpartition("/")[2]
        case ClientSsl():
            return f"certificate {obj.certificate}" + (", for whoever names no server" if obj.sni_default else "")
        case ServerSsl():
            return f"verified by {obj.ca}" if obj.ca else "not verified"
        case IRule():
            return f"{len(obj.text.splitlines())} lines"
        case ProfileBinding():
            return f"{obj.profile} {obj.context}"
        case CertificateFile() | KeyFile():
            return f"certificate with SHA-256 {obj.digest[:16]}…"
        case DataGroup() if is_claim(obj.path):
            holder = holder_of(obj)
            return f"the partition is claimed for controller {holder.controller_id} of cluster {holder.cluster_id}"
        case DataGroup():
            return f"{len(obj.records)} record{'' if len(obj.records) == 1 else 's'} of type {obj.type}"
        case _:
            return obj.name


def _condition(one: Condition) -> str:
    segment = f" {one.index}" if one.index else ""
    return f"{one.operand}{segment} {'not ' if one.negated else ''}{one.match} {' or '.join(one.values)}"


def _action(one: Action) -> str:
    return " ".join(filter(None, (one.act, one.variable, one.value, str(one.code or ""))))


def change(operation: Operation, name: str) -> str:
    """How one field differs, as people read it."""
    before, after = operation.before, operation.after
    if name == "members" and isinstance(before, Pool | DesignatedPool) and isinstance(after, Pool | DesignatedPool):
        return _member_changes(before.members, after.members)
    field = "mark" if name == "metadata" else name
    return f"{_shown(before, field)} -> {_shown(after, field)}"


def _called(member: Member) -> str:
    return f"{member.name} (draining)" if member.draining else member.name


def _member_changes(before: frozenset[Member], after: frozenset[Member]) -> str:
    known, gone = {m.name: m for m in before}, {m.name for m in before} - {m.name for m in after}
    parts = [f"+{_called(m)}" for m in sorted(after, key=_called) if m.name not in known]
    parts += [f"-{name}" for name in sorted(gone)]
    for member in sorted(after - before, key=_called):
        if member.name in known:
            ready_again = known[member.name].draining and not member.draining
            parts.append(f"~{_called(member)}" + (" (ready again)" if ready_again else ""))
    return " ".join(parts)


def _shown(obj: LtmObject | None, name: str) -> str:
    value = getattr(obj, name) if obj is not None and name in {f.name for f in fields(obj)} else None
    match value:
        case None:
            return "none"
        case frozenset() | tuple():
            return "[" + ", ".join(sorted(map(_part, value))) + "]"
        case _:
            return str(value)


def _part(value: Any) -> str:
    match value:
        case Path():
            return value.name
        case Condition():
            return _condition(value)
        case Action():
            return _action(value)
        case _:
            return str(value)


def _painter(colour: bool) -> Any:
    return (lambda what, code: f"\033[{code}m{what}\033[0m") if colour else (lambda what, code: what)
