"""Settings as people and programs read them: text, JSON, YAML that --config takes, and the tables of the manual."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from turnbuckle.config.forms import Sealed
from turnbuckle.config.load import Loaded, Mistake, Value
from turnbuckle.config.originals import ORIGINALS
from turnbuckle.config.settings import GROUPS, SETTINGS, Setting


def plain(value: Any) -> Any:
    """A value as JSON and YAML have it; a secret as stars, what is not set as None."""
    if isinstance(value, Sealed):
        return str(value) if value else None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    return None if value == "" else value


def _word(value: Any) -> str:
    shown = plain(value)
    if shown is None or shown == []:
        return "-"
    if isinstance(shown, bool):
        return str(shown).lower()
    return ", ".join(shown) if isinstance(shown, list) else str(shown)


def _unit(value: Value) -> str:
    return f" {value.setting.unit}" if value.setting.unit and value.value is not None else ""


def as_text(loaded: Loaded) -> str:
    """A line for each setting: name, value, where it came from; the groups under their headings."""
    rows = [(v.setting.name, f"{_word(v.value)}{_unit(v)}", v.origin) for v in loaded.values.values()]
    wide = max(len(name) for name, _, _ in rows)
    long = min(max(len(value) for _, value, _ in rows), 40)
    lines: list[str] = []
    group = ""
    for value, (name, shown, origin) in zip(loaded.values.values(), rows, strict=True):
        if value.setting.group != group:
            lines += ([""] if group else []) + [value.setting.group]
            group = value.setting.group
        lines.append(f"  {name:<{wide}}  {shown:<{long}}  {origin}".rstrip())
    return "\n".join(lines) + "\n"


def mistake_object(mistake: Mistake) -> dict[str, Any]:
    """A mistake as JSON has it."""
    return {
        "setting": mistake.setting,
        "found": mistake.found,
        "message": mistake.message,
        "hint": mistake.hint,
        "file": mistake.file,
        "line": mistake.line,
    }


def as_json(loaded: Loaded, mistakes: Iterable[Mistake]) -> str:
    """{"settings": [{"name", "value", "from", "meaning"}], "mistakes": […], "notes": […]}."""
    settings = [
        {
            "name": value.setting.name,
            "value": plain(value.value),
            "from": value.origin,
            "meaning": value.setting.meaning,
        }
        for value in loaded.values.values()
    ]
    content = {
        "settings": settings,
        "mistakes": [mistake_object(mistake) for mistake in mistakes],
        "notes": list(loaded.notes),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def as_yaml(loaded: Loaded) -> str:
    """A file for --config, with where each value came from; secrets and defaults are commented out."""
    lines: list[str] = []
    for value in loaded.values.values():
        if not value.setting.in_file:
            continue
        shown = plain(value.value)
        hidden = value.setting.form.secret or not value.given
        # JSON's scalars and lists are YAML, and their quotes keep a namespace `no` a text.
        written = f" {json.dumps(shown, ensure_ascii=False)}" if shown not in (None, []) else ""
        text = f"{'# ' if hidden else ''}{value.setting.name}:{written}"
        lines.append(f"{text}  # {value.origin}")
    return "\n".join(lines) + "\n"


def default_of(setting: Setting) -> str:
    """A default as the manual shows it; empty when there is none."""
    shown = _word(setting.default)
    return "" if shown == "-" else shown


def _placeholder(setting: Setting) -> str:
    unit = f" ({setting.unit})" if setting.unit else ""
    return f"{setting.form.placeholder}{unit}".replace("|", " \\| ")


def _flag(setting: Setting) -> str:
    return f"`--{setting.name}`" + (f", `{setting.short}`" if setting.short else "")


def as_markdown() -> str:
    """The tables of settings in the manual, made from the same rows as the flags."""
    lines: list[str] = []
    for group in GROUPS:
        lines += [f"### {group}", "", "| flag and key | value | default | meaning |", "|---|---|---|---|"]
        for setting in (s for s in SETTINGS if s.group == group):
            also = f" Also the variable `{setting.environment}`." if setting.environment else ""
            more = " May be repeated." if setting.form.many and "repeated" not in setting.doc else ""
            live = " Taken over while running." if setting.live else ""
            default = default_of(setting)
            shown = f"`{default}`" if default else ""
            lines.append(f"| {_flag(setting)} | {_placeholder(setting)} | {shown} | {setting.doc}{more}{also}{live} |")
        lines.append("")
    lines += ["### Flags of the original without effect", "", "| flag | value | why |", "|---|---|---|"]
    lines += [f"| {_flag(s)} | {_placeholder(s)} | {s.doc} |" for s in sorted(ORIGINALS, key=lambda s: s.name)]
    return "\n".join(lines) + "\n"
