"""Which commands there are. A command's module is imported when it is used, so that help is quick.

Exit codes: 1 for every mistake, a wrong flag included, because 2 means "there are changes" (plan).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from turnbuckle import __version__

_COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "demo": ("demo", "demo", "Try it: simulator, backends and controller in one process."),
    "run": ("run", "run", "Keep a BIG-IP in step with a cluster or a folder."),
    "plan": ("plan", "plan", "Show what manifests would change on a BIG-IP, and why."),
    "apply": ("apply", "apply", "Make those changes."),
    "restore": ("restore", "restore", "Bring back what a BIG-IP had, from a restore file."),
    "freeze": ("freeze", "freeze", "Stop a controller's writes, show what waits, and let it go on."),
    "check": ("check", "check", "Find the mistakes in manifests; needs no BIG-IP."),
    "config": ("config_cmd", "config", "Show the settings in force and where each came from."),
}
"""Name -> (module, attribute, what it does)."""

_TAIL = (
    "Settings come from flags, the environment (BIGIP_URL, BIGIP_USERNAME,",
    "BIGIP_PASSWORD) and a YAML file (--config). Each command has a --help.",
)


class Commands(click.Group):
    """A group that knows what its commands do before it imports them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer meets them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        row = _COMMANDS.get(cmd_name)
        if row is None:
            return None
        command = getattr(import_module(f"turnbuckle.cli.{row[0]}"), row[1])
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names."""
        if args and args[0] not in _COMMANDS:
            # Imported here, not above: only a mistyped command needs it, and help has to be quick.
            from turnbuckle.cli.words import meant
            from turnbuckle.model.issue import quoted

            close = meant(args[0], _COMMANDS)
            hint = f'Did you mean "{close}"?' if close else f"There are {', '.join(_COMMANDS)}."
            raise click.UsageError(f"{quoted(args[0])} is no command of turnbuckle. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands and what each does, and where settings come from."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[2]) for name, row in _COMMANDS.items()])
        formatter.write_paragraph()
        for line in _TAIL:
            formatter.write(f"{line}\n")

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs a command; every mistake is a sentence on standard error and exit code 1."""
        extra["standalone_mode"] = False
        try:
            answer = super().main(*args, **extra)
        except click.exceptions.Exit as end:
            sys.exit(end.exit_code)
        except click.Abort:
            sys.exit(130)
        except click.exceptions.NoArgsIsHelpError as asked:
            click.echo(asked.format_message(), err=True)
            sys.exit(1)
        except OSError as error:
            _unwritten(error)
            sys.exit(1)
        except click.ClickException as mistake:
            for line in mistake.format_message().splitlines():
                click.echo(f"turnbuckle: {line}", err=True)
            sys.exit(1)
        sys.exit(answer if isinstance(answer, int) else 0)


def _unwritten(error: OSError) -> None:
    """Says that the output could not be written, and has the interpreter not try it again at the end."""
    what = f"{error.filename} cannot be used" if error.filename else "The output cannot be written"
    click.echo(f"turnbuckle: {what}: {error.strerror or error}.", err=True)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


@click.group(
    name="turnbuckle", cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, message="turnbuckle %(version)s")
def commands() -> None:
    """Publish applications in containers on an F5 BIG-IP."""
