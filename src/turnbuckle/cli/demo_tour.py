"""The tour that `turnbuckle demo --once` takes by itself, and what counts as proof at each step.

Traffic is proved by HTTP requests through the virtual server, the BIG-IP's configuration by its REST interface, and
the controller by what both do after a manifest has changed. Nothing is believed on the word of the part under test.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import aiohttp

from turnbuckle.cli.demo_samples import PARTITION, POOL, VIRTUAL_SERVER, Backend, Manifests

BROKEN_PORT = 80800
PROBES = 20
"""Requests that must all be answered while a manifest is broken."""

_PAUSE_S = 0.02


class StepFailed(Exception):
    """A step of the tour did not work; the text says what was expected and what was found."""


class Stage(Protocol):
    """What the tour needs of the demo. login: the headers that the BIG-IP asks for."""

    url: str
    login: Mapping[str, str]
    manifests: Manifests

    @property
    def rest_url(self) -> str:
        """The BIG-IP's REST interface, without a trailing slash."""
        ...

    @property
    def backends(self) -> Sequence[Backend]:
        """Every sample backend that listens."""
        ...

    def errors(self) -> tuple[str, ...]:
        """What the controller says is wrong with the manifests, a sentence each."""
        ...


class Tour:
    """The five steps, in order. patience_s: how long anything may take to show."""

    def __init__(self, stage: Stage, session: aiohttp.ClientSession, patience_s: float = 10.0) -> None:
        self._stage, self._session, self._patience_s = stage, session, patience_s
        self._seen_requests = 0

    def steps(self) -> tuple[tuple[str, Callable[[], Awaitable[str]]], ...]:
        """What each step does, and how to take it: that answers what was measured, or raises StepFailed."""
        return (
            ("publish 2 backends", self.publish),
            ("scale 2 -> 5", self.scale),
            ("break the manifest", self.break_it),
            ("mend it", self.mend),
            ("delete it", self.delete),
        )

    async def publish(self) -> str:
        """Two backends behind a virtual server."""
        started, two = time.monotonic(), self._stage.backends[:2]
        self._stage.manifests.publish(two)
        await self._answered_by(two)
        took_s = time.monotonic() - started
        await self._members_are(two)
        writes, _ = await self._written()
        return f"answered by both after {took_s:.2f} s, {writes} writes to the BIG-IP"

    async def scale(self) -> str:
        """Five instead of two: one request to the BIG-IP."""
        await self._written()
        started, every = time.monotonic(), self._stage.backends
        self._stage.manifests.scale(every)
        await self._answered_by(every)
        took_s = time.monotonic() - started
        await self._members_are(every)
        writes, bytes_ = await self._written()
        if writes != 1:
            raise StepFailed(f"one request was expected to add three members, and the BIG-IP saw {writes}")
        return f"answered by all {len(every)} after {took_s:.2f} s, {writes} request of {bytes_} bytes to the BIG-IP"

    async def break_it(self) -> str:
        """A mistake in the manifest: it is told, and the traffic goes on."""
        started = time.monotonic()
        self._stage.manifests.break_port(BROKEN_PORT)
        told = await self._until(self._told, "the controller to name the mistake in the manifest", "it said nothing")
        took_s = time.monotonic() - started
        await self._all_answered()
        await self._nothing_written()
        return f"told after {took_s:.2f} s, {PROBES} of {PROBES} requests answered, 0 writes\n      {told}"

    async def mend(self) -> str:
        """The mistake is gone, and nothing had to be written for it."""
        started = time.monotonic()
        self._stage.manifests.mend()
        await self._until(self._nothing_told, "the controller to see that the manifest is mended", "it still complains")
        took_s = time.monotonic() - started
        await self._all_answered()
        await self._nothing_written()
        return f"seen after {took_s:.2f} s, {PROBES} of {PROBES} requests answered, 0 writes"

    async def delete(self) -> str:
        """The virtual server and its pool are gone."""
        started = time.monotonic()
        self._stage.manifests.delete()
        await self._until(self._refused, f"{self._stage.url} to be closed", "it still answers")
        took_s = time.monotonic() - started
        await self._until(self._empty, f"partition {PARTITION} to be empty", "virtual servers or pools are left")
        return f"closed after {took_s:.2f} s, no virtual server and no pool left"

    # ---- traffic

    async def _name(self) -> str | None:
        """Who answers now; None when nobody does."""
        try:
            # A connection of its own for each request, as many clients would have.
            async with self._session.get(self._stage.url, headers={"Connection": "close"}) as reply:
                await reply.read()
                return reply.headers.get("X-Backend") if reply.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    async def _answered_by(self, backends: Sequence[Backend]) -> None:
        wanted, seen = {backend.name for backend in backends}, set[str]()

        async def all_seen() -> bool:
            name = await self._name()
            if name:
                seen.add(name)
            return wanted <= seen

        what = f"{self._stage.url} to be answered by {', '.join(sorted(wanted))}"
        await self._until(all_seen, what, lambda: f"answers came from {', '.join(sorted(seen)) or 'nobody'}")

    async def _all_answered(self) -> None:
        names = [await self._name() for _ in range(PROBES)]
        if None in names:
            raise StepFailed(f"{names.count(None)} of {PROBES} requests to {self._stage.url} were not answered")

    async def _refused(self) -> bool:
        return await self._name() is None

    # ---- the BIG-IP, as its own REST interface tells it

    async def _get(self, path: str) -> Any:
        try:
            async with self._session.get(
                f"{self._stage.rest_url}{path}", headers=self._stage.login, ssl=False
            ) as reply:
                if reply.status not in (200, 404):
                    raise StepFailed(f"the BIG-IP answered {reply.status} to GET {path}")
                return await reply.json(content_type=None) if reply.status == 200 else {}
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise StepFailed(f"the BIG-IP did not answer GET {path}: {error or type(error).__name__}") from error

    async def _members_are(self, backends: Sequence[Backend]) -> None:
        answer = await self._get(f"/mgmt/tm/ltm/pool/{POOL.replace('/', '~')}/members")
        found = sorted(item["address"] for item in answer.get("items", []))
        wanted = sorted(backend.endpoint for backend in backends)
        if found != wanted:
            raise StepFailed(f"{POOL} should have the members {', '.join(wanted)} and has {', '.join(found) or 'none'}")

    async def _empty(self) -> bool:
        for kind, name in (("virtual", VIRTUAL_SERVER), ("pool", POOL)):
            if await self._get(f"/mgmt/tm/ltm/{kind}/{name.replace('/', '~')}"):
                return False
        return True

    async def _written(self) -> tuple[int, int]:
        """Requests that changed the configuration since the last question, and the bytes of their bodies."""
        answer = await self._get(f"/_sim/requests?since={self._seen_requests}")
        entries = answer.get("requests", [])
        self._seen_requests = max((entry["n"] for entry in entries), default=self._seen_requests)
        # Saving the configuration writes to the device's disk and changes nothing.
        writes = [entry for entry in entries if entry["write"] and "/sys/config" not in entry["path"]]
        return len(writes), sum(entry["body_bytes"] for entry in writes)

    async def _nothing_written(self) -> None:
        writes, _ = await self._written()
        if writes:
            raise StepFailed(f"nothing was to be written to the BIG-IP, and it saw {writes} writes")

    # ---- the controller

    async def _told(self) -> str | None:
        return next((text for text in self._stage.errors() if str(BROKEN_PORT) in text), None)

    async def _nothing_told(self) -> bool:
        return not self._stage.errors()

    async def _until(self, question: Callable[[], Awaitable[Any]], what: str, found: str | Callable[[], str]) -> Any:
        """Asks until the answer is true; answers it."""
        deadline = time.monotonic() + self._patience_s
        while not (answer := await question()):
            if time.monotonic() > deadline:
                text = found if isinstance(found, str) else found()
                raise StepFailed(f"waited {self._patience_s:g} s for {what}; {text}")
            await asyncio.sleep(_PAUSE_S)
        return answer
