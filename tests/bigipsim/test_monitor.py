"""Health monitors: rules, probes on real sockets, and what becomes of members."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from simlab import Lab, http_backend, lab, tcp_backend, udp_backend, until

from bigipsim.dataplane.monitor import Rule, joined, parse_rule
from bigipsim.dataplane.probe import MonitorSpec, http_request, icmp_socket, matches, probe, unescaped


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", Rule((), 0)),
        ("none", Rule((), 0)),
        ("/Common/http ", Rule(("/Common/http",), 1)),
        ("/k8s/a and /k8s/b", Rule(("/k8s/a", "/k8s/b"), 2)),
        ("min 1 of { /k8s/a /k8s/b }", Rule(("/k8s/a", "/k8s/b"), 1)),
        ("min 2 of /k8s/a /k8s/b /k8s/c", Rule(("/k8s/a", "/k8s/b", "/k8s/c"), 2)),
    ],
)
def test_a_monitor_expression_is_read_as_the_device_writes_it(text: str, rule: Rule) -> None:
    assert parse_rule(text) == rule


def test_a_member_is_up_when_enough_of_its_monitors_are() -> None:
    both, one = Rule(("a", "b"), 2), Rule(("a", "b"), 1)
    assert joined(both, ["up", "up"]) == "up"
    assert joined(both, ["up", "down"]) == "down"
    assert joined(both, ["up", "checking"]) == "checking"
    assert joined(one, ["up", "down"]) == "up"
    assert joined(one, ["checking", "down"]) == "checking"
    assert joined(one, ["down", "down"]) == "down"


def test_send_strings_hold_escapes_of_two_characters() -> None:
    assert unescaped(r"GET / HTTP/1.0\r\nHost\: x\r\n\r\n") == "GET / HTTP/1.0\r\nHost: x\r\n\r\n"
    assert http_request("GET /") == b"GET /\r\n\r\n"
    assert http_request(r"GET / HTTP/1.0\r\n\r\n") == b"GET / HTTP/1.0\r\n\r\n"


def test_a_receive_string_is_a_pattern_without_regard_to_case() -> None:
    assert matches("200 ok", b"HTTP/1.0 200 OK")
    assert matches("HTTP/1.[01] 20[0-9]", b"HTTP/1.1 204 No Content")
    assert not matches("200", b"HTTP/1.1 404 Not Found")
    assert matches("a(b", b"xa(b")


def spec(kind: str, **fields: Any) -> MonitorSpec:
    times = {"interval_s": 1.0, "timeout_s": 1.0, "up_interval_s": 0.0, "time_until_up_s": 0.0}
    blank = {"send": "", "recv": "", "reverse": False, "host": "", "port": 0}
    return MonitorSpec(**{"path": "/k8s/m", "kind": kind, **times, **blank, **fields})


def free_port() -> int:
    with socket.create_server(("127.1.0.5", 0)) as sock:
        return int(sock.getsockname()[1])


async def test_an_http_probe_wants_an_answer_and_its_text() -> None:
    async with http_backend("one", "127.1.0.5", 8085):
        target = ("127.1.0.5", 8085)
        get = r"GET /health HTTP/1.0\r\n\r\n"
        assert await probe(spec("http", send=get, recv="well"), *target) == "ok"
        assert await probe(spec("http", send=get), *target) == "ok"
        assert await probe(spec("http", send=get, recv="ill"), *target) == "failed"
        assert await probe(spec("http", send=get, recv="well", reverse=True), *target) == "failed"
        assert await probe(spec("http", send=get, recv="ill", reverse=True), *target) == "ok"


@pytest.mark.parametrize("kind", ["http", "https", "tcp", "tcp-half-open", "udp", "ldap"])
async def test_a_closed_port_refuses_every_kind_of_probe(kind: str) -> None:
    assert await probe(spec(kind), "127.1.0.5", free_port()) == "refused"


async def test_tcp_and_udp_probes_talk_when_they_are_given_words() -> None:
    async with tcp_backend("one", "127.1.0.5", 9005), udp_backend("one", "127.1.0.5", 5305):
        assert await probe(spec("tcp"), "127.1.0.5", 9005) == "ok"
        assert await probe(spec("tcp", send="ping", recv="ping"), "127.1.0.5", 9005) == "ok"
        assert await probe(spec("udp"), "127.1.0.5", 5305) == "ok"
        assert await probe(spec("udp", send="ping", recv="one: ping"), "127.1.0.5", 5305) == "ok"


async def test_an_https_probe_does_not_ask_for_a_certificate_it_knows() -> None:
    async with lab(dataplane=False) as device:
        monitor = spec("https", send=r"GET /_sim/ HTTP/1.0\r\n\r\n", recv="bigipsim")
        assert await probe(monitor, device.server.host, device.server.port) == "ok"


async def test_a_host_answers_echo_requests_or_a_tcp_connection_instead() -> None:
    assert await probe(spec("gateway-icmp"), "127.0.0.1", free_port()) == "ok"
    allowed = icmp_socket("127.0.0.1")
    if allowed is not None:
        allowed.close()


async def test_a_silent_server_fails_after_the_timeout() -> None:
    async with silent("127.1.0.5", 9006):
        assert await probe(spec("http", timeout_s=0.1), "127.1.0.5", 9006) == "failed"


@contextlib.asynccontextmanager
async def silent(host: str, port: int) -> AsyncIterator[None]:
    with socket.create_server((host, port)):
        yield


@pytest.fixture
async def device() -> AsyncIterator[Lab]:
    async with lab() as made:
        await made.call(
            "POST",
            "ltm/monitor/http",
            {
                "name": "m",
                "partition": "k8s",
                "interval": 1,
                "timeout": 2,
                "send": "GET /health HTTP/1.0\\r\\n\\r\\n",
                "recv": "well",
            },
        )
        yield made


def status(device: Lab, pool: str = "web", member: str = "198.51.100.1:8080") -> str | None:
    return device.box.runtime.member_status.get((f"/k8s/{pool}", f"/k8s/{member}"))


async def test_members_come_up_and_go_down_and_traffic_follows(device: Lab) -> None:
    async with http_backend("one", "127.1.0.1"), http_backend("two", "127.1.0.2") as two:
        await device.pool("web", ("198.51.100.1", 8080), ("198.51.100.2", 8080), monitor="/k8s/m")
        await device.virtual("v", "203.0.113.7", 18085, "web")
        await until(lambda: status(device) == status(device, member="198.51.100.2:8080") == "up")
        found = await device.call("GET", "ltm/pool/~k8s~web/members/~k8s~198.51.100.1:8080")
        assert (found["session"], found["state"]) == ("monitor-enabled", "up")
        two.health = "ill"
        await until(lambda: status(device, member="198.51.100.2:8080") == "down")
        assert await device.backends("v", 3) == ["one"] * 3


async def test_a_member_that_refuses_is_down_at_once(device: Lab) -> None:
    await device.pool("web", ("198.51.100.1", 8080), monitor="/k8s/m")
    await until(lambda: status(device) == "down")


async def test_a_member_that_leaves_the_pool_is_no_longer_probed(device: Lab) -> None:
    async with http_backend("one", "127.1.0.1"):
        await device.pool("web", ("198.51.100.1", 8080), monitor="/k8s/m")
        await until(lambda: status(device) == "up")
        await device.call("PATCH", "ltm/pool/~k8s~web", {"members": []})
        assert status(device) is None


async def test_without_its_monitor_a_member_is_unchecked(device: Lab) -> None:
    await device.pool("web", ("198.51.100.1", 8080), monitor="/k8s/m")
    await until(lambda: status(device) == "down")
    await device.call("PATCH", "ltm/pool/~k8s~web", {"monitor": "none"})
    assert status(device) == "unchecked"


async def test_a_members_own_monitor_goes_before_that_of_its_pool(device: Lab) -> None:
    members = [{"name": "198.51.100.1:8080", "monitor": "/Common/none"}]
    await device.pool("web", *members, monitor="/k8s/m")
    assert status(device) == "unchecked"


async def test_one_of_two_monitors_is_enough_when_the_rule_says_so(device: Lab) -> None:
    other = {"name": "other", "partition": "k8s", "interval": 1, "timeout": 2, "recv": "nothing of the sort"}
    await device.call("POST", "ltm/monitor/http", other)
    async with http_backend("one", "127.1.0.1"):
        await device.pool("any", ("198.51.100.1", 8080), monitor="min 1 of { /k8s/m /k8s/other }")
        await device.pool("all", ("198.51.100.1", 8080), monitor="/k8s/m and /k8s/other")
        await until(lambda: status(device, "any") == "up")
        await until(lambda: status(device, "all") == "down")


async def test_a_changed_monitor_is_applied_to_what_it_watches(device: Lab) -> None:
    async with http_backend("one", "127.1.0.1"):
        await device.pool("web", ("198.51.100.1", 8080), monitor="/k8s/m")
        await until(lambda: status(device) == "up")
        await device.call("PATCH", "ltm/monitor/http/~k8s~m", {"recv": "something else"})
        await until(lambda: status(device) == "down")


async def test_a_node_that_is_down_takes_its_members_with_it(device: Lab) -> None:
    async with tcp_backend("one", "127.1.0.1"):
        await device.pool("db", ("198.51.100.1", 9000))
        monitor = {"name": "gone", "partition": "k8s", "interval": 1, "timeout": 2, "destination": "*:9"}
        await device.call("POST", "ltm/monitor/tcp", monitor)
        await device.call("PATCH", "ltm/node/~k8s~198.51.100.1", {"monitor": "/k8s/gone"})
        await until(lambda: device.box.runtime.node_status.get("/k8s/198.51.100.1") == "down")
        await device.virtual("v", "203.0.113.7", 18085, "db", profiles=["/Common/tcp"])
        reader, writer = await asyncio.open_connection(*device.where("v"))
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
