"""iRules at work: real requests and connections through virtual servers that have rules."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from rulelab import NEEDS_TCL
from simlab import Lab, http_backend, lab, once, tcp_backend, until

from patience import PATIENCE_S, eventually

pytestmark = NEEDS_TCL

TCP = {"profiles": ["/Common/tcp"]}


@pytest.fixture
async def device() -> AsyncIterator[Lab]:
    async with lab() as made, http_backend("one", "127.1.0.21"), http_backend("two", "127.1.0.22"):
        await made.pool("www", ("198.51.100.21", 8080), ("198.51.100.22", 8080))
        await made.pool("api", ("198.51.100.22", 8080))
        await made.pool("dead", ("198.51.100.29", 8080))
        yield made


async def rule(device: Lab, name: str, text: str) -> None:
    """Saves a rule."""
    await device.call("POST", "ltm/rule", {"name": name, "partition": "k8s", "apiAnonymous": text})


async def behind(device: Lab, text: str, pool: str = "", **fields: Any) -> None:
    """A virtual server v with one rule."""
    await rule(device, "r", text)
    await device.virtual("v", "203.0.113.27", 18080, pool, rules=["/k8s/r"], **fields)


async def group(device: Lab, name: str, **records: str) -> None:
    """A data group; in names of records "__" stands for a dash and "_" for a dot."""
    listed = [{"name": key.replace("__", "-").replace("_", "."), "data": value} for key, value in records.items()]
    body = {"name": name, "partition": "k8s", "type": "string", "records": listed}
    await device.call("POST", "ltm/data-group/internal", body)


DOCKER = """
when HTTP_REQUEST priority 500 {
    set host [string trimright [string tolower [getfield [HTTP::host] ":" 1]] "."]
    set found [class lookup $host docker_hosts]
    if { $found eq "" } { set found [class lookup "*[string range $host [string first . $host] end]" docker_hosts] }
    if { $found ne "" } {
        if { [active_members $found] == 0 } { HTTP::respond 503 content "no container is up"; return }
        pool $found
        return
    }
    set found [class lookup $host docker_members]
    if { $found ne "" } { node [getfield $found " " 1] [getfield $found " " 2]; return }
    HTTP::respond 404 content "no such container"
}
when LB_FAILED { HTTP::respond 503 content "container not reachable" }
"""

HOSTS = [
    ("www.example.com", 200, "one two"),
    ("WWW.Example.COM", 200, "one two"),
    ("www.example.com:8080", 200, "one two"),
    ("www.example.com.", 200, "one two"),
    ("www.example.com.:80", 200, "one two"),
    ("www-1.example.com", 200, "one"),
    ("WWW-2.example.com:80", 200, "two"),
    ("www-9.example.com", 503, "container not reachable"),
    ("any.apps.example.com", 200, "two"),
    ("apps.example.com", 404, "no such container"),
    ("a.b.apps.example.com", 404, "no such container"),
    ("empty.example.com", 503, "no container is up"),
    ("none.example.com", 404, "no such container"),
    ("", 404, "no such container"),
    ("/k8s/www", 404, "no such container"),
    ("[pool api]", 404, "no such container"),
    ("$found;pool api", 404, "no such container"),
    ("www.example.com {pool api}", 404, "no such container"),
    ("-value", 404, "no such container"),
]


@pytest.fixture
async def docker(device: Lab) -> Lab:
    await device.pool("empty")
    await group(device, "docker_hosts", www_example_com="/k8s/www", empty_example_com="/k8s/empty")
    members = {"www__1": "198.51.100.21 8080", "www__2": "198.51.100.22 8080", "www__9": "198.51.100.29 8080"}
    await group(device, "docker_members", **{f"{name}_example_com": value for name, value in members.items()})
    records = [{"name": "www.example.com", "data": "/k8s/www"}, {"name": "empty.example.com", "data": "/k8s/empty"}]
    records.append({"name": "*.apps.example.com", "data": "/k8s/api"})
    await device.call("PATCH", "ltm/data-group/internal/~k8s~docker_hosts", {"records": records})
    await behind(device, DOCKER)
    return device


async def test_a_host_leads_to_its_pool_or_to_one_container_and_never_elsewhere(docker: Lab) -> None:
    for host, status, body in HOSTS:
        async with docker.answer("v", headers={"Host": host}) as answer:
            seen = (await answer.json())["backend"] if status == 200 else await answer.text()
            assert (answer.status, seen in body.split() if status == 200 else seen == body) == (status, True), host


async def test_a_pool_of_which_a_monitor_has_every_member_down_is_answered_for(docker: Lab) -> None:
    monitor = {"name": "m", "partition": "k8s", "interval": 1, "timeout": 2, "recv": "nothing of the sort"}
    await docker.call("POST", "ltm/monitor/http", monitor)
    await docker.call("PATCH", "ltm/pool/~k8s~www", {"monitor": "/k8s/m"})
    known = docker.box.runtime.member_status
    members = [("/k8s/www", f"/k8s/198.51.100.{number}:8080") for number in (21, 22)]
    await until(lambda: [known.get(member) for member in members] == ["down", "down"])
    async with docker.answer("v", headers={"Host": "www.example.com"}) as answer:
        assert (answer.status, await answer.text()) == (503, "no container is up")
    async with docker.answer("v", headers={"Host": "www-1.example.com"}) as answer:
        assert answer.status == 200, "no monitor is asked for one container"


async def test_where_the_rule_answers_nobody_else_the_default_pool_does(docker: Lab) -> None:
    polite = DOCKER.replace('HTTP::respond 404 content "no such container"', "")
    await docker.call("PATCH", "ltm/rule/~k8s~r", {"apiAnonymous": polite})
    await docker.call("PATCH", "ltm/virtual/~k8s~v", {"pool": "/k8s/api"})
    found = [
        (await docker.get("v", headers={"Host": host}))["backend"] for host in ("none.example.com", "www-1.example.com")
    ]
    assert found == ["two", "one"]


@pytest.mark.parametrize("profiles", [[], ["/Common/oneconnect"]], ids=["without", "with a one-connect profile"])
async def test_the_members_of_a_host_take_turns_on_one_connection(docker: Lab, profiles: list[str]) -> None:
    for profile in profiles:
        await docker.call("POST", "ltm/virtual/~k8s~v/profiles", {"name": profile})
    address, port = docker.where("v")
    found = []
    async with aiohttp.ClientSession() as session:
        for host in ("www.example.com", "www-1.example.com") * 4:
            async with session.get(f"http://{address}:{port}/", headers={"Host": host}) as answer:
                found.append((host[:5], (await answer.json())["backend"]))
    assert Counter(found) == {("www.e", "one"): 2, ("www.e", "two"): 2, ("www-1", "one"): 4}


async def test_a_host_that_is_added_is_seen_by_the_next_request(docker: Lab) -> None:
    async with docker.answer("v", headers={"Host": "new.example.com"}) as answer:
        assert answer.status == 404
    records = [{"name": "new.example.com", "data": "/k8s/api"}]
    await docker.call("PATCH", "ltm/data-group/internal/~k8s~docker_hosts", {"records": records})
    assert (await docker.get("v", headers={"Host": "new.example.com"}))["backend"] == "two"


async def test_a_request_and_its_answer_are_rewritten_on_the_way(device: Lab) -> None:
    text = """when HTTP_REQUEST {
        HTTP::uri "/app[HTTP::uri]"
        HTTP::header replace Host "inside.example.com"
        HTTP::header insert X-Client [IP::client_addr]
        HTTP::header remove X-Secret
        HTTP::cookie insert name route value blue
    }
    when HTTP_RESPONSE {
        HTTP::header insert X-Via "[LB::server addr]:[LB::server port]"
        HTTP::header remove X-Backend
        HTTP::status 299
    }"""
    await behind(device, text, "api")
    async with device.answer("v", "/a?b=c", headers={"X-Secret": "1", "Cookie": "a=1"}) as answer:
        seen = await answer.json()
    assert seen["path"] == "/app/a?b=c"
    assert {"Host", "X-Client", "Cookie"} < {name for name, _ in seen["headers"]}
    assert ["Host", "inside.example.com"] in seen["headers"]
    assert ["Cookie", "a=1; route=blue"] in seen["headers"]
    assert "X-Secret" not in dict(seen["headers"])
    assert (answer.status, answer.headers["X-Via"]) == (299, "198.51.100.22:8080")
    assert "X-Backend" not in answer.headers


async def test_clients_are_redirected_with_their_host_and_target(device: Lab) -> None:
    await device.virtual("v", "203.0.113.27", 18080, rules=["/Common/_sys_https_redirect"])
    async with device.answer("v", "/a?b=c", headers={"Host": "shop.example.com:80"}, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "https://shop.example.com/a?b=c")


async def test_a_body_is_collected_before_a_member_is_chosen(device: Lab) -> None:
    text = """when HTTP_REQUEST { HTTP::collect [HTTP::header Content-Length] }
    when HTTP_REQUEST_DATA { if { [HTTP::payload] contains "api" } { pool api } else { HTTP::respond 400 } }"""
    await behind(device, text)
    seen = await device.get("v", method="POST", data=b"for the api please")
    assert (seen["backend"], seen["length"]) == ("two", 18)
    async with device.answer("v", method="POST", data=b"nothing") as answer:
        assert answer.status == 400


async def test_variables_count_the_requests_of_one_connection(device: Lab) -> None:
    text = """when CLIENT_ACCEPTED { set count 0 }
    when HTTP_REQUEST { HTTP::respond 200 content [incr count] }"""
    await behind(device, text)
    address, port = device.where("v")
    for _ in range(2):
        async with aiohttp.ClientSession() as session:
            found = []
            for _ in range(3):
                async with session.get(f"http://{address}:{port}/") as answer:
                    found.append(await answer.text())
        assert found == ["1", "2", "3"]


async def test_several_rules_of_one_virtual_server_are_heard_in_order(device: Lab) -> None:
    await rule(device, "first", "when HTTP_REQUEST { HTTP::header insert X-One 1 }")
    await rule(device, "second", 'when HTTP_REQUEST priority 100 { HTTP::header insert X-Two "[HTTP::header X-One]2" }')
    await device.virtual("v", "203.0.113.27", 18080, "api", rules=["/k8s/first", "/k8s/second"])
    headers = dict((await device.get("v"))["headers"])
    assert (headers["X-One"], headers["X-Two"]) == ("1", "2")


@pytest.mark.parametrize("body", ["pool [string trim none]", "reject", "while {1} {set x 1}", "LB::down"])
async def test_a_rule_that_errs_or_never_ends_resets_its_client_and_nobody_else(device: Lab, body: str) -> None:
    await behind(device, f"when HTTP_REQUEST {{ if {{ [HTTP::path] eq {{/bad}} }} {{ {body} }} }}", "api")
    with pytest.raises(aiohttp.ClientError):
        await device.get("v", "/bad")
    assert (await device.get("v", "/good"))["backend"] == "two"


async def test_a_dead_member_is_answered_for_and_a_dead_pool_left_for_another(device: Lab) -> None:
    text = """when LB_FAILED {
        if { [HTTP::path] eq "/retry" } { LB::reselect pool api } else { HTTP::respond 503 content sorry }
    }"""
    await behind(device, text, "dead")
    async with device.answer("v") as answer:
        assert (answer.status, await answer.text()) == (503, "sorry")
    assert (await device.get("v", "/retry"))["backend"] == "two"


async def test_a_rule_that_is_changed_holds_from_the_next_request_on(device: Lab) -> None:
    await behind(device, "when HTTP_REQUEST { HTTP::respond 201 }")
    async with device.answer("v") as answer:
        assert answer.status == 201
    await device.call("PATCH", "ltm/rule/~k8s~r", {"apiAnonymous": "when HTTP_REQUEST { HTTP::respond 202 }"})
    async with device.answer("v") as answer:
        assert answer.status == 202
    await device.call("PATCH", "ltm/virtual/~k8s~v", {"rules": [], "pool": "/k8s/api"})
    assert (await device.get("v"))["backend"] == "two"


async def test_a_rule_that_does_not_compile_is_refused_and_the_old_one_stays(device: Lab) -> None:
    await behind(device, "when HTTP_REQUEST { HTTP::respond 201 }")
    refused = await device.call("PATCH", "ltm/rule/~k8s~r", {"apiAnonymous": "when HTTP_REQUEST { frob }"}, 400)
    assert refused["message"] == ("01070151:3: Rule [/k8s/r] error: /k8s/r:1: error: [undefined procedure: frob][frob]")
    async with device.answer("v") as answer:
        assert answer.status == 201


async def test_requests_cross_to_another_virtual_server(device: Lab) -> None:
    await rule(device, "inner", "when HTTP_REQUEST { HTTP::header insert X-Inner yes }")
    await device.virtual("inside", "203.0.113.28", 18081, "api", rules=["/k8s/inner"])
    await behind(device, "when HTTP_REQUEST { virtual inside }")
    seen = await device.get("v")
    assert (seen["backend"], dict(seen["headers"])["X-Inner"]) == ("two", "yes")


async def test_the_end_of_a_connection_is_heard_by_every_virtual_server_that_it_came_through(device: Lab) -> None:
    inner = """when HTTP_REQUEST { HTTP::respond 200 content [table lookup inner-/k8s/v][table lookup outer] }
    when CLIENT_CLOSED { table incr inner-[virtual name] }"""
    await rule(device, "inner", inner)
    await device.virtual("inside", "203.0.113.28", 18081, rules=["/k8s/inner"])
    await behind(device, "when HTTP_REQUEST { virtual inside }\nwhen CLIENT_CLOSED { table incr outer }")
    async with device.answer("v") as answer:
        assert await answer.text() == ""

    async def both_heard() -> bool:
        async with device.answer("inside") as answer:
            return await answer.text() == "11"

    await eventually(both_heard, lambda: "not both were told once")


async def test_a_rule_chooses_by_the_name_that_was_asked_for_with_tls(device: Lab) -> None:
    text = """when CLIENTSSL_HANDSHAKE { if { [SSL::sni name] equals "api.example.com" } { pool api } else { reject } }
    when HTTP_REQUEST { HTTP::header insert X-Tls [SSL::cipher version] }"""
    await behind(device, text, profiles=["/Common/tcp", "/Common/http", "/Common/clientssl"])
    host, port = device.where("v")

    async def ask(name: str) -> Any:
        async with once() as session, session.get(f"https://{host}:{port}/", server_hostname=name) as answer:
            return await answer.json()

    seen = await ask("api.example.com")
    assert (seen["backend"], dict(seen["headers"])["X-Tls"]) == ("two", "TLSv1.2")
    with pytest.raises(aiohttp.ClientError):
        await ask("www.example.com")


async def test_a_policy_is_heard_before_the_rules(device: Lab) -> None:
    forward = {"name": "0", "forward": True, "pool": "/k8s/api"}
    body = {"name": "pol", "partition": "k8s", "legacy": True, "requires": ["http"], "controls": ["forwarding"]}
    policy_rule = {"name": "r0", "ordinal": 0, "actions": [forward]}
    await device.call("POST", "ltm/policy", {**body, "strategy": "/Common/first-match", "rules": [policy_rule]})
    text = """when HTTP_REQUEST { if { [HTTP::path] eq "/mine" } { pool www member 198.51.100.21 8080 }
        HTTP::header insert X-Pool [LB::server pool] }"""
    await behind(device, text, policies=["/k8s/pol"])
    for path, backend, pool in (("/", "two", "/k8s/api"), ("/mine", "one", "/k8s/www")):
        seen = await device.get("v", path)
        assert (seen["backend"], dict(seen["headers"])["X-Pool"]) == (backend, pool)


async def test_a_rule_reads_the_variables_that_a_policy_has_set_for_this_request(device: Lab) -> None:
    told = """
when HTTP_REQUEST {
    if { [info exists part] } { HTTP::respond 200 content "part $part" } else { HTTP::respond 200 content none }
    unset -nocomplain part
}
"""
    action = {"name": "0", "tcl": True, "setVariable": True, "request": True, "tmName": "part"}
    rules = [
        {
            "name": "r",
            "conditions": [{"name": "0", "httpUri": True, "path": True, "startsWith": True, "values": ["/set"]}],
            "actions": [{**action, "expression": 'tcl:[getfield [HTTP::host] "." 3]'}],
        }
    ]
    body = {"name": "p", "partition": "k8s", "legacy": True, "requires": ["http"], "controls": [], "rules": rules}
    await device.call("POST", "ltm/policy", body)
    await behind(device, told, policies=[{"name": "p", "partition": "k8s"}])
    base = "http://{}:{}".format(*device.where("v"))
    async with aiohttp.ClientSession() as session:
        for at, host, expected in (
            ("/set", "a.b.c.d", "part c"),
            ("/other", "a.b.c.d", "none"),
            ("/set", "a.b", "part "),
            ("/other", "a.b", "none"),
        ):
            async with session.get(f"{base}{at}", headers={"Host": host}) as reply:
                assert await reply.text() == expected


async def test_many_clients_at_once_keep_their_variables_apart(device: Lab) -> None:
    text = """when HTTP_REQUEST { set asked [HTTP::uri] }
    when HTTP_RESPONSE { HTTP::header insert X-Asked $asked }"""
    await behind(device, text, "www")

    async def one(number: int) -> str:
        async with device.answer("v", f"/{number}") as answer:
            return answer.headers["X-Asked"]

    assert await asyncio.gather(*(one(number) for number in range(40))) == [f"/{number}" for number in range(40)]


# TCP virtual servers


@pytest.fixture
async def plain() -> AsyncIterator[Lab]:
    async with lab() as made, tcp_backend("one", "127.1.0.21"), tcp_backend("two", "127.1.0.22"):
        await made.pool("db", ("198.51.100.21", 9000))
        await made.pool("other", ("198.51.100.22", 9000))
        yield made


async def talk(device: Lab, *sent: bytes) -> bytes:
    """Everything that a TCP virtual server says to a client that sends some chunks and then ends."""
    reader, writer = await asyncio.open_connection(*device.where("v"))
    try:
        for chunk in sent:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    finally:
        writer.close()


async def test_a_client_is_sent_to_the_pool_that_its_rule_names(plain: Lab) -> None:
    text = "when CLIENT_ACCEPTED { if { [IP::addr [IP::client_addr] equals 127.0.0.0/8] } { pool other } }"
    await behind(plain, text, "db", **TCP)
    assert await talk(plain, b"hello") == b"two\nhello"


async def test_a_rejected_client_is_reset(plain: Lab) -> None:
    await behind(plain, "when CLIENT_ACCEPTED { reject }", "db", **TCP)
    with pytest.raises(OSError):
        await talk(plain, b"hello")


async def test_the_proxy_protocol_tells_the_member_who_the_client_is(plain: Lab) -> None:
    text = """when CLIENT_ACCEPTED {
        set line "PROXY TCP[IP::version] [IP::client_addr] [IP::local_addr] [TCP::client_port] [TCP::local_port]\\r\\n"
    }
    when SERVER_CONNECTED { TCP::respond $line }"""
    await behind(plain, text, "db", **TCP)
    said = (await talk(plain, b"hello")).decode()
    assert said.startswith("one\nPROXY TCP4 127.0.0.1 203.0.113.27 ")
    assert said.endswith(" 18080\r\nhello")


async def test_a_rule_reads_the_first_bytes_before_it_chooses(plain: Lab) -> None:
    text = """when CLIENT_ACCEPTED { TCP::collect 6 }
    when CLIENT_DATA {
        if { [TCP::payload] starts_with "OTHER:" } { pool other; TCP::payload replace 0 6 "" }
        TCP::release
    }"""
    await behind(plain, text, "db", **TCP)
    assert await talk(plain, b"OTH", b"ER:", b"hello") == b"two\nhello"
    assert await talk(plain, b"hello world") == b"one\nhello world"


async def test_a_rule_answers_a_client_itself_and_hangs_up(plain: Lab) -> None:
    await behind(plain, 'when CLIENT_ACCEPTED { TCP::respond "busy\\n"; TCP::close }', "db", **TCP)
    assert await talk(plain) == b"busy\n"


async def test_a_dropped_client_hears_nothing(plain: Lab) -> None:
    await behind(plain, "when CLIENT_ACCEPTED { drop }", "db", **TCP)
    reader, writer = await asyncio.open_connection(*plain.where("v"))
    writer.write(b"hello")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await reader.read()
    writer.close()


async def test_a_tcp_client_is_sent_elsewhere_when_its_member_is_dead(plain: Lab) -> None:
    await plain.pool("dead", ("198.51.100.29", 9000))
    await behind(plain, "when LB_FAILED { LB::reselect pool other }", "dead", **TCP)
    assert await talk(plain, b"hello") == b"two\nhello"


async def test_without_tcl_a_virtual_server_with_rules_says_what_to_install(
    plain: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tkinter", None)
    await behind(plain, "when CLIENT_ACCEPTED { }", "db", **TCP)
    await plain.virtual("without", "203.0.113.27", 18081, "db", **TCP)
    state = (await plain.listener("v"))["state"]
    assert state.startswith("not served: its iRules need Tcl") and "python3-tk" in state
    assert (await plain.listener("without"))["state"] == "listening"
