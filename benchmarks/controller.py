"""The controller under measurement, in a process of its own.

python -m benchmarks.controller KUBE_URL BIGIP_URL reads a question a line from standard input and answers each with a
line of JSON: "in-sync" (waits), "changes N" (waits until N changes have left), "figures", "forget".

The product has no hooks for this. Times are taken at the two ends of the process: when bytes from the API server have
arrived (the HTTP client's data_received), and when the first bytes of a request to the BIG-IP leave (its writer).
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import client_proto, http_writer

from benchmarks.objects import PARTITION
from turnbuckle import registry
from turnbuckle.config import Config, CredentialSource, Sealed, settings_of
from turnbuckle.model.ref import Ref
from turnbuckle.runtime.assemble import driver_for
from turnbuckle.runtime.controller import Controller, snapshots
from turnbuckle.runtime.device import DeviceWorker
from turnbuckle.runtime.report import Report
from turnbuckle.sources.kubernetes import Access, FixedLogin, KubernetesSource


class Stopwatch:
    """From an event's last byte to the first byte of the request that it causes: by the clock, and in CPU time.

    The second one leaves out what other processes of a busy machine take in between.
    """

    def __init__(self, kube_port: int) -> None:
        self.samples_s: list[tuple[float, float]] = []
        self.moved = asyncio.Event()
        self._kube_port = kube_port
        self._arrived_s: tuple[float, float] | None = None

    def install(self) -> None:
        receive = client_proto.ResponseHandler.data_received
        write, write_lines = http_writer.StreamWriter._write, http_writer.StreamWriter._writelines

        def data_received(protocol: Any, data: bytes) -> None:
            if _port(protocol) == self._kube_port:
                self._arrived_s = (time.perf_counter(), time.process_time())
            receive(protocol, data)

        def written(writer: Any, chunk: Any) -> None:
            self._leaves(writer)
            write(writer, chunk)

        def lines_written(writer: Any, chunks: Any) -> None:
            self._leaves(writer)
            write_lines(writer, chunks)

        client_proto.ResponseHandler.data_received = data_received
        http_writer.StreamWriter._write = written
        http_writer.StreamWriter._writelines = lines_written

    def _leaves(self, writer: Any) -> None:
        if self._arrived_s is not None and _port(writer._protocol) != self._kube_port:
            clock_s, cpu_s = self._arrived_s
            self.samples_s.append((time.perf_counter() - clock_s, time.process_time() - cpu_s))
            self._arrived_s = None
            self.moved.set()

    def forget(self) -> None:
        self.samples_s.clear()
        self._arrived_s = None


def _port(protocol: Any) -> int:
    peer = protocol.transport.get_extra_info("peername") if protocol.transport else None
    return int(peer[1]) if peer else 0


def assemble(kube_url: str, bigip_url: str) -> tuple[Controller, DeviceWorker]:
    """As the product does it, but for the login to the API server, which here asks for none."""
    config = Config(
        bigip_url=bigip_url,
        bigip_username="admin",
        bigip_password=Sealed("admin"),
        bigip_partition=(PARTITION,),
        insecure=True,
        pool_member_type="cluster",
        controller_id="bench",
        cluster_id="bench",
    )
    credentials = CredentialSource(config)
    source = KubernetesSource(registry.kinds(), FixedLogin(Access(kube_url)))
    slot, report = snapshots(), Report()
    worker = DeviceWorker(
        driver_for(config, credentials, "bench", config.bigip_partition),
        slot,
        report,
        device=Ref("", "Device", "", bigip_url),
        controller_id="bench",
        credentials=credentials.credentials,
    )
    return Controller([source], worker, slot, report, settings_of(config, "bench", "bench")), worker


def figures(watch: Stopwatch) -> dict[str, Any]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    rows = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {
        "cpu_s": used.ru_utime + used.ru_stime,
        "rss_mib": int(rows["VmRSS"].split()[0]) / 1024,
        "rss_high_water_mib": int(rows["VmHWM"].split()[0]) / 1024,
        "samples_s": list(watch.samples_s),
    }


async def answer(question: str, watch: Stopwatch, worker: DeviceWorker) -> dict[str, Any]:
    verb, _, number = question.strip().partition(" ")
    if verb == "in-sync":
        await worker.in_sync.wait()
        return {"at_s": time.monotonic(), **figures(watch)}
    if verb == "changes":
        while len(watch.samples_s) < int(number):
            watch.moved.clear()
            await watch.moved.wait()
        await worker.in_sync.wait()
        return {}
    if verb == "forget":
        watch.forget()
        return {}
    return figures(watch)


async def main(kube_url: str, bigip_url: str) -> None:
    watch = Stopwatch(urlsplit(kube_url).port or 0)
    watch.install()
    controller, worker = assemble(kube_url, bigip_url)
    running = asyncio.create_task(controller.run())
    questions = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(questions), sys.stdin)
    while line := await questions.readline():
        print(json.dumps(await answer(line.decode(), watch, worker)), flush=True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
