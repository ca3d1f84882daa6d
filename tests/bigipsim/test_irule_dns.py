"""A rule answers DNS queries out of data groups; the events are fired, for there is no socket yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rulelab import NEEDS_TCL, RuleLab, rule_lab

from bigipsim.dataplane.irule.messages import ResourceRecord
from bigipsim.exchange import Refused

pytestmark = NEEDS_TCL

RULE = """
when RULE_INIT { set static::turn 0 }
when DNS_REQUEST {
    set name [string tolower [DNS::question name]]
    if { [DNS::question type] eq "ANY" } { return }
    DNS::header ra 0
    set found [class lookup "$name [DNS::question type]" docker_dns]
    if { $found ne "" } {
        set all [split $found ","]
        incr static::turn
        for { set i 0 } { $i < [llength $all] } { incr i } {
            set data [lindex $all [expr {($i + $static::turn) % [llength $all]}]]
            DNS::answer insert "$name. 30 [DNS::question class] [DNS::question type] $data"
        }
        DNS::header aa 1
        DNS::return
    } elseif { [class match -- $name equals docker_names] } {
        DNS::authority insert [DNS::rr "example.com. 60 IN SOA ns.example.com. root.example.com. 1 2 3 4 5"]
        DNS::header aa 1
        DNS::return
    } elseif { [class match -- ".$name" ends_with docker_zones] } {
        DNS::authority insert [DNS::rr "example.com. 60 IN SOA ns.example.com. root.example.com. 1 2 3 4 5"]
        DNS::header rcode NXDOMAIN
        DNS::header aa 1
        DNS::return
    }
}
"""


@pytest.fixture
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        answers = {
            "www.example.com A": "172.17.1.2,172.17.1.3,172.17.2.2",
            "www-1.example.com A": "172.17.1.2",
            "_http._tcp.www.example.com SRV": "10 10 80 www-1.example.com.,10 10 80 www-2.example.com.",
            "2.1.17.172.in-addr.arpa PTR": "www-1.example.com.",
            "example.com NS": "ns.example.com.",
            "example.com SOA": "ns.example.com. root.example.com. 1 2 3 4 5",
        }
        made.group("docker_dns", "string", answers)
        made.group("docker_names", "string", {"www.example.com": "", "www-1.example.com": ""})
        made.group("docker_zones", "string", {".example.com": ""})
        yield made


QUERIES = [
    ("www-1.example.com", "A", ["172.17.1.2"], "NOERROR"),
    ("WWW-1.Example.COM", "A", ["172.17.1.2"], "NOERROR"),
    (
        "_http._tcp.www.example.com",
        "SRV",
        ["10 10 80 www-1.example.com.", "10 10 80 www-2.example.com."],
        "NOERROR",
    ),
    ("2.1.17.172.in-addr.arpa", "PTR", ["www-1.example.com."], "NOERROR"),
    ("example.com", "NS", ["ns.example.com."], "NOERROR"),
    ("example.com", "SOA", ["ns.example.com. root.example.com. 1 2 3 4 5"], "NOERROR"),
    ("www.example.com", "AAAA", [], "NOERROR"),
    ("www.example.com", "MX", [], "NOERROR"),
    ("none.example.com", "A", [], "NXDOMAIN"),
    ("a.b.example.com", "A", [], "NXDOMAIN"),
    ("$x[exit].example.com", "A", [], "NXDOMAIN"),
    ('".example.com', "A", [], "NXDOMAIN"),
]


@pytest.mark.parametrize(("name", "rtype", "data", "rcode"), QUERIES)
def test_what_the_rule_knows_is_answered_with_authority(
    lab: RuleLab, name: str, rtype: str, data: list[str], rcode: str
) -> None:
    lab.attach(RULE)
    message = lab.client().ask(name, rtype)
    assert message.returned
    assert sorted(one.rdata for one in message.answer) == data
    assert (message.header.get("rcode", "NOERROR"), message.header["aa"], message.header["ra"]) == (rcode, "1", "0")
    # So that resolvers remember for how long there is nothing.
    assert [one.rtype for one in message.authority] == ([] if data else ["SOA"])


@pytest.mark.parametrize(
    ("name", "rtype"),
    [
        ("www.example.org", "A"),
        ("com", "A"),
        ("localhost", "A"),
        ("myexample.com", "A"),
        ("www.example.com", "ANY"),
    ],
)
def test_what_the_rule_does_not_know_is_left_to_others(lab: RuleLab, name: str, rtype: str) -> None:
    lab.attach(RULE)
    message = lab.client().ask(name, rtype)
    assert not message.returned
    assert not message.answer and "aa" not in message.header


def test_several_addresses_take_turns_at_the_first_place(lab: RuleLab) -> None:
    lab.attach(RULE)
    first = [lab.client().ask("www.example.com").answer[0].rdata for _ in range(6)]
    assert first[:3] == first[3:]
    assert sorted(first[:3]) == ["172.17.1.2", "172.17.1.3", "172.17.2.2"]
    assert lab.client().ask("www.example.com").answer[0].ttl == 30


def test_records_are_read_changed_and_removed(lab: RuleLab) -> None:
    lab.attach(
        """when DNS_REQUEST {
            foreach record [DNS::answer] {
                if { [DNS::type $record] eq "A" } { DNS::ttl $record 5 } else { DNS::answer remove $record }
                DNS::header id [DNS::rdata $record]
            }
            set made [DNS::rr extra.example.com 60 IN A 10.0.0.1]
            DNS::name $made other.example.com
            DNS::additional insert $made
            DNS::question type AAAA
            DNS::disable gtm dnsx
            if { ![DNS::tsig exists] } { DNS::last_act reject }
            log local0. "[DNS::header rcode] [DNS::header ancount] [DNS::origin] [DNS::len] [DNS::is_wideip a]"
        }"""
    )
    answer = [ResourceRecord("a.", 300, "IN", "A", "10.0.0.9"), ResourceRecord("a.", 300, "IN", "TXT", "x y")]
    message = lab.client().ask("a", answer=answer, octets=40)
    assert [str(one) for one in message.answer] == ["a. 5 IN A 10.0.0.9"]
    assert [str(one) for one in message.additional] == ["other.example.com 60 IN A 10.0.0.1"]
    assert (message.rtype, message.header["id"], message.disabled) == ("AAAA", "x y", {"gtm", "dnsx"})
    assert message.last_act == "reject"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("DNS::answer insert {no record}", 'invalid resource record "no record"'),
        ("DNS::header rcode [string trim WRONG]", 'bad rcode "WRONG": must be NOERROR'),
        ("DNS::question size", 'bad option "size": must be name, type, or class'),
        ("HTTP::respond $code", None),
    ],
)
def test_a_rule_that_errs_ends_the_query(
    lab: RuleLab, caplog: pytest.LogCaptureFixture, body: str, told: str | None
) -> None:
    if told is None:
        with pytest.raises(Refused, match="not valid in current event context"):
            lab.attach(f"when DNS_REQUEST {{ {body} }}")
        return
    lab.attach(f"when DNS_REQUEST {{ {body} }}")
    assert not lab.client().ask("a").returned
    assert f"TCL error: /k8s/r0 <DNS_REQUEST> - {told}" in caplog.messages[0]


def test_a_query_can_be_dropped(lab: RuleLab) -> None:
    lab.attach('when DNS_REQUEST { if { [DNS::question name] ends_with ".evil" } { DNS::drop } }')
    assert lab.client().ask("some.evil").dropped
    assert not lab.client().ask("some.good").dropped
