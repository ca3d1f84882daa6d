"""How issues are shown: a line each, aligned, in colour on a terminal; the JSON form is the planner's."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from turnbuckle.config import Mistake
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ref import Origin, Ref

Origins = Mapping[Ref, Origin]

_COLOURS = {Severity.ERROR: "red", Severity.PENDING: "cyan", Severity.WARNING: "yellow"}
_WORDS = {Severity.ERROR: "mistake", Severity.PENDING: "open reference", Severity.WARNING: "warning"}
_WIDEST = 60


def from_here(folder: Path, origins: Origins) -> Origins:
    """The places with paths as the user can open them: those of a folder begin with the folder."""
    if not folder.is_dir():
        return {ref: replace(origin, file=str(folder)) for ref, origin in origins.items()}
    return {ref: replace(origin, file=str(folder / origin.file)) for ref, origin in origins.items()}


def in_order(issues: Iterable[Issue], origins: Origins) -> list[Issue]:
    """Each issue once, by file and line, then as issues sort; those without a place come last."""

    def place(issue: Issue) -> tuple[bool, str, int, Issue]:
        origin = origins.get(issue.about)
        if origin is None:
            return (True, "", 0, issue)
        return (False, origin.file, origin.line_of(issue.field), issue)

    return sorted(set(issues), key=place)


def of_mistakes(mistakes: Sequence[Mistake]) -> tuple[list[Issue], dict[Ref, Origin]]:
    """Mistakes in settings as issues and their places, so that one report holds both."""
    issues: list[Issue] = []
    lines: dict[str, dict[str, int]] = {}
    for mistake in mistakes:
        about = Ref("", "File", "", mistake.file) if mistake.file else Ref("", "Settings", "", "")
        issues.append(issues_of.bad_setting(about, mistake.setting, mistake.message, mistake.hint, mistake.found))
        if mistake.file:
            lines.setdefault(mistake.file, {})[mistake.setting] = max(mistake.line, 1)
    origins = {Ref("", "File", "", file): Origin(file, 1, known) for file, known in lines.items()}
    return issues, origins


def issue_lines(issues: Sequence[Issue], origins: Origins, colour: bool) -> list[str]:
    """A line for each issue: place, severity, object, field, sentences, code; columns aligned."""
    cells = [_cells(issue, origins) for issue in issues]
    widths = [min(max((len(row[i]) for row in cells), default=0), _WIDEST) for i in range(4)]
    lines = []
    for issue, row in zip(issues, cells, strict=True):
        shown = [f"{text:<{width}}" for text, width in zip(row, widths, strict=True)]
        if colour:
            shown[1] = click.style(shown[1], fg=_COLOURS[issue.severity], bold=True)
        lines.append("  ".join([*shown, f"{issue.text} [{issue.code}]"]))
    return lines


def _cells(issue: Issue, origins: Origins) -> tuple[str, str, str, str]:
    origin = origins.get(issue.about)
    place = f"{origin.file}:{origin.line_of(issue.field)}" if origin else "-"
    return place, str(issue.severity), str(issue.about), issue.field or "-"


def count_line(issues: Sequence[Issue]) -> str:
    """How many of each severity, in words."""
    parts = []
    for severity, word in _WORDS.items():
        number = sum(issue.severity is severity for issue in issues)
        if number:
            parts.append(f"{number} {word}{'' if number == 1 else 's'}")
    return ", ".join(parts) or "no mistakes"


def has_errors(issues: Iterable[Issue]) -> bool:
    """Whether one of them is an ERROR."""
    return any(issue.severity is Severity.ERROR for issue in issues)


def coloured() -> bool:
    """Whether standard output shows colours: on a terminal only."""
    return sys.stdout.isatty()


def say_mistakes(mistakes: Iterable[Mistake]) -> None:
    """Mistakes in settings on standard error, a line each."""
    for mistake in mistakes:
        click.echo(f"turnbuckle: {mistake.text}", err=True)


def say_notes(notes: Iterable[str]) -> None:
    """What is said once and stops nothing, on standard error."""
    for note in notes:
        click.echo(f"turnbuckle: warning: {note}", err=True)
