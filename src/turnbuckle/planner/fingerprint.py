"""A plan's fingerprint: what a person has seen and agreed to."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import Any

from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.plan import Operation, Plan

_MOVING = frozenset({"members", "mark"})
"""Members change by themselves between a plan and its application; a mark says nothing that the path does not."""


def fingerprint(plan: Plan) -> str:
    """16 hex digits over verbs, paths and values, but not over members; independent of the order."""
    rows = sorted(_row(operation) for operation in plan.operations if not operation.members_only)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def _row(operation: Operation) -> str:
    shown = sorted(operation.fields - _MOVING)
    return f"{operation.verb} {operation.path} {shown} {_values(operation.before)} {_values(operation.after)}"


def _values(obj: LtmObject | None) -> str:
    if obj is None:
        return "-"
    return repr([(f.name, _stable(getattr(obj, f.name))) for f in fields(obj) if f.name not in _MOVING and f.compare])


def _stable(value: Any) -> Any:
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value
