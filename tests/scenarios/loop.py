"""The whole loop in one process: a cluster that tests tell about, the controller, and a simulated BIG-IP over HTTPS."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import aiohttp

from bigipsim.box import Box
from bigipsim.clock import SystemClock
from bigipsim.dataplane.addresses import Mapping
from bigipsim.faults import Fault
from bigipsim.server import SimServer
from patience import PATIENCE_S, eventually
from turnbuckle import registry
from turnbuckle.drivers.base import Credentials, Driver
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.drivers.icontrol.fencing import seat
from turnbuckle.drivers.icontrol.group import GroupDriver
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Event, Gone, Grounds, Ref, Synced
from turnbuckle.model.settings import Settings
from turnbuckle.runtime.controller import Controller, snapshots
from turnbuckle.runtime.device import DeviceWorker
from turnbuckle.runtime.leader import Election, Leases
from turnbuckle.runtime.report import Report
from turnbuckle.sources.base import PutEvents
from turnbuckle.sources.leases_pools import parse as parse_pools
from turnbuckle.sources.leases_range import RangeLeases

KINDS = {kind.name: kind for kind in registry.kinds()}
CREATED = "2026-01-01T00:00:00Z"
CONTROLLER = "ctl"


def f5_resource(
    name: str = "web",
    *,
    service: str = "web",
    address: str = "203.0.113.7",
    port: Any = 80,
    created: str = CREATED,
    annotations: dict[str, str] | None = None,
    frontend: dict[str, Any] | None = None,
    backend: dict[str, Any] | None = None,
    text: str | None = None,
) -> dict[str, Any]:
    """A ConfigMap v0.1.7; `frontend` and `backend` add to it, `text` stands in its place."""
    virtual = {"virtualAddress": {"bindAddr": address, "port": port}} if address else {}
    front = {"partition": "k8s", "mode": "http", **virtual, **(frontend or {})}
    back = {"serviceName": service, "servicePort": 80, **(backend or {})}
    data = {"virtualServer": {"frontend": front, "backend": back}}
    return {
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {"f5type": "virtual-server"},
            "creationTimestamp": created,
            "annotations": annotations or {},
        },
        "data": {
            "schema": "f5schemadb://bigip-virtual-server_v0.1.7.json",
            "data": json.dumps(data) if text is None else text,
        },
    }


def service(name: str = "web", *, type: str = "ClusterIP", node_port: int = 0, port: int = 80) -> dict[str, Any]:
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"type": type, "ports": [{"port": port, "nodePort": node_port}]},
    }


def endpoints(count: int, name: str = "web", port: int = 8080) -> dict[str, Any]:
    return {
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-1", "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [f"198.51.100.{n}"]} for n in range(1, count + 1)],
        "ports": [{"port": port}],
    }


class Cluster:
    """A source that knows what tests tell it. confirms: whether it lists everything anew when it is asked to."""

    name = "cluster"
    confirms = True

    def __init__(self, *manifests: dict[str, Any]) -> None:
        self._manifests = {self._ref(one): one for one in manifests}
        self._news: asyncio.Queue[list[Event]] = asyncio.Queue()

    @staticmethod
    def _ref(manifest: dict[str, Any]) -> Ref:
        metadata = manifest["metadata"]
        return Ref("", manifest["kind"], metadata.get("namespace", ""), metadata["name"])

    def tell(self, *manifests: dict[str, Any]) -> None:
        self.know(*manifests)
        self._news.put_nowait([KINDS[one["kind"]].decode(one) for one in manifests])

    def know(self, *manifests: dict[str, Any]) -> None:
        """Changes what is there without telling: as if it happened while no controller ran."""
        for one in manifests:
            self._manifests[self._ref(one)] = one

    def delete(self, kind: str, *names: str, grounds: Grounds = Grounds.WATCHED, told: bool = True) -> None:
        refs = [Ref("", kind, "default", name) for name in names]
        for ref in refs:
            del self._manifests[ref]
        if told:
            self._news.put_nowait([Gone(ref, grounds) for ref in refs])

    async def confirm(self) -> None:
        if self.confirms:
            everything = [KINDS[one["kind"]].decode(one) for one in self._manifests.values()]
            self._news.put_nowait([*everything, Synced(self.name)])

    async def run(self, put: PutEvents) -> None:
        self._news = asyncio.Queue()
        everything = [KINDS[one["kind"]].decode(one) for one in self._manifests.values()]
        await put([*everything, Synced(self.name)])
        while True:
            await put(await self._news.get())


class Login:
    """Credentials that a test can change while the controller runs."""

    def __init__(self, password: str = "admin") -> None:
        self.password = password

    def __call__(self) -> Credentials:
        return Credentials("admin", self.password)


async def _nothing() -> None:
    pass


class World:
    """A cluster, a controller and a device. `device.box` is the simulated BIG-IP itself."""

    def __init__(self, cluster: Cluster, device: SimServer, login: Login, settings: Settings, **options: Any) -> None:
        self.cluster, self.device, self.login, self.settings, self.options = cluster, device, login, settings, options
        self.report = Report()
        self.worker: DeviceWorker
        self.controller: Controller
        self.election: Election | None = None
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts a controller that remembers nothing."""
        slot = snapshots()
        self.report = Report()
        options = dict(self.options)
        leases, identity = options.pop("leases", None), options.pop("identity", "one")
        pools = parse_pools(options.pop("ip_range", ""))
        resolver = options.pop("resolver", None)
        keeper = options.pop("keeper", lambda desk, may_grant: RangeLeases(pools, desk, may_grant=may_grant))
        self.worker = DeviceWorker(
            self.driver(options.pop("create_partition", False)),
            slot,
            self.report,
            device=Ref("", "Device", "", self.device.url),
            controller_id=self.settings.controller_id,
            credentials=self.login,
            leads=leases is None,
            **{"save": False, **options},
        )
        self.election = None if leases is None else self._election(leases, identity)
        self.controller = Controller(
            [self.cluster],
            self.worker,
            slot,
            self.report,
            self.settings,
            election=self.election,
            keeper=keeper,
            resolver=resolver,
        )
        self._running = asyncio.create_task(self.controller.run())

    def driver(self, create_partition: bool) -> Driver:
        return self.driver_to(self.device.url, create_partition)

    def driver_to(self, url: str, create_partition: bool = False) -> IControlDriver:
        return IControlDriver.to(
            url,
            self.login,
            partitions=self.settings.partitions,
            controller_id=self.settings.controller_id,
            create_partition=create_partition,
            insecure=True,
            seat=seat(self.device.url),
        )

    def _election(self, leases: Leases, identity: str) -> Election:
        return Election.among(
            leases,
            self.worker,
            lambda text: None,
            namespace="kube-system",
            partitions=self.settings.partitions,
            bigip_url=self.device.url,
            identity=identity,
        )

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    async def kill(self) -> None:
        """Ends the controller without a chance to save or to log out."""
        driver, self.worker.finish = self.worker._driver, _nothing  # type: ignore[method-assign]
        await self.stop()
        for one in [unit.driver for unit in driver._units] if isinstance(driver, GroupDriver) else [driver]:
            await one.connection._transport.close()

    async def die(self) -> None:
        """Ends the controller as if its process was killed: it gives nothing back."""
        if self.election is not None:
            self.election.leave = _nothing  # type: ignore[method-assign]
        await self.kill()

    # ---- what can be seen

    def issues(self, code: str | None = None) -> list[Issue]:
        return [issue for issue in self.report.all() if code in (None, issue.code)]

    def get(self, kind: str, path: str) -> dict[str, Any] | None:
        item = self.device.box.tree.get(kind, path)
        return None if item is None else dict(item.values)

    def members(self, pool: str = "/k8s/cfgmap_default_web_web") -> set[str]:
        item = self.device.box.tree.get("ltm/pool", pool)
        return set() if item is None else {path.rsplit("/", 1)[1] for path in item.children.get("members", {})}

    def virtuals(self) -> set[str]:
        return {item.full_path for item in self.device.box.tree.items("ltm/virtual")}

    @property
    def devices(self) -> Sequence[SimServer]:
        """Those that the controller may write to."""
        return (self.device,)

    def writes(self, since: Sequence[int] = ()) -> list[str]:
        """Method and path of each write that the devices have seen, logins and saves left out."""
        return [
            f"{entry.method} {entry.path}"
            for device, start in zip(self.devices, since or [0] * len(self.devices), strict=True)
            for entry in device.journal.since(0)[start:]
            if entry.write and "/tm/task/" not in entry.path and "/shared/auth" not in entry.path
        ]

    def mark(self) -> Callable[[], list[str]]:
        """The writes from now on."""
        before = [len(device.journal.since(0)) for device in self.devices]
        return lambda: self.writes(before)

    def fault(self, kind: str, **more: Any) -> None:
        self.device.box.faults.add(Fault(kind, **more))

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """A request to the simulator's control interface."""
        async with aiohttp.ClientSession() as session:
            url = f"{self.device.control_url}{path}"
            async with session.request(method, url, json=body, ssl=False) as reply:
                return await reply.json()

    async def until(
        self, holds: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = PATIENCE_S
    ) -> None:
        """Waits until something holds; fails with what is the case when it does not."""
        await eventually(
            holds,
            lambda: (
                f"virtuals {self.virtuals()}, members {self.members()},"
                f" issues {[issue.text for issue in self.issues()]}, writes {self.writes()[-10:]}"
            ),
            seconds,
        )

    async def in_sync(self) -> None:
        await self.until(self.worker.in_sync.is_set)


@contextlib.asynccontextmanager
async def world(
    *manifests: dict[str, Any],
    member_type: str = "cluster",
    dataplane: bool = False,
    mappings: Sequence[Mapping] = (),
    password: str = "admin",
    partitions: tuple[str, ...] = ("k8s",),
    started: bool = True,
    members_only: bool = False,
    **options: Any,
) -> AsyncIterator[World]:
    """A world that runs and is in sync, unless `started` is false."""
    box = Box(SystemClock())
    box.tree.create("auth/partition", {"name": "k8s"})
    box.save()
    settings = Settings(
        CONTROLLER,
        "k1",
        partitions,
        member_type,
        members_only=members_only,
        resolve_ingress_names="resolver" in options,
    )
    async with SimServer(box, dataplane=dataplane, mappings=mappings) as device:
        one = World(Cluster(*manifests), device, Login(password), settings, **options)
        try:
            if started:
                one.start()
                await one.in_sync()
            yield one
        finally:
            await one.stop()
