"""Decides what becomes of one request to a virtual server: it fires the events and carries out the verdicts."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final, Literal

import aiohttp
from multidict import CIMultiDict

from bigipsim.clock import Clock
from bigipsim.dataplane import http_member, persist
from bigipsim.dataplane.connect import dial
from bigipsim.dataplane.http_client import Client
from bigipsim.dataplane.http_exchange import Exchange
from bigipsim.dataplane.http_member import HEAD_END, Members, Readable, Tunnel
from bigipsim.dataplane.parts import Parts
from bigipsim.dataplane.routing import route
from bigipsim.dataplane.selection import Choice, Flow, Selection
from bigipsim.dataplane.traffic import Drop, Event, Respond, Response, Traffic

BODILESS: Final = frozenset({204, 304})
"""Statuses of answers that have no body (RFC 9110, sections 15.3.5 and 15.4.5)."""


@dataclass(frozen=True, slots=True)
class Means:
    """What requests are carried out with."""

    selection: Selection
    members: Members
    parts: Parts
    clock: Clock


class Transaction:
    """One request and its answer."""

    def __init__(self, means: Means, traffic: Traffic, exchange: Exchange) -> None:
        self._means = means
        self._traffic = traffic
        self._exchange = exchange
        self._released = False

    async def run(self) -> None:
        """Carries the request to where the parts want it, and the answer to the client."""
        await self._arrive()
        means = self._means
        if await route(self._traffic, means.selection, means.parts, self._arrive, self._reach) is None:
            await self._conclude()

    async def _arrive(self) -> None:
        """Tells the parts of the request, and of its body if one of them wants it."""
        traffic, request = self._traffic, self._traffic.request
        assert request is not None
        traffic.fire(Event.HTTP_REQUEST)
        if request.wanted and request.payload is None and not traffic.over:
            await http_member.collected(request, self._exchange.content)
            before = len(request.payload or b"")
            traffic.fire(Event.HTTP_REQUEST_DATA)
            http_member.refit(request, before)

    async def _conclude(self) -> None:
        """Carries out a verdict that leads to no member."""
        verdict = self._traffic.verdict
        if isinstance(verdict, Respond):
            await self._own_answer(verdict)
            return
        if isinstance(verdict, Drop):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._traffic.virtual.tcp_idle_s or None):
                    await self._exchange.gone.wait()
        self._exchange.reset()

    async def _own_answer(self, verdict: Respond) -> None:
        headers = CIMultiDict(verdict.headers)
        profile = self._traffic.virtual.http_profile
        if verdict.server and profile is not None and profile.server_agent:
            headers.setdefault("Server", profile.server_agent)
        if verdict.status not in BODILESS:
            headers["Content-Length"] = str(len(verdict.body))
        try:
            await self._exchange.begin(verdict.status, verdict.reason, headers)
        except ValueError:
            # A part has made a header out of what the client sent, and that had a line break in it.
            self._exchange.reset()
            return
        if self._exchange.method != "HEAD" and verdict.status not in BODILESS:
            await self._exchange.write(verdict.body)
        await self._exchange.end()

    async def _reach(self, choice: Choice) -> Literal[True] | None:
        """Whether a member was reached; None when it cannot be, so that another may be tried."""
        flow = self._means.selection.flow(choice)
        flow.request()
        try:
            upgrade = self._exchange.upgrade
            if upgrade is not None:
                return await self._tunnel(choice, flow, *upgrade)
            await self._forward(choice, flow)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return None
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError, ValueError):
            self._exchange.reset()
        finally:
            flow.close()
        return True

    def _source(self, choice: Choice) -> str | None:
        return self._means.selection.source(self._traffic.snat, self._traffic.connection.client.host, choice.host)

    def _release(self) -> None:
        """Tells the parts, once, that the request goes out as it is now."""
        if not self._released:
            self._released = True
            self._traffic.fire(Event.HTTP_REQUEST_RELEASE)

    async def _forward(self, choice: Choice, flow: Flow) -> None:
        traffic, request, content = self._traffic, self._traffic.request, self._exchange.content
        assert request is not None
        self._release()
        if traffic.answered or traffic.over:
            await self._conclude()
            return
        body = http_member.body_of(request, content, flow.moved_in) if content is not None else None
        members = self._means.members
        async with members.answer(traffic.virtual, traffic, choice, self._source(choice), body) as answer:
            if traffic.over:
                await self._conclude()
                return
            response = http_member.response_of(answer)
            await self._answered(choice, response, answer.content)
            if traffic.verdict is not None:
                await self._conclude()
                return
            await self._send_back(response, answer, flow)

    async def _answered(self, choice: Choice, response: Response, content: Readable) -> None:
        """Tells the parts of an answer, and of its body if one of them wants it."""
        traffic = self._traffic
        traffic.response, traffic.verdict = response, None
        cookie = self._cookie(choice)
        if cookie is not None:
            response.headers.add("Set-Cookie", cookie)
        traffic.fire(Event.HTTP_RESPONSE)
        if response.wanted and not traffic.over:
            await http_member.collected(response, content)
            before = len(response.payload or b"")
            traffic.fire(Event.HTTP_RESPONSE_DATA)
            http_member.refit(response, before)
        if traffic.verdict is None:
            traffic.fire(Event.HTTP_RESPONSE_RELEASE)

    async def _send_back(self, response: Response, answer: aiohttp.ClientResponse, flow: Flow) -> None:
        await self._exchange.begin(response.status, response.reason, response.headers)
        async for chunk in http_member.body_of(response, answer.content, flow.moved_out):
            await self._exchange.write(chunk)
        await self._exchange.end()

    def _cookie(self, choice: Choice) -> str | None:
        """The Set-Cookie header that the answer is to carry, or None when the client has the right one."""
        persistence, request = self._traffic.persistence, self._traffic.request
        if persistence is None or persistence.kind != "cookie" or persistence.cookie_method == "passive":
            return None
        if request is None or not choice.pool.path:
            return None
        name = persist.cookie_name(persistence, choice.pool.path)
        known = persist.cookie_in(request.headers.getall("Cookie", []), name)
        if known == persist.encode(choice.place) and not persistence.always_send:
            return None
        encrypted = self._traffic.connection.tls is not None
        now_s = self._means.clock.now()
        return persist.set_cookie(persistence, choice.pool.path, choice.place, now_s, _http_date, encrypted)

    async def _tunnel(
        self, choice: Choice, flow: Flow, client: Client, transport: asyncio.Transport
    ) -> Literal[True] | None:
        """Passes an upgrade on, and from the member's answer on every byte both ways."""
        traffic = self._traffic
        assert traffic.request is not None
        try:
            reader, writer = await dial(
                choice.host, choice.port, self._source(choice), self._means.members.upstream(traffic)
            )
        except OSError:
            return None
        try:
            traffic.fire(Event.SERVER_CONNECTED)
            self._release()
            if traffic.answered or traffic.over:
                await self._conclude()
                return True
            writer.write(http_member.upgrade_head(traffic.request))
            response = http_member.head_of(await reader.readuntil(HEAD_END))
            await self._answered(choice, response, reader)
            if traffic.verdict is not None:
                await self._conclude()
                return True
            transport.write(http_member.written_head(response))

            def to_client(chunk: bytes) -> None:
                client.sent(len(chunk))
                transport.write(chunk)

            client.tunnel = Tunnel(to_client, client.writable)
            await client.tunnel.carry(reader, writer, flow, traffic.virtual.tcp_idle_s)
        finally:
            writer.transport.abort()
            if client.tunnel is not None:
                transport.close()
        self._exchange.reset()
        return True


def _http_date(when_s: float) -> str:
    return formatdate(when_s, usegmt=True)
