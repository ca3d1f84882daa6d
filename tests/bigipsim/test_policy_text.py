"""The texts of policy actions: what is filled in, and what is said of a text that cannot be."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from bigipsim.dataplane.config import VirtualSpec
from bigipsim.dataplane.policy_text import TextError, text_of
from bigipsim.dataplane.traffic import Connection, Endpoint, Request, Traffic

VIRTUAL = VirtualSpec("/k8s/v", "/k8s/203.0.113.7:80", "/k8s/203.0.113.7", "203.0.113.7", 80, "tcp", "")


def traffic(uri: str = "/shop/a%20b/c?x=1&y=2", host: str = "Shop.Example:8080") -> Traffic:
    headers = CIMultiDict({"Host": host, "X-Part": "left;right", "Cookie": "a=1; b=2"})
    connection = Connection(Endpoint("192.0.2.9", 40000), Endpoint("203.0.113.7", 80))
    return Traffic(connection, VIRTUAL, request=Request(headers, uri=uri))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://[HTTP::host]/", "https://[HTTP::host]/"),
        ("tcl:", ""),
        ("tcl:plain", "plain"),
        (r"tcl:a\[b\]c", "a[b]c"),
        ("tcl:[HTTP::method] [HTTP::version] [HTTP::path] [HTTP::query]", "GET 1.1 /shop/a%20b/c x=1&y=2"),
        ("tcl:[HTTP::header value X-Part]/[HTTP::header x-part]", "left;right/left;right"),
        ("tcl:[HTTP::header X-None]", ""),
        ("tcl:[HTTP::cookie b][HTTP::cookie value a][HTTP::cookie c]", "21"),
        ('tcl:[getfield [HTTP::host] ":" 1]', "Shop.Example"),
        ('tcl:[getfield [HTTP::host] ":" 3]', ""),
        ("tcl:[string tolower [getfield [HTTP::host] : 1]]", "shop.example"),
        ("tcl:[string range [HTTP::path] 1 4]", "shop"),
        ("tcl:[string range [HTTP::path] 6 end]", "a%20b/c"),
        ("tcl:[string map {/shop/ /store/ %20 +} [HTTP::path]]", "/store/a+b/c"),
        ("tcl:[string trimleft [HTTP::path] /]", "shop/a%20b/c"),
        ("tcl:[string length [HTTP::query]]", "7"),
        ("tcl:[regsub /shop [HTTP::uri] /store]", "/store/a%20b/c?x=1&y=2"),
        ("tcl:[regsub -all -nocase {[A-C]} [HTTP::path] -]", "/shop/-%20-/-"),
        (r"tcl:[regsub {^/(\w+)/(.*)$} [HTTP::uri] {/\2/\1&}]", "/a%20b/c?x=1&y=2/shop/shop/a%20b/c?x=1&y=2"),
        ('tcl:[findstr [HTTP::uri] "x=" 2 "&"]', "1"),
        ('tcl:[findstr [HTTP::uri] "z="]', ""),
        ("tcl:[substr [HTTP::path] 1 4]", "shop"),
        ("tcl:[URI::decode [HTTP::path]]", "/shop/a b/c"),
        ("tcl:[URI::encode [HTTP::path]]", "%2Fshop%2Fa%2520b%2Fc"),
        (
            "tcl:[IP::client_addr]:[TCP::client_port] [IP::local_addr]:[TCP::local_port]",
            "192.0.2.9:40000 203.0.113.7:80",
        ),
    ],
)
def test_commands_are_filled_in(written: str, expected: str) -> None:
    assert text_of(written).filled_in(traffic()) == expected


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("tcl:[clock seconds]", "[clock]"),
        ("tcl:[string tolower [exec id]]", "[exec]"),
        ("tcl:[]", "[]"),
        ("tcl:$host", "the variable at $host"),
        ("tcl:[HTTP::host", "a bracket that is not closed"),
        ("tcl:[regsub {a [HTTP::uri] b]", "a brace that is not closed"),
    ],
)
def test_a_text_that_is_not_understood_says_so_when_it_is_read(written: str, words: str) -> None:
    text = text_of(written)
    assert text.unknown == words
    with pytest.raises(TextError, match="is not evaluated in the text of a policy"):
        text.filled_in(traffic())


@pytest.mark.parametrize(
    "written",
    [
        "tcl:[getfield [HTTP::host] :]",
        "tcl:[getfield [HTTP::host] : one]",
        "tcl:[regsub ( [HTTP::uri] b]",
        "tcl:[regsub]",
        "tcl:[string reverse [HTTP::uri]]",
        "tcl:[string map {a} [HTTP::uri]]",
        "tcl:[string]",
        "tcl:[HTTP::header]",
        "tcl:[substr [HTTP::uri] x]",
        r"tcl:[regsub a [HTTP::uri] {\7}]",
    ],
)
def test_a_command_that_does_not_work_with_its_arguments_fails(written: str) -> None:
    text = text_of(written)
    assert text.unknown == ""
    with pytest.raises(TextError, match="wrong arguments"):
        text.filled_in(traffic())


def test_a_text_without_a_request_has_nothing_to_fill_in() -> None:
    connection = Connection(Endpoint("192.0.2.9", 40000), Endpoint("203.0.113.7", 80))
    text = text_of("tcl:[HTTP::host][HTTP::header X][HTTP::cookie c]-[IP::client_addr]")
    assert text.filled_in(Traffic(connection, VIRTUAL)) == "-192.0.2.9"
