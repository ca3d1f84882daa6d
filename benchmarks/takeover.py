"""How long nobody writes when the leader ends: politely, and as a machine does that loses power."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks.cluster import Cluster
from benchmarks.lab import BigIp, Controller, Entry, Lab
from benchmarks.objects import ENDPOINTS
from benchmarks.seen import latencies_s

TURNS = 3
PATIENCE_S = 60.0


async def takeovers(lab: Lab, cluster: Cluster, device: BigIp, leader: Controller) -> tuple[Controller, dict[str, Any]]:
    """The worst of a few changes of leader of either sort, and the one who leads after the last.

    Each time an endpoint changes as soon as the leader's process has ended. The time is from the moment in which the
    leader is told to end, or is killed, to the device's answer that the change is done.
    """
    found: dict[str, Any] = {"writes": []}
    for sort in ("graceful", "crash"):
        times: list[float] = []
        for turn in range(TURNS):
            follower = await lab.controller(cluster, device)
            await _warm(follower)
            await device.forget()
            began_s = time.time()
            await (leader.stop() if sort == "graceful" else leader.kill())
            await cluster.endpoints(turn, ENDPOINTS - 1)
            took_s, entries = await _until_done(device, turn, began_s)
            times.append(took_s)
            found["writes"].append(sum(entry["sort"] in ("write", "commit") for entry in entries))
            leader = follower
            await cluster.endpoints(turn, ENDPOINTS)
            await leader.ask("in-sync")
        found[f"{sort}_s"] = times
    return leader, found


async def _warm(follower: Controller) -> None:
    """Waits until a follower could lead."""
    for _ in range(int(10 * PATIENCE_S)):
        if (await follower.ask("warm"))["warm"]:
            return
        await asyncio.sleep(0.1)
    raise RuntimeError(f"a follower does not know the device after {PATIENCE_S:.0f} s")


async def _until_done(device: BigIp, server: int, began_s: float) -> tuple[float, list[Entry]]:
    entries: list[Entry] = []
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        entries += await device.requests()
        took_s = latencies_s([(server, began_s)], entries)[0]
        if took_s is not None:
            return took_s, entries
        await asyncio.sleep(0.1)
    raise RuntimeError(f"nobody took over within {PATIENCE_S:.0f} s")
