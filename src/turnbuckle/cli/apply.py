"""`turnbuckle apply`: plan, then do it; with a fingerprint, only that very plan."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import click

from turnbuckle.cli.common import Given, settings
from turnbuckle.cli.device import Applied, Pass, partitions_of
from turnbuckle.cli.flags import SettingsCommand
from turnbuckle.cli.plan import say_incomplete
from turnbuckle.cli.progress import Progress, progress
from turnbuckle.cli.report import Origins, coloured, from_here, has_errors, in_order, issue_lines
from turnbuckle.config import Config, CredentialSource, identities, needs_device, needs_folder, settings_of
from turnbuckle.drivers.base import DriverError
from turnbuckle.model.issue import Severity
from turnbuckle.model.plan import Plan
from turnbuckle.planner import render
from turnbuckle.runtime.assemble import driver_for
from turnbuckle.runtime.offline import Manifests, translate


@click.command(cls=SettingsCommand)
@click.option("--fingerprint", metavar="F", default="", help="Do it only if it is the plan with this fingerprint.")
@click.pass_obj
def apply(given: Given, fingerprint: str) -> int:
    """Bring a BIG-IP in line with the manifests of a folder, once.

    It deletes only what it made from the same folder (or under the same --controller-id) before.

    \b
    Exit 0 when all of it is done, 1 with what was refused.

    \b
    turnbuckle apply -f manifests/ --bigip-url 192.0.2.1 --bigip-username admin
    turnbuckle apply -f manifests/ --bigip-url 192.0.2.1 --fingerprint 0123456789abcdef
    """
    loaded = settings(given, needs_folder, needs_device)
    config = loaded.config
    assert config.folder is not None, "needs_folder has seen to that"
    controller_id, cluster_id = identities(config)
    with progress(f"reading {config.folder}") as line:
        manifests = translate(config.folder, settings_of(config, controller_id, cluster_id))
        try:
            made, applied = asyncio.run(_do(config, manifests, controller_id, fingerprint, line))
        except (DriverError, ValueError) as error:
            raise click.ClickException(str(error)) from error
    return _tell(manifests, from_here(config.folder, manifests.origins), made, applied)


async def _do(
    config: Config, manifests: Manifests, controller_id: str, fingerprint: str, line: Progress
) -> tuple[Plan, Applied]:
    partitions = partitions_of(config, manifests.snapshot.desired)
    driver = driver_for(config, CredentialSource(config), controller_id, partitions)
    try:
        line.say(f"reading {config.bigip_url}")
        writing = Pass(driver, config, manifests, controller_id)
        observed, made = await writing.observe()
        if fingerprint and made.fingerprint != fingerprint:
            raise click.ClickException(
                f"The plan has the fingerprint {made.fingerprint}, not {fingerprint[:80]}: something has changed. "
                "Nothing was written. Look at turnbuckle plan again."
            )
        line.say(f"writing {len(made.operations)} changes to {config.bigip_url}")
        return made, await writing.apply(observed, made)
    finally:
        await driver.close()


def _tell(manifests: Manifests, origins: Origins, made: Plan, applied: Applied) -> int:
    issues = in_order([*manifests.issues, *made.refusals, *applied.issues], origins)
    done = tuple(outcome.operation for outcome in applied.done)
    for line in issue_lines(issues, origins, coloured()):
        click.echo(line)
    if done:
        click.echo(render.text(replace(made, operations=done, refused=(), foreign=()), colour=coloured()))
    say_incomplete(manifests)
    if applied.failure:
        click.echo(f"turnbuckle: {applied.failure}", err=True)
    refused = len(applied.rejected) + len(
        {path for path, issue in made.refused if issue.severity is not Severity.WARNING}
    )
    if done or refused or applied.left:
        words = f"{len(done)} done" if done else "Nothing done"
    else:
        words = f"{'' if made.operations else 'Nothing to do: '}the BIG-IP is as it should be"
    words += f", {refused} refused" if refused else ""
    words += f", {applied.left} not reached" if applied.left else ""
    click.echo(f"{words[0].upper()}{words[1:]}.")
    return 1 if has_errors(issues) or applied.rejected or applied.left or applied.failure else 0
