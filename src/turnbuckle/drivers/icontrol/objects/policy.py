"""Policies, told with their rules. Ours are "legacy", which transactions edit; drafts and published ones are others'.

Rules are objects of their own in policies that bear a mark; in others they are nobody's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from turnbuckle.drivers.icontrol import values
from turnbuckle.drivers.icontrol.codec import METADATA, Body, Change, Codec, Field, Scene, plain
from turnbuckle.drivers.icontrol.objects.rule import RULE, name_in
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.mark import Mark
from turnbuckle.model.policy import Policy

_LEGACY = frozenset({"legacy", ""})
"""What the status of a policy is that takes changes; before version 12.1 there is none."""


def _read_mark(raw: Wire, _: Scene) -> Mark | None:
    return values.metadata_mark(raw) if values.text(raw.get("status")) in _LEGACY else None


def _words(name: str) -> Field:
    def read(raw: Wire, _: Scene) -> frozenset[str]:
        found = raw.get(name)
        return frozenset(str(word) for word in found) if isinstance(found, list) else frozenset()

    def write(policy: Policy, _: Change) -> Body:
        return {name: sorted(getattr(policy, name))}

    return Field(name, (name,), read, write)


def _rules(raw: Wire, policy: Policy, scene: Scene) -> Iterable[LtmObject]:
    if policy.mark is None:
        return
    for item in values.listed(raw.get("rulesReference")):
        yield replace(RULE.decode(item, scene), name=name_in(policy, item))


POLICY = Codec(
    kind=Policy.KIND,
    type=Policy,
    fields=(
        Field("metadata", ("metadata", "status"), _read_mark, METADATA.write, METADATA.shared),
        plain("strategy", "strategy", "/Common/first-match"),
        _words("requires"),
        _words("controls"),
    ),
    extra=lambda _: {"legacy": True},
    inner_keys=("name", "conditionsReference", "actionsReference"),
    subcollections=("rulesReference",),
    parts=_rules,
)
