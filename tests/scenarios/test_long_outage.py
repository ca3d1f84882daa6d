"""Ten minutes without a device, on virtual time, while endpoints go on changing: then one push of the newest state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import pytest

from bigipsim.box import Box
from bigipsim.faults import Fault
from scenarios.loop import CONTROLLER, Cluster, endpoints, f5_resource, service
from soak.clock import LoopClock, run_virtually
from soak.wire import Network, Sender, Wire
from turnbuckle.drivers.base import Credentials
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.model.ref import Ref
from turnbuckle.model.settings import Settings
from turnbuckle.runtime.controller import Controller, snapshots
from turnbuckle.runtime.device import DeviceWorker
from turnbuckle.runtime.report import Report

pytestmark = pytest.mark.long

APPS = [f"app{number}" for number in range(10)]
OUTAGE_S = 600.0
CHURN_S = 0.5


class Story:
    """A controller and a device without sockets."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.box = Box(LoopClock(loop))
        self.box.tree.create("auth/partition", {"name": "k8s"})
        self.network = Network(self.box, loop.time)
        self.wire = Wire(self.network, Sender("one"), lambda request, sender: self.box.handle(request))
        self.asked: list[str] = []
        self.cluster = Cluster(
            *(f5_resource(app, service=app, address=f"203.0.113.{n}") for n, app in enumerate(APPS)),
            *(service(app) for app in APPS),
            *(endpoints(2, app) for app in APPS),
        )
        driver = IControlDriver(
            self,
            lambda: Credentials("admin", "admin"),
            partitions=("k8s",),
            controller_id=CONTROLLER,
            clock=loop.time,
            sleep=asyncio.sleep,
        )
        slot, self.report = snapshots(), Report()
        self.worker = DeviceWorker(
            driver,
            slot,
            self.report,
            device=Ref("", "Device", "", "https://192.0.2.1"),
            controller_id=CONTROLLER,
            credentials=lambda: Credentials("admin", "admin"),
            save=False,
            clock=loop.time,
        )
        settings = Settings(CONTROLLER, "k1", ("k8s",), "cluster")
        self.controller = Controller([self.cluster], self.worker, slot, self.report, settings)

    async def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> object:
        reply = await self.wire.send(method, path, headers, body)
        self.asked.append(f"{method} {path}")
        return reply

    async def close(self) -> None:
        await self.wire.close()

    def members(self, app: str) -> int:
        pool = self.box.tree.get("ltm/pool", f"/k8s/cfgmap_default_{app}_{app}")
        return len(pool.children.get("members", {})) if pool else -1


def away(story: Story) -> Callable[[], None]:
    story.network.down_until = story.network.clock() + OUTAGE_S
    return lambda: None


def busy(story: Story) -> Callable[[], None]:
    story.box.faults.add(Fault("busy", path="/mgmt/"))
    return story.box.faults.clear


def forgetful_and_busy(story: Story) -> Callable[[], None]:
    story.box.faults.add(Fault("tokens-lost"))
    return busy(story)


async def _live(outage: Callable[[Story], Callable[[], None]]) -> None:
    story, dice = Story(), Random(7)
    running = asyncio.create_task(story.controller.run())
    await story.worker.in_sync.wait()
    await asyncio.sleep(60)
    logins, ends = story.wire.logins, outage(story)
    counts = dict.fromkeys(APPS, 2)
    for _ in range(int(OUTAGE_S / CHURN_S)):
        app = dice.choice(APPS)
        counts[app] = dice.randint(1, 30)
        story.cluster.tell(endpoints(counts[app], app))
        await asyncio.sleep(CHURN_S)
    ends()
    asked = len(story.asked)
    began = story.network.clock()
    while {app: story.members(app) for app in APPS} != counts:
        await asyncio.sleep(0.1)
        assert story.network.clock() < began + 60, "the newest state has not arrived within a minute"
    await story.worker.in_sync.wait()
    await asyncio.sleep(120)
    commits = [one for one in story.asked[asked:] if one.startswith("PATCH /mgmt/tm/transaction/")]
    direct = [one for one in story.asked[asked:] if not one.startswith("GET") and "/tm/ltm/" in one]
    assert len(commits) == 1
    assert len(direct) <= len(APPS)
    assert story.wire.logins - logins <= OUTAGE_S / 30 + 1
    assert story.report.all() == ()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("outage", [away, busy, forgetful_and_busy])
def test_ten_minutes_of_outage_under_churn_end_in_one_push_of_the_newest_state(
    outage: Callable[[Story], Callable[[], None]],
) -> None:
    run_virtually(_live(outage), 7)
