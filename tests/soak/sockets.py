"""The soak over real sockets and in real time: fewer kinds of faults, much shorter waits, the same oracle.

It shows that what holds in one process holds with HTTP, TLS and the kernel in between as well. How much of the cluster
a replica knows cannot be seen from outside; it is taken to know what is KNOWN_AFTER_S old.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from random import Random

from bigipsim.box import Box
from bigipsim.clock import SystemClock
from bigipsim.exchange import Request, Response
from bigipsim.faults import sort_of
from bigipsim.server import SimServer
from fakes.kubeapi import FakeKubeApi
from fakes.leases import FakeLeases
from soak import steps as acts
from soak.api import Reader, ReplicaLeases
from soak.manifests import NAMESPACE, Raw
from soak.model import Model
from soak.oracle import Oracle, Violation
from soak.replica import Replica
from soak.run import Failed, Result, told, walk
from soak.wire import Network, Sender, Wire
from soak.world import World, furnished
from turnbuckle import registry
from turnbuckle.drivers.icontrol.transport import AiohttpTransport, Reply
from turnbuckle.sources.base import Source
from turnbuckle.sources.kubernetes import Access, FixedLogin, KubernetesSource, Timing
from turnbuckle.sources.pace import Pace

BETWEEN_CALMS = 100
KNOWN_AFTER_S = 10.0
TIME_SCALE = 0.012
VERIFY_S = 2.0
SECOND_LOOK_S = 0.2
SENDER = "x-soak-sender"
QUICK = Timing(first_delay_s=0.02, longest_delay_s=0.5, at_once_s=0.02)

LEFT_OUT = (
    *("list_fails", "api_away", "api_silent", "lease_reply_lost"),
    *("turned_away", "device_away", "device_slow", "device_refuses", "late_write", "reboot", "kill", "stall"),
    *("add_foreign", "remove_foreign"),
)
"""What takes half a minute or more of real time, or is arranged inside of the process."""


class _WatchedBox(Box):
    """A device that tells the oracle who sends a request."""

    oracle: Oracle | None = None

    def handle(self, request: Request) -> Response:
        said = request.headers.get(SENDER)
        if said is None or self.oracle is None:
            return super().handle(request)
        name, term, began = said.split()
        with self.oracle.sent_by(Sender(name, int(term), float(began))):
            return super().handle(request)


class _NamedTransport(Wire):
    """The real transport; every request says who sends it."""

    def to(self, url: str) -> _NamedTransport:
        self._real = AiohttpTransport(url, insecure=True)
        return self

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """See Transport.send."""
        self.logins += sort_of(Request(method, path)) == "login" and method == "POST"
        said = f"{self.sender.name} {self.sender.term} {self.sender.began}"
        return await self._real.send(method, path, {**headers, SENDER: said}, body)

    async def close(self) -> None:
        await self._real.close()


class _HttpApi:
    """The API server on a socket, as the steps know it."""

    def __init__(self, server: FakeKubeApi, clock: Callable[[], float]) -> None:
        self._server, self.clock, self.streams = server, clock, False
        self.put, self.forget, self.end_watches = server.put, server.forget, server.end_watches

    def delete(self, kind: str, name: str) -> Raw | None:
        return self._server.delete(kind, NAMESPACE, name)


class _SocketReader(Reader):
    """A replica's reading, of which nothing is known but that it is not old."""

    def fresh_until(self) -> float:
        return self.server.clock() - KNOWN_AFTER_S


class _SocketReplica(Replica):
    url = ""
    verify_s, second_look_s = VERIFY_S, SECOND_LOOK_S

    def start(self) -> None:
        """See Replica.start; pauses after failures are as short as everything else here."""
        super().start()
        if self.worker is not None:
            self.worker._pace = Pace(0.05, 0.5)

    def _source(self) -> Source:
        return KubernetesSource(registry.kinds(), FixedLogin(Access(self.url)), timing=QUICK)


class SocketWorld(World):
    """All parts on sockets of this machine."""

    settle_s, idle_s, poll_s = 240.0, 0.5, 0.1
    time_scale = TIME_SCALE

    def __init__(self, device: SimServer, box: _WatchedBox, server: FakeKubeApi) -> None:
        self.clock = time.monotonic
        self.box = box
        self.model = Model(self.clock)
        self.oracle = box.oracle = Oracle(box, self.model, self.clock)
        self.network = Network(box, self.clock)
        self.api = _HttpApi(server, self.clock)  # type: ignore[assignment]
        self._stood, self.by_hand = set(), {}
        self._calm_at = self._stalled_until = 0.0
        leases = FakeLeases()
        self.replicas = [self._on_sockets(name, leases, device.url, server.url) for name in ("a", "b")]

    def _on_sockets(self, name: str, leases: FakeLeases, device_url: str, api_url: str) -> Replica:
        reader = _SocketReader(self.api)

        def wire(sender: Sender) -> Wire:
            return _NamedTransport(self.network, sender, self.oracle.carry).to(device_url)

        replica = _SocketReplica(name, reader, ReplicaLeases(leases, reader), wire, lambda driver: driver)
        replica.url = api_url
        return replica

    def heard(self, replica: Replica) -> bool:
        """Whether it can have heard of everything: the last edit is a moment ago."""
        return self.clock() - self.model.edited_at > 0.5


async def _soak(seed: int, count: int, progress: Callable[[int], None]) -> Result:
    result, dice = Result(seed), Random(seed)
    box = _WatchedBox(SystemClock())
    furnished(box)
    server = FakeKubeApi(bookmark_s=5)
    await server.start()
    try:
        async with SimServer(box, dataplane=False) as device:
            world = SocketWorld(device, box, server)
            try:
                began = world.clock()
                await walk(world, acts.Steps(world, dice, LEFT_OUT), result, count, BETWEEN_CALMS, progress)
                result.lived_s = world.clock() - began
            except Violation as violation:
                raise Failed(told(result, violation, world)) from violation
            finally:
                for replica in world.replicas:
                    await replica.kill()
                    await replica.wire.close()
    finally:
        await server.stop()
    return result


def run_over_sockets(seed: int, count: int, progress: Callable[[int], None] = lambda step: None) -> Result:
    """A run in real time.

    Raises:
        Failed: something happened that must not.
    """
    began = time.perf_counter()
    result = asyncio.run(_soak(seed, count, progress))
    result.took_s = time.perf_counter() - began
    return result
