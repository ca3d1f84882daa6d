"""Thirty small rules as people write them, each saved on the device and asked for by real requests.

Together they use switch in each of its forms, `class match` with each operand on each type of data group, the session
table, catch, LB_FAILED, the rewriting of requests and answers, and redirects.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from rulelab import GROUPS, NEEDS_TCL
from simlab import Lab, http_backend, lab, once

pytestmark = NEEDS_TCL

RESET = 0
"""The status that stands for a connection that was reset."""


@dataclass(frozen=True)
class Ask:
    """A request and what is to come of it.

    status: of the answer. text: the answer's text, or the backend that answered. sees: headers that the backend sees,
    None for one that it must not; path: the target that it sees. shows: headers of the answer.
    """

    target: str = "/"
    status: int = 200
    text: str = ""
    sees: dict[str, str | None] = field(default_factory=dict)
    path: str = ""
    shows: dict[str, str | None] = field(default_factory=dict)
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)


def request(body: str) -> str:
    return f"when HTTP_REQUEST {{ {body} }}"


def host(name: str) -> dict[str, str]:
    return {"Host": name}


RULES: dict[str, tuple[str, list[Ask]]] = {
    # ---- switch
    "switch by method": (
        request("switch [HTTP::method] { GET { pool web } POST { pool api } default { HTTP::respond 405 } }"),
        [Ask(text="one"), Ask(method="POST", text="two"), Ask(method="DELETE", status=405)],
    ),
    "switch with a fall through": (
        request("switch [HTTP::path] { /a - /b - /c { pool api } default { pool web } }"),
        [Ask("/a", text="two"), Ask("/c?x=1", text="two"), Ask("/d", text="one")],
    ),
    "switch -glob by path": (
        request(
            "switch -glob [string tolower [HTTP::path]] { /api/* { pool api } *.css { pool web } default {reject} }"
        ),
        [Ask("/API/v1", text="two"), Ask("/a/b.css", text="one"), Ask("/x", RESET)],
    ),
    "switch -regexp by host": (
        request("switch -regexp -- [HTTP::host] { {^www[0-9]+[.]} { pool api } default { pool web } }"),
        [Ask(headers=host("www12.example.com"), text="two"), Ask(headers=host("www.example.com"), text="one")],
    ),
    "switch -exact without braces around its arms": (
        request('switch -exact -- [getfield [HTTP::host] "." 1] "api" { pool api } default { pool web }'),
        [Ask(headers=host("api.example.com"), text="two"), Ask(headers=host("apis.example.com"), text="one")],
    ),
    # ---- class match
    "class match equals": (
        request("if { [class match [string tolower [HTTP::host]] equals hosts] } { pool web } else { pool api }"),
        [Ask(headers=host("WWW.example.com"), text="one"), Ask(headers=host("w.example.com"), text="two")],
    ),
    "class match starts_with": (
        request("if { [class match [HTTP::path] starts_with paths] } { pool api } else { pool web }"),
        [Ask("/img/x", text="two"), Ask("/login", text="two"), Ask("/a/img", text="one")],
    ),
    "class match ends_with": (
        request("if { [class match [HTTP::path] ends_with endings] } { pool api } else { pool web }"),
        [Ask("/a.js", text="two"), Ask("/a.js/b", text="one")],
    ),
    "class match contains": (
        request("if { [class match [HTTP::uri] contains paths] } { pool api } else { pool web }"),
        [Ask("/?next=/login", text="two"), Ask("/log", text="one")],
    ),
    "class match of addresses": (
        request('HTTP::respond 200 content "[class match -value [HTTP::header X-From] equals nets]"'),
        [
            Ask(headers={"X-From": "10.1.2.3"}, text="near"),
            Ask(headers={"X-From": "10.2.2.3"}, text="inside"),
            Ask(headers={"X-From": "2001:db8::9"}, text="six"),
            Ask(headers={"X-From": "192.0.2.1"}, text=""),
        ],
    ),
    "class match of numbers": (
        request("HTTP::respond 200 content [class match -value [string range [HTTP::path] 1 end] equals numbers]"),
        [Ask("/503", text="busy"), Ask("/500", text="")],
    ),
    "class match for the name and the value": (
        request(
            'HTTP::respond 200 content "[class match -name -- [HTTP::path] starts_with paths]'
            ' [class match -value -- [HTTP::path] starts_with paths]"'
        ),
        [Ask("/img/a", text="/img static"), Ask("/", text=" ")],
    ),
    "class search, with the sides exchanged": (
        request("HTTP::respond 200 content [class search -all -name hosts ends_with [HTTP::host]]"),
        [Ask(headers=host("example.com"), text="*.apps.example.com api.example.com www.example.com")],
    ),
    "class lookup for a pool": (
        request("set p [class lookup [HTTP::host] hosts]; if { $p ne {} } { pool $p } else { HTTP::respond 404 }"),
        [Ask(headers=host("api.example.com"), text="two"), Ask(headers=host("a.example.com"), status=404)],
    ),
    # ---- the session table
    "table as a counter": (
        request("HTTP::respond 200 content [table incr hits]"),
        [Ask(text="1"), Ask(text="2"), Ask(text="3")],
    ),
    "table as a limit for each client": (
        request(
            """if { [table incr -subtable seen [HTTP::header X-Key]] > 2 } { HTTP::respond 429 } else { pool web }"""
        ),
        [
            *[Ask(headers={"X-Key": "a"}, text="one")] * 2,
            Ask(headers={"X-Key": "a"}, status=429),
            Ask(headers={"X-Key": "b"}, text="one"),
        ],
    ),
    "table as a memory": (
        request("""switch [HTTP::method] {
            PUT { table set [HTTP::path] [HTTP::header X-To] 60; HTTP::respond 204 }
            DELETE { table delete [HTTP::path]; HTTP::respond 204 }
            default { set to [table lookup [HTTP::path]]; if { $to eq {} } { HTTP::respond 404 } else { pool $to } }
        }"""),
        [
            Ask("/x", 404),
            Ask("/x", 204, method="PUT", headers={"X-To": "/k8s/api"}),
            Ask("/x", text="two"),
            Ask("/x", 204, method="DELETE"),
            Ask("/x", 404),
        ],
    ),
    # ---- catch
    "catch of a pool that is not there": (
        request("if { [catch { pool [HTTP::header X-To] }] } { pool web }"),
        [Ask(headers={"X-To": "/k8s/api"}, text="two"), Ask(headers={"X-To": "/k8s/none"}, text="one")],
    ),
    "catch that tells why": (
        request(
            "if { [catch { expr { [HTTP::header X-N] * 2 } } found] } { HTTP::respond 400 } "
            "else { HTTP::respond 200 content $found }"
        ),
        [Ask(headers={"X-N": "21"}, text="42"), Ask(headers={"X-N": "many"}, status=400)],
    ),
    "what is not caught": (
        request("if { [HTTP::path] eq {/bad} } { set x [expr { 1 / 0 }] }\npool web"),
        [Ask("/bad", RESET), Ask("/good", text="one")],
    ),
    # ---- a member that fails
    "LB_FAILED answers": (
        "when HTTP_REQUEST { pool dead }\nwhen LB_FAILED { HTTP::respond 503 content {come again} Retry-After 5 }",
        [Ask(status=503, text="come again", shows={"Retry-After": "5"})],
    ),
    "LB_FAILED tries another pool": (
        "when HTTP_REQUEST { pool dead }\nwhen LB_FAILED { LB::reselect pool api }",
        [Ask(text="two")],
    ),
    "LB_FAILED redirects": (
        "when HTTP_REQUEST { pool dead }\nwhen LB_FAILED { HTTP::redirect http://sorry.example.com[HTTP::uri] }",
        [Ask("/a?b", 302, shows={"Location": "http://sorry.example.com/a?b"})],
    ),
    # ---- rewriting
    "headers of the request": (
        request("""HTTP::header insert X-Forwarded-For [IP::client_addr]; HTTP::header remove Cookie
            HTTP::header replace User-Agent hidden; pool web"""),
        [
            Ask(
                headers={"Cookie": "a=1", "User-Agent": "me"},
                text="one",
                sees={"X-Forwarded-For": "127.0.0.1", "Cookie": None, "User-Agent": "hidden"},
            )
        ],
    ),
    "the target and the host of the request": (
        request("""HTTP::uri [string map {/old/ /new/} [HTTP::uri]]; HTTP::host inside.example.com; pool web"""),
        [Ask("/old/a?b=/old/", text="one", path="/new/a?b=/new/", sees={"Host": "inside.example.com"})],
    ),
    "headers of the answer": (
        """when HTTP_REQUEST { set asked [HTTP::path]; pool api }
        when HTTP_RESPONSE { HTTP::header insert X-Asked $asked; HTTP::header remove X-Backend
            HTTP::header insert Strict-Transport-Security max-age=60 }""",
        [
            Ask(
                "/a",
                text="two",
                shows={"X-Asked": "/a", "X-Backend": None, "Strict-Transport-Security": "max-age=60"},
            )
        ],
    ),
    "a cookie that keeps a client": (
        """when HTTP_REQUEST { if { [HTTP::cookie exists to] } { pool [HTTP::cookie to] } else { pool web } }
        when HTTP_RESPONSE { HTTP::cookie insert name to value /k8s/api path / }""",
        [
            Ask(text="one", shows={"Set-Cookie": "to=/k8s/api; Path=/"}),
            Ask(text="two", headers={"Cookie": "to=/k8s/api"}),
        ],
    ),
    # ---- redirects
    "redirect to HTTPS": (
        request('HTTP::redirect "https://[getfield [HTTP::host] : 1][HTTP::uri]"'),
        [Ask("/a?b=c", 302, headers=host("shop.example.com:80"), shows={"Location": "https://shop.example.com/a?b=c"})],
    ),
    "redirect for good, by a table of paths": (
        request("""set to [class match -value -- [HTTP::path] equals paths]
            if { $to ne {} } { HTTP::respond 301 noserver Location "/$to/" } else { pool web }"""),
        [Ask("/img", 301, shows={"Location": "/static/", "Server": None}), Ask("/imgs", text="one")],
    ),
    "two events in the order of their priorities": (
        """when HTTP_REQUEST priority 700 { HTTP::respond 200 content "$seen late" }
        when HTTP_REQUEST priority 100 { set seen early; if { [HTTP::path] eq {/x} } { event disable; pool web } }""",
        [Ask(text="early late"), Ask("/x", text="one")],
    ),
}


@pytest.fixture
async def device() -> AsyncIterator[Lab]:
    async with lab() as made, http_backend("one", "127.1.0.31"), http_backend("two", "127.1.0.32"):
        await made.pool("web", ("198.51.100.31", 8080))
        await made.pool("api", ("198.51.100.32", 8080))
        await made.pool("dead", ("198.51.100.39", 8080))
        for name, (sort, records) in GROUPS.items():
            listed = [{"name": key, "data": value} for key, value in records.items()]
            body = {"name": name, "partition": "k8s", "type": sort, "records": listed}
            await made.call("POST", "ltm/data-group/internal", body)
        yield made


def test_there_are_thirty() -> None:
    assert len(RULES) == 30


async def test_each_rule_does_what_it_says(device: Lab) -> None:
    await device.call("POST", "ltm/rule", {"name": "r", "partition": "k8s", "apiAnonymous": request("pool web")})
    await device.virtual("v", "203.0.113.37", 18080, rules=["/k8s/r"])
    for what, (text, asks) in RULES.items():
        await device.call("PATCH", "ltm/rule/~k8s~r", {"apiAnonymous": text})
        for ask in asks:
            await answered(device, what, ask)


async def answered(device: Lab, what: str, ask: Ask) -> None:
    """Asks, and compares."""
    where = f"{what}: {ask.method} {ask.target} {ask.headers}"
    address, port = device.where("v")
    options: dict[str, Any] = {"headers": ask.headers, "allow_redirects": False}
    async with once(cookie_jar=aiohttp.DummyCookieJar()) as session:
        try:
            async with session.request(ask.method, f"http://{address}:{port}{ask.target}", **options) as answer:
                text, seen = await answer.text(), {}
                if answer.content_type == "application/json":
                    seen = await answer.json()
                    text = seen["backend"]
                assert (answer.status, text) == (ask.status, ask.text), where
                assert {name: answer.headers.get(name) for name in ask.shows} == ask.shows, where
        except aiohttp.ClientConnectionError:
            assert ask.status == RESET, where
            return
    headers = dict(seen.get("headers", ()))
    assert {name: headers.get(name) for name in ask.sees} == ask.sees, where
    assert ask.path in ("", seen.get("path")), where


async def test_a_rule_that_the_device_would_refuse_is_refused_and_the_one_before_goes_on(device: Lab) -> None:
    await device.call("POST", "ltm/rule", {"name": "r", "partition": "k8s", "apiAnonymous": request("pool web")})
    await device.virtual("v", "203.0.113.37", 18080, rules=["/k8s/r"])
    for what, (text, _) in RULES.items():
        # A brace that is lost, a command that there is not, and a pool that there is not.
        for broken in (
            text[:-1],
            f"{text}\nwhen CLIENT_CLOSED {{ frobnicate }}",
            text.replace("{ pool api", "{ pool none"),
        ):
            if broken != text:
                await device.call("PATCH", "ltm/rule/~k8s~r", {"apiAnonymous": broken}, expect=400)
        assert (await device.get("v"))["backend"] == "one", what
