"""Decides where the commands and words of an iRule begin and end.

TMM's reader is that of Tcl 8.4 but for three things, all measured on a device: a word that began with a brace or a
quote ends at its closing one, whatever follows; a line that begins with a brace continues the command above it; and
`else` and `elseif` are found on the line after their `if`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

BLANK: Final = " \t\r\f\v"
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")

WordKind = Literal["braced", "quoted", "bare"]


class SyntaxFault(Exception):
    """A rule cannot be read: what is missing, and the offset at which it began."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Word:
    """One word with the span that it takes in the text, delimiters included.

    inner is the span between the delimiters. A fixed word means its own text: nothing in it is substituted. scripts are
    the command substitutions in it.
    """

    kind: WordKind
    start: int
    end: int
    inner: tuple[int, int]
    fixed: bool
    scripts: tuple[tuple[Command, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """One command and the span that it takes in the text; its first word is its name."""

    words: tuple[Word, ...]
    start: int
    end: int


class Reader:
    """Reads commands, words and list elements of one text by their offsets.

    Raises:
        SyntaxFault: by every method, for a brace, bracket or quote that is not closed.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def literal(self, word: Word) -> str | None:
        """What a word means when it is fixed, else None."""
        return self.text[slice(*word.inner)] if word.fixed else None

    def script(self, start: int, end: int) -> tuple[Command, ...]:
        """All commands between two offsets."""
        return self._commands(start, end, "")[0]

    def substituted(self, start: int, end: int) -> tuple[tuple[Command, ...], int]:
        """The commands after an opening bracket at `start`, and the offset after the closing one."""
        commands, position = self._commands(start + 1, end, "]")
        if position >= end:
            raise SyntaxFault("missing close-bracket", start)
        return commands, position + 1

    def _commands(self, start: int, end: int, closer: str) -> tuple[tuple[Command, ...], int]:
        found: list[Command] = []
        position = self._between_commands(start, end)
        while position < end and self.text[position] != closer:
            if self.text[position] == "#":
                position = self._comment(position, end)
            else:
                command, position = self._command(position, end, closer)
                found.append(command)
            position = self._between_commands(position, end)
        return tuple(found), position

    def _between_commands(self, position: int, end: int) -> int:
        while position < end:
            if self.text.startswith("\\\n", position):
                position += 2
            elif self.text[position] in BLANK or self.text[position] in "\n;":
                position += 1
            else:
                break
        return position

    def _comment(self, position: int, end: int) -> int:
        while position < end and self.text[position] != "\n":
            position += 2 if self.text[position] == "\\" else 1
        return min(position, end)

    def _command(self, start: int, end: int, closer: str) -> tuple[Command, int]:
        words: list[Word] = []
        position = start
        while True:
            word, position = self._word(position, end, closer)
            words.append(word)
            following = self._next_word(position, end, closer, words[0])
            if following is None:
                return Command(tuple(words), start, word.end), position
            position = following

    def _next_word(self, position: int, end: int, closer: str, name: Word) -> int | None:
        """Where the next word of this command begins, or None when the command is over."""
        position = self._blanks(position, end)
        if position >= end or self.text[position] == ";" or self.text[position] == closer:
            return None
        if self.text[position] != "\n":
            return position
        below = self._blanks(position + 1, end)
        if below < end and self.text[below] == "{":
            return below
        if self.literal(name) == "if" and self.text.startswith(("else ", "else{", "else\n", "elseif"), below, end):
            return below
        return None

    def _blanks(self, position: int, end: int) -> int:
        while position < end:
            if self.text.startswith("\\\n", position):
                position += 2
            elif self.text[position] in BLANK:
                position += 1
            else:
                break
        return position

    def _word(self, position: int, end: int, closer: str) -> tuple[Word, int]:
        opener = self.text[position]
        if opener == "{":
            after = self.braces(position, end)
            return Word("braced", position, after, (position + 1, after - 1), True), after
        if opener == '"':
            after, scripts, fixed = self.quotes(position, end)
            return Word("quoted", position, after, (position + 1, after - 1), fixed, scripts), after
        after, scripts, fixed = self._until(position, end, BLANK + "\n;" + closer)
        return Word("bare", position, after, (position, after), fixed, scripts), after

    def braces(self, start: int, end: int) -> int:
        """The offset after the brace that closes the one at `start`."""
        depth = 0
        position = start
        while position < end:
            character = self.text[position]
            if character == "\\":
                position += 1
            elif character == "{":
                depth += 1
            elif character == "}":
                depth -= 1
                if depth == 0:
                    return position + 1
            position += 1
        raise SyntaxFault("missing close-brace", start)

    def quotes(self, start: int, end: int) -> tuple[int, tuple[tuple[Command, ...], ...], bool]:
        """The offset after the quote that closes the one at `start`, the commands in between, and if it is fixed."""
        after, scripts, fixed = self._until(start + 1, end, '"')
        if after >= end:
            raise SyntaxFault("missing close-quote", start)
        return after + 1, scripts, fixed

    def _until(self, position: int, end: int, stops: str) -> tuple[int, tuple[tuple[Command, ...], ...], bool]:
        scripts: list[tuple[Command, ...]] = []
        fixed = True
        while position < end and self.text[position] not in stops:
            character = self.text[position]
            if character == "\\":
                fixed = False
                position = min(position + 2, end)
            elif character == "[":
                fixed = False
                commands, position = self.substituted(position, end)
                scripts.append(commands)
            elif character == "$":
                after, inside = self.variable(position, end)
                fixed = fixed and after == position + 1
                scripts.extend(inside)
                position = after
            else:
                position += 1
        return position, tuple(scripts), fixed

    def variable(self, start: int, end: int) -> tuple[int, tuple[tuple[Command, ...], ...]]:
        """The offset after a variable at a dollar sign, start + 1 for a mere $, and the commands in its index."""
        position = start + 1
        if position < end and self.text[position] == "{":
            closing = self.text.find("}", position, end)
            if closing < 0:
                raise SyntaxFault("missing close-brace for variable name", start)
            return closing + 1, ()
        while position < end and (self.text[position] in _NAME or self.text.startswith("::", position)):
            position += 2 if self.text[position] == ":" else 1
        if position == start + 1 or position >= end or self.text[position] != "(":
            return position, ()
        after, scripts, _ = self._until(position + 1, end, ")")
        if after >= end:
            raise SyntaxFault("missing )", start)
        return after + 1, scripts

    def elements(self, start: int, end: int) -> Iterator[Word]:
        """The elements of a list between two offsets, such as the patterns and bodies of a switch."""
        position = self._list_gap(start, end)
        while position < end:
            opener = self.text[position]
            if opener == "{":
                after = self.braces(position, end)
                yield Word("braced", position, after, (position + 1, after - 1), True)
            elif opener == '"':
                after = self._list_quote(position, end)
                inner = self.text[position + 1 : after - 1]
                yield Word("quoted", position, after, (position + 1, after - 1), "\\" not in inner)
            else:
                after = position
                while after < end and self.text[after] not in BLANK + "\n":
                    after += 2 if self.text[after] == "\\" else 1
                after = min(after, end)
                yield Word("bare", position, after, (position, after), "\\" not in self.text[position:after])
            position = self._list_gap(after, end)

    def _list_gap(self, position: int, end: int) -> int:
        while position < end and (self.text[position] in BLANK + "\n" or self.text.startswith("\\\n", position)):
            position += 1
        return position

    def _list_quote(self, start: int, end: int) -> int:
        position = start + 1
        while position < end and self.text[position] != '"':
            position += 2 if self.text[position] == "\\" else 1
        if position >= end:
            raise SyntaxFault("missing close-quote", start)
        return position + 1
