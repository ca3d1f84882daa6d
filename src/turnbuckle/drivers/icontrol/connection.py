"""A connection to one device: who is logged in, when a token is renewed, and what is sent a second time.

One token serves everything; whoever finds it about to end renews it, and the others wait for that one login.
Credentials that were refused twice are not tried again before they change, so that no account gets locked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from turnbuckle.drivers.base import (
    CertificateRefused,
    Credentials,
    CredentialsSource,
    Deposed,
    DriverError,
    NotConnected,
    Unauthorized,
    Unreachable,
)
from turnbuckle.drivers.icontrol import answers, session
from turnbuckle.drivers.icontrol.answers import Answer, Sense
from turnbuckle.drivers.icontrol.session import Authority
from turnbuckle.drivers.icontrol.transport import Reply, Request, Transport

TRIES = 2
LOGIN_PAUSE_S = 30.0
"""After a login that the device could not answer: a device in trouble must not be made to count logins, too."""

BUSY_PAUSES_S = (0.5, 1.0, 2.0)

FENCED_WRITE_S = 5.0
"""How long a write may take that no transaction protects from a change of leader: less than a Lease lives on."""

Observe = Callable[[str, str, float], None]
"""Is told of each HTTP request: its method, how it ended in one word ("ok", "busy", "unreachable"), and the seconds."""

T = TypeVar("T")


def unobserved(method: str, outcome: str, took_s: float) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a file as the body of a request. start: its first byte's place in the `total` bytes of the file."""

    content: bytes = field(repr=False)
    start: int
    total: int


class Connection:
    """Sends JSON and answers what the device says, logged in."""

    def __init__(
        self,
        transport: Transport,
        credentials: CredentialsSource,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        observe: Observe = unobserved,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self.clock = clock
        self.sleep = sleep
        self._observe = observe
        self.may_write: Callable[[], bool] | None = None
        self._authority: Authority | None = None
        self._login = asyncio.Lock()
        self._counted_for: Credentials | None = None
        self._refusals = 0
        self._last_refusal = ""
        self._login_again_at, self._last_failure = float("-inf"), ""

    async def call(self, method: str, path: str, body: Any = None, *, transaction: int | None = None) -> Answer:
        """One request and its answer; a refusal is an answer too. body: JSON to be, or a Chunk.

        Raises:
            Unreachable: no answer, or not the whole of it.
            Unauthorized: the credentials are not accepted.
        """
        content, headers = _encoded(body)
        if transaction is not None:
            headers["X-F5-REST-Coordination-Id"] = str(transaction)
        return answers.read(await self._authorised(Request(method, path, content, headers)))

    async def patiently(self, method: str, path: str, body: Any = None, *, transaction: int | None = None) -> Answer:
        """Like call; a busy device, which has done nothing, is asked again a few times within seconds."""
        for pause in BUSY_PAUSES_S:
            answer = await self.call(method, path, body, transaction=transaction)
            if answer.sense is not Sense.BUSY:
                return answer
            await self.sleep(pause)
        return await self.call(method, path, body, transaction=transaction)

    async def write(self, method: str, path: str, body: Any = None) -> Answer:
        """Like patiently, for a write that no fence protects: where several may lead, only the leader sends it.

        Raises:
            Deposed: another one leads; nothing was sent.
        """
        may_write = self.may_write
        if may_write is None:
            return await self.patiently(method, path, body)
        for pause in (*BUSY_PAUSES_S, None):
            if not may_write():
                raise Deposed
            answer = await self._in_time(method, path, body)
            if answer.sense is not Sense.BUSY or pause is None:
                break
            await self.sleep(pause)
        return answer

    async def _in_time(self, method: str, path: str, body: Any) -> Answer:
        try:
            async with asyncio.timeout(FENCED_WRITE_S):
                return await self.call(method, path, body)
        except TimeoutError as error:
            raise Unreachable(
                f"The BIG-IP does not answer a write within {FENCED_WRITE_S:g} s, "
                "and no longer may be waited while another replica could take the lead."
            ) from error

    async def _authorised(self, request: Request) -> Reply:
        authority = await self._valid(None)
        reply = await self._send(authority.on(request))
        if not authority.token:
            if session.wrong_password(reply):
                self._authority = None
                raise self._count(self._credentials(), answers.read(reply).words)
            self._refusals = 0
        if session.wants_new_login(reply):
            # A 401 comes before anything was done, so even a write may be sent again.
            authority = await self._valid(authority)
            reply = await self._send(authority.on(request))
            if session.wants_new_login(reply):
                raise session.turned_away(reply)
        return reply

    async def _valid(self, instead_of: Authority | None) -> Authority:
        async with self._login:
            now = self.clock()
            current = self._authority
            if current is not None and current is not instead_of and now < current.ends_at:
                return current
            self._authority = None
            credentials = self._credentials()
            if credentials != self._counted_for:
                self._counted_for, self._refusals = credentials, 0
            if self._refusals >= TRIES:
                raise Unauthorized(
                    f"{self._last_refusal} It was tried {TRIES} times; "
                    "it is not tried again before the credentials change."
                )
            if now < self._login_again_at:
                raise Unreachable(self._last_failure)
            try:
                self._authority = await self._run(session.login(credentials, now))
            except Unauthorized as error:
                self._count(credentials, str(error))
                raise
            except NotConnected:
                raise
            except Unreachable as error:
                self._login_again_at, self._last_failure = self.clock() + LOGIN_PAUSE_S, str(error)
                raise
            if self._authority.token:
                self._refusals = 0
            return self._authority

    def _count(self, credentials: Credentials, words: str) -> Unauthorized:
        self._refusals += 1
        self._counted_for = credentials
        said = words if words.startswith("The BIG-IP refuses") else ""
        self._last_refusal = said or f"The BIG-IP refuses user {credentials.username}: {words.rstrip('.')}."
        return Unauthorized(self._last_refusal)

    async def _run(self, exchange: Generator[Request, Reply, T]) -> T:
        try:
            request = next(exchange)
            while True:
                request = exchange.send(await self._send(request))
        except StopIteration as end:
            value: T = end.value
            return value

    async def _send(self, request: Request) -> Reply:
        started, outcome = self.clock(), "unreachable"
        try:
            reply = await self._transport.send(request.method, request.path, request.headers, request.body)
            outcome = answers.outcome(reply)
            return reply
        except CertificateRefused:
            outcome = "certificate"
            raise
        finally:
            self._observe(request.method, outcome, self.clock() - started)

    async def close(self) -> None:
        """Gives the token back and closes the transport; never raises DriverError."""
        authority, self._authority = self._authority, None
        try:
            if authority is not None:
                await self._run(session.logout(authority))
        except DriverError:
            # The device forgets the token by itself in time.
            pass
        finally:
            await self._transport.close()


def _encoded(body: Any) -> tuple[bytes, dict[str, str]]:
    if body is None:
        return b"", {}
    if isinstance(body, Chunk):
        last = body.start + len(body.content) - 1
        place = {"Content-Range": f"{body.start}-{last}/{body.total}"}
        return body.content, {"Content-Type": "application/octet-stream", **place}
    return msgspec.json.encode(body), {"Content-Type": "application/json"}
