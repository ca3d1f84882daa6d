"""One kind in one namespace: lists it, watches it, tells what changed, also while nobody listened.

"Could not read" is never "is empty": an object is gone when that is said, or when a complete list lacks it.

Every list is asked for without a resource version, so that it is as new as the last write. A server may answer version
0 from an old cache, and what such a list lacks would be removed from the device. A streamed list costs the server less
and is as new; so it is the way to start. Whoever wants to hear it a second time gets pages, which come from behind the
cache that the stream came from.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from turnbuckle.engine.protocol import Kind
from turnbuckle.model.ref import Event, Flawed, Gone, Grounds, Put, Ref
from turnbuckle.sources.base import PutEvents, decoded
from turnbuckle.sources.kubernetes.connection import Connection
from turnbuckle.sources.kubernetes.discovery import root_path
from turnbuckle.sources.kubernetes.errors import Busy, Expired, Invalid, KubernetesError, NotFound, Unreachable
from turnbuckle.sources.kubernetes.said import Line, Page, Raw, Unusable, line_of, name_of
from turnbuckle.sources.kubernetes.timing import Backoff, Timing

log = logging.getLogger(__name__)

_PAGE = "500"

_Picture = dict[Ref, Put | Flawed]


@dataclass(frozen=True, slots=True)
class KindHealth:
    """How well a kind is read.

    namespace: empty for all. synced: whether everything was told at least once.
    last_event_at, last_list_at: seconds since 1970 of the last change that a watch told, and of the last whole list.
    lag_s: seconds since the server was last heard, while we are cut off from it; else 0.
    failures: in a row. trouble: why it cannot be read now, a sentence; empty when it can.
    """

    kind: str
    namespace: str
    synced: bool = False
    last_event_at: float | None = None
    last_list_at: float | None = None
    lag_s: float = 0.0
    failures: int = 0
    trouble: str = ""


class Owner(Protocol):
    """Who started a reflector."""

    async def listed(self, reflector: Reflector) -> None:
        """The first whole list was told, or one that was asked for."""
        ...

    def missing(self) -> None:
        """The server does not know a kind any more."""
        ...


class Reflector:
    """Follows one kind in one namespace, or in all of them."""

    def __init__(
        self, kind: Kind, namespace: str, connection: Connection, put: PutEvents, owner: Owner, timing: Timing
    ) -> None:
        self.kind = kind
        self.namespace = namespace
        self._connection = connection
        self._put = put
        self._owner = owner
        self._timing = timing
        self._backoff = Backoff(timing)
        # In the order in which they came; the values mean nothing.
        self._known: dict[Ref, None] = {}
        self._version = ""
        self._telling: tuple[Event, ...] = ()
        # What a streamed list has said so far, while its end has not come.
        self._start: _Picture | None = None
        self._wishes, self._granted = 1, 0
        self._reading: asyncio.Timeout | None = None
        self._opened_at: float | None = None
        self._heard_at = time.monotonic()
        self._last_event_at: float | None = None
        self._last_list_at: float | None = None
        self._trouble: KubernetesError | None = None
        inside = f"/namespaces/{namespace}" if namespace else ""
        self._path = f"{root_path(kind.resource)}{inside}/{kind.resource.plural}"
        self._selector = {"labelSelector": kind.resource.selector} if kind.resource.selector else {}

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.kind.resource.plural}{where}"

    def known(self) -> tuple[Ref, ...]:
        """The objects that whoever listens may hold."""
        # While put has not returned it is open what became of the events.
        telling = (event.ref for event in self._telling if isinstance(event, Gone))
        return (*self._known, *telling)

    def health(self) -> KindHealth:
        """How well it is read at this moment."""
        connected = self._opened_at is not None and self._start is None
        well = connected and self._lived_s() >= self._timing.healthy_s
        return KindHealth(
            self.kind.name,
            self.namespace,
            synced=self._last_list_at is not None,
            last_event_at=self._last_event_at,
            last_list_at=self._last_list_at,
            lag_s=0.0 if connected else time.monotonic() - self._heard_at,
            failures=0 if well else self._backoff.failures,
            trouble=str(self._trouble or ""),
        )

    def confirm(self) -> None:
        """Lists in pages as soon as the server lets us, then tells the owner; a watch is broken off for it."""
        self._wishes += 1
        if self._reading is not None and not self._reading.expired():
            self._reading.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Lists and watches until it is cancelled."""
        while True:
            pause_s = await self._round()
            await asyncio.sleep(pause_s)

    # ---- rounds

    async def _round(self) -> float:
        """Lists if need be, watches until the watch ends, answers the seconds to wait before the next."""
        began = time.monotonic()
        failure: KubernetesError | None = None
        try:
            if self._confirming or not (self._version or self._connection.streams):
                await self._list()
            await self._watch()
        except KubernetesError as error:
            failure = error
        lived_s, complete = self._lived_s(), self._start is None
        self._opened_at = self._start = None
        if lived_s >= self._timing.healthy_s:
            self._backoff.reset()
        spent_s = time.monotonic() - began
        if failure is not None:
            return self._failed(failure, spent_s)
        if self._confirming or (complete and lived_s >= self._timing.at_once_s):
            return 0.0
        # A server that ends every watch at once would otherwise be asked hundreds of times a second.
        return self._backoff.failed(spent_s=spent_s)

    def _failed(self, failure: KubernetesError, spent_s: float) -> float:
        """What follows from a failure; answers the seconds to wait."""
        if isinstance(failure, Invalid) and not self._version and self._connection.streams:
            self._list_in_pages(str(failure))
            return 0.0
        if isinstance(failure, Expired | Invalid | Unusable):
            if self._version:
                log.info("%s: %s Listing again.", self, failure)
            else:
                self._say(failure)
            self._version = ""
            return self._backoff.expired(spent_s)
        if isinstance(failure, NotFound) and not isinstance(self._trouble, NotFound):
            self._owner.missing()
        self._say(failure)
        return self._backoff.failed(failure.retry_after_s, spent_s)

    @property
    def _confirming(self) -> bool:
        """Whether a list was wished for since the last that was told; the first is everybody's wish."""
        return self._last_list_at is not None and self._wishes > self._granted

    def _lived_s(self) -> float:
        return 0.0 if self._opened_at is None else time.monotonic() - self._opened_at

    def _list_in_pages(self, why: str) -> None:
        log.info("%s: %s Lists are asked for in pages from now on.", self, why)
        self._connection.streams = False

    def _say(self, failure: KubernetesError) -> None:
        """Logs a trouble once, however often it comes back."""
        if str(failure) != str(self._trouble):
            level = logging.WARNING if isinstance(failure, Busy | Unreachable) else logging.ERROR
            log.log(level, "%s cannot be read, what was read before stays in force: %s", self, failure)
        self._trouble = failure

    def _say_well(self) -> None:
        if self._trouble is not None:
            self._trouble = None
            log.info("%s can be read again", self)

    # ---- list

    async def _list(self) -> None:
        """Tells everything that is there, and as gone what was known and is not there any more."""
        wishes = self._wishes
        try:
            found, version = await self._pages(_PAGE)
        except Expired:
            # The pages of a long list were too old before its end was read.
            found, version = await self._pages("")
        await self._adopt(found, version, wishes)

    async def _pages(self, limit: str) -> tuple[_Picture, str]:
        """The objects of a complete list, each page decoded as it arrives, and the list's resource version."""
        found: _Picture = {}
        params = {**self._selector, "limit": limit} if limit else self._selector
        while True:
            page = await self._connection.get(self._path, params, Page)
            self._heard_at = time.monotonic()
            for raw in page.objects():
                self._collect(raw, found)
            if not page.metadata.continue_:
                return found, page.metadata.resource_version
            params = {**params, "continue": page.metadata.continue_}

    def _collect(self, raw: Raw, found: _Picture) -> None:
        ref = self._ref(raw)
        event = decoded(self.kind, raw, ref)
        if isinstance(event, Put):
            found[ref] = Put(event.obj, Grounds.LISTED)
        elif isinstance(event, Flawed):
            found[ref] = event
        else:
            found.pop(ref, None)

    async def _adopt(self, found: _Picture, version: str, wishes: int) -> None:
        """Makes a complete list what is known; tells it, and what it lacks as gone."""
        if not version:
            raise Unusable(f"The list {self._path} has no resource version.")
        gone = [Gone(ref, Grounds.LISTED) for ref in self._known if ref not in found]
        self._known = dict.fromkeys(found)
        await self._tell([*found.values(), *gone])
        self._version = version
        self._last_list_at = time.time()
        self._say_well()
        if wishes > self._granted:
            self._granted = wishes
            await self._owner.listed(self)

    # ---- watch

    async def _watch(self) -> None:
        """Tells changes until the server ends the watch, or a list is wished for; lists first where it has to."""
        seconds = random.randint(*self._timing.watch_s)
        params = {**self._selector, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
        if self._version:
            params["resourceVersion"] = self._version
        else:
            # Source: Kubernetes API concepts, "Streaming lists".
            params |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
            self._start = {}
        silence_s = min(self._timing.idle_s, seconds + self._timing.margin_s)
        rest = b""
        async with aclosing(self._connection.stream(self._path, params, silence_s)) as chunks:
            while (chunk := await self._next(chunks)) is not None:
                self._heard_at = time.monotonic()
                if self._opened_at is None:
                    self._opened_at = self._heard_at
                    if self._start is None:
                        self._say_well()
                *lines, rest = (rest + chunk).split(b"\n")
                if lines:
                    await self._take(lines)

    async def _next(self, chunks: AsyncGenerator[bytes, None]) -> bytes | None:
        """What comes next; None when nothing does, or when a list is wanted first."""
        if self._confirming:
            return None
        opening = self._opened_at is None
        # A server may not know that it is asked for a list: it tells what is there as changes, and never says the end.
        patience_s = self._timing.reply_s if opening else self._timing.start_s if self._start is not None else None
        try:
            async with asyncio.timeout(patience_s) as self._reading:
                return await anext(chunks, None)
        except TimeoutError as error:
            if self._confirming:
                return None
            if opening:
                raise Unreachable("The API server does not answer: time is up.") from error
            self._list_in_pages(f"A streamed list has said nothing for {patience_s:g} s, and not that it is whole.")
            return None
        finally:
            self._reading = None

    async def _take(self, lines: list[bytes]) -> None:
        """Tells what lines of a watch say, in one go; an error among them comes last."""
        events: list[Event] = []
        error: KubernetesError | None = None
        for text in lines:
            try:
                if text.strip():
                    await self._take_line(line_of(text), events)
            except KubernetesError as found:
                error = found
                break
        if events:
            await self._tell(events)
            self._last_event_at = time.time()
        if error is not None:
            raise error

    async def _take_line(self, line: Line, events: list[Event]) -> None:
        if self._start is not None:
            await self._take_start(line, self._start)
            return
        if line.type in ("ADDED", "MODIFIED"):
            ref = self._ref(line.object)
            event = decoded(self.kind, line.object, ref)
            if isinstance(event, Gone):
                self._drop(ref, events)
            else:
                self._known[ref] = None
                events.append(event)
        elif line.type == "DELETED":
            self._drop(self._ref(line.object), events)
        self._version = line.version or self._version

    async def _take_start(self, line: Line, start: _Picture) -> None:
        """Adds a line to the list that is being streamed, and makes it known at its end."""
        if line.type in ("ADDED", "MODIFIED"):
            self._collect(line.object, start)
        elif line.type == "DELETED":
            start.pop(self._ref(line.object), None)
        elif line.ends_start:
            self._start = None
            # Who wishes for a confirmation wants pages.
            await self._adopt(start, line.version, min(self._wishes, 1))

    async def _tell(self, events: list[Event]) -> None:
        if events:
            self._telling = tuple(events)
            await self._put(events)
            self._telling = ()

    def _drop(self, ref: Ref, events: list[Event]) -> None:
        if ref in self._known:
            del self._known[ref]
            events.append(Gone(ref))

    def _ref(self, raw: Raw) -> Ref:
        return Ref("", self.kind.name, *name_of(raw))
