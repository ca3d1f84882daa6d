"""Pool members: their names, what an operator set on them, and the item that stands for one in a pool's list."""

from __future__ import annotations

from sys import intern
from typing import Any, cast

from turnbuckle.drivers.icontrol import uri, values
from turnbuckle.drivers.icontrol.codec import Body, Scene
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model import mark as marks
from turnbuckle.model.ltm import AdminState, Member
from turnbuckle.model.mark import Mark

KIND = "members"
KEYS = (
    "name", "partition", "fullPath", "address", "ratio", "priorityGroup", "connectionLimit", "session", "state",
    "metadata", "generation",
)  # fmt: skip

_NUMBERS = (
    ("ratio", "ratio", 1),
    ("priority_group", "priorityGroup", 0),
    ("connection_limit", "connectionLimit", 0),
)

SESSIONS: dict[AdminState, Body] = {
    "enabled": {"session": "user-enabled", "state": "user-up"},
    "disabled": {"session": "user-disabled", "state": "user-up"},
    "offline": {"session": "user-disabled", "state": "user-down"},
}
"""What is written for what an operator wants of a member."""


def decode(raw: Wire, pool: str, scene: Scene) -> Member:
    """The member that the device sent; pool: full path of the pool that holds it."""
    path = str(raw.get("fullPath") or values.full_path(raw, uri.split(pool)[0]))
    node_partition, _, leaf = uri.split(path)
    named, port = values.split_port(leaf)
    return Member(
        # Thousands of members have few partitions, and addresses that their endpoints have as well.
        address=intern(values.address(raw.get("address") or named, scene.domains.get(node_partition, 0))),
        port=port,
        node_partition=intern(node_partition),
        ratio=values.number(raw.get("ratio"), 1),
        priority_group=values.number(raw.get("priorityGroup")),
        connection_limit=values.number(raw.get("connectionLimit")),
        admin_state=_admin_state(raw),
        **(_noted(raw["metadata"]) if raw.get("metadata") else {}),
    )


def _admin_state(raw: Wire) -> AdminState:
    if raw.get("session") != "user-disabled":
        return "enabled"
    if raw.get("state") == "user-down":
        return "offline"
    return "enabled" if _bears_drain(raw) else "disabled"


def _bears_drain(raw: Wire) -> bool:
    return any(entry.get("name") == marks.DRAINING for entry in values.listed(raw.get("metadata")))


def _noted(metadata: object) -> dict[str, Any]:
    """What a member's metadata says: whose it is, whether we had it drain, and what is of others."""
    entries = values.listed(metadata)
    names = {entry.get("name") for entry in entries}
    others = tuple(
        (str(entry.get("name", "")), str(entry.get("value", "")), str(entry.get("persist", "")))
        for entry in entries
        if entry.get("name") not in (marks.NAME, marks.DRAINING)
    )
    mark = values.metadata_mark({"metadata": metadata})
    return {"mark": mark, "draining": marks.DRAINING in names, "notes": others}


def metadata(member: Member, mark: Mark | None) -> list[dict[str, str]]:
    """The whole metadata of a member: of others, our mark in pools that are not ours, and that it drains by us."""
    found = [
        {"name": name, "value": value, **({"persist": persist} if persist else {})}
        for name, value, persist in member.notes
    ]
    if mark is not None:
        found.append({"name": marks.NAME, "value": str(mark)})
    if member.draining:
        found.append({"name": marks.DRAINING, "value": marks.FORMAT_VERSION})
    return found


def path_of(member: Member, pool: str) -> str:
    """The full path of a member as we call it."""
    return f"/{member.node_partition or uri.split(pool)[0]}/{member.name}"


def key_of(member: Member, pool: str) -> tuple[str, str, int]:
    """What makes two members the same one, whatever their settings."""
    return member.node_partition or uri.split(pool)[0], member.address, member.port


def body(member: Member, path: str, before: Member | None = None, mark: Mark | None = None) -> Body:
    """The item or body for a member; settings at their defaults are left out unless that would change nothing.

    path: its full path on the device. before: as observed; what an operator set there is repeated. mark: ours, for
    members of pools that are not.
    """
    _, _, leaf = uri.split(path)
    found: dict[str, Any] = {"name": leaf, "partition": uri.split(path)[0], **settings(member, before)}
    state = before.admin_state if before is not None else "enabled"
    if state == "enabled" and member.draining:
        state = "disabled"
    elif state == "enabled" and before is not None and before.draining:
        found |= SESSIONS["enabled"]
    if state != "enabled":
        found |= SESSIONS[state]
    entries = metadata(member, mark)
    if entries or (before is not None and before.draining):
        found["metadata"] = entries
    return found


def change(member: Member, before: Member, mark: Mark | None = None) -> Body:
    """The body that turns a member into another one; `mark` as in body."""
    found = settings(member, before)
    if member.draining is not before.draining:
        if before.admin_state == "enabled":
            found["session"] = "user-disabled" if member.draining else "user-enabled"
        found["metadata"] = metadata(member, mark)
    return found


def settings(member: Member, before: Member | None) -> Body:
    """The settings that differ from their defaults, or did before."""
    found: Body = {}
    for attribute, key, default in _NUMBERS:
        wanted = cast(int, getattr(member, attribute))
        if wanted != default or (before is not None and getattr(before, attribute) != default):
            found[key] = wanted
    return found
