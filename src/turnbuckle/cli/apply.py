"""`turnbuckle apply`: plan, then do it; with a fingerprint, only that very plan."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import click

from turnbuckle.cli.common import Given, settings
from turnbuckle.cli.device import Applied, Pass, designated, leased, look, partitions_of, plan_of
from turnbuckle.cli.flags import SettingsCommand
from turnbuckle.cli.plan import say_incomplete, unreached
from turnbuckle.cli.progress import Progress, progress
from turnbuckle.cli.report import Origins, coloured, from_here, has_errors, in_order, issue_lines
from turnbuckle.cli.words import OneOf
from turnbuckle.config import Config, CredentialSource, identities, needs_device, needs_folder, settings_of
from turnbuckle.drivers.base import DriverError
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.plan import Plan
from turnbuckle.model.state import State
from turnbuckle.planner import render
from turnbuckle.planner.fingerprint import fingerprint as fingerprint_of
from turnbuckle.runtime.assemble import driver_for
from turnbuckle.runtime.offline import Manifests, translate


@click.command(cls=SettingsCommand)
@click.option("--fingerprint", metavar="F", default="", help="Do it only if it is the plan with this fingerprint.")
@click.option("-o", "--output", type=OneOf(["text", "json"]), default="text", help="json is for programs.")
@click.pass_obj
def apply(given: Given, fingerprint: str, output: str) -> int:
    """Bring a BIG-IP in line with the manifests of a folder, once.

    It deletes only what it made from the same folder (or under the same --controller-id) before.

    \b
    Exit 0 when all of it is done or waits for something, 1 with what was refused.

    \b
    turnbuckle apply -f manifests/ --bigip-url 192.0.2.1 --bigip-username admin
    turnbuckle apply -f manifests/ --bigip-url 192.0.2.1 --fingerprint 0123456789abcdef
    """
    config = settings(given, needs_folder, needs_device, json=output == "json").config
    assert config.folder is not None, "needs_folder has seen to that"
    controller_id, cluster_id = identities(config)
    with progress(f"reading {config.folder}") as line:
        manifests = translate(config.folder, settings_of(config, controller_id, cluster_id), config.namespace)
        try:
            manifests, made, applied = asyncio.run(_do(config, manifests, controller_id, fingerprint, line))
        except (DriverError, ValueError) as error:
            raise unreached(config.bigip_url, error, output) from error
    origins = from_here(config.folder, manifests.origins)
    issues = in_order([*manifests.issues, *made.refusals, *applied.issues], origins)
    say_incomplete(manifests)
    return tell(made, applied, issues, origins, output)


async def _do(
    config: Config, manifests: Manifests, controller_id: str, fingerprint: str, line: Progress
) -> tuple[Manifests, Plan, Applied]:
    """The manifests with the addresses that they got, the plan, and what became of it."""
    line.say(f"reading {config.bigip_url}")

    def planned(observed: State) -> Plan:
        nonlocal manifests
        manifests = leased(observed, manifests, config)
        return plan_of(observed, manifests, config, controller_id)

    missing: tuple[str, ...] = ()
    if config.create_partition:
        # The look that writes makes the partitions; before it, it must be sure that this is the plan that was meant.
        seen = await look(config, manifests, controller_id)
        insist(planned(seen.state), fingerprint)
        missing = seen.missing
    partitions = partitions_of(config, manifests.snapshot.desired)
    driver = driver_for(config, CredentialSource(config), controller_id, partitions)
    try:
        writing = Pass(driver, config, controller_id, planned, designated(manifests.snapshot.desired))
        observed, made = await writing.observe()
        insist(made, fingerprint)
        line.say(f"writing {len(made.operations)} changes to {config.bigip_url}")
        return manifests, made, replace(await writing.apply(observed, made), created=missing)
    finally:
        await driver.close()


def insist(made: Plan, fingerprint: str) -> None:
    """Ends the command unless this is the plan with that fingerprint; an empty one is every plan's.

    Raises:
        click.ClickException: it is another plan.
    """
    if fingerprint and (found := fingerprint_of(made)) != fingerprint:
        raise click.ClickException(
            f"The plan has the fingerprint {found}, not {fingerprint[:80]}: something has changed. "
            "Nothing was written. Look at turnbuckle plan again."
        )


def tell(made: Plan, applied: Applied, issues: list[Issue], origins: Origins, output: str) -> int:
    """Says how it went, and answers the exit code. output: json, or anything else for people."""
    if output == "json":
        told, kept = (*applied.done, *applied.rejected), str(applied.kept) if applied.kept is not None else None
        more = {"not_reached": applied.left, "failure": applied.failure, "restore_file": kept}
        click.echo(render.outcomes_as_json(made, told, issues, origins, partitions=applied.created, **more))
    else:
        _say(made, applied, issues, origins)
    return 1 if has_errors(issues) or applied.rejected or applied.left or applied.failure else 0


def _say(made: Plan, applied: Applied, issues: list[Issue], origins: Origins) -> None:
    done = render.told(outcome.operation for outcome in applied.done)
    for line in issue_lines(issues, origins, coloured()):
        click.echo(line)
    for line in render.operations_text(done, coloured(), partitions=applied.created):
        click.echo(line)
    if applied.kept is not None:
        click.echo(f"What was there before is in {applied.kept} (turnbuckle restore).")
    if applied.failure:
        click.echo(f"turnbuckle: {applied.failure}", err=True)
    click.echo(_summary(made, applied, issues, len(done) + len(applied.created)))


def _summary(made: Plan, applied: Applied, issues: list[Issue], done: int) -> str:
    """How it went, in a sentence; what the BIG-IP refused is not what was never asked of it. done: of what is told."""
    held = {severity: {path for path, i in made.refused if i.severity is severity} for severity in Severity}
    waiting = held[Severity.PENDING] - held[Severity.ERROR]
    parts = (
        (len(applied.rejected), "refused by the BIG-IP"),
        (len(held[Severity.ERROR]), "held back because of the mistakes above"),
        (len(waiting), "waiting for what is not there (yet)"),
        (applied.left, "not reached"),
    )
    told = [f"{number} {words}" for number, words in parts if number]
    if done or told:
        return f"{', '.join([f'{done} done' if done else 'Nothing done', *told])}."
    return "The BIG-IP is as it should be." if made.operations else render.nothing_to_do(issues)
