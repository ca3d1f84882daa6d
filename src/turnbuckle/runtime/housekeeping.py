"""What can wait until a device is quiet: nodes that nobody needs any more, the other units of its group, and saving."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable

from turnbuckle.drivers.base import Deposed, Driver, DriverError, Moved, NewerElsewhere
from turnbuckle.model import issue as issues_of
from turnbuckle.model.ltm import DesignatedPool, LtmObject, Member, Pool
from turnbuckle.model.plan import Outcome, Result
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import State
from turnbuckle.runtime.report import Report

log = logging.getLogger(__name__)

QUIET_S = 3.0
LEAST_BETWEEN_S = 60.0

SYNC_QUIET_S = 1.0
SYNC_LATEST_S = 5.0
"""How long after the last write, and after the first one, the other units are given what was written."""

LOOK_S = 5.0
"""How often it is looked whether the unit that is written to is the active one still, and what is left to be given."""


class Housekeeping:
    """Notes what was done, and does the rest when it is quiet: other units come soon, saving at most once a minute.

    A node is a candidate only when this process saw it in a pool of ours. Times are seconds of a monotonic clock.
    """

    def __init__(self, driver: Driver, device: Ref, report: Report, clock: Callable[[], float], *, save: bool) -> None:
        self._driver, self._device, self._report, self._clock, self._save = driver, device, report, clock, save
        self._candidates: set[str] = set()
        self._unsaved = False
        self._last_write = self._last_run = self._last_sync = float("-inf")
        self._first_unsynced: float | None = None

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Takes in what was done."""
        for outcome in outcomes:
            if outcome.result is not Result.DONE:
                continue
            self._last_write, self._unsaved = self._clock(), True
            if self._first_unsynced is None:
                self._first_unsynced = self._last_write
            self._candidates |= _nodes(outcome.operation.before)
            self._candidates -= _nodes(outcome.operation.after)

    def due_at(self) -> float | None:
        """When there will be something to do, or None."""
        return min((at for at in (self._tidy_at(), self._sync_at()) if at is not None), default=None)

    def _tidy_at(self) -> float | None:
        if not self._candidates and not (self._unsaved and self._save):
            return None
        return max(self._last_write + QUIET_S, self._last_run + LEAST_BETWEEN_S)

    def _sync_at(self) -> float | None:
        if not self._driver.grouped:
            return None
        if self._first_unsynced is None:
            return self._last_sync + LOOK_S
        return min(self._last_write + SYNC_QUIET_S, self._first_unsynced + SYNC_LATEST_S)

    async def run_due(self, observed: State) -> None:
        """What is due now.

        Raises:
            Moved: another unit of the device group is active, and has to be read.
        """
        tidy_at = self._tidy_at()
        if tidy_at is not None and tidy_at <= self._clock():
            await self.run(observed)
        else:
            await self._sync()

    async def run(self, observed: State) -> None:
        """Collects the nodes, gives the result to the other units, then saves: the saved configuration is the tidy one.

        What fails is told and tried again; it never fails a write.

        Raises:
            Moved: another unit of the device group is active, and has to be read.
        """
        self._last_run = self._clock()
        await self._collect(observed)
        await self.save()

    async def save(self) -> None:
        """Gives to the other units, and saves, what was written since the last time.

        Raises:
            Moved: another unit of the device group is active, and has to be read.
        """
        await self._sync()
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

    async def _sync(self) -> None:
        if not self._driver.grouped:
            return
        self._first_unsynced = None
        try:
            await self._driver.sync()
        except Moved:
            raise
        except Deposed:
            # Whoever leads now sees to it with its next write.
            self._report.tell("sync", ())
        except NewerElsewhere as error:
            self._report.tell("sync", [issues_of.newer_elsewhere(self._device, error.units, error.group)])
        except DriverError as error:
            self._report.tell("sync", [issues_of.sync_failed(self._device, str(error))])
        else:
            self._report.tell("sync", ())
        finally:
            self._last_sync = self._clock()

    async def _collect(self, observed: State) -> None:
        if not self._candidates:
            return
        asked, self._candidates = self._candidates - _used(self._candidates, observed), set()
        finished = await self._driver.collect_nodes(sorted(asked))
        self._candidates |= asked - finished
        if finished:
            log.info("nodes done with: %s", " ".join(sorted(finished)))


def _members(obj: LtmObject | None) -> frozenset[Member]:
    return obj.members if isinstance(obj, Pool | DesignatedPool) else frozenset()


def _nodes(obj: LtmObject | None) -> frozenset[str]:
    return frozenset(f"/{one.node_partition}/{one.address}" for one in _members(obj) if one.node_partition)


def _used(candidates: Collection[str], observed: State) -> frozenset[str]:
    """Which of some nodes are a member's; there may be a hundred thousand members, so few names are made."""
    addresses = {path.rpartition("/")[2] for path in candidates}
    members = (one for obj in observed.values() for one in _members(obj) if one.address in addresses)
    return frozenset(f"/{one.node_partition}/{one.address}" for one in members)
