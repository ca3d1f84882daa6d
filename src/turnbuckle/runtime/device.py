"""One worker a device: observe, plan, apply, and come back after every failure.

Nothing is written before every source has told everything that it had. While a write is in flight, changes gather; the
next plan has them all. After anything of which it is not known what the device did with it, the device is read again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from turnbuckle.drivers.base import (
    CertificateRefused,
    CredentialsSource,
    Driver,
    DriverError,
    PartitionMissing,
    Unauthorized,
)
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ltm import DesignatedPool
from turnbuckle.model.plan import Batch, Outcome, Plan, Result, with_outcomes
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner import cut, make_plan
from turnbuckle.planner.render import change
from turnbuckle.runtime.housekeeping import Housekeeping
from turnbuckle.runtime.latest import Latest
from turnbuckle.runtime.pace import Pace
from turnbuckle.runtime.refused import Refused
from turnbuckle.runtime.report import Report

log = logging.getLogger("turnbuckle.device")

MOST_FAILURES = 4
LARGEST_BATCH = 100

LOOK_AGAIN_S = 60.0
"""How often a device is read while something there stands in our way that only its operator can move."""


class DeviceWorker:
    """Keeps one device in line with the newest snapshot.

    verify_s: how often the device is read and compared though nothing changed; 0: never.
    in_sync is set while nothing is left to do, failed_for_good when trying on promises nothing soon: the credentials,
    the certificate or the partition are wrong, or the device failed MOST_FAILURES times in a row.
    """

    def __init__(
        self,
        driver: Driver,
        snapshots: Latest[Snapshot],
        report: Report,
        *,
        device: Ref,
        controller_id: str,
        credentials: CredentialsSource,
        adopt: bool = False,
        save: bool = True,
        verify_s: float = 0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._driver, self._snapshots, self._report, self._device = driver, snapshots, report, device
        self._controller_id, self._credentials, self._adopt = controller_id, credentials, adopt
        self._clock, self._sleep = clock, sleep
        self._verify_s = verify_s
        self._housekeeping = Housekeeping(driver, device, report, clock, save=save)
        self._pace = Pace(1.0, 30.0)
        self._refused = Refused()
        self._snapshot: Snapshot | None = None
        self._observed: State | None = None
        self._to_compare: frozenset[Path] | None = None
        self._blocked: dict[Path, tuple[Issue, ...]] = {}
        self._look_again_at: float | None = None
        self._read_at = 0.0
        self._failures = 0
        self._largest = LARGEST_BATCH
        self._told: Mapping[Ref, tuple[Issue, ...]] | None = None
        self._chores: asyncio.Task[None] | None = None
        self.in_sync = asyncio.Event()
        self.failed_for_good = asyncio.Event()

    async def run(self) -> None:
        """Works until it is cancelled."""
        while True:
            try:
                await self._news()
                await self._work()
            except Unauthorized as error:
                await self._failed(error)
                await self._other_credentials()
            except DriverError as error:
                await self._failed(error)
                await self._sleep(self._pace.pause_s())
            except Exception as error:  # a bug of ours must not end the process
                log.exception("this should not happen; please report it")
                await self._failed(DriverError(f"Turnbuckle failed ({type(error).__name__}: {error})"))
                await self._sleep(self._pace.pause_s())

    async def finish(self) -> None:
        """Saves what is not saved yet and logs out; for the end of the process."""
        try:
            async with asyncio.timeout(20):
                if self._chores is not None:
                    await self._chores
                await self._housekeeping.save()
        except (TimeoutError, DriverError) as error:
            log.warning("the configuration of %s was not saved: %s", self._device.name, error)
        finally:
            await self._driver.close()

    # ---- what is to be done

    async def _news(self) -> None:
        """Waits for something to do: a snapshot, a second try, a look at the device, or housekeeping."""
        if self._snapshot is not None and self._observed is None:
            return
        times = (self._refused.next_at(), self._look_again_at, self._chores_due_at())
        dates = [at for at in times if at is not None] if self._snapshot is not None else []
        await self._snapshots.arrival(max(0.0, min(dates) - self._clock()) if dates else None)

    def _take_snapshot(self) -> bool:
        """Takes the newest snapshot, if there is one that was not taken."""
        newest = self._snapshots.take()
        if newest is None:
            return False
        self._snapshot = newest
        if newest.changed is None or self._to_compare is None:
            self._to_compare = None
        else:
            self._to_compare |= newest.changed
        if newest.issues is not self._told:
            self._told = newest.issues
            self._report.tell("objects", newest.all_issues())
        return True

    async def _work(self) -> None:
        self._take_snapshot()
        now = self._clock()
        if self._look_again_at is not None and self._look_again_at <= now:
            self._observed = None
        if self._to_compare is not None:
            self._to_compare |= self._refused.due(now)
        if self._observed is None:
            await self._read()
        while self._to_compare is None or self._to_compare:
            if self._unread_pools():
                await self._read()
            await self._apply(self._batches(self._plan()))
            if self._observed is None:
                return
        self._pace.reset()
        self._refused.no_doubts()
        self._failures, self._largest = 0, LARGEST_BATCH
        self._report.tell("device", (*self._blocking(), *self._refused.issues()))
        self._tell_sync()
        due = self._chores_due_at()
        if due is not None and due <= self._clock():
            self._chores = asyncio.create_task(self._do_chores(self._observed or State()), name="chores")

    def _unread_pools(self) -> bool:
        """Whether a designated pool is wanted that was not there when the device was read, and may be now."""
        if self._snapshot is None or self._observed is None or self._to_compare is None:
            return False
        paths = [path for path in self._to_compare if path.kind == DesignatedPool.KIND]
        return any(path in self._snapshot.desired and path not in self._observed for path in paths)

    async def _read(self) -> None:
        desired = self._snapshot.desired if self._snapshot else State()
        designated = {path.name for path in desired if path.kind == DesignatedPool.KIND}
        started = self._clock()
        self._observed = await self._driver.read(designated)
        self._to_compare, self._look_again_at, self._read_at = None, None, self._clock()
        log.info("read %s: objects=%d took_s=%.2f", self._device.name, len(self._observed), self._clock() - started)

    # ---- what can wait, beside the work: saving takes a device seconds, and a pod's address must not wait for it

    def _chores_due_at(self) -> float | None:
        return None if self._chores is not None and not self._chores.done() else self._housekeeping.due_at()

    async def _do_chores(self, observed: State) -> None:
        try:
            await self._housekeeping.run(observed)
        except DriverError as error:
            log.info("nodes of %s could not be looked at: %s", self._device.name, error)
        finally:
            self._snapshots.wake()

    # ---- doing it

    def _plan(self) -> Plan:
        assert self._snapshot is not None and self._observed is not None
        compared = self._to_compare
        plan = make_plan(
            self._observed,
            self._snapshot.desired,
            controller_id=self._controller_id,
            held=self._snapshot.held,
            adopt=self._adopt,
            paths=compared,
            causes=self._snapshot.causes,
        )
        self._refused.planned(plan.operations, compared)
        if compared is None:
            self._blocked = {}
        else:
            self._blocked = {path: issues for path, issues in self._blocked.items() if path not in compared}
        refused: dict[Path, tuple[Issue, ...]] = {}
        for path, issue in plan.refused:
            refused[path] = (*refused.get(path, ()), issue)
        self._blocked |= refused
        waiting = any(issue.severity is not Severity.WARNING for issue in self._blocking())
        pauses = [LOOK_AGAIN_S] * waiting + [self._verify_s] * bool(self._verify_s)
        self._look_again_at = self._read_at + min(pauses) if pauses else None
        return plan

    def _blocking(self) -> list[Issue]:
        return [issue for issues in self._blocked.values() for issue in issues]

    def _batches(self, plan: Plan) -> tuple[Batch, ...]:
        now = self._clock()
        todo = tuple(op for op in plan.operations if not self._refused.waits(op, now))
        self._to_compare = frozenset(op.path for op in todo)
        return cut(Plan(todo), self._largest)

    async def _apply(self, batches: Iterable[Batch]) -> None:
        """Applies batch by batch, until something new has come that is to be planned with the rest."""
        for batch in batches:
            self.in_sync.clear()
            outcomes = await self._driver.apply(batch)
            self._note(outcomes)
            if any(outcome.result is Result.UNREACHED for outcome in outcomes):
                self._observed = None
                self._narrow(batch, outcomes)
                await self._sleep(self._pace.pause_s())
                return
            if self._take_snapshot():
                return

    def _narrow(self, batch: Batch, outcomes: tuple[Outcome, ...]) -> None:
        """Smaller batches, until it is seen of which operation the device does not tell what became."""
        if len(batch.operations) > 1 and self._largest > 1:
            self._largest = max(1, self._largest // 10)
            return
        for outcome in outcomes:
            if outcome.result is Result.UNREACHED:
                self._refused.doubt(outcome, self._clock())

    def _note(self, outcomes: tuple[Outcome, ...]) -> None:
        now = self._clock()
        assert self._observed is not None
        self._observed = with_outcomes(self._observed, outcomes)
        self._housekeeping.note(outcomes)
        settled = set()
        for outcome in outcomes:
            self._refused.note(outcome, now)
            if outcome.result is not Result.UNREACHED:
                settled.add(outcome.operation.path)
            _log(outcome)
        if self._to_compare is not None:
            self._to_compare -= settled

    def _tell_sync(self) -> None:
        if not self.in_sync.is_set():
            log.info("%s is in sync%s", self._device.name, f", but for {len(self._refused)}" if self._refused else "")
        self.in_sync.set()

    @property
    def clean(self) -> bool:
        """Whether nothing was refused and nothing stands in the way."""
        return not len(self._refused) and not any(i.severity is Severity.ERROR for i in self._blocking())

    # ---- failing

    async def _failed(self, error: DriverError) -> None:
        self._observed = None
        self._failures += 1
        if self._failures >= MOST_FAILURES or isinstance(error, Unauthorized | CertificateRefused | PartitionMissing):
            self.failed_for_good.set()
        self.in_sync.clear()
        self._report.tell("device", [issues_of.device_failing(self._device, str(error), _advice(error))])

    async def _other_credentials(self) -> None:
        """Waits for other credentials: trying the refused ones on would lock the account, so the driver does not."""
        refused, until = self._credentials(), self._clock() + self._pace.pause_s()
        while self._credentials() == refused and self._clock() < until:
            await self._sleep(0.5)
        if self._credentials() != refused:
            log.info("the credentials have changed")
            self._pace.reset()


def _advice(error: DriverError) -> str:
    """What a person has to do; these errors say already what to do about the device."""
    if isinstance(error, Unauthorized):
        return "Correct the user or the password, on the BIG-IP or here; files are read again when they change."
    if isinstance(error, CertificateRefused | PartitionMissing):
        return ""
    return "It is tried again; nothing is lost."


def _log(outcome: Outcome) -> None:
    operation = outcome.operation
    if outcome.result is Result.DONE:
        because = " ".join(sorted(map(str, operation.because)))
        fields = " ".join(f"{name}: {change(operation, name)}" for name in sorted(operation.fields))
        log.info(
            "%s %s%s took_ms=%.0f because=%s",
            operation.verb,
            operation.path,
            f" {fields}" if fields else "",
            outcome.took_s * 1000,
            because,
        )
    elif outcome.result is Result.UNREACHED:
        log.warning("%s %s: not known whether it was done: %s", operation.verb, operation.path, outcome.answer)
