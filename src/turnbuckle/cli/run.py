"""`turnbuckle run`: the controller, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable

import click

from turnbuckle.cli import logs
from turnbuckle.cli.common import Given
from turnbuckle.cli.flags import SettingsCommand
from turnbuckle.cli.progress import progress
from turnbuckle.cli.report import say_mistakes
from turnbuckle.config import CredentialSource, Loaded, Reloader, load, needs_of_run, settings_of
from turnbuckle.drivers.base import DriverError
from turnbuckle.planner.freeze import parse
from turnbuckle.runtime.assemble import assemble
from turnbuckle.runtime.controller import Controller
from turnbuckle.runtime.metrics import CONTENT_TYPE
from turnbuckle.runtime.telling import Telling
from turnbuckle.sources.kubernetes import KubernetesError
from turnbuckle.sources.leases_pools import parse as parse_pools
from turnbuckle.web.app import NotServed, Pages, served

LOOK_EVERY_S = 2.0
"""How often the configuration file is looked at; a mounted one is swapped by a link, which no watch of it tells."""

ONCE_PATIENCE_S = 60.0
"""How long --once waits for a cluster that does not answer; without --once it waits for ever."""

log = logging.getLogger("turnbuckle.run")


@click.command(cls=SettingsCommand)
@click.pass_obj
def run(given: Given) -> int:
    """Keep a BIG-IP in step with a Kubernetes cluster, or with a folder of manifests, until SIGTERM.

    \b
    Exit 0 on SIGTERM or Ctrl-C; with --once 0 when in sync, 1 when not.

    \b
    turnbuckle run --bigip-url 192.0.2.1 --credentials-directory /creds --bigip-partition k8s
    turnbuckle run -f manifests/ --config turnbuckle.yaml
    """
    loaded = load(given, os.environ)
    mistakes = [*loaded.mistakes, *needs_of_run(loaded)]
    if mistakes:
        say_mistakes(mistakes)
        return 1
    credentials = CredentialSource(loaded.config)
    config = loaded.config
    try:
        logs.start(config.log_level, config.log_file, lambda: (credentials.credentials().password,), over=config.once)
    except OSError as error:
        message = f"--log-file cannot be written: {error.strerror} ({config.log_file})."
        raise click.ClickException(message) from error
    for note in loaded.notes:
        log.warning("%s", note)
    code = 1
    try:
        code = asyncio.run(_until_stopped(loaded, Reloader(given, os.environ, loaded), credentials))
    except* (DriverError, KubernetesError, NotServed, ValueError, OSError) as group:
        for sentence in _sentences(group):
            log.error("%s", sentence)
    return code


def _sentences(group: BaseExceptionGroup[BaseException]) -> list[str]:
    found: list[str] = []
    for error in group.exceptions:
        found += _sentences(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
    return found


async def _until_stopped(loaded: Loaded, reloader: Reloader, credentials: CredentialSource) -> int:
    work = asyncio.ensure_future(_work(loaded, reloader, credentials))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, work, number)
    try:
        return await work
    except asyncio.CancelledError:
        log.info("stopped")
        return 1 if loaded.config.once else 0


def _stop(work: asyncio.Future[int], number: signal.Signals) -> None:
    log.info("stopping signal=%s", number.name)
    work.cancel()


async def _work(loaded: Loaded, reloader: Reloader, credentials: CredentialSource) -> int:
    if loaded.config.once:
        return await _once(loaded, credentials)
    grid = loaded.config.infoblox_password.reveal()
    telling = Telling(lambda: (credentials.credentials().password, *([grid] if grid else [])))
    pages = Pages(telling.metrics.page, CONTENT_TYPE, telling.pulse.health, telling.pulse.ready)
    async with served(loaded.config.http_listen_address, pages) as port:
        if port:
            log.info("serving /metrics, /health and /ready port=%d", port)
        given = loaded.given("kubeconfig")
        controller = await assemble(loaded.config, credentials, kubeconfig_given=given, telling=telling)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_follow_file(reloader, controller, credentials, asyncio.sleep), name="configuration")
            tasks.create_task(controller.run(), name="controller")
    return 0


async def _once(loaded: Loaded, credentials: CredentialSource) -> int:
    config = loaded.config
    try:
        async with asyncio.timeout(ONCE_PATIENCE_S):
            controller = await assemble(config, credentials, kubeconfig_given=loaded.given("kubeconfig"))
    except TimeoutError:
        log.error("the cluster did not answer within %.0f s", ONCE_PATIENCE_S)
        return 1
    with progress(f"bringing {config.bigip_url} in line"):
        return 0 if await controller.once() else 1


async def _follow_file(
    reloader: Reloader,
    controller: Controller,
    credentials: CredentialSource,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Takes over what changes in the configuration file, as far as a running controller can."""
    while True:
        await sleep(LOOK_EVERY_S)
        reloaded = reloader.look()
        if reloaded is None:
            continue
        for mistake in reloaded.mistakes:
            log.error("%s The configuration stays as it was.", mistake.text)
        if reloaded.restart:
            log.warning("changed, but needs a restart: %s", ", ".join(reloaded.restart))
        if reloaded.live:
            log.info("changed: %s", ", ".join(reloaded.live))
            credentials.reconfigure(reloaded.config)
            logs.set_level(reloaded.config.log_level)
            ids = (controller.settings.controller_id, controller.settings.cluster_id)
            await controller.reconfigure(
                settings_of(reloaded.config, *ids),
                freeze=parse(reloaded.config.freeze),
                allow_mass_delete=reloaded.config.allow_mass_delete,
                pools=parse_pools(reloaded.config.ip_range),
            )
