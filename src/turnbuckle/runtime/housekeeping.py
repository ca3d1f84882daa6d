"""What can wait until a device is quiet: nodes that nobody needs any more, and saving the configuration."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from turnbuckle.drivers.base import Driver, DriverError
from turnbuckle.model import issue as issues_of
from turnbuckle.model.ltm import DesignatedPool, LtmObject, Member, Pool
from turnbuckle.model.plan import Outcome, Result
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import State
from turnbuckle.runtime.report import Report

log = logging.getLogger(__name__)

QUIET_S = 3.0
LEAST_BETWEEN_S = 60.0


class Housekeeping:
    """Notes what was done, and does the rest when nothing was done for QUIET_S, at most once a minute.

    A node is a candidate only when this process saw it in a pool of ours. Times are seconds of a monotonic clock.
    """

    def __init__(self, driver: Driver, device: Ref, report: Report, clock: Callable[[], float], *, save: bool) -> None:
        self._driver, self._device, self._report, self._clock, self._save = driver, device, report, clock, save
        self._candidates: set[str] = set()
        self._unsaved = False
        self._last_write = float("-inf")
        self._last_run = float("-inf")

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Takes in what was done."""
        for outcome in outcomes:
            if outcome.result is not Result.DONE:
                continue
            self._last_write, self._unsaved = self._clock(), True
            left = _nodes(outcome.operation.before) - _nodes(outcome.operation.after)
            self._candidates = (self._candidates | left) - _nodes(outcome.operation.after)

    def due_at(self) -> float | None:
        """When there will be something to do, or None."""
        if not self._candidates and not (self._unsaved and self._save):
            return None
        return max(self._last_write + QUIET_S, self._last_run + LEAST_BETWEEN_S)

    async def run(self, observed: State) -> None:
        """Collects the nodes, then saves, so that the saved configuration is the tidy one.

        A failed save is told and tried again; it never fails a write.
        """
        self._last_run = self._clock()
        await self._collect(observed)
        await self.save()

    async def save(self) -> None:
        """Saves if something was written since the last time."""
        if not (self._unsaved and self._save):
            return
        try:
            await self._driver.save()
        except DriverError as error:
            self._report.tell("save", [issues_of.save_failed(self._device, str(error))])
        else:
            self._unsaved = False
            self._report.tell("save", ())
            log.info("saved the configuration of %s", self._device.name)

    async def _collect(self, observed: State) -> None:
        if not self._candidates:
            return
        used = frozenset[str]().union(*(_nodes(obj) for obj in observed.values()))
        asked, self._candidates = self._candidates - used, set()
        finished = await self._driver.collect_nodes(sorted(asked))
        self._candidates |= asked - finished
        if finished:
            log.info("nodes done with: %s", " ".join(sorted(finished)))


def _nodes(obj: LtmObject | None) -> frozenset[str]:
    members: frozenset[Member] = obj.members if isinstance(obj, Pool | DesignatedPool) else frozenset()
    return frozenset(f"/{member.node_partition}/{member.address}" for member in members if member.node_partition)
