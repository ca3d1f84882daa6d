"""`make soak`: long runs of the soak in as many processes as there are cores, and a short one over real sockets.

    make soak STEPS=100000 SEED="1 2"        half of the steps with each seed, a process each
    make soak STEPS=1000000 SEED="$(seq -s ' ' 25)"   40,000 steps with each, on all cores

Without SEED half of the steps are done with a seed that is always the same, and half with one made from the date.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime

from soak.run import BETWEEN_CALMS, Failed, Result, run
from soak.sockets import run_over_sockets

ALWAYS = 20260101
STEPS, SOCKET_STEPS = 100_000, 2_000
TOLD_EVERY = 10 * BETWEEN_CALMS


def main() -> int:
    """Answers the exit code."""
    given = _given()
    logging.disable(logging.CRITICAL)
    seeds = given.seed or [ALWAYS, int(datetime.now(UTC).strftime("%Y%m%d"))]
    _say(f"{given.steps} steps on virtual time, seeds {', '.join(map(str, seeds))}")
    began = time.perf_counter()
    try:
        results = _in_parallel(_on_virtual_time, seeds, given.steps)
        for result in results:
            _tell(result)
        _summary(results)
        if given.sockets:
            _say(f"{given.sockets} steps over sockets")
            for result in _in_parallel(_over_sockets, seeds, given.sockets):
                _tell(result)
    except Failed as failed:
        _say(str(failed))
        return 1
    _say(f"nothing went wrong in {time.perf_counter() - began:.0f} s")
    return 0


def _say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, nargs="+")
    parser.add_argument("--sockets", type=int, default=SOCKET_STEPS)
    return parser.parse_args()


def _in_parallel(one: Callable[[int, int, bool], Result], seeds: list[int], steps: int) -> list[Result]:
    """Shares the steps out among the seeds, a process each, as many at a time as there are cores."""
    with ProcessPoolExecutor(min(len(seeds), os.cpu_count() or 1)) as pool:
        runs = [pool.submit(one, seed, steps // len(seeds), sys.stdout.isatty()) for seed in seeds]
        results = []
        for done in as_completed(runs):
            if isinstance(error := done.exception(), Failed):
                # The others would go on for as long as they have steps.
                for process in multiprocessing.active_children():
                    process.terminate()
                raise error
            results.append(done.result())
        return results


def _on_virtual_time(seed: int, steps: int, shows: bool) -> Result:
    logging.disable(logging.CRITICAL)
    return run(seed, steps, progress=_progress(seed, steps, shows))


def _over_sockets(seed: int, steps: int, shows: bool) -> Result:
    logging.disable(logging.CRITICAL)
    return run_over_sockets(seed, steps, progress=_progress(seed, steps, shows))


def _progress(seed: int, steps: int, shows: bool) -> Callable[[int], None]:
    def tell(step: int) -> None:
        if shows and (step % TOLD_EVERY == 0 or steps <= TOLD_EVERY):
            _say(f"\rseed {seed}: {step} of {steps} ", end="")

    return tell


def _tell(result: Result) -> None:
    _say(
        f"seed {result.seed}: {result.steps} steps and {result.calms} calms in {result.took_s:.0f} s,"
        f" {result.lived_s / 3600:.1f} h of its own time; {result.edits} edits led to {result.written} writes,"
        f" {result.faults} faults to {result.logins} logins;"
        f" the longest way back was {result.slowest_calm_s:.0f} s",
    )


def _summary(results: list[Result]) -> None:
    done: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for result in results:
        done.update(result.done)
        met.update(result.met)
    for what, count in sorted(done.items()):
        _say(f"  {count:8d}  {what}")
    _say("met by a replica:")
    for what, count in sorted(met.items()):
        _say(f"  {count:8d}  {what}")


if __name__ == "__main__":
    sys.exit(main())
