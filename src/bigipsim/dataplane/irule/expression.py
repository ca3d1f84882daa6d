"""Decides how an expression with F5's word operators is written for a stock Tcl interpreter.

`equals`, `and`, `or` and `not` have a twin in Tcl; the other word operators become calls of functions that the
interpreter is given. The precedence of a word operator is not documented: that of its twin, or of `eq`, is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from bigipsim.dataplane.irule.syntax import Command, Reader
from bigipsim.dataplane.irule.vocabulary import words


class Edit(NamedTuple):
    """A replacement of the text between two offsets; an insertion when they are equal."""

    start: int
    end: int
    text: str


class ExpressionFault(Exception):
    """An expression cannot be read; the message says why, in Tcl's words."""


TWINS: Final[Mapping[str, str]] = {"equals": "eq", "and": "&&", "or": "||", "not": "!"}
FUNCTIONS: Final[Mapping[str, str]] = {
    "starts_with": "f5_starts_with",
    "ends_with": "f5_ends_with",
    "contains": "f5_contains",
    "matches": "f5_matches_glob",
    "matches_glob": "f5_matches_glob",
    "matches_regex": "f5_matches_regex",
}
BINARY: Final[Mapping[str, int]] = {
    "||": 1, "or": 1, "&&": 2, "and": 2, "|": 3, "^": 4, "&": 5,
    "eq": 6, "ne": 6, "equals": 6, **dict.fromkeys(FUNCTIONS, 6),
    "==": 7, "!=": 7, "<": 8, ">": 8, "<=": 8, ">=": 8, "<<": 9, ">>": 9,
    "+": 10, "-": 10, "*": 11, "/": 11, "%": 11,
}  # fmt: skip
UNARY: Final = frozenset({"-", "+", "~", "!", "not"})
MATH: Final = words(
    "abs acos asin atan atan2 ceil cos cosh double exp floor fmod hypot int log log10 pow rand round sin sinh sqrt "
    "srand tan tanh wide"
)
TRUTHS: Final = frozenset({"true", "false", "yes", "no", "on", "off"})

_PLAIN: Final = re.compile(
    r"(?P<blank>(?:\s|\\\n)+)"
    r"|(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_:]*)"
    r"|(?P<operator>\|\||&&|==|!=|<=|>=|<<|>>|[-+*/%<>!~&|^?:(),])"
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The edits that make an expression fit for Tcl, and the commands in it."""

    edits: tuple[Edit, ...]
    scripts: tuple[tuple[Command, ...], ...]


def rewrite(reader: Reader, start: int, end: int) -> Rewritten:
    """Reads the expression between two offsets of a text.

    Raises:
        ExpressionFault: it is no expression of Tcl 8.4 with F5's operators.
        SyntaxFault: a brace, bracket or quote in it is not closed.
    """
    parser = _Parser(reader, start, end)
    parser.ternary()
    parser.expect_end()
    return Rewritten(tuple(parser.edits), tuple(parser.scripts))


class _Parser:
    """Reads by precedence; each method leaves the position after what it has read and answers the span of it."""

    def __init__(self, reader: Reader, start: int, end: int) -> None:
        self._text = reader.text[start:end].strip()
        self.edits: list[Edit] = []
        self.scripts: list[tuple[Command, ...]] = []
        self._tokens = list(self._scan(reader, start, end))
        self._at = 0
        self._start = start

    def _scan(self, reader: Reader, position: int, end: int) -> Iterator[_Token]:
        while position < end:
            start, opener = position, reader.text[position]
            if opener == "$":
                position, inside = reader.variable(position, end)
                self.scripts.extend(inside)
            elif opener == "[":
                commands, position = reader.substituted(position, end)
                self.scripts.append(commands)
            elif opener == "{":
                position = reader.braces(position, end)
            elif opener == '"':
                position, inside, _ = reader.quotes(position, end)
                self.scripts.extend(inside)
            else:
                match = _PLAIN.match(reader.text, position, end)
                if match is None:
                    raise self._fault(f'unexpected character "{opener}"')
                position = match.end()
                if match.lastgroup != "blank":
                    yield _Token(str(match.lastgroup), match[0], start, position)
                continue
            yield _Token("operand", "", start, position)

    def _fault(self, why: str) -> ExpressionFault:
        return ExpressionFault(f'syntax error in expression "{self._text}": {why}')

    def _peek(self) -> str:
        """The operator or name that comes next; "" for an operand and at the end."""
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _take(self) -> _Token:
        if self._at >= len(self._tokens):
            raise self._fault("premature end of expression")
        self._at += 1
        return self._tokens[self._at - 1]

    def expect_end(self) -> None:
        """Refuses what is left over."""
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            raise self._fault(f"extra tokens at end of expression{f': {token.text}' if token.text else ''}")

    def ternary(self) -> tuple[int, int]:
        """A condition with its two choices, or anything that binds stronger."""
        start, end = self._binary(1)
        if self._peek() == "?":
            self._take()
            self.ternary()
            if self._take().text != ":":
                raise self._fault("missing : after ?")
            _, end = self.ternary()
        return start, end

    def _binary(self, level: int) -> tuple[int, int]:
        start, end = self._unary()
        while (strength := BINARY.get(self._peek(), 0)) >= level:
            operator = self._take()
            end = self._binary(strength + 1)[1]
            function = FUNCTIONS.get(operator.text)
            if function is not None:
                # Of two calls that begin at one place, the outer one, which is met later, is written first.
                self.edits.insert(0, Edit(start, start, f"{function}("))
                self.edits.append(Edit(operator.start, operator.end, ","))
                self.edits.append(Edit(end, end, ")"))
            elif operator.text in TWINS:
                self.edits.append(Edit(operator.start, operator.end, TWINS[operator.text]))
        return start, end

    def _unary(self) -> tuple[int, int]:
        if self._peek() in UNARY:
            operator = self._take()
            if operator.text in TWINS:
                self.edits.append(Edit(operator.start, operator.end, TWINS[operator.text]))
            return operator.start, self._unary()[1]
        return self._primary()

    def _primary(self) -> tuple[int, int]:
        token = self._take()
        if token.text == "(":
            self.ternary()
            return token.start, self._closed()
        if token.kind in ("operand", "number"):
            return token.start, token.end
        if token.kind == "name" and self._peek() == "(":
            return token.start, self._called(token)
        if token.kind == "name" and token.text in TRUTHS:
            return token.start, token.end
        if token.kind == "name":
            raise self._fault("variable references require preceding $")
        raise self._fault(f'unexpected operator "{token.text}"')

    def _called(self, name: _Token) -> int:
        if name.text not in MATH:
            raise ExpressionFault(f'unknown math function "{name.text}"')
        self._take()
        if self._peek() == ")":
            return self._take().end
        self.ternary()
        while self._peek() == ",":
            self._take()
            self.ternary()
        return self._closed()

    def _closed(self) -> int:
        token = self._take()
        if token.text != ")":
            raise self._fault("looking for close parenthesis")
        return token.end
