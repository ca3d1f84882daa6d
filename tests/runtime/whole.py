"""Everything that `turnbuckle run` starts, in one process: API server, controller, pages, and a simulated BIG-IP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bigipsim.box import Box
from bigipsim.clock import SystemClock
from bigipsim.server import SimServer
from fakes.kubeapi import FakeKubeApi
from patience import PATIENCE_S
from turnbuckle.config import Config, CredentialSource
from turnbuckle.config.forms import Sealed
from turnbuckle.runtime.assemble import assemble
from turnbuckle.runtime.metrics import CONTENT_TYPE
from turnbuckle.runtime.telling import Telling
from turnbuckle.web.app import Pages, served


class Whole:
    """api: the cluster; device.box: the BIG-IP; port: where the pages are."""

    def __init__(self, api: FakeKubeApi, device: SimServer, config: Config) -> None:
        self.api, self.device, self.config = api, device, config
        self.telling = Telling(lambda: (config.bigip_password.reveal(),))
        self.port = 0
        self._running: asyncio.Task[None] | None = None

    async def _run(self) -> None:
        controller = await assemble(
            self.config, CredentialSource(self.config), kubeconfig_given=True, telling=self.telling
        )
        await controller.run()

    def start(self) -> None:
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def page(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as reply:
            return reply.status, await reply.text()

    async def figures(self, name: str) -> dict[tuple[str, ...], float]:
        """The values of a figure by those of its labels, in the order of their names."""
        _, text = await self.page("/metrics")
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return {tuple(value for _, value in sorted(s.labels.items())): s.value for s in samples if s.name == name}

    def shows(self, line: str) -> bool:
        """Whether a line stands on the page of figures."""
        return line.encode() in self.telling.metrics.page().splitlines()

    def objects(self, kind: str) -> list[dict[str, Any]]:
        served = next(one for one in self.api.kinds.values() if one.kind == kind)
        return list(self.api._objects[served].values())

    def annotations(self, name: str = "web") -> dict[str, str]:
        (one,) = (raw for raw in self.objects("ConfigMap") if raw["metadata"]["name"] == name)
        return dict(one["metadata"].get("annotations") or {})

    def reasons(self) -> list[str]:
        return sorted(event["reason"] for event in self.objects("Event"))

    def members(self) -> int:
        item = self.device.box.tree.get("ltm/pool", "/k8s/cfgmap_default_web_web")
        return 0 if item is None else len(item.children.get("members", {}))

    async def until(self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
        ends = time.monotonic() + seconds
        while not holds():
            assert self._running is None or not self._running.done(), "the controller has ended"
            assert time.monotonic() < ends, f"{what} does not come true; ready: {self.telling.pulse.ready()}"
            await asyncio.sleep(0.02)

    async def ready(self) -> None:
        """Waits until it is ready and has done what there was to do."""
        await self.until(lambda: not self.telling.pulse.ready(), "readiness")
        await self.until(lambda: not self.shows("turnbuckle_last_sync_timestamp_seconds 0.0"), "the first sync")


@contextlib.asynccontextmanager
async def whole(
    folder: Path,
    *manifests: dict[str, Any],
    started: bool = True,
    token: str = "kubernetes-token",
    password: str = "admin",
    **settings: Any,
) -> AsyncIterator[Whole]:
    """A whole that is ready, unless `started` is false. token, password: those that the program is given."""
    box = Box(SystemClock())
    box.tree.create("auth/partition", {"name": "k8s"})
    api = FakeKubeApi(tokens=(token,))
    url = await api.start()
    for manifest in manifests:
        api.put(manifest)
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(_kubeconfig(url, token)))
    async with SimServer(box, dataplane=False) as device:
        given = Config(
            bigip_url=device.url, bigip_username="admin", bigip_password=Sealed(password), insecure=True,
            bigip_partition=("k8s",), kubeconfig=kubeconfig, pool_member_type="cluster", save="never",
        )  # fmt: skip
        one = Whole(api, device, replace(given, **settings))
        pages = Pages(one.telling.metrics.page, CONTENT_TYPE, one.telling.pulse.health, one.telling.pulse.ready)
        async with served("127.0.0.1:0", pages) as one.port:
            try:
                if started:
                    one.start()
                    await one.ready()
                yield one
            finally:
                await one.stop()
                await api.stop()


def _kubeconfig(url: str, token: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "us"}}],
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "users": [{"name": "us", "user": {"token": token}}],
    }
