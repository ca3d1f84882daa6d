"""A pair of simulated units with traffic through them, and what was counted on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import aiohttp

from bigipsim.box import Box
from bigipsim.clock import SystemClock
from bigipsim.dataplane.addresses import Mapping
from bigipsim.group.group import Group
from bigipsim.group.membership import Membership
from bigipsim.objects.model import Change
from bigipsim.server import SimServer
from patience import PATIENCE_S, eventually
from scenarios.loop import CONTROLLER, Cluster, Login, World
from turnbuckle.drivers.base import Driver
from turnbuckle.drivers.icontrol.group import GroupDriver
from turnbuckle.model.settings import Settings

DG = "dg1"
BEAT_S = 0.03
SETTINGS = Settings(CONTROLLER, "k1", ("k8s",), "cluster")


class Unit:
    """A device of the pair. lost: what of ours went from it, by full path."""

    def __init__(self, server: SimServer) -> None:
        self.server, self.box = server, server.box
        self.lost: list[str] = []
        self._reboots = False
        self.box.tree.subscribe(self._changed)

    def _changed(self, changes: Sequence[Change]) -> None:
        gone = [one.before for one in changes if one.before is not None and one.after is None]
        if not self._reboots:
            self.lost += [f"{item.type.collection} {item.full_path}" for item in gone]

    @property
    def group(self) -> Group:
        assert self.box.group is not None
        return self.box.group

    @property
    def name(self) -> str:
        return self.group.name

    def members(self, pool: str = "/k8s/cfgmap_default_web_web") -> int:
        item = self.box.tree.get("ltm/pool", pool)
        return -1 if item is None else len(item.children.get("members", {}))

    def has(self, virtual: str) -> bool:
        return self.box.tree.get("ltm/virtual", virtual) is not None

    def state(self) -> dict[str, Any]:
        """What is in partition k8s, in a form that two units of one configuration have in common."""
        return {
            f"{kind} {item.full_path}": (dict(item.values), sorted(item.children.get("members", {})))
            for kind in ("ltm/virtual", "ltm/pool", "ltm/virtual-address", "ltm/node", "ltm/data-group/internal")
            for item in self.box.tree.items(kind)
            if item.full_path.startswith("/k8s/")
        }

    def refusals(self) -> list[str]:
        """Writes that the device refused; not those with a token that it forgot in a reboot."""
        return [
            f"{entry.method} {entry.path} {entry.status}"
            for entry in self.server.journal.since(0)
            if entry.write and entry.status >= 400 and "/_sim/" not in entry.path
            if not (self._reboots and entry.status == 401)
        ]

    def synced_to(self) -> int:
        """How often this unit was told to give its configuration to the group."""
        return sum(e.method == "POST" and e.path == "/mgmt/tm/cm" for e in self.server.journal.since(0))

    def fail_over(self) -> None:
        self.group.command("standby")

    def will_reboot(self) -> None:
        """From here on it does not count what goes: a reboot reads the configuration anew, and knows no token."""
        self._reboots = True

    async def until(self, state: str) -> None:
        await eventually(lambda: self.group.state == state, lambda: f"{self.name} is {self.group.state}, not {state}")
        await self.server.settled()


@contextlib.asynccontextmanager
async def pair(mappings: Sequence[Mapping] = (), **settings: Any) -> AsyncIterator[tuple[Unit, Unit]]:
    """Two units with partition k8s that know each other; the first is active."""
    async with contextlib.AsyncExitStack() as stack:
        units: list[Unit] = []
        for number in (1, 2):
            peers = tuple(unit.server.url for unit in units)
            membership = Membership(DG, peers, beat_s=BEAT_S, **settings)
            box = Box(SystemClock(), hostname=f"bigip{number}.example.net", membership=membership)
            box.tree.create("auth/partition", {"name": "k8s"})
            box.save()
            units.append(Unit(await stack.enter_async_context(SimServer(box, mappings=mappings))))
        one, two = units
        await two.until("standby")
        await one.until("active")
        yield one, two


class Grouped(World):
    """A world whose controller works on the device group; `device` is the first unit."""

    def __init__(self, cluster: Cluster, units: Sequence[Unit], **options: Any) -> None:
        super().__init__(cluster, units[0].server, Login(), SETTINGS, **options)
        self.units = units

    @property
    def devices(self) -> Sequence[SimServer]:
        """Those that the controller may write to."""
        return [unit.server for unit in self.units]

    def driver(self, create_partition: bool) -> Driver:
        urls = [unit.server.url for unit in self.units]
        return GroupDriver({url: self.driver_to(url, create_partition) for url in urls})


class Load:
    """Clients that ask one virtual server without a pause, each request on a connection of its own.

    answered: requests that were answered. failed: those that were not. cut: those that were not while a failover was
    under way, by its name: what is in flight then is cut off, and until the other unit is active nobody listens.
    """

    def __init__(self, host: str, port: int) -> None:
        self._url = f"http://{host}:{port}/"
        self._label = ""
        self.answered = 0
        self.failed: list[str] = []
        self.cut: Counter[str] = Counter()

    @contextlib.contextmanager
    def failing_over(self, name: str) -> Iterator[None]:
        self._label = name
        try:
            yield
        finally:
            self._label = ""

    async def goes_on(self, requests: int = 30) -> None:
        """Waits until so many more were answered."""
        goal = self.answered + requests
        await eventually(lambda: self.answered >= goal, lambda: f"nobody is served any more: {self.failed[-3:]}")

    async def _client(self) -> None:
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=PATIENCE_S)
        ) as session:
            session._retry_connection = False
            while True:
                begun = self._label
                try:
                    async with session.get(self._url) as reply:
                        await reply.read()
                        wrong = "" if reply.status == 200 else f"HTTP {reply.status}"
                except (aiohttp.ClientError, TimeoutError) as error:
                    wrong = f"{type(error).__name__}: {error}"
                if not wrong:
                    self.answered += 1
                elif label := begun or self._label:
                    self.cut[label] += 1
                else:
                    self.failed.append(wrong)
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def load(unit: Unit, virtual: str = "/k8s/default_web", clients: int = 2) -> AsyncIterator[Load]:
    """Traffic to a virtual server for as long as the block lasts."""
    await unit.server.settled()
    assert unit.server.plane is not None
    where = unit.server.plane.where(virtual)
    assert where is not None
    made = Load(*where)
    tasks = [asyncio.create_task(made._client()) for _ in range(clients)]
    try:
        await made.goes_on(5)
        yield made
        await made.goes_on()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
