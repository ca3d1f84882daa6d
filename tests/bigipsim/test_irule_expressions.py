"""What TMM reads differently from Tcl is rewritten so that Tcl finds what TMM finds; all else is left as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rulelab import NEEDS_TCL

from bigipsim.dataplane.irule.compiler import compile_rule
from bigipsim.dataplane.irule.interpreter import Interpreter, ScriptFault

pytestmark = NEEDS_TCL


class Tcl:
    """An interpreter whose only command of F5 is `log`, which keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.interpreter = Interpreter(self._perform, ["log"])

    def _perform(self, name: str, words: Sequence[str]) -> str:
        self.told.append(words[-1])
        return ""

    def value(self, script: str) -> str:
        """What the result of a script is, after it has gone through the compiler."""
        rule = compile_rule(f"when HTTP_REQUEST {{ log local0. [{script}] }}")
        assert not rule.faults
        self.told.clear()
        self.interpreter.run("::connection::1", self.interpreter.body(rule.handlers[0].body))
        return self.told[-1]


@pytest.fixture(scope="module")
def tcl() -> Iterator[Tcl]:
    made = Tcl()
    yield made
    made.interpreter.close()


class Term(NamedTuple):
    """An expression, whether it holds, and how strongly its outermost operator binds."""

    text: str
    holds: bool
    strength: int


ATOM, NOT, AND, OR = 9, 8, 2, 1
COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda left, right: left == right,
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": str.__contains__,
}
TEXTS = st.sampled_from(["", "a", "ab", "ba", "and", "a or b", "not", "equals"])


def _inside(term: Term, strength: int) -> str:
    return term.text if term.strength > strength else f"({term.text})"


@st.composite
def comparisons(draw: st.DrawFn) -> Term:
    left, right, word = draw(TEXTS), draw(TEXTS), draw(st.sampled_from(sorted(COMPARISONS)))
    form = draw(st.sampled_from(['"%s"', "{%s}", "[string trim {%s}]"]))
    return Term(f'{form % left} {word} "{right}"', COMPARISONS[word](left, right), 6)


def _joined(terms: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    def negated(term: Term, word: str) -> Term:
        return Term(f"{word} {_inside(term, NOT)}", not term.holds, NOT)

    def both(left: Term, right: Term, word: str) -> Term:
        return Term(f"{_inside(left, AND - 1)} {word} {_inside(right, AND)}", left.holds and right.holds, AND)

    def either(left: Term, right: Term, word: str) -> Term:
        return Term(f"{_inside(left, OR - 1)} {word} {_inside(right, OR)}", left.holds or right.holds, OR)

    return st.one_of(
        st.builds(negated, terms, st.sampled_from(["not", "!"])),
        st.builds(both, terms, terms, st.sampled_from(["and", "&&"])),
        st.builds(either, terms, terms, st.sampled_from(["or", "||"])),
    )


@given(term=st.recursive(comparisons(), _joined, max_leaves=8))
def test_a_condition_holds_in_tcl_when_it_holds_on_the_device(tcl: Tcl, term: Term) -> None:
    assert tcl.value(f"expr {{{term.text}}}") == str(int(term.holds))


MEASURED = [
    ("if {1}{expr {6*7}}", "42"),
    ("list {a}{b}", "a b"),
    ("list {a}b", "a b"),
    ("list {*}{a b}", "* {a b}"),
    ('list "a"b', "a b"),
    ('list {a}"b"c', "a b c"),
    ("set v XX; list {a}$v", "a XX"),
    ("set v XX; list ${v}b", "XXb"),
    ("set v XX; list $v{b}", "XX{b}"),
    ("list [list a]{b}", "a{b}"),
    ("list a{b}", "a{b}"),
    ("list a b\n{c}", "a b c"),
    ("{set}zz 7", "7"),
    ("set n 1\nwhile {$n < 30}\n{\n set n [expr {$n + 30}]\n}\nset n", "31"),
    ("if\n{1}\n{ set r yes }", "yes"),
    ("if {0} { set r a }\nelse { set r b }", "b"),
    ("if {0} { set r a }\nelseif {1} { set r c }", "c"),
    ("set acc {}; foreach i {a b c}\n{ append acc $i }\nset acc", "abc"),
    ("switch a\n{ a { set r matched } }", "matched"),
    ('expr {"a"eq"a"}', "1"),
    ('expr {"abc" starts_with "a"}', "1"),
    ("expr {1 and 1}", "1"),
    ("expr {010}", "8"),
    ("expr {0x10}", "16"),
    ("expr {1e3}", "1000.0"),
]
"""Words of rules and their values, as they were measured on a device."""


@pytest.mark.parametrize(("script", "value"), MEASURED)
def test_words_come_out_as_on_a_device(tcl: Tcl, script: str, value: str) -> None:
    assert tcl.value(script) == value


def test_a_variable_that_is_not_there_is_not_counted_up(tcl: Tcl) -> None:
    with pytest.raises(ScriptFault, match=r'can\'t read "unheard": no such variable'):
        tcl.value("incr unheard")
    assert tcl.value("set heard 2; incr heard 3; incr heard -1") == "4"


UNCHANGED = [
    "set a {and or not equals starts_with}",
    'log local0. "if { $a starts_with b } and [set x]"',
    "if { $a == 1 && !($b eq {x}) || [string match *y $c] } { set d 1 } else { set d 2 }",
    "switch -glob -- $x { {a b} { set y 1 } \"c\" - default { set y 2 } }",
    "# if $a and $b [ equals \"",
    "regsub -all {[^a-z]} $a {} b",
    "set list [list 1 2 \\\n 3]",
]  # fmt: skip


@pytest.mark.parametrize("body", UNCHANGED)
def test_plain_tcl_is_left_as_it_is(body: str) -> None:
    [handler] = compile_rule(f"when HTTP_REQUEST {{\n{body}\n}}").handlers
    assert handler.body.strip() == body
