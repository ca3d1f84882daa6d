"""Decides which requests to the simulated device go wrong, how, and how slow it is.

Two places ask: the device itself before it looks at a request (`Faults.intercept`: answers in the device's
words), and the server that carries it over the network (`Faults.on_the_wire`: resets, cut replies, silence;
`Faults.delay_s`: latency). Faults are set by /_sim/faults and count or time themselves out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote

import msgspec

from bigipsim.clock import Clock
from bigipsim.exchange import Request, Response

WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
COORDINATION: Final = "x-f5-rest-coordination-id"
REMEMBERED_TRANSACTIONS: Final = 200
REFUSED_ON_REQUEST: Final = "01070734:3: Configuration error: refused on request"

_TRANSACTION = re.compile(r"/mgmt/tm/transaction/(\d+)/?")
_OPEN = re.compile(r"/mgmt/tm/transaction/?")
_AUTHENTICATION = re.compile(r"/mgmt/shared/auth[nz]/")

Wire = Literal["cut", "reset-before", "reset-after", "hang-before", "hang-after"]
Sort = Literal["read", "login", "open", "queued", "write", "commit"]
LATENCY_FIELD: Final[Mapping[Sort, str]] = {
    "read": "get_s",
    "login": "login_s",
    "open": "transaction_open_s",
    "queued": "queued_command_s",
    "write": "direct_write_s",
}
Watcher = Callable[[str, "Armed", str], None]


class FaultMistake(ValueError):
    """A fault was asked for that makes no sense; the text says what to write instead."""


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds that the device takes for each sort of request; 0 is as fast as the machine can."""

    get_s: float = 0.0
    login_s: float = 0.0
    transaction_open_s: float = 0.0
    queued_command_s: float = 0.0
    direct_write_s: float = 0.0
    commit_s: float = 0.0
    commit_per_command_s: float = 0.0


BENCH_LATENCY: Final = Latency(
    get_s=0.005,
    login_s=0.005,
    transaction_open_s=0.005,
    queued_command_s=0.005,
    direct_write_s=0.080,
    commit_s=0.080,
    commit_per_command_s=0.001,
)


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One way for requests to fail.

    method and path are regular expressions that must match (method whole, path anywhere; the path is the raw
    one, without the query); times is how many requests it hits, for_s how many seconds it stands; without both
    it stands until it is deleted. message and touches are for the refusals: the device's message, and the full
    path of an object that the write or the transaction must name to be refused.
    """

    kind: str
    method: str = ".*"
    path: str = ""
    times: int | None = None
    for_s: float | None = None
    message: str = ""
    touches: str = ""


@dataclass(slots=True)
class Armed:
    """A fault that waits for requests: its number, when it ends (epoch seconds) and how often it struck."""

    number: int
    fault: Fault
    ends_at_s: float | None
    hits: int = 0

    def matches(self, request: Request, now_s: float) -> bool:
        """Whether it stands and the request is of the sort that it hits."""
        if self.spent(now_s):
            return False
        method, path = self.fault.method, self.fault.path
        return bool(re.fullmatch(method, request.method, re.IGNORECASE) and re.search(path, request.path))

    def spent(self, now_s: float) -> bool:
        """Whether it has struck as often, or stood as long, as was asked."""
        by_count = self.fault.times is not None and self.hits >= self.fault.times
        return by_count or (self.ends_at_s is not None and now_s >= self.ends_at_s)


def _device_error(code: int, message: str, api_error: int | None) -> Response:
    body: dict[str, object] = {"code": code, "message": message, "errorStack": []}
    if api_error is not None:
        body["apiError"] = api_error
    return Response.json(code, body)


def _busy(request: Request, fault: Fault) -> Response:
    return _device_error(503, fault.message or "There is an active asynchronous task executing.", 32964609)


def _mcpd_lost(request: Request, fault: Fault) -> Response:
    return _device_error(500, fault.message or "The connection to mcpd has been lost, try again.", 32768001)


def _restarting(request: Request, fault: Fault) -> Response:
    page = (
        "<!DOCTYPE html>\n<html><head><title>Configuration Utility restarting...</title></head>\n"
        f"<body><p>{fault.message or 'Configuration Utility restarting...'}</p></body></html>\n"
    )
    return Response(503, page.encode(), {"Content-Type": "text/html"})


def _not_registered(request: Request, fault: Fault) -> Response:
    body = {
        "code": 404,
        "message": fault.message or f"Public URI path not registered: {request.path.removeprefix('/mgmt')}",
        "referer": request.peer,
        "restOperationId": 1,
        "kind": ":resterrorresponse",
    }
    return Response.json(404, body)


def _unauthorized(request: Request, fault: Fault) -> Response:
    message = fault.message or (
        "Authorization failed: no user authentication header or token detected. "
        f"Uri:http://localhost:8100{request.path} Referrer:{request.peer} Sender:{request.peer}"
    )
    body = {
        "code": 401,
        "message": message,
        "referer": request.peer,
        "restOperationId": 1,
        "kind": ":resterrorresponse",
    }
    return Response.json(401, body, {"WWW-Authenticate": "X-Auth-Token"})


def _write_refused(request: Request, fault: Fault) -> Response:
    return _device_error(400, fault.message or REFUSED_ON_REQUEST, 3)


ANSWERS: Final[Mapping[str, tuple[Callable[[Request, Fault], Response], str]]] = {
    "busy": (_busy, "503 with JSON: an asynchronous task is executing"),
    "restarting": (_restarting, "503 with an HTML page: the configuration utility restarts"),
    "mcpd-lost": (_mcpd_lost, "500: the connection to mcpd has been lost"),
    "not-registered": (_not_registered, "404: the URI path is not registered, as while the device starts"),
    "unauthorized": (_unauthorized, "401: no user authentication header or token detected"),
    "write-refused": (_write_refused, "400 with `message` to direct writes, or to those that name `touches`"),
}
ON_THE_WIRE: Final[Mapping[Wire, str]] = {
    "cut": "the request is carried out; the connection ends half-way through the reply",
    "reset-before": "the connection is reset and the request not carried out",
    "reset-after": "the request is carried out, then the connection is reset without a reply",
    "hang-before": "the request is neither carried out nor answered until the client gives up",
    "hang-after": "the request is carried out but not answered until the client gives up",
}
COMMIT_REFUSED: Final = "commit-refused"
AT_ONCE: Final[Mapping[str, str]] = {
    "tokens-lost": "every token is forgotten now",
    "refuse-connections": "nothing listens for `for_s` seconds",
    "reboot": "the device restarts from its saved configuration and is down for `for_s` seconds",
}
DESCRIPTIONS: Final[Mapping[str, str]] = {
    **{kind: text for kind, (_, text) in ANSWERS.items()},
    COMMIT_REFUSED: "400 with `message` to commits, or to those with a command for `touches`",
    **{str(kind): text for kind, text in ON_THE_WIRE.items()},
    **AT_ONCE,
}


class Faults:
    """The faults and the latency that one simulated device has been told to show."""

    def __init__(self, clock: Clock) -> None:
        self.latency = Latency()
        self._clock = clock
        self._armed: dict[int, Armed] = {}
        self._last_number = 0
        self._queued: dict[str, list[tuple[str, bytes]]] = {}
        self._watchers: list[Watcher] = []

    def add(self, fault: Fault) -> Armed:
        """Arms a fault.

        Raises:
            FaultMistake: its kind is not known, or a pattern is no regular expression.
        """
        check(fault)
        self._last_number += 1
        ends = None if fault.for_s is None else self._clock.now() + fault.for_s
        armed = Armed(self._last_number, fault, ends)
        self._armed[armed.number] = armed
        self._tell("armed", armed, "")
        return armed

    def remove(self, number: int) -> bool:
        """Disarms one fault; False when there is none of that number."""
        return self._armed.pop(number, None) is not None

    def clear(self) -> None:
        """Disarms every fault and sets the latency back to none."""
        self._armed.clear()
        self.latency = Latency()

    def armed(self) -> list[Armed]:
        """The faults that still stand, oldest first; those that are spent are forgotten."""
        now_s = self._clock.now()
        self._armed = {number: one for number, one in self._armed.items() if not one.spent(now_s)}
        return list(self._armed.values())

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Calls watcher("armed" or "struck", fault, "METHOD path" or ""); answers how to stop that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def intercept(self, request: Request) -> Response | None:
        """The answer that a fault puts in place of the device's own, or None: go on as usual."""
        self._remember_command(request)
        for armed in self._candidates(request):
            entry = ANSWERS.get(armed.fault.kind)
            if entry is None or not _applies(armed.fault, request):
                continue
            self._strike(armed, request)
            return entry[0](request, armed.fault)
        return None

    def refused_commit(self, request: Request) -> str | None:
        """The device's message with which the transaction that this request commits is to fail, or None."""
        commands = self._queued.pop(_committed(request) or "", [])
        for armed in self._candidates(request):
            fault = armed.fault
            if fault.kind != COMMIT_REFUSED:
                continue
            if not fault.touches or any(fault.touches in named(path, body) for path, body in commands):
                self._strike(armed, request)
                return fault.message or REFUSED_ON_REQUEST
        return None

    def on_the_wire(self, request: Request) -> Wire | None:
        """What is to happen to the connection that carries this request, or None: nothing."""
        for armed in self._candidates(request):
            for kind in ON_THE_WIRE:
                if armed.fault.kind == kind:
                    self._strike(armed, request)
                    return kind
        return None

    def delay_s(self, request: Request) -> float:
        """Seconds that the device takes for this request, by the latency model; ask before `intercept`."""
        latency = self.latency
        sort = sort_of(request)
        if sort != "commit":
            return float(getattr(latency, LATENCY_FIELD[sort]))
        commands = len(self._queued.get(_committed(request) or "", ()))
        return latency.commit_s + commands * latency.commit_per_command_s

    def _candidates(self, request: Request) -> list[Armed]:
        now_s = self._clock.now()
        return [armed for armed in self._armed.values() if armed.matches(request, now_s)]

    def _remember_command(self, request: Request) -> None:
        """Keeps the commands of open transactions: their number, and what they name, count at the commit."""
        transaction = request.headers.get(COORDINATION)
        if transaction is None or request.method not in WRITES:
            return
        self._queued.setdefault(transaction, []).append((request.path, request.body))
        while len(self._queued) > REMEMBERED_TRANSACTIONS:
            del self._queued[next(iter(self._queued))]

    def _strike(self, armed: Armed, request: Request) -> None:
        armed.hits += 1
        self._tell("struck", armed, f"{request.method} {request.path}")

    def _tell(self, what: str, armed: Armed, request: str) -> None:
        for watcher in tuple(self._watchers):
            watcher(what, armed, request)


def sort_of(request: Request) -> Sort:
    """What a request is to the latency model and to the log: a read, a login, an opened transaction, ..."""
    if request.method not in WRITES:
        return "read"
    if COORDINATION in request.headers:
        return "queued"
    if _AUTHENTICATION.match(request.path):
        return "login"
    if request.method == "POST" and _OPEN.fullmatch(request.path):
        return "open"
    return "write" if _committed(request) is None else "commit"


def check(fault: Fault) -> None:
    """Refuses a fault that could never do what was meant.

    Raises:
        FaultMistake: with a sentence for the one who asked.
    """
    if fault.kind not in DESCRIPTIONS:
        known = ", ".join(sorted(DESCRIPTIONS))
        raise FaultMistake(f'there is no fault of kind "{fault.kind}"; known kinds are {known}')
    for field, pattern in (("method", fault.method), ("path", fault.path)):
        try:
            re.compile(pattern)
        except re.error as error:
            raise FaultMistake(
                f'"{pattern}" in {field} is not a regular expression ({error}); escape it, or leave {field} out'
            ) from error
    if fault.times is not None and fault.times < 1:
        raise FaultMistake(f"times is {fault.times}; write how many requests to hit, 1 or more")
    if fault.for_s is not None and fault.for_s <= 0:
        raise FaultMistake(f"for_s is {fault.for_s:g}; write how many seconds it lasts, above 0")


def _applies(fault: Fault, request: Request) -> bool:
    """Whether a fault of the kinds in ANSWERS is meant for this request, beyond its method and path."""
    if fault.kind != "write-refused":
        return True
    return sort_of(request) == "write" and (not fault.touches or fault.touches in named(request.path, request.body))


def named(path: str, body: bytes) -> frozenset[str]:
    """Full paths of the objects that a write names: those in its URI, and the one that its body creates.

    Example: POST /mgmt/tm/ltm/pool/~k8s~web/members {"name": "10.0.0.1:80", "partition": "k8s"} names
    /k8s/web and /k8s/10.0.0.1:80.
    """
    segments = (unquote(segment) for segment in path.split("/"))
    found = {segment.replace("~", "/") for segment in segments if segment.startswith("~")}
    try:
        value = json.loads(body) if body else None
    except ValueError:
        value = None
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        name = value["name"]
        folders = [str(value.get("partition") or "Common"), str(value.get("subPath") or "")]
        found.add(name if name.startswith("/") else "/" + "/".join([*filter(None, folders), name]))
    return frozenset(found)


def _committed(request: Request) -> str | None:
    """The id of the transaction that this request commits, or None."""
    match = _TRANSACTION.fullmatch(request.path)
    if match is None or request.method != "PATCH" or COORDINATION in request.headers:
        return None
    try:
        value = json.loads(request.body or b"null")
    except ValueError:
        return None
    return match[1] if isinstance(value, dict) and value.get("state") == "VALIDATING" else None
