"""What happens during a cold start: endpoints change, and the controller dies in the middle of it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks.cluster import Cluster
from benchmarks.lab import BigIp, Entry, Lab
from benchmarks.objects import ENDPOINTS
from benchmarks.seen import committed, created, distribution_s, latencies_s, refused_commits, tally

FIRST_COMMITS = 2
EVERY_S = 0.5
LOOK_S = 0.25
LAST_PATIENCE_S = 3.0


async def interrupted(lab: Lab, cluster: Cluster, servers: int) -> dict[str, Any]:
    """A cold start with changes, cut off in the middle, and one that takes up from there."""
    device = await lab.device()
    first = await lab.controller(cluster, device)
    entries, changes = await _until_half(cluster, device, servers)
    await first.kill()
    # What the device was carrying out it carries out, though nobody hears of it.
    await asyncio.sleep(1)
    entries += await device.requests()
    for server, _ in changes:
        await cluster.endpoints(server, ENDPOINTS)
    second = await lab.controller(cluster, device)
    synced = await second.ask("in-sync")
    later = await device.requests()
    await second.stop()
    before, after = created(entries), created(later)
    return {
        "changes": distribution_s(latencies_s(changes, entries)),
        "resumed": {
            "to_in_sync_s": synced["at_s"] - second.began_s,
            "created_before": before,
            "created_after": after,
            "written_again": before + after - 2 * servers,
            "refused_transactions": refused_commits(later),
            **tally(later),
        },
    }


async def _until_half(cluster: Cluster, device: BigIp, servers: int) -> tuple[list[Entry], list[tuple[int, float]]]:
    """The requests and the changes until half of the objects are on the device.

    Pools come before virtual servers and in the order of their names, so it is known which ones are there.
    """
    entries: list[Entry] = []
    changes: list[tuple[int, float]] = []
    next_at = 0.0
    while created(entries) < servers:
        await asyncio.sleep(LOOK_S)
        entries += await device.requests()
        pools, now = created(entries, ("/ltm/pool",)), time.monotonic()
        if len(committed(entries)) >= FIRST_COMMITS and len(changes) < pools // 2 and now >= next_at:
            changes.append((len(changes), time.time()))
            await cluster.endpoints(len(changes) - 1, ENDPOINTS - 1)
            next_at = now + EVERY_S
    until = time.monotonic() + LAST_PATIENCE_S
    while None in latencies_s(changes, entries) and time.monotonic() < until:
        await asyncio.sleep(LOOK_S)
        entries += await device.requests()
    return entries, changes
