"""A Kubernetes API server in memory and what can go wrong between it and one reader; no sockets, any clock.

It is a second, smaller one beside fakes.kubeapi: lists in pages, watches that resume, bookmarks, expiry. What it says
is what sources.kubernetes.connection would make of a real one's answers, errors included. It also knows how fresh the
picture is that each reader was given, since only what a reader could know may be held against it.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from soak.manifests import Raw
from turnbuckle.sources.kubernetes.errors import Busy, Expired, KubernetesError, NotFound, Refused, Unreachable

T = TypeVar("T")

KINDS: Mapping[str, str] = {
    "/api/v1/services": "Service",
    "/api/v1/configmaps": "ConfigMap",
    "/api/v1/nodes": "Node",
    "/api/v1/endpoints": "Endpoints",
    "/apis/discovery.k8s.io/v1/endpointslices": "EndpointSlice",
    "/api/v1/secrets": "Secret",
    "/apis/networking.k8s.io/v1/ingresses": "Ingress",
    "/apis/networking.k8s.io/v1/ingressclasses": "IngressClass",
}
TELLING = ("ConfigMap", "Service", "EndpointSlice")
"""The kinds that the soak edits."""

LARGEST_PAGE = 25
BOOKMARK_S = 60.0
HISTORY = 400
TAKEN_IN_S = 0.5
"""So long after it was told a change counts as not heard yet: it has to go through the engine first."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, encoded once for all who watch."""

    version: int
    at: float
    kind: str
    line: bytes


class ApiServer:
    """Objects, their history and who watches. clock: seconds."""

    def __init__(self, clock: Callable[[], float], *, streams: bool = False) -> None:
        self.clock = clock
        self.streams = streams
        self._version, self._oldest = 100, 100
        self._objects: dict[str, dict[str, Raw]] = {kind: {} for kind in KINDS.values()}
        self._encoded: dict[str, dict[str, msgspec.Raw]] = {kind: {} for kind in KINDS.values()}
        self._history: deque[Change] = deque()
        self.feeds: dict[Feed, None] = {}

    def put(self, raw: Raw) -> None:
        """Creates or replaces an object."""
        kind, name = raw["kind"], raw["metadata"]["name"]
        there = name in self._objects[kind]
        self._version += 1
        before = self._objects[kind].get(name)
        # Whoever is made anew under a name is somebody else.
        uid = before["metadata"]["uid"] if before is not None else f"{kind}-{name}-{self._version}"
        metadata = {**raw["metadata"], "resourceVersion": str(self._version), "uid": uid}
        after = self._objects[kind][name] = {**raw, "metadata": metadata}
        self._tell(kind, "MODIFIED" if there else "ADDED", after)

    def delete(self, kind: str, name: str) -> None:
        """Deletes an object."""
        before = self._objects[kind].pop(name)
        del self._encoded[kind][name]
        self._version += 1
        metadata = {**before["metadata"], "resourceVersion": str(self._version)}
        self._tell(kind, "DELETED", {**before, "metadata": metadata})

    def forget(self) -> None:
        """Compacts the history: what is asked for from before now is too old."""
        self._history.clear()
        self._oldest = self._version

    def end_watches(self) -> None:
        """Ends every watch politely, as a server does that stops."""
        for feed in tuple(self.feeds):
            feed.offer(None)

    def _tell(self, kind: str, what: str, raw: Raw) -> None:
        text = msgspec.Raw(msgspec.json.encode(raw))
        if what != "DELETED":
            self._encoded[kind][raw["metadata"]["name"]] = text
        line = msgspec.json.encode({"type": what, "object": text}) + b"\n"
        change = Change(self._version, self.clock(), kind, line)
        self._history.append(change)
        while len(self._history) > HISTORY:
            self._oldest = self._history.popleft().version
        for feed in self.feeds:
            if feed.kind == kind:
                feed.offer(change)

    # ---- for readers

    def page(self, kind: str, after: str, version: int) -> tuple[list[msgspec.Raw], str, int]:
        """Some objects behind the name `after`, the name to go on from, and the version of the list."""
        if version and version < self._oldest:
            raise Expired("The API server answers 410: the provided continue parameter is too old.")
        texts = self._encoded[kind]
        names = sorted(name for name in texts if name > after)
        some = names[:LARGEST_PAGE]
        more = some[-1] if len(names) > len(some) else ""
        return [texts[name] for name in some], more, version or self._version

    def changes_since(self, kind: str, version: int) -> list[Change]:
        """The changes behind a version.

        Raises:
            Expired: they are not remembered.
        """
        if version < self._oldest:
            raise Expired(f"The API server answers 410: too old resource version: {version} ({self._oldest}).")
        return [change for change in self._history if change.version > version and change.kind == kind]

    def bookmark(self, kind: str) -> bytes:
        """A line that says how far a watch has come."""
        mark = {"kind": kind, "metadata": {"resourceVersion": str(self._version)}}
        return msgspec.json.encode({"type": "BOOKMARK", "object": mark}) + b"\n"

    def initial(self, kind: str) -> list[bytes]:
        """The lines of a list that is streamed, its end included."""
        texts = self._encoded[kind].values()
        lines = [msgspec.json.encode({"type": "ADDED", "object": text}) + b"\n" for text in texts]
        end = {"resourceVersion": str(self._version), "annotations": {"k8s.io/initial-events-end": "true"}}
        return [*lines, msgspec.json.encode({"type": "BOOKMARK", "object": {"kind": kind, "metadata": end}}) + b"\n"]


class Feed:
    """One watch of one reader."""

    def __init__(self, kind: str, reader: Reader) -> None:
        self.kind, self._reader = kind, reader
        self.waiting: deque[Change | None] = deque()
        self.news = asyncio.Event()
        self._taken: deque[tuple[float, float]] = deque()

    def offer(self, change: Change | None) -> None:
        """Takes in what is to be told; None: that the watch ends."""
        self.waiting.append(change)
        self.news.set()

    def told_until(self) -> float:
        """The time up to which the reader has taken everything in: the last moment before what it has not."""
        now = self._reader.server.clock()
        while self._taken and self._taken[0][0] <= now - TAKEN_IN_S:
            self._taken.popleft()
        open_ = (*(at for _, at in self._taken), *(one.at for one in self.waiting if one is not None))
        return math.nextafter(open_[0], -math.inf) if open_ else now

    def take(self) -> list[Change | None]:
        """What is told now."""
        items, now = list(self.waiting), self._reader.server.clock()
        self._taken.extend((now, one.at) for one in items if one is not None)
        self.waiting.clear()
        self.news.clear()
        return items


@dataclass
class Trouble:
    """What goes wrong for one reader; until: seconds of the clock, number: requests that it hits."""

    away_until: float = 0.0
    silent_until: float = 0.0
    paused_until: float = 0.0
    next_lists: deque[str] = field(default_factory=deque)
    latency_s: float = 0.01


class Reader:
    """One replica's way to the API server: what its connection is made from, and how fresh its picture is."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.trouble = Trouble()
        self.met: Counter[str] = Counter()
        self._known: dict[str, float] = {}
        self._live: dict[str, Feed] = {}

    def begin(self) -> None:
        """A new process reads, which knows nothing."""
        self._known, self._live = {}, {}

    def fresh_until(self) -> float:
        """The time up to which everything that happened has been told to this reader."""
        return min(self._fresh_until(kind) for kind in TELLING)

    def _fresh_until(self, kind: str) -> float:
        feed, known = self._live.get(kind), self._known.get(kind, float("-inf"))
        if feed is None or self.trouble.silent_until > self.server.clock():
            return known
        return max(known, feed.told_until())

    def hears(self, kind: str, until: float) -> None:
        """Everything up to a time is being told."""
        asyncio.get_running_loop().call_later(TAKEN_IN_S, _know, self._known, kind, until)

    def fall_silent(self, seconds: float) -> None:
        """Watches hear nothing more, and are not cut either: what is half open stays so until the reader gives up."""
        for kind in self._live:
            _know(self._known, kind, self._fresh_until(kind))
        self.trouble.silent_until = self.server.clock() + seconds

    def go_away(self, seconds: float) -> None:
        """The server cannot be reached, and whatever is open is cut."""
        self.trouble.away_until = self.server.clock() + seconds
        for feed in self._live.values():
            feed.offer(None)

    async def reached(self) -> None:
        """A request arrives.

        Raises:
            Unreachable: it does not.
        """
        await asyncio.sleep(self.trouble.latency_s)
        await self.reached_at_once()

    async def reached_at_once(self) -> None:
        """A request arrives that takes no time by itself.

        Raises:
            Unreachable: it does not.
        """
        trouble, clock = self.trouble, self.server.clock
        if trouble.paused_until > clock():
            await asyncio.sleep(trouble.paused_until - clock())
        if trouble.away_until > clock():
            self.met["API server away"] += 1
            raise Unreachable("The API server cannot be reached: refused.")


def _know(known: dict[str, float], kind: str, until: float) -> None:
    known[kind] = max(until, known.get(kind, float("-inf")))


class InProcessConnection:
    """Stands in for sources.kubernetes.connection.Connection."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self._server = reader, reader.server
        self.streams = False

    async def __aenter__(self) -> InProcessConnection:
        self._reader.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def get(self, path: str, params: Mapping[str, str], into: type[T]) -> T:
        """See Connection.get."""
        await self._reader.reached()
        self._fail(params)
        if path == "/version":
            return msgspec.convert({"major": "1", "minor": "30" if self._server.streams else "20"}, into)
        if path not in KINDS:
            return msgspec.convert({"resources": _resources(path)}, into)
        kind, began = KINDS[path], self._server.clock()
        after, _, version = params.get("continue", "").partition("@")
        items, more, found = self._server.page(kind, after, int(version or 0))
        if not more:
            # Pages after the first are of the same moment on a real server; here they are at least as new.
            self._reader.hears(kind, began if not version else self._paging[kind])
        elif not version:
            self._paging = {**getattr(self, "_paging", {}), kind: began}
        metadata = {"resourceVersion": str(found), **({"continue": f"{more}@{found}"} if more else {})}
        return msgspec.json.decode(msgspec.json.encode({"metadata": metadata, "items": items}), type=into)

    def _fail(self, params: Mapping[str, str]) -> None:
        failing = self._reader.trouble.next_lists
        if not failing or (failing[0] == "a page fails" and "continue" not in params):
            return
        what = failing.popleft()
        self._reader.met[what] += 1
        raise _FAILURES[what]()

    async def stream(self, path: str, params: Mapping[str, str], silence_s: float) -> AsyncGenerator[bytes, None]:
        """See Connection.stream."""
        reader, kind = self._reader, KINDS[path]
        await reader.reached()
        since = params.get("resourceVersion", "")
        feed = Feed(kind, reader)
        if since:
            for change in self._server.changes_since(kind, int(since)):
                feed.offer(change)
        self._server.feeds[feed] = None
        reader._live[kind] = feed
        try:
            yield b""
            if not since:
                reader.hears(kind, self._server.clock())
                yield b"".join(self._server.initial(kind))
            async for chunk in self._lines(feed, silence_s, float(params["timeoutSeconds"])):
                yield chunk
        finally:
            self._server.feeds.pop(feed, None)
            if reader._live.get(kind) is feed:
                _know(reader._known, kind, reader._fresh_until(kind))
                del reader._live[kind]

    async def _lines(self, feed: Feed, silence_s: float, lasts_s: float) -> AsyncGenerator[bytes, None]:
        reader, clock = self._reader, self._server.clock
        ends = clock() + lasts_s
        while clock() < ends:
            try:
                async with asyncio.timeout(min(BOOKMARK_S, ends - clock())):
                    await feed.news.wait()
            except TimeoutError:
                pass
            await self._held_up(silence_s)
            if None in feed.waiting or reader.trouble.away_until > clock():
                return
            lines = b"".join(one.line for one in feed.take() if one is not None)
            yield lines or self._server.bookmark(feed.kind)

    async def _held_up(self, silence_s: float) -> None:
        trouble, clock = self._reader.trouble, self._server.clock
        await asyncio.sleep(trouble.latency_s)
        if trouble.paused_until > clock():
            await asyncio.sleep(trouble.paused_until - clock())
        if trouble.silent_until > clock():
            self._reader.met["half-open watch"] += 1
            await asyncio.sleep(silence_s)
            raise Unreachable("The API server does not answer: time is up.")


def _resources(path: str) -> list[dict[str, str]]:
    return [{"name": known.rpartition("/")[2]} for known in KINDS if known.rpartition("/")[0] == path]


_FAILURES: Mapping[str, Callable[[], KubernetesError]] = {
    "list answered 500": lambda: Refused("The API server answers 500: internal error."),
    "list answered 429": lambda: Busy("The API server answers 429: too many requests.", 3.0),
    "list answered 410": lambda: Expired("The API server answers 410: the list is too old."),
    "list cut in half": lambda: Unreachable("The API server's answer cannot be read: it ends in the middle."),
    "a page fails": lambda: Unreachable("The API server cannot be reached: reset."),
    "kind not served": lambda: NotFound("The API server answers 404: the server could not find the resource."),
}
FAILURES = tuple(_FAILURES)


class ReplicaLeases:
    """One replica's way to the Leases, with the same troubles as its reading."""

    def __init__(self, leases: Any, reader: Reader) -> None:
        self._leases, self._reader = leases, reader
        self.lost_replies = 0

    async def __aenter__(self) -> ReplicaLeases:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def get(self, *where: Any) -> Any:
        """See runtime.leader.Leases."""
        # There is one every second; writing them takes the time that may be lost between.
        await self._reader.reached_at_once()
        return await self._leases.get(*where)

    async def create(self, *what: Any) -> Any:
        """See runtime.leader.Leases."""
        return await self._write(self._leases.create, what)

    async def replace(self, *what: Any) -> Any:
        """See runtime.leader.Leases."""
        return await self._write(self._leases.replace, what)

    async def _write(self, write: Callable[..., Any], what: tuple[Any, ...]) -> Any:
        await self._reader.reached()
        done = await write(*what)
        if self.lost_replies:
            self.lost_replies -= 1
            self._reader.met["Lease written, reply lost"] += 1
            raise Unreachable("The API server cannot be reached: reset.")
        return done
