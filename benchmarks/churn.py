"""Many changes a second, against a device that does one write of 80 ms at a time: they have to travel together."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks.cluster import Cluster
from benchmarks.lab import BigIp, Controller, Entry
from benchmarks.objects import ENDPOINTS
from benchmarks.seen import distribution_s, latencies_s, tally

PER_S = 50
PATIENCE_S = 60.0
STEPS = (9, 8, 7, 6, 5, 6, 7, 8, 9, 10)
"""How many endpoints a server has after its first change, its second, …: no two that meet amount to none."""


async def churn(running: Controller, cluster: Cluster, device: BigIp, servers: int, seconds: float) -> dict[str, Any]:
    """So many seconds of changes, spread over all servers; afterwards all have their endpoints again."""
    await running.ask("forget")
    await device.forget()
    count, stride = int(PER_S * seconds), max(1, servers // int(PER_S * seconds))
    changes: list[tuple[int, float]] = []
    began_s = time.monotonic()
    async with asyncio.TaskGroup() as puts:
        for number in range(count):
            await asyncio.sleep(max(0.0, began_s + number / PER_S - time.monotonic()))
            server, turn = number * stride % servers, number * stride // servers
            changes.append((server, time.time()))
            puts.create_task(cluster.endpoints(server, STEPS[turn % len(STEPS)]))
    took_s = time.monotonic() - began_s
    entries = await _until_done(device, changes)
    pauses = (await running.ask("figures"))["pauses"]
    found = {
        "per_s": len(changes) / took_s,
        **distribution_s(latencies_s(changes, entries)),
        **tally(entries),
        "gc": pauses,
    }
    for server in sorted({server for server, _ in changes}):
        await cluster.endpoints(server, ENDPOINTS)
    return found


async def _until_done(device: BigIp, changes: list[tuple[int, float]]) -> list[Entry]:
    """The requests until every change has come through, or nobody believes in it any more."""
    entries: list[Entry] = []
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        entries += await device.requests()
        if None not in latencies_s(changes, entries):
            break
        await asyncio.sleep(0.5)
    return entries
