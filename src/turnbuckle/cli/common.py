"""How every command begins: settings are loaded, notes are said, and mistakes end it before anything is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

import click

from turnbuckle.cli.report import of_mistakes, say_mistakes, say_notes
from turnbuckle.config import Loaded, Mistake, load
from turnbuckle.model.plan import Plan

Given = Mapping[str, tuple[str, ...]]
"""The texts of each flag, by its name without dashes."""

Need = Callable[[Loaded], Iterable[Mistake]]


def settings(given: Given, *needs: Need, json: bool = False) -> Loaded:
    """The settings of a command that goes on only when all of them are right.

    json: mistakes are told in the JSON contract on standard output, too.

    Raises:
        click.exceptions.Exit: there are mistakes, and they have been told.
    """
    loaded = load(given, os.environ)
    say_notes(loaded.notes)
    mistakes = tuple(dict.fromkeys([*loaded.mistakes, *(m for need in needs for m in need(loaded))]))
    if not mistakes:
        return loaded
    say_mistakes(mistakes)
    if json:
        # Imported here: a command that only refuses a flag does not need the planner.
        from turnbuckle.planner.render import as_json

        issues, origins = of_mistakes(mistakes)
        click.echo(as_json(Plan(), issues, origins))
    raise click.exceptions.Exit(1)
