"""`turnbuckle restore`: what a BIG-IP had, from a restore file: shown as a plan, and done when asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from turnbuckle.cli.apply import insist, tell
from turnbuckle.cli.common import Given, settings
from turnbuckle.cli.device import Pass
from turnbuckle.cli.flags import SettingsCommand
from turnbuckle.cli.plan import unreached
from turnbuckle.cli.progress import progress
from turnbuckle.cli.report import coloured, in_order
from turnbuckle.cli.words import OneOf
from turnbuckle.config import Config, CredentialSource, needs_device
from turnbuckle.drivers import tmsh
from turnbuckle.drivers.base import DriverError
from turnbuckle.model.ltm import DesignatedPool
from turnbuckle.model.plan import Plan
from turnbuckle.model.state import State
from turnbuckle.planner import make_plan, render
from turnbuckle.planner.archive import Archive, NotAnArchive, from_bytes
from turnbuckle.planner.guard import is_ours
from turnbuckle.runtime.assemble import driver_for


@click.command(cls=SettingsCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--apply", "apply_it", is_flag=True, help="Do it; without, it is only shown.")
@click.option("--fingerprint", metavar="F", default="", help="Do it only if it is the plan with this fingerprint.")
@click.option(
    "-o",
    "--output",
    type=OneOf(["text", "json", "tmsh"]),
    default="text",
    help="How the plan is shown; json is for programs.",
)
@click.pass_obj
def restore(given: Given, file: Path, apply_it: bool, fingerprint: str, output: str) -> int:
    """Show what would bring a BIG-IP back to what a restore FILE says, or do it with --apply.

    A controller that runs would undo it: stop it, or turnbuckle freeze, before. Only what bears its mark is touched.

    \b
    Exit 0 when there is nothing to do or all is done, 2 when there are changes, 1 on a mistake.

    \b
    turnbuckle restore before.json --bigip-url 192.0.2.1 --bigip-username admin
    turnbuckle restore before.json --bigip-url 192.0.2.1 --bigip-username admin --apply
    """
    config = settings(given, needs_device, json=output == "json").config
    archive = _read(file)
    with progress(f"reading {config.bigip_url}"):
        try:
            return asyncio.run(_restore(config, archive, apply_it, fingerprint, output))
        except (DriverError, ValueError) as error:
            raise unreached(config.bigip_url, error, output) from error


def _read(file: Path) -> Archive:
    try:
        return from_bytes(file.read_bytes())
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror or error}.") from error
    except NotAnArchive as error:
        raise click.ClickException(f"{file}: {error}") from error


async def _restore(config: Config, archive: Archive, apply_it: bool, fingerprint: str, output: str) -> int:
    controller_id = config.controller_id or archive.controller_id
    partitions = tuple(sorted({path.partition for path in archive.state if path.kind != DesignatedPool.KIND}))
    pools = sorted(path.name for path in archive.state if path.kind == DesignatedPool.KIND)
    driver = driver_for(config, CredentialSource(config), controller_id, config.bigip_partition or partitions)
    try:
        passing = Pass(driver, config, controller_id, _plan_for(archive.state, controller_id), pools)
        observed, made = await passing.observe()
        if not apply_it and not fingerprint:
            return _show(made, output)
        insist(made, fingerprint)
        applied = await passing.apply(observed, made)
        return tell(made, applied, in_order([*made.refusals, *applied.issues], {}), {}, output)
    finally:
        await driver.close()


def _plan_for(wanted: State, controller_id: str) -> Callable[[State], Plan]:
    """What brings back the objects that were ours then, and the former form of those that are ours now."""

    def plan(observed: State) -> Plan:
        now = {path for path, obj in observed.items() if is_ours(obj, controller_id)}
        back = (obj for path, obj in wanted.items() if path in now or is_ours(obj, controller_id))
        return make_plan(observed, State(back), controller_id=controller_id)

    return plan


def _show(made: Plan, output: str) -> int:
    issues = in_order(list(made.refusals), {})
    shown = replace(made, refused=())
    if output == "json":
        click.echo(render.as_json(shown, issues, {}))
    elif output == "tmsh":
        click.echo(tmsh.commands(shown), nl=False)
    else:
        click.echo(render.text(shown, colour=coloured(), issues=issues))
    return 2 if made.operations else 0
