"""An API server in memory: list, watch, pages, bookmarks and expiry as Kubernetes has them, and faults on request.

In a test:       api = FakeKubeApi(); await api.start(); api.put({...}); api.fail("watch", "services", status=503)
As a process:    python tests/fakes/kubeapi.py 8001     (then POST, PUT and DELETE objects)
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import ssl
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from aiohttp import web

Raw = dict[str, Any]
Key = tuple[str, str]

_TERM = re.compile(r"\s*(!?)([\w./-]+)\s*(?:(==|=|!=)\s*([\w.-]*)|(in|notin)\s*\(([^)]*)\))?\s*(?:,|$)")


@dataclass(frozen=True)
class Served:
    """A kind that the server has."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


KINDS = (
    Served("", "v1", "namespaces", "Namespace", namespaced=False),
    Served("", "v1", "nodes", "Node", namespaced=False),
    Served("", "v1", "services", "Service"),
    Served("", "v1", "endpoints", "Endpoints"),
    Served("", "v1", "configmaps", "ConfigMap"),
    Served("", "v1", "secrets", "Secret"),
    Served("", "v1", "pods", "Pod"),
    Served("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
    Served("networking.k8s.io", "v1", "ingresses", "Ingress"),
    Served("networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False),
    Served("events.k8s.io", "v1", "events", "Event"),
    Served("coordination.k8s.io", "v1", "leases", "Lease"),
)
WITHOUT_SLICES = tuple(kind for kind in KINDS if kind.plural != "endpointslices")


@dataclass
class Fault:
    """Something that goes wrong with the next `times` requests that match; None: with all of them.

    status: answer this. cut_after: reset the connection after so many watch events. end_after: the same, but politely.
    hang_after: the same, but stay silent. hang: accept, then say nothing. error: an ERROR event with this Status.
    garbage: a line that is no JSON. cut_list: send half of a list.
    items: a list of these. unversioned: a list without a resource version.
    deaf: take the request and answer nothing, not even a status.
    """

    verb: str
    plural: str = ""
    namespace: str = ""
    times: int | None = None
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    end_after: int | None = None
    hang_after: int | None = None
    hang: bool = False
    error: Raw | None = None
    garbage: bool = False
    cut_list: bool = False
    items: list[Any] | None = None
    unversioned: bool = False
    deaf: bool = False
    only_continued: bool = False


@dataclass(frozen=True)
class Seen:
    """A request that came in."""

    verb: str
    path: str
    query: Mapping[str, str]
    authorization: str
    at_s: float = 0.0
    encoding: str = ""


@dataclass(frozen=True)
class _Change:
    version: int
    served: Served
    before: Raw | None
    after: Raw | None


@dataclass(frozen=True)
class _Target:
    served: Served
    namespace: str
    name: str


class FakeKubeApi:
    """kinds: what the server has. tokens: bearer tokens that it accepts; empty: it asks for none.

    bookmark_s: seconds between bookmarks; 0: only on bookmark(). version: as /version says it. streams: what it
    does when asked for a list as a stream: sends it; answers 422, as from 1.19 on; or takes no notice, as before that.
    """

    def __init__(
        self,
        kinds: Iterable[Served] = KINDS,
        *,
        tokens: Iterable[str] = (),
        bookmark_s: float = 0.0,
        tls: ssl.SSLContext | None = None,
        version: str = "1.20",
        streams: Literal["sent", "refused", "unknown"] = "sent",
    ) -> None:
        self.kinds = {(kind.group, kind.version, kind.plural): kind for kind in kinds}
        self.tokens = set(tokens)
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.url = ""
        self.version = version
        self.streams = streams
        self._bookmark_s = bookmark_s
        self.tls = tls
        self._version = 100
        self._oldest = 100
        self._objects: dict[Served, dict[Key, Raw]] = {kind: {} for kind in self.kinds.values()}
        self._history: deque[_Change] = deque()
        self._watchers: set[asyncio.Queue[_Change | int | bytes | None]] = set()
        self._pages: dict[str, tuple[int, list[Raw]]] = {}
        self._tickets = itertools.count(1)
        self._runner: web.AppRunner | None = None
        self._port = 0
        self.put({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "kube-system"}})

    # ---- for tests

    async def start(self, port: int = 0) -> str:
        """Listens; answers the URL. A second start after stop() uses the same port."""
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port or self._port, ssl_context=self.tls)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}"
        return self.url

    async def stop(self) -> None:
        """Closes the port and all connections; the objects stay."""
        for watcher in tuple(self._watchers):
            watcher.put_nowait(None)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def put(self, raw: Raw, *, silent: bool = False) -> Raw:
        """Creates or replaces an object. silent: watchers are not told, as if they had not listened."""
        served = self._served_as(raw)
        metadata = dict(raw.get("metadata", {}))
        if served.namespaced:
            metadata.setdefault("namespace", "default")
        key = (metadata.get("namespace", ""), metadata["name"])
        before = self._objects[served].get(key)
        old = before["metadata"] if before else {}
        self._version += 1
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata["uid"] = old.get("uid") or metadata.get("uid") or str(uuid4())
        metadata["creationTimestamp"] = old.get("creationTimestamp") or metadata.get("creationTimestamp") or now
        metadata["resourceVersion"] = str(self._version)
        after = {**raw, "apiVersion": served.api_version, "kind": served.kind, "metadata": metadata}
        self._objects[served][key] = after
        self._note(_Change(self._version, served, before, after), silent)
        return after

    def delete(self, kind: str, namespace: str, name: str, *, silent: bool = False) -> None:
        """Deletes an object; raises KeyError when it is not there."""
        served = next(one for one in self.kinds.values() if one.kind == kind)
        before = self._objects[served].pop((namespace, name))
        self._version += 1
        last = {**before, "metadata": {**before["metadata"], "resourceVersion": str(self._version)}}
        self._note(_Change(self._version, served, last, None), silent)

    def gain(self, served: Served) -> None:
        """Has one more kind from now on, as after an upgrade."""
        self.kinds[(served.group, served.version, served.plural)] = served
        self._objects.setdefault(served, {})

    def lose(self, served: Served) -> None:
        """Has a kind no longer; its objects come back with it."""
        del self.kinds[(served.group, served.version, served.plural)]

    def fail(self, verb: str, plural: str = "", **how: Any) -> Fault:
        """Arranges a fault for "discover", "list", "watch", "get" or "*"; remove it with mend()."""
        fault = Fault(verb, plural, **how)
        self.faults.append(fault)
        return fault

    def mend(self) -> None:
        """No faults any more."""
        self.faults.clear()

    def forget(self) -> None:
        """Compacts the history: resource versions and pages from before now are answered with 410."""
        self._history.clear()
        self._pages.clear()
        self._oldest = self._version

    def end_watches(self) -> None:
        """Ends every watch politely."""
        for watcher in tuple(self._watchers):
            watcher.put_nowait(None)

    def bookmark(self) -> None:
        """Sends a bookmark to every watch that asked for them."""
        for watcher in self._watchers:
            watcher.put_nowait(self._version)

    @property
    def watches(self) -> int:
        """How many watches are open."""
        return len(self._watchers)

    def requests(self, verb: str, plural: str = "") -> list[Seen]:
        """The requests of a verb seen so far."""
        return [one for one in self.seen if one.verb == verb and plural in ("", *one.path.split("/"))]

    # ---- state

    def _served_as(self, raw: Raw) -> Served:
        for served in self.kinds.values():
            if served.kind == raw.get("kind") and raw.get("apiVersion", served.api_version) == served.api_version:
                return served
        raise KeyError(f"this server has no {raw.get('apiVersion')} {raw.get('kind')}")

    def _note(self, change: _Change, silent: bool) -> None:
        self._history.append(change)
        if not silent:
            for watcher in self._watchers:
                watcher.put_nowait(change)

    def _fault(self, verb: str, target: _Target | None, continued: bool) -> Fault | None:
        plural, namespace = (target.served.plural, target.namespace) if target else ("", "")
        for fault in self.faults:
            if (
                fault.verb in (verb, "*")
                and fault.plural in ("", plural)
                and fault.namespace in ("", namespace)
                and (continued or not fault.only_continued)
                and fault.times != 0
            ):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    # ---- HTTP

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        parts = [part for part in request.path.split("/") if part]
        if self.tokens and authorization.removeprefix("Bearer ") not in self.tokens:
            self._see("unauthorized", request)
            return _status(401, "Unauthorized")
        if parts == ["version"]:
            self._see("version", request)
            wanted = self._fault("version", None, False)
            if wanted is not None:
                return _status(wanted.status, "as the test wants it", wanted.headers)
            major, minor = self.version.split(".")
            return web.json_response({"major": major, "minor": minor, "gitVersion": f"v{self.version}.0"})
        if parts[:1] == ["api"] and len(parts) >= 2:
            group, version, rest = "", parts[1], parts[2:]
        elif parts[:1] == ["apis"] and len(parts) >= 3:
            group, version, rest = parts[1], parts[2], parts[3:]
        else:
            return _status(404, "the server could not find the requested resource")
        target = self._target(group, version, rest)
        verb = self._verb(request, target, rest)
        self._see(verb, request)
        fault = self._fault(verb, target, "continue" in request.query)
        if fault is not None and fault.status:
            return _status(fault.status, "as the test wants it", fault.headers)
        if not rest:
            return self._discovery(group, version)
        if target is None:
            return _status(404, "the server could not find the requested resource")
        if fault is not None and (fault.deaf or (fault.hang and verb != "watch")):
            await asyncio.sleep(3600)
        if verb == "watch":
            return await self._watch(request, target, fault)
        if verb == "list":
            return self._list(request, target, fault)
        return await self._one(request, verb, target)

    def _see(self, verb: str, request: web.Request) -> None:
        given, now_s = request.headers, asyncio.get_running_loop().time()
        login, encoding = given.get("Authorization", ""), given.get("Accept-Encoding", "")
        self.seen.append(Seen(verb, request.path, dict(request.query), login, now_s, encoding))

    def _target(self, group: str, version: str, rest: list[str]) -> _Target | None:
        namespace = ""
        if rest[:1] == ["namespaces"] and len(rest) >= 3:
            namespace, rest = rest[1], rest[2:]
        served = self.kinds.get((group, version, rest[0])) if rest else None
        return _Target(served, namespace, rest[1] if len(rest) > 1 else "") if served else None

    def _verb(self, request: web.Request, target: _Target | None, rest: list[str]) -> str:
        if request.method != "GET":
            verbs = {"POST": "create", "PUT": "replace", "PATCH": "patch", "DELETE": "delete"}
            return verbs.get(request.method, "other")
        if not rest:
            return "discover"
        if target is not None and target.name:
            return "get"
        return "watch" if request.query.get("watch") in ("true", "1") else "list"

    def _discovery(self, group: str, version: str) -> web.Response:
        kinds = [kind for kind in self.kinds.values() if (kind.group, kind.version) == (group, version)]
        if not kinds:
            return _status(404, "the server could not find the requested resource")
        resources = [{"name": k.plural, "kind": k.kind, "namespaced": k.namespaced, "verbs": []} for k in kinds]
        name = f"{group}/{version}" if group else version
        return web.json_response({"kind": "APIResourceList", "groupVersion": name, "resources": resources})

    def _list(self, request: web.Request, target: _Target, fault: Fault | None) -> web.StreamResponse:
        limit = int(request.query.get("limit", "0"))
        token = request.query.get("continue", "")
        if token:
            if token not in self._pages:
                return _status(410, "The provided continue parameter is too old")
            version, items = self._pages[token]
        else:
            version, items = self._version, self._matching(request, target)
        metadata: Raw = {"resourceVersion": str(version)}
        if limit and len(items) > limit:
            ticket = base64.b64encode(f"page {next(self._tickets)}".encode()).decode()
            self._pages[ticket] = (version, items[limit:])
            metadata["continue"] = ticket
            items = items[:limit]
        body = {
            "kind": f"{target.served.kind}List",
            "apiVersion": target.served.api_version,
            "metadata": metadata,
            "items": items,
        }
        if fault is not None and fault.items is not None:
            body["items"] = fault.items
        if fault is not None and fault.unversioned:
            del metadata["resourceVersion"]
        if fault is not None and fault.cut_list:
            whole = json.dumps(body).encode()
            return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
        answer = web.json_response(body)
        answer.enable_compression()
        return answer

    def _matching(self, request: web.Request, target: _Target) -> list[Raw]:
        selector = request.query.get("labelSelector", "")
        objects = self._objects[target.served]
        return [objects[key] for key in sorted(objects) if _concerns(target, selector, objects[key])]

    async def _one(self, request: web.Request, verb: str, target: _Target) -> web.Response:
        key = (target.namespace, target.name)
        if verb in ("create", "replace"):
            raw = await request.json()
            metadata = {**raw.get("metadata", {})}
            if target.namespace:
                metadata["namespace"] = target.namespace
            raw = {**raw, "kind": target.served.kind, "apiVersion": target.served.api_version}
            if self._conflicts(verb, target.served, metadata):
                return _status(409, f'{target.served.plural} "{metadata["name"]}" conflicts with what is there')
            return web.json_response(self.put({**raw, "metadata": metadata}), status=201 if verb == "create" else 200)
        found = self._objects[target.served].get(key)
        if found is None:
            return _status(404, f'{target.served.plural} "{target.name}" not found')
        if verb == "delete":
            self.delete(target.served.kind, *key)
        if verb == "patch":
            return await self._patch(request, found)
        return web.json_response(found)

    def _conflicts(self, verb: str, served: Served, metadata: Raw) -> bool:
        """Whether an object to create exists, or one to replace has changed since it was read."""
        there = self._objects[served].get((metadata.get("namespace", ""), metadata["name"]))
        if verb == "create":
            return there is not None
        known = metadata.get("resourceVersion")
        return there is not None and known is not None and known != there["metadata"]["resourceVersion"]

    async def _patch(self, request: web.Request, there: Raw) -> web.Response:
        """A merge patch; a UID in it is a condition, and null takes a field away."""
        patch = await request.json()
        uid = patch.get("metadata", {}).get("uid")
        if request.content_type != "application/merge-patch+json":
            return _status(415, f"this server does not take {request.content_type}")
        if uid is not None and uid != there["metadata"]["uid"]:
            return _status(422, "metadata.uid: field is immutable")
        after = _merged(there, patch)
        entry = {"manager": request.query.get("fieldManager", "?"), "operation": "Update", "fieldsV1": _fields(patch)}
        after["metadata"]["managedFields"] = [*there["metadata"].get("managedFields", ()), entry]
        return web.json_response(self.put(after))

    # ---- watch

    async def _watch(self, request: web.Request, target: _Target, fault: Fault | None) -> web.StreamResponse:
        since = int(request.query.get("resourceVersion") or 0)
        if since and since < self._oldest:
            return _status(410, f"too old resource version: {since} ({self._oldest})")
        if "sendInitialEvents" in request.query and self.streams == "refused":
            return _status(422, "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        queue: asyncio.Queue[_Change | int | bytes | None] = asyncio.Queue()
        for item in self._since(since, request, target):
            queue.put_nowait(item)
        self._watchers.add(queue)
        try:
            await response.prepare(request)
            await self._feed(request, response, queue, target, fault or Fault("watch"))
        except ConnectionError:
            pass
        finally:
            self._watchers.discard(queue)
        return response

    def _since(self, version: int, request: web.Request, target: _Target) -> Iterator[_Change | bytes]:
        """What a watch from a version is told first; from none: what is there, and its end if that was asked for."""
        if version:
            yield from (change for change in self._history if change.version > version)
            return
        for raw in self._matching(request, target):
            yield _line("ADDED", raw)
        if request.query.get("sendInitialEvents") == "true" and self.streams == "sent":
            end = {"annotations": {"k8s.io/initial-events-end": "true"}, "resourceVersion": str(self._version)}
            yield _line("BOOKMARK", {"kind": target.served.kind, "metadata": end})

    async def _feed(
        self,
        request: web.Request,
        response: web.StreamResponse,
        queue: asyncio.Queue[_Change | int | bytes | None],
        target: _Target,
        fault: Fault,
    ) -> None:
        if fault.hang:
            await asyncio.sleep(3600)
        if fault.error is not None:
            await response.write(_line("ERROR", {"kind": "Status", **fault.error}))
            return
        if fault.garbage:
            await response.write(b"<html>not what you asked for</html>\n")
            return
        loop = asyncio.get_running_loop()
        end = loop.time() + float(request.query.get("timeoutSeconds") or 1800)
        selector = request.query.get("labelSelector", "")
        bookmarks = "allowWatchBookmarks" in request.query
        ends = (fault.cut_after, fault.end_after, fault.hang_after)
        last = next((count for count in ends if count is not None), None)
        sent, said_at = 0, loop.time()
        while sent != last:
            # Changes of other kinds tell this watch nothing, and are no reason to say nothing.
            quiet_until = min(end, said_at + self._bookmark_s) if bookmarks and self._bookmark_s else end
            items = await self._next(queue, quiet_until - loop.time())
            lines = []
            for item in items:
                line = self._said(item, target, selector, bookmarks) if item is not None else b""
                if line and sent != last:
                    sent += 1
                    lines.append(line)
            if lines:
                said_at = loop.time()
                await response.write(b"".join(lines))
            if None in items or loop.time() >= end:
                return
        if fault.hang_after is not None:
            await asyncio.sleep(3600)
        if fault.cut_after is not None and request.transport is not None:
            request.transport.abort()

    async def _next(self, queue: asyncio.Queue[_Change | int | bytes | None], left_s: float) -> list[Any]:
        """What there is to tell, all of it at once; a bookmark when there is nothing for so long."""
        try:
            items = [await asyncio.wait_for(queue.get(), max(left_s, 0.001))]
        except TimeoutError:
            return [self._version]
        while not queue.empty():
            items.append(queue.get_nowait())
        return items

    def _said(self, item: _Change | int | bytes, target: _Target, selector: str, bookmarks: bool) -> bytes:
        if isinstance(item, bytes):
            return item
        if isinstance(item, int):
            mark = {"metadata": {"resourceVersion": str(item)}, "kind": target.served.kind}
            return _line("BOOKMARK", mark) if bookmarks else b""
        if item.served != target.served:
            return b""
        was = item.before is not None and _concerns(target, selector, item.before)
        now = item.after is not None and _concerns(target, selector, item.after)
        if now and item.after is not None:
            return _line("MODIFIED" if was else "ADDED", item.after)
        if was and item.before is not None:
            metadata = {**item.before["metadata"], "resourceVersion": str(item.version)}
            return _line("DELETED", {**item.before, "metadata": metadata})
        return b""


def _merged(there: Raw, patch: Raw) -> Raw:
    """RFC 7386."""
    after = dict(there)
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict):
            inner = after.get(name)
            after[name] = _merged(inner if isinstance(inner, dict) else {}, value)
        else:
            after[name] = value
    return after


def _fields(patch: Raw) -> Raw:
    """What a patch sets, as managedFields has it."""
    return {
        f"f:{name}": _fields(value) if isinstance(value, dict) else {}
        for name, value in patch.items()
        if value is not None
    }


def _line(kind: str, raw: Raw) -> bytes:
    return json.dumps({"type": kind, "object": raw}).encode() + b"\n"


def _status(code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    return web.json_response(body, status=code, headers=headers)


def _concerns(target: _Target, selector: str, raw: Raw) -> bool:
    metadata = raw["metadata"]
    if target.namespace and metadata.get("namespace") != target.namespace:
        return False
    if target.name and metadata["name"] != target.name:
        return False
    return _selected(selector, metadata.get("labels") or {})


def _selected(selector: str, labels: Mapping[str, str]) -> bool:
    at = 0
    while selector[at:].strip():
        term = _TERM.match(selector, at)
        if term is None:
            raise ValueError(f"no label selector: {selector}")
        absent, key, operator, value, several, values = term.groups()
        if several:
            fits = (labels.get(key) in {one.strip() for one in values.split(",")}) is (several == "in")
        elif operator:
            fits = (labels.get(key) == value) is (operator != "!=")
        else:
            fits = (key in labels) is not bool(absent)
        if not fits:
            return False
        at = term.end()
    return True


async def serve(port: int) -> None:
    """Serves until cancelled, and says where on standard output."""
    api = FakeKubeApi(bookmark_s=60)
    sys.stdout.write(await api.start(port) + "\n")
    sys.stdout.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await api.stop()


def main(port: int) -> None:
    """Serves until it is interrupted."""
    try:
        asyncio.run(serve(port))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
