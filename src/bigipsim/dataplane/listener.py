"""Decides which sockets are open: every enabled virtual server is a real listener, and follows its configuration.

Changes of the tree are collected and applied together: first everything that has to go is closed, then what
is new is opened, so that two virtual servers may swap their destinations. A change that does not touch the
address, the port, the protocol or the http profile leaves the listener and its clients alone.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bigipsim.clock import Clock
from bigipsim.dataplane.addresses import Addresses, Bound
from bigipsim.dataplane.balance import METHODS, UNKNOWN
from bigipsim.dataplane.config import PoolSpec, VirtualSpec, node_spec, virtual_spec
from bigipsim.dataplane.http import HttpService
from bigipsim.dataplane.monitor import Monitors
from bigipsim.dataplane.parts import Parts
from bigipsim.dataplane.selection import Selection
from bigipsim.dataplane.tcp import TcpService
from bigipsim.dataplane.tls import Contexts
from bigipsim.dataplane.tls_spec import ClientSsl, ServerSsl, Unusable
from bigipsim.dataplane.udp import UdpService
from bigipsim.objects.model import Change
from bigipsim.objects.ssl_profile import SERVER
from bigipsim.runtime import Runtime
from bigipsim.tree import Tree

logger = logging.getLogger(__name__)

Service = TcpService | HttpService | UdpService
COUNTED: Final = frozenset({"ltm/virtual", "ltm/pool", "ltm/node"})
STANDBY: Final = "this unit of the device group is not active for its traffic group"
SOCKETS: Final = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


@dataclass(slots=True)
class Listener:
    """One virtual server: what it means, and the sockets that are open for it."""

    spec: VirtualSpec
    bound: list[tuple[str, Bound]] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    failure: str = ""

    @property
    def state(self) -> str:
        """ "listening", "not served: <why>" or "failed: <why>"."""
        if self.spec.not_served:
            return f"not served: {self.spec.not_served}"
        return f"failed: {self.failure}" if self.failure else "listening"


class DataPlane:
    """All listeners and monitors of one device."""

    def __init__(self, tree: Tree, runtime: Runtime, clock: Clock, addresses: Addresses) -> None:
        self._tree = tree
        self._runtime = runtime
        self._clock = clock
        self._selection = Selection(tree, runtime, clock, addresses)
        self._contexts = Contexts(tree.files)
        self._monitors = Monitors(tree, runtime, addresses, self._contexts)
        self._parts = Parts(tree, runtime, clock, self._selection)
        self._addresses = addresses
        self._listeners: dict[str, Listener] = {}
        self._taken: dict[str, set[tuple[str, int]]] = {transport: set() for transport in SOCKETS}
        self._serving = True
        self._closed: list[Service] = []
        self._changes: list[Change] = []
        self._everything = True
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        """Opens what is configured, and follows changes from now on."""
        self._everything = True
        self._unsubscribe = self._tree.subscribe(self._changed)
        await self._apply()
        self._idle.set()
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Closes everything and cuts off every client."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._monitors.stop()
        services = [service for listener in self._listeners.values() for service in listener.services]
        self._listeners.clear()
        for places in self._taken.values():
            places.clear()
        for service in (*services, *self._closed):
            await service.stop()
        self._closed.clear()
        self._parts.close()

    async def settled(self) -> None:
        """Returns once every change so far has been applied."""
        await self._idle.wait()

    def resync(self) -> None:
        """Compares everything with the configuration again, as after a reset, a load or a reboot."""
        self._everything = True
        self._selection.forget_clients()
        self._wake()

    def serve(self, active: bool) -> None:
        """Opens the virtual servers that float between units, or closes them and cuts off their clients."""
        if active != self._serving:
            self._serving = active
            self.resync()

    def listeners(self) -> list[dict[str, Any]]:
        """What is open and what is not, for people and tests: virtual servers in order of their paths."""
        return [self._describe(self._listeners[path]) for path in sorted(self._listeners)]

    def where(self, path: str) -> tuple[str, int] | None:
        """Host and port where a virtual server really listens, or None."""
        listener = self._listeners.get(path)
        if listener is None or not listener.bound:
            return None
        bound = listener.bound[0][1]
        return bound.host, bound.port

    def _changed(self, changes: Sequence[Change]) -> None:
        self._changes.extend(changes)
        self._wake()

    def _wake(self) -> None:
        self._idle.clear()
        self._work.set()

    async def _follow(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            await self._apply()
            if not self._work.is_set():
                self._idle.set()

    async def _apply(self) -> None:
        changes, self._changes = self._changes, []
        self._forget_figures(changes)
        if self._everything:
            self._everything = False
            virtuals = {item.full_path for item in self._tree.items("ltm/virtual")} | self._listeners.keys()
            pools = {item.full_path for item in self._tree.items("ltm/pool")} | self._selection.known()
            nodes = {item.full_path for item in self._tree.items("ltm/node")}
            monitors: set[str] = set()
        else:
            virtuals = self._virtuals_of(changes)
            pools = {c.path for c in changes if c.kind == "ltm/pool"}
            nodes = {c.path for c in changes if c.kind == "ltm/node"}
            monitors = {c.path for c in changes if c.kind.startswith("ltm/monitor/")} | self._monitors_of(changes)
        for pool in pools:
            self._selection.pool_changed(pool)
            self._monitors.pool_changed(pool)
        for node in nodes:
            self._monitors.node_changed(node)
        for monitor in monitors:
            self._monitors.monitor_changed(monitor)
        await self._follow_virtuals(virtuals)

    def _forget_figures(self, changes: Iterable[Change]) -> None:
        """Drops the traffic figures of what is gone, so that a namesake starts from zero."""
        for change in changes:
            if change.after is None and change.kind in COUNTED:
                self._runtime.forget(change.kind, change.path)
            if change.kind == "ltm/pool" and change.before is not None:
                left = change.after.children.get("members", {}) if change.after is not None else {}
                for member in change.before.children.get("members", {}).keys() - left.keys():
                    self._runtime.forget("ltm/pool/members", f"{change.path} {member}")

    def _monitors_of(self, changes: Iterable[Change]) -> set[str]:
        """Monitors that speak TLS as a profile says that was changed."""
        users = (one for c in changes if c.kind == SERVER for one in self._tree.referrers("ltm/profile", c.path))
        return {one.path for one in users if one.kind.startswith("ltm/monitor/")}

    def _virtuals_of(self, changes: Iterable[Change]) -> set[str]:
        """Virtual servers that a change may concern."""
        found = {c.path for c in changes if c.kind == "ltm/virtual"}
        touched = {c.path for c in changes if c.kind != "ltm/virtual"}
        selves = any(c.kind == "net/self" for c in changes)
        folders = any(c.kind == "sys/folder" and c.before is not None and c.after is not None for c in changes)
        for path, listener in self._listeners.items():
            spec = listener.spec
            if (
                folders
                or spec.virtual_address in touched
                or spec.uses & touched
                or (selves and spec.snat.kind == "automap")
            ):
                found.add(path)
        return found

    async def _follow_virtuals(self, paths: Iterable[str]) -> None:
        to_open: list[Listener] = []
        for path in sorted(paths):
            spec = self._spec(path)
            if spec is not None and spec.client_ssl:
                # A TLS context takes some milliseconds: with a thousand of them others have their turn in between.
                await asyncio.sleep(0)
            old = self._listeners.get(path)
            same = spec is not None and old is not None and old.services and not spec.not_served
            if same and old and spec and spec.listening == old.spec.listening:
                self._replace(old, spec)
                continue
            if old is not None:
                await self._close(old, cut_off=spec is None or spec.not_served == STANDBY)
            if spec is not None:
                to_open.append(Listener(spec))
        for listener in to_open:
            self._listeners[listener.spec.path] = listener
            await self._open(listener)
        used: set[ClientSsl | ServerSsl] = set()
        for listener in self._listeners.values():
            used.update(listener.spec.client_ssl, listener.spec.server_ssl)
        self._contexts.keep_only(used)

    def _spec(self, path: str) -> VirtualSpec | None:
        spec = virtual_spec(self._tree, path)
        if spec is None or spec.not_served:
            return spec
        if spec.floating and not self._serving:
            return replace(spec, not_served=STANDBY)
        try:
            self._contexts.check(spec.client_ssl, spec.server_ssl)
        except Unusable as error:
            return replace(spec, not_served=str(error))
        return spec

    def _replace(self, listener: Listener, spec: VirtualSpec) -> None:
        listener.spec = spec
        for service in listener.services:
            service.spec = spec

    async def _close(self, listener: Listener, cut_off: bool) -> None:
        """Closes the sockets; clients of a virtual server that was only moved or disabled stay connected."""
        del self._listeners[listener.spec.path]
        for transport, bound in listener.bound:
            self._taken[transport].discard((bound.host, bound.port))
        for service in listener.services:
            if cut_off:
                await service.stop()
            else:
                service.close()
                self._closed.append(service)
        for service in [one for one in self._closed if not one.busy]:
            self._closed.remove(service)
            await service.stop()
        if listener.services:
            logger.info("%s no longer listens", listener.spec.path)

    async def _open(self, listener: Listener) -> None:
        spec = listener.spec
        if spec.not_served:
            logger.info("%s (%s) is not served: %s", spec.path, spec.destination, spec.not_served)
            return
        for transport in spec.transports:
            try:
                bound = self._addresses.bind(spec.address, spec.port, SOCKETS[transport], self._taken[transport])
            except OSError as error:
                listener.failure = f"{transport} socket: {error.strerror or error}"
                logger.warning("%s (%s) %s", spec.path, spec.destination, listener.state)
                continue
            service = self._service(spec, transport)
            await service.start(bound.sock)
            listener.bound.append((transport, bound))
            self._taken[transport].add((bound.host, bound.port))
            listener.services.append(service)
            why = f" ({bound.reason})" if bound.reason else ""
            logger.info("%s listens on %s %s:%d%s", spec.path, transport, bound.host, bound.port, why)

    def _service(self, spec: VirtualSpec, transport: str) -> Service:
        if transport == "udp":
            return UdpService(spec, self._selection, self._runtime)
        if spec.http:
            return HttpService(spec, self._selection, self._runtime, self._clock, self._parts, self._contexts)
        return TcpService(spec, self._selection, self._runtime, self._contexts, self._parts)

    def _describe(self, listener: Listener) -> dict[str, Any]:
        spec = listener.spec
        return {
            "virtual": spec.path,
            "destination": spec.destination,
            "protocol": spec.protocol,
            "http": spec.http,
            "tls": [profile.path for profile in spec.client_ssl],
            "tlsToMembers": [profile.path for profile in spec.server_ssl],
            "state": listener.state,
            "listening": [
                {"transport": transport, "host": bound.host, "port": bound.port, "because": bound.reason}
                for transport, bound in listener.bound
            ],
            "pool": self._describe_pool(spec.pool) if spec.pool else None,
            "snat": {"type": spec.snat.kind, "addresses": self._describe_snat(spec)},
            "notes": [*spec.notes, *self._parts.notes(spec)],
        }

    def _describe_snat(self, spec: VirtualSpec) -> dict[str, str]:
        return {address: self._addresses.alias(address) for address in spec.snat.addresses}

    def _describe_pool(self, path: str) -> dict[str, Any]:
        pool = self._selection.pool(path)
        if pool is None:
            return {"path": path, "state": "there is no such pool"}
        return {
            "path": path,
            "balancing": pool.mode,
            "notes": list(_notes(pool)),
            "monitor": pool.monitor,
            "members": [
                {
                    "member": member.path,
                    "status": self._selection.health(pool, member),
                    "admission": _admission(self._tree, member.enabled, member.forced_offline, member.node),
                    "address": f"{member.address}:{member.port}",
                    "really": f"{self._addresses.real(member.address)}:{member.port}",
                    "connections": self._selection.connections(pool, member),
                }
                for member in pool.members
            ],
        }


def _notes(pool: PoolSpec) -> Iterator[str]:
    """Words on what a pool asks for and does not get."""
    note = METHODS.get(pool.mode, UNKNOWN).note
    if note:
        yield note
    if pool.service_down_action != "none":
        yield f"serviceDownAction {pool.service_down_action} is not evaluated: connections to a member that fails stay"


def _admission(tree: Tree, enabled: bool, forced_offline: bool, node_path: str) -> str:
    node = node_spec(tree, node_path)
    if forced_offline or node.forced_offline:
        return "forced offline"
    return "enabled" if enabled and node.enabled else "disabled"
