"""A plan for people and for programs. The JSON form is a contract: keys are added, never changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import DesignatedPool, LtmObject, Member, Pool
from turnbuckle.model.plan import Operation, Plan, Verb
from turnbuckle.model.ref import Origin, Ref
from turnbuckle.model.state import Path

_SIGNS = {Verb.CREATE: ("+", "32"), Verb.UPDATE: ("~", "33"), Verb.DELETE: ("-", "31")}

Origins = Mapping[Ref, Origin]


def text(plan: Plan, colour: bool = False) -> str:
    """The plan as people read it, one operation a line and the changed fields below it."""
    paint = _painter(colour)
    lines = [line for operation in plan.operations for line in _operation_lines(operation, paint)]
    lines += [f"{paint('=', '90')} foreign  {path}  left as it is" for path in plan.foreign]
    counts = {verb: sum(op.verb is verb for op in plan.operations) for verb in Verb}
    if plan.operations:
        lines.append(
            f"{counts[Verb.CREATE]} to create, {counts[Verb.UPDATE]} to change, {counts[Verb.DELETE]} to delete."
            f" Fingerprint {plan.fingerprint}."
        )
    else:
        lines.append("Nothing to do: the BIG-IP is as it should be.")
    return "\n".join(lines)


def as_json(plan: Plan, issues: Iterable[Issue] = (), origins: Origins | None = None) -> str:
    """The plan as a program reads it."""
    return json.dumps(
        {
            "fingerprint": plan.fingerprint,
            "operations": [_operation_json(operation) for operation in plan.operations],
            "foreign": [str(path) for path in plan.foreign],
            "issues": issues_json([*issues, *plan.refusals], origins or {}),
        },
        indent=2,
    )


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
    return lines + [f"      {name}: {_change(operation, name)}" for name in sorted(operation.fields)]


def _change(operation: Operation, name: str) -> str:
    before, after = operation.before, operation.after
    if name == "members" and isinstance(before, Pool | DesignatedPool) and isinstance(after, Pool | DesignatedPool):
        return _member_changes(before.members, after.members)
    field = "mark" if name == "metadata" else name
    return f"{_shown(before, field)} -> {_shown(after, field)}"


def _member_changes(before: frozenset[Member], after: frozenset[Member]) -> str:
    gone, new = {m.name for m in before}, {m.name for m in after}
    parts = [f"+{name}" for name in sorted(new - gone)] + [f"-{name}" for name in sorted(gone - new)]
    parts += [f"~{m.name}" for m in sorted(after - before) if m.name in gone]
    return " ".join(parts)


def _shown(obj: LtmObject | None, name: str) -> str:
    value = getattr(obj, name) if obj is not None and name in {f.name for f in fields(obj)} else None
    match value:
        case None:
            return "none"
        case frozenset() | tuple():
            return "[" + ", ".join(sorted(str(part.name if isinstance(part, Path) else part) for part in value)) + "]"
        case _:
            return str(value)


def _painter(colour: bool) -> Any:
    return (lambda what, code: f"\033[{code}m{what}\033[0m") if colour else (lambda what, code: what)
