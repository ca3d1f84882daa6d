"""What is seen of the controller from inside its process, without hooks in the product.

Times are taken at the two ends of the process: when bytes from the API server have arrived (the HTTP client's
data_received), and when the first bytes of a request to the BIG-IP leave (its writer).
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import pstats
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

from aiohttp import client_proto, http_writer

import turnbuckle
from turnbuckle.drivers.base import Driver
from turnbuckle.model.state import State

_ENDPOINTS = (b"EndpointSlice", b'"Endpoints"')
_HOUSEKEEPING = (b"/ltm/node", b"/sys/config", b"/shared/authn")
_OURS = f"{Path(turnbuckle.__file__).parent}/"
_OTHERS = ("aiohttp", "asyncio", "ssl", "msgspec", "logging")
_BUILT_IN = {
    "msgspec": "msgspec",
    "_ssl": "ssl",
    "_socket": "asyncio",
    "_asyncio": "asyncio",
}


class Stopwatch:
    """From the last byte of an event about endpoints to the first byte of the request that it causes.

    samples_s: by the clock, and in CPU time, which leaves out what other processes of a busy machine take in between.
    What is done when it is quiet (nodes, saving, logins) is no answer to an event.
    """

    def __init__(self, kube_port: int) -> None:
        self.samples_s: list[tuple[float, float]] = []
        self.moved = asyncio.Event()
        self._kube_port = kube_port
        self._arrived_s: tuple[float, float] | None = None
        self._unfinished: Any = None

    def install(self) -> None:
        """Listens from now on, for the rest of the process."""
        receive = client_proto.ResponseHandler.data_received
        write, write_lines = http_writer.StreamWriter._write, http_writer.StreamWriter._writelines

        def data_received(protocol: Any, data: bytes) -> None:
            self._arrives(protocol, data)
            receive(protocol, data)

        def written(writer: Any, chunk: Any) -> None:
            self._leaves(writer, chunk)
            write(writer, chunk)

        def lines_written(writer: Any, chunks: Any) -> None:
            self._leaves(writer, chunks[0])
            write_lines(writer, chunks)

        receiver: Any = client_proto.ResponseHandler
        sender: Any = http_writer.StreamWriter
        receiver.data_received, sender._write, sender._writelines = data_received, written, lines_written

    def _arrives(self, protocol: Any, data: bytes) -> None:
        if _port(protocol) != self._kube_port:
            return
        if protocol is self._unfinished or any(word in data for word in _ENDPOINTS):
            self._arrived_s = (time.perf_counter(), time.process_time())
            self._unfinished = None if data.endswith(b"\n") else protocol

    def _leaves(self, writer: Any, chunk: Any) -> None:
        if self._arrived_s is None or _port(writer._protocol) == self._kube_port:
            return
        if not any(word in bytes(chunk) for word in _HOUSEKEEPING):
            clock_s, cpu_s = self._arrived_s
            self.samples_s.append((time.perf_counter() - clock_s, time.process_time() - cpu_s))
            self._arrived_s = None
            self.moved.set()

    async def reach(self, count: int) -> None:
        """Waits until so many changes have left since the last `forget`."""
        while len(self.samples_s) < count:
            self.moved.clear()
            await self.moved.wait()

    def forget(self) -> None:
        """Counts from nothing again."""
        self.samples_s.clear()
        self._arrived_s = None


def _port(protocol: Any) -> int:
    peer = protocol.transport.get_extra_info("peername") if protocol.transport else None
    return int(peer[1]) if peer else 0


class Pauses:
    """The pauses of the garbage collector."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._began_s = 0.0

    def install(self) -> None:
        """Listens from now on, for the rest of the process."""
        gc.callbacks.append(self._told)

    def _told(self, phase: str, about: dict[str, int]) -> None:
        if phase == "start":
            self._began_s = time.perf_counter()
        else:
            self._seconds.append(time.perf_counter() - self._began_s)

    def figures(self) -> dict[str, float]:
        """How many there were since the last `forget`, the longest and all together in milliseconds."""
        worst_s = max(self._seconds, default=0.0)
        return {"count": len(self._seconds), "worst_ms": 1000 * worst_s, "total_ms": 1000 * sum(self._seconds)}

    def forget(self) -> None:
        """Counts from nothing again."""
        self._seconds.clear()


class Profile:
    """Where the time goes between begin and end, by package; waiting for the network is left out."""

    def __init__(self) -> None:
        self._profile = cProfile.Profile()

    def begin(self) -> None:
        """Counts from now on; everything is slower while it does."""
        self._profile.enable()

    def end(self) -> dict[str, float]:
        """Seconds by package; what is written in C or generated counts for its module, or for who called it."""
        self._profile.disable()
        found: Counter[str] = Counter()
        stats: Any = pstats.Stats(self._profile)
        for (file, _, name), (_, _, own_s, _, callers) in stats.stats.items():
            if "select.epoll" in name:
                continue
            if group := _group(file, name):
                found[group] += own_s
                continue
            for (caller, _, caller_name), numbers in callers.items():
                found[_group(caller, caller_name) or "other"] += numbers[2]
        return dict(found)


def _group(file: str, name: str) -> str:
    """The package of a function; empty for one written in C or generated that belongs to none of ours."""
    if file in ("~", "<string>"):
        return next((group for word, group in _BUILT_IN.items() if word in name), "")
    if file.startswith(_OURS):
        return f"turnbuckle.{file.removeprefix(_OURS).partition('/')[0]}"
    parts = Path(file).with_suffix("").parts
    return next((group for group in _OTHERS if group in parts), "other")


async def scan(driver: Driver, known: State) -> dict[str, float]:
    """Has the device looked at for what was changed there by hand."""
    began_s, cpu_s = time.perf_counter(), time.process_time()
    found = await driver.scan(known)
    return {
        "differing": len(found),
        "seconds": time.perf_counter() - began_s,
        "cpu_s": time.process_time() - cpu_s,
    }


def resources() -> dict[str, float]:
    """What the process has used so far, and its memory."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    rows = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {
        "cpu_s": used.ru_utime + used.ru_stime,
        "rss_mib": int(rows["VmRSS"].split()[0]) / 1024,
        "rss_high_water_mib": int(rows["VmHWM"].split()[0]) / 1024,
    }
