"""What is refused when an iRule is saved, in the device's words, and what is not."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigipsim.box import Box
from bigipsim.clock import ManualClock
from bigipsim.dataplane.irule import vocabulary
from bigipsim.dataplane.irule.compiler import compile_rule
from bigipsim.dataplane.irule.functions import FUNCTIONS, NATIVE
from bigipsim.dataplane.traffic import Event
from bigipsim.exchange import Refused
from bigipsim.tree import Tree


@pytest.fixture(scope="module")
def tree() -> Tree:
    """A configuration for tests whose writes are refused."""
    return a_tree()


@pytest.fixture
def fresh() -> Tree:
    """A configuration for one test alone."""
    return a_tree()


def a_tree() -> Tree:
    """Partition k8s with a pool and a data group."""
    made = Box(ManualClock()).tree
    made.create("auth/partition", {"name": "k8s"})
    made.create("ltm/pool", {"name": "web", "partition": "k8s"})
    made.create("ltm/data-group/internal", {"name": "dg", "partition": "k8s", "type": "string"})
    return made


def save(tree: Tree, text: str) -> None:
    tree.create("ltm/rule", {"name": "r", "partition": "k8s", "apiAnonymous": text})


BODIES = [
    ("frobnicate [HTTP::host]", "undefined procedure: frobnicate", "frobnicate [HTTP::host]"),
    ("if {[catch {nothing::known}]} {}", "undefined procedure: nothing::known", "nothing::known"),
    ("HTTP::hots", "undefined procedure: HTTP::hots", "HTTP::hots"),
    ('log local0. "[frob]"', "undefined procedure: frob", "frob"),
    ("if {[frob] > 1} {}", "undefined procedure: frob", "frob"),
    ("dict set a b c", "undefined procedure: dict", "dict set a b c"),
    ("lassign {1 2} a b", "undefined procedure: lassign", "lassign {1 2} a b"),
    ("lreverse {1 2}", "undefined procedure: lreverse", "lreverse {1 2}"),
    ("exec ls", 'command is disabled: "exec"', "exec ls"),
    ("catch {open /etc/passwd}", 'command is disabled: "open"', "open /etc/passwd"),
    ("namespace eval x {}", 'command is disabled: "namespace"', "namespace eval x {}"),
    ("HTTP::status", "command is not valid in current event context (HTTP_REQUEST)", "HTTP::status"),
    ("DNS::return", "command is not valid in current event context (HTTP_REQUEST)", "DNS::return"),
    ("when HTTP_REQUEST {}", "command is not valid in the current scope", "when HTTP_REQUEST {}"),
    ("proc a {} {}", "command is not valid in the current scope", "proc a {} {}"),
    ("set a b c", "wrong # args", "set a b c"),
    ("set x {a}{b}", "wrong # args", "set x {a}{b}"),
    ("while {1}", "wrong # args", "while {1}"),
    ("HTTP::respond", "wrong # args", "HTTP::respond"),
    ("if {1}", 'missing a script after "if"', "if {1}"),
    ("if {1} {} else", 'missing a script after "else"', "if {1} {} else"),
    ("if {1}\n\n{}", 'missing a script after "if"', "if {1}"),
    ("if {0} {}\n\nelse {}", "undefined procedure: else", "else {}"),
    ("if{1}{}", "undefined procedure: if{1}{}", "if{1}{}"),
    ("switch -glob x { a {} b }", "extra switch pattern with no body", "switch -glob x { a {} b }"),
    ("expr {frob(1)}", 'unknown math function "frob"', "expr {frob(1)}"),
]


@pytest.mark.parametrize(("body", "what", "command"), BODIES)
def test_a_body_is_refused_in_the_devices_words(tree: Tree, body: str, what: str, command: str) -> None:
    with pytest.raises(Refused) as caught:
        save(tree, f"# a rule\nwhen HTTP_REQUEST {{\n{body}\n}}")
    line = 5 if command == "else {}" else 3
    assert f"01070151:3: Rule [/k8s/r] error: /k8s/r:{line}: error: [{what}][{command}]" in str(caught.value)


EXPRESSIONS = ["$a in {b c}", "$a ** 2", "bareword", "1 +", "(1", "1 2", "$a equals", "and 1", "1 ? 2", "$a @ 2"]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_no_expression_of_tcl_84_is_refused(tree: Tree, expression: str) -> None:
    with pytest.raises(Refused, match=r"01070151:3: .*syntax error in expression"):
        save(tree, f"when HTTP_REQUEST {{ if {{ {expression} }} {{ }} }}")


RULES = [
    ("when HTTP_REQUSET {}", "unknown event (HTTP_REQUSET)"),
    ("when HTTP_REQUEST", 'missing a script after "HTTP_REQUEST"'),
    ("when HTTP_REQUEST {} junk", 'unexpected extra argument "junk"'),
    ("when HTTP_REQUEST priority 1001 {}", 'unexpected extra argument "1001"'),
    ("when HTTP_REQUEST priority -1 {}", 'unexpected extra argument "-1"'),
    ("when HTTP_REQUEST {}\nwhen HTTP_REQUEST {}", "Duplicate event (HTTP_REQUEST)"),
    ("set static::a 1", "command is not valid in the current scope"),
    ("when HTTP_REQUEST {", "parse error: missing close-brace"),
    ('when HTTP_REQUEST { set a "b }', "parse error: missing close-quote"),
    ("when HTTP_REQUEST { set a [b }", "parse error: missing close-bracket"),
    ("when HTTP_REQUEST { # an unbalanced { in a comment\n}", "parse error: missing close-brace"),
    ("when CLIENT_ACCEPTED { HTTP::host }", "command is not valid in current event context (CLIENT_ACCEPTED)"),
    ("when HTTP_RESPONSE { HTTP::uri }", "command is not valid in current event context (HTTP_RESPONSE)"),
    ("when RULE_INIT { IP::client_addr }", "command is not valid in current event context (RULE_INIT)"),
]


@pytest.mark.parametrize(("text", "what"), RULES)
def test_a_rule_is_refused_in_the_devices_words(tree: Tree, text: str, what: str) -> None:
    with pytest.raises(Refused) as caught:
        save(tree, text)
    assert f"error: [{what}][" in str(caught.value)


def test_everything_that_is_wrong_is_told_at_once_with_its_lines(tree: Tree) -> None:
    with pytest.raises(Refused) as caught:
        save(tree, "when HTTP_REQUEST {\n one\n}\nwhen HTTP_RESPONSE {\n HTTP::uri\n two 2\n}")
    assert str(caught.value) == (
        "01070151:3: Rule [/k8s/r] error: /k8s/r:2: error: [undefined procedure: one][one]\n"
        "/k8s/r:5: error: [command is not valid in current event context (HTTP_RESPONSE)][HTTP::uri]\n"
        "/k8s/r:6: error: [undefined procedure: two][two 2]"
    )


@pytest.mark.parametrize(
    ("body", "sort", "name"),
    [
        ("pool none", "pool", "none"),
        ("if {1} { pool /Common/none member 10.0.0.1 80 }", "pool", "/Common/none"),
        ("set n [active_members -list none]", "pool", "none"),
        ("set n [class match -value -- [HTTP::host] equals none]", "value_list", "none"),
        ("set n [class lookup x /k8s/none]", "value_list", "/k8s/none"),
        ("set n [class search -value none equals x]", "value_list", "none"),
        ("snatpool none", "snatpool", "none"),
        ("virtual none", "virtual_server", "none"),
    ],
)
def test_a_literal_name_that_leads_nowhere_is_refused(tree: Tree, body: str, sort: str, name: str) -> None:
    with pytest.raises(Refused) as caught:
        save(tree, f"when HTTP_REQUEST {{\n {body}\n}}")
    assert f"01070151:3: Rule [/k8s/r] error: Unable to find {sort} ({name}) referenced at line 2: [" in str(
        caught.value
    )


def test_what_a_rule_names_cannot_be_deleted_and_what_it_only_calculates_can(fresh: Tree) -> None:
    save(fresh, "when HTTP_REQUEST { pool web; set d dg; class lookup x $d }")
    with pytest.raises(Refused, match="in use by a rule"):
        fresh.delete("ltm/pool", "/k8s/web")
    fresh.delete("ltm/data-group/internal", "/k8s/dg")


ACCEPTED = [
    "when HTTP_REQUEST { pool $p; virtual name; class match $x equals $c; pool [class lookup a dg] }",
    "when HTTP_REQUEST { ASM::disable; HTTP::retry [HTTP::request]; LB::down }",
    "when ASM_REQUEST_DONE { log local0. [HTTP::status] }",
    "when HTTP_REQUEST priority 0 {}\nwhen HTTP_REQUEST priority 1000 {}",
    "when HTTP_REQUEST\n{\n if {1}{ pool web }elseif {0}{ reject }\n else\n{ drop }\n}",
    "when HTTP_REQUEST { foreach {a b} [HTTP::header names] { if { $a contains $b } { break } } }",
    "when HTTP_REQUEST { # comment with ] and \" and {balanced}\n pool web ; # another\n}",
    "when HTTP_REQUEST { regexp {^/([a-z]+)/[0-9]{1,3}$} [HTTP::path] all first }",
    'when HTTP_REQUEST { HTTP::respond 200 content "<html>{ not code } $x [HTTP::uri]</html>" }',
    'when HTTP_REQUEST { set a "and or not equals"; set b {if { starts_with } [nothing}; set c ${a}b(c) }',
    "when HTTP_REQUEST { if { \"a]\" equals {b [c} } { pool web } }",
    "when HTTP_REQUEST { switch -- [HTTP::uri] { \"/a b\" - {/c[d]} { pool web } default { } } }",
    "when HTTP_REQUEST { if { [HTTP::uri] starts_with {/x} \\\n    and 1 } { pool web } }",
    "when RULE_INIT { set static::a 1; array set static::b {c d}; HTTP::host }",
    "when CLIENT_DATA { TCP::payload replace 0 0 [binary format S 1]; TCP::release }",
    "when DNS_REQUEST { DNS::answer insert \"[DNS::question name]. 30 IN A 10.0.0.1\"; DNS::return }",
    "timing on\npriority 300\nwhen HTTP_REQUEST timing off priority 2 { timing off }",
    "nodelete nowrite\nwhen HTTP_REQUEST { HTTP::redirect https://[getfield [HTTP::host] \":\" 1][HTTP::uri] }",
]  # fmt: skip


@pytest.mark.parametrize("text", ACCEPTED)
def test_a_rule_that_the_device_takes_is_taken(fresh: Tree, text: str) -> None:
    save(fresh, text)
    assert fresh.need("ltm/rule", "/k8s/r").values["apiAnonymous"] == text


def test_a_rule_of_more_than_65535_bytes_is_refused(tree: Tree) -> None:
    with pytest.raises(Refused, match="01020057:3: The string with more than 65535 characters"):
        save(tree, "when RULE_INIT {" + " " * 65535 + "}")


def test_every_function_of_the_simulator_is_a_command_of_the_device() -> None:
    foreign = {name for name in FUNCTIONS if name.partition("::")[0] in vocabulary.FOREIGN}
    assert FUNCTIONS.keys() - foreign <= vocabulary.COMMANDS.keys()
    assert vocabulary.COMMANDS.keys() >= NATIVE


def test_every_event_that_is_fired_is_one_in_which_it_is_known_what_may_be_used() -> None:
    fired = {event.value for event in Event} - {"STREAM_CLOSED"}
    assert fired | {"RULE_INIT"} == vocabulary.FIRED


@pytest.mark.parametrize("pair", ["[]", "{}", "()"])
def test_a_rule_that_is_nested_without_end_is_refused(tree: Tree, pair: str) -> None:
    opened, closed = {"[]": ("[set a ", "]"), "{}": ("if {1} {", "}"), "()": ("(", ")")}[pair]
    body = opened * 900 + "1" + closed * 900
    body = f"expr {{{body}}}" if pair == "()" else body
    with pytest.raises(Refused, match="too many nested evaluations"):
        save(tree, f"when HTTP_REQUEST {{ {body} }}")


@given(st.text(alphabet=string.ascii_lowercase[:4] + '{}[]"\\$;:()# \n', max_size=60))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    compile_rule(text)
    compile_rule(f"when HTTP_REQUEST {{ {text} }}")
    compile_rule(f"when HTTP_REQUEST {{ if {{ {text} }} {{ switch x {{ {text} }} }} }}")
