"""One kind in one namespace: lists it, watches it, tells what changed, also while nobody listened.

"Could not read" is never "is empty": an object is gone when that is said, or when a complete list lacks it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import msgspec

from turnbuckle.engine.protocol import Kind
from turnbuckle.model.ref import Event, Flawed, Gone, Put, Ref
from turnbuckle.sources.base import PutEvents, decoded
from turnbuckle.sources.kubernetes.connection import Connection
from turnbuckle.sources.kubernetes.discovery import root_path
from turnbuckle.sources.kubernetes.errors import Busy, Expired, Invalid, KubernetesError, Unreachable
from turnbuckle.sources.kubernetes.timing import Backoff, Timing

log = logging.getLogger(__name__)

_PAGE = "500"

_Key = tuple[str, str]


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct):
    metadata: _ListMeta
    items: list[dict[str, Any]] | None = None


class _Line(msgspec.Struct):
    type: str
    object: dict[str, Any]


_LINES = msgspec.json.Decoder(_Line)


class _Unusable(KubernetesError):
    """A watch said something that cannot be followed; only a new list helps."""


class Reflector:
    """Follows one kind in one namespace, or in all of them.

    listed: called once, after the first complete list was put.
    """

    def __init__(
        self,
        kind: Kind,
        namespace: str,
        connection: Connection,
        put: PutEvents,
        listed: Callable[[Reflector], Awaitable[None]],
        timing: Timing,
    ) -> None:
        self.kind = kind
        self.namespace = namespace
        self._connection = connection
        self._put = put
        self._listed: Callable[[Reflector], Awaitable[None]] | None = listed
        self._timing = timing
        self._backoff = Backoff(timing)
        self._known: dict[_Key, Ref] = {}
        self._version = ""
        self._heard = False
        self._telling: tuple[Event, ...] = ()
        self._watching_since: float | None = None
        self._trouble = ""
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
        return (*self._known.values(), *telling)

    async def run(self) -> None:
        """Lists and watches until it is cancelled."""
        while True:
            pause_s = await self._round()
            await asyncio.sleep(pause_s)

    async def _round(self) -> float:
        """Lists if need be, watches until the watch ends, answers the seconds to wait before the next."""
        self._heard, self._watching_since = False, None
        try:
            if not self._version:
                await self._list()
            await self._watch()
        except (Expired, Invalid, _Unusable) as error:
            log.info("%s: %s Listing again.", self, error)
            self._version = ""
            if self._lived_s() >= self._timing.healthy_s:
                self._backoff.reset()
            return self._backoff.expired()
        except KubernetesError as error:
            self._say(error)
            if self._heard or self._lived_s() >= self._timing.healthy_s:
                self._backoff.reset()
            return self._backoff.failed(error.retry_after_s)
        lived_s = self._lived_s()
        if self._heard or lived_s >= self._timing.healthy_s:
            self._backoff.reset()
        # A server that ends every watch at once would otherwise be asked hundreds of times a second.
        return self._backoff.failed() if lived_s < self._timing.at_once_s else 0.0

    def _lived_s(self) -> float:
        since = self._watching_since
        return 0.0 if since is None else asyncio.get_running_loop().time() - since

    def _say(self, error: KubernetesError) -> None:
        """Logs a trouble once, however often it comes back."""
        if str(error) != self._trouble:
            self._trouble = str(error)
            level = logging.WARNING if isinstance(error, Busy | Unreachable) else logging.ERROR
            log.log(level, "%s cannot be read, what was read before stays in force: %s", self, error)

    def _say_well(self) -> None:
        if self._trouble:
            self._trouble = ""
            log.info("%s can be read again", self)

    # ---- list

    async def _list(self) -> None:
        """Tells everything that is there, and as gone what was known and is not there any more."""
        try:
            found, events, version = await self._pages(_PAGE)
        except Expired:
            # The pages of a long list were too old before its end was read.
            found, events, version = await self._pages("")
        events.extend(Gone(ref) for key, ref in self._known.items() if key not in found)
        self._known = found
        await self._tell(events)
        self._version = version
        self._say_well()
        if self._listed is not None:
            listed, self._listed = self._listed, None
            await listed(self)

    async def _pages(self, limit: str) -> tuple[dict[_Key, Ref], list[Event], str]:
        """The objects of a complete list, each page decoded as it arrives, and the list's resource version."""
        found: dict[_Key, Ref] = {}
        events: list[Event] = []
        params = {**self._selector, "limit": limit} if limit else self._selector
        while True:
            page = await self._connection.get(self._path, params, _Page)
            for raw in page.items or ():
                key = _key(raw)
                event = self._decoded(key, raw)
                if isinstance(event, Put | Flawed):
                    found[key] = event.obj.ref if isinstance(event, Put) else event.ref
                    events.append(event)
            if not page.metadata.continue_:
                if not page.metadata.resource_version:
                    raise _Unusable(f"The list {self._path} has no resource version.")
                return found, events, page.metadata.resource_version
            params = {**params, "continue": page.metadata.continue_}

    # ---- watch

    async def _watch(self) -> None:
        """Tells changes until the server ends the watch."""
        seconds = random.randint(*self._timing.watch_s)
        params = {
            **self._selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(seconds),
        }
        rest = b""
        stream = self._connection.stream(self._path, params, seconds + self._timing.margin_s)
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                if self._watching_since is None:
                    self._watching_since = asyncio.get_running_loop().time()
                    self._say_well()
                *lines, rest = (rest + chunk).split(b"\n")
                if lines:
                    await self._take(lines)

    async def _take(self, lines: list[bytes]) -> None:
        """Tells what lines of a watch say, in one go; an error among them comes last."""
        events: list[Event] = []
        error: KubernetesError | None = None
        for line in lines:
            try:
                self._take_line(line, events)
            except KubernetesError as found:
                error = found
                break
        await self._tell(events)
        if error is not None:
            raise error
        self._heard = True

    async def _tell(self, events: list[Event]) -> None:
        if events:
            self._telling = tuple(events)
            await self._put(events)
            self._telling = ()

    def _take_line(self, line: bytes, events: list[Event]) -> None:
        if not line.strip():
            return
        try:
            said = _LINES.decode(line)
        except msgspec.DecodeError as error:
            raise _Unusable(f"A line of the watch cannot be read: {error}.") from error
        if said.type == "ERROR":
            raise _watch_error(said.object)
        if said.type in ("ADDED", "MODIFIED"):
            key = _key(said.object)
            event = self._decoded(key, said.object)
            if isinstance(event, Gone):
                self._drop(key, events)
            else:
                self._known[key] = event.obj.ref if isinstance(event, Put) else self._ref(key)
                events.append(event)
        elif said.type == "DELETED":
            self._drop(_key(said.object), events)
        self._version = str(said.object.get("metadata", {}).get("resourceVersion", "")) or self._version

    def _drop(self, key: _Key, events: list[Event]) -> None:
        ref = self._known.pop(key, None)
        if ref is not None:
            events.append(Gone(ref))

    def _decoded(self, key: _Key, raw: dict[str, Any]) -> Event:
        return decoded(self.kind, raw, self._ref(key))

    def _ref(self, key: _Key) -> Ref:
        return Ref("", self.kind.name, *key)


def _key(raw: dict[str, Any]) -> _Key:
    try:
        metadata = raw["metadata"]
        return metadata.get("namespace", ""), metadata["name"]
    except (KeyError, TypeError, AttributeError) as error:
        raise _Unusable("The API server sent an object without a name.") from error


def _watch_error(status: dict[str, Any]) -> KubernetesError:
    message = str(status.get("message", ""))[:256].rstrip(".")
    if status.get("code") == 410 or status.get("reason") in ("Expired", "Gone"):
        return Expired(f"The watch is too old: {message}.")
    return _Unusable(f"The watch ended with an error: {message}.")
