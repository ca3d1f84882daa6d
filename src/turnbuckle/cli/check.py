"""`turnbuckle check`: every mistake in manifests and settings, with file and line; no device, no cluster."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click

from turnbuckle.cli.common import Given
from turnbuckle.cli.device import leased
from turnbuckle.cli.flags import SettingsCommand
from turnbuckle.cli.progress import progress
from turnbuckle.cli.report import (
    Origins,
    coloured,
    count_line,
    from_here,
    has_errors,
    in_order,
    issue_lines,
    of_mistakes,
    say_notes,
)
from turnbuckle.cli.words import OneOf
from turnbuckle.config import Loaded, identities, load, needs_folder, settings_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.plan import Plan
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import State
from turnbuckle.planner.render import as_json
from turnbuckle.runtime.offline import translate

Row = dict[str, Any]
"""A difference as JSON has it."""


@click.command(cls=SettingsCommand)
@click.option("-o", "--output", type=OneOf(["text", "json"]), default="text", help="json is for programs.")
@click.option("--strict", is_flag=True, help="Fail on warnings and open references, too.")
@click.pass_obj
def check(given: Given, output: str, strict: bool) -> int:
    """Find the mistakes in manifests, with file and line. Needs no BIG-IP and no cluster.

    With --config it checks that file, too; then -f may be left out.

    \b
    Exit 0 when there are none, 1 on a mistake (with --strict: on anything).

    \b
    turnbuckle check -f manifests/
    turnbuckle check --config turnbuckle.yaml
    """
    loaded = load(given, os.environ)
    issues, origins, differences = _found(loaded)
    if output == "json":
        click.echo(as_json(Plan(), issues, origins, differences=differences))
    else:
        say_notes(loaded.notes)
        for line in issue_lines(issues, origins, coloured()):
            click.echo(line)
        if differences:
            click.echo("Other than with k8s-bigip-ctlr, which is no mistake:")
        for row in differences:
            click.echo(f"  {row['file']}:{row['line']}  {row['object']}  {row['field']}  {row['message']}")
        click.echo(f"{count_line(issues)}.".capitalize())
    return 1 if has_errors(issues) or (strict and issues) else 0


def _as_row(about: Ref, field: str, sentence: str, origins: Origins) -> Row:
    origin = origins[about]
    place = {"file": origin.file, "line": origin.line_of(field)}
    return {"object": str(about), "field": field, "message": sentence, **place}


def _found(loaded: Loaded) -> tuple[Sequence[Issue], Origins, Sequence[Row]]:
    lacking = () if loaded.given("config") and loaded.config.folder is None else needs_folder(loaded)
    issues, origins = of_mistakes((*loaded.mistakes, *lacking))
    folder = loaded.config.folder
    if folder is None or not folder.exists():
        return in_order(issues, origins), origins, ()
    with progress(f"reading {folder}"):
        settings = settings_of(loaded.config, *identities(loaded.config))
        manifests = translate(folder, settings, loaded.config.namespace)
        if loaded.config.ip_range and not loaded.mistakes:
            # As on a BIG-IP where nobody has an address yet: that tells whether the pools are there, and large enough.
            manifests = leased(State(), manifests, loaded.config)
    places = {**from_here(folder, manifests.origins), **origins}
    differences = [_as_row(*one, places) for one in manifests.differences()]
    return in_order([*issues, *manifests.issues], places), places, differences
