"""The pages for machines, over HTTP."""

from __future__ import annotations

import socket

import aiohttp
import pytest

from turnbuckle.web.app import NotServed, Pages, served


class Said:
    """Pages whose answers a test can change."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.missing: list[str] = []
        figures = "text/plain; version=0.0.4"
        self.pages = Pages(lambda: b"figures 1\n", figures, lambda: self.wrong, lambda: self.missing)


async def get(port: int, path: str, method: str = "GET") -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://127.0.0.1:{port}{path}") as reply,
    ):
        return reply.status, await reply.text(), reply.headers["Content-Type"]


async def test_health_and_ready_are_200_when_nothing_is_wrong():
    async with served("127.0.0.1:0", Said().pages) as port:
        assert (await get(port, "/health"))[:2] == (200, "ok\n")
        assert (await get(port, "/ready"))[:2] == (200, "ok\n")


async def test_what_is_wrong_is_503_with_a_sentence_a_line():
    said = Said()
    said.wrong, said.missing = ["It is stuck."], ["This is missing.", "So is that."]
    async with served("127.0.0.1:0", said.pages) as port:
        assert (await get(port, "/health"))[:2] == (503, "It is stuck.\n")
        assert (await get(port, "/ready"))[:2] == (503, "This is missing.\nSo is that.\n")
        said.missing = []
        assert (await get(port, "/ready"))[0] == 200


async def test_metrics_are_answered_in_their_own_type():
    async with served("127.0.0.1:0", Said().pages) as port:
        assert await get(port, "/metrics") == (200, "figures 1\n", "text/plain; version=0.0.4")


@pytest.mark.parametrize(("path", "method", "status"), [("/", "GET", 404), ("/health", "POST", 405)])
async def test_there_is_nothing_else(path, method, status):
    async with served("127.0.0.1:0", Said().pages) as port:
        assert (await get(port, path, method))[0] == status


async def test_an_ipv6_address_stands_in_brackets():
    async with served("[::1]:0", Said().pages) as port:
        assert port > 0


async def test_an_empty_address_serves_nothing():
    async with served("", Said().pages) as port:
        assert port == 0


async def test_a_port_in_use_is_a_sentence_that_names_the_flag():
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        plug.listen()
        address = f"127.0.0.1:{plug.getsockname()[1]}"
        with pytest.raises(NotServed) as raised:
            async with served(address, Said().pages):
                pass
    assert str(raised.value) == (
        f"--http-listen-address is {address}, and another program listens there. "
        "Name another one with --http-listen-address, or write off there to serve nothing."
    )


@pytest.mark.parametrize("address", ["192.0.2.1:18080", "no-such-host.invalid:18080"])
async def test_an_address_that_is_not_this_machines_is_a_sentence(address):
    with pytest.raises(NotServed, match=f"--http-listen-address is {address}"):
        async with served(address, Said().pages):
            pass
