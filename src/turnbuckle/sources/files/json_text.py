"""JSON with lines: a whole file, or the text inside a field."""

from __future__ import annotations

import json
import re

from turnbuckle.sources.files.document import DEEPEST, MOST_VALUES, Document, TextFlaw, Twice, child

_TOKEN = re.compile(r'\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<mark>[][{}:,])|(?P<word>[^][{}:,"\s]+))')


def document(text: str) -> Document:
    """A file of JSON.

    Raises:
        TextFlaw: it is not JSON.
    """
    places = lines_of(text, "", 1)
    if places.deep or places.count > MOST_VALUES:
        raise TextFlaw(f"it is nested more than {DEEPEST} levels deep, or has too many values", 1)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        raise TextFlaw(f"{reason} at line {error.lineno}, column {error.colno}", error.lineno) from error
    except ValueError as error:
        raise TextFlaw(str(error), 1) from error
    return Document(value, places.first_line, places.lines, {}, places.twice)


class Places:
    """Where the fields of a JSON text stand.

    deep: it is nested deeper than can be taken. count: how many values it has.
    """

    def __init__(self, root: str, line: int) -> None:
        self.lines: dict[str, int] = {}
        self.twice: list[Twice] = []
        self.deep = False
        self.count = 0
        self.first_line = 0
        self._root = root
        self._line = line
        # A mapping is (path, keys seen), a list (path, number of the next item).
        self._open: list[tuple[str, dict[str, int] | int]] = []
        self._key: str | None = None

    def read(self, text: str) -> None:
        """Reads on until the text is no JSON any more; what came before is kept."""
        at = 0
        while (token := _TOKEN.match(text, at)) is not None:
            start = token.start(token.lastgroup or 0)
            self._line += text.count("\n", at, start)
            self.first_line = self.first_line or self._line
            if not self._take(token):
                return
            self._line += text.count("\n", start, token.end())
            at = token.end()

    def _take(self, token: re.Match[str]) -> bool:
        mark = token["mark"]
        if mark is None:
            top = self._open[-1] if self._open else None
            if top is not None and isinstance(top[1], dict) and self._key is None and token["string"]:
                return self._name(token["string"], top[0], top[1])
            self._value()
        elif mark in "{[":
            self.deep = self.deep or len(self._open) >= DEEPEST
            path = self._value()
            self._open.append((path, {} if mark == "{" else 0))
            self._key = None
        elif mark in "]}":
            if not self._open:
                return False
            self._open.pop()
            self._key = None
        elif mark == ",":
            self._key = None
        return not self.deep

    def _name(self, token: str, path: str, seen: dict[str, int]) -> bool:
        try:
            key = str(json.loads(token, strict=False))
        except json.JSONDecodeError:
            return False
        self._key = child(path, key)
        if key in seen:
            self.twice.append(Twice(self._key, self._line, seen[key]))
        seen.setdefault(key, self._line)
        self.lines.setdefault(self._key, self._line)
        return True

    def _value(self) -> str:
        """Notes a value; answers its path."""
        self.count += 1
        if not self._open:
            return self._root
        path, what = self._open[-1]
        if isinstance(what, dict):
            return self._key or path
        self._open[-1] = (path, what + 1)
        item = f"{path}[{what}]"
        self.lines[item] = self._line
        return item


def lines_of(text: str, root: str, first_line: int) -> Places:
    """The places of the fields in a JSON text that begins on a line, under a path; also of half a text."""
    places = Places(root, first_line)
    places.read(text)
    return places
