"""One replica's way to the simulated device: its requests go in at the box itself, late, twice as slow, or never.

What the device does by itself wrong is arranged with bigipsim.faults; here is what happens on the way. A request that
is given up may arrive all the same: at once, or later. Directly written it arrives within the time for which a leader
that began to write still holds its Lease; a commit may come as late as it likes, for that is what fences are for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from bigipsim.box import Box
from bigipsim.exchange import Request
from bigipsim.faults import sort_of
from turnbuckle.drivers.base import Unreachable
from turnbuckle.drivers.icontrol.transport import REPLY_S, Reply

LATEST_WRITE_S = 4.0
"""From when a write begins: less than the 5 s that its Lease is certain to be held for."""

_arguments = lru_cache(maxsize=1024)(parse_qsl)

_GONE = "The BIG-IP broke off in the middle of an answer."


class Network:
    """What holds for all who talk to the device: whether it listens, and how slow it is."""

    def __init__(self, box: Box, clock: Callable[[], float]) -> None:
        self.box, self.clock = box, clock
        self.down_until = 0.0
        self.slow_until = 0.0
        self.slow_s = 0.0
        self.met: Counter[str] = Counter()
        self.under_way = 0
        self.arrived_late_at = float("-inf")


@dataclass
class Sender:
    """Who sends a request. began: the time up to which it knew the cluster when it planned what it sends."""

    name: str
    term: int = 0
    began: float = float("-inf")


@dataclass
class Wire:
    """A Transport (see drivers.icontrol.transport). carry: hands a request to the device, for a sender."""

    network: Network
    sender: Sender
    carry: Callable[[Request, Sender], Any]
    latency_s: float = 0.005
    paused_until: float = 0.0
    late: int = 0
    logins: int = 0
    writes: int = 0

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """See Transport.send."""
        bare, _, query = path.partition("?")
        lower = {key.lower(): value for key, value in headers.items()}
        request = Request(method, bare, dict(_arguments(query)), lower, body, "192.0.2.10")
        sort, began = sort_of(request), self.network.clock()
        self.logins += sort == "login" and method == "POST"
        sender = Sender(self.sender.name, self.sender.term, self.sender.began)
        await self._travel()
        if self.late and sort in ("write", "commit") and "/tm/task" not in bare:
            self.late -= 1
            await self._lose(request, sender, sort, began)
        wire = self.network.box.faults.on_the_wire(request)
        if wire is not None:
            self.network.met[f"wire: {wire}"] += 1
        reply = None if wire in ("reset-before", "hang-before") else self.carry(request, sender)
        if wire is None:
            return Reply(reply.status, {key.lower(): value for key, value in reply.headers.items()}, reply.body)
        if wire.startswith("hang"):
            await asyncio.sleep(REPLY_S)
        raise Unreachable(_GONE)

    async def _travel(self) -> None:
        network = self.network
        slow_s = network.slow_s if network.slow_until > network.clock() else 0.0
        await asyncio.sleep(self.latency_s + slow_s)
        if self.paused_until > network.clock():
            await asyncio.sleep(self.paused_until - network.clock())
        if network.down_until > network.clock():
            network.met["device away"] += 1
            raise Unreachable("The BIG-IP cannot be reached: refused.")

    async def _lose(self, request: Request, sender: Sender, sort: str, began: float) -> None:
        """Gives a request up that arrives all the same, later."""
        network = self.network
        spent_s = network.clock() - began
        delay_s = 45.0 if sort == "commit" else max(0.0, LATEST_WRITE_S - spent_s)
        network.met[f"late {sort}"] += 1

        def arrive() -> None:
            network.under_way -= 1
            if network.down_until <= network.clock():
                network.arrived_late_at = network.clock()
                self.carry(request, sender)

        if spent_s <= LATEST_WRITE_S or sort == "commit":
            network.under_way += 1
            asyncio.get_running_loop().call_later(delay_s, arrive)
        await asyncio.sleep(min(1.0, delay_s))
        raise Unreachable(_GONE)

    async def close(self) -> None:
        """See Transport.close."""
