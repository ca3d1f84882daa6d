"""Decides how rules run: in one safe child of a Tcl interpreter, within limits, and with TMM's commands only.

There is one child for a device, as TMM has one interpreter, so that `static::` variables are those of all rules. Each
connection has a namespace in it, which keeps its variables. The child knows nothing of files, processes and sockets;
F5's commands are aliases of one Python function. Texts are strings of bytes in it, as in TMM, so that rules can handle
what is no text. A rule that runs for too long is cut off; no `catch` can prevent it.

Python's tkinter, which has the interpreter, is imported when the first rule is to run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from bigipsim.dataplane.irule import vocabulary
from bigipsim.dataplane.irule.session import Failed, Result

if TYPE_CHECKING:
    from _tkinter import TkappType

MOST_COMMANDS: Final = 1_000_000
MOST_MS: Final = 2000
"""How much one body may do, in commands and in time; TMM itself is killed by its watchdog after seconds (assumed)."""
_LIMITS: Final = {"command count limit exceeded", "time limit exceeded"}
CUT_OFF: Final = "the rule did not end, and was cut off"

INTERNAL: Final = ("f5_procedure", "f5_side")
"""Commands that the child's own procedures ask: where a procedure is, and whose end of the proxy is meant."""

Perform = Callable[[str, Sequence[str]], Result]

_MASTER: Final = """
interp create -safe rules
proc dispatch {args} {
    lassign [perform {*}$args] failed result
    if {$failed} {return -code error $result}
    return $result
}
proc attempt {name arguments body} {
    set code [catch {interp invokehidden rules proc $name $arguments $body} message]
    return [list $code $message {}]
}
proc copy {from to} {
    interp invokehidden rules namespace eval $to {}
    foreach name [interp eval rules [list info vars ${from}::*]] {
        set copied ${to}::[namespace tail $name]
        if {[interp eval rules [list array exists $name]]} {
            interp eval rules [list array set $copied [interp eval rules [list array get $name]]]
        } elseif {[interp eval rules [list info exists $name]]} {
            interp eval rules [list set $copied [interp eval rules [list set $name]]]
        }
    }
}
proc fire {namespace number} {
    set start [interp eval rules {info cmdcount}]
    set stop [expr {[clock milliseconds] + @MS@}]
    interp limit rules commands -value [expr {$start + @COMMANDS@}]
    interp limit rules time -seconds [expr {$stop / 1000}] -milliseconds [expr {$stop % 1000}]
    set code [catch {interp invokehidden rules namespace eval $namespace $::body($number)} message]
    interp limit rules commands -value {}
    interp limit rules time -seconds {}
    if {$code == 1} {return [list 1 $message $::errorInfo]}
    return [list 0 {} {}]
}
"""

# Tcl 8.4 does not make the variable that `incr` is to count up.
_CHILD: Final = """
namespace eval static {}
namespace eval connection {}
namespace eval rule {}
proc tcl::mathfunc::f5_starts_with {text start} {string equal -length [string length $start] $start $text}
proc tcl::mathfunc::f5_ends_with {text end} {
    set length [string length $end]
    expr {$length == 0 || [string range $text end-[expr {$length - 1}] end] eq $end}
}
proc tcl::mathfunc::f5_contains {text part} {expr {[string first $part $text] >= 0 || $part eq ""}}
proc tcl::mathfunc::f5_matches_glob {text pattern} {string match $pattern $text}
proc tcl::mathfunc::f5_matches_regex {text pattern} {regexp -- $pattern $text}
proc incr {name {by 1}} {
    if {![uplevel 1 [list info exists $name]]} {return -code error "can't read \\"$name\\": no such variable"}
    upvar 1 $name value
    set value [expr {$value + $by}]
}
proc call {name args} {uplevel 1 [linsert $args 0 [f5_procedure $name]]}
proc on_side {side script} {
    set before [f5_side $side]
    set code [catch {uplevel 2 $script} result]
    f5_side $before
    return -code $code $result
}
proc clientside {{script ""}} {if {$script eq ""} {return [expr {[f5_side ""] eq "client"}]}; on_side client $script}
proc serverside {{script ""}} {if {$script eq ""} {return [expr {[f5_side ""] eq "server"}]}; on_side server $script}
"""

_NEEDED: Final = frozenset({"call", "clientside", "serverside", "on_side"})
_ONE_LINE: Final = re.compile(r"\s*\n\s*")
_BEFORE_QUOTE: Final = re.compile(r'(?<=\S)\s+"(?=\s|$)')
UNFIT: Final = vocabulary.words("after case close encoding fileevent puts read")
"""Commands of Tcl that a rule may name and that would block here, or reach for a file."""


def _encoded(text: str) -> str:
    """A text as Tcl gets it: a character for each byte."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def _decoded(text: str) -> str:
    """The same from Tcl; a character that is no byte (a rule can make one) stays."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")


class ScriptFault(Exception):
    """A body ended in an error; `told` is the message with the command that it happened in, on one line."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told


class Interpreter:
    """The Tcl of one device; used in the thread that made it, and closed there.

    Raises:
        ImportError: Python has no tkinter.
    """

    def __init__(self, perform: Perform, commands: Iterable[str]) -> None:
        import tkinter as tk

        self._perform = perform
        self._tcl: TkappType | None = tk.Tcl().tk
        self._known: set[str] = set()
        self._next = 0
        self._prepare(commands)

    @property
    def closed(self) -> bool:
        """Whether it was closed; then no rule runs any more."""
        return self._tcl is None

    @property
    def _open(self) -> TkappType:
        assert self._tcl is not None, "the interpreter is closed"
        return self._tcl

    def _prepare(self, commands: Iterable[str]) -> None:
        tcl = self._open
        tcl.createcommand("perform", self._called)
        tcl.eval(_MASTER.replace("@MS@", str(MOST_MS)).replace("@COMMANDS@", str(MOST_COMMANDS)))
        tcl.call("interp", "eval", "rules", _CHILD)
        for name in ("namespace", "proc"):
            tcl.call("interp", "hide", "rules", name)
        for name in (*INTERNAL, *UNFIT, *commands):
            self.provide(name)
        tcl.call("interp", "alias", "rules", "clock", "", "clock")
        allowed = vocabulary.TCL.keys() | self._known | _NEEDED
        for name in tcl.splitlist(tcl.call("interp", "eval", "rules", "info commands")):
            if name not in allowed:
                tcl.call("interp", "hide", "rules", name)

    def _called(self, name: str, *words: str) -> tuple[int, str | int | tuple[str, ...]]:
        try:
            result = self._perform(name, [_decoded(word) for word in words])
        except Failed as failure:
            return 1, _encoded(str(failure))
        if isinstance(result, int):
            return 0, result
        return 0, _encoded(result) if isinstance(result, str) else tuple(map(_encoded, result))

    def provide(self, name: str) -> None:
        """Makes a command of F5 known in the child, if it is not."""
        if name in self._known:
            return
        self._known.add(name)
        scope = name.rpartition("::")[0]
        if scope:
            self._hidden("namespace", "eval", scope, "")
        self._open.call("interp", "alias", "rules", name, "", "dispatch", name)

    def _hidden(self, *words: str) -> None:
        """Does in the child what rules cannot do there."""
        self._open.call("interp", "invokehidden", "rules", *words)

    def body(self, text: str) -> int:
        """Keeps a body; answers the number to run it by."""
        self._next += 1
        self._open.call("set", f"::body({self._next})", _encoded(text))
        return self._next

    def procedure(self, scope: str, name: str, arguments: str, body: str) -> str:
        """Defines a procedure in a namespace of its own; answers the name to call it by.

        Raises:
            ScriptFault: its arguments are no list.
        """
        full = f"::rule::{scope}::{name}"
        self._hidden("namespace", "eval", f"::rule::{scope}", "")
        code, message, _ = self._open.call("attempt", full, _encoded(arguments), _encoded(body))
        if int(code):
            raise ScriptFault(str(message))
        return full

    def run(self, namespace: str, body: int) -> None:
        """Runs a body with the variables of a namespace.

        Raises:
            ScriptFault: it ended in an error, or did not end in time.
        """
        code, message, info = self._open.call("fire", namespace, body)
        if not int(code):
            return
        if str(message) in _LIMITS:
            raise ScriptFault(CUT_OFF)
        told = str(info).partition("\n    (in namespace eval")[0].replace("::static::", "static::")
        raise ScriptFault(_decoded(_BEFORE_QUOTE.sub('"', _ONE_LINE.sub(" ", told))))

    def copy(self, namespace: str, to: str) -> None:
        """Gives a new namespace the variables of another one as they are now."""
        self._open.call("copy", namespace, to)

    def assign(self, namespace: str, name: str, value: str) -> None:
        """Sets one variable of a namespace."""
        self._hidden("namespace", "eval", namespace, "")
        self._open.call(
            "interp", "eval", "rules", self._open.call("list", "set", f"{namespace}::{name}", _encoded(value))
        )

    def forget(self, namespace: str) -> None:
        """Drops the variables of a connection."""
        self._hidden("namespace", "eval", namespace, "")
        self._hidden("namespace", "delete", namespace)

    def close(self) -> None:
        """Frees the interpreter, which must happen in its own thread."""
        self._open.deletecommand("perform")
        self._tcl = None
