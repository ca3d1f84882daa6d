"""Decides what may be done to a simulated device from outside it: /_sim/, without credentials, on this machine.

Nothing here is part of a BIG-IP. Every answer is JSON; a mistake is 400 with {"message": a sentence}.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web

from bigipsim.faults import AT_ONCE, BENCH_LATENCY, DESCRIPTIONS, Armed, Fault, Latency, check
from bigipsim.group import control

if TYPE_CHECKING:
    from bigipsim.server import SimServer

Answer = Callable[["Admin", web.Request], Awaitable[web.StreamResponse]]


def _json(value: Any, status: int = 200) -> web.Response:
    body = msgspec.json.encode(value) + b"\n"
    return web.Response(status=status, body=body, content_type="application/json")


def _mistake(sentence: str, status: int = 400) -> web.Response:
    return _json({"message": sentence}, status)


class Admin:
    """Answers what lies below /_sim/."""

    def __init__(self, server: SimServer) -> None:
        self._server = server

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Finds who answers, by method and path."""
        if not _from_this_machine(request):
            return _mistake("the control interface answers only clients on this machine", 403)
        path = request.path.removeprefix("/_sim").strip("/")
        name, _, rest = path.partition("/")
        entry = ROUTES.get((request.method, name)) if not rest or name == "faults" else None
        try:
            if entry is not None:
                return await entry[0](self, request)
            if not rest and (request.method, name) in control.ROUTES:
                return await self._in_group(request, *control.ROUTES[request.method, name])
        except (ValueError, msgspec.MsgspecError) as error:
            return _mistake(str(error), control.MISTAKES.get(type(error), 400))
        return _mistake(f"there is no {request.method} /_sim/{path}; GET /_sim/ lists what there is", 404)

    async def _in_group(self, request: web.Request, answer: control.Answer, does: str) -> web.StreamResponse:
        group = self._server.box.group
        if group is None:
            return _mistake("this device is in no device group; start it with --device-group NAME")
        return _json(answer(group, await request.read()))

    async def _index(self, request: web.Request) -> web.StreamResponse:
        box = self._server.box
        does = {key: words for key, (_, words) in ROUTES.items()}
        if box.group is not None:
            does |= {key: words for key, (_, words) in control.ROUTES.items()}
        paths = [{"method": key[0], "path": f"/_sim/{key[1]}", "does": words} for key, words in does.items()]
        return _json({"bigipsim": {"version": box.version, "hostname": box.hostname}, "paths": paths})

    async def _reset(self, request: web.Request) -> web.StreamResponse:
        server = self._server
        server.box.reset()
        server.box.faults.clear()
        server.journal.clear()
        return await self._resynced()

    async def _dump(self, request: web.Request) -> web.StreamResponse:
        return _json(self._server.box.dump())

    async def _load(self, request: web.Request) -> web.StreamResponse:
        self._server.box.load(await _body(request))
        return await self._resynced()

    async def _save(self, request: web.Request) -> web.StreamResponse:
        self._server.box.save()
        return _json({})

    async def _reboot(self, request: web.Request) -> web.StreamResponse:
        wanted = msgspec.convert(await _body(request), Outage, strict=False)
        return await self._away(request, wanted.for_s, reboot=True)

    async def _faults(self, request: web.Request) -> web.StreamResponse:
        faults = self._server.box.faults
        armed = [_shown(one) for one in faults.armed()]
        latency = msgspec.to_builtins(faults.latency)
        return _json({"faults": armed, "latency": latency, "kinds": DESCRIPTIONS})

    async def _add_fault(self, request: web.Request) -> web.StreamResponse:
        value = await _body(request)
        if isinstance(value, dict) and set(value) == {"latency"}:
            preset = value["latency"] == "bench"
            latency = BENCH_LATENCY if preset else msgspec.convert(value["latency"], Latency)
            self._server.box.faults.latency = latency
            return _json({"latency": msgspec.to_builtins(latency)})
        fault = msgspec.convert(value, Fault)
        check(fault)
        if fault.kind not in AT_ONCE:
            return _json(_shown(self._server.box.faults.add(fault)))
        if fault.kind == "tokens-lost":
            self._server.box.auth.forget_tokens()
            self._server.events.tell("fault", {"what": "struck", "kind": fault.kind})
            return _json({})
        return await self._away(request, fault.for_s or 0.0, reboot=fault.kind == "reboot")

    async def _delete_faults(self, request: web.Request) -> web.StreamResponse:
        number = request.path.removeprefix("/_sim/faults").strip("/")
        faults = self._server.box.faults
        if not number:
            faults.clear()
        elif not number.isdecimal() or not faults.remove(int(number)):
            return _mistake(f"there is no fault {number}; GET /_sim/faults lists those that stand", 404)
        return _json({})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        stream = self._server.events.stream()
        try:
            await response.write(b": events follow\n\n")
            async for name, value in stream:
                payload = msgspec.json.encode(value).decode()
                await response.write(f"event: {name}\ndata: {payload}\n\n".encode())
        except ConnectionError:
            return response
        finally:
            await stream.aclose()
        return response

    async def _listeners(self, request: web.Request) -> web.StreamResponse:
        plane = self._server.plane
        if plane is None:
            return _json({"dataplane": False, "listeners": []})
        await plane.settled()
        return _json({"dataplane": True, "listeners": plane.listeners()})

    async def _requests(self, request: web.Request) -> web.StreamResponse:
        since = request.query.get("since", "0")
        if not since.isdecimal():
            return _mistake(f'since is "{since}"; write the number of the last request that you have seen')
        return _json({"requests": self._server.journal.since(int(since))})

    async def _forget_requests(self, request: web.Request) -> web.StreamResponse:
        self._server.journal.clear()
        return _json({})

    async def _resynced(self) -> web.Response:
        plane = self._server.plane
        if plane is not None:
            plane.resync()
            await plane.settled()
        return _json({})

    async def _away(self, request: web.Request, for_s: float, reboot: bool) -> web.StreamResponse:
        """Answers first and goes away then, so that whoever asked knows that it was understood."""
        response = _json({"for_s": for_s})
        response.force_close()
        await response.prepare(request)
        await response.write_eof()
        self._server.go_away(for_s, reboot)
        return response


class Outage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a reboot takes, in seconds."""

    for_s: float = 0.0


ROUTES: Final[Mapping[tuple[str, str], tuple[Answer, str]]] = {
    ("GET", ""): (Admin._index, "this list"),
    ("POST", "reset"): (Admin._reset, "back to the factory: configuration, faults, latency, log of requests"),
    ("GET", "dump"): (Admin._dump, "the whole running configuration, without private keys and passphrases"),
    ("POST", "load"): (Admin._load, "takes a dump (replaces all) or a device's recorded answers (adds, unchecked)"),
    ("POST", "save"): (Admin._save, "saves the running configuration, as `save sys config` does"),
    ("POST", "reboot"): (Admin._reboot, 'restarts from what is saved, down for {"for_s": seconds}'),
    ("GET", "faults"): (Admin._faults, "the faults that stand, the latency, and the kinds that there are"),
    ("POST", "faults"): (
        Admin._add_fault,
        'adds {"kind", "method", "path", "times", "for_s", "message", "touches"}, or sets {"latency": {…} or "bench"}',
    ),
    ("DELETE", "faults"): (Admin._delete_faults, "removes all faults and the latency; /_sim/faults/<number> one fault"),
    ("GET", "events"): (Admin._events, "server-sent events: changes, member, failover, fault, outage"),
    ("GET", "listeners"): (Admin._listeners, "virtual servers: where they really listen, their pools and members"),
    ("GET", "requests"): (Admin._requests, "the requests that were seen; ?since=<n> only those after number n"),
    ("DELETE", "requests"): (Admin._forget_requests, "empties the log of requests and counts from 1 again"),
}


def _shown(armed: Armed) -> dict[str, Any]:
    return {"number": armed.number, "hits": armed.hits, **msgspec.to_builtins(armed.fault)}


async def _body(request: web.Request) -> Any:
    """The JSON of a request; an empty body counts as {}.

    Raises:
        ValueError: it is not JSON.
    """
    text = await request.text()
    try:
        return json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise ValueError(f"the body is not JSON ({error}); send a JSON object") from error


def _from_this_machine(request: web.Request) -> bool:
    try:
        address = ipaddress.ip_address((request.remote or "").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
