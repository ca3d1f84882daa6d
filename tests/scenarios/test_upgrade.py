"""A BIG-IP that an earlier version wrote to is found in order: its marks, claim, ledger and names are a promise.

Each file of golden/device is a BIG-IP as one version left it, by that version's number. A file is never written again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from scenarios.loop import World, endpoints, f5_resource, service, world
from turnbuckle import __version__
from unit.ingresses import F5, class_manifest, ingress_manifest, path, rule

DEVICES = Path(__file__).parents[1] / "golden" / "device"
MANIFESTS = (
    f5_resource(address="203.0.113.9"),
    service(),
    endpoints(2),
    class_manifest(),
    ingress_manifest(
        "shop",
        "default",
        rule("shop.example.com", path("/tea")),
        annotations={f"{F5}/health": '[{"path": "shop.example.com/tea"}]'},
    ),
    ingress_manifest("wild", "default", rule("*.example.com"), created="2026-02-01T00:00:00Z"),
    {
        "kind": "Service",
        "metadata": {"name": "lb", "namespace": "default", "annotations": {"cis.f5.com/ip": "203.0.113.8"}},
        "spec": {
            "type": "LoadBalancer",
            "ports": [{"port": 80}],
            "loadBalancerSourceRanges": ["192.0.2.0/24", "198.51.100.0/24"],
        },
    },
    endpoints(2, "lb"),
)


def ours(w: World) -> dict[str, list[Any]]:
    """The objects in the managed partition, by their collections."""
    found = {
        kind: [one for one in items if one["fullPath"].startswith("/k8s/")]
        for kind, items in w.device.box.dump()["objects"].items()
    }
    return {kind: items for kind, items in found.items() if items}


def load(w: World, objects: dict[str, list[Any]]) -> None:
    """Adds objects as they were on another device."""
    there = w.device.box.dump()
    both = {kind: [*there["objects"].get(kind, ()), *objects.get(kind, ())] for kind in {**there["objects"], **objects}}
    w.device.box.load({**there, "objects": both, "generation": 1000, "lastIndex": 1000})


def left_by(version: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = json.loads((DEVICES / f"{version}.json").read_text(encoding="utf-8"))
    return found


async def test_this_version_has_left_a_device_for_later_ones() -> None:
    if not (file := DEVICES / f"{__version__}.json").exists() and os.environ.get("TURNBUCKLE_GOLDEN") == "write":
        async with world(*MANIFESTS) as w:
            assert w.issues() == []
            file.write_text(json.dumps(ours(w), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert file.exists(), "write it with TURNBUCKLE_GOLDEN=write"


@pytest.mark.parametrize("version", [file.stem for file in sorted(DEVICES.glob("*.json"))])
async def test_what_an_earlier_version_left_is_found_in_order_and_followed_from_there(version: str) -> None:
    left = left_by(version)
    assert {"ltm/virtual", "ltm/pool", "ltm/policy", "ltm/rule", "ltm/data-group/internal"} <= left.keys()
    async with world(*MANIFESTS, started=False) as w:
        load(w, left)
        assert ours(w) == left
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert w.issues() == []
        assert writes() == []
        assert ours(w) == left
        w.cluster.tell(endpoints(3))
        w.cluster.delete("Ingress", "wild")
        await w.until(lambda: len(w.members()) == 3 and "ltm/rule" not in ours(w))
        await w.in_sync()
        assert w.issues() == []
