"""HTTP/2 with clients, over real TLS: what is refused, what ends a stream or the connection, and what gets through."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from certificates import Authority
from h2 import events
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from http2lab import Member, Peer, agreeing, browser, member, peer
from simlab import Lab, lab, until
from tlslab import client_ssl, dial

from patience import PATIENCE_S

ROOT = Authority()
BIG = 2**21


@pytest.fixture
async def origin() -> AsyncIterator[Member]:
    async with member() as made:
        yield made


@pytest.fixture
async def device(origin: Member) -> AsyncIterator[Lab]:
    async with lab() as made:
        await made.pool("web", ("198.51.100.40", 8080))
        await client_ssl(made, "tls", ROOT.sign("a.example"), renegotiation="disabled")
        yield made


async def serve(device: Lab, *more: str, rules: tuple[str, ...] = (), **fields: Any) -> None:
    """The virtual server `v` with an http2 profile of these fields."""
    await device.call("POST", "ltm/profile/http2", {"name": "h2", "partition": "k8s", **fields})
    for number, text in enumerate(rules):
        await device.call("POST", "ltm/rule", {"name": f"r{number}", "partition": "k8s", "apiAnonymous": text})
    profiles = ["/Common/tcp", "/Common/http", "/k8s/tls", "/k8s/h2", *more]
    paths = [f"/k8s/r{number}" for number in range(len(rules))]
    await device.virtual("v", "203.0.113.7", 18443, "web", profiles=profiles, rules=paths)


# What the device refuses


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("activationModes", ["sometimes"]),
        ("activationModes", []),
        ("concurrentStreamsPerConnection", 0),
        ("concurrentStreamsPerConnection", 257),
        ("connectionIdleTimeout", 0),
        ("enforceTlsRequirements", "yes"),
        ("frameSize", 1023),
        ("frameSize", 16385),
        ("headerTableSize", 65536),
        ("includeContentLength", True),
        ("insertHeader", "on"),
        ("receiveWindow", 15),
        ("receiveWindow", 129),
        ("writeSize", 2047),
        ("writeSize", "much"),
    ],
)
async def test_a_profile_with_a_value_that_is_out_of_range_is_refused(device: Lab, field: str, value: Any) -> None:
    body = {"name": "h2", "partition": "k8s", field: value}
    assert "invalid property value" in (await device.call("POST", "ltm/profile/http2", body, expect=400))["message"]


async def test_a_profile_with_an_unknown_field_is_refused(device: Lab) -> None:
    body = {"name": "h2", "partition": "k8s", "pushPromises": "enabled"}
    assert "pushPromises" in (await device.call("POST", "ltm/profile/http2", body, expect=400))["message"]


async def test_a_profile_of_both_modes_is_refused(device: Lab) -> None:
    body = {"name": "h2", "partition": "k8s", "activationModes": ["alpn", "always"]}
    assert "exclude each other" in (await device.call("POST", "ltm/profile/http2", body, expect=400))["message"]


@pytest.mark.parametrize(
    ("profiles", "words"),
    [
        (["tcp", "/k8s/tls", "http2"], "an http virtual server profile is required for a http2 profile"),
        (["tcp", "http", "http2"], "http2 specified activation mode requires a client SSL profile"),
        (["tcp", "http", "clientssl", "http2"], "renegotiation must be disabled"),
    ],
)
async def test_a_virtual_server_without_what_http2_stands_on_is_refused(
    device: Lab, profiles: list[str], words: str
) -> None:
    body = {"name": "x", "partition": "k8s", "destination": "203.0.113.9:443", "profiles": profiles}
    assert words in (await device.call("POST", "ltm/virtual", body, expect=400))["message"]


# What ends a connection


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", bytes(64), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"])
async def test_a_client_that_agrees_on_h2_and_speaks_something_else_is_cut_off(device: Lab, said: bytes) -> None:
    await serve(device)
    reader, writer = await dial(device, "v", context=agreeing("h2"))
    writer.write(said)
    async with asyncio.timeout(PATIENCE_S):
        # The settings of the device come first, and nothing that looks like an answer.
        assert b"HTTP/1.1" not in await reader.read()
    writer.transport.abort()


async def test_a_frame_that_is_out_of_order_is_answered_with_goaway(device: Lab) -> None:
    await serve(device)
    async with peer(device) as client:
        # DATA of four bytes on stream 1, which is not open.
        client.raw(b"\x00\x00\x04\x00\x00\x00\x00\x00\x01abcd")
        gone = await client.until(events.ConnectionTerminated)
        assert gone.error_code == ErrorCodes.PROTOCOL_ERROR
        await client.ended()


async def test_a_client_that_has_more_requests_under_way_than_the_profile_allows_is_cut_off(
    device: Lab, origin: Member
) -> None:
    await serve(device, concurrentStreamsPerConnection=2)
    async with peer(device) as client:
        assert client.frames.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] == 2
        for _ in range(2):
            client.ask("/wait")
        await until(lambda: origin.under_way == 2)
        client.frames.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 3
        client.frames.remote_settings.acknowledge()
        client.ask("/wait")
        assert (await client.until(events.ConnectionTerminated)).error_code == ErrorCodes.PROTOCOL_ERROR
    await until(lambda: origin.under_way == 0)


async def test_a_connection_that_is_idle_for_too_long_is_closed_with_goaway(device: Lab) -> None:
    await serve(device, connectionIdleTimeout=1)
    async with peer(device) as client:
        number = client.ask()
        await client.until(events.StreamEnded, number)
        assert (await client.until(events.ConnectionTerminated)).error_code == ErrorCodes.NO_ERROR
        await client.ended()


async def test_tls_that_is_too_weak_for_http2_is_refused_unless_the_profile_lets_it_pass(device: Lab) -> None:
    weak = agreeing("h2")
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:@SECLEVEL=0")
    await serve(device)
    reader, writer = await dial(device, "v", context=weak)
    async with asyncio.timeout(PATIENCE_S):
        assert (await reader.read()).endswith(b"\0\0\0\x0c")
    writer.transport.abort()
    await device.call("PATCH", "ltm/profile/http2/~k8s~h2", {"enforceTlsRequirements": "disabled"})
    reader, writer = await dial(device, "v", context=weak)
    writer.write(b"not the preface of HTTP/2")
    async with asyncio.timeout(PATIENCE_S):
        assert not (await reader.read()).endswith(b"\0\0\0\x0c")
    writer.transport.abort()


async def test_a_client_that_says_goodbye_gets_what_it_has_asked_for(device: Lab, origin: Member) -> None:
    await serve(device)
    async with peer(device) as client:
        number = client.ask("/wait")
        await until(lambda: origin.under_way == 1)
        # GOAWAY without an error; h2 would hear no more itself, so it is sent past it.
        client.raw(b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(8))
        origin.go.set()
        await client.until(events.StreamEnded, number)
        assert client.body(number) == b"waited"
        await client.ended()


# What ends one stream


async def test_a_client_that_resets_a_stream_is_forgotten_by_the_member_and_goes_on(
    device: Lab, origin: Member
) -> None:
    await serve(device)
    async with peer(device) as client:
        number = client.ask("/wait")
        await until(lambda: origin.under_way == 1)
        client.frames.reset_stream(number, ErrorCodes.CANCEL)
        client.send()
        await asyncio.wait_for(origin.left.wait(), PATIENCE_S)
        number = client.ask()
        await client.until(events.StreamEnded, number)
        assert b'"length": 0' in client.body(number)


async def test_streams_that_are_reset_as_soon_as_they_are_opened_leave_nothing_behind(device: Lab) -> None:
    await serve(device, concurrentStreamsPerConnection=1, connectionIdleTimeout=1)
    async with peer(device) as client:
        for _ in range(100):
            number = client.frames.get_next_available_stream_id()
            head = [(":method", "GET"), (":authority", "a.example"), (":scheme", "https"), (":path", "/wait")]
            client.frames.send_headers(number, head)
            client.frames.reset_stream(number)
        client.send()
        # A connection with nothing under way is idle, and ends as such.
        assert (await client.until(events.ConnectionTerminated)).error_code == ErrorCodes.NO_ERROR


@pytest.mark.parametrize("path", ["/cut", "/reset"])
async def test_a_request_that_gets_no_answer_resets_its_stream_and_no_other(device: Lab, path: str) -> None:
    pytest.importorskip("_tkinter", reason="iRules need Tcl (the Debian package python3-tk)")
    await serve(device, rules=('when HTTP_REQUEST { if {[HTTP::path] eq "/reset"} { reject } }',))
    async with peer(device) as client:
        lost, kept = client.ask(path), client.ask("/kept")
        assert (await client.until(events.StreamReset, lost)).error_code == ErrorCodes.INTERNAL_ERROR
        await client.until(events.StreamEnded, kept)


@pytest.mark.parametrize(("method", "path"), [("CONNECT", ""), ("OPTIONS", "*"), ("GET", "http://b.example/")], ids=str)
async def test_a_request_for_no_path_resets_its_stream(device: Lab, method: str, path: str) -> None:
    await serve(device)
    async with peer(device) as client:
        client.frames.config.validate_outbound_headers = False
        number = client.ask(path, method=method)
        assert (await client.until(events.StreamReset, number)).error_code == ErrorCodes.PROTOCOL_ERROR


async def test_a_header_that_cannot_be_sent_resets_its_stream_and_spoils_no_other(device: Lab) -> None:
    pytest.importorskip("_tkinter", reason="iRules need Tcl (the Debian package python3-tk)")
    rule = 'when HTTP_RESPONSE { if {[HTTP::status] eq "200"} { HTTP::header insert "X A" a } }'
    await serve(device, rules=(rule, 'when HTTP_REQUEST { if {[HTTP::path] eq "/own"} { HTTP::respond 204 X-B b } }'))
    async with peer(device) as client:
        for _ in range(3):
            await client.until(events.StreamReset, client.ask())
            number = client.ask("/own")
            head = dict((await client.until(events.ResponseReceived, number)).headers)
            assert (head[":status"], head["x-b"]) == ("204", "b")


async def test_the_rest_of_a_body_that_nobody_wants_is_refused(device: Lab) -> None:
    pytest.importorskip("_tkinter", reason="iRules need Tcl (the Debian package python3-tk)")
    await serve(device, rules=("when HTTP_REQUEST { HTTP::respond 413 }",))
    async with peer(device) as client:
        for _ in range(40):
            # 40 times 16 KiB that nobody reads: the room of the connection (10 times 32 KiB) is given back.
            number = client.ask("/", method="POST", ends=False)
            client.frames.send_data(number, bytes(16384))
            client.send()
            head = dict((await client.until(events.ResponseReceived, number)).headers)
            assert head[":status"] == "413"
            assert (await client.until(events.StreamReset, number)).error_code == ErrorCodes.NO_ERROR


async def test_a_stream_that_is_reset_takes_no_room_from_the_others(device: Lab) -> None:
    pytest.importorskip("_tkinter", reason="iRules need Tcl (the Debian package python3-tk)")
    await serve(device, rules=('when HTTP_REQUEST { if {[HTTP::path] eq "/drop"} { drop } }',))
    async with peer(device) as client:
        for path in [*["/drop"] * 40, "/"]:
            # The room of the connection is 10 times 32 KiB, and bodies of 40 times 16 KiB are never read.
            number = client.ask(path, method="POST", ends=False)
            while client.frames.local_flow_control_window(number) < 16384:
                client.heard.clear()
                await client.until(events.WindowUpdated)
            client.frames.send_data(number, bytes(16384), end_stream=path == "/")
            if path == "/drop":
                client.frames.reset_stream(number)
            client.send()
        await client.until(events.StreamEnded, number)
        assert b'"length": 16384' in client.body(number)


# What works


async def test_a_client_is_offered_http2_and_may_stay_with_http1(device: Lab, origin: Member) -> None:
    await serve(device)
    async with browser(device) as client:
        answer = await client.get("/a%2Fb?x=1", headers={"X-A": "1"})
    assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
    assert origin.asked == ["GET /a%2Fb?x=1 HTTP/1.1"]
    assert "keep-alive" not in answer.headers
    for offered in (["http/1.1"], []):
        context = agreeing(*offered) if offered else agreeing("http/1.1")
        reader, writer = await dial(device, "v", context=context)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await reader.readuntil(b"\r\n")) == b"HTTP/1.1 200 OK\r\n"
        writer.transport.abort()


async def test_a_client_that_stays_connected_goes_on_with_what_it_agreed_on(device: Lab) -> None:
    await serve(device)
    async with browser(device) as client:
        assert (await client.get("/")).http_version == "HTTP/2"
        await device.call("PATCH", "ltm/virtual/~k8s~v", {"profiles": ["/Common/tcp", "/Common/http", "/k8s/tls"]})
        assert (await client.get("/")).http_version == "HTTP/2"
        async with browser(device) as other:
            assert (await other.get("/")).http_version == "HTTP/1.1"


async def test_members_get_the_host_and_one_cookie_header_and_what_tells_them_of_http2(device: Lab) -> None:
    await serve(device, insertHeader="enabled")
    async with peer(device) as client:
        number = client.ask("/", ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers"))
        await client.until(events.StreamEnded, number)
        found = {name.lower(): value for name, value in json.loads(client.body(number))["headers"]}
    wanted = {"host": "a.example", "cookie": "a=1; b=2", "x-http2": "1", "connection": "close"}
    assert found == wanted


@pytest.mark.parametrize(("word", "told"), [("disabled", False), ("enabled", True)])
async def test_the_length_of_an_answer_is_told_where_the_profile_says_so(device: Lab, word: str, told: bool) -> None:
    await serve(device, includeContentLength=word)
    async with browser(device) as client:
        answer = await client.get("/")
        assert ("content-length" in answer.headers) is told
        assert (await client.head("/")).status_code == 200


async def test_bodies_pass_both_ways_through_windows_that_are_smaller_than_they_are(device: Lab) -> None:
    await serve(device, receiveWindow=16)
    async with browser(device) as client:
        # httpx does not wait for the settings of its peer, and does not understand a window that became smaller.
        await client.get("/")
        sent, got = await asyncio.gather(client.post("/up", content=bytes(BIG)), client.get("/big"))
    assert (sent.json()["length"], len(got.content)) == (BIG, BIG)


async def test_a_client_that_reads_nothing_of_one_answer_reads_another(device: Lab) -> None:
    await serve(device)
    async with peer(device) as client:
        # The window of a stream holds 65535 bytes, and that of the connection is made larger.
        client.frames.increment_flow_control_window(BIG)
        client.send()
        slow, quick = client.ask("/big"), client.ask("/")
        await client.until(events.StreamEnded, quick)
        while len(client.body(slow)) < 65535:
            client.heard = [one for one in client.heard if isinstance(one, events.DataReceived)]
            await client.until(events.DataReceived, slow)
            number = client.ask("/")
            await client.until(events.StreamEnded, number)
        client.frames.increment_flow_control_window(BIG, slow)
        client.send()
        await client.until(events.StreamEnded, slow)
        assert len(client.body(slow)) == BIG
        sizes = {len(one.data) for one in client.heard if isinstance(one, events.DataReceived)}
        assert max(sizes) == 2048


async def test_fifty_requests_are_under_way_at_a_time_on_one_connection(device: Lab, origin: Member) -> None:
    await serve(device, concurrentStreamsPerConnection=50)
    async with browser(device) as client:
        asked = [asyncio.create_task(client.get("/wait")) for _ in range(50)]
        await until(lambda: origin.under_way == 50)
        stats = await device.call("GET", "ltm/virtual/~k8s~v/stats")
        [entry] = stats["entries"].values()
        figures = entry["nestedStats"]["entries"]
        assert (figures["clientside.curConns"]["value"], figures["totRequests"]["value"]) == (1, 50)
        origin.go.set()
        assert {(await one).text for one in asked} == {"waited"}


async def test_a_client_that_expects_it_is_told_to_go_on(device: Lab) -> None:
    await serve(device)
    async with peer(device) as client:
        number = client.ask("/", ("expect", "100-continue"), method="POST", ends=False)
        await client.until(events.InformationalResponseReceived, number)
        client.frames.send_data(number, b"abc", end_stream=True)
        client.send()
        await client.until(events.StreamEnded, number)
        assert b'"length": 3' in client.body(number)


async def test_where_the_profile_says_always_a_client_in_clear_speaks_http2(device: Lab) -> None:
    always = {"name": "always", "partition": "k8s", "activationModes": ["always"]}
    await device.call("POST", "ltm/profile/http2", always)
    profiles = ["/Common/tcp", "/Common/http", "/k8s/always"]
    await device.virtual("v", "203.0.113.7", 18080, "web", profiles=profiles)
    reader, writer = await asyncio.open_connection(*device.where("v"))
    client = Peer(reader, writer)
    client.frames.initiate_connection()
    number = client.ask()
    await client.until(events.StreamEnded, number)
    writer.transport.abort()


async def test_policies_decide_about_each_stream(device: Lab) -> None:
    rule = {
        "name": "r",
        "conditions": [{"name": "0", "httpUri": True, "path": True, "startsWith": True, "values": ["/old"]}],
        "actions": [{"name": "0", "httpReply": True, "redirect": True, "location": "https://b.example/"}],
    }
    body = {"name": "p", "partition": "k8s", "legacy": True, "rules": [rule], "strategy": "first-match"}
    await device.call("POST", "ltm/policy", {**body, "requires": ["http"], "controls": ["forwarding"]})
    await serve(device)
    await device.call("PATCH", "ltm/virtual/~k8s~v", {"policies": ["/k8s/p"]})
    async with browser(device) as client:
        old, new = await asyncio.gather(client.get("/old/1"), client.get("/new"))
    assert (old.status_code, old.headers["location"], new.status_code) == (302, "https://b.example/", 200)


async def test_variables_of_a_connection_are_each_streams_own(device: Lab, origin: Member) -> None:
    pytest.importorskip("_tkinter", reason="iRules need Tcl (the Debian package python3-tk)")
    rule = """when CLIENT_ACCEPTED { set seen 0; set kept(x) "client" }
    when HTTP_REQUEST { incr seen; set asked [HTTP::query] }
    when HTTP_RESPONSE { HTTP::header insert X-Told "$kept(x) $seen $asked" }"""
    await serve(device, rules=(rule,))
    async with browser(device) as client:
        asked = [asyncio.create_task(client.get(f"/wait?{number}")) for number in range(4)]
        await until(lambda: origin.under_way == 4)
        origin.go.set()
        told = [(await one).headers["x-told"] for one in asked]
    assert told == [f"client 1 {number}" for number in range(4)]


@pytest.mark.parametrize(("more", "context"), [((), "serverside"), (("/Common/httprouter",), "all")])
async def test_http2_with_members_is_said_not_to_be_spoken(device: Lab, more: tuple[str, ...], context: str) -> None:
    names = ["/Common/tcp", "/Common/http", "/k8s/tls", *more]
    profiles = [*names, {"name": "/Common/http2", "context": context}]
    await device.virtual("v", "203.0.113.7", 18443, "web", profiles=profiles)
    notes = (await device.listener("v"))["notes"]
    assert notes == ["/Common/http2: HTTP/2 with members is not implemented: they are spoken to in HTTP/1.1"]
