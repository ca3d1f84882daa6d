"""`turnbuckle demo`: a simulated BIG-IP, sample backends and the controller in one process, to play with.

This is the only module of the controller that knows the simulator.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
import time
from base64 import b64encode
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path

import aiohttp
import click

from bigipsim.box import Box
from bigipsim.clock import SystemClock
from bigipsim.dataplane import addresses
from bigipsim.server import SimServer
from turnbuckle.cli import logs
from turnbuckle.cli.demo_samples import (
    ADDRESS_NETWORK,
    ADDRESS_NETWORK_HERE,
    CONFIGMAP_FILE,
    ENDPOINTS_FILE,
    PARTITION,
    POD_NETWORK,
    POD_NETWORK_HERE,
    POOL,
    Backend,
    Backends,
    BackendsNotStarted,
    Manifests,
    free_port,
    why_not,
)
from turnbuckle.cli.demo_tour import StepFailed, Tour
from turnbuckle.cli.words import Port
from turnbuckle.config import Config, CredentialSource, Sealed
from turnbuckle.model.issue import Severity
from turnbuckle.runtime.assemble import assemble
from turnbuckle.runtime.report import Report

HERE = "127.0.0.1"
USUAL_PORT = 8080
USER, PASSWORD = "admin", "admin"
BACKENDS = 5
PUBLISHED = 3
"""Backends that have traffic at the start; the others wait to be added by hand."""

_READY_WITHIN_S = 30.0


class Demo:
    """Everything that the demo consists of; what it started ends with it, and its folder is removed.

    port: the virtual server's, at 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://{HERE}:{port}/"
        self.login: Mapping[str, str] = {"Authorization": f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"}
        self.sample_servers = Backends(BACKENDS)
        mappings = [
            addresses.Mapping.parse(f"{POD_NETWORK}={POD_NETWORK_HERE}"),
            addresses.Mapping.parse(f"{ADDRESS_NETWORK}={ADDRESS_NETWORK_HERE}"),
        ]
        self.device = SimServer(Box(SystemClock(), user=USER, password=PASSWORD), HERE, 0, mappings=mappings)
        self.manifests = Manifests(Path(), 0, port)
        self.controller: asyncio.Task[None] | None = None
        self._report: Report | None = None
        self._ends = contextlib.AsyncExitStack()

    @property
    def backends(self) -> Sequence[Backend]:
        """Every sample backend."""
        return self.sample_servers.all

    @property
    def rest_url(self) -> str:
        """The simulated BIG-IP's REST interface."""
        return self.device.url

    def errors(self) -> tuple[str, ...]:
        """What the controller says is wrong, a sentence each."""
        issues = self._report.all() if self._report else ()
        return tuple(f"{i.about}: {i.text}" for i in issues if i.severity is Severity.ERROR)

    async def __aenter__(self) -> Demo:
        async with contextlib.AsyncExitStack() as ends:
            await self._start(ends)
            self._ends = ends.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._ends.aclose()

    async def _start(self, ends: contextlib.AsyncExitStack) -> None:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="turnbuckle-demo-")))
        manifests = folder / "manifests"
        manifests.mkdir()
        ends.push_async_callback(self.sample_servers.stop)
        await self.sample_servers.start()
        self.manifests = Manifests(manifests, self.sample_servers.port, self.manifests.port)
        await ends.enter_async_context(self.device)
        certificate = folder / "bigip.pem"
        certificate.write_bytes(self.device.certificate)
        config = Config(
            bigip_url=self.device.url,
            bigip_username=USER,
            bigip_password=Sealed(PASSWORD),
            bigip_partition=(PARTITION,),
            create_partition=True,
            trusted_certs=certificate,
            pool_member_type="cluster",
            folder=manifests,
            restore_directory=folder / "restore",
        )
        controller = await assemble(config, CredentialSource(config))
        self._report = controller.report
        self.controller = asyncio.create_task(controller.run(), name="controller")
        # Pushed last, so it ends first: it still has something to save, and a token to give back.
        ends.push_async_callback(_end, self.controller)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@click.command()
@click.option(
    "--once", is_flag=True, help="Take a tour of five steps, check each, and end: exit 0 if all of it worked."
)
@click.option(
    "--port",
    type=Port(),
    metavar="N",
    help=f"Port of the virtual server; 0 picks a free one.  [default: {USUAL_PORT} if it is free]",
)
def demo(once: bool, port: int | None) -> int:
    """Try it: simulator, backends and controller in one process.

    Prints the URL to open and what to try. Ctrl-C ends it and leaves nothing behind.
    """
    if port:
        reason = why_not(HERE, port)
        if reason:
            raise click.ClickException(reason)
    else:
        port = free_port(HERE) if port == 0 or once or why_not(HERE, USUAL_PORT) else USUAL_PORT
    logs.start("CRITICAL" if once else "INFO")
    try:
        return asyncio.run(_until_signalled(take_tour(port) if once else play(port), 1 if once else 0))
    except BackendsNotStarted as error:
        raise click.ClickException(str(error)) from error


async def _until_signalled(work: Coroutine[None, None, int], when_ended: int) -> int:
    """The answer of the work, or `when_ended` when somebody ends it before it has one."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        if when_ended:
            click.echo("turnbuckle: ended before every step was taken.", err=True)
        return when_ended


async def take_tour(port: int, patience_s: float = 10.0) -> int:
    """Takes the tour, a line a step; 0 if every step worked, else 1."""
    began = time.monotonic()
    timeout = aiohttp.ClientTimeout(total=max(1.0, patience_s / 2))
    async with Demo(port) as stage, aiohttp.ClientSession(timeout=timeout) as session:
        click.echo(f"A simulated BIG-IP at {stage.rest_url}, {BACKENDS} sample backends, the controller; {stage.url}")
        if not await walk(Tour(stage, session, patience_s)):
            return 1
    click.echo(f"All of it worked, in {time.monotonic() - began:.1f} s.")
    return 0


async def walk(tour: Tour) -> bool:
    """Takes the steps and says how each went; stops at the first that fails."""
    for name, step in tour.steps():
        try:
            click.echo(f"  {click.style('✓', fg='green')} {name:<20} {await step()}")
        except StepFailed as failure:
            click.echo(f"  {click.style('✗', fg='red')} {name:<20} {failure}")
            return False
    return True


async def play(port: int) -> int:
    """Publishes the backends, says what there is to try, and runs until it is cancelled."""
    began = time.monotonic()
    async with Demo(port) as stage:
        stage.manifests.publish(stage.backends[:PUBLISHED])
        assert stage.controller is not None
        ready = asyncio.create_task(_answers(stage.url))
        try:
            await asyncio.wait({ready, stage.controller}, timeout=_READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if not ready.done():
            click.echo(f"{stage.url} did not answer within {_READY_WITHIN_S:g} s; the log says why.", err=True)
            return 1
        click.echo(_WELCOME.format(**_words(stage), seconds=time.monotonic() - began))
        await stage.controller
    return 1


async def _answers(url: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(url) as reply:
                    if reply.status == 200:
                        return
            await asyncio.sleep(0.05)


def _words(stage: Demo) -> dict[str, object]:
    folder = stage.manifests.folder
    return {
        "url": click.style(stage.url, bold=True),
        "plain": stage.url,
        "folder": folder,
        "configmap": folder / CONFIGMAP_FILE,
        "endpoints": folder / ENDPOINTS_FILE,
        "port": stage.manifests.port,
        "rest": stage.rest_url,
        "pool": f"{stage.rest_url}/mgmt/tm/ltm/pool/{POOL.replace('/', '~')}/members",
        "login": f"{USER}:{PASSWORD}",
        "published": PUBLISHED,
        "next": stage.backends[PUBLISHED].endpoint,
    }


_WELCOME = """
Ready after {seconds:.1f} s. Open {url}
  {published} sample backends answer in turn, through a virtual server of a simulated BIG-IP.
  Manifests   {folder}
  BIG-IP      {rest}  (user and password: admin)
  Simulator   {rest}/_sim/  (listeners, requests, faults; no password)

Try
  curl {plain}
      Again and again: each time another backend answers.
  edit {endpoints}
      Add the line "  - addresses: [{next}]" at the end: one more backend has traffic.
  edit {configmap}
      Write "port": 80800 in place of {port}: the mistake is told below, the traffic goes on.
  curl -sku {login} {pool}
      The pool members, as the BIG-IP tells them.
  curl -sk {rest}/_sim/faults -d '{{"kind": "busy", "for_s": 10}}'
      The BIG-IP answers 503 for ten seconds. Change a manifest meanwhile.

Ctrl-C ends it and leaves nothing behind. What the controller does follows.
"""
