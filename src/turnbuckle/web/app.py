"""The pages for machines: /metrics, /health and /ready. It knows no controller, only callables that answer.

/health and /ready answer 200 when there is nothing to say, else 503 with a sentence a line.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.Response]]

_SHUTDOWN_S = 1.0
_HEADERS = {"Cache-Control": "no-store", "Server": "turnbuckle"}


class NotServed(Exception):
    """The address cannot be listened on; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Pages:
    """What is answered. metrics: a body of type `metrics_type`; health, ready: what is wrong, in sentences."""

    metrics: Callable[[], bytes]
    metrics_type: str
    health: Callable[[], Iterable[str]]
    ready: Callable[[], Iterable[str]]


@asynccontextmanager
async def served(address: str, pages: Pages) -> AsyncIterator[int]:
    """Serves at HOST:PORT while the block runs, and answers the port; an empty address serves nothing, at port 0.

    Raises:
        NotServed: somebody else listens there, or the address is not one of this machine's.
    """
    if not address:
        yield 0
        return
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(_app(pages), access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        try:
            # Not reuse_port: a second controller has to be told that the port is taken.
            await web.TCPSite(runner, host.strip("[]") or None, int(port), reuse_port=False).start()
        except OSError as error:
            raise NotServed(_sentence(address, error)) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _app(pages: Pages) -> web.Application:
    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=pages.metrics(), headers={"Content-Type": pages.metrics_type, **_HEADERS})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/health", _sentences(pages.health))
    app.router.add_get("/ready", _sentences(pages.ready))
    return app


def _sentences(ask: Callable[[], Iterable[str]]) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        found = list(ask())
        text = "".join(f"{sentence}\n" for sentence in found) or "ok\n"
        return web.Response(status=503 if found else 200, text=text, headers=_HEADERS)

    return answer


def _sentence(address: str, error: OSError) -> str:
    hint = "Name another one with --http-listen-address, or write off there to serve nothing."
    if isinstance(error, socket.gaierror):
        return f"--http-listen-address is {address}, and no address of that name is known. {hint}"
    words = (error.strerror or str(error)).rstrip(".").lower()
    if "address already in use" in words:
        return f"--http-listen-address is {address}, and another program listens there. {hint}"
    return f"--http-listen-address is {address}, where this program cannot listen: {words}. {hint}"
