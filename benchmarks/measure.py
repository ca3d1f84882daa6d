"""One case: what is measured of a controller for so many virtual servers, and in which order."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from benchmarks.aims import judge
from benchmarks.churn import churn
from benchmarks.cluster import Cluster
from benchmarks.coldstart import interrupted
from benchmarks.lab import BigIp, Controller, Lab
from benchmarks.objects import ENDPOINTS, everything
from benchmarks.seen import Entry, is_housekeeping, percentile, tally
from benchmarks.takeover import takeovers
from turnbuckle.cli.progress import progress

MADE_BY_HAND = 10


async def measure(servers: int, changes: int, churn_s: float, rest_s: float, real: bool) -> dict[str, Any]:
    """All figures for so many virtual servers."""
    with progress(f"{servers} virtual servers") as line:
        case: dict[str, Any] = {"virtual_servers": servers, "endpoints_each": ENDPOINTS}
        async with Lab() as lab:
            line.say(f"{servers} virtual servers: planning alone")
            case["planning"] = await _planning(lab, servers)
            line.say(f"{servers} virtual servers: filling the API server")
            cluster = await lab.cluster(real)
            await cluster.fill(everything(servers, cluster.endpoints_of))
            device = await lab.device()
            line.say(f"{servers} virtual servers: cold start")
            running = await lab.controller(cluster, device)
            case["cold_start"] = await _cold(running, device)
            line.say(f"{servers} virtual servers: one change at a time")
            case["one_change"] = await one_change(running, cluster, device, servers, changes)
            line.say(f"{servers} virtual servers: churn")
            case["churn"] = await churn(running, cluster, device, servers, churn_s)
            line.say(f"{servers} virtual servers: at rest")
            case["at_rest"] = await _rest(running, device, rest_s)
            after = await running.ask("figures")
            case["memory"] = {name: after[name] for name in ("rss_mib", "rss_high_water_mib")}
            await running.stop()
            line.say(f"{servers} virtual servers: restart, drift scan, profile, changes of leader")
            case |= await _restarted(lab, cluster, device, servers, changes)
            line.say(f"{servers} virtual servers: a cold start that is cut off")
            case["interrupted"] = await interrupted(lab, cluster, servers)
    return {**case, "aims": judge(case)}


async def _planning(lab: Lab, servers: int) -> dict[str, Any]:
    process = await lab.spawn("-m", "benchmarks.planning", str(servers))
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(await process.stdout.read())
    return found


async def _cold(running: Controller, device: BigIp) -> dict[str, Any]:
    synced = await running.ask("in-sync")
    return {
        "to_in_sync_s": synced["at_s"] - running.began_s,
        "cpu_s": synced["cpu_s"],
        **tally(await device.requests()),
    }


async def _changes(
    running: Controller, cluster: Cluster, device: BigIp, servers: int, changes: int
) -> tuple[list[list[Entry]], int]:
    """An address less and one more in turn, each in another server's pool: requests by change, and housekeeping."""
    await running.ask("forget")
    await device.forget()
    each, housekeeping = [], 0
    for number in range(changes):
        server, gone = number // 2 % servers, number % 2 == 0
        await cluster.endpoints(server, ENDPOINTS - gone)
        await running.ask(f"changes {number + 1}", patience_s=30)
        entries: list[Entry] = []
        while not entries:
            seen = await device.requests()
            entries = [entry for entry in seen if not is_housekeeping(entry)]
            housekeeping += len(seen) - len(entries)
        each.append(entries)
    return each, housekeeping


async def one_change(
    running: Controller, cluster: Cluster, device: BigIp, servers: int, changes: int
) -> dict[str, Any]:
    """One change after the other: what each of them costs."""
    each, housekeeping = await _changes(running, cluster, device, servers, changes)
    figures = await running.ask("figures")
    samples_ms, cpu_ms = ([1000 * sample[index] for sample in figures["samples_s"]] for index in (0, 1))
    total = [entry for entries in each for entry in entries]
    return {
        "changes": changes,
        "p50_ms": percentile(samples_ms, 0.50),
        "p99_ms": percentile(samples_ms, 0.99),
        "worst_ms": max(samples_ms),
        "cpu_p50_ms": percentile(cpu_ms, 0.50),
        "cpu_p99_ms": percentile(cpu_ms, 0.99),
        "cpu_worst_ms": max(cpu_ms),
        "requests_each_most": max(map(len, each)),
        "body_bytes_most": max(entry["body_bytes"] for entry in total),
        "housekeeping_requests": housekeeping,
        "body_bytes_mean": sum(entry["body_bytes"] for entry in total) / len(total),
        "header_bytes_mean": sum(entry["header_bytes"] for entry in total) / len(total),
        "gc": figures["pauses"],
    }


async def _rest(running: Controller, device: BigIp, rest_s: float) -> dict[str, Any]:
    """Begins when the nodes that the changes left are collected, and the configuration is saved."""
    await device.quiet()
    before = await running.ask("figures")
    await asyncio.sleep(rest_s)
    after = await running.ask("figures")
    cpu_s = after["cpu_s"] - before["cpu_s"]
    return {"seconds": rest_s, "cpu_s": cpu_s, "cpu_share": cpu_s / rest_s, **tally(await device.requests())}


async def _restarted(lab: Lab, cluster: Cluster, device: BigIp, servers: int, changes: int) -> dict[str, Any]:
    """Another process, where nothing is to be done; and what is better asked of one that is not measured otherwise."""
    await device.forget()
    again = await lab.controller(cluster, device)
    synced = await again.ask("in-sync")
    found: dict[str, Any] = {
        "restart": {
            "to_in_sync_s": synced["at_s"] - again.began_s,
            "cpu_s": synced["cpu_s"],
            **tally(await device.requests()),
        }
    }
    unchanged = {**await again.ask("scan"), **tally(await device.requests())}
    await device.by_hand(min(MADE_BY_HAND, servers))
    await device.forget()
    by_hand = {**await again.ask("scan"), **tally(await device.requests())}
    found["scan"] = {"unchanged": unchanged, "by_hand": by_hand}
    await again.ask("profile-begin")
    await _changes(again, cluster, device, servers, changes)
    seconds = (await again.ask("profile-end"))["seconds"]
    found["profile"] = {"changes": changes, "ms_each": {name: 1000 * s / changes for name, s in seconds.items()}}
    last, found["takeover"] = await takeovers(lab, cluster, device, again)
    await last.stop()
    return found
