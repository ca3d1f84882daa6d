"""A run of the soak: so many steps, a calm after every few, and what is to hold then."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from soak.clock import run_virtually
from soak.oracle import Violation
from soak.steps import Steps
from soak.world import World, same
from turnbuckle.drivers.base import Driver

BETWEEN_CALMS = 150

MOST_WRITES = 5
"""For each edit and act of an operator, over a whole run: many of them concern several pools."""


@dataclass
class Result:
    """What a run came to. took_s: of the machine's time; lived_s: of the run's own."""

    seed: int
    steps: int = 0
    calms: int = 0
    took_s: float = 0.0
    lived_s: float = 0.0
    slowest_calm_s: float = 0.0
    written: int = 0
    logins: int = 0
    done: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)

    @property
    def edits(self) -> int:
        return self._count("edit: ", "operator: ")

    @property
    def faults(self) -> int:
        """Those after which somebody may have to log in."""
        return self._count("device: ", "replica: ")

    def _count(self, *groups: str) -> int:
        return sum(count for what, count in self.done.items() if what.startswith(groups))

    def bounded(self) -> None:
        """Fails when more was asked of the device than the run can explain."""
        if self.written > MOST_WRITES * max(self.edits, 100):
            raise Violation(f"{self.written} writes for {self.edits} edits")
        if self.logins > max(self.faults, 25):
            raise Violation(f"{self.logins} logins for {self.faults} faults of the device and restarts")


class Failed(AssertionError):
    """A run failed; the text says where, what, and how to run it again."""


async def soak(
    seed: int,
    steps: int,
    *,
    driven: Callable[[Driver], Driver] = same,
    progress: Callable[[int], None] = lambda step: None,
) -> Result:
    """Does so many steps in virtual time.

    Raises:
        Failed: something happened that must not.
    """
    result, dice = Result(seed), Random(seed)
    world = World(driven, streams=seed % 2 == 1)
    acts = Steps(world, dice)
    try:
        await walk(world, acts, result, steps, BETWEEN_CALMS, progress)
    except Violation as violation:
        raise Failed(told(result, violation, world)) from violation
    finally:
        for replica in world.replicas:
            await replica.kill()
    result.lived_s = world.clock()
    for met in (world.network.met, *(replica.reader.met for replica in world.replicas)):
        result.met.update(met)
    return result


async def walk(
    world: World,
    acts: Steps,
    result: Result,
    steps: int,
    between_calms: int,
    progress: Callable[[int], None] = lambda step: None,
) -> None:
    """Does the steps, with a calm and a look at the bounds after so many each.

    Raises:
        Violation: something happened that must not.
    """
    await acts.furnish()
    await calm(world, result)
    for result.steps in range(1, steps + 1):
        await acts.step()
        await world.pause(acts.pause_s())
        world.oracle.check()
        if result.steps % between_calms == 0 or result.steps == steps:
            await calm(world, result)
            result.written, result.done = world.oracle.changed, acts.done
            result.logins = sum(replica.logins for replica in world.replicas)
            result.bounded()
            progress(result.steps)


async def calm(world: World, result: Result) -> None:
    """Faults stop; everything has to come right, and then to stay as it is without a write."""
    world.mend()
    began = world.clock()
    while next(world.complaints(), None) is not None:
        if world.clock() - began > world.settle_s:
            raise Violation(f"{world.settle_s:g} s after the last fault:\n" + "\n".join(world.complaints()))
        await asyncio.sleep(world.poll_s)
        world.oracle.check()
    result.slowest_calm_s = max(result.slowest_calm_s, world.clock() - began)
    before = world.oracle.changed
    await asyncio.sleep(world.idle_s)
    world.oracle.check()
    if world.oracle.changed != before:
        raise Violation(f"{world.oracle.changed - before} objects were written while nothing changed")
    for replica in world.replicas:
        if (died := replica.died()) is not None:
            raise Violation(f"replica {replica.name} ended: {died!r}") from died
    world.calm()
    result.calms += 1
    if result.calms % 50 == 0:
        # Every replica that gets in sync for the first time freezes what is there; most of them are gone.
        gc.unfreeze()


def told(result: Result, violation: Violation, world: World) -> str:
    """What went wrong, what had happened before, and how to see it again."""
    trace = "\n".join(world.oracle.trace)
    again = f"make soak STEPS={result.steps + BETWEEN_CALMS} SEED={result.seed}"
    return f"seed {result.seed}, step {result.steps}: {violation}\n\nBefore that:\n{trace}\n\nTo run it again: {again}"


def run(seed: int, steps: int, **how: object) -> Result:
    """A run on virtual time."""
    began = time.perf_counter()
    result: Result = run_virtually(soak(seed, steps, **how), seed)  # type: ignore[arg-type]
    result.took_s = time.perf_counter() - began
    return result
