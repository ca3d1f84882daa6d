"""What the http and one-connect profiles of a virtual server do to requests, answers and connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from simlab import Lab, http_backend, lab

ONE = ("198.51.100.34", 8080)
ELSEWHERE = ("198.51.100.33", 8080)


@pytest.fixture
async def device() -> AsyncIterator[Lab]:
    async with lab() as made, http_backend("one", "127.1.0.34"):
        await made.pool("web", ONE)
        yield made


async def profiled(device: Lab, *more: str, pool: str = "web", **properties: Any) -> None:
    """A virtual server `v` with an http profile of these properties."""
    await device.call("POST", "ltm/profile/http", {"name": "h", "partition": "k8s", **properties})
    await device.virtual("v", "203.0.113.7", 18080, pool, profiles=["/Common/tcp", "/k8s/h", *more])


@contextlib.asynccontextmanager
async def answering(**headers: str) -> AsyncIterator[list[dict[str, str]]]:
    """A web server at 198.51.100.33 that answers with these headers (`status` aside); yields what it was asked."""
    asked: list[dict[str, str]] = []
    status = int(headers.pop("status", "200"))

    async def answer(request: web.Request) -> web.Response:
        asked.append(dict(request.headers))
        return web.Response(status=status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0)
    await runner.setup()
    await web.TCPSite(runner, "127.1.0.33", 8080).start()
    try:
        yield asked
    finally:
        await runner.cleanup()


async def test_headers_are_erased_and_inserted_on_the_way_to_the_member(device: Lab) -> None:
    await profiled(device, headerErase="X-Secret", headerInsert="X-Via: lb 1", viaRequest="append", viaHostName="lb")
    seen = await device.get("v", headers={"x-secret": "1"})
    found = dict(seen["headers"])
    assert (found["X-Via"], found["Via"]) == ("lb 1", "1.1 lb")
    assert not [name for name in found if name.lower() == "x-secret"]


async def test_an_inserted_header_may_say_who_the_client_is(device: Lab) -> None:
    await profiled(device, headerInsert="X-Client: [IP::client_addr] of [HTTP::host]")
    seen = await device.get("v", headers={"Host": "a.example"})
    assert ["X-Client", "127.0.0.1 of a.example"] in seen["headers"]


async def test_an_inserted_header_that_is_not_understood_resets_the_client(device: Lab) -> None:
    await profiled(device, headerInsert="X-Time: [clock seconds]")
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.get("v")


async def test_the_via_header_of_an_answer_is_removed(device: Lab) -> None:
    async with answering(Via="1.1 inner"):
        await device.pool("else", ELSEWHERE)
        await profiled(device, pool="else", viaResponse="remove")
        async with device.answer("v") as answer:
            assert "Via" not in answer.headers


@pytest.mark.parametrize(
    ("how", "location", "expected"),
    [
        ("none", "http://a.example/x", "http://a.example/x"),
        ("all", "http://b.example/x", "https://b.example/x"),
        ("matching", "http://a.example/dir/", "https://a.example/dir/"),
        ("matching", "http://b.example/x", "http://b.example/x"),
        ("nodes", "http://198.51.100.33:8080/x", "https://203.0.113.7/x"),
        ("nodes", "http://a.example/x", "http://a.example/x"),
        ("all", "/x", "/x"),
    ],
)
async def test_redirects_of_members_are_rewritten(device: Lab, how: str, location: str, expected: str) -> None:
    async with answering(status="302", Location=location):
        await device.pool("else", ELSEWHERE)
        await profiled(device, pool="else", redirectRewrite=how)
        headers = {"Host": "a.example"}
        async with device.answer("v", "/dir", headers=headers, allow_redirects=False) as answer:
            assert answer.headers["Location"] == expected


async def test_clients_are_sent_to_the_fallback_host_when_no_member_can_be_reached(device: Lab) -> None:
    await device.pool("none", ("198.51.100.9", 8080))
    await profiled(device, pool="none", fallbackHost="sorry.example", serverAgentName="none")
    async with device.answer("v", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "http://sorry.example")
        assert "Server" not in answer.headers


async def test_clients_are_sent_to_the_fallback_host_instead_of_an_error(device: Lab) -> None:
    async with answering(status="503"):
        await device.pool("else", ELSEWHERE)
        await profiled(device, pool="else", fallbackHost="http://sorry.example/", fallbackStatusCodes=["500-503"])
        async with device.answer("v", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, "http://sorry.example/")


async def test_strict_transport_security_is_not_promised_in_clear(device: Lab) -> None:
    await profiled(device, hsts={"mode": "enabled", "maximumAge": 60, "includeSubdomains": "enabled"})
    async with device.answer("v") as answer:
        assert "Strict-Transport-Security" not in answer.headers


async def test_strict_transport_security_is_promised_over_tls(device: Lab) -> None:
    hsts = {"mode": "enabled", "maximumAge": 60, "includeSubdomains": "enabled", "preload": "enabled"}
    await profiled(device, "/Common/clientssl", hsts=hsts)
    host, port = device.where("v")
    connector = aiohttp.TCPConnector(ssl=False, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session, session.get(f"https://{host}:{port}/") as answer:
        assert answer.headers["Strict-Transport-Security"] == "max-age=60; includeSubDomains; preload"


async def test_a_cookie_of_the_device_is_secure_where_the_client_comes_by_tls(device: Lab) -> None:
    profiles = ["/Common/tcp", "/Common/http"]
    await device.virtual("v", "203.0.113.7", 18080, "web", profiles=profiles, persist=["/Common/cookie"])
    tls = [*profiles, "/Common/clientssl"]
    await device.virtual("t", "203.0.113.7", 18443, "web", profiles=tls, persist=["/Common/cookie"])
    async with device.answer("v") as answer:
        assert "Secure" not in answer.headers["Set-Cookie"]
    host, port = device.where("t")
    connector = aiohttp.TCPConnector(ssl=False, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session, session.get(f"https://{host}:{port}/") as answer:
        assert answer.headers["Set-Cookie"].endswith("; Httponly; Secure")


async def test_a_request_with_more_headers_than_the_profile_takes_is_reset(device: Lab) -> None:
    await profiled(device, enforcement={"maxHeaderCount": 20})
    assert (await device.get("v", headers={"X-A": "1"}))["backend"] == "one"
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.get("v", headers={f"X-{number}": "1" for number in range(20)})


async def test_a_method_that_nobody_knows_is_reset_where_the_profile_says_so(device: Lab) -> None:
    await profiled(device, enforcement={"unknownMethod": "reject", "knownMethods": ["GET"]})
    assert (await device.get("v"))["backend"] == "one"
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.get("v", method="PATCH")


async def test_what_is_not_followed_is_noted(device: Lab) -> None:
    few = {"name": "few", "partition": "k8s", "maxReuse": 3}
    await device.call("POST", "ltm/profile/one-connect", few)
    await profiled(device, "/k8s/few", encryptCookies=["a"])
    assert (await device.listener("v"))["notes"] == [
        "encryptCookies of http profile /k8s/h is not evaluated",
        "maxReuse of one-connect profile /k8s/few is not evaluated",
    ]


class Counted:
    """A web server at 198.51.100.33 that counts the connections made to it, and knows what it was asked for."""

    def __init__(self) -> None:
        self.connections = 0
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.asked.append(head.decode().split(" ")[1])
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def counted() -> AsyncIterator[Counted]:
    backend = Counted()
    server = await asyncio.start_server(backend.serve, "127.1.0.33", 8080)
    try:
        yield backend
    finally:
        server.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize("path", ["/%0A", "/a/%2e%2e/b", "//", "/{x}", "/;v=1", "/?x?", "/%"])
async def test_every_path_reaches_the_member(device: Lab, path: str) -> None:
    async with counted() as backend:
        await device.pool("else", ELSEWHERE)
        await profiled(device, pool="else")
        reader, writer = await asyncio.open_connection(*device.where("v"))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        assert backend.asked == [path]
        writer.close()


@pytest.mark.parametrize(
    ("profiles", "connections"),
    [([], 5), (["/Common/oneconnect"], 1), (["/k8s/apart"], 1)],
    ids=["without", "with", "with a mask"],
)
async def test_connections_to_members_are_used_again_with_a_one_connect_profile(
    device: Lab, profiles: list[str], connections: int
) -> None:
    apart = {"name": "apart", "partition": "k8s", "sourceMask": "255.255.255.255", "idleTimeoutOverride": "30"}
    await device.call("POST", "ltm/profile/one-connect", apart)
    async with counted() as backend:
        await device.pool("else", ELSEWHERE)
        await profiled(device, *profiles, pool="else")
        for _ in range(5):
            async with device.answer("v") as answer:
                assert await answer.text() == "ok"
        assert (backend.connections, len(backend.asked)) == (connections, 5)
        await device.call("DELETE", "ltm/virtual/~k8s~v")


async def test_a_member_that_left_the_pool_is_not_met_through_a_kept_connection(device: Lab) -> None:
    await device.pool("else", ONE)
    await profiled(device, "/Common/oneconnect", pool="else")
    assert (await device.get("v"))["backend"] == "one"
    async with counted() as backend:
        members = [{"name": "198.51.100.33:8080", "partition": "k8s"}]
        await device.call("PATCH", "ltm/pool/~k8s~else", {"members": members})
        async with device.answer("v") as answer:
            assert await answer.text() == "ok"
        assert backend.asked == ["/"]
        await device.call("DELETE", "ltm/virtual/~k8s~v")


async def test_websockets_pass_with_a_websocket_profile(device: Lab) -> None:
    await profiled(device, "/Common/websocket", insertXforwardedFor="enabled")
    host, port = device.where("v")
    async with aiohttp.ClientSession() as session, session.ws_connect(f"http://{host}:{port}/ws") as socket:
        await socket.send_str("hello")
        assert (await socket.receive_str()) == "one: hello"


@pytest.mark.parametrize(
    ("profiles", "words"),
    [
        (["tcp", "websocket"], "an http virtual server profile is required"),
        (["tcp", "clientssl", "http2"], "renegotiation must be disabled in clientssl profile (/Common/clientssl)"),
        (["tcp", "http", "http2"], "requires a client SSL profile"),
        (["udp", "http"], "lists incompatible profiles"),
    ],
)
async def test_profiles_that_need_others_are_refused_without_them(device: Lab, profiles: list[str], words: str) -> None:
    body = {"name": "x", "partition": "k8s", "destination": "203.0.113.9:80", "profiles": profiles}
    assert words in (await device.call("POST", "ltm/virtual", body, expect=400))["message"]


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("http", {"redirectRewrite": "some"}),
        ("http", {"insertXforwardedFor": "yes"}),
        ("http", {"hsts": {"preload": "on"}}),
        ("http", {"viaRequest": "enabled"}),
        ("one-connect", {"idleTimeoutOverride": "soon"}),
        ("one-connect", {"limitType": "some"}),
        ("websocket", {"masking": "some"}),
    ],
)
async def test_a_profile_with_a_wrong_word_is_refused(device: Lab, kind: str, properties: dict[str, Any]) -> None:
    body = {"name": "x", "partition": "k8s", **properties}
    assert "invalid property value" in (await device.call("POST", f"ltm/profile/{kind}", body, expect=400))["message"]


async def test_the_devices_own_answer_to_head_has_no_body(device: Lab) -> None:
    pytest.importorskip("_tkinter", reason="iRules need Tcl (the Debian package python3-tk)")
    text = 'when HTTP_REQUEST { HTTP::respond 200 content "hello" }'
    await device.call("POST", "ltm/rule", {"name": "r", "partition": "k8s", "apiAnonymous": text})
    await device.virtual("v", "203.0.113.7", 18080, "web", rules=["/k8s/r"])
    host, port = device.where("v")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        for method, body in (("HEAD", ""), ("GET", "hello"), ("HEAD", "")):
            async with session.request(method, f"http://{host}:{port}/") as answer:
                assert (answer.headers["Content-Length"], await answer.text()) == ("5", body)
