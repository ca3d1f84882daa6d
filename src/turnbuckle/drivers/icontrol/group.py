"""A device group as one device: the unit that is active is read and written, and the others are given what was written.

A unit is active if it says so itself and nobody else does. That is asked before a write and after it, since a failover
in between puts the write where no traffic is. Where nobody is active, or two are, nothing is written.

What others wrote is not overwritten: before a write it is noted which units have changes that the rest does not have.
If they are not our own, the group is not synchronised before a person has decided which side counts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from turnbuckle.drivers.base import DriverError, Moved, NewerElsewhere, Unreachable
from turnbuckle.drivers.icontrol import cm
from turnbuckle.drivers.icontrol.cm import DeviceGroup, Sight, Standing
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.plan import Batch, Outcome, Result
from turnbuckle.model.state import Path, State

log = logging.getLogger(__name__)

FRESH_S = 0.5
"""How long it counts who was found active and whose changes are the newest, before it is asked again for a write."""

ANSWER_S = 5.0
"""How long a unit is waited for that may be switched off."""

SILENT_S = 30.0
"""How long a unit that did not answer is not asked again whether it is active too."""

POLLS_S = (0.2, 0.3, 0.5, *(1.0 for _ in range(29)))
"""The pauses between looks at a sync that is under way: half a minute in all."""

HOPELESS_AFTER = 4
"""Looks after which "Disconnected" or "Sync Failure" is not what was there before the sync."""


@dataclass(slots=True)
class _Unit:
    """A unit: where it is, how it is spoken to, and what it is called once it has told."""

    url: str
    driver: IControlDriver
    name: str = ""
    silent_until: float = float("-inf")

    def __str__(self) -> str:
        return f"{self.name} ({self.url})" if self.name else self.url


class GroupDriver:
    """A Driver (see drivers/base.py) for the units of one device group.

    units: a driver for each, by URL. group: the name of the device group; empty: the only sync-failover group that the
    active unit is in. clock, sleep: seconds that run steadily, and a pause in them.
    """

    grouped = True

    def __init__(
        self,
        units: Mapping[str, IControlDriver],
        *,
        group: str = "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._units: Sequence[_Unit] = [_Unit(url, driver) for url, driver in units.items()]
        self._wanted, self._clock, self._sleep = group, clock, sleep
        self._current: _Unit | None = None
        self._group = DeviceGroup("", automatic=False)
        self._checked_at = float("-inf")
        self._fence: tuple[int, Callable[[], bool]] | None = None
        # URLs of units that may have something that is not on their disk.
        self._unsaved: set[str] = set()
        # Names of units with changes that others may not have: written by us, and by anybody else.
        self._ours: set[str] = set()
        self._theirs: set[str] = set()
        # A write counts when it begins and when it ends, so that whoever looked in between sees that it was too early.
        self._writes = self._pushed = 0

    # ---- a Driver

    async def read(self, designated: Collection[str] = ()) -> State:
        """See Driver.read: of the unit that is active."""
        unit = await self._find()
        self._group = await cm.device_group(unit.driver.connection, unit.name, self._wanted)
        if self._fence is not None:
            # What is known of fences on this unit is from before the others gave it their configuration.
            unit.driver.fence(*self._fence)
        state = await unit.driver.read(designated)
        if unit is not self._current:
            log.info("%s is the active unit of device group %s", unit, self._group.name)
        self._current, self._checked_at = unit, float("-inf")
        return state

    async def scan(self, known: State) -> Mapping[Path, LtmObject | None]:
        """See Driver.scan."""
        unit = self._written_to()
        await self._still_active(unit)
        return await unit.driver.scan(known)

    async def apply(self, batch: Batch) -> tuple[Outcome, ...]:
        """See Driver.apply. UNREACHED, too, is what went to a unit that was not the active one any more."""
        unit = await self._ready_to_write()
        with self._writing(unit):
            outcomes = await unit.driver.apply(batch)
        try:
            await self._still_active(unit)
        except Moved as moved:
            return tuple(replace(outcome, result=Result.UNREACHED, answer=str(moved)) for outcome in outcomes)
        except DriverError:
            # What was done is done; the next write asks first.
            self._checked_at = float("-inf")
        return outcomes

    def fence(self, number: int, may_write: Callable[[], bool]) -> None:
        """See Driver.fence."""
        self._fence = (number, may_write)
        if self._current is not None:
            self._current.driver.fence(number, may_write)

    async def save(self) -> None:
        """See Driver.save: every unit that may have got something since; one that fails does not keep the others."""
        failures = []
        for unit in self._units:
            if unit.url not in self._unsaved:
                continue
            try:
                await unit.driver.save()
                self._unsaved.discard(unit.url)
            except DriverError as error:
                failures.append(f"{unit}: {error}")
        if failures:
            raise DriverError(" ".join(failures))

    async def missing(self, paths: Collection[Path]) -> frozenset[Path]:
        """See Driver.missing: of the unit that is active."""
        unit = self._current or await self._find()
        return await unit.driver.missing(paths)

    async def collect_nodes(self, candidates: Collection[str]) -> frozenset[str]:
        """See Driver.collect_nodes."""
        unit = await self._ready_to_write()
        with self._writing(unit):
            return await unit.driver.collect_nodes(candidates)

    async def close(self) -> None:
        """See Driver.close."""
        await asyncio.gather(*(unit.driver.close() for unit in self._units))

    # ---- who is active

    def _written_to(self) -> _Unit:
        if self._current is None:
            raise Moved("The active unit of the device group has not been read yet.")
        return self._current

    async def _find(self) -> _Unit:
        """The active unit, from what every unit says of itself.

        Raises:
            DriverError: there is not exactly one.
        """
        answers = await asyncio.gather(*(self._ask(unit) for unit in self._units))
        found = list(zip(self._units, answers, strict=True))
        active = [unit for unit, sight in found if isinstance(sight, Sight) and sight.active]
        if len(active) > 1:
            raise _two_active(active)
        if active:
            return active[0]
        errors = [sight for sight in answers if isinstance(sight, DriverError)]
        if len(errors) == len(answers):
            raise errors[0]
        said = "; ".join(f"{unit}: {s.state if isinstance(s, Sight) else s}" for unit, s in found)
        raise DriverError(f"No unit that is named with --bigip-url or --bigip-peer-url says that it is active: {said}")

    async def _ask(self, unit: _Unit) -> Sight | DriverError:
        try:
            async with asyncio.timeout(ANSWER_S):
                sight = await cm.sight(unit.driver.connection)
        except TimeoutError:
            unit.silent_until = self._clock() + SILENT_S
            return Unreachable(f"The BIG-IP at {unit.url} does not say within {ANSWER_S:g} s whether it is active.")
        except DriverError as error:
            unit.silent_until = self._clock() + SILENT_S
            return error
        unit.name = sight.name
        return sight

    async def _still_active(self, unit: _Unit) -> None:
        """Makes sure that a unit is the active one, and the only one.

        Raises:
            Moved: it is not active any more, or it is away and another one is active.
            DriverError: another one is active as well, or it is not known.
        """
        sight = await self._ask(unit)
        if isinstance(sight, DriverError):
            if isinstance(sight, Unreachable) and await self._find() is not unit:
                raise self._moved(f"{unit} cannot be reached")
            raise sight
        if not sight.active:
            raise self._moved(f"{unit} is {sight.state or 'in an unknown state'} now")
        # What the unit hears of another one is enough, and costs nothing; one that it cannot hear may be active, too.
        unheard = [
            other
            for other in self._units
            if other is not unit
            and sight.others.get(other.name, "") not in cm.DOWN
            and other.silent_until <= self._clock()
        ]
        answers = await asyncio.gather(*(self._ask(other) for other in unheard))
        rivals = [o for o, found in zip(unheard, answers, strict=True) if isinstance(found, Sight) and found.active]
        if rivals:
            raise _two_active([unit, *rivals])

    def _moved(self, why: str) -> Moved:
        self._current = None
        return Moved(f"{why}; the unit that is active is read and written from now on.")

    # ---- writing

    async def _ready_to_write(self) -> _Unit:
        """The unit to be written to, having noted what a sync afterwards would undo."""
        unit = self._written_to()
        if self._clock() >= self._checked_at + FRESH_S:
            # That the unit is not the active one any more says more than that it does not answer.
            _, standing = await asyncio.gather(self._still_active(unit), self._standing(unit))
            if isinstance(standing, DriverError):
                raise standing
            self._note(unit, standing)
            self._checked_at = self._clock()
        return unit

    async def _standing(self, unit: _Unit) -> Standing | DriverError:
        try:
            return await cm.standing(unit.driver.connection, self._group.name)
        except DriverError as error:
            return error

    @contextmanager
    def _writing(self, unit: _Unit) -> Iterator[None]:
        """While it lasts, and after it, no look at the group from before counts."""
        self._wrote(unit)
        try:
            yield
        finally:
            self._wrote(unit)

    def _wrote(self, unit: _Unit) -> None:
        self._writes += 1
        self._ours.add(unit.name)
        self._unsaved = {one.url for one in self._units}

    def _note(self, unit: _Unit, standing: Standing) -> None:
        """Takes in whose changes others do not have. With automatic sync they come over by themselves."""
        if standing.even:
            self._ours.clear()
            self._theirs.clear()
        elif not self._group.automatic:
            self._theirs |= standing.changed - self._ours - {unit.name}

    # ---- giving it to the others

    async def sync(self) -> None:
        """See Driver.sync."""
        unit = self._written_to()
        await self._still_active(unit)
        if not self._ours:
            return
        self._group = await cm.device_group(unit.driver.connection, unit.name, self._wanted)
        begun = self._writes
        standing = await cm.standing(unit.driver.connection, self._group.name)
        if begun == self._writes:
            self._note(unit, standing)
        if not self._ours:
            return
        if not self._group.automatic:
            await self._push(unit, standing)
        await self._until_even(unit)

    async def _push(self, unit: _Unit, standing: Standing) -> None:
        if standing.changed and unit.name not in standing.changed:
            # Ours or not: the device itself says that this unit has the older configuration.
            raise _newer(sorted(standing.changed), self._group.name)
        if self._theirs:
            raise _newer(sorted(self._theirs), self._group.name)
        if standing.status == cm.NEVER:
            raise DriverError(
                f"Device group {self._group.name} was never synchronised, so nobody knows which configuration counts. "
                f"On the unit that has it run: tmsh run cm config-sync to-group {self._group.name}"
            )
        broken = standing.status in cm.BROKEN
        if not broken or self._pushed != self._writes:
            self._pushed = self._writes
            await cm.synchronise(unit.driver.connection, self._group.name)
        if broken:
            # Of several others some may have it now; those that are away have to come back first.
            raise _not_even(self._group.name, standing)

    async def _until_even(self, unit: _Unit) -> None:
        """Waits until all units have the same; what is written in the meantime is for the next sync."""
        begun = self._writes
        for looks, pause_s in enumerate(POLLS_S):
            await self._sleep(pause_s)
            standing = await cm.standing(unit.driver.connection, self._group.name)
            if begun != self._writes:
                return
            if standing.even:
                self._note(unit, standing)
                log.info("device group %s has one configuration", self._group.name)
                return
            if standing.status in cm.BROKEN and looks >= HOPELESS_AFTER:
                break
        raise _not_even(self._group.name, standing)


def _two_active(units: Sequence[_Unit]) -> DriverError:
    names = " and ".join(str(unit) for unit in units)
    return DriverError(f"{names} say that they are active; nothing is written until only one is.")


def _newer(units: Sequence[str], group: str) -> NewerElsewhere:
    return NewerElsewhere(" and of ".join(units), group)


def _not_even(group: str, standing: Standing) -> DriverError:
    return DriverError(
        f"The units of device group {group} do not have one configuration ({standing.status}): {standing.words}."
    )
