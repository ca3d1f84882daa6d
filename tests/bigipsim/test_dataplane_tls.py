"""TLS with clients and members: who gets which certificate, what is refused, and what a renewal does to whom."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
from certificates import Authority, rsa_key
from simlab import DG, Lab, http_backend, lab, once, pair, tcp_backend, until
from tlslab import (
    authority,
    client_ssl,
    common_name,
    dial,
    install,
    renew,
    secure_backend,
    server_ssl,
    serving,
    showing,
    shown,
    trusting,
)

from bigipsim.dataplane.addresses import open_socket
from bigipsim.dataplane.config import virtual_spec
from bigipsim.dataplane.tls import Contexts, client_facts
from bigipsim.dataplane.tls_accept import Gate
from bigipsim.dataplane.traffic import ClientTls

WEB, RAW = ("198.51.100.1", 8080), ("198.51.100.2", 9000)
SECURE = ("198.51.100.3", 8443)
ROOT, STRANGER = Authority(), Authority("Stranger")
TCP, HTTP = "/Common/tcp", "/Common/http"


@pytest.fixture
async def device() -> AsyncIterator[Lab]:
    async with lab() as made, http_backend("one", "127.1.0.1"), tcp_backend("two", "127.1.0.2"):
        await made.pool("web", WEB)
        await made.pool("raw", RAW)
        yield made


async def virtual(device: Lab, *profiles: str, pool: str = "web", http: bool = True, name: str = "v") -> None:
    kinds = [TCP, *([HTTP] if http else []), *profiles]
    await device.virtual(name, "203.0.113.7", 18443 if name == "v" else 18444, pool, profiles=kinds)


async def refused(device: Lab, name: str = "", context: ssl.SSLContext | None = None) -> None:
    """A client is not let in, or put out again before it learns anything."""
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        reader, writer = await dial(device, "v", name, context)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            await reader.readexactly(1)
        finally:
            writer.transport.abort()


# What does not work


async def test_a_client_in_clear_is_reset(device: Lab) -> None:
    await virtual(device, await client_ssl(device, "p", ROOT.sign("web.example.com")))
    reader, writer = await asyncio.open_connection(*device.where("v"))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    writer.transport.abort()


async def test_a_client_that_goes_away_in_the_handshake_harms_nobody(device: Lab) -> None:
    await virtual(device, await client_ssl(device, "p", ROOT.sign("web.example.com")))
    for said in (b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"):
        _, writer = await asyncio.open_connection(*device.where("v"))
        writer.write(said)
        writer.close()
        await writer.wait_closed()
    assert await shown(device, "v") == "web.example.com"


async def test_a_client_that_does_not_trust_the_certificate_goes_and_others_stay(device: Lab) -> None:
    await virtual(device, await client_ssl(device, "p", ROOT.sign("web.example.com", "web.example.com")))
    with pytest.raises(ssl.SSLCertVerificationError):
        await dial(device, "v", "web.example.com", trusting(STRANGER.pem))
    assert await shown(device, "v", "web.example.com", trusting(ROOT.pem)) == "web.example.com"


async def test_a_profile_that_needs_a_known_name_turns_others_away(device: Lab) -> None:
    signed = ROOT.sign("web.example.com", "web.example.com")
    await virtual(device, await client_ssl(device, "p", signed, sniRequire="true"))
    for name in ("", "other.example.com"):
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
            await dial(device, "v", name)
    assert await shown(device, "v", "web.example.com") == "web.example.com"


async def test_a_version_that_the_profile_does_not_allow_is_not_spoken(device: Lab) -> None:
    await virtual(device, await client_ssl(device, "p", ROOT.sign("web.example.com")))
    newest = trusting()
    newest.minimum_version = ssl.TLSVersion.TLSv1_3
    await refused(device, context=newest)
    await device.call("PATCH", "ltm/profile/client-ssl/~k8s~p", {"tmOptions": "{ dont-insert-empty-fragments }"})
    assert await shown(device, "v", context=newest) == "web.example.com"


async def test_a_key_that_a_dump_did_not_bring_is_asked_for(device: Lab) -> None:
    await virtual(device, await client_ssl(device, "p", ROOT.sign("web.example.com")))
    dump = await device.call("GET", "/_sim/dump")
    async with lab() as other:
        await other.call("POST", "/_sim/load", dump)
        state = (await other.listener("v"))["state"]
        assert state == "not served: the content of its key /k8s/p.key is not known here; upload it again"


async def test_tls_over_udp_is_listed_and_not_opened(device: Lab) -> None:
    profiles = ["/Common/udp", "/Common/clientssl"]
    await device.virtual("u", "203.0.113.7", 18445, "raw", ipProtocol="udp", profiles=profiles)
    assert (await device.listener("u"))["state"] == "not served: TLS over UDP is not implemented"


# With clients


async def test_an_http_virtual_server_speaks_tls(device: Lab) -> None:
    signed = ROOT.sign("web.example.com", "web.example.com")
    await virtual(device, await client_ssl(device, "p", signed))
    host, port = device.where("v")
    found = await device.listener("v")
    assert (found["state"], found["tls"]) == ("listening", ["/k8s/p"])
    async with (
        once() as session,
        session.post(
            f"https://{host}:{port}/a?b",
            data=b"x" * 300_000,
            ssl=trusting(ROOT.pem),
            server_hostname="web.example.com",
        ) as answer,
    ):
        seen = await answer.json()
    assert (seen["path"], seen["length"]) == ("/a?b", 300_000)


async def test_a_tcp_virtual_server_speaks_tls_and_ends_in_good_order(device: Lab) -> None:
    await virtual(device, "/Common/clientssl", pool="raw", http=False)
    reader, writer = await dial(device, "v")
    assert await reader.readline() == b"two\n"
    writer.write(b"y" * 500_000)
    assert await reader.readexactly(500_000) == b"y" * 500_000
    writer.close()
    await writer.wait_closed()
    counters = device.box.runtime.counters("ltm/virtual", "/k8s/v")
    await until(lambda: counters.cur_conns == 0)


async def test_a_member_that_ends_ends_the_clients_tls(device: Lab) -> None:
    async def brief(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.close()

    async with await asyncio.start_server(brief, "127.1.0.9", 9000):
        await device.pool("brief", ("198.51.100.9", 9000))
        await virtual(device, "/Common/clientssl", pool="brief", http=False)
        reader, writer = await dial(device, "v")
        assert await reader.read() == b"bye"
        writer.close()


async def test_websockets_pass_through_tls(device: Lab) -> None:
    await virtual(device, "/Common/clientssl")
    host, port = device.where("v")
    async with once() as session, session.ws_connect(f"https://{host}:{port}/ws") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "one: hello"


async def test_every_client_gets_the_certificate_for_its_name(device: Lab) -> None:
    profiles = [
        await client_ssl(device, "first", ROOT.sign("default"), sniDefault="true"),
        await client_ssl(device, "named", ROOT.sign("named"), serverName="Shop.example.com"),
        await client_ssl(device, "wild", ROOT.sign("wild"), serverName="*.example.com"),
        await client_ssl(device, "by-content", ROOT.sign("content", "one.example.org", "*.two.example.org")),
    ]
    await virtual(device, *profiles)
    expected = {
        "": "default",
        "unknown.example.net": "default",
        "shop.example.com": "named",
        "SHOP.EXAMPLE.COM": "named",
        "other.example.com": "wild",
        "a.other.example.com": "default",
        "example.com": "default",
        "one.example.org": "content",
        "x.two.example.org": "content",
    }
    assert {name: await shown(device, "v", name) for name in expected} == expected


async def test_a_profile_has_one_certificate_for_each_sort_of_key(device: Lab) -> None:
    chain = [
        await install(device, "rsa", ROOT.sign("rsa", key=rsa_key())),
        await install(device, "ec", ROOT.sign("ec")),
    ]
    await virtual(device, await client_ssl(device, "p", certKeyChain=chain))
    for sort, ciphers in (("rsa", "ECDHE+aRSA"), ("ec", "ECDHE+aECDSA")):
        context = trusting()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
        assert await shown(device, "v", context=context) == sort


@pytest.mark.parametrize("chain", ["chain.crt", "p.crt"])
async def test_the_chain_is_sent_along_once_whatever_file_it_is_in(device: Lab, chain: str) -> None:
    signed = ROOT.sign("web.example.com")
    pair = await install(device, "p", replace(signed, certificate=signed.certificate + ROOT.pem))
    await authority(device, "chain.crt", ROOT.pem)
    await virtual(device, await client_ssl(device, "p", certKeyChain=[{**pair, "chain": f"/k8s/{chain}"}]))
    _, writer = await dial(device, "v")
    sent = writer.get_extra_info("ssl_object")._sslobj.get_unverified_chain()
    assert [one.get_info()["subject"][1][0][1] for one in sent] == ["web.example.com", "Test Root"]
    writer.transport.abort()


async def test_what_was_settled_with_a_client_is_told(device: Lab) -> None:
    ca = await authority(device, "ca.crt", ROOT.pem)
    options = {"tmOptions": "none", "peerCertMode": "request", "caFile": ca}
    await virtual(device, await client_ssl(device, "p", ROOT.sign("web.example.com"), **options))
    spec = virtual_spec(device.box.tree, "/k8s/v")
    assert spec is not None
    profiles = [replace(one, alpn=("h2", "http/1.1")) for one in spec.client_ssl]
    told: asyncio.Queue[ClientTls | None] = asyncio.Queue()

    class Listening(asyncio.Protocol):
        def __init__(self, server_name: str) -> None:
            self.server_name = server_name

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            told.put_nowait(client_facts(transport, self.server_name))

    sock = open_socket("127.0.0.1", 0, socket.SOCK_STREAM)
    host, port = sock.getsockname()
    gate = Gate(sock, Listening, lambda: profiles, Contexts(device.box.tree.files))
    await gate.open()
    context = showing(trusting(), ROOT.sign("joe"))
    context.set_alpn_protocols(["http/1.1"])
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname="Shop.example.com")
    assert await told.get() == ClientTls(
        "shop.example.com", "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "http/1.1", "CN=joe,O=Tests"
    )
    writer.transport.abort()
    await gate.stop()


async def test_ciphers_are_those_of_the_profile(device: Lab) -> None:
    profile = await client_ssl(device, "p", ROOT.sign("web.example.com"), ciphers="ecdhe_ecdsa+aes-gcm:!sslv3:@speed")
    await virtual(device, profile)
    _, writer = await dial(device, "v")
    assert "AES" in writer.get_extra_info("cipher")[0] and "GCM" in writer.get_extra_info("cipher")[0]
    writer.transport.abort()
    old = trusting()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("ECDHE+CHACHA20")
    await refused(device, context=old)


async def test_clients_must_be_signed_by_the_authority_of_the_profile_that_they_meet(device: Lab) -> None:
    ca = await authority(device, "ca.crt", ROOT.pem)
    profiles = [
        await client_ssl(device, "open", ROOT.sign("open"), sniDefault="true"),
        await client_ssl(
            device, "closed", ROOT.sign("closed"), serverName="closed.example.com", peerCertMode="require", caFile=ca
        ),
    ]
    await virtual(device, *profiles)
    assert await shown(device, "v") == "open"
    await refused(device, "closed.example.com")
    await refused(device, "closed.example.com", showing(trusting(), STRANGER.sign("eve")))
    known = showing(trusting(), ROOT.sign("joe"))
    assert await shown(device, "v", "closed.example.com", known) == "closed"


async def test_clients_in_clear_are_let_through_where_the_profile_says_so(device: Lab) -> None:
    await virtual(device, await client_ssl(device, "p", ROOT.sign("web.example.com"), allowNonSsl="enabled"))
    assert (await device.get("v"))["backend"] == "one"
    assert await shown(device, "v") == "web.example.com"


async def test_tls_comes_and_goes_with_the_profile(device: Lab) -> None:
    await virtual(device)
    assert (await device.get("v"))["backend"] == "one"
    profiles = {"profiles": [TCP, HTTP, "/Common/clientssl"]}
    await device.call("PATCH", "ltm/virtual/~k8s~v", profiles)
    assert await shown(device, "v") == "localhost.localdomain"
    await device.call("PATCH", "ltm/virtual/~k8s~v", {"profiles": [TCP, HTTP]})
    assert (await device.get("v"))["backend"] == "one"


# Renewal


async def test_a_renewed_certificate_is_for_new_clients_and_old_ones_stay(device: Lab) -> None:
    await virtual(device, await client_ssl(device, "p", ROOT.sign("old")), pool="raw", http=False)
    reader, writer = await dial(device, "v")
    assert (common_name(writer), await reader.readline()) == ("old", b"two\n")
    await renew(device, "p", ROOT.sign("new"))
    assert await shown(device, "v") == "new"
    writer.write(b"still here")
    assert await reader.readexactly(10) == b"still here"
    writer.transport.abort()


async def test_clients_that_keep_coming_notice_no_renewal(device: Lab) -> None:
    signed = ROOT.sign("0", "web.example.com")
    await virtual(device, await client_ssl(device, "p", signed))
    host, port = device.where("v")
    context, renewed = trusting(ROOT.pem), asyncio.Event()
    answered: list[int] = []

    async def keep_coming() -> None:
        while not renewed.is_set():
            async with (
                once() as session,
                session.get(f"https://{host}:{port}/", ssl=context, server_hostname="web.example.com") as answer,
            ):
                answered.append(answer.status)
                await answer.read()

    async with asyncio.TaskGroup() as group, aiohttp.ClientSession() as kept:
        group.create_task(keep_coming())
        group.create_task(keep_coming())
        for number in range(1, 6):
            before = len(answered)
            await renew(device, "p", ROOT.sign(str(number), "web.example.com"))
            assert await shown(device, "v") == str(number)
            async with kept.get(f"https://{host}:{port}/", ssl=context, server_hostname="web.example.com") as answer:
                assert answer.status == 200
            await until(lambda before=before: len(answered) > before)
        renewed.set()
    assert set(answered) == {200}


async def test_another_profile_and_another_certificate_in_a_profile_take_effect_at_once(device: Lab) -> None:
    await virtual(device, await client_ssl(device, "a", ROOT.sign("a")))
    assert await shown(device, "v") == "a"
    other = await client_ssl(device, "b", ROOT.sign("b"))
    await device.call("PATCH", "ltm/virtual/~k8s~v", {"profiles": [TCP, HTTP, other]})
    assert await shown(device, "v") == "b"
    chain = {"certKeyChain": [await install(device, "c", ROOT.sign("c"))]}
    await device.call("PATCH", "ltm/profile/client-ssl/~k8s~b", chain)
    assert await shown(device, "v") == "c"
    assert (await device.call("GET", "/_sim/listeners"))["listeners"][0]["tls"] == ["/k8s/b"]


# With members


async def test_members_are_spoken_to_in_tls(device: Lab) -> None:
    async with secure_backend("secure", "127.1.0.3", serving(ROOT.sign("member"))) as asked:
        await device.pool("secure", SECURE)
        await virtual(device, await server_ssl(device, "s", serverName="member.example.com"), pool="secure")
        assert await device.get("v") == {"backend": "secure", "scheme": "https"}
        assert (await device.listener("v"))["tlsToMembers"] == ["/k8s/s"]
        host, port = device.where("v")
        async with once() as session, session.ws_connect(f"http://{host}:{port}/ws") as socket:
            await socket.send_str("hello")
            assert await socket.receive_str() == "secure: hello"
    assert set(asked) == {"member.example.com"}


async def test_traffic_is_encrypted_again(device: Lab) -> None:
    async with secure_backend("secure", "127.1.0.3", serving(ROOT.sign("member"))):
        await device.pool("secure", SECURE)
        for name, http in (("v", True), ("w", False)):
            await virtual(device, "/Common/clientssl", "/Common/serverssl", pool="secure", http=http, name=name)
            host, port = device.where(name)
            async with once() as session, session.get(f"https://{host}:{port}/") as answer:
                assert await answer.json() == {"backend": "secure", "scheme": "https"}


@pytest.mark.parametrize("http", [True, False])
async def test_a_member_is_trusted_as_far_as_the_profile_says(device: Lab, http: bool) -> None:
    ca = await authority(device, "ca.crt", ROOT.pem)
    wanted = {"peerCertMode": "require", "caFile": ca, "authenticateName": "member.example.com"}
    await device.pool("secure", SECURE)
    await virtual(device, await server_ssl(device, "s", **wanted), pool="secure", http=http)
    for signer, name, good in (
        (ROOT, "member.example.com", True),
        (ROOT, "other.example.com", False),
        (STRANGER, "member.example.com", False),
    ):
        async with secure_backend("secure", "127.1.0.3", serving(signer.sign(name, name))):
            if good:
                assert (await device.get("v"))["backend"] == "secure"
            else:
                with pytest.raises(aiohttp.ClientError):
                    await device.get("v")


async def test_a_member_may_ask_who_the_device_is(device: Lab) -> None:
    pair = await install(device, "device", ROOT.sign("device"))
    async with secure_backend("secure", "127.1.0.3", serving(ROOT.sign("member"), clients=ROOT.pem)):
        await device.pool("secure", SECURE)
        profile = await server_ssl(device, "s", cert=pair["cert"], key=pair["key"])
        await virtual(device, profile, pool="secure")
        assert (await device.get("v"))["backend"] == "secure"


async def test_the_name_that_a_client_asks_for_is_passed_on(device: Lab) -> None:
    async with secure_backend("secure", "127.1.0.3", serving(ROOT.sign("member"))) as asked:
        await device.pool("secure", SECURE)
        profiles = [TCP, HTTP, "/Common/clientssl", "/Common/serverssl"]
        more = {"profiles": profiles, "serversslUseSni": "enabled"}
        await device.virtual("v", "203.0.113.7", 18443, "secure", **more)
        host, port = device.where("v")
        async with (
            once() as session,
            session.get(f"https://{host}:{port}/", ssl=trusting(), server_hostname="shop.example.com") as answer,
        ):
            assert answer.status == 200
    assert asked == ["shop.example.com"]


async def test_a_name_to_ask_for_and_another_to_check_are_not_served(device: Lab) -> None:
    ca = await authority(device, "ca.crt", ROOT.pem)
    names = {"serverName": "a.example.com", "authenticateName": "b.example.com"}
    await virtual(device, await server_ssl(device, "s", peerCertMode="require", caFile=ca, **names))
    assert "here both must be one" in (await device.listener("v"))["state"]


async def test_the_unit_that_takes_over_has_certificates_and_keys() -> None:
    async with pair(dataplane=True) as (one, other), http_backend("b", "127.1.0.1"):
        await one.pool("web", WEB)
        profile = await client_ssl(one, "p", ROOT.sign("web.example.com"))
        await one.virtual("v", "203.0.113.46", 18146, "web", profiles=[TCP, HTTP, profile])
        await one.sync(f"to-group {DG}")
        await until(lambda: other.box.tree.get("ltm/virtual", "/k8s/v") is not None)
        await one.fail_over("standby")
        await until(lambda: other.group.state == "active")
        await other.server.settled()
        assert await shown(other, "v") == "web.example.com"


async def test_an_https_monitor_speaks_as_its_profile_says(device: Lab) -> None:
    async with secure_backend("secure", "127.1.0.3", serving(ROOT.sign("member"))) as asked:
        profile = await server_ssl(device, "s", serverName="member.example.com")
        body = {"name": "m", "partition": "k8s", "interval": 1, "timeout": 4, "recv": "secure", "sslProfile": profile}
        await device.call("POST", "ltm/monitor/https", body)
        await device.pool("secure", SECURE, monitor="/k8s/m")
        statuses = device.box.runtime.member_status
        await until(lambda: statuses.get(("/k8s/secure", "/k8s/198.51.100.3:8443")) == "up")
        assert set(asked) == {"member.example.com"}
        await device.call("PATCH", "ltm/profile/server-ssl/~k8s~s", {"serverName": "other.example.com"})
        await until(lambda: "other.example.com" in asked)
