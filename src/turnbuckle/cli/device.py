"""One look at a device, one plan, and one pass of writing: what plan and apply do between reading and printing."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

from turnbuckle.config import Config, CredentialSource
from turnbuckle.drivers.base import Driver, DriverError, PartitionMissing
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ltm import DesignatedPool
from turnbuckle.model.plan import Outcome, Plan, Result, with_outcomes
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import State
from turnbuckle.planner import cut, make_plan
from turnbuckle.runtime.assemble import driver_for, keeper_for
from turnbuckle.runtime.housekeeping import Housekeeping
from turnbuckle.runtime.offline import Manifests
from turnbuckle.runtime.refused import Refused
from turnbuckle.runtime.report import Report
from turnbuckle.sources.leases_pools import parse as parse_pools

MOST_PASSES = 4
"""How often the device is read again when it is not known what it did; the controller would go on for ever."""


def unread_files(manifests: Manifests) -> list[Issue]:
    """What is wrong with whole files: their objects are unknown, which is not the same as deleted."""
    return [i for i in manifests.issues if i.about.kind == "File" and i.severity is Severity.ERROR]


def plan_of(observed: State, manifests: Manifests, config: Config, controller_id: str) -> Plan:
    """What would bring the device in line; nothing is deleted while a file could not be read."""
    return make_plan(
        observed,
        manifests.snapshot.desired,
        controller_id=controller_id,
        held=manifests.snapshot.held,
        ages=manifests.snapshot.ages,
        stays=manifests.snapshot.stays,
        adopt=config.adopt,
        synced=manifests.snapshot.synced and not unread_files(manifests),
        causes=manifests.snapshot.causes,
    )


def leased(observed: State, manifests: Manifests, config: Config) -> Manifests:
    """The manifests with addresses of ranges; what asks somebody else for one waits, since only `run` talks to them."""
    if config.infoblox_grid_host or config.ipam:
        return manifests
    return manifests.leased(observed, parse_pools(config.ip_range))


def partitions_of(config: Config, desired: State) -> tuple[str, ...]:
    """The partitions that must be there: those that are named, else those that the manifests write to."""
    if config.bigip_partition:
        return config.bigip_partition
    return tuple(sorted({path.partition for path in desired if path.kind != DesignatedPool.KIND}))


def designated(desired: State) -> list[str]:
    """The pools of others that members are put into."""
    return sorted(path.name for path in desired if path.kind == DesignatedPool.KIND)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is on the device. missing: partitions that are not, and that --create-partition would make."""

    state: State
    missing: tuple[str, ...] = ()


def empty_device(config: Config, desired: State) -> Seen:
    """A BIG-IP on which nobody has made anything: its only partition is Common."""
    return Seen(State(), partitions_of(config, desired) if config.create_partition else ())


async def look(config: Config, manifests: Manifests, controller_id: str) -> Seen:
    """What is on the device, without changing it.

    Raises:
        DriverError: the device does not answer as it should.
        ValueError: the trusted certificates cannot be read; the text is a sentence.
    """
    desired = manifests.snapshot.desired
    partitions = partitions_of(config, desired)
    untouching = replace(config, create_partition=False)
    missing: list[str] = []
    while True:
        driver = driver_for(untouching, CredentialSource(config), controller_id, partitions)
        try:
            return Seen(await driver.read(designated(desired)), tuple(missing))
        except PartitionMissing as error:
            if not config.create_partition or error.partition not in partitions:
                raise
            missing.append(error.partition)
            partitions = tuple(name for name in partitions if name != error.partition)
        finally:
            await driver.close()


@dataclass(slots=True)
class Applied:
    """How a pass of writing went.

    created: partitions that were made before anything else. kept: the restore file, if there is one. left: how many
    operations are not done, because the device could not be reached. failure: why, as a sentence.
    """

    done: list[Outcome] = field(default_factory=list)
    rejected: list[Outcome] = field(default_factory=list)
    created: tuple[str, ...] = ()
    kept: FilePath | None = None
    left: int = 0
    failure: str = ""
    issues: tuple[Issue, ...] = ()


class Pass:
    """Applies a plan, and plans anew as long as it is not known what the device did.

    plan: what is to be done, for what is on the device. pools: designated pools to be read, too.
    """

    def __init__(
        self,
        driver: Driver,
        config: Config,
        controller_id: str,
        plan: Callable[[State], Plan],
        pools: Collection[str] = (),
    ) -> None:
        self._driver, self._plan, self._pools = driver, plan, pools
        self._refused = Refused()
        self._report = Report()
        self._keeper = keeper_for(config, controller_id, self._report)
        self._housekeeping = Housekeeping(
            driver, Ref("", "Device", "", config.bigip_url), self._report, time.monotonic, save=config.save == "batch"
        )
        self._applied = Applied()

    async def observe(self) -> tuple[State, Plan]:
        """What is on the device, and what is to be done there.

        Raises:
            DriverError: the device does not answer as it should.
        """
        observed = await self._driver.read(self._pools)
        return observed, self._plan(observed)

    async def apply(self, observed: State, plan: Plan) -> Applied:
        """Does the plan; what the device refuses is left and told, the rest is done.

        When the device does not answer as it should, what was done until then stays and is told.
        """
        try:
            self._applied.kept = await self._keeper.before(plan.operations, observed)
            for _ in range(MOST_PASSES):
                observed, known = await self._batches(observed, plan)
                if known:
                    break
                observed, plan = await self.observe()
                plan = self._without_rejected(plan)
            if self._applied.done:
                await self._housekeeping.run(observed)
        except DriverError as error:
            self._applied.failure = str(error)
        self._applied.left = len(plan.operations) - self._settled(plan)
        self._applied.issues = (*self._refused.issues(), *self._report.all())
        return self._applied

    def _settled(self, plan: Plan) -> int:
        settled = {id(o.operation) for o in (*self._applied.done, *self._applied.rejected)}
        return sum(id(operation) in settled for operation in plan.operations)

    async def _batches(self, observed: State, plan: Plan) -> tuple[State, bool]:
        """What is on the device after the plan's batches, and whether that is known."""
        for batch in cut(plan):
            outcomes = await self._driver.apply(batch)
            self._note(outcomes)
            observed = with_outcomes(observed, outcomes)
            if any(outcome.result is Result.UNREACHED for outcome in outcomes):
                return observed, False
        return observed, True

    def _note(self, outcomes: Iterable[Outcome]) -> None:
        outcomes = tuple(outcomes)
        self._housekeeping.note(outcomes)
        for outcome in outcomes:
            self._refused.note(outcome, time.monotonic())
            if outcome.result is Result.DONE:
                self._applied.done.append(outcome)
            elif outcome.result is Result.REJECTED:
                self._applied.rejected.append(outcome)

    def _without_rejected(self, plan: Plan) -> Plan:
        rejected = {outcome.operation.path for outcome in self._applied.rejected}
        return replace(plan, operations=tuple(op for op in plan.operations if op.path not in rejected))
