"""A controller as `turnbuckle run` starts it, a simulated BIG-IP with its data plane, and clients that ask."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any

import aiohttp
from aiohttp import web

from bigipsim.box import Box
from bigipsim.clock import SystemClock
from bigipsim.dataplane.addresses import Mapping as Redirection
from bigipsim.dataplane.tls import load_pair
from bigipsim.server import SimServer
from patience import PATIENCE_S
from turnbuckle import registry
from turnbuckle.config import Config, CredentialSource
from turnbuckle.config.forms import Sealed
from turnbuckle.drivers.base import Credentials
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.state import Path
from turnbuckle.runtime.assemble import assemble
from turnbuckle.runtime.controller import Controller
from turnbuckle.sources.kubernetes.discovery import root_path
from unit.ingresses import Pair

CONTROLLER = "published"
NETWORKS = (("198.51.100.", "127.81.0."), ("192.168.0.", "127.82.0."), ("192.0.2.", "127.83.0."))
"""Where pods, and what a SNAT pool has, really are on this machine."""
REDIRECTIONS = tuple(Redirection.parse(f"{of}0/24={at}0/24") for of, at in NETWORKS)
RESOURCES = {kind.name: kind.resource for kind in registry.kinds()}


class Published:
    """device.box: the BIG-IP; controller: the process beside it, once it is started."""

    def __init__(self, device: SimServer, config: Config) -> None:
        self.device, self.config = device, config
        self.controller: Controller
        self._running: asyncio.Task[None] | None = None
        self._driver = IControlDriver.to(
            device.url,
            lambda: Credentials("admin", "admin"),
            partitions=config.bigip_partition,
            controller_id=CONTROLLER,
            insecure=True,
        )

    async def start(self) -> None:
        self.controller = await assemble(self.config, CredentialSource(self.config), kubeconfig_given=True)
        self._running = asyncio.create_task(self.controller.run())

    async def stop(self) -> None:
        """Ends the controller as a signal does."""
        # asyncio leaves a connection open that is cancelled just before TLS begins: what is being told may be told.
        await asyncio.sleep(0.1)
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    async def in_sync(self) -> None:
        """Waits until there is nothing to write."""
        async with asyncio.timeout(PATIENCE_S):
            await self.controller._worker.in_sync.wait()

    async def close(self) -> None:
        await self.stop()
        await self._driver.close()

    async def state(self) -> dict[Path, LtmObject]:
        """What the BIG-IP has of ours, read as a controller reads it."""
        found = await self._driver.read()
        return {path: obj for path, obj in found.items() if obj.mark is not None}

    def writes(self) -> list[str]:
        """The requests so far that changed the configuration."""
        return [
            f"{entry.method} {entry.path}"
            for entry in self.device.journal.since(0)
            if entry.write and "/task/" not in entry.path and "/shared/" not in entry.path
        ]

    async def soon(self, finds: Callable[[], Awaitable[Any]], wanted: Any) -> Any:
        """What is found, as soon as it is what is wanted, else after a while."""
        ends = time.monotonic() + PATIENCE_S
        while (found := await finds()) != wanted and time.monotonic() < ends:
            assert self._running is None or not self._running.done(), "the controller has ended"
            await asyncio.sleep(0.05)
        return found

    def where(self, destination: str) -> tuple[str, int] | None:
        """Where this host reaches "address:port"; None: no virtual server is there."""
        assert self.device.plane is not None
        for item in self.device.box.tree.items("ltm/virtual"):
            if str(item.values["destination"]).rpartition("/")[2] == destination:
                return self.device.plane.where(item.full_path)
        return None

    async def asked(self, request: Mapping[str, Any], shown: Pair | None = None) -> dict[str, Any]:
        """What becomes of a request, in the words of golden/corpus/cases.yaml. shown: what is trusted, if anything."""
        await self.device.settled()
        place = self.where(request["to"])
        if place is None:
            return {"closed": True}
        connector = aiohttp.TCPConnector(force_close=True, local_addr=(request.get("from", "127.0.0.1"), 0))
        options: dict[str, Any] = {"headers": {"Host": request["host"]}, "allow_redirects": False}
        scheme = "https" if request.get("tls") else "http"
        if scheme == "https":
            options |= {"ssl": trusting(shown), "server_hostname": request["host"]}
        async with aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=PATIENCE_S)
        ) as session:
            url = f"{scheme}://{place[0]}:{place[1]}{request['path']}"
            try:
                async with session.get(url, **options) as reply:
                    if reply.status == 302:
                        return {"redirect": reply.headers["Location"]}
                    assert reply.status == 200, (reply.status, await reply.text())
                    return json.loads(await reply.text())
            except aiohttp.ClientConnectorCertificateError:
                return {"stranger": True}
            except aiohttp.ClientConnectorError as error:
                return {"unreachable": str(error)}
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                return {"reset": True}


def trusting(shown: Pair | None) -> ssl.SSLContext:
    """A client that trusts one certificate, for its names only, or every one for every name."""
    if shown is not None:
        return ssl.create_default_context(cadata=shown.certificate.decode())
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@contextlib.asynccontextmanager
async def published(
    profiles: Mapping[str, str] | None = None, snat: Mapping[str, str] | None = None, **settings: Any
) -> AsyncIterator[Published]:
    """A device and a controller that is not started yet.

    profiles: SSL profiles of the operator in /Common, and their types. snat: SNAT pools there, and the address in each.
    """
    given: dict[str, Any] = {
        "bigip_partition": ("k8s", "test"),
        "controller_id": CONTROLLER,
        "cluster_id": CONTROLLER,
        "insecure": True,
        "save": "never",
    }
    box = Box(SystemClock())
    for partition in ("k8s", "test"):
        box.tree.create("auth/partition", {"name": partition})
    for path, kind in (profiles or {}).items():
        box.tree.create(f"ltm/profile/{kind}", {"name": path.rpartition("/")[2], "partition": "Common"})
    for path, address in (snat or {}).items():
        box.tree.create("ltm/snatpool", {"name": path.rpartition("/")[2], "partition": "Common", "members": [address]})
    async with SimServer(box, mappings=REDIRECTIONS) as device:
        login = {"bigip_url": device.url, "bigip_username": "admin", "bigip_password": Sealed("admin")}
        one = Published(device, Config(**{**given, **login, **settings}))
        try:
            yield one
        finally:
            await one.close()


@contextlib.asynccontextmanager
async def backends(
    places: Mapping[tuple[str, int], str], tls: Mapping[str, Pair] | None = None, ill: Collection[str] = ()
) -> AsyncIterator[None]:
    """Web servers at the endpoints' addresses, each of which says who it is and what it was asked.

    places: the name of who is at each address and port. tls: who speaks TLS, and by which certificate. ill: who says at
    the moment that it is not well, when it is asked for a path that ends with /health.
    """
    async with contextlib.AsyncExitStack() as stack:
        for (address, port), name in places.items():
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", _answering(name, port, ill))
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            real = next(address.replace(of, at) for of, at in NETWORKS if address.startswith(of))
            await web.TCPSite(runner, real, port, ssl_context=serving((tls or {}).get(name))).start()
        yield


def _answering(name: str, port: int, ill: Collection[str]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/health"):
            return web.Response(text="ill" if name in ill else "well")
        seen = {"answer": name, "hello": f"Hello from {name}", "host": request.host, "path": request.raw_path}
        return web.json_response({**seen, "port": port, "peer": request.remote})

    return answer


def serving(pair: Pair | None) -> ssl.SSLContext | None:
    """What a server speaks TLS with; None: it does not."""
    if pair is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_pair(context, pair.certificate, pair.key)
    return context


def address_of(manifest: Mapping[str, Any], *, one: bool) -> str:
    """The path of a manifest's collection on an API server, or of the object itself."""
    metadata, resource = manifest["metadata"], RESOURCES[manifest["kind"]]
    within = f"/namespaces/{metadata['namespace']}" if resource.namespaced else ""
    return f"{root_path(resource)}{within}/{resource.plural}" + (f"/{metadata['name']}" if one else "")
