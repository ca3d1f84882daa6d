"""TLS on a simulated device with real sockets: certificates onto it, handshakes with it, members that speak TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web
from certificates import Signed
from cryptography import x509
from simlab import Lab

from bigipsim.dataplane.tls import load_pair

TRANSACTION = "X-F5-REST-Coordination-Id"


async def upload(lab: Lab, name: str, content: bytes) -> dict[str, str]:
    """Brings a content onto the device; answers the property that names it."""
    url = f"{lab.server.url}/mgmt/shared/file-transfer/uploads/{name}"
    span = f"0-{len(content) - 1}/{len(content)}"
    async with lab.session.post(url, data=content, headers={"Content-Range": span}) as answer:
        assert answer.status == 200, await answer.text()
    return {"sourcePath": f"file:/var/config/rest/downloads/{name}"}


async def install(lab: Lab, name: str, signed: Signed) -> dict[str, str]:
    """Makes /k8s/<name>.crt and .key; answers the entry of a chain."""
    for kind, suffix, content in (("cert", "crt", signed.certificate), ("key", "key", signed.key)):
        source = await upload(lab, f"{name}.{suffix}", content)
        body = {"name": f"{name}.{suffix}", "partition": "k8s", **source}
        await lab.call("POST", f"sys/file/ssl-{kind}", body)
    return {"name": name, "cert": f"/k8s/{name}.crt", "key": f"/k8s/{name}.key"}


async def authority(lab: Lab, name: str, content: bytes) -> str:
    """Makes the certificate /k8s/<name>; answers its path."""
    body = {"name": name, "partition": "k8s", **await upload(lab, name, content)}
    await lab.call("POST", "sys/file/ssl-cert", body)
    return f"/k8s/{name}"


async def renew(lab: Lab, name: str, signed: Signed) -> None:
    """Puts another content into /k8s/<name>.crt and .key, in one transaction."""
    number = str((await lab.call("POST", "transaction", {}))["transId"])
    for kind, suffix, content in (("cert", "crt", signed.certificate), ("key", "key", signed.key)):
        source = await upload(lab, f"{name}.{suffix}", content)
        await lab.call("PATCH", f"sys/file/ssl-{kind}/~k8s~{name}.{suffix}", source, **{TRANSACTION: number})
    done = await lab.call("PATCH", f"transaction/{number}", {"state": "VALIDATING"})
    assert done["state"] == "COMPLETED"


async def client_ssl(lab: Lab, name: str, signed: Signed | None = None, **fields: Any) -> str:
    """Makes the profile /k8s/<name>, with a certificate of that name if one is given; answers its path."""
    chain = {"certKeyChain": [await install(lab, name, signed)]} if signed is not None else {}
    await lab.call("POST", "ltm/profile/client-ssl", {"name": name, "partition": "k8s", **chain, **fields})
    return f"/k8s/{name}"


async def server_ssl(lab: Lab, name: str, **fields: Any) -> str:
    """Makes the profile /k8s/<name>; answers its path."""
    await lab.call("POST", "ltm/profile/server-ssl", {"name": name, "partition": "k8s", **fields})
    return f"/k8s/{name}"


def trusting(pem: bytes | None = None) -> ssl.SSLContext:
    """What a client is set up with: it trusts one authority, or everybody and whatever name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if pem is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=pem.decode())
    return context


def serving(signed: Signed, clients: bytes | None = None) -> ssl.SSLContext:
    """What a member is set up with; `clients` is the authority that must have signed whoever speaks to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_pair(context, signed.certificate, signed.key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients.decode())
    return context


def showing(context: ssl.SSLContext, signed: Signed) -> ssl.SSLContext:
    """A client that shows a certificate of its own."""
    load_pair(context, signed.certificate, signed.key)
    return context


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def dial(lab: Lab, virtual: str, name: str = "", context: ssl.SSLContext | None = None) -> Streams:
    """A TLS connection to a virtual server, asking for a name ("" for none)."""
    host, port = lab.where(virtual)
    return await asyncio.open_connection(host, port, ssl=context or trusting(), server_hostname=name)


async def shown(lab: Lab, virtual: str, name: str = "", context: ssl.SSLContext | None = None) -> str:
    """The common name in the certificate that a virtual server shows to a client that asks for a name."""
    _, writer = await dial(lab, virtual, name, context)
    try:
        return common_name(writer)
    finally:
        writer.transport.abort()


def common_name(writer: asyncio.StreamWriter) -> str:
    """The common name in the certificate of the other side."""
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    subject = x509.load_der_x509_certificate(certificate).subject.rfc4514_string()
    return subject.split(",")[0].removeprefix("CN=")


@contextlib.asynccontextmanager
async def secure_backend(name: str, host: str, context: ssl.SSLContext, port: int = 8443) -> AsyncIterator[list[str]]:
    """A web server with TLS; yields the names that its clients asked for."""
    asked: list[str] = []
    context.sni_callback = lambda _, server_name, __: asked.append(server_name or "")

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/ws":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for message in socket:
                await socket.send_str(f"{name}: {message.data}")
            return socket
        return web.json_response({"backend": name, "scheme": request.scheme})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0)
    await runner.setup()
    await web.TCPSite(runner, host, port, ssl_context=context).start()
    try:
        yield asked
    finally:
        await runner.cleanup()
