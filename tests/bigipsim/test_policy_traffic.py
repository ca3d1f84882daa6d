"""Policies decide about real requests: every condition with its comparisons, every action, and who goes first."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from simlab import Lab, http_backend, lab

ONE, TWO = ("198.51.100.31", 8080), ("198.51.100.32", 8080)
POLICY = "ltm/policy/~k8s~pol"
TO_TWO = {"forward": True, "pool": "/k8s/two"}


@pytest.fixture
async def device() -> AsyncIterator[Lab]:
    """Backend one behind the virtual server's own pool, backend two behind a pool that policies send traffic to."""
    async with lab() as made, http_backend("one", "127.1.0.31"), http_backend("two", "127.1.0.32"):
        await made.pool("one", ONE)
        await made.pool("two", TWO)
        await made.call("POST", "ltm/policy", policy())
        await made.virtual("v", "203.0.113.7", 18080, "one", policies=["/k8s/pol"])
        yield made


def rule(
    name: str, conditions: list[dict[str, Any]], actions: list[dict[str, Any]], ordinal: int = 0
) -> dict[str, Any]:
    return {
        "name": name,
        "ordinal": ordinal,
        "conditions": [{"name": str(n), **one} for n, one in enumerate(conditions)],
        "actions": [{"name": str(n), **one} for n, one in enumerate(actions)],
    }


def policy(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {"name": "pol", "partition": "k8s", "legacy": True, "requires": ["http"], "controls": ["forwarding"]}
    return {**base, "rules": list(rules), **more}


async def ruled(device: Lab, *rules: dict[str, Any], **more: Any) -> None:
    """Gives the policy other rules."""
    await device.call("PATCH", POLICY, {"rules": list(rules), **more})


async def does(device: Lab, *actions: dict[str, Any]) -> None:
    """Gives the policy one rule that always holds."""
    await ruled(device, rule("r", [], list(actions)))


URI, HOST = {"httpUri": True}, {"httpHost": True}
HEADER, COOKIE = {"httpHeader": True, "tmName": "X-Part"}, {"httpCookie": True, "tmName": "side"}
BASIC = "Basic " + base64.b64encode(b"ann:secret").decode()

CONDITIONS: list[tuple[str, dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]] = [
    (
        "host",
        {**HOST, "host": True, "equals": True, "values": ["a.example", "b.example"]},
        [{"host": "a.example"}, {"host": "A.EXAMPLE:8080"}, {"host": "b.example"}],
        [{"host": "c.example"}, {"host": "www.a.example"}],
    ),
    (
        "host and port",
        {**HOST, "all": True, "values": ["a.example:81"]},
        [{"host": "a.example:81"}],
        [{"host": "a.example"}],
    ),
    ("port", {**HOST, "port": True, "values": ["81"]}, [{"host": "a:81"}], [{"host": "a"}]),
    (
        "host that is an address",
        {**HOST, "host": True, "values": ["2001:db8::1"]},
        [{"host": "[2001:db8::1]:81"}, {"host": "[2001:db8::1]"}],
        [{"host": "2001"}],
    ),
    (
        "port of an address",
        {**HOST, "port": True, "values": ["81"]},
        [{"host": "[2001:db8::1]:81"}],
        [{"host": "[::81]"}],
    ),
    ("port by default", {**HOST, "port": True, "values": ["18080"]}, [{"host": "a"}], [{"host": "a:1"}]),
    (
        "host by its end",
        {**HOST, "host": True, "endsWith": True, "values": [".a.example"]},
        [{"host": "x.a.example"}],
        [{"host": "a.example"}],
    ),
    (
        "host with case",
        {**HOST, "host": True, "caseSensitive": True, "values": ["A.example"]},
        [{"host": "A.example"}],
        [{"host": "a.example"}],
    ),
    (
        "not the host",
        {**HOST, "host": True, "not": True, "values": ["a.example"]},
        [{"host": "b.example"}],
        [{"host": "a.example"}],
    ),
    ("uri", {**URI, "all": True, "values": ["/x?y=1"]}, [{"path": "/x?y=1"}], [{"path": "/x"}]),
    ("uri contains", {**URI, "contains": True, "values": ["y="]}, [{"path": "/x?y=1"}], [{"path": "/x"}]),
    ("path", {**URI, "path": True, "values": ["/x"]}, [{"path": "/x"}, {"path": "/X?q"}], [{"path": "/x/"}]),
    (
        "path begins",
        {**URI, "path": True, "startsWith": True, "values": ["/api/"]},
        [{"path": "/api/1"}],
        [{"path": "/apis"}],
    ),
    (
        "path decoded",
        {**URI, "path": True, "normalized": True, "values": ["/b c"]},
        [{"path": "/a/../b%20c"}],
        [{"path": "/a/b%20c"}],
    ),
    (
        "segment",
        {**URI, "pathSegment": True, "index": 2, "values": ["b"]},
        [{"path": "/a/b"}, {"path": "/a/b/c"}],
        [{"path": "/b/a"}, {"path": "/b"}],
    ),
    ("extension", {**URI, "extension": True, "values": ["png"]}, [{"path": "/a/b.png?x.js"}], [{"path": "/a.png/b"}]),
    (
        "query",
        {**URI, "queryString": True, "contains": True, "values": ["a=1"]},
        [{"path": "/?b=2&a=1"}],
        [{"path": "/a=1"}],
    ),
    (
        "parameter",
        {**URI, "queryParameter": True, "tmName": "a", "values": ["1"]},
        [{"path": "/?b=2&a=1"}],
        [{"path": "/?b=1"}],
    ),
    (
        "unnamed parameter",
        {**URI, "unnamedQueryParameter": True, "index": 1, "values": ["on"]},
        [{"path": "/?a=1&on"}],
        [{"path": "/?on=1"}],
    ),
    ("scheme", {**URI, "scheme": True, "values": ["https"]}, [], [{}]),
    ("header", {**HEADER, "values": ["x"]}, [{"headers": {"x-part": "X"}}], [{"headers": {"X-Part": "y"}}, {}]),
    ("header there", {**HEADER, "present": True}, [{"headers": {"X-Part": ""}}], [{}]),
    ("header missing", {**HEADER, "missing": True}, [{}], [{"headers": {"X-Part": "y"}}]),
    (
        "not the header",
        {**HEADER, "not": True, "values": ["x"]},
        [{"headers": {"X-Part": "y"}}],
        [{"headers": {"X-Part": "x"}}, {}],
    ),
    (
        "number in a header",
        {**HEADER, "greater": True, "values": ["10"]},
        [{"headers": {"X-Part": "11"}}],
        [{"headers": {"X-Part": "9"}}, {"headers": {"X-Part": "z"}}],
    ),
    (
        "cookie",
        {**COOKIE, "values": ["b"]},
        [{"headers": {"Cookie": "a=1; side=b"}}],
        [{"headers": {"Cookie": "side=c"}}, {}],
    ),
    ("method", {"httpMethod": True, "values": ["PUT", "POST"]}, [{"method": "POST"}], [{}]),
    ("version", {"httpVersion": True, "minor": True, "values": ["1"]}, [{}], []),
    (
        "user agent",
        {"httpUserAgent": True, "contains": True, "values": ["curl"]},
        [{"headers": {"User-Agent": "curl/8"}}],
        [{"headers": {"User-Agent": "x"}}],
    ),
    (
        "referer",
        {"httpReferer": True, "host": True, "values": ["a.example"]},
        [{"headers": {"Referer": "http://a.example:8/x"}}],
        [{"headers": {"Referer": "http://b/a.example"}}, {}],
    ),
    (
        "user",
        {"httpBasicAuth": True, "username": True, "values": ["ann"]},
        [{"headers": {"Authorization": BASIC}}],
        [{"headers": {"Authorization": "Basic ?"}}, {}],
    ),
    ("address", {"tcp": True, "address": True, "values": ["10.0.0.0/8", "127.0.0.0/8"]}, [{}], []),
    ("any address", {"tcp": True, "address": True}, [{}], []),
    ("no such address", {"tcp": True, "address": True, "matches": True, "values": ["10.0.0.0/8"]}, [], [{}]),
    ("not the address", {"tcp": True, "address": True, "not": True, "values": ["10.0.0.1"]}, [{}], []),
    ("own address", {"tcp": True, "address": True, "local": True, "values": ["203.0.113.7"]}, [{}], []),
    ("own port", {"tcp": True, "port": True, "local": True, "values": ["18080"]}, [{}], []),
    (
        "server name",
        {"sslExtension": True, "serverName": True, "sslClientHello": True, "values": ["a.example"]},
        [],
        [{"host": "a.example"}],
    ),
]


async def reached(device: Lab, host: str = "", path: str = "/", headers: Any = None, method: str = "GET") -> str:
    """Which backend a request reaches."""
    given = {**(headers or {}), **({"Host": host} if host else {})}
    return str((await device.get("v", path, method=method, headers=given))["backend"])


@pytest.mark.parametrize(("name", "condition", "yes", "no"), CONDITIONS, ids=[case[0] for case in CONDITIONS])
async def test_a_condition_holds_for_what_it_describes_and_for_nothing_else(
    device: Lab, name: str, condition: dict[str, Any], yes: list[dict[str, Any]], no: list[dict[str, Any]]
) -> None:
    await ruled(device, rule("r", [condition], [TO_TWO]))
    assert (await device.listener("v"))["notes"] == []
    assert [await reached(device, **one) for one in yes] == ["two"] * len(yes)
    assert [await reached(device, **one) for one in no] == ["one"] * len(no)


async def test_all_conditions_of_a_rule_must_hold(device: Lab) -> None:
    host = {**HOST, "host": True, "values": ["a.example"]}
    await ruled(device, rule("r", [host, {**URI, "path": True, "values": ["/x"]}], [TO_TWO]))
    assert await reached(device, host="a.example", path="/x") == "two"
    assert await reached(device, host="a.example", path="/y") == "one"
    assert await reached(device, host="b.example", path="/x") == "one"


async def test_a_data_group_is_looked_up_as_it_is_now(device: Lab) -> None:
    group = {"name": "hosts", "partition": "k8s", "type": "string", "records": [{"name": "a.example"}]}
    await device.call("POST", "ltm/data-group/internal", group)
    await ruled(device, rule("r", [{**HOST, "host": True, "datagroup": "/k8s/hosts"}], [TO_TWO]))
    assert [await reached(device, host=one) for one in ("a.example", "b.example")] == ["two", "one"]
    await device.call("PATCH", "ltm/data-group/internal/~k8s~hosts", {"records": [{"name": "b.example"}]})
    assert [await reached(device, host=one) for one in ("a.example", "b.example")] == ["one", "two"]
    await device.call("DELETE", "ltm/data-group/internal/~k8s~hosts", expect=400)


async def test_addresses_are_looked_up_in_a_data_group_by_their_networks(device: Lab) -> None:
    group = {"name": "nets", "partition": "k8s", "type": "ip", "records": [{"name": "127.0.0.0/8"}]}
    await device.call("POST", "ltm/data-group/internal", group)
    await ruled(device, rule("r", [{"tcp": True, "address": True, "datagroup": "/k8s/nets"}], [TO_TWO]))
    assert await reached(device) == "two"
    await device.call("PATCH", "ltm/data-group/internal/~k8s~nets", {"records": [{"name": "10.0.0.0/8"}]})
    assert await reached(device) == "one"


async def test_the_first_rule_that_holds_decides_by_its_ordinal(device: Lab) -> None:
    to_one = {"forward": True, "pool": "/k8s/one"}
    await ruled(device, rule("late", [], [to_one], ordinal=2), rule("early", [], [TO_TWO], ordinal=1))
    assert await reached(device) == "two"


async def test_a_rule_for_any_host_before_one_for_this_host_still_comes_first(device: Lab) -> None:
    host = {**HOST, "host": True, "values": ["a.example"]}
    to_one = {"forward": True, "pool": "/k8s/one"}
    await ruled(device, rule("any", [], [TO_TWO], ordinal=1), rule("this", [host], [to_one], ordinal=2))
    assert await reached(device, host="a.example") == "two"


async def test_the_best_match_says_more_than_the_first(device: Lab) -> None:
    path = {**URI, "path": True, "startsWith": True, "values": ["/"]}
    longer = {**URI, "path": True, "startsWith": True, "values": ["/api/"]}
    to_one = {"forward": True, "pool": "/k8s/one"}
    rules = [rule("all", [path], [to_one], ordinal=1), rule("api", [longer], [TO_TWO], ordinal=2)]
    await ruled(device, *rules, strategy="/Common/best-match")
    assert [await reached(device, path=one) for one in ("/x", "/api/x")] == ["one", "two"]


async def test_all_rules_that_hold_act_and_the_first_says_where_to(device: Lab) -> None:
    insert = {"httpHeader": True, "insert": True, "tmName": "X-Rule"}
    to_one = {"forward": True, "pool": "/k8s/one"}
    await ruled(
        device,
        rule("a", [], [{**insert, "value": "a"}, TO_TWO], ordinal=1),
        rule("b", [], [{**insert, "value": "b"}, to_one], ordinal=2),
        strategy="all-match",
    )
    seen = await device.get("v")
    assert [value for name, value in seen["headers"] if name == "X-Rule"] == ["a", "b"]
    assert seen["backend"] == "two"


async def test_three_thousand_hosts_find_their_rule(device: Lab) -> None:
    def one(number: int) -> dict[str, Any]:
        host = {**HOST, "host": True, "values": [f"h{number}.example"]}
        insert = {"httpHeader": True, "insert": True, "tmName": "X-Rule", "value": str(number)}
        return rule(f"r{number}", [host], [insert, TO_TWO], ordinal=number)

    await ruled(device, *(one(number) for number in range(3000)))
    for number in (0, 1500, 2999):
        seen = await device.get("v", headers={"Host": f"h{number}.example"})
        assert (seen["backend"], ["X-Rule", str(number)] in seen["headers"]) == ("two", True)
    assert await reached(device, host="h3000.example") == "one"


REDIRECTS = [
    ("https://new.example/", "https://new.example/"),
    ("tcl:https://[HTTP::host][HTTP::uri]", "https://a.example:8080/x/y?z=1"),
    ('tcl:https://[getfield [HTTP::host] ":" 1]:443[HTTP::uri]', "https://a.example:443/x/y?z=1"),
    ("tcl:https://[string toupper [HTTP::host]]/[HTTP::query]", "https://A.EXAMPLE:8080/z=1"),
    ("tcl:http://[HTTP::header X-Part][regsub {^/x(.*)} [HTTP::path] {/n\\1}]", "http://p/n/y"),
]


@pytest.mark.parametrize(("location", "expected"), REDIRECTS)
async def test_a_redirect_fills_in_what_the_client_asked_for(device: Lab, location: str, expected: str) -> None:
    await does(device, {"httpReply": True, "redirect": True, "location": location})
    headers = {"Host": "a.example:8080", "X-Part": "p"}
    async with device.answer("v", "/x/y?z=1", headers=headers, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"], answer.headers["Server"]) == (302, expected, "BigIP")
        assert await answer.read() == b""


async def test_a_redirect_has_the_status_that_it_is_given(device: Lab) -> None:
    await does(device, {"httpReply": True, "redirect": True, "location": "/x", "code": 308})
    async with device.answer("v", allow_redirects=False) as answer:
        assert answer.status == 308


async def test_a_line_break_in_a_header_that_a_policy_makes_resets_the_client(device: Lab) -> None:
    decoded = "tcl:/[URI::decode [HTTP::query]]"
    for action in (
        {"httpReply": True, "redirect": True, "location": decoded},
        {"httpHeader": True, "insert": True, "tmName": "X-New", "value": decoded},
        {"httpHeader": True, "insert": True, "tmName": "X-New", "value": decoded, "response": True},
    ):
        await does(device, action)
        async with device.answer("v", "/?a%20b", allow_redirects=False) as answer:
            assert answer.status in (200, 302)
        with pytest.raises(aiohttp.ClientConnectionError):
            await device.get("v", "/?a%0d%0aSet-Cookie:%20x=1", allow_redirects=False)


async def test_a_line_break_in_the_uri_that_a_policy_makes_does_not_reach_the_member(device: Lab) -> None:
    await does(device, {"httpUri": True, "replace": True, "value": "tcl:[URI::decode [HTTP::uri]]"})
    assert (await device.get("v", "/%61"))["path"] == "/a"
    seen = await device.get("v", "/%0d%0aX-New:1%0d%0a")
    assert seen["path"] == "/X-New:1"
    assert "X-New" not in dict(seen["headers"])


async def test_a_text_that_is_not_understood_is_noted_and_resets_the_client(device: Lab) -> None:
    await does(device, {"httpReply": True, "redirect": True, "location": "tcl:http://[clock seconds]"})
    assert (await device.listener("v"))["notes"] == ["[clock] in rule r of policy /k8s/pol is not evaluated"]
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.get("v")


REWRITES: list[tuple[list[dict[str, Any]], str, dict[str, str]]] = [
    ([{"httpUri": True, "replace": True, "value": "/new?a=1"}], "/new?a=1", {}),
    ([{"httpUri": True, "replace": True, "path": "/new"}], "/new?z=1", {}),
    ([{"httpUri": True, "replace": True, "queryString": "q=2"}], "/x/y?q=2", {}),
    ([{"httpUri": True, "replace": True, "value": "tcl:[regsub /x [HTTP::uri] /n]"}], "/n/y?z=1", {}),
    ([{"httpHost": True, "replace": True, "value": "new.example"}], "/x/y?z=1", {"Host": "new.example"}),
    (
        [{"httpHeader": True, "insert": True, "tmName": "X-New", "value": "tcl:[IP::client_addr]"}],
        "/x/y?z=1",
        {"X-New": "127.0.0.1"},
    ),
    ([{"httpHeader": True, "replace": True, "tmName": "X-Old", "value": "2"}], "/x/y?z=1", {"X-Old": "2"}),
    ([{"httpHeader": True, "remove": True, "tmName": "x-old"}], "/x/y?z=1", {"X-Old": ""}),
    ([{"httpReferer": True, "replace": True, "value": "r"}], "/x/y?z=1", {"Referer": "r"}),
    ([{"httpCookie": True, "insert": True, "tmName": "b", "value": "2"}], "/x/y?z=1", {"Cookie": "a=1; b=2"}),
    ([{"httpCookie": True, "remove": True, "tmName": "a"}], "/x/y?z=1", {"Cookie": ""}),
]


@pytest.mark.parametrize(("actions", "path", "headers"), REWRITES)
async def test_the_member_sees_what_the_policy_made_of_the_request(
    device: Lab, actions: list[dict[str, Any]], path: str, headers: dict[str, str]
) -> None:
    await does(device, *actions)
    seen = await device.get("v", "/x/y?z=1", headers={"X-Old": "1", "Cookie": "a=1"})
    found = dict(seen["headers"])
    assert seen["path"] == path
    assert {name: found.get(name, "") for name in headers} == headers
    assert seen["backend"] == "one"


async def test_what_is_asked_of_the_answer_happens_to_the_answer(device: Lab) -> None:
    host = {**HOST, "host": True, "values": ["a.example"]}
    actions = [
        {"httpHeader": True, "insert": True, "tmName": "X-New", "value": "1", "response": True},
        {"httpHeader": True, "remove": True, "tmName": "X-Backend", "response": True},
        {"httpSetCookie": True, "insert": True, "tmName": "c", "value": "v", "path": "/", "response": True},
    ]
    await ruled(device, rule("r", [host], actions))
    async with device.answer("v", headers={"Host": "a.example"}) as answer:
        assert answer.headers["X-New"] == "1"
        assert answer.headers["Set-Cookie"] == "c=v; path=/"
        assert "X-Backend" not in answer.headers
    async with device.answer("v", headers={"Host": "b.example"}) as answer:
        assert "X-New" not in answer.headers


async def test_a_rule_may_look_at_the_answer(device: Lab) -> None:
    condition = {"httpStatus": True, "code": True, "values": ["200"], "response": True}
    away = {"httpReply": True, "redirect": True, "location": "/elsewhere", "response": True}
    await ruled(device, rule("r", [condition], [away]))
    async with device.answer("v", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")


@pytest.mark.parametrize(
    "action",
    [{"forward": True, "reset": True}, {"shutdown": True, "connection": True}, {"forward": True, "select": True}],
)
async def test_a_client_that_is_turned_away_is_reset(device: Lab, action: dict[str, Any]) -> None:
    await does(device, action)
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.get("v")


async def test_traffic_goes_to_a_node_past_every_pool(device: Lab) -> None:
    await does(device, {"forward": True, "node": "198.51.100.32", "port": 8080})
    assert await reached(device) == "two"


async def test_traffic_goes_to_another_virtual_server_and_by_its_policy(device: Lab) -> None:
    insert = {"httpHeader": True, "insert": True, "tmName": "X-Rule", "value": "inner"}
    await device.call("POST", "ltm/policy", {**policy(rule("r", [], [insert])), "name": "inner"})
    await device.virtual("inner", "203.0.113.8", 18080, "two", policies=["/k8s/inner"])
    await does(device, {"forward": True, "virtual": "/k8s/inner"})
    seen = await device.get("v")
    assert (seen["backend"], ["X-Rule", "inner"] in seen["headers"]) == ("two", True)
    await device.call("PATCH", "ltm/virtual/~k8s~inner", {"disabled": True})
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.get("v")


async def test_virtual_servers_that_send_traffic_round_and_round_reset_it(device: Lab) -> None:
    await does(device, {"forward": True, "virtual": "/k8s/v"})
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.get("v")


async def test_a_policy_switches_persistence_off_and_on(device: Lab) -> None:
    members = [{"name": f"{host}:{port}", "partition": "k8s"} for host, port in (ONE, TWO)]
    await device.call("PATCH", "ltm/pool/~k8s~one", {"members": members})
    await device.call("PATCH", "ltm/virtual/~k8s~v", {"persist": ["/Common/source_addr"]})
    assert len(set(await device.backends("v", 4))) == 1
    await does(device, {"persist": True, "disable": True})
    assert len(set(await device.backends("v", 4))) == 2
    by_header = {"persist": True, "universal": True, "key": "tcl:[HTTP::header X-User]", "timeout": 60}
    await does(device, by_header)
    for user in ("ann", "bob", "cid"):
        found = {(await device.get("v", headers={"X-User": user}))["backend"] for _ in range(4)}
        assert len(found) == 1
    await does(device, {"persist": True, "cookieInsert": True, "tmName": "side", "expiry": "0"})
    async with device.answer("v") as answer:
        assert answer.headers["Set-Cookie"].startswith("side=")


async def test_a_message_is_logged(device: Lab, caplog: pytest.LogCaptureFixture) -> None:
    await does(device, {"log": True, "write": True, "message": "tcl:asked for [HTTP::uri]"})
    with caplog.at_level("INFO", logger="bigipsim"):
        await device.get("v", "/x")
    assert "/k8s/v: asked for /x" in caplog.text


async def test_what_is_not_evaluated_is_noted_and_its_rule_never_holds(device: Lab) -> None:
    country = {"geoip": True, "countryCode": True, "values": ["CH"]}
    await ruled(
        device,
        rule("far", [country], [TO_TWO]),
        rule("guarded", [], [{"asm": True, "enable": True, "policy": "/Common/x"}], ordinal=1),
    )
    notes = (await device.listener("v"))["notes"]
    assert notes == [
        "rule far of policy /k8s/pol never holds: condition 0 is not evaluated",
        "action 0 of rule guarded of policy /k8s/pol is not evaluated",
    ]
    assert await reached(device) == "one"


async def test_a_rule_that_changes_in_a_transaction_holds_for_the_next_request_of_an_open_connection(
    device: Lab,
) -> None:
    host, port = device.where("v")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:

        async def ask() -> str:
            async with session.get(f"http://{host}:{port}/") as answer:
                return str((await answer.json())["backend"])

        await ruled(device, rule("r", [], [{"forward": True, "pool": "/k8s/one"}]))
        assert await ask() == "one"
        number = str((await device.call("POST", "transaction", {}))["transId"])
        header = {"X-F5-REST-Coordination-Id": number}
        changed = {"actions": [{"name": "0", **TO_TWO}]}
        await device.call("PATCH", POLICY + "/rules/r", changed, **header)
        assert await ask() == "one"
        await device.call("PATCH", f"transaction/{number}", {"state": "VALIDATING"})
        assert await ask() == "two"
    assert device.box.runtime.counters("ltm/virtual", "/k8s/v").tot_conns == 1


async def test_a_draft_changes_nothing_until_it_is_published(device: Lab) -> None:
    body = {**policy(rule("r", [], [TO_TWO])), "name": "new", "subPath": "Drafts"}
    del body["legacy"]
    await device.call("POST", "ltm/policy", body)
    await device.call("POST", "ltm/policy", {"command": "publish", "name": "/k8s/Drafts/new"})
    await device.call("PATCH", "ltm/virtual/~k8s~v", {"policies": ["/k8s/new"]})
    assert await reached(device) == "two"
    await device.call("PATCH", "ltm/policy/~k8s~new", {"createDraft": True})
    to_one = rule("r", [], [{"forward": True, "pool": "/k8s/one"}])
    await device.call("PATCH", "ltm/policy/~k8s~Drafts~new", {"rules": [to_one]})
    assert await reached(device) == "two"
    await device.call("POST", "ltm/policy", {"command": "publish", "name": "/k8s/Drafts/new"})
    assert await reached(device) == "one"


async def tls_virtual(device: Lab, name: str, address: str, pool: str, *profiles: str, **fields: Any) -> None:
    attached = ["/Common/tcp", "/Common/clientssl", *profiles]
    await device.virtual(name, address, 18443, pool, profiles=attached, **fields)


async def test_a_policy_chooses_by_the_name_that_a_tls_client_asks_for(device: Lab) -> None:
    condition = {"sslExtension": True, "serverName": True, "sslClientHello": True, "values": ["two.example"]}
    body = policy(rule("r", [condition], [{**TO_TWO, "sslClientHello": True}]), requires=["ssl-persistence"])
    await device.call("POST", "ltm/policy", {**body, "name": "sni"})
    await tls_virtual(device, "plain", "203.0.113.8", "one", policies=["/k8s/sni"])
    await tls_virtual(device, "web", "203.0.113.9", "one", "/Common/http", policies=["/k8s/sni"])
    for virtual in ("plain", "web"):
        host, port = device.where(virtual)
        for name, expected in (("one.example", "one"), ("two.example", "two")):
            connector = aiohttp.TCPConnector(ssl=False, force_close=True)
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.get(f"https://{host}:{port}/", server_hostname=name) as answer,
            ):
                assert (await answer.json())["backend"] == expected


async def test_a_policy_without_http_chooses_by_the_clients_address(device: Lab) -> None:
    condition = {"tcp": True, "address": True, "clientAccepted": True, "values": ["127.0.0.0/8"]}
    body = policy(rule("r", [condition], [{**TO_TWO, "clientAccepted": True}]), requires=["tcp"])
    await device.call("POST", "ltm/policy", {**body, "name": "l4"})
    await device.virtual("l4", "203.0.113.8", 18080, "one", profiles=["/Common/tcp"], policies=["/k8s/l4"])
    assert (await device.get("l4"))["backend"] == "two"
    away = rule("r", [condition], [{"forward": True, "reset": True, "clientAccepted": True}])
    await device.call("PATCH", "ltm/policy/~k8s~l4", {"rules": [away]})
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.get("l4")


async def test_a_policy_speaks_to_members_in_clear_where_it_says_so(device: Lab) -> None:
    profiles = ["/Common/tcp", "/Common/http", "/Common/serverssl"]
    await device.call("PATCH", "ltm/virtual/~k8s~v", {"profiles": profiles})
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.get("v")
    await does(device, {"serverSsl": True, "disable": True})
    assert await reached(device) == "one"


async def test_the_scheme_is_that_of_the_client(device: Lab) -> None:
    await ruled(device, rule("r", [{**URI, "scheme": True, "values": ["https"]}], [TO_TWO]))
    assert await reached(device) == "one"
    await tls_virtual(device, "web", "203.0.113.9", "one", "/Common/http", policies=["/k8s/pol"])
    host, port = device.where("web")
    connector = aiohttp.TCPConnector(ssl=False, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session, session.get(f"https://{host}:{port}/") as answer:
        assert (await answer.json())["backend"] == "two"


async def test_no_request_fails_while_a_rule_is_changed_over_and_over(device: Lab) -> None:
    host = {**HOST, "host": True, "values": ["a.example"]}
    await ruled(device, rule("r", [host], [TO_TWO]), rule("rest", [], [TO_TWO], ordinal=1))
    done = asyncio.Event()

    async def ask() -> set[str]:
        found = set()
        while not done.is_set():
            found.add(await reached(device, host="a.example"))
        return found

    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(ask()) for _ in range(3)]
        for turn in range(10):
            number = str((await device.call("POST", "transaction", {}))["transId"])
            action = {"name": "0", "forward": True, "pool": "/k8s/one" if turn % 2 else "/k8s/two"}
            header = {"X-F5-REST-Coordination-Id": number}
            await device.call("PATCH", POLICY + "/rules/r", {"actions": [action]}, **header)
            await device.call("PATCH", f"transaction/{number}", {"state": "VALIDATING"})
            await asyncio.sleep(0.02)
        done.set()
    assert set.union(*(client.result() for client in clients)) == {"one", "two"}
