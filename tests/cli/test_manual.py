"""The manual says what the program does: a page for each command, and the tables of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnbuckle.config.show import as_markdown

MANUAL = Path(__file__).parents[2] / "docs" / "commands"
START, END = "<!-- settings: made by `turnbuckle config -o markdown` -->\n", "<!-- end of settings -->"


@pytest.mark.parametrize("page", ["run", "config", "plan", "apply", "restore", "freeze", "check", "demo", "bigipsim"])
def test_every_command_has_a_page_with_an_example_and_its_exit_codes(page: str) -> None:
    text = (MANUAL / f"{page}.md").read_text(encoding="utf-8")
    assert "```sh\n" in text
    assert "| exit | when |" in text


def test_the_tables_of_settings_are_those_of_the_program() -> None:
    text = (MANUAL / "run.md").read_text(encoding="utf-8")
    table = text.split(START)[1].split(END)[0]
    assert table == as_markdown(), f"put the output of `turnbuckle config -o markdown` into {MANUAL}/run.md"
