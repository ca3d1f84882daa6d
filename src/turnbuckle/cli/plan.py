"""`turnbuckle plan`: what manifests would change on a BIG-IP, and because of which object."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import click

from turnbuckle.cli.common import Given, settings
from turnbuckle.cli.device import empty_device, leased, look, plan_of, unread_files
from turnbuckle.cli.flags import SettingsCommand
from turnbuckle.cli.progress import progress
from turnbuckle.cli.report import Origins, coloured, from_here, has_errors, in_order, issue_lines
from turnbuckle.cli.words import OneOf
from turnbuckle.config import Loaded, Mistake, identities, needs_device, needs_folder, settings_of
from turnbuckle.drivers import tmsh
from turnbuckle.drivers.base import DriverError
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.plan import Plan
from turnbuckle.model.ref import Ref
from turnbuckle.planner import render
from turnbuckle.runtime.offline import Manifests, translate


def needs_device_if_named(loaded: Loaded) -> Iterator[Mistake]:
    """What is lacking to ask the BIG-IP; without one, nothing is."""
    if loaded.config.bigip_url:
        yield from needs_device(loaded)


@click.command(cls=SettingsCommand)
@click.option(
    "-o",
    "--output",
    type=OneOf(["text", "json", "tmsh"]),
    default="text",
    help="json is for programs; tmsh prints the commands that do it.",
)
@click.pass_obj
def plan(given: Given, output: str) -> int:
    """Show what the manifests of a folder would change on a BIG-IP, and because of which object. Changes
    nothing.

    Without --bigip-url: what they would make of an empty BIG-IP.

    \b
    Exit 0 when there is nothing to do, 2 when there are changes, 1 on a mistake.

    \b
    turnbuckle plan -f manifests/
    turnbuckle plan -f manifests/ --bigip-url 192.0.2.1 --bigip-username admin -o json
    """
    loaded = settings(given, needs_folder, needs_device_if_named, json=output == "json")
    config = loaded.config
    assert config.folder is not None, "needs_folder has seen to that"
    controller_id, cluster_id = identities(config)
    with progress(f"reading {config.folder}") as line:
        manifests = translate(config.folder, settings_of(config, controller_id, cluster_id), config.namespace)
        try:
            if config.bigip_url:
                line.say(f"reading {config.bigip_url}")
                seen = asyncio.run(look(config, manifests, controller_id))
            else:
                seen = empty_device(config, manifests.snapshot.desired)
        except (DriverError, ValueError) as error:
            raise unreached(config.bigip_url, error, output) from error
        manifests = leased(seen.state, manifests, config)
        made = plan_of(seen.state, manifests, config, controller_id)
    origins = from_here(config.folder, manifests.origins)
    issues = in_order([*manifests.issues, *made.refusals], origins)
    _show(replace(made, refused=()), seen.missing, issues, origins, output)
    say_incomplete(manifests)
    if has_errors(issues):
        return 1
    return 2 if made.operations or seen.missing else 0


def _show(made: Plan, partitions: tuple[str, ...], issues: list[Issue], origins: Origins, output: str) -> None:
    """The plan, and the partitions made for it, on standard output; with tmsh that is a script, and issues go to
    standard error.
    """
    if output == "json":
        click.echo(render.as_json(made, issues, origins, partitions=partitions))
        return
    for line in issue_lines(issues, origins, coloured()):
        click.echo(line, err=output == "tmsh")
    if output == "tmsh":
        click.echo(tmsh.commands(made, partitions), nl=False)
    else:
        click.echo(render.text(made, colour=coloured(), issues=issues, partitions=partitions))


def unreached(url: str, error: Exception, output: str) -> click.ClickException:
    """How a command ends that did not get at the device; a program is told as JSON on standard output, too.

    Unlike the controller, a command does not try again.
    """
    if output == "json":
        about = Ref("", "Device", "", url)
        issue = issues_of.device_failing(about, str(error), "No object was written.")
        click.echo(render.as_json(Plan(), [issue]))
    return click.ClickException(str(error))


def say_incomplete(manifests: Manifests) -> None:
    """Says why nothing is deleted when a file could not be read."""
    if unread_files(manifests):
        click.echo("turnbuckle: nothing is deleted, because not every file could be read.", err=True)
