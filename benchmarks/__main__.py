"""python -m benchmarks [--real] [--servers N ...] [--changes N] [--churn-s S] [--rest-s S] [--record].
python -m benchmarks --ingresses N ... [--record].

Measures, prints, and writes JSON. Exit 0, also where --real finds no API server to measure with, and 130 when stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import ingresses, page
from benchmarks.cluster import missing
from benchmarks.lab import ROOT
from benchmarks.measure import measure

RESULTS = Path(__file__).parent / "results" / "latest.json"
SIZES = {"fake": [100, 1000, 3000, 10000], "real": [1000, 3000, 10000]}


async def run(given: argparse.Namespace, name: str) -> dict[str, Any]:
    """Measures every size and answers the whole run."""
    began, load = time.monotonic(), os.getloadavg()[0]
    if load > 0.5 * (os.cpu_count() or 1):
        print(f"The machine is busy (load {load:.1f}): latencies will be worse than they are.", file=sys.stderr)
    cases = []
    for count in given.ingresses or ():
        cases.append(await ingresses.measure(count))
        page.show(cases[-1], name)
    for servers in () if given.ingresses else given.servers or SIZES[name]:
        cases.append(await measure(servers, given.changes, given.churn_s, given.rest_s, name == "real"))
        page.show(cases[-1], name)
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_s": round(time.monotonic() - began, 1),
        "turnbuckle": version("turnbuckle"),
        "python": platform.python_version(),
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "load_before": load},
        "cases": cases,
    }


def write(found: dict[str, Any], name: str) -> None:
    """Keeps the figures of the run; those against the other API server stay."""
    RESULTS.parent.mkdir(exist_ok=True)
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    runs = {key: kept[key] for key in page.MARKS if key in kept} | {name: found}
    RESULTS.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    print(f"\nWritten to {RESULTS.relative_to(ROOT)} after {found['took_s']:.0f} s.")


async def main(given: argparse.Namespace) -> int:
    name = "ingresses" if given.ingresses else "real" if given.real else "fake"
    if given.real and (reason := missing()):
        print(reason)
        return 0
    work = asyncio.current_task()
    assert work is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        found = await run(given, name)
    except asyncio.CancelledError:
        print("\nStopped; nothing is written.", file=sys.stderr)
        return 130
    write(found, name)
    if given.record:
        page.record(found, name)
        print(f"Recorded in {page.PAGE.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures the controller.")
    parser.add_argument("--real", action="store_true", help="against a real API server ($TURNBUCKLE_SHARED/kube)")
    parser.add_argument("--servers", type=int, nargs="+", help="how many virtual servers, for each case")
    parser.add_argument("--ingresses", type=int, nargs="+", help="how many Ingresses, for each case, in place of these")
    parser.add_argument("--changes", type=int, default=200, help="how many endpoint changes one after the other")
    parser.add_argument("--churn-s", type=float, default=20.0, help="how many seconds of 50 changes each")
    parser.add_argument("--rest-s", type=float, default=60.0, help="how long nothing happens; 600 for the record")
    parser.add_argument("--record", action="store_true", help="put the figures into docs/performance.md")
    sys.exit(asyncio.run(main(parser.parse_args())))
