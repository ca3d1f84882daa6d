"""Decides how the data plane reads persistence profiles: which it follows, and what it says of the others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from bigipsim.dataplane.persist import Persistence
from bigipsim.tree import Tree

Values = Mapping[str, Any]


def seconds(value: Any, otherwise: float | None) -> float | None:
    """Seconds from a number, a decimal string or "indefinite" (None)."""
    if value == "indefinite":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return otherwise


def duration_s(text: str) -> int:
    """Seconds from "[[[d:]h:]m:]s", as a cookie's expiration is written; 0 for a session cookie."""
    if not re.fullmatch(r"\d+(:\d+){0,3}", text):
        return 0
    parts = [int(part) for part in reversed(text.split(":"))]
    return sum(part * size for part, size in zip(parts, (1, 60, 3600, 86400), strict=False))


def persistences(
    tree: Tree, values: Values, http: bool
) -> tuple[Persistence | None, Persistence | None, tuple[str, ...]]:
    """The default and the fallback persistence that are followed, and words on those that are not."""
    followed: list[Persistence | None] = []
    notes: list[str] = []
    default = next((reference(entry) for entry in values.get("persist") or ()), "")
    for path in (default, str(values.get("fallbackPersistence") or "")):
        found = _persistence(tree, path) if path else None
        if path and found is None:
            notes.append(f"persistence {path} is not evaluated")
        if found is not None and found.kind == "cookie" and not http:
            notes.append(f"persistence {path} needs an http profile and is not evaluated")
            found = None
        followed.append(found)
    return followed[0], followed[1], tuple(notes)


def reference(entry: Any) -> str:
    """The full path in an entry of the list `persist`: a path, or a name with its partition."""
    if isinstance(entry, str):
        return entry
    name = str(entry.get("name", ""))
    return name if name.startswith("/") else f"/{entry.get('partition', 'Common')}/{name}"


def _persistence(tree: Tree, path: str) -> Persistence | None:
    if (item := tree.get("ltm/persistence/cookie", path)) is not None:
        values = item.values
        method = values.get("method", "insert")
        if method == "hash":
            return None
        name = values.get("cookieName", "none")
        return Persistence(
            path,
            "cookie",
            cookie_name="" if name in (None, "none") else str(name),
            cookie_method="passive" if method == "passive" else "insert",
            cookie_lifetime_s=duration_s(str(values.get("expiration", "0"))),
            http_only=values.get("httponly", "enabled") == "enabled",
            secure=values.get("secure", "enabled") == "enabled",
            always_send=values.get("alwaysSend") == "enabled",
            override_limit=values.get("overrideConnectionLimit") == "enabled",
        )
    kinds: tuple[Literal["source-addr", "dest-addr"], ...] = ("source-addr", "dest-addr")
    for kind in kinds:
        if (item := tree.get(f"ltm/persistence/{kind}", path)) is not None:
            return _table_persistence(path, kind, item.values)
    return None


def _table_persistence(path: str, kind: Literal["source-addr", "dest-addr"], values: Values) -> Persistence:
    mask = values.get("mask", "none")
    return Persistence(
        path,
        kind,
        timeout_s=seconds(values.get("timeout"), 180.0),
        mask="" if mask in (None, "none") else str(mask),
        across_virtuals=values.get("matchAcrossVirtuals") == "enabled",
        across_pools=values.get("matchAcrossPools") == "enabled",
        override_limit=values.get("overrideConnectionLimit") == "enabled",
    )
