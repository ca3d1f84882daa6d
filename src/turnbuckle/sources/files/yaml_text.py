"""YAML to values with lines, read from the parser's events.

PyYAML's own constructor is not used: its composer recurses in C and crashes on deep nesting, it forgets lines, takes
the last of two equal keys, and makes dates of what Kubernetes takes for text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from turnbuckle.sources.files.document import DEEPEST, MOST_VALUES, Document, TextFlaw, Twice, child

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_YES = frozenset(("yes", "true", "on"))
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"


def documents(text: str) -> Iterator[Document]:
    """The documents of a text, in order.

    Raises:
        TextFlaw: the text is not YAML, or unfolds to more than can be taken.
    """
    loader = _Loader(text)
    try:
        yield from _Builder(loader, text).documents()
    except yaml.reader.ReaderError as error:
        raise TextFlaw(f"it contains the character {error.character!r}", 1) from error
    except yaml.MarkedYAMLError as error:
        raise _flaw(error, text) from error
    except yaml.YAMLError as error:
        raise TextFlaw(str(error), 1) from error
    finally:
        loader.dispose()


def _flaw(error: yaml.MarkedYAMLError, text: str) -> TextFlaw:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    reason = " ".join(part for part in (error.context, error.problem) if part)
    at = text.split("\n", line)[line - 1 : line]
    if at and "\t" in at[0][: len(at[0]) - len(at[0].lstrip())]:
        return TextFlaw(f"{reason} at line {line}, which is indented with a tab; use spaces", line)
    return TextFlaw(f"{reason} at line {line}", line)


@dataclass(slots=True)
class _Open:
    """A mapping or a sequence that has not ended.

    key: the key whose value comes next; None when a key comes next. count: values inside so far.
    """

    value: dict[str, Any] | list[Any]
    path: str
    anchor: str | None
    line: int
    key: str | None = None
    key_line: int = 0
    count: int = 1
    merges: list[Any] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)


class _Builder:
    """Builds one document after the other from events, without recursion."""

    def __init__(self, loader: Any, text: str) -> None:
        self._loader = loader
        self._text = text
        self._document = Document()
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}

    def documents(self) -> Iterator[Document]:
        """The documents as they end."""
        on: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._begin,
            yaml.SequenceStartEvent: self._begin,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
        }
        while self._loader.check_event():
            event = self._loader.get_event()
            if isinstance(event, yaml.DocumentStartEvent):
                self._document = Document(line=_line(event))
                self._anchors.clear()
            elif isinstance(event, yaml.DocumentEndEvent):
                yield self._document
            elif type(event) in on:
                on[type(event)](event)

    # ---- events

    def _scalar(self, event: Any) -> None:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._key(top, "<<" if tag == _MERGE else str(event.value), _line(event), tag == _MERGE)
            return
        convert = _SCALARS.get(tag)
        if convert is None:
            raise TextFlaw(f"the tag {tag} at line {_line(event)} is not known", _line(event))
        path = self._place(_line(event))
        if event.style == "|":
            self._document.literal[path] = _line(event) + 1
        value = convert(event.value)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._add(value, 1, _line(event))

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise TextFlaw(
                f"the alias *{event.anchor} at line {_line(event)} refers to nothing before it", _line(event)
            )
        if self._open and isinstance(self._open[-1].value, dict) and self._open[-1].key is None:
            raise TextFlaw(f"the key at line {_line(event)} is an alias, which is not read", _line(event))
        value, count = self._anchors[event.anchor]
        self._place(_line(event))
        self._add(value, count, _line(event))

    def _begin(self, event: Any) -> None:
        line = _line(event)
        if len(self._open) >= DEEPEST:
            raise TextFlaw(f"it is nested more than {DEEPEST} levels deep at line {line}", line)
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            raise TextFlaw(f"the key at line {line} is no text", line)
        if not self._open:
            self._document.line = line
        empty: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Open(empty, self._place(line), event.anchor, line))

    def _end(self, event: Any) -> None:
        done = self._open.pop()
        if isinstance(done.value, dict):
            self._merge(done)
        if done.anchor:
            self._anchors[done.anchor] = (done.value, done.count)
        self._add(done.value, done.count, done.line)

    # ---- places and values

    def _key(self, top: _Open, key: str, line: int, merges: bool) -> None:
        path = child(top.path, key)
        if not merges and key in top.seen:
            self._document.twice.append(Twice(path, line, top.seen[key]))
        top.seen.setdefault(key, line)
        top.key, top.key_line = key, line
        self._document.lines.setdefault(path, line)

    def _place(self, line: int) -> str:
        """The path of the value that comes now."""
        if not self._open:
            return ""
        top = self._open[-1]
        if isinstance(top.value, dict):
            return child(top.path, top.key or "")
        path = f"{top.path}[{len(top.value)}]"
        self._document.lines[path] = line
        return path

    def _add(self, value: Any, count: int, line: int) -> None:
        if not self._open:
            self._document.value = value
            return
        top = self._open[-1]
        top.count += count
        if top.count > MOST_VALUES:
            raise TextFlaw(f"it unfolds to more than {MOST_VALUES} values at line {line}", line)
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key == "<<":
            top.merges.extend(value if isinstance(value, list) else [value])
            top.key = None
        else:
            # Of two equal keys the first counts; that there are two is said.
            top.value.setdefault(top.key or "", value)
            top.key = None

    def _merge(self, done: _Open) -> None:
        """Takes over what `<<` names and the mapping does not say itself."""
        for merged in done.merges:
            if not isinstance(merged, dict):
                raise TextFlaw(f"<< in the mapping at line {done.line} names no mapping", done.line)
            for key, value in merged.items():
                done.value.setdefault(key, value)  # type: ignore[union-attr]


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _whole_number(text: str) -> int | str:
    """As Kubernetes reads it; what only YAML 1.1 takes for a number (12:30) is text."""
    digits = text.replace("_", "").lower()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    base = 16 if digits.startswith("0x") else 2 if digits.startswith("0b") else 10
    if base == 10 and len(digits) > 1 and digits.startswith("0"):
        base = 8
    try:
        return sign * int(digits, base)
    except ValueError:
        return text


def _number(text: str) -> float | str:
    """A number; infinity and "no number" have no JSON and stay text."""
    try:
        value = float(text.replace("_", ""))
    except ValueError:
        return text
    return value if abs(value) < float("inf") else text


_SCALARS: dict[str, Callable[[str], Any]] = {
    f"{_TAG}null": lambda _: None,
    f"{_TAG}bool": lambda text: text.lower() in _YES,
    f"{_TAG}int": _whole_number,
    f"{_TAG}float": _number,
    f"{_TAG}str": str,
    f"{_TAG}timestamp": str,
    f"{_TAG}binary": str,
    f"{_TAG}value": str,
    _MERGE: str,
}
