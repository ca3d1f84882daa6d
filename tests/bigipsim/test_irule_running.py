"""iRules run: each command on a small rule of its own, without sockets."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rulelab import NEEDS_TCL, RuleLab, rule_lab

from bigipsim.dataplane.irule import vocabulary
from bigipsim.dataplane.irule.functions import FUNCTIONS
from bigipsim.dataplane.irule.groups import Groups
from bigipsim.dataplane.irule.messages import DnsMessage
from bigipsim.dataplane.irule.session import Device, Failed, Session
from bigipsim.dataplane.irule.table import Table
from bigipsim.dataplane.traffic import (
    ClientTls,
    Connection,
    Drop,
    Endpoint,
    Event,
    Request,
    Reset,
    Respond,
    Response,
    ToNode,
    ToPool,
    ToVirtual,
    Traffic,
    redirect,
)

pytestmark = NEEDS_TCL


@pytest.fixture
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


@pytest.fixture(scope="module")
def shared() -> Iterator[RuleLab]:
    """The same for all tests that change nothing but its rules."""
    with rule_lab() as made:
        yield made


def said(lab: RuleLab, expression: str, uri: str = "/a/b/c.css?x=1&y=two", **headers: str) -> str:
    """What an expression of a rule is, in HTTP_REQUEST."""
    lab.attach(f"when HTTP_REQUEST {{ HTTP::respond 200 content {expression} }}")
    verdict = lab.client().get(uri, **headers).verdict
    assert isinstance(verdict, Respond), verdict
    return verdict.body.decode("latin-1")


VALUES = [
    ("[HTTP::host]", "www.example.com"),
    ("[HTTP::uri]", "/a/b/c.css?x=1&y=two"),
    ("[HTTP::path]", "/a/b/c.css"),
    ("[HTTP::query]", "x=1&y=two"),
    ("[HTTP::method]", "GET"),
    ("[HTTP::version]", "1.1"),
    ("[HTTP::is_keepalive]", "1"),
    ("[HTTP::header X-One]", "first"),
    ("[HTTP::header value x-one]", "first"),
    ("[HTTP::header X-None]", ""),
    ("[HTTP::header exists x-ONE]", "1"),
    ("[HTTP::header exists X-None]", "0"),
    ("[HTTP::header names]", "Host X-One Cookie Authorization"),
    ("[HTTP::header count]", "4"),
    ("[HTTP::header values X-One]", "first"),
    ("[HTTP::header at 1]", "X-One"),
    ("[HTTP::cookie b]", "2"),
    ("[HTTP::cookie value a]", "1"),
    ("[HTTP::cookie names]", "a b"),
    ("[HTTP::cookie exists c]", "0"),
    ("[HTTP::cookie count]", "2"),
    ("[HTTP::username]:[HTTP::password]", "me:secret"),
    ("[IP::client_addr]", "192.0.2.9"),
    ("[IP::remote_addr]:[TCP::remote_port]", "192.0.2.9:40001"),
    ("[IP::local_addr]:[TCP::local_port]", "203.0.113.7:80"),
    ("[TCP::client_port]", "40001"),
    ("TCP[IP::version]", "TCP4"),
    ("[virtual name]", "/k8s/v"),
    ("[LB::server pool]", "/k8s/web"),
    ("[active_members web]", "2"),
    ("[active_members -list /k8s/api]", "{198.51.100.3 8080}"),
    ("[members web]", "2"),
    ('[getfield [HTTP::host] "." 2]', "example"),
    ('[getfield "a:b" ":" 9]', ""),
    ('[findstr [HTTP::uri] "y=" 2]', "two"),
    ('[findstr "a;key=v;z" "key=" 4 ";"]', "v"),
    ('[substr "abcdef" 2 3]', "cde"),
    ("[domain www.shop.example.com 2]", "example.com"),
    ("[URI::decode a%20b]", "a b"),
    ('[URI::encode "a b/c"]', "a%20b%2Fc"),
    ("[URI::query [HTTP::uri] y]", "two"),
    ("[URI::basename [HTTP::uri]]", "c.css"),
    ("[URI::path [HTTP::uri]]", "/a/b/"),
    ("[URI::path [HTTP::uri] depth]", "2"),
    ("[b64encode hello]", "aGVsbG8="),
    ("[b64decode aGVsbG8=]", "hello"),
    ("[crc32 hello]", "907060870"),
    ("[binary scan [md5 hello] H* h; set h]", "5d41402abc4b2a76b9719d911017c592"),
    ("[IP::addr [IP::client_addr] equals 192.0.2.0/24]", "1"),
    ("[IP::addr 10.1.1.1 equals 10.2.0.0/255.255.0.0]", "0"),
    ("[IP::addr 10.1.1.1 mask 255.255.0.0]", "10.1.0.0"),
    ("[clock format 0 -format %Y -gmt 1]", "1970"),
    ("[string tolower ABC][string range abcdef 1 2]", "abcbc"),
    ("[lindex [split a,b,c ,] 1]", "b"),
    ("[clientside {IP::remote_addr}]", "192.0.2.9"),
    ("[IP::remote_addr clientside]", "192.0.2.9"),
    ("[SSL::cipher name]", "none"),
    ("[class match [HTTP::host] equals hosts]", "1"),
    ("[class match nobody.example.com equals hosts]", "0"),
    ("[class match -value [HTTP::host] equals hosts]", "/k8s/web"),
    ("[class match -name /img/big/x.png starts_with paths]", "/img"),
    ("[class match -all -name /img/big/x.png starts_with /k8s/paths]", "/img /img/big"),
    ("[class match -index /login equals paths]", "2"),
    ("[class match -element -- [HTTP::path] ends_with endings]", "{.css} {}"),
    ("[class match a/img/b contains paths]", "1"),
    ("[class search hosts starts_with api]", "1"),
    ("[class search -name hosts contains apps]", "*.apps.example.com"),
    ("[class search -value endings ends_with js]", "script"),
    ("[class match 10.1.2.3 equals nets]", "1"),
    ("[class match -value 10.1.2.3 equals nets]", "near"),
    ("[class match -value 10.9.2.3 equals nets]", "inside"),
    ("[class match -value 2001:db8::7 equals nets]", "six"),
    ("[class match 172.16.0.1 equals nets]", "0"),
    ("[class match -value 503 equals numbers]", "busy"),
    ("[class lookup api.example.com hosts]", "/k8s/api"),
    ("[class lookup none hosts]", ""),
    ("[class exists hosts][class exists none]", "10"),
    ("[class size paths] [class type nets]", "3 ip"),
    ("[class names paths /img*]", "/img /img/big"),
    ("[class element -name 0 endings]", ".css"),
    ("[matchclass [HTTP::host] equals hosts]", "1"),
    ("[findclass /img/a.png paths] [findclass /img/a.png paths { }]", "/img static static"),
    ("[class get endings]", "{{.css} {}} {{.js} {script}}"),
]


@pytest.mark.parametrize(("expression", "value"), VALUES)
def test_a_command_answers(shared: RuleLab, expression: str, value: str) -> None:
    headers = {"X_One": "first", "Cookie": "a=1; b=2", "Authorization": "Basic bWU6c2VjcmV0"}
    assert said(shared, f'"{expression}"', **headers) == value


CONDITIONS = [
    ('"www.example.com" equals [HTTP::host]', True),
    ('[HTTP::host] starts_with "www."', True),
    ('[HTTP::host] starts_with ""', True),
    ('[HTTP::host] ends_with ".com"', True),
    ('[HTTP::host] ends_with "www.example.com.and.longer"', False),
    ('[HTTP::host] contains "example"', True),
    ('[HTTP::host] matches_glob "*.example.???"', True),
    ("[HTTP::host] matches_regex {^www\\.[a-z]+\\.com$}", True),
    ('not ([HTTP::host] equals "x")', True),
    ('!([HTTP::host] equals "x") and [HTTP::path] ends_with ".css"', True),
    ('[HTTP::host] equals "x" or [HTTP::method] eq "GET" && 1', True),
    ('[HTTP::host] contains "a and b or not c"', False),
    ('"{x}" starts_with "\\{" and "a]" contains "]"', True),
    ("[string length [HTTP::host]] > 3 and 2 + 3 * 4 == 14", True),
    ('[HTTP::host] contains "w" ? 0 : 1', False),
    ('[HTTP::header "Host"] equals "www.example.com"and 1', True),
    ("$static::none eq 1 || 1", None),
    ("1 or $none", True),
]


@pytest.mark.parametrize(("condition", "holds"), CONDITIONS)
def test_a_condition_with_f5s_operators_holds_or_not(shared: RuleLab, condition: str, holds: bool | None) -> None:
    shared.attach(f"when HTTP_REQUEST {{ if {{ {condition} }} {{ pool api }} else {{ reject }} }}")
    verdict = shared.client().get("/a.css").verdict
    assert verdict == (ToPool("/k8s/api") if holds else Reset())


VERDICTS = [
    ("pool api", ToPool("/k8s/api")),
    ("pool /k8s/web member 198.51.100.2 80", ToPool("/k8s/web", Endpoint("198.51.100.2", 80))),
    ("pool web member 198.51.100.2", ToPool("/k8s/web", Endpoint("198.51.100.2", 80))),
    ("pool [class lookup [HTTP::host] hosts]", ToPool("/k8s/web")),
    ("node 198.51.100.9 8080", ToNode("198.51.100.9", 8080)),
    ("node 198.51.100.9:81", ToNode("198.51.100.9", 81)),
    ("node 198.51.100.9%2", ToNode("198.51.100.9%2", 0)),
    ("virtual /k8s/v", ToVirtual("/k8s/v")),
    ("reject", Reset()),
    ("drop", Drop()),
    ("discard", Drop()),
    ("HTTP::redirect https://[HTTP::host][HTTP::uri]", redirect("https://www.example.com/a?b=c")),
    ("HTTP::respond 503", Respond(503)),
    ("HTTP::respond 200 content {<b>hi</b>} noserver A b", Respond(200, (("A", "b"),), b"<b>hi</b>", server=False)),
    ("HTTP::respond 301 Location /new", Respond(301, (("Location", "/new"),))),
    ('HTTP::respond 200 X "a\r\nSet-Cookie: b=c"', Respond(200, (("X", "a Set-Cookie: b=c"),))),
    ("HTTP::respond 404; pool api", Respond(404)),
    ("pool api; pool web", ToPool("/k8s/web")),
    ("return; pool api", None),
    ("pool none$static::missing", Reset()),
    ("catch {pool $none}; pool api", ToPool("/k8s/api")),
    ("pool [string tolower NONE]", Reset()),
    ("if {[catch {pool [string tolower NONE]} why]} {HTTP::respond 500 content $why}",
     Respond(500, body=b"no such pool: none")),
    ("HTTP::redirect /a; HTTP::redirect /b", Reset()),
    ("HTTP::respond 200; HTTP::header insert A b", Reset()),
    ("node www.example.com 80", Reset()),
    ("error oops", Reset()),
    ("switch -glob [HTTP::uri] { /x* {pool web} /a* - /b* {pool api} default {reject} }", ToPool("/k8s/api")),
    ("switch [HTTP::method] GET {pool api} default {reject}", ToPool("/k8s/api")),
    ("switch -regexp -- [HTTP::path] {^/[a-c]$ {pool api}}", ToPool("/k8s/api")),
    ("foreach p {none api} { if {[active_members [string trim /k8s/web]] > 1} { pool api; break } }",
     ToPool("/k8s/api")),
    ("for {set i 0} {$i < 10 and $i != 3} {incr i} {}; if {$i == 3} {pool api}", ToPool("/k8s/api")),
    ("set i 0\nwhile {not ($i equals 5)}\n{ incr i }\nif {$i == 5}{ pool api }", ToPool("/k8s/api")),
    ("if {0} {reject}\nelse {pool api}", ToPool("/k8s/api")),
    ("set l {a b c}; if {[llength [list {*}$l]] == 2} {pool api}", ToPool("/k8s/api")),
    ("eval {pool api}", ToPool("/k8s/api")),
    ("if {[SSL::sni name] eq {}} {pool api}", ToPool("/k8s/api")),
    ("ASM::disable; COMPRESS::disable; pool api", ToPool("/k8s/api")),
    ("SSL::disable clientside", Reset()),
    ("LB::down", Reset()),
    ("AES::key 128", Reset()),
]  # fmt: skip


@pytest.mark.parametrize(("body", "verdict"), VERDICTS)
def test_a_body_leads_to_a_verdict(shared: RuleLab, body: str, verdict: object) -> None:
    shared.attach(f"when HTTP_REQUEST {{ {body} }}")
    assert shared.client().get("/a?b=c").verdict == verdict


CHANGES = [
    ("HTTP::host other.example.com", {"Host": "other.example.com"}),
    ("HTTP::header replace host b", {"Host": "b"}),
    ("HTTP::header insert X-New one", {"X-New": "one"}),
    ('HTTP::header insert X-New "one\r\nEvil: 1"', {"X-New": "one Evil: 1", "Evil": None}),
    ("HTTP::header insert A 1 B 2", {"A": "1", "B": "2"}),
    ("HTTP::header insert [list A 1 B 2]", {"A": "1", "B": "2"}),
    ("HTTP::header replace X-Old new", {"X-Old": "new"}),
    ("HTTP::header replace X-Fresh new", {"X-Fresh": "new"}),
    ("HTTP::header remove x-old", {"X-Old": None}),
    ("HTTP::header sanitize X-Old", {"X-Old": "1", "X-Other": None, "Host": "www.example.com"}),
    ("HTTP::cookie insert name c value 3", {"Cookie": "a=1; b=2; c=3"}),
    ("HTTP::cookie remove a", {"Cookie": "b=2"}),
    ("HTTP::cookie value a 9", {"Cookie": "a=9; b=2"}),
    ("HTTP::cookie sanitize b", {"Cookie": "b=2"}),
]


@pytest.mark.parametrize(("body", "expected"), CHANGES)
def test_a_body_changes_headers(shared: RuleLab, body: str, expected: dict[str, str | None]) -> None:
    shared.attach(f"when HTTP_REQUEST {{ {body} }}")
    traffic = shared.client().get(X_Old="1", X_Other="2", Cookie="a=1; b=2")
    assert traffic.verdict is None and traffic.request is not None
    assert {name: traffic.request.headers.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("body", "method", "uri"),
    [
        ("HTTP::uri /new?q=1", "GET", "/new?q=1"),
        ("HTTP::path /new", "GET", "/new?b=c"),
        ("HTTP::query x=y", "GET", "/a?x=y"),
        ("HTTP::query {}", "GET", "/a"),
        ("HTTP::method PUT", "PUT", "/a?b=c"),
        ('HTTP::uri [string map {"/a" "/z"} [HTTP::uri]]', "GET", "/z?b=c"),
        ("regsub {^/a} [HTTP::uri] {/q} new; HTTP::uri $new", "GET", "/q?b=c"),
    ],
)
def test_a_body_changes_the_target(shared: RuleLab, body: str, method: str, uri: str) -> None:
    shared.attach(f"when HTTP_REQUEST {{ {body} }}")
    request = shared.client().get("/a?b=c").request
    assert request is not None
    assert (request.method, request.uri) == (method, uri)


def test_an_answer_is_changed_and_its_cookies_too(lab: RuleLab) -> None:
    lab.attach(
        """when HTTP_RESPONSE {
            HTTP::header remove Server
            HTTP::header insert X-Status [HTTP::status]
            HTTP::cookie secure s enable
            HTTP::cookie httponly s enable
            HTTP::cookie path s /shop
            HTTP::cookie insert name t value 1 path / domain example.com
            if { [HTTP::status] == 404 } { HTTP::respond 200 content gone }
        }"""
    )
    client = lab.client()
    client.get()
    answer = client.answer(404, Server="x", Set_Cookie="s=1; Path=/")
    assert "Server" not in answer.headers
    assert answer.headers["X-Status"] == "404"
    assert answer.headers.getall("Set-Cookie") == [
        "s=1; Path=/shop; Secure; HttpOnly",
        "t=1; Path=/; Domain=example.com",
    ]
    assert client.traffic.verdict == Respond(200, body=b"gone")


def test_a_body_that_was_collected_is_read_and_replaced(lab: RuleLab) -> None:
    lab.attach(
        """when HTTP_REQUEST { HTTP::collect 5 }
        when HTTP_REQUEST_DATA {
            if { [HTTP::payload] starts_with "he" and [HTTP::payload length] == 5 } {
                HTTP::payload replace 0 2 HEE
            }
            HTTP::release
        }"""
    )
    client = lab.client()
    request = client.get(method="POST").request
    assert request is not None
    assert request.wanted == 5
    request.payload = b"hello"
    client.fire(Event.HTTP_REQUEST_DATA)
    assert request.payload == b"HEEllo"


def test_variables_live_as_long_as_the_connection_and_are_shared_by_its_rules(lab: RuleLab) -> None:
    first = "when CLIENT_ACCEPTED { set n 0 }\nwhen HTTP_REQUEST { incr n }"
    lab.attach(first, "when HTTP_REQUEST { HTTP::respond 200 content $n }")
    one, two = lab.client(), lab.client()
    one.fire(Event.CLIENT_ACCEPTED)
    two.fire(Event.CLIENT_ACCEPTED)
    bodies = [client.get().verdict for client in (one, one, two)]
    assert [verdict.body for verdict in bodies if isinstance(verdict, Respond)] == [b"1", b"2", b"1"]
    one.fire(Event.CLIENT_CLOSED)
    assert isinstance(one.get().verdict, Reset)


def test_static_variables_are_set_once_and_seen_by_every_connection(lab: RuleLab) -> None:
    init = "when RULE_INIT { set static::greeting hello; array set static::codes {a 201} }"
    lab.attach(init, "when HTTP_REQUEST { HTTP::respond $static::codes(a) content ${static::greeting} }")
    assert lab.client().get().verdict == Respond(201, body=b"hello")
    assert lab.client().get().verdict == Respond(201, body=b"hello")


def test_lower_priorities_run_first_and_equal_ones_in_the_order_of_attachment(lab: RuleLab) -> None:
    add = "append seen"
    lab.attach(
        f"when HTTP_REQUEST priority 900 {{ {add} d; HTTP::respond 200 content $seen }}",
        f"when HTTP_REQUEST {{ {add} b }}",
        f"priority 100\nwhen HTTP_REQUEST {{ {add} a; return; {add} x }}",
        f"when HTTP_REQUEST timing off {{ {add} c }}",
    )
    assert lab.client().get().verdict == Respond(200, body=b"abcd")


def test_a_rule_that_disables_its_event_is_the_last_to_hear_it(lab: RuleLab) -> None:
    lab.attach(
        "when HTTP_REQUEST { pool api; event disable }\nwhen HTTP_RESPONSE { HTTP::header insert A 1 }",
        "when HTTP_REQUEST { reject }",
    )
    client = lab.client()
    assert client.get().verdict == ToPool("/k8s/api")
    assert client.get().verdict is None
    assert client.answer().headers == {"A": "1"}


def test_a_rule_that_disables_all_events_is_heard_no_more(lab: RuleLab) -> None:
    lab.attach("when HTTP_REQUEST { event disable all }\nwhen HTTP_RESPONSE { HTTP::header insert A 1 }")
    client = lab.client()
    client.get()
    assert not client.answer().headers


def test_a_procedure_is_called_by_its_name_and_from_another_rule_by_both(lab: RuleLab) -> None:
    lab.attach(
        "proc twice {n {add 0}} { return [expr {$n * 2 + $add}] }\nwhen HTTP_REQUEST { set a [call twice 4] }",
        "when HTTP_REQUEST { HTTP::respond 200 content $a,[call /k8s/r0::twice 1 1],[call r0::twice 5] }",
    )
    assert lab.client().get().verdict == Respond(200, body=b"8,3,10")


def test_a_library_of_procedures_is_attached_to_nothing_and_followed_when_it_changes(lab: RuleLab) -> None:
    text = "when RULE_INIT { set static::by 3 }\nproc times {n} { return [expr {$n * $static::by}] }"
    lab.tree.create("ltm/rule", {"name": "library", "partition": "Common", "apiAnonymous": text})
    lab.attach("when HTTP_REQUEST { set name library; HTTP::respond 200 content [call library::times 2] }")
    assert lab.client().get().verdict == Respond(200, body=b"6")
    lab.tree.modify("ltm/rule", "/Common/library", {"apiAnonymous": "proc times {n} { return changed }"})
    assert lab.client().get().verdict == Respond(200, body=b"changed")
    lab.attach("when HTTP_REQUEST { call library::none }")
    assert lab.client().get().verdict == Reset()


def test_a_procedure_whose_arguments_are_no_list_is_logged(lab: RuleLab, caplog: pytest.LogCaptureFixture) -> None:
    lab.attach("proc bad {{a}b} {}\nwhen HTTP_REQUEST { pool api }")
    assert lab.client().get().verdict == ToPool("/k8s/api")
    assert "TCL error: /k8s/r0 <RULE_INIT> - list element in braces" in caplog.messages[0]


def test_the_session_table_counts_and_forgets_by_the_clock(lab: RuleLab) -> None:
    lab.attach("when HTTP_REQUEST { HTTP::respond 200 content [table incr hits],[table lookup -subtable s k] }")
    client = lab.client()
    assert client.get().verdict == Respond(200, body=b"1,")
    assert client.get().verdict == Respond(200, body=b"2,")
    lab.clock.advance(181)
    assert client.get().verdict == Respond(200, body=b"1,")


TABLE = [
    ("table set k v; table lookup k", "v"),
    ("table add k v; table add k w", "v"),
    ("table set -excl k v; table set -excl k w; table lookup k", "v"),
    ("table set -mustexist k v; table lookup k", ""),
    ("table replace k v; table lookup k", ""),
    ("table append k a; table append k b", "ab"),
    ("table incr -mustexist k", ""),
    ("table set -subtable s a 1; table set -subtable s b 2; table keys -subtable s", "a b"),
    ("table set -subtable s a 1; table keys -subtable s -count", "1"),
    ("table set -subtable s a 1; table delete -subtable s -all; table keys -subtable s", ""),
    ("table set k v; table delete k; table lookup k", ""),
    ("table set k v 60 120; list [table timeout k] [table lifetime -remaining k]", "60 120"),
    ("table set k v indef; table timeout k", "indefinite"),
    ("table timeout none", "-1"),
    ("table set k v; table lifetime k 5; table lifetime k", "5"),
    ("catch {table frob k} why; set why",
     "bad option \"frob\": must be set, add, replace, lookup, incr, append, delete, keys, timeout, or lifetime"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "value"), TABLE)
def test_the_session_table_answers(lab: RuleLab, script: str, value: str) -> None:
    assert said(lab, f"[{script}]") == value


def test_texts_and_bytes_go_in_and_out_as_they_are(lab: RuleLab) -> None:
    assert said(lab, '"größe [HTTP::header X-Town]"', X_Town="Zürich") == "größe Zürich".encode().decode("latin-1")
    assert said(lab, '"[b64decode /wCA]"') == "\xff\0\x80"
    assert said(lab, '"[b64encode [binary format H* ff0080c3]]"') == "/wCAww=="
    assert said(lab, '"[string length [URI::decode %C3%A9]][URI::encode é]"') == "2%C3%A9"
    lab.attach("when HTTP_REQUEST { HTTP::header insert X-Town Zürich }")
    traffic = lab.client().get()
    assert traffic.request is not None and traffic.request.headers["X-Town"] == "Zürich"


WORDS = st.sampled_from(
    ["", "x", "0", "-1", "7", "a b", "-list", "-value", "--", "web", "hosts", "nets", "numbers", "equals", "contains",
     "10.0.0.1", "10.0.0.0/8", "::1", "[::1", "http://[::1", "http://a:b/c?d", "{", "é", "name", "value", "insert",
     "replace", "remove", "length", "depth", "member", "pool", "set", "match", "search", "-subtable", "clientside"]
)  # fmt: skip
EVENTS = [None, Event.CLIENT_ACCEPTED, Event.HTTP_REQUEST, Event.HTTP_RESPONSE, Event.LB_FAILED, Event.DNS_REQUEST]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@given(words=st.lists(WORDS, max_size=6), event=st.sampled_from(EVENTS))
@settings(max_examples=25)
def test_whatever_a_command_is_given_it_answers_or_fails_in_tcls_way(
    shared: RuleLab, name: str, words: list[str], event: Event | None
) -> None:
    usage = vocabulary.COMMANDS.get(name)
    if usage is not None and not usage.least <= len(words) <= (usage.most or 99):
        return
    groups, table = Groups(shared.tree), Table(shared.clock)
    session = Session(Device(shared.tree, shared.selection, shared.clock, groups, table), rule="/k8s/r0")
    if event is not None:
        traffic = Traffic(Connection(Endpoint("192.0.2.9", 1), Endpoint("203.0.113.7", 80)), shared.spec)
        traffic.request, traffic.response = Request(), Response() if event is Event.HTTP_RESPONSE else None
        session.enter(event.value, traffic, DnsMessage("a") if event is Event.DNS_REQUEST else None)
    try:
        FUNCTIONS[name](session, words)
    except Failed as failure:
        assert str(failure)


def test_an_item_that_begins_with_a_dash_needs_the_two_dashes(lab: RuleLab) -> None:
    words = 'bad option "-x": must be -all, -index, -element, -list, -name, or -value'
    assert said(lab, "[catch {class match $n equals hosts} why; set why]".replace("$n", "-x")) == words
    assert said(lab, "[class match -- -x equals hosts]") == "0"


def test_a_data_group_is_gone_through_record_by_record(shared: RuleLab) -> None:
    begin = "set s [class startsearch paths]"
    loop = "while {[class anymore paths $s]} {lappend l [class nextelement -name paths $s]}"
    assert said(shared, f"[{begin}; {loop}; class donesearch paths $s; set l]") == "/img /img/big /login"


def test_a_changed_data_group_is_seen_at_the_next_look(lab: RuleLab) -> None:
    lab.attach("when HTTP_REQUEST { HTTP::respond 200 content [class lookup new hosts] }")
    client = lab.client()
    assert client.get().verdict == Respond(200)
    lab.tree.modify("ltm/data-group/internal", "/k8s/hosts", {"records": [{"name": "new", "data": "here"}]})
    assert client.get().verdict == Respond(200, body=b"here")


def test_a_member_that_cannot_be_reached_may_be_answered_for_or_tried_again(lab: RuleLab) -> None:
    lab.attach(
        """when LB_FAILED {
            if { [HTTP::uri] eq "/again" } { LB::reselect } elseif { [HTTP::uri] eq "/api" } { LB::reselect pool api
            } else { HTTP::respond 503 content "not reachable" }
        }"""
    )
    found = {}
    for uri in ("/", "/again", "/api"):
        client = lab.client()
        client.get(uri)
        client.traffic.failed, client.traffic.verdict = ToPool("/k8s/web"), Reset()
        found[uri] = client.fire(Event.LB_FAILED).verdict
    assert found == {
        "/": Respond(503, body=b"not reachable"),
        "/again": ToPool("/k8s/web"),
        "/api": ToPool("/k8s/api"),
    }


def test_after_the_choice_a_rule_knows_the_member(lab: RuleLab) -> None:
    lab.attach(
        """when LB_SELECTED { set chosen "[LB::server addr]:[LB::server port] of [LB::server pool]" }
        when HTTP_RESPONSE {
            HTTP::header insert Member "$chosen, [IP::remote_addr], [IP::client_addr], [LB::status]"
        }"""
    )
    client = lab.client()
    client.get()
    client.traffic.selected = lab.selection.member("/k8s/api", "198.51.100.3", 8080)
    client.fire(Event.LB_SELECTED)
    shown = "198.51.100.3:8080 of /k8s/api, 198.51.100.3, 192.0.2.9, unchecked"
    assert client.answer().headers["Member"] == shown


def test_persistence_and_source_addresses_are_chosen(lab: RuleLab) -> None:
    lab.attach(
        """when CLIENT_ACCEPTED { snat 198.51.100.77 }
        when HTTP_REQUEST {
            persist uie [HTTP::header X-Key] 60
            if { [HTTP::uri] eq "/none" } { persist none; snat none }
        }"""
    )
    client = lab.client()
    client.fire(Event.CLIENT_ACCEPTED)
    traffic = client.get(X_Key="k1")
    assert traffic.persistence is not None
    assert (traffic.persistence.kind, traffic.persistence.key, traffic.persistence.timeout_s) == (
        "universal",
        "k1",
        60.0,
    )
    assert traffic.snat.addresses == ("198.51.100.77",)
    traffic = client.get("/none")
    assert traffic.persistence is None
    assert traffic.snat.kind == "none"


def test_a_rule_reads_the_name_that_the_client_asked_for_with_tls(lab: RuleLab) -> None:
    lab.attach(
        """when CLIENTSSL_HANDSHAKE { set name [SSL::sni name] }
        when HTTP_REQUEST { HTTP::respond 200 content "$name [SSL::cipher version] [SSL::cipher bits]" }"""
    )
    client = lab.client(ClientTls("shop.example.com", "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256))
    client.fire(Event.CLIENTSSL_HANDSHAKE)
    assert client.get().verdict == Respond(200, body=b"shop.example.com TLSv1.3 256")


def test_a_rule_speaks_in_clear_to_members_that_want_no_tls(lab: RuleLab) -> None:
    lab.attach("when HTTP_REQUEST { if { [HTTP::path] eq {/clear} } { SSL::disable serverside } }")
    assert lab.client().get().server_tls
    assert not lab.client().get("/clear").server_tls


def test_a_rule_logs_under_its_name_and_event(lab: RuleLab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    lab.attach('when HTTP_REQUEST { log local0. "a [HTTP::uri]"; log local0.err b; log -noname local0.debug c }')
    lab.client().get("/x")
    logged = [(one.levelname, one.getMessage()) for one in caplog.records if "irule" in one.name]
    assert logged == [
        ("INFO", "Rule /k8s/r0 <HTTP_REQUEST>: a /x"),
        ("ERROR", "Rule /k8s/r0 <HTTP_REQUEST>: b"),
        ("DEBUG", "c"),
    ]


ERRORS = [
    ("expr {1/0}", 'divide by zero invoked from within "expr {1/0}"'),
    ("log local0. $missing", 'can\'t read "missing": no such variable while executing "log local0. $missing"'),
    ("set a $static::none", 'can\'t read "static::none": no such variable while executing "set a $static::none"'),
    ("[string tolower FROB] x", 'invalid command name "frob" while executing "[string tolower FROB] x"'),
    ("eval [list exec ls]", 'invalid command name "exec" while executing "exec ls" ("eval" body line 1)'),
    ("pool [string trim none]", 'no such pool: none invoked from within "pool [string trim none]"'),
    ("LB::down", 'bigipsim does not implement LB::down invoked from within "LB::down"'),
    ("TCP::respond hello", "bigipsim does not implement TCP::respond on a virtual server with an http profile"),
    ("after 10", 'bigipsim does not implement after invoked from within "after 10"'),
    ("while {1} {}", "the rule did not end, and was cut off"),
    ("while {1} {set x [HTTP::uri]}", "the rule did not end, and was cut off"),
    ("catch {for {} {1} {} {set x 1}}", "the rule did not end, and was cut off"),
]


@pytest.mark.parametrize(("body", "told"), ERRORS)
def test_a_rule_that_errs_resets_the_connection_and_is_logged(
    lab: RuleLab, caplog: pytest.LogCaptureFixture, body: str, told: str
) -> None:
    lab.attach(f"when HTTP_REQUEST {{ {body} }}", "when HTTP_REQUEST { pool api }")
    client = lab.client()
    assert client.get().verdict == Reset()
    assert caplog.messages[0].startswith(f"01220001:3: TCL error: /k8s/r0 <HTTP_REQUEST> - {told}")


def test_after_a_rule_was_cut_off_others_run_as_before(lab: RuleLab) -> None:
    lab.attach('when HTTP_REQUEST { if {[HTTP::uri] eq "/endless"} {while {1} {set x 1}}; pool api }')
    assert lab.client().get("/endless").verdict == Reset()
    assert lab.client().get("/").verdict == ToPool("/k8s/api")


def test_an_error_at_the_start_is_logged_and_harms_nobody(lab: RuleLab, caplog: pytest.LogCaptureFixture) -> None:
    lab.attach("when RULE_INIT { set static::a $none }\nwhen HTTP_REQUEST { pool api }")
    assert lab.client().get().verdict == ToPool("/k8s/api")
    assert "TCL error: /k8s/r0 <RULE_INIT>" in caplog.messages[0]


def test_rules_reach_neither_files_nor_processes_nor_the_interpreter_around_them(lab: RuleLab) -> None:
    for name in ("exec", "open", "socket", "file", "source", "exit", "load", "interp", "namespace", "proc", "rename"):
        lab.attach(f"when HTTP_REQUEST {{ set command {name}; $command x }}")
        assert lab.client().get().verdict == Reset(), name
    assert said(lab, "[llength [info commands dispatch]][llength [info commands perform]]") == "00"


def test_a_rule_that_changes_is_read_again_and_its_namesake_forgotten(lab: RuleLab) -> None:
    lab.attach("when HTTP_REQUEST { pool api }")
    assert lab.client().get().verdict == ToPool("/k8s/api")
    lab.attach("when HTTP_REQUEST { reject }")
    assert lab.client().get().verdict == Reset()


def test_unchanged_rules_stay_one_part(lab: RuleLab) -> None:
    lab.attach("when HTTP_REQUEST { pool api }")
    assert lab.client().traffic.parts == lab.client().traffic.parts
