"""The words in which a command line is refused: what was found, and what to write."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Any

import click

from turnbuckle.model.issue import nearest, quoted

_CLOSE = 0.75


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known word that was surely meant; a far one would lead astray. Dashes in front do not count."""
    bare = {name.lstrip("-"): name for name in known}
    found = nearest(word.lstrip("-"), bare)
    if found is None or SequenceMatcher(None, word.lstrip("-"), found).ratio() < _CLOSE:
        return None
    return bare[found]


class OneOf(click.Choice[str]):
    """One word of several."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word; raises UsageError when it is none of them."""
        if value in self.choices:
            return str(value)
        known = ", ".join(self.choices)
        raise click.UsageError(f"{_called(param)} is {quoted(str(value))}. Write one of {known}.", ctx=ctx)


class Port(click.ParamType[int]):
    """A port, 0 for a free one."""

    name = "port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; raises UsageError when it is no port."""
        text = str(value)
        if text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65535:
            return int(text)
        hint = "Write a port from 1 to 65535, or 0 for a free one."
        raise click.UsageError(f"{_called(param)} is {quoted(text)}, which is no port. {hint}", ctx=ctx)


def _called(param: click.Parameter | None) -> str:
    """An option by its longest name."""
    return max(param.opts, key=len) if param is not None else "The value"
