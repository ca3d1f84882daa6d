"""Words of tmsh that commands of every sort have."""

from __future__ import annotations

from collections.abc import Iterable

from turnbuckle.model import mark as marks
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.mark import Mark

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/:%~")


def quoted(text: str) -> str:
    """A word as tmsh reads it back: in quotation marks unless it is plain."""
    if text and all(c in _PLAIN for c in text):
        return text
    inner = text.replace('"', '\\"')
    return f'"{inner}"'


def dashed(key: str) -> str:
    """`trafficGroup` as tmsh spells it: `traffic-group`."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in key)


def metadata(mark: Mark | None, before: LtmObject | None) -> str:
    """The words that set the mark; empty without one."""
    if mark is None:
        return ""
    verb = "modify" if before is not None and before.mark is not None else "add"
    return f"metadata {verb} {{ {marks.NAME} {{ value {quoted(str(mark))} }} }}"


def description(mark: Mark | None) -> str:
    """The words that set the mark of what has no metadata; empty without one."""
    return f"description {quoted(str(mark))}" if mark is not None else ""


def listed(name: str, verb: str, items: Iterable[str]) -> str:
    """The words that change a list; empty when there are no items."""
    found = " ".join(items)
    return f"{name} {verb} {{ {found} }}" if found else ""
