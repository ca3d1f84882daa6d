"""python -m benchmarks [--servers N ...] [--changes N] [--rest-s S] [--record]: measures, prints, writes JSON."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks import page
from benchmarks.lab import ROOT, BigIp, Cluster, Controller, end
from benchmarks.objects import ENDPOINTS, endpoint_slice, everything

RESULTS = Path(__file__).parent / "results" / "latest.json"
AIMS = {
    "one endpoint change, p99 <= 10 ms": lambda case: case["one_change"]["p99_ms"] <= 10,
    "one request for it": lambda case: case["one_change"]["requests_each_most"] == 1,
    "under 300 bytes of body": lambda case: case["one_change"]["body_bytes_most"] < 300,
    "no writes at rest": lambda case: case["at_rest"]["writes"] == 0,
    "no writes by a restart": lambda case: case["restart"]["writes"] == 0,
    "planned in under 2 s": lambda case: case["planning"]["whole_s"] < 2,
    "at most 100 MiB resident": lambda case: case["memory"]["rss_high_water_mib"] <= 100,
}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]


def is_housekeeping(entry: dict[str, Any]) -> bool:
    """Whether a request belongs to what is done when it is quiet: collecting nodes that nobody uses any more."""
    return "/ltm/node" in entry["path"]


def tally(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    sorts = sorted({entry["sort"] for entry in entries})
    return {
        "requests": len(entries),
        "writes": sum(entry["write"] for entry in entries),
        "body_bytes": sum(entry["body_bytes"] for entry in entries),
        "header_bytes": sum(entry["header_bytes"] for entry in entries),
        "by_sort": {sort: sum(entry["sort"] == sort for entry in entries) for sort in sorts},
    }


@contextlib.asynccontextmanager
async def controller(cluster: Cluster, device: BigIp) -> AsyncIterator[Controller]:
    process = await Controller.start(cluster, device)
    try:
        yield process
    finally:
        await end(process.process)


async def one_change(
    running: Controller, cluster: Cluster, device: BigIp, servers: int, changes: int
) -> dict[str, Any]:
    """An address less and one more in turn, each in the pool of another virtual server."""
    await running.ask("forget")
    await device.requests()
    each, total, housekeeping = [], [], 0
    for number in range(changes):
        server, gone = number // 2 % servers, number % 2 == 0
        await cluster.put(endpoint_slice(server, ENDPOINTS - gone))
        await running.ask(f"changes {number + 1}", patience_s=30)
        entries: list[dict[str, Any]] = []
        while not entries:
            seen = await device.requests()
            entries = [entry for entry in seen if not is_housekeeping(entry)]
            housekeeping += len(seen) - len(entries)
        each.append(len(entries))
        total += entries
    samples = (await running.ask("figures"))["samples_s"]
    samples_ms, cpu_ms = ([1000 * sample[index] for sample in samples] for index in (0, 1))
    return {
        "changes": changes,
        "p50_ms": percentile(samples_ms, 0.50),
        "p99_ms": percentile(samples_ms, 0.99),
        "worst_ms": max(samples_ms),
        "cpu_p50_ms": percentile(cpu_ms, 0.50),
        "cpu_p99_ms": percentile(cpu_ms, 0.99),
        "cpu_worst_ms": max(cpu_ms),
        "requests_each_most": max(each),
        "body_bytes_most": max(entry["body_bytes"] for entry in total),
        "housekeeping_requests": housekeeping,
        "body_bytes_mean": sum(entry["body_bytes"] for entry in total) / len(total),
        "header_bytes_mean": sum(entry["header_bytes"] for entry in total) / len(total),
    }


async def measure(servers: int, changes: int, rest_s: float) -> dict[str, Any]:
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(timeout=timeout) as session, contextlib.AsyncExitStack() as ends:
        cluster, device = await Cluster.start(session), await BigIp.start(session)
        ends.push_async_callback(end, cluster.process)
        ends.push_async_callback(end, device.process)
        await cluster.fill(everything(servers))
        await device.requests()
        async with controller(cluster, device) as running:
            synced = await running.ask("in-sync")
            cold = {
                "to_in_sync_s": synced["at_s"] - running.began_s,
                "cpu_s": synced["cpu_s"],
                **tally(await device.requests()),
            }
            change = await one_change(running, cluster, device, servers, changes)
            # The nodes that the changes left are collected, and the configuration saved, before the rest begins.
            await asyncio.sleep(10)
            await device.requests()
            before = await running.ask("figures")
            await asyncio.sleep(rest_s)
            after = await running.ask("figures")
            rest = {
                "seconds": rest_s,
                "cpu_s": after["cpu_s"] - before["cpu_s"],
                **tally(await device.requests()),
            }
        async with controller(cluster, device) as again:
            await device.requests()
            synced = await again.ask("in-sync")
            restart = {"to_in_sync_s": synced["at_s"] - again.began_s, **tally(await device.requests())}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "benchmarks.planning", str(servers)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    memory = {name: after[name] for name in ("rss_mib", "rss_high_water_mib")}
    case = {
        "virtual_servers": servers,
        "endpoints_each": ENDPOINTS,
        "planning": json.loads(done.stdout),
        "cold_start": cold,
        "one_change": change,
        "at_rest": rest,
        "restart": restart,
        "memory": memory,
    }
    return {**case, "aims": {aim: bool(met(case)) for aim, met in AIMS.items()}}


def show(case: dict[str, Any]) -> None:
    cold, change, rest, again = (case[name] for name in ("cold_start", "one_change", "at_rest", "restart"))
    planning, memory = case["planning"], case["memory"]
    rows = (
        (
            "planned from raw objects",
            f"{planning['whole_s']:.2f} s ({planning['whole_cpu_s']:.2f} s CPU), {planning['operations']} operations",
        ),
        ("cold start to in sync", f"{cold['to_in_sync_s']:.1f} s ({cold['cpu_s']:.1f} s CPU)"),
        ("  requests, bytes", f"{cold['requests']}, {cold['body_bytes']} body + {cold['header_bytes']} headers"),
        (
            "one endpoint change",
            f"p50 {change['p50_ms']:.1f} ms, p99 {change['p99_ms']:.1f} ms, worst {change['worst_ms']:.1f} ms",
        ),
        ("  of it CPU", f"p50 {change['cpu_p50_ms']:.1f} ms, p99 {change['cpu_p99_ms']:.1f} ms"),
        (
            "  requests, bytes",
            f"at most {change['requests_each_most']}, {change['body_bytes_mean']:.0f} body (at most "
            f"{change['body_bytes_most']}) + {change['header_bytes_mean']:.0f} headers",
        ),
        (
            "at rest",
            f"{rest['writes']} writes, {rest['requests']} requests, {rest['cpu_s']:.2f} s CPU in {rest['seconds']:g} s",
        ),
        (
            "restart to in sync",
            f"{again['to_in_sync_s']:.1f} s, {again['requests']} requests, {again['writes']} writes",
        ),
        ("memory", f"{memory['rss_mib']:.0f} MiB now, {memory['rss_high_water_mib']:.0f} MiB high water"),
    )
    print(f"\n{case['virtual_servers']} virtual servers, {case['endpoints_each']} endpoints each")
    for name, text in rows:
        print(f"  {name:<26} {text}")
    for aim, met in case["aims"].items():
        print(f"  {'met' if met else 'NOT MET':<8} {aim}")


async def main(servers: Sequence[int], changes: int, rest_s: float, recorded: bool) -> int:
    began, load = time.monotonic(), os.getloadavg()[0]
    if load > 0.5 * (os.cpu_count() or 1):
        print(f"The machine is busy (load {load:.1f}): latencies will be worse than they are.", file=sys.stderr)
    cases = []
    for count in servers:
        cases.append(await measure(count, changes, rest_s))
        show(cases[-1])
    written = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_s": round(time.monotonic() - began, 1),
        "turnbuckle": version("turnbuckle"),
        "python": platform.python_version(),
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "load_before": load},
        "cases": cases,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)} after {written['took_s']:.0f} s.")
    if recorded:
        page.record(written)
        print(f"Recorded in {page.PAGE.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measures the controller.")
    parser.add_argument("--servers", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--rest-s", type=float, default=60.0)
    parser.add_argument("--record", action="store_true", help="put the figures into docs/performance.md")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.servers, given.changes, given.rest_s, given.record)))
