"""The controller under measurement, in a process of its own.

python -m benchmarks.controller LOG reads a line of JSON with the two servers from standard input, then a question a
line, and answers each with a line of JSON: see QUESTIONS. It ends as `turnbuckle run` does when its input ends.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.inside import Pauses, Profile, Stopwatch, resources, scan
from benchmarks.objects import PARTITION
from turnbuckle.cli import logs
from turnbuckle.config import Config, CredentialSource, Sealed
from turnbuckle.runtime import assemble as assembling
from turnbuckle.runtime.controller import Controller
from turnbuckle.runtime.telling import Telling
from turnbuckle.sources.kubernetes import Access, FixedLogin

Answer = dict[str, Any]


async def assemble(servers: dict[str, str], log: Path) -> Controller:
    """As `turnbuckle run` does it: with the Lease, the log, the metrics, what is told to the cluster and restore files.

    Two things differ. Nothing is served by HTTP, since nobody asks. The login is a fixed one: a kubeconfig would load a
    library of 40 MiB that a pod does not need, and a pod's service account lies where only root may write.
    """
    config = Config(
        bigip_url=servers["bigip"],
        bigip_username="admin",
        bigip_password=Sealed("admin"),
        bigip_partition=(PARTITION,),
        insecure=True,
        pool_member_type="cluster",
        controller_id="bench",
        cluster_id="bench",
        http_listen_address="",
    )
    credentials = CredentialSource(config)
    logs.start(config.log_level, log, lambda: (credentials.credentials().password,))
    trust = ssl.create_default_context()
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    product: Any = assembling
    product.login_for = lambda *_: FixedLogin(Access(servers["kube"], servers["authorization"], trust))
    telling = Telling(lambda: (credentials.credentials().password,))
    return await assembling.assemble(config, credentials, telling=telling)


class Interview:
    """Answers questions about a controller that runs."""

    def __init__(self, controller: Controller, kube_port: int) -> None:
        self._worker = controller._worker
        self._watch, self._pauses, self._profile = Stopwatch(kube_port), Pauses(), Profile()
        self._watch.install()
        self._pauses.install()

    async def answer(self, question: str) -> Answer:
        verb, _, rest = question.strip().partition(" ")
        return await QUESTIONS[verb](self, rest)

    async def in_sync(self, _: str) -> Answer:
        """Waits until nothing is left to do."""
        await self._worker.in_sync.wait()
        return {"at_s": time.monotonic(), **resources()}

    async def warm(self, _: str) -> Answer:
        """Whether it knows what is wanted and what the device has."""
        agenda = self._worker._agenda
        return {"warm": agenda.observed is not None and agenda.snapshot.synced}

    async def changes(self, count: str) -> Answer:
        """Waits until so many changes have left since the last "forget"."""
        await self._watch.reach(int(count))
        await self._worker.in_sync.wait()
        return {}

    async def forget(self, _: str) -> Answer:
        self._watch.forget()
        self._pauses.forget()
        return {}

    async def figures(self, _: str) -> Answer:
        return {**resources(), "samples_s": list(self._watch.samples_s), "pauses": self._pauses.figures()}

    async def scan(self, _: str) -> Answer:
        observed = self._worker._agenda.observed
        assert observed is not None, "the device has not been read"
        return await scan(self._worker._driver, observed)

    async def profile_begin(self, _: str) -> Answer:
        self._profile.begin()
        return {}

    async def profile_end(self, _: str) -> Answer:
        return {"seconds": self._profile.end()}


QUESTIONS: dict[str, Callable[[Interview, str], Awaitable[Answer]]] = {
    "in-sync": Interview.in_sync,
    "warm": Interview.warm,
    "changes": Interview.changes,
    "forget": Interview.forget,
    "figures": Interview.figures,
    "scan": Interview.scan,
    "profile-begin": Interview.profile_begin,
    "profile-end": Interview.profile_end,
}


async def main(log: Path) -> None:
    questions = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(questions), sys.stdin)
    servers = json.loads(await questions.readline())
    controller = await assemble(servers, log)
    interview = Interview(controller, urlsplit(servers["kube"]).port or 0)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(controller.run())
        while line := await questions.readline():
            print(json.dumps(await interview.answer(line.decode())), flush=True)
        running.cancel()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
