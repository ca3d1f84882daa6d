"""Decides what becomes of one request to a virtual server: it fires the events and carries out the verdicts."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from bigipsim.clock import Clock
from bigipsim.dataplane import http_member, persist
from bigipsim.dataplane.connect import dial, reset
from bigipsim.dataplane.http_client import Client
from bigipsim.dataplane.http_member import HEAD_END, Members, Readable, Tunnel
from bigipsim.dataplane.parts import Parts
from bigipsim.dataplane.routing import route
from bigipsim.dataplane.selection import Choice, Flow, Selection
from bigipsim.dataplane.traffic import Drop, Event, Respond, Response, Traffic

ADDED_BY_LIBRARY: Final = ("Content-Type", "Date", "Server")
BODILESS: Final = frozenset({204, 304})
"""Statuses of answers that have no body (RFC 9110, sections 15.3.5 and 15.4.5)."""


@dataclass(frozen=True, slots=True)
class Means:
    """What requests are carried out with."""

    selection: Selection
    members: Members
    parts: Parts
    clock: Clock


class Answer(web.StreamResponse):
    """An answer on its way to the client, with the names of the headers that it is meant to have."""

    def __init__(self, status: int, reason: str | None, headers: CIMultiDict[str]) -> None:
        super().__init__(status=status, reason=reason, headers=headers)
        self.meant = frozenset(name.lower() for name in headers)


async def only_what_was_meant(request: web.Request, response: web.StreamResponse) -> None:
    """Takes away headers that the HTTP library adds of its own accord; the device adds none of them."""
    if isinstance(response, Answer):
        for name in ADDED_BY_LIBRARY:
            if name.lower() not in response.meant:
                response.headers.pop(name, None)


class Transaction:
    """One request and its answer."""

    def __init__(self, means: Means, traffic: Traffic, request: web.Request, client: Client) -> None:
        self._means = means
        self._traffic = traffic
        self._request = request
        self._client = client
        self._released = False

    async def run(self) -> web.StreamResponse:
        """Carries the request to where the parts want it; answers what the client gets."""
        await self._arrive()
        means = self._means
        reached = await route(self._traffic, means.selection, means.parts, self._arrive, self._reach)
        return reached if reached is not None else await self._conclude()

    async def _arrive(self) -> None:
        """Tells the parts of the request, and of its body if one of them wants it."""
        traffic, request = self._traffic, self._traffic.request
        assert request is not None
        traffic.fire(Event.HTTP_REQUEST)
        if request.wanted and request.payload is None and not traffic.over:
            await http_member.collected(request, self._request.content)
            before = len(request.payload or b"")
            traffic.fire(Event.HTTP_REQUEST_DATA)
            http_member.refit(request, before)

    async def _conclude(self) -> web.StreamResponse:
        """Carries out a verdict that leads to no member."""
        verdict = self._traffic.verdict
        if isinstance(verdict, Respond):
            return await self._own_answer(verdict)
        if isinstance(verdict, Drop):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._traffic.virtual.tcp_idle_s or None):
                    await self._client.gone.wait()
        return unsent(self._request)

    async def _own_answer(self, verdict: Respond) -> web.StreamResponse:
        headers = CIMultiDict(verdict.headers)
        profile = self._traffic.virtual.http_profile
        if verdict.server and profile is not None and profile.server_agent:
            headers.setdefault("Server", profile.server_agent)
        if verdict.status not in BODILESS:
            headers["Content-Length"] = str(len(verdict.body))
        response = Answer(verdict.status, verdict.reason, headers)
        try:
            await response.prepare(self._request)
        except ValueError:
            # A part has made a header out of what the client sent, and that had a line break in it.
            return unsent(self._request)
        if self._request.method != "HEAD" and verdict.status not in BODILESS:
            self._client.sent(len(verdict.body))
            await response.write(verdict.body)
        await response.write_eof()
        return response

    async def _reach(self, choice: Choice) -> web.StreamResponse | None:
        """What the client gets from a member; None when that cannot be reached, so that another may be tried."""
        request = self._request
        flow = self._means.selection.flow(choice)
        flow.request()
        try:
            if "upgrade" in request.headers.get("Connection", "").lower() and "Upgrade" in request.headers:
                return await self._tunnel(choice, flow)
            return await self._forward(choice, flow)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return None
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError, ValueError):
            return unsent(request)
        finally:
            flow.close()

    def _source(self, choice: Choice) -> str | None:
        return self._means.selection.source(self._traffic.snat, self._traffic.connection.client.host, choice.host)

    def _release(self) -> None:
        """Tells the parts, once, that the request goes out as it is now."""
        if not self._released:
            self._released = True
            self._traffic.fire(Event.HTTP_REQUEST_RELEASE)

    async def _forward(self, choice: Choice, flow: Flow) -> web.StreamResponse:
        traffic, request = self._traffic, self._traffic.request
        assert request is not None
        self._release()
        if traffic.answered or traffic.over:
            return await self._conclude()
        body = http_member.body_of(request, self._request.content, flow.moved_in) if self._request.body_exists else None
        members = self._means.members
        async with members.answer(traffic.virtual, traffic, choice, self._source(choice), body) as answer:
            if traffic.over:
                return await self._conclude()
            response = http_member.response_of(answer)
            await self._answered(choice, response, answer.content)
            if traffic.verdict is not None:
                return await self._conclude()
            return await self._send_back(response, answer, flow)

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

    async def _send_back(self, response: Response, answer: aiohttp.ClientResponse, flow: Flow) -> web.StreamResponse:
        sent = Answer(response.status, response.reason, response.headers)
        await sent.prepare(self._request)
        async for chunk in http_member.body_of(response, answer.content, flow.moved_out):
            self._client.sent(len(chunk))
            await sent.write(chunk)
        await sent.write_eof()
        return sent

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

    async def _tunnel(self, choice: Choice, flow: Flow) -> web.StreamResponse | None:
        """Passes an upgrade on, and from the member's answer on every byte both ways."""
        traffic, client, transport = self._traffic, self._client, self._request.transport
        assert transport is not None and traffic.request is not None
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
                return await self._conclude()
            writer.write(http_member.upgrade_head(traffic.request))
            response = http_member.head_of(await reader.readuntil(HEAD_END))
            await self._answered(choice, response, reader)
            if traffic.verdict is not None:
                return await self._conclude()
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
        return unsent(self._request)


def unsent(request: web.Request) -> web.Response:
    """Resets the client's connection; the answer is never seen."""
    reset(request.transport)
    return web.Response(status=503)


def _http_date(when_s: float) -> str:
    return formatdate(when_s, usegmt=True)
