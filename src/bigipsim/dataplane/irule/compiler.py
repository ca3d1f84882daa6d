"""Decides whether a rule may be saved, and turns it into what a stock Tcl interpreter can run.

The rule is read once. On the way every command is looked up, with the event that it stands in; expressions and the
places where TMM's reader differs from Tcl's are rewritten. What is wrong is told in the device's words, all at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from bigipsim.dataplane.irule import vocabulary
from bigipsim.dataplane.irule.expression import Edit, ExpressionFault, rewrite
from bigipsim.dataplane.irule.rule import Fault, Handler, Mention, Procedure, Rule
from bigipsim.dataplane.irule.syntax import Command, Reader, SyntaxFault, Word

DEFAULT_PRIORITY: Final = 500
SIGNED: Final = "nodelete nowrite"
"""The words that the device's own rules begin with."""
STATIC: Final = "static::"
"""Variables of all rules. From the namespace of a connection they are reached by their full name only."""
_STATIC_READ: Final = re.compile(r"(?<!\\)\$\{?(?=static::)")


def compile_rule(text: str) -> Rule:
    """Reads the text of a rule; never fails, for what is wrong is in `faults`."""
    try:
        return _Compiler(text).rule()
    except RecursionError:
        return Rule((), (), (), frozenset(), frozenset(), (Fault(1, "too many nested evaluations", ""),))


class _Compiler:
    def __init__(self, text: str) -> None:
        self._reader = Reader(text)
        self._text = text
        self._event = ""
        self._edits: list[Edit] = []
        self._faults: list[Fault] = []
        self._mentions: list[Mention] = []
        self._used: set[str] = set()
        self._libraries: set[str] = set()

    def rule(self) -> Rule:
        """Reads everything."""
        handlers: list[Handler] = []
        procedures: list[Procedure] = []
        start = len(SIGNED) if self._text.startswith(SIGNED) else 0
        priority = DEFAULT_PRIORITY
        for command in self._script(start, len(self._text)):
            name = self._literal(command, 0)
            if name == "when":
                handlers.extend(self._handler(command, priority))
            elif name == "proc":
                procedures.extend(self._procedure(command))
            elif name == "priority" and len(command.words) == 2:
                priority = self._priority(command, 1)
            elif not (name == "timing" and len(command.words) == 2):
                self._fault(command, "command is not valid in the current scope")
        self._refuse_twins(handlers)
        faults = tuple(sorted(self._faults))
        used, libraries = frozenset(self._used), frozenset(self._libraries)
        return Rule(tuple(handlers), tuple(procedures), tuple(self._mentions), used, libraries, faults)

    def _handler(self, command: Command, priority: int) -> Iterator[Handler]:
        words = command.words
        event = self._literal(command, 1) or ""
        if event not in vocabulary.EVENTS:
            self._fault(command, f"unknown event ({event})")
            return
        place = 2
        while self._literal(command, place) in ("priority", "timing") and len(words) > place + 1:
            if self._literal(command, place) == "priority":
                priority = self._priority(command, place + 1)
            place += 2
        if len(words) <= place or words[place].kind != "braced":
            self._fault(command, f'missing a script after "{event}"')
            return
        if len(words) > place + 1:
            self._fault(command, f'unexpected extra argument "{self._source(words[place + 1])}"')
        self._event = event
        line = self._line(words[place].start)
        yield Handler(event, priority, self._translated(words[place]), line)

    def _priority(self, command: Command, place: int) -> int:
        text = self._literal(command, place) or ""
        if not text.isdecimal() or int(text) > 1000:
            self._fault(command, f'unexpected extra argument "{self._source(command.words[place])}"')
            return DEFAULT_PRIORITY
        return int(text)

    def _procedure(self, command: Command) -> Iterator[Procedure]:
        if len(command.words) != 4 or command.words[3].kind != "braced":
            self._fault(command, "wrong # args")
            return
        self._event = ""
        name, arguments = self._literal(command, 1), self._literal(command, 2)
        yield Procedure(name or "", arguments or "", self._translated(command.words[3]))

    def _refuse_twins(self, handlers: list[Handler]) -> None:
        seen: set[tuple[str, int]] = set()
        for one in handlers:
            if (one.event, one.priority) in seen:
                self._faults.append(Fault(one.line, f"Duplicate event ({one.event})", f"when {one.event}"))
            seen.add((one.event, one.priority))

    def _translated(self, body: Word) -> str:
        """The text of a body for a stock interpreter."""
        self._edits.clear()
        self._body(body)
        for match in _STATIC_READ.finditer(self._text, *body.inner):
            self._edits.append(Edit(match.end(), match.end(), "::"))
        return _applied(self._text, body.inner, self._edits)

    def _body(self, word: Word) -> None:
        """Follows the script in a braced word."""
        for command in self._script(*word.inner):
            self._command(command)

    def _script(self, start: int, end: int) -> tuple[Command, ...]:
        try:
            return self._reader.script(start, end)
        except SyntaxFault as fault:
            self._parse_fault(fault)
            return ()

    def _parse_fault(self, fault: SyntaxFault) -> None:
        line = self._line(fault.offset)
        self._faults.append(Fault(line, f"parse error: {fault.message}", self._text.split("\n")[line - 1].strip()))

    def _command(self, command: Command) -> None:
        self._separate(command)
        for word in command.words:
            if word.kind != "braced" and self._text.startswith(STATIC, word.inner[0]):
                self._edits.append(Edit(word.inner[0], word.inner[0], "::"))
            for script in word.scripts:
                for inner in script:
                    self._command(inner)
        name = self._literal(command, 0)
        if name is None:
            return
        name = name.removeprefix("::")
        if self._allowed(command, name):
            self._note(command, name)
            follow = _STRUCTURE.get(name)
            if follow is not None:
                follow(self, command)

    def _separate(self, command: Command) -> None:
        """Puts between words what Tcl wants there and TMM does not."""
        for left, right in pairwise(command.words):
            gap = self._text[left.end : right.start]
            if not gap:
                self._edits.append(Edit(left.end, left.end, " "))
            elif "\n" in gap:
                self._edits.append(Edit(left.end, right.start, re.sub(r"(?<!\\)\n", r"\\\n", gap)))

    def _allowed(self, command: Command, name: str) -> bool:
        count = len(command.words) - 1
        if name in ("when", "proc"):
            return self._fault(command, "command is not valid in the current scope")
        if name in vocabulary.DISABLED:
            return self._fault(command, f'command is disabled: "{name}"')
        if name in vocabulary.TCL:
            least, most = vocabulary.TCL[name]
            return self._known_subcommand(command, name) and self._arity(command, count, least, most)
        usage = vocabulary.COMMANDS.get(name)
        if usage is None:
            if name.partition("::")[0] in vocabulary.FOREIGN and "::" in name:
                return True
            return self._fault(command, f"undefined procedure: {name}")
        if self._event in vocabulary.FIRED and self._event not in usage.events:
            return self._fault(command, f"command is not valid in current event context ({self._event})")
        return self._arity(command, count, usage.least, usage.most)

    def _arity(self, command: Command, count: int, least: int, most: int | None) -> bool:
        if count < least or (most is not None and count > most):
            return self._fault(command, "wrong # args")
        return True

    def _known_subcommand(self, command: Command, name: str) -> bool:
        listed = vocabulary.SUBCOMMANDS.get(name)
        given = self._literal(command, 1)
        if listed is None or given is None or any(one.startswith(given) for one in listed):
            return True
        *most, last = sorted(listed)
        return self._fault(command, f'bad option "{given}": must be {", ".join(most)}, or {last}')

    def _note(self, command: Command, name: str) -> None:
        self._used.add(name)
        reference = vocabulary.REFERENCES.get(name)
        if reference is not None and len(command.words) > 1:
            self._mention(command, reference.sort, reference.place)
        elif name == "class":
            self._note_class(command)
        elif name == "call":
            self._libraries.update(filter(None, [(self._literal(command, 1) or "").rpartition("::")[0]]))

    def _note_class(self, command: Command) -> None:
        verb = self._literal(command, 1)
        last = len(command.words) - 1
        if verb in vocabulary.CLASS_WITH_NAME_LAST and last > 1:
            self._mention(command, "value_list", last)
        for place in range(3, last + 1):
            if verb == "search" and self._literal(command, place) in vocabulary.OPERATORS:
                self._mention(command, "value_list", place - 1)
                return

    def _mention(self, command: Command, sort: str, place: int) -> None:
        word = command.words[place] if place < len(command.words) else None
        name = self._reader.literal(word) if word is not None else None
        if name and not name.startswith("-") and (sort, name) != ("virtual_server", "name"):
            self._mentions.append(Mention(self._line(command.start), sort, name, self._source(command)))

    def expression(self, command: Command, word: Word) -> None:
        """Rewrites a braced condition. One in quotes is substituted first, and nobody can know what it will be."""
        if word.kind != "braced":
            return
        try:
            rewritten = rewrite(self._reader, *word.inner)
        except ExpressionFault as fault:
            self._fault(command, str(fault))
        except SyntaxFault as fault:
            self._parse_fault(fault)
        else:
            self._edits.extend(rewritten.edits)
            for script in rewritten.scripts:
                for inner in script:
                    self._command(inner)

    def body(self, word: Word) -> None:
        """Follows a word that is a script, if it is written out."""
        if word.kind == "braced":
            self._body(word)

    def conditional(self, command: Command) -> None:
        """`if` with all its branches."""
        words = list(command.words[1:])
        while words:
            self.expression(command, words.pop(0))
            if words and self._reader.literal(words[0]) == "then":
                words.pop(0)
            if not words:
                self._fault(command, 'missing a script after "if"')
                return
            self.body(words.pop(0))
            if not words:
                return
            word = self._reader.literal(words[0])
            if word == "elseif" and len(words) > 1:
                words.pop(0)
                continue
            if word == "else":
                words.pop(0)
            if len(words) != 1:
                self._fault(command, f'missing a script after "{word}"' if not words else "wrong # args")
                return
            self.body(words.pop(0))

    def choice(self, command: Command) -> None:
        """`switch`, with its patterns in one list or each as a word."""
        words = list(command.words[1:])
        while words and (self._reader.literal(words[0]) or "").startswith("-"):
            option = self._reader.literal(words.pop(0))
            if option == "--":
                break
            if option not in ("-exact", "-glob", "-regexp"):
                self._fault(command, f'bad option "{option}": must be -exact, -glob, -regexp, or --')
                return
        pairs = words[1:]
        if len(pairs) == 1:
            if pairs[0].kind != "braced":
                return
            try:
                pairs = list(self._reader.elements(*pairs[0].inner))
            except SyntaxFault as fault:
                self._parse_fault(fault)
                return
            self._edits += [Edit(left.end, left.end, " ") for left, right in pairwise(pairs) if left.end == right.start]
        if not pairs or len(pairs) % 2:
            self._fault(command, "extra switch pattern with no body" if pairs else "wrong # args")
        for body in pairs[1::2]:
            self.body(body)

    def repeated(self, command: Command) -> None:
        """`while`."""
        self.expression(command, command.words[1])
        self.body(command.words[2])

    def counted(self, command: Command) -> None:
        """`for`."""
        self.expression(command, command.words[2])
        for place in (1, 3, 4):
            self.body(command.words[place])

    def last(self, command: Command) -> None:
        """Commands whose last word is a script."""
        self.body(command.words[-1])

    def first(self, command: Command) -> None:
        """Commands whose first argument is a script."""
        self.body(command.words[1])

    def calculated(self, command: Command) -> None:
        """`expr` with its expression in braces."""
        if len(command.words) == 2:
            self.expression(command, command.words[1])

    def side(self, command: Command) -> None:
        """`clientside` and `serverside`, with or without a script."""
        if len(command.words) == 2:
            self.body(command.words[1])

    def _literal(self, command: Command, place: int) -> str | None:
        return self._reader.literal(command.words[place]) if place < len(command.words) else None

    def _source(self, piece: Word | Command) -> str:
        return self._text[piece.start : piece.end].partition("\n")[0]

    def _line(self, offset: int) -> int:
        return self._text.count("\n", 0, offset) + 1

    def _fault(self, command: Command, what: str) -> bool:
        self._faults.append(Fault(self._line(command.start), what, self._source(command)))
        return False


_STRUCTURE: Final[Mapping[str, Callable[[_Compiler, Command], None]]] = {
    "if": _Compiler.conditional,
    "switch": _Compiler.choice,
    "while": _Compiler.repeated,
    "for": _Compiler.counted,
    "foreach": _Compiler.last,
    "expr": _Compiler.calculated,
    "catch": _Compiler.first,
    "eval": _Compiler.first,
    "clientside": _Compiler.side,
    "serverside": _Compiler.side,
}
"""What commands do with words that are scripts or expressions."""


def _applied(text: str, span: tuple[int, int], edits: list[Edit]) -> str:
    """The text of a span with the edits made; of two at one place the one that was found first stands first."""
    made: list[str] = []
    position = span[0]
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        made += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*made, text[position : span[1]]])
