"""Pools, members included."""

from __future__ import annotations

from typing import cast

from turnbuckle.drivers.icontrol import values
from turnbuckle.drivers.icontrol.codec import METADATA, Body, Change, Codec, Field, Scene, plain
from turnbuckle.drivers.icontrol.objects import member as members
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ltm import Member, Pool


def _read_members(raw: Wire, scene: Scene) -> frozenset[Member]:
    pool = values.full_path(raw)
    items = values.listed(raw.get("membersReference") or raw.get("members"))
    return frozenset(members.decode(item, pool, scene) for item in items)


def _write_members(pool: Pool, change: Change) -> Body:
    before = cast("Pool | None", change.before)
    known = {members.key_of(m, pool.name): m for m in before.members} if before else {}
    items = []
    for member in sorted(pool.members):
        path = members.path_of(member, pool.name)
        items.append(members.body(member, change.names.get(path, path), known.get(members.key_of(member, pool.name))))
    if not items and change.before is None:
        return {}
    return {"members": items}


def _write_monitors(pool: Pool, change: Change) -> Body:
    if not pool.monitors and change.before is None:
        return {}
    return {"monitor": values.monitor_expression(pool.monitors, pool.monitors_needed)}


POOL = Codec(
    kind=Pool.KIND,
    type=Pool,
    fields=(
        METADATA,
        plain("load_balancing", "loadBalancingMode", "round-robin"),
        Field(
            "monitors",
            ("monitor",),
            lambda raw, scene: values.monitor_paths(raw.get("monitor"), scene.monitors),
            _write_monitors,
        ),
        Field(
            "monitors_needed", ("monitor",), lambda raw, _: values.monitors_needed(raw.get("monitor")), _write_monitors
        ),
        Field("members", ("membersReference",), _read_members, _write_members),
    ),
    inner_keys=members.KEYS,
)
