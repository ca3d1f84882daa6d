"""A simulated device without sockets for the driver's tests: it notes what was asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from bigipsim.box import Box
from bigipsim.clock import ManualClock
from bigipsim.exchange import Request
from bigipsim.faults import Fault
from turnbuckle.drivers.base import Credentials, Unreachable
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.drivers.icontrol.transport import Reply
from turnbuckle.model.ltm import LtmObject, Member, Monitor, Pool, ProfileUse, VirtualServer, differing
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Batch, Operation, Verb
from turnbuckle.model.state import Path

OURS = Mark("us", "cluster", "ConfigMap/default/web")


@dataclass
class Device:
    """The transport to a Box. sent: "METHOD path" of what was asked for, log-ins aside."""

    box: Box
    clock: ManualClock
    sent: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    logins: int = 0
    fail: dict[str, str] = field(default_factory=dict)

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        bare, _, query = path.partition("?")
        if bare.startswith("/mgmt/shared/auth"):
            self.logins += method == "POST"
        else:
            self.sent.append(f"{method} {path}")
            uploaded = bare.startswith("/mgmt/shared/file-transfer")
            self.bodies.append(body if uploaded else msgspec.json.decode(body) if body else None)
        lower = {key.lower(): value for key, value in headers.items()}
        how = next((how for part, how in self.fail.items() if part in f"{method} {path}"), "")
        if how == "before":
            raise Unreachable("The BIG-IP cannot be reached: refused.")
        reply = self.box.handle(Request(method, bare, dict(parse_qsl(query)), lower, body, "192.0.2.10"))
        if how == "after":
            raise Unreachable("The BIG-IP broke off in the middle of an answer.")
        return Reply(reply.status, {key.lower(): value for key, value in reply.headers.items()}, reply.body)

    async def close(self) -> None:
        return None

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @property
    def writes(self) -> list[str]:
        """What was asked for and would change something, opening and committing aside."""
        return [one for one in self.sent if not one.startswith("GET") and "/mgmt/tm/transaction" not in one]

    def forget(self) -> None:
        """Begins to note anew."""
        self.sent.clear()
        self.bodies.clear()

    def fault(self, **how: Any) -> None:
        self.box.faults.add(Fault(**how))

    def driver(
        self, password: str = "admin", partition: str = "k8s", create: bool = False, **more: Any
    ) -> IControlDriver:
        return IControlDriver(
            self,
            lambda: Credentials("admin", password),
            partitions=(partition,),
            controller_id="us",
            create_partition=create,
            clock=self.clock.now,
            sleep=self.sleep,
            **more,
        )

    def operator(self, method: str, path: str, body: Any = None) -> Any:
        """Somebody else's request, with Basic credentials; not noted."""
        reply = self.box.handle(
            Request(
                method,
                path.partition("?")[0],
                dict(parse_qsl(path.partition("?")[2])),
                {"authorization": "Basic YWRtaW46YWRtaW4=", "content-type": "application/json"},
                b"" if body is None else msgspec.json.encode(body),
            )
        )
        assert reply.status == 200, (method, path, reply.body)
        return msgspec.json.decode(reply.body) if reply.body else None


def device() -> Device:
    """A device of factory settings with partition k8s."""
    clock = ManualClock()
    found = Device(Box(clock), clock)
    found.operator("POST", "/mgmt/tm/auth/partition", {"name": "k8s"})
    return found


def member(number: int, **settings: Any) -> Member:
    return Member(f"10.0.0.{number}", 80, "k8s", **settings)


def pool(name: str = "web", members: int = 2, monitors: tuple[Path, ...] = (), **settings: Any) -> Pool:
    found = frozenset(member(n) for n in range(1, members + 1))
    return Pool(f"/k8s/{name}", OURS, found, monitors=monitors, **settings)


def monitor(name: str = "web_0_http") -> Monitor:
    return Monitor(f"/k8s/{name}", OURS, "http", 5, 16, r"GET / HTTP/1.0\r\n\r\n", "200 OK")


def virtual(name: str = "web", number: int = 7, **settings: Any) -> VirtualServer:
    profiles = settings.pop("profiles", frozenset({ProfileUse("/Common/tcp"), ProfileUse("/Common/http")}))
    settings = {"pool": f"/k8s/{name}", **settings}
    return VirtualServer(f"/k8s/{name}", OURS, f"203.0.113.{number}", 80, "tcp", profiles=profiles, **settings)


def create(obj: LtmObject) -> Operation:
    return Operation(Verb.CREATE, obj.path, None, obj)


def update(before: LtmObject, after: LtmObject) -> Operation:
    return Operation(Verb.UPDATE, after.path, before, after, differing(before, after))


def delete(obj: LtmObject) -> Operation:
    return Operation(Verb.DELETE, obj.path, obj, None)


def configuration(*operations: Operation) -> Batch:
    return Batch("configuration", "k8s", operations)


def members(*operations: Operation) -> Batch:
    return Batch("members", "k8s", operations)
