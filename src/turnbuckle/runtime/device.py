"""One worker a device: observe, plan, apply, and come back after every failure.

Nothing is written before every source has told everything that it had, but for a partition that is to be made. Nothing
is held back while the device is idle; while a write is in flight, changes gather, and the next plan has them all. After
anything of which it is not known what the device did with it, the device is read again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Literal

from turnbuckle.drivers.base import (
    CertificateRefused,
    CredentialsSource,
    Deposed,
    Driver,
    DriverError,
    Moved,
    PartitionMissing,
    Unauthorized,
)
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.plan import Batch, Outcome, Result
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner.freeze import Freeze
from turnbuckle.runtime.agenda import Agenda
from turnbuckle.runtime.ahead import ReadAhead, Seen
from turnbuckle.runtime.caution import Caution
from turnbuckle.runtime.drift import Drift
from turnbuckle.runtime.housekeeping import Housekeeping
from turnbuckle.runtime.keeping import Keeper
from turnbuckle.runtime.latest import Latest
from turnbuckle.runtime.observer import Circuit, Observer, Unobserved
from turnbuckle.runtime.report import Report
from turnbuckle.runtime.tempo import Tempo
from turnbuckle.runtime.wording import advice, write_down
from turnbuckle.sources.pace import Pace

log = logging.getLogger("turnbuckle.device")

MOST_FAILURES = 4

LOOK_AGAIN_S = 60.0
"""How often a device is looked at while something there stands in our way that only its operator can move."""


class DeviceWorker:
    """Keeps one device in line with the newest snapshot.

    verify_s: how often it is looked at whether somebody else changed what is ours; 0: never. drift: whether that is
    mended or only told. max_delete_percent, second_look_s: see Caution. keeper: keeps restore files. leads: whether it
    writes from the start; else it waits for lead(). confirm: has every source list everything anew. knows: is told what
    the device has, each time that it is known.

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
        drift: Literal["mend", "report"] = "mend",
        max_delete_percent: int = 30,
        second_look_s: float = 5.0,
        leads: bool = True,
        keeper: Keeper | None = None,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._driver, self._snapshots, self._report, self._device = driver, snapshots, report, device
        self._credentials, self._verify_s = credentials, verify_s
        self._observer: Observer = observer or Unobserved()
        self._clock, self._sleep, self._keeper = clock, sleep, keeper
        self._caution = Caution(
            device,
            controller_id,
            max_percent=max_delete_percent,
            second_look_s=second_look_s,
        )
        self._agenda = Agenda(controller_id, self._caution, Drift(controller_id, mends=drift == "mend"), adopt=adopt)
        self._housekeeping = Housekeeping(driver, device, report, clock, save=save)
        self._pace, self._tempo = Pace(1.0, 30.0), Tempo()
        self._ahead = ReadAhead(driver.read, clock)
        self.leads, self._comes_to_lead = leads, False
        self._looked_at = float("-inf")
        self._failures, self._circuit = 0, Circuit.CLOSED
        self._asked_at, self._tripped = -1, False
        self._told: Mapping[Ref, tuple[Issue, ...]] | None = None
        self._chores: asyncio.Task[None] | None = None
        self.confirm: Callable[[], Awaitable[None]] = _nobody_to_ask
        self.knows: Callable[[State], None] = _nobody_to_tell
        self.in_sync = asyncio.Event()
        self.failed_for_good = asyncio.Event()

    async def missing(self, paths: Collection[Path]) -> frozenset[Path]:
        """See Driver.missing."""
        return await self._driver.missing(paths)

    async def run(self) -> None:
        """Works until it is cancelled."""
        if self.leads:
            self._ahead.begin()
        while True:
            try:
                await self._news()
                await self._work()
                self._switch(Circuit.CLOSED)
            except Unauthorized as error:
                self._failed(error)
                await self._other_credentials()
            except Deposed as error:
                log.warning("%s", error)
                self.follow()
                self._agenda.observe(None)
            except Moved as error:
                self._moved(error)
            except DriverError as error:
                self._failed(error)
                await self._rest()
            except Exception as error:  # a bug of ours must not end the process
                log.exception("this should not happen; please report it")
                self._failed(DriverError(f"Turnbuckle failed ({type(error).__name__}: {error})"))
                await self._rest()

    async def finish(self) -> None:
        """Saves what is not saved yet and logs out; for the end of the process."""
        self._ahead.drop()
        try:
            async with asyncio.timeout(20):
                if self._chores is not None:
                    await self._chores
                await self._housekeeping.save()
        except (TimeoutError, DriverError) as error:
            log.warning("the configuration of %s was not saved: %s", self._device.name, error)
        finally:
            await self._driver.close()

    def allow_mass_delete(self, allowed: bool) -> None:
        """Lets go, or no longer, what is held back because it would be too much at once."""
        if allowed != self._caution.allowed:
            log.info("mass deletion is %s", "allowed" if allowed else "guarded")
            self._caution.allowed = allowed
            self._snapshots.wake()

    def freeze(self, what: Freeze) -> None:
        """Writes nothing of that from now on; what was frozen before and is not any more goes on."""
        if what == self._agenda.freeze:
            return
        log.info("frozen: %s", what or "nothing")
        self._agenda.freeze = what
        self._agenda.compare_everything()
        self._snapshots.wake()

    @property
    def in_charge(self) -> bool:
        """Whether it writes, and knows what the device has since it came to."""
        return self.leads and not self._comes_to_lead and self._agenda.observed is not None

    def waits(self) -> tuple[Path, ...]:
        """What is not written because it is frozen."""
        return self._agenda.frozen

    def lead(self, number: int, may_write: Callable[[], bool]) -> None:
        """Writes from now on, as leader `number`; 0: without a fence. may_write: see Driver.fence."""
        if number:
            self._driver.fence(number, may_write)
        self.leads = self._comes_to_lead = True
        if not self._agenda.begun:
            # What was read before somebody else ceased to write is not what is there now. Of ours nothing was written.
            self._ahead.begin()
        self._snapshots.wake()

    def follow(self) -> None:
        """Writes nothing from now on, but keeps what it knows of the device fresh."""
        self.leads = False
        self._ahead.drop()
        self.in_sync.clear()

    # ---- what is to be done

    async def _news(self) -> None:
        """Waits for something to do: a snapshot, a second try, a look at the device, or housekeeping."""
        if self._agenda.begun and self._agenda.observed is None:
            return
        self._observer.idle(self._clock())
        # Whoever follows tries nothing again, so that what is due there is due for the leader only.
        due = (self._agenda.next_at() if self.leads else None, self._chores_due_at())
        dates = [at for at in due if at is not None]
        wait_s = max(0.0, min(dates) - self._clock()) if dates and self._agenda.begun else None
        await self._snapshots.arrival(wait_s)

    def _take_snapshot(self) -> None:
        newest = self._snapshots.take()
        if newest is not None:
            self._agenda.want(newest)
            if newest.issues is not self._told:
                self._told = newest.issues
                self._report.tell("objects", newest.all_issues())
        # Whoever woke the worker, perhaps while a write was under way, is heard now: the slot forgets it.
        self._agenda.wake(self._clock())

    async def _work(self) -> None:
        self._take_snapshot()
        if not self._agenda.begun:
            return
        if not self.leads:
            await self._stay_warm()
            return
        if self._comes_to_lead and self._agenda.observed is not None:
            await self._look(ours=False)
            self._take_snapshot()
        self._comes_to_lead = False
        while await self._step():
            self._take_snapshot()
        if self._agenda.observed is not None and self.leads:
            await self._settled()

    async def _stay_warm(self) -> None:
        """What another replica does on the device is known here soon after, so that taking over costs little."""
        if self._agenda.observed is None:
            await self._read()
        self._agenda.compare_everything()
        self._pace.reset()
        self._report.tell("device", ())
        self._observer.synced(self._agenda.snapshot.version, self._clock())
        self._start_chores()

    async def _step(self) -> bool:
        """One read, plan or write; whether there may be more to do."""
        self._observer.busy(self._clock())
        asked: frozenset[str] | None = None
        while self._agenda.observed is None or (self._agenda.unread_pools() and self._agenda.designated() != asked):
            asked = self._agenda.designated()
            await self._read()
            # What was told while the device answered: a plan from before would do what is not wanted any more.
            self._take_snapshot()
        self._agenda.plan(self._clock())
        waiting = self._agenda.waiting()
        self._observer.waiting(len(waiting))
        if not waiting or not self.leads:
            return False
        if self._keeper is not None and self._agenda.observed is not None:
            await self._keeper.before(waiting, self._agenda.observed)
        batch = self._agenda.next_batch(self._tempo.operations)
        if batch is None:
            return False
        await self._apply(batch)
        return self._agenda.observed is not None

    async def _read(self) -> None:
        started = self._clock()
        designated = self._agenda.designated()
        ahead = await self._ahead.taken() if not designated else None
        self._ahead.drop()
        if ahead is None:
            ahead = Seen(await self._driver.read(designated), started)
        self._agenda.observe(ahead.state, designated)
        self._looked_at = ahead.at
        self._tell_known(None)
        log.info("read %s: objects=%d took_s=%.2f", self._device.name, len(ahead.state), self._clock() - started)

    async def _settled(self) -> None:
        """Everything is done that can be done now."""
        self._pace.reset()
        self._agenda.settled()
        self._failures = 0
        self._report.tell("device", self._agenda.issues())
        self._report.tell("drift", self._agenda.drift.issues())
        self._observer.states(self._agenda.standing())
        self._observer.synced(self._agenda.snapshot.version, self._clock())
        waits = self._caution.next_at() is not None or self._caution.wants_list or self._agenda.snapshot.waiting
        if not waits:
            if not self.in_sync.is_set():
                refused = len(self._agenda.refused)
                log.info("%s is in sync%s", self._device.name, f", but for {refused}" if refused else "")
            self.in_sync.set()
        self._tell_guard()
        if self._caution.wants_list and self._asked_at != self._agenda.snapshot.lists:
            self._asked_at = self._agenda.snapshot.lists
            await self.confirm()
        self._start_chores()

    def _tell_guard(self) -> None:
        if self._caution.tripped and not self._tripped:
            for issue in self._caution.issues():
                self._observer.guard(issue)
        self._tripped = self._caution.tripped

    def _start_chores(self) -> None:
        due = self._chores_due_at()
        if due is not None and due <= self._clock():
            self._chores = asyncio.create_task(self._do_chores(), name="chores")

    # ---- what can wait, beside the work: saving takes a device seconds, and a pod's address must not wait for it

    def _chores_due_at(self) -> float | None:
        if self._chores is not None and not self._chores.done():
            return None
        tidy_at = None if self._agenda.freeze.device else self._housekeeping.due_at()
        return min((at for at in (tidy_at, self._look_due_at()) if at is not None), default=None)

    def _look_due_at(self) -> float | None:
        """When the device is looked at again, for what somebody else may have done there."""
        pauses = [LOOK_AGAIN_S] * self._agenda.blocked + [self._verify_s] * bool(self._verify_s)
        return self._looked_at + min(pauses) if pauses else None

    async def _do_chores(self) -> None:
        try:
            look_at = self._look_due_at()
            if look_at is not None and look_at <= self._clock():
                await self._look(ours=self.leads)
            due = self._housekeeping.due_at()
            if due is not None and due <= self._clock() and not self._agenda.freeze.device:
                await self._housekeeping.run_due(self._agenda.observed or State())
        except Moved as error:
            self._moved(error)
        except DriverError as error:
            log.info("%s could not be looked at: %s", self._device.name, error)
        finally:
            self._snapshots.wake()

    async def _look(self, *, ours: bool) -> None:
        """Finds what is other than it was left, at the cost of what changed. ours: whether only we are to write."""
        self._looked_at = self._clock()
        known = self._agenda.observed
        if known is None:
            return
        found = await self._driver.scan(known)
        log.info("scanned %s: differing=%d took_s=%.2f", self._device.name, len(found), self._clock() - self._looked_at)
        self._take_found(found, ours)

    def _take_found(self, found: Mapping[Path, LtmObject | None], ours: bool) -> None:
        drifted = self._agenda.found(found)
        if ours:
            for path, fields in drifted.items():
                self._observer.drift(path, fields)
            self._report.tell("drift", self._agenda.drift.issues())
        else:
            self._agenda.drift.written(drifted)
        if found:
            self._tell_known(frozenset(found))

    def _tell_known(self, paths: frozenset[Path] | None) -> None:
        """What the device has; paths: what may differ from before, None: everything."""
        if self._agenda.observed is not None:
            self._observer.observed(self._agenda.observed, paths)
            self.knows(self._agenda.observed)

    # ---- doing it

    async def _apply(self, batch: Batch) -> None:
        self.in_sync.clear()
        started = self._clock()
        outcomes = await self._driver.apply(batch)
        self._agenda.note(outcomes, self._clock())
        self._housekeeping.note(outcomes)
        for outcome in outcomes:
            self._observer.outcome(outcome, self._clock())
            write_down(outcome)
        if self._agenda.observed is None:
            self._narrow(outcomes)
            await self._rest()
            return
        self._tempo.took(len(outcomes), self._clock() - started)
        self._tell_known(frozenset(outcome.operation.path for outcome in outcomes))

    def _narrow(self, outcomes: tuple[Outcome, ...]) -> None:
        """Smaller batches, until it is seen of which operation the device does not tell what became."""
        if len(outcomes) > 1 and self._tempo.operations > 1:
            self._tempo.lost()
            return
        for outcome in outcomes:
            if outcome.result is Result.UNREACHED:
                self._agenda.refused.doubt(outcome, self._clock())

    @property
    def clean(self) -> bool:
        """Whether nothing was refused and nothing stands in the way."""
        return self._agenda.clean

    # ---- failing

    def _moved(self, error: Moved) -> None:
        """Another unit of the device group has to be read; there is nothing to wait for."""
        log.warning("%s", error)
        self._agenda.observe(None)
        self.in_sync.clear()

    def _failed(self, error: DriverError) -> None:
        self._agenda.observe(None)
        self._failures += 1
        if self._failures >= MOST_FAILURES or isinstance(error, Unauthorized | CertificateRefused | PartitionMissing):
            self.failed_for_good.set()
        self.in_sync.clear()
        self._switch(Circuit.OPEN)
        self._report.tell("device", [issues_of.device_failing(self._device, str(error), advice(error))])

    async def _rest(self) -> None:
        self._observer.idle(self._clock())
        await self._sleep(self._pace.pause_s())
        self._switch(Circuit.HALF_OPEN)

    def _switch(self, state: Circuit) -> None:
        if state is not self._circuit:
            self._circuit = state
            self._observer.circuit(state)

    async def _other_credentials(self) -> None:
        """Waits for other credentials: trying the refused ones on would lock the account, so the driver does not."""
        refused, until = self._credentials(), self._clock() + self._pace.pause_s()
        while self._credentials() == refused and self._clock() < until:
            await self._sleep(0.5)
        if self._credentials() != refused:
            log.info("the credentials have changed")
            self._pace.reset()
        self._switch(Circuit.HALF_OPEN)


async def _nobody_to_ask() -> None:
    pass


def _nobody_to_tell(state: State) -> None:
    pass
