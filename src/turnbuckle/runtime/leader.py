"""Who writes: of the replicas of a controller the one that holds the Leases; the others keep themselves warm.

A Lease is one per partition and device. Its holder renews it; whoever sees it unchanged for its whole duration, by the
own clock, takes it. A leader that cannot renew stops before anybody else may begin. Several Leases are taken in the
order of their names, so that controllers whose partitions overlap never wait for each other.

Source: the Lease of coordination.k8s.io/v1; the rules are those of Kubernetes' own components.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from turnbuckle.drivers.icontrol import fencing
from turnbuckle.drivers.icontrol.connection import FENCED_WRITE_S
from turnbuckle.engine.protocol import Resource
from turnbuckle.model.state import Path
from turnbuckle.planner.freeze import Freeze, parse
from turnbuckle.sources.kubernetes import Forbidden, KubernetesError, NotFound
from turnbuckle.sources.kubernetes.writing import Conflict

log = logging.getLogger("turnbuckle.leader")

LEASES = Resource("coordination.k8s.io", "v1", "leases")

FREEZE, WAITING = "turnbuckle/freeze", "turnbuckle/waiting"
ALLOW_MASS_DELETE = "turnbuckle/allow-mass-delete"
"""Annotations of the Lease: what is frozen, what waits therefore, and whether much may go at once."""

FORBIDDEN_ROUNDS = 5
"""So often in a row Leases have to be forbidden before they count as not granted."""

MOST_SHOWN = 50
DURATION_S = 10.0
RENEW_S = 2.0
LOOK_S = 0.7
"""How often somebody who waits looks at a Lease: a leader that leaves is followed within that time."""

Object = Mapping[str, Any]


class Leases(Protocol):
    """Reads and writes Leases inside an `async with` block; see sources.kubernetes.writing.ObjectWriter."""

    async def __aenter__(self) -> Any: ...

    async def __aexit__(self, *error: Any) -> None: ...

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """An object as it is now."""
        ...

    async def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        """A new object."""
        ...

    async def replace(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        """The whole object anew, if nobody has changed it since it was read."""
        ...


def lease_names(partitions: Sequence[str], bigip_url: str) -> tuple[str, ...]:
    """The names of the Leases for what is written to, in the order in which they are taken."""
    place = fencing.seat(bigip_url)
    # A partition's name may hold what a Kubernetes name may not; the digest of both tells them apart all the same.
    return tuple(sorted({f"turnbuckle-{_label(name)}-{place}" for name in partitions or ("all",)}))


def _label(partition: str) -> str:
    plain = "".join(c if c.isascii() and (c.isalnum() or c == "-") else "-" for c in partition.lower()).strip("-")
    if plain == partition:
        return plain
    return f"{plain}-{hashlib.sha256(partition.encode()).hexdigest()[:6]}"


class Writer(Protocol):
    """Who is told to write, and to stop; see runtime.device.DeviceWorker. leads: whether it writes."""

    leads: bool

    def lead(self, number: int, may_write: Callable[[], bool]) -> None:
        """Writes from now on."""
        ...

    def follow(self) -> None:
        """Writes nothing from now on."""
        ...

    def freeze(self, what: Freeze) -> None:
        """Writes nothing of that until it is told otherwise."""
        ...

    def allow_mass_delete(self, allowed: bool) -> None:
        """Lets go, or no longer, what is held back because it would be too much at once."""
        ...

    def waits(self) -> Sequence[Path]:
        """What is not written because it is frozen."""
        ...


def minutes_now() -> int:
    """Minutes since 2020: where a new Lease begins to count its holders."""
    return int((datetime.now(UTC) - datetime(2020, 1, 1, tzinfo=UTC)).total_seconds() // 60)


class Lease:
    """One Lease, held or waited for. identity: who we are; must differ between processes. Times are monotonic.

    first: what a Lease that is made begins to count its holders from. Somebody may delete a Lease, and whoever leads
    then has to have a higher number than all before, or the device fences them off for good.

    annotations: those that it bears. notes: annotations that its holder writes; None takes one away.
    """

    def __init__(
        self,
        leases: Leases,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
        first: Callable[[], int] = minutes_now,
    ) -> None:
        self._leases, self._namespace, self.name, self._identity = leases, namespace, name, identity
        self._clock, self._first = clock, first
        self._seen: tuple[str, str] = ("", "")
        self._seen_at = float("-inf")
        self._last: Object = {}
        self.holder = ""
        self.number = 0
        self.annotations: Mapping[str, str] = {}
        self.notes: Mapping[str, str | None] = {}
        self.held_until = float("-inf")

    async def take(self) -> bool:
        """Takes or renews it, if nobody else holds it; whether it is ours now.

        Raises:
            KubernetesError: it could not be read or written; then it is ours as long as it was before.
        """
        asked_at = self._clock()
        try:
            found = await self._leases.get(LEASES, self._namespace, self.name)
        except NotFound:
            found = {}
        if not self._free(found):
            self.held_until = float("-inf")
            return False
        try:
            await self._write(found)
        except Conflict:
            return self._clock() < self.held_until
        self.held_until = asked_at + DURATION_S
        return True

    def _free(self, found: Object) -> bool:
        """Whether nobody else holds a Lease, or whoever does has let it run out."""
        spec = found.get("spec") or {}
        self.annotations = (found.get("metadata") or {}).get("annotations") or {}
        self.holder = str(spec.get("holderIdentity") or "")
        state = (self.holder, str(spec.get("renewTime") or ""))
        if state != self._seen:
            self._seen, self._seen_at = state, self._clock()
        duration_s = float(spec.get("leaseDurationSeconds") or DURATION_S)
        return self.holder in ("", self._identity) or self._clock() > self._seen_at + duration_s

    async def _write(self, found: Object) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        before = found.get("spec") or {}
        ours = before.get("holderIdentity") == self._identity
        counted = before.get("leaseTransitions")
        transitions = self._first() if counted is None else int(counted) + (not ours)
        spec = {
            **before,
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(DURATION_S),
            "acquireTime": before.get("acquireTime") if ours else now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }
        await self._put(found, spec)
        self.number = transitions + 1
        self.holder, self._seen = self._identity, (self._identity, now)

    async def _put(self, found: Object, spec: Object) -> None:
        metadata = found.get("metadata") or {"name": self.name, "namespace": self._namespace}
        noted = {**self.annotations, **self.notes}
        annotations = {name: text for name, text in noted.items() if text is not None}
        body = {
            **found,
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {**metadata, "annotations": annotations},
            "spec": spec,
        }
        if found:
            await self._leases.replace(LEASES, self._namespace, self.name, body)
        else:
            await self._leases.create(LEASES, self._namespace, body)

    async def release(self) -> None:
        """Gives it back, so that somebody else need not wait for its end.

        Raises:
            KubernetesError: it could not be given back; it runs out by itself.
        """
        self.held_until = float("-inf")
        found = await self._leases.get(LEASES, self._namespace, self.name)
        spec = found.get("spec") or {}
        if spec.get("holderIdentity") == self._identity:
            await self._put(found, {**spec, "holderIdentity": ""})


class Election:
    """Holds all Leases, or waits for them; at the end of an `async with` block they are given back.

    trouble: told what is in the way, as a sentence, or empty. Each time of leading has a number that is higher than
    that of every leader before, since it fences them off. Somebody who may not write Leases leads without: whoever came
    from a controller that had no replicas has not granted that right, and must be told rather than left without one.
    """

    def __init__(
        self,
        api: Leases,
        leases: Sequence[Lease],
        writer: Writer,
        trouble: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api, self._leases, self._writer, self._trouble = api, tuple(leases), writer, trouble
        self._clock, self._sleep = clock, sleep
        self.leading = False
        self._number = 0
        self._alone, self._forbidden = False, 0
        self._frozen_here, self._allowed_here = Freeze(), False

    @classmethod
    def among(
        cls,
        api: Leases,
        writer: Writer,
        trouble: Callable[[str], None],
        *,
        namespace: str,
        partitions: Sequence[str],
        bigip_url: str,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> Election:
        """The election among the replicas that write to these partitions of that device."""
        names = lease_names(partitions, bigip_url)
        leases = [Lease(api, namespace, name, identity, clock) for name in names]
        return cls(api, leases, writer, trouble, clock=clock, sleep=sleep)

    def configured(self, *, freeze: Freeze, allow_mass_delete: bool) -> None:
        """What the settings ask for, whatever the Leases say."""
        self._frozen_here, self._allowed_here = freeze, allow_mass_delete
        self._obey()

    async def __aenter__(self) -> Election:
        await self._api.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        try:
            await self.leave()
        finally:
            await self._api.__aexit__(None, None, None)

    def holds_for(self, seconds: float) -> bool:
        """Whether it is certain that nobody else leads until that many seconds from now."""
        return self._alone or all(lease.held_until > self._clock() + seconds for lease in self._leases)

    async def run(self) -> None:
        """Takes part until it is cancelled."""
        while True:
            held = await self._round()
            self._obey()
            number = 0 if self._alone else max(lease.number for lease in self._leases)
            if held and self.leading and number != self._number:
                # Somebody else led while nothing was heard of the Leases here, or they were not to be had.
                self._end()
            # A writer stops by itself when it cannot be sure of a Lease, which may turn out to be held all the same.
            if held and not (self.leading and self._writer.leads):
                self._begin(number)
            elif not held and self.leading and not self.holds_for(0):
                self._end()
            await self._sleep((RENEW_S if self.leading else LOOK_S) * random.uniform(0.9, 1.0))

    async def _round(self) -> bool:
        """Takes or renews one Lease after the other; whether all are ours."""
        try:
            for lease in self._leases:
                if not await lease.take():
                    self._may_take_part()
                    self._say_who_leads(lease)
                    return False
        except Forbidden as error:
            self._forbidden += 1
            # A server that has just started forbids what it will allow in a moment.
            self._alone = self._forbidden >= FORBIDDEN_ROUNDS
            self._trouble(f"Leader election is off, so run one replica only: {error}")
            return self._alone
        except KubernetesError as error:
            self._trouble(f"The Lease cannot be renewed: {error}")
            return self._alone
        self._may_take_part()
        return True

    def _may_take_part(self) -> None:
        self._forbidden, self._alone = 0, False
        self._trouble("")

    def _say_who_leads(self, lease: Lease) -> None:
        log.debug("waiting for Lease %s holder=%s", lease.name, lease.holder)

    def _begin(self, number: int) -> None:
        self.leading, self._number = True, number
        log.info("leading term=%d", number)
        self._writer.lead(number, lambda: self.holds_for(FENCED_WRITE_S))

    def _end(self) -> None:
        self.leading = False
        log.info("not leading any more")
        self._writer.follow()

    def _obey(self) -> None:
        """What people write on a Lease holds for whoever leads."""
        wishes = [lease.annotations for lease in self._leases]
        asked = (*(wish.get(FREEZE, "") for wish in wishes), str(self._frozen_here))
        self._writer.freeze(parse(asked))
        allowed = any(wish.get(ALLOW_MASS_DELETE, "").strip().casefold() == "true" for wish in wishes)
        self._writer.allow_mass_delete(allowed or self._allowed_here)
        waiting = self._writer.waits()
        shown = "\n".join(str(path) for path in waiting[:MOST_SHOWN])
        more = f"\nand {len(waiting) - MOST_SHOWN} more" if len(waiting) > MOST_SHOWN else ""
        for lease in self._leases:
            lease.notes = {WAITING: shown + more if waiting else None}

    async def leave(self) -> None:
        """Stops leading, and lets somebody else begin at once."""
        if self.leading:
            self._end()
        now = self._clock()
        for lease in reversed([lease for lease in self._leases if lease.held_until > now]):
            try:
                async with asyncio.timeout(2):
                    await lease.release()
            except (KubernetesError, TimeoutError) as error:
                log.info("Lease %s was not given back, it runs out by itself: %s", lease.name, error)
