"""One replica of the controller in the soak: the real parts, over transports that need no sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from soak.api import InProcessConnection, Reader, ReplicaLeases
from soak.model import PARTITIONS
from soak.oracle import CONTROLLER
from soak.wire import Sender, Wire
from turnbuckle import registry
from turnbuckle.drivers.base import Credentials, Driver
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Ref
from turnbuckle.model.settings import Settings
from turnbuckle.runtime.controller import Controller, snapshots
from turnbuckle.runtime.device import DeviceWorker
from turnbuckle.runtime.leader import Election
from turnbuckle.runtime.observer import Unobserved
from turnbuckle.runtime.report import Report
from turnbuckle.sources.base import Source
from turnbuckle.sources.kubernetes import Access, FixedLogin, KubernetesSource

BIGIP_URL = "https://bigip.example.net"
VERIFY_S = 120.0
SETTINGS = Settings(CONTROLLER, "k1", PARTITIONS, "cluster")


class Knowing(Unobserved):
    """Notes on each request up to when its sender knew the cluster, as it begins a step of its work."""

    def __init__(self, sender: Sender, fresh_until: Callable[[], float]) -> None:
        self._sender, self._fresh_until = sender, fresh_until

    def busy(self, now: float) -> None:
        self._sender.began = self._fresh_until()


class _Terms:
    """A worker as an election sees it; notes the number of its term."""

    def __init__(self, worker: DeviceWorker, sender: Sender) -> None:
        self._worker, self._sender = worker, sender

    def lead(self, number: int, may_write: Callable[[], bool]) -> None:
        self._sender.term = number
        self._worker.lead(number, may_write)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._worker, name)


async def _nothing(*_: object) -> None:
    pass


class Replica:
    """A replica that can be started, stopped, killed and paused. driven: what its driver is wrapped into."""

    verify_s, second_look_s = VERIFY_S, 5.0

    def __init__(
        self,
        name: str,
        reader: Reader,
        leases: ReplicaLeases,
        make_wire: Callable[[Sender], Wire],
        driven: Callable[[Driver], Driver],
    ) -> None:
        self.name, self.reader, self.leases = name, reader, leases
        self._make_wire, self._driven = make_wire, driven
        self.starts = self.logins_before = 0
        self.sender = Sender(name)
        self.wire = make_wire(self.sender)
        self.report = Report()
        self.worker: DeviceWorker | None = None
        self._election: Election | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def runs(self) -> bool:
        return self._running is not None

    @property
    def leads(self) -> bool:
        return self.runs and self.worker is not None and self.worker.leads

    @property
    def logins(self) -> int:
        return self.logins_before + self.wire.logins

    @property
    def in_sync(self) -> bool:
        return self.leads and self.worker is not None and self.worker.in_sync.is_set()

    @property
    def hesitates(self) -> bool:
        """Whether removals wait for a second look."""
        return self.worker is not None and len(self.worker._agenda.caution) > 0

    def issues(self) -> tuple[Issue, ...]:
        return self.report.all()

    def start(self) -> None:
        """Starts a process that remembers nothing."""
        self.starts += 1
        self.logins_before = self.logins
        clock = self.reader.server.clock
        self.sender = Sender(f"{self.name}{self.starts}")
        self.wire = self._make_wire(self.sender)
        slot, self.report = snapshots(), Report()
        device = Ref("", "Device", "", BIGIP_URL)
        self.worker = DeviceWorker(
            self._driven(self._driver(clock)),
            slot,
            self.report,
            device=device,
            controller_id=CONTROLLER,
            credentials=_credentials,
            save=True,
            verify_s=self.verify_s,
            second_look_s=self.second_look_s,
            leads=False,
            observer=Knowing(self.sender, self.reader.fresh_until),
            clock=clock,
        )
        self._election = Election.among(
            self.leases,
            _Terms(self.worker, self.sender),
            lambda trouble: None,
            namespace="kube-system",
            partitions=PARTITIONS,
            bigip_url=BIGIP_URL,
            identity=self.sender.name,
            clock=clock,
        )
        controller = Controller([self._source()], self.worker, slot, self.report, SETTINGS, election=self._election)
        self._running = asyncio.create_task(controller.run(), name=self.sender.name)

    def _driver(self, clock: Callable[[], float]) -> Driver:
        return IControlDriver(
            self.wire, _credentials, partitions=PARTITIONS, controller_id=CONTROLLER, clock=clock, sleep=asyncio.sleep
        )

    def _source(self) -> Source:
        return KubernetesSource(
            registry.kinds(),
            FixedLogin(Access("https://kube.example.net")),
            connect=lambda login, timing: InProcessConnection(self.reader),
        )

    async def stop(self) -> None:
        """Ends the process as it is asked to: it saves, logs out and gives its Leases back."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def kill(self) -> None:
        """Ends the process at once: it gives nothing back."""
        if self._running is not None and self.worker is not None and self._election is not None:
            self.worker.finish = _nothing  # type: ignore[method-assign]
            self._election.leave = _nothing  # type: ignore[method-assign]
        await self.stop()

    def pause(self, seconds: float) -> None:
        """Nothing that it sends goes out for a time."""
        until = self.reader.server.clock() + seconds
        self.wire.paused_until = self.reader.trouble.paused_until = until

    def died(self) -> BaseException | None:
        """Why the process ended by itself, if it did."""
        if self._running is None or not self._running.done() or self._running.cancelled():
            return None
        return self._running.exception()


def _credentials() -> Credentials:
    return Credentials("admin", "admin")
