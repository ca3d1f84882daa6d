"""Decides what the texts of policy actions become: those that begin with `tcl:` have their commands filled in.

The device evaluates them as Tcl. Here a table of the commands that policies use is enough; a text with any other one
is not evaluated, and says so when the policy is read (`Text.unknown`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from bigipsim.dataplane.traffic import Traffic

MARK: Final = "tcl:"


class TextError(Exception):
    """A text that cannot be filled in; the message says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """A command in brackets: its words, the first of which is its name."""

    words: tuple[Word, ...]


Word = tuple["str | Call", ...]
"""Pieces that are joined: text, and commands whose results stand in their place."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a policy action; `unknown` names what in it is not understood, "" when all is."""

    pieces: Word
    unknown: str = ""

    def filled_in(self, traffic: Traffic) -> str:
        """The text for one request.

        Raises:
            TextError: a command in it does not work with these arguments.
        """
        if self.unknown:
            raise TextError(f"{self.unknown} is not evaluated in the text of a policy")
        return _joined(self.pieces, traffic)


def text_of(written: str) -> Text:
    """Reads a text; one without `tcl:` stands for itself."""
    if not written.startswith(MARK):
        return Text((written,))
    try:
        pieces, _ = _Reader(written.removeprefix(MARK)).pieces(0, "")
    except TextError as error:
        return Text((written,), str(error))
    return Text(pieces, next(_strange(pieces), ""))


def _strange(pieces: Word) -> Iterator[str]:
    for piece in pieces:
        if isinstance(piece, Call):
            name = piece.words[0][0] if piece.words and piece.words[0] else ""
            if name not in COMMANDS:
                yield f"[{name}]"
            for word in piece.words[1:]:
                yield from _strange(word)


class _Reader:
    """Splits text as Tcl does, as far as it is substituted at once: brackets, quotes, braces and backslashes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def pieces(self, start: int, until: str) -> tuple[Word, int]:
        """Pieces up to one of the characters in `until` (or the end), and where that stands."""
        found: list[str | Call] = []
        plain: list[str] = []
        position, text = start, self._text
        while position < len(text) and text[position] not in until:
            if text[position] == "[":
                call, position = self._call(position + 1)
                found += ["".join(plain), call]
                plain.clear()
            elif text[position] == "$":
                raise TextError(f"the variable at {text[position:][:20]}")
            else:
                position += text[position] == "\\" and position + 1 < len(text)
                plain.append(text[position])
                position += 1
        return tuple(piece for piece in [*found, "".join(plain)] if piece != ""), position

    def _call(self, start: int) -> tuple[Call, int]:
        words: list[Word] = []
        position, text = start, self._text
        while True:
            while position < len(text) and text[position].isspace():
                position += 1
            if position >= len(text):
                raise TextError("a bracket that is not closed")
            if text[position] == "]":
                return Call(tuple(words)), position + 1
            if text[position] == '"':
                word, position = self.pieces(position + 1, '"')
                position += 1
            elif text[position] == "{":
                word, position = self._braced(position)
            else:
                word, position = self.pieces(position, "] \t\n")
            words.append(word)

    def _braced(self, start: int) -> tuple[Word, int]:
        depth = 0
        for position in range(start, len(self._text)):
            depth += {"{": 1, "}": -1}.get(self._text[position], 0)
            if not depth:
                return (self._text[start + 1 : position],), position + 1
        raise TextError("a brace that is not closed")


def _joined(pieces: Word, traffic: Traffic) -> str:
    return "".join(piece if isinstance(piece, str) else _result(piece, traffic) for piece in pieces)


def _result(call: Call, traffic: Traffic) -> str:
    name, *arguments = (_joined(word, traffic) for word in call.words)
    try:
        return COMMANDS[name](traffic, arguments)
    except (IndexError, ValueError, re.error) as error:
        raise TextError(f"[{name} {' '.join(arguments)}]: wrong arguments") from error


Command = Callable[[Traffic, list[str]], str]


def _request(part: str) -> Command:
    """A command that answers one attribute of the request."""

    def command(traffic: Traffic, arguments: list[str]) -> str:
        return str(getattr(traffic.request, part, ""))

    return command


def _header(traffic: Traffic, arguments: list[str]) -> str:
    names = arguments[1:] if arguments[0] == "value" else arguments
    return traffic.request.headers.get(names[0], "") if traffic.request is not None else ""


def _cookie(traffic: Traffic, arguments: list[str]) -> str:
    names = arguments[1:] if arguments[0] == "value" else arguments
    cookies = dict(traffic.request.cookies) if traffic.request is not None else {}
    return cookies.get(names[0], "")


def _getfield(traffic: Traffic, arguments: list[str]) -> str:
    text, separator, number = arguments
    fields = text.split(separator) if separator else list(text)
    return fields[int(number) - 1] if 0 < int(number) <= len(fields) else ""


def _substr(traffic: Traffic, arguments: list[str]) -> str:
    text, skip, *end = arguments
    rest = text[int(skip) :]
    if not end:
        return rest
    return rest[: int(end[0])] if end[0].isdecimal() else rest.partition(end[0])[0]


def _findstr(traffic: Traffic, arguments: list[str]) -> str:
    text, needle, *more = arguments
    at = text.find(needle)
    return "" if at < 0 else _substr(traffic, [text[at:], *(more or ["0"])])


def _regsub(traffic: Traffic, arguments: list[str]) -> str:
    flags = 0
    count = 1
    while arguments[0].startswith("-"):
        option = arguments.pop(0)
        if option == "--":
            break
        flags |= re.IGNORECASE if option == "-nocase" else 0
        count = 0 if option == "-all" else count
    pattern, text, written = arguments

    def replacement(match: re.Match[str]) -> str:
        return re.sub(r"\\(\d)|&", lambda one: match[int(one[1] or 0)] or "", written)

    return re.sub(pattern, replacement, text, count=count, flags=flags)


def _mapped(arguments: list[str]) -> str:
    """[string map {from to …} text]: at each place the first pair that fits."""
    listed, text = arguments[0].split(), arguments[1]
    pairs = dict(zip(listed[::2], listed[1::2], strict=True))
    if not pairs:
        return text
    return re.sub("|".join(map(re.escape, pairs)), lambda match: pairs[match[0]], text)


def _range(arguments: list[str]) -> str:
    text, first, last = arguments
    ends = [len(text) - 1 if one == "end" else int(one) for one in (first, last)]
    return text[ends[0] : ends[1] + 1]


STRING: Final[Mapping[str, Callable[[list[str]], str]]] = {
    "tolower": lambda words: words[0].lower(),
    "toupper": lambda words: words[0].upper(),
    "trim": lambda words: words[0].strip(*words[1:2]),
    "trimleft": lambda words: words[0].lstrip(*words[1:2]),
    "trimright": lambda words: words[0].rstrip(*words[1:2]),
    "length": lambda words: str(len(words[0])),
    "range": _range,
    "map": _mapped,
}


def _string(traffic: Traffic, arguments: list[str]) -> str:
    if arguments[0] not in STRING:
        raise ValueError(arguments[0])
    return STRING[arguments[0]](arguments[1:])


COMMANDS: Final[Mapping[str, Command]] = {
    "HTTP::host": _request("host"),
    "HTTP::uri": _request("uri"),
    "HTTP::path": _request("path"),
    "HTTP::query": _request("query"),
    "HTTP::method": _request("method"),
    "HTTP::version": _request("version"),
    "HTTP::header": _header,
    "HTTP::cookie": _cookie,
    "IP::client_addr": lambda traffic, _: traffic.connection.client.host,
    "IP::remote_addr": lambda traffic, _: traffic.connection.client.host,
    "IP::local_addr": lambda traffic, _: traffic.connection.local.host,
    "TCP::client_port": lambda traffic, _: str(traffic.connection.client.port),
    "TCP::remote_port": lambda traffic, _: str(traffic.connection.client.port),
    "TCP::local_port": lambda traffic, _: str(traffic.connection.local.port),
    "URI::decode": lambda _, words: unquote(words[0]),
    "URI::encode": lambda _, words: quote(words[0], safe=""),
    "getfield": _getfield,
    "substr": _substr,
    "findstr": _findstr,
    "regsub": _regsub,
    "string": _string,
}
