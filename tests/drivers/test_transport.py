"""Real sockets: which certificates are accepted, and that a reply arrives whole or not at all."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from turnbuckle.drivers.base import CertificateRefused, Unreachable
from turnbuckle.drivers.icontrol import transport as transport_module
from turnbuckle.drivers.icontrol.transport import AiohttpTransport

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Certificate:
    pem: str
    key: str
    fingerprint: str


def certificate(host: str = "localhost.localdomain") -> Certificate:
    """A self-signed certificate, as a device makes one for itself; an address is named as such."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    named: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([named]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        made.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        made.fingerprint(hashes.SHA256()).hex(":").upper(),
    )


@asynccontextmanager
async def server(folder: Path, shown: Certificate | None, handler: Handler, port: int = 0) -> AsyncIterator[str]:
    context = None
    if shown is not None:
        (folder / "device.pem").write_text(shown.pem + shown.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "device.pem")
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=context)
    await site.start()
    found = runner.addresses[0][1]
    try:
        yield f"{'http' if shown is None else 'https'}://127.0.0.1:{found}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def transport(url: str, trusted_certs: str = "", insecure: bool = False) -> AsyncIterator[AiohttpTransport]:
    made = AiohttpTransport(url, trusted_certs=trusted_certs, insecure=insecure)
    try:
        yield made
    finally:
        await made.close()


async def hello(request: web.Request) -> web.StreamResponse:
    return web.json_response(
        {"path": request.raw_path, "cookies": dict(request.cookies)}, headers={"Set-Cookie": "a=b"}
    )


async def test_a_certificate_that_does_not_verify_is_refused_with_its_fingerprint(tmp_path: Path) -> None:
    shown = certificate()
    async with server(tmp_path, shown, hello) as url, transport(url) as line:
        with pytest.raises(CertificateRefused) as refused:
            await line.send("GET", "/x", {}, b"")
    assert refused.value.fingerprint == shown.fingerprint
    for words in (
        shown.fingerprint,
        "openssl s_client -connect 127.0.0.1:",
        "--trusted-certs bigip.pem",
        "--insecure",
        url,
    ):
        assert words in str(refused.value)


async def test_the_devices_own_certificate_is_trusted_under_any_name(tmp_path: Path) -> None:
    shown = certificate()
    (tmp_path / "trusted.pem").write_text(certificate("other").pem + "\n" + shown.pem)
    async with server(tmp_path, shown, hello) as url:
        for trusted in (str(tmp_path / "trusted.pem"), shown.pem):
            async with transport(url, trusted) as line:
                assert (await line.send("GET", "/x", {}, b"")).status == 200


async def test_another_certificate_than_the_trusted_one_is_refused(tmp_path: Path) -> None:
    shown = certificate()
    async with server(tmp_path, shown, hello) as url, transport(url, certificate().pem) as line:
        with pytest.raises(CertificateRefused, match=shown.fingerprint):
            await line.send("GET", "/x", {}, b"")


async def test_a_device_that_shows_another_certificate_later_is_refused(tmp_path: Path) -> None:
    first, second = certificate(), certificate()
    async with server(tmp_path, first, hello) as url:
        line = AiohttpTransport(url, trusted_certs=first.pem)
        assert (await line.send("GET", "/x", {}, b"")).status == 200
        await line.close()
    try:
        async with server(tmp_path, second, hello, int(url.rpartition(":")[2])):
            with pytest.raises(CertificateRefused) as refused:
                await line.send("GET", "/x", {}, b"")
            assert refused.value.fingerprint == second.fingerprint
    finally:
        await line.close()


async def test_a_certificate_for_the_right_name_from_a_trusted_authority_needs_no_pin(tmp_path: Path) -> None:
    shown = certificate("127.0.0.1")
    async with server(tmp_path, shown, hello) as url, transport(url, shown.pem) as line:
        assert (await line.send("GET", "/x", {}, b"")).status == 200


async def test_any_certificate_is_accepted_when_told_so(tmp_path: Path) -> None:
    async with server(tmp_path, certificate(), hello) as url, transport(url, insecure=True) as line:
        assert (await line.send("GET", "/x", {}, b"")).status == 200


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        ("nothing here", "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\n@@@\n-----END CERTIFICATE-----", "cannot be decoded|cannot be used"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "cannot be used"),
    ],
)
def test_a_file_without_certificates_is_one_sentence(tmp_path: Path, content: str | None, words: str) -> None:
    file = tmp_path / "trusted.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match=words):
        AiohttpTransport("https://127.0.0.1:1", trusted_certs=str(file))


async def test_the_path_goes_out_as_it_stands_and_cookies_do_not_come_back(tmp_path: Path) -> None:
    async with server(tmp_path, None, hello) as url, transport(url) as line:
        for _ in range(2):
            reply = await line.send("GET", "/mgmt/~k8s~10.0.0.1%252:80?$filter=partition%20eq%20k8s", {}, b"")
        assert reply.body == (b'{"path": "/mgmt/~k8s~10.0.0.1%252:80?$filter=partition%20eq%20k8s", "cookies": {}}')
        assert reply.headers["content-type"].startswith("application/json")


async def test_half_a_reply_is_no_reply(tmp_path: Path) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Length": "100"})
        await reply.prepare(request)
        await reply.write(b'{"items": [')
        assert request.transport is not None
        request.transport.abort()
        return reply

    async with server(tmp_path, None, cut) as url, transport(url) as line:
        with pytest.raises(Unreachable):
            await line.send("GET", "/x", {}, b"")


async def test_a_refused_connection_is_a_sentence_with_the_address() -> None:
    async with transport("http://127.0.0.1:1") as line:
        with pytest.raises(Unreachable, match=r"BIG-IP at http://127\.0\.0\.1:1 cannot be reached"):
            await line.send("GET", "/x", {}, b"")


async def test_a_server_without_tls_is_unreachable(tmp_path: Path) -> None:
    async with server(tmp_path, None, hello) as url, transport(url.replace("http:", "https:")) as line:
        with pytest.raises(Unreachable):
            await line.send("GET", "/x", {}, b"")


async def test_a_connection_that_ends_without_a_word_is_unreachable() -> None:
    async def end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(end, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener, transport(f"http://127.0.0.1:{port}") as line:
        with pytest.raises(Unreachable):
            await line.send("POST", "/x", {}, b"{}")


async def test_a_server_that_never_finishes_the_handshake_is_told_with_what_to_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport_module, "CONNECT_S", 0.05)
    async with _peer(_silent) as port:
        address = f"https://127.0.0.1:{port}"
        words = await _said_of(address)
    assert words == (
        f"The BIG-IP at {address} does not take a connection within 0.05 s. "
        "Check the address and the port, and that no firewall lies in between."
    )


async def test_a_server_that_takes_a_request_and_says_nothing_is_told_with_what_to_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "REPLY_S", 0.05)
    async with _peer(_silent) as port:
        words = await _said_of(f"http://127.0.0.1:{port}")
    assert "does not answer within 0.05 s. Look whether it is overloaded or restarting" in words


async def test_a_name_that_nobody_knows_is_told_without_words_of_a_library() -> None:
    words = await _said_of("https://bigip.invalid")
    assert words.startswith("The BIG-IP at https://bigip.invalid cannot be reached: nobody knows that name.")


async def test_a_port_without_tls_is_told_without_words_of_a_library() -> None:
    async with _peer(_greeting) as port:
        words = await _said_of(f"https://127.0.0.1:{port}")
    assert "does not speak TLS as a BIG-IP does. Check that the port" in words
    assert "SSL" not in words


async def test_a_refused_connection_is_told_without_words_of_a_library() -> None:
    words = await _said_of("https://127.0.0.1:1")
    assert "it refuses the connection. Check the port" in words
    assert "ssl" not in words


async def _said_of(address: str) -> str:
    transport = AiohttpTransport(address, insecure=True)
    try:
        with pytest.raises(Unreachable) as refused:
            await transport.send("GET", "/mgmt/tm/ltm", {}, b"")
    finally:
        await transport.close()
    return str(refused.value)


@asynccontextmanager
async def _peer(serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    """The port of a server that serves one connection, and is over when that is."""
    over = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except OSError:
            pass
        finally:
            writer.transport.abort()
            over.set()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await over.wait()
    await asyncio.sleep(0)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    await writer.drain()
    await reader.read()
