"""What a device has and what is wanted are in memory once where they are identical."""

from __future__ import annotations

from dataclasses import replace

from turnbuckle.model.ltm import Member, Pool, sharing
from turnbuckle.model.mark import Mark
from turnbuckle.model.state import State

MARK = Mark("us", "c", "ConfigMap/default/web")
MEMBER = Member("198.51.100.1", 80, "k8s")


def pool(name: str, member: Member = MEMBER, mark: Mark | None = MARK) -> Pool:
    return Pool(f"/k8s/{name}", mark, frozenset({member}))


def test_only_what_is_identical_is_taken_from_the_other():
    disabled = replace(MEMBER, admin_state="disabled")
    read = State([pool("same"), pool("theirs", mark=None), pool("other", disabled), pool("alone")])
    wanted = State([pool("same"), pool("theirs"), pool("other"), pool("missing")])
    found = sharing(read, wanted)
    assert dict(found) == dict(read)
    assert [path.leaf for path in sorted(found) if found[path] is wanted.get(path)] == ["same"]
    (member,) = next(obj for path, obj in found.items() if path.leaf == "other").members
    assert member.admin_state == "disabled"
