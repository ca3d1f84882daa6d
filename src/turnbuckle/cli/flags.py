"""The command line in the original's (pflag's) syntax: which words are flags, and which are their values.

`--x`, `--x=false`, `--x value`; a flag that may stand alone never takes the next word; a flag may be
repeated. Every wrong word is told at once. What is left for click is help and the commands' own options.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from turnbuckle import __version__
from turnbuckle.cli.words import meant
from turnbuckle.config.originals import KNOWN, ORIGINALS
from turnbuckle.config.settings import GROUPS, SETTINGS, Setting
from turnbuckle.config.show import default_of
from turnbuckle.model.issue import quoted


class SettingOption(click.Option):
    """A setting as an option: click hands on its texts, the table of settings parses them."""

    def __init__(self, setting: Setting) -> None:
        names = [f"--{setting.name}", *([setting.short] if setting.short else [])]
        super().__init__(
            names,
            multiple=True,
            metavar="" if setting.form.bare else setting.form.placeholder,
            help=_help(setting),
            hidden=not setting.meaning,
            type=click.UNPROCESSED,
        )
        self.setting = setting

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The flag and its value, without click's own remarks."""
        if self.hidden:
            return None
        names = f"{self.setting.short}, " if self.setting.short else "    "
        placeholder = "" if self.setting.form.bare else f" {self.setting.form.placeholder}"
        return f"{names}--{self.setting.name}{placeholder}", self.help or ""


def _help(setting: Setting) -> str:
    default = default_of(setting)
    facts = [f"default: {default}"] if default and default != "false" else []
    facts += [f"${setting.environment}"] if setting.environment else []
    return setting.doc + (f" [{', '.join(facts)}]" if facts else "")


class SettingsCommand(click.Command):
    """A command that takes every setting as a flag; ctx.obj is {name of a setting: the texts given}."""

    def __init__(self, *args: Any, own_first: str = "Options", **more: Any) -> None:
        super().__init__(*args, **more)
        self._own_first = own_first
        self.params.extend(SettingOption(setting) for setting in KNOWN.values())
        self.params.append(
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_print_version,
                help="Show the version and stop.",
            )
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Sorts the words; raises UsageError with every wrong one."""
        takes_words = any(isinstance(param, click.Argument) for param in self.params)
        reading = _read(self._flags(), args, takes_words)
        if reading.wrong and not reading.help:
            raise click.UsageError("\n".join(reading.wrong), ctx=ctx)
        return super().parse_args(ctx, ["--help"] if reading.help else reading.words)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command with the settings' texts in ctx.obj and its own options as arguments."""
        given: dict[str, tuple[str, ...]] = {}
        for name, setting in KNOWN.items():
            texts = ctx.params.pop(setting.attribute, ())
            if texts:
                given[name] = tuple(texts)
        ctx.obj = given
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options, then the settings by group."""
        own = [p for p in self.params if not isinstance(p, SettingOption)]
        records = [r for r in (p.get_help_record(ctx) for p in own) if r]
        with formatter.section(self._own_first):
            formatter.write_dl([*records, ("-h, --help", "Show this and stop.")])
        for group in GROUPS:
            options = [p for p in self.params if isinstance(p, SettingOption) and p.setting.group == group]
            with formatter.section(group):
                formatter.write_dl([r for r in (p.get_help_record(ctx) for p in options) if r])
        formatter.write_paragraph()
        formatter.write_text(
            f"{len(ORIGINALS)} more flags of the original are accepted without effect; each is said once."
        )

    def _flags(self) -> Mapping[str, str | None]:
        """Each flag -> the text that it stands for when alone; None: it takes a value."""
        flags: dict[str, str | None] = {"-h": "", "--help": ""}
        for setting in SETTINGS + ORIGINALS:
            flags[f"--{setting.name}"] = setting.form.bare or None
            if setting.short:
                flags[setting.short] = setting.form.bare or None
        for param in self.params:
            if isinstance(param, click.Option) and not isinstance(param, SettingOption):
                flags.update((name, "" if param.is_flag else None) for name in param.opts)
        return flags


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"turnbuckle {__version__}")
        ctx.exit()


@dataclass(slots=True)
class _Reading:
    """The words for click, what is wrong, and whether help is asked for."""

    words: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    help: bool = False


def _read(flags: Mapping[str, str | None], args: Sequence[str], takes_words: bool) -> _Reading:
    reading = _Reading()
    words = iter(args)
    before = ""
    for word in words:
        flag, equals, text = word.partition("=")
        if flag in ("-h", "--help"):
            reading.help = True
        elif flag in flags:
            _take(flags[flag], flag, text if equals else None, words, reading)
        elif _is_for_click(word, flags, takes_words):
            reading.words.append(word)
        else:
            # The word after an unknown flag is that flag's value, perhaps a password: it is not repeated.
            if word.startswith("-") or not before.startswith("-") or before in flags:
                reading.wrong.append(_unknown(word, flag, before, flags))
        before = flag
    return reading


def _is_for_click(word: str, flags: Mapping[str, str | None], takes_words: bool) -> bool:
    """Whether a word is an argument of the command, or a short flag with its value in one."""
    if not word.startswith("-"):
        return takes_words
    return len(word) > 2 and flags.get(word[:2], "") is None and f"-{word.partition('=')[0]}" not in flags


def _take(bare: str | None, flag: str, text: str | None, words: Iterator[str], reading: _Reading) -> None:
    """Puts a flag and its value down in the form that click reads."""
    if bare is None:
        value = text if text is not None else next(words, None)
        if value is None:
            reading.wrong.append(f"{flag} stands at the end without its value. Write {flag}=VALUE.")
        else:
            reading.words += [flag, value]
    elif bare:
        reading.words += [flag, text if text is not None else bare]
    elif text is None or text.lower() in ("true", "t", "1"):
        reading.words.append(flag)
    elif text.lower() not in ("false", "f", "0", ""):
        reading.wrong.append(f"{flag} is {quoted(text)}, which is neither true nor false. Write true or false.")


def _unknown(word: str, flag: str, before: str, flags: Mapping[str, str | None]) -> str:
    if not word.startswith("-"):
        if flags.get(before):
            return f"{quoted(word)} stands alone. Write {before}={word}; {before} does not take the next word."
        return f"{quoted(word)} stands alone, without a flag. Manifests are named with -f, all else with --NAME=VALUE."
    close = meant(flag, (name for name in flags if name.startswith("--")))
    hint = f"Did you mean {close}?" if close else "--help shows those there are."
    return f"{flag[:80]} is no flag of this command. {hint}"
