"""Everything that is told beside the log: figures, health, Events and the status of objects.

Controller, worker and driver each tell it once what they do; which part wants to know what is decided here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import cast

from turnbuckle.engine.protocol import Kind, Root
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model.issue import Issue
from turnbuckle.model.plan import Outcome
from turnbuckle.model.ref import Event, Gone, Put, Ref, SourceObject
from turnbuckle.model.state import Path, State
from turnbuckle.model.tls import CertificateFile
from turnbuckle.runtime.events import Announcer
from turnbuckle.runtime.metrics import Metrics
from turnbuckle.runtime.observer import Circuit, Standing
from turnbuckle.runtime.propagation import Propagation
from turnbuckle.runtime.pulse import Pulse
from turnbuckle.runtime.report import Report
from turnbuckle.runtime.secrecy import Secrets
from turnbuckle.runtime.status import StatusWriter
from turnbuckle.sources.kubernetes import KindHealth, Login
from turnbuckle.sources.kubernetes.writing import ObjectWriter


class InCluster:
    """What is told to the objects of a cluster: Events about what is wrong, and what became of them.

    objects: an object as it is now. leading: whether this process writes. secrets: what no text may hold. lease: by
    which replicas write to the device, if there is one.
    """

    def __init__(
        self,
        login: Login,
        kinds: Iterable[Kind],
        report: Report,
        objects: Callable[[Ref], SourceObject | None],
        leading: Callable[[], bool],
        controller_id: str,
        secrets: Secrets,
        lease: Ref | None = None,
    ) -> None:
        self._api = ObjectWriter(login)
        by_name = {kind.name: kind for kind in kinds}
        resources = {name: kind.resource for name, kind in by_name.items()}
        roots = {name: cast(Root, kind) for name, kind in by_name.items() if hasattr(kind, "status")}
        self.status = StatusWriter(self._api, roots, objects, report.about, leading, controller_id)
        self._events = Announcer(self._api, resources, objects, report.all, leading, secrets=secrets, lease=lease)
        report.changed = self._events.wake

    async def run(self) -> None:
        """Tells until it is cancelled."""
        async with self._api, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._events.run(), name="events")
            tasks.create_task(self.status.run(), name="status")


class Telling:
    """An Observer (see observer.py) of the worker, and what the controller and the driver tell as well.

    secrets: what no text may hold. leading: whether this process writes; in_cluster: where it tells a cluster; both may
    be set until it runs. Times are seconds of `clock`, which must be the worker's; date: seconds since 1970.
    """

    def __init__(
        self,
        secrets: Secrets = tuple,
        clock: Callable[[], float] = time.monotonic,
        date: Callable[[], float] = time.time,
    ) -> None:
        self.secrets, self._clock, self._date = secrets, clock, date
        self.metrics = Metrics()
        self.pulse = Pulse(clock, secrets)
        self.in_cluster: InCluster | None = None
        self.leading: Callable[[], bool] = lambda: True
        self.metrics.leading = self.leads
        self._propagation = Propagation(self.metrics.propagated)
        self.metrics.certificates = self._certificates
        self._synced, self._desired = False, State()

    def of(self, report: Report, sources: Callable[[], Iterable[KindHealth]] = tuple) -> None:
        """There is a controller now. report: its issues. sources: what is known about each kind that is watched."""
        self.metrics.issues, self.metrics.sources, self.pulse.sources = report.all, sources, sources
        self.pulse.waiting_for = ""

    async def run(self) -> None:
        """Tells the cluster until it is cancelled, where there is one."""
        if self.in_cluster is not None:
            await self.in_cluster.run()

    def leads(self) -> bool:
        """Whether this process writes, as it is at the moment."""
        return self.leading()

    # ---- what the controller tells

    def arrived(self, events: Iterable[Event]) -> None:
        """A source has put events."""
        self._propagation.arrived(events, self._clock())
        self.pulse.arrived()

    def computed(self, snapshot: Snapshot, events: Iterable[Event]) -> None:
        """The engine has taken all events that there were."""
        # How long a first comparison takes says nothing about changes, nor does how long a replica waits for its turn.
        measured = self._synced and self.leads()
        self._propagation.leads_to(snapshot.version, snapshot.causes if measured else {})
        self._synced, self._desired = snapshot.synced, snapshot.desired
        self.pulse.computed(synced=snapshot.synced)
        if self.in_cluster is not None:
            self.in_cluster.status.touched(_about(event) for event in events if isinstance(event, Put | Gone))

    def _certificates(self) -> Iterator[CertificateFile]:
        for path, obj in self._desired.items():
            if path.kind == CertificateFile.KIND:
                yield cast("CertificateFile", obj)

    # ---- what the driver tells

    def requested(self, method: str, outcome: str, took_s: float) -> None:
        """The device was asked, and how that ended."""
        self.metrics.requested(method, outcome, took_s)
        self.pulse.answered()

    # ---- what the worker tells

    def busy(self, now: float) -> None:
        """See Observer.busy."""
        self.pulse.busy()

    def idle(self, now: float) -> None:
        """See Observer.idle."""
        self.pulse.idle()

    def waiting(self, count: int) -> None:
        """See Observer.waiting."""
        self.metrics.waiting(count)

    def observed(self, state: State, paths: frozenset[Path] | None) -> None:
        """See Observer.observed."""
        if paths is None:
            self.pulse.compared()
        if self.in_cluster is not None:
            self.in_cluster.status.observed(state, paths)

    def outcome(self, outcome: Outcome, now: float) -> None:
        """See Observer.outcome."""
        self.metrics.wrote(outcome)
        self._propagation.outcome(outcome, now)

    def synced(self, version: int, now: float) -> None:
        """See Observer.synced."""
        self._propagation.synced(version)
        self.metrics.synced(self._date())
        if self.in_cluster is not None:
            self.in_cluster.status.synced()

    def circuit(self, state: Circuit) -> None:
        """See Observer.circuit."""
        self.metrics.circuit(state)

    def drift(self, path: Path, fields: frozenset[str]) -> None:
        """See Observer.drift."""
        self.metrics.drifted()

    def guard(self, issue: Issue) -> None:
        """See Observer.guard."""
        self.metrics.guarded()

    def states(self, counts: Mapping[Standing, int]) -> None:
        """See Observer.states."""
        self.metrics.states(counts)


def _about(event: Put | Gone) -> Ref:
    return event.obj.ref if isinstance(event, Put) else event.ref
