"""`turnbuckle config`: each setting, its value, and where that came from."""

from __future__ import annotations

import os
from collections.abc import Mapping

import click

from turnbuckle.cli.flags import SettingsCommand
from turnbuckle.cli.report import say_mistakes, say_notes
from turnbuckle.cli.words import OneOf
from turnbuckle.config import load
from turnbuckle.config.show import as_json, as_markdown, as_text, as_yaml


@click.command(cls=SettingsCommand)
@click.option(
    "-o",
    "--output",
    type=OneOf(["text", "json", "yaml", "markdown"]),
    default="text",
    help="json for programs; yaml can be given to --config; markdown is the manual's table.",
)
@click.pass_obj
def config(given: Mapping[str, tuple[str, ...]], output: str) -> int:
    """Show the settings in force and where each came from.

    \b
    Exit 0, or 1 when a setting is wrong.

    \b
    turnbuckle config --config turnbuckle.yaml
    turnbuckle config -o json
    """
    if output == "markdown":
        click.echo(as_markdown(), nl=False)
        return 0
    loaded = load(given, os.environ)
    texts = {"text": as_text, "yaml": as_yaml}
    shown = texts[output](loaded) if output in texts else as_json(loaded, loaded.mistakes)
    click.echo(shown, nl=False)
    if output != "json":
        say_notes(loaded.notes)
        say_mistakes(loaded.mistakes)
    return 1 if loaded.mistakes else 0
