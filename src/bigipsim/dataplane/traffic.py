"""Decides how everybody who has a say in a virtual server's traffic sees it, and how they say what is to happen.

A virtual server has parts: its policies, its iRules, its http profile, in that order. Every event of a connection is
fired at each part in turn. A part reads and changes the message, and may put a verdict; a later part may put another
one in its place. The services (`http`, `tcp`) carry out the verdict that stands. Nothing here does I/O.

Order of the events of a request: CLIENT_ACCEPTED (and, with TLS, CLIENTSSL_CLIENTHELLO and CLIENTSSL_HANDSHAKE) once
for each connection; HTTP_REQUEST; HTTP_REQUEST_DATA if a part wants the body; LB_SELECTED or LB_FAILED;
HTTP_REQUEST_RELEASE; SERVER_CONNECTED if a new connection to the member was opened; HTTP_RESPONSE;
HTTP_RESPONSE_DATA if a part wants the body; HTTP_RESPONSE_RELEASE; at the end of the connection CLIENT_CLOSED.
STREAM_CLOSED, at the end of an HTTP/2 stream, is for the parts alone: no rule can wait for it.
Source: F5's list of iRule events; the places of the _RELEASE events are simplified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from multidict import CIMultiDict

from bigipsim.dataplane.config import Snat, VirtualSpec
from bigipsim.dataplane.persist import Persistence
from bigipsim.dataplane.selection import Choice, Selection


class Event(StrEnum):
    """What happens to a connection or a request, under the names that iRules use."""

    CLIENT_ACCEPTED = "CLIENT_ACCEPTED"
    CLIENT_DATA = "CLIENT_DATA"
    CLIENTSSL_CLIENTHELLO = "CLIENTSSL_CLIENTHELLO"
    CLIENTSSL_HANDSHAKE = "CLIENTSSL_HANDSHAKE"
    HTTP_REQUEST = "HTTP_REQUEST"
    HTTP_REQUEST_DATA = "HTTP_REQUEST_DATA"
    LB_SELECTED = "LB_SELECTED"
    LB_FAILED = "LB_FAILED"
    HTTP_REQUEST_RELEASE = "HTTP_REQUEST_RELEASE"
    SERVER_CONNECTED = "SERVER_CONNECTED"
    HTTP_RESPONSE = "HTTP_RESPONSE"
    HTTP_RESPONSE_DATA = "HTTP_RESPONSE_DATA"
    HTTP_RESPONSE_RELEASE = "HTTP_RESPONSE_RELEASE"
    CLIENT_CLOSED = "CLIENT_CLOSED"
    STREAM_CLOSED = "STREAM_CLOSED"
    DNS_REQUEST = "DNS_REQUEST"
    DNS_RESPONSE = "DNS_RESPONSE"


_ENDS: Final = (Event.CLIENT_CLOSED, Event.STREAM_CLOSED)
COLLECT_BYTES: Final = 1 << 20
"""How much of a body a part gets at most: what the device itself allows an iRule to collect."""


class Endpoint(NamedTuple):
    """One end of a connection."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ClientTls:
    """What the client's TLS handshake settled: the name that it asked for (SNI, "" for none), protocol version
    ("TLSv1.3"), cipher with its strength in bits, ALPN protocol, and the subject of the client's certificate."""

    server_name: str = ""
    version: str = ""
    cipher: str = ""
    cipher_bits: int = 0
    alpn: str = ""
    client_subject: str = ""


@dataclass(slots=True)
class _Message:
    """What a request and a response have in common.

    A part that needs the body sets `wanted` to a number of bytes; once they are there, or the body ended, they are in
    `payload` and the _DATA event is fired. `payload` may be replaced then; None means that nobody asked.
    """

    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)
    version: str = "1.1"
    wanted: int = 0
    payload: bytes | None = None

    def collect(self, octets: int = COLLECT_BYTES) -> None:
        """Asks for that much of the body."""
        self.wanted = max(self.wanted, min(octets, COLLECT_BYTES))


@dataclass(slots=True)
class Request(_Message):
    """A request, with its target as it came ("/a%2Fb?x=1"); the client's headers in their order and spelling."""

    method: str = "GET"
    uri: str = "/"

    @property
    def host(self) -> str:
        """The Host header with its port, "" when there is none."""
        return self.headers.get("Host", "")

    @host.setter
    def host(self, text: str) -> None:
        self.headers["Host"] = text

    @property
    def path(self) -> str:
        """What stands before the question mark."""
        return self.uri.partition("?")[0]

    @path.setter
    def path(self, text: str) -> None:
        _, mark, query = self.uri.partition("?")
        self.uri = text + mark + query

    @property
    def query(self) -> str:
        """What stands behind the question mark, "" when there is none."""
        return self.uri.partition("?")[2]

    @query.setter
    def query(self, text: str) -> None:
        self.uri = f"{self.path}?{text}" if text else self.path

    @property
    def cookies(self) -> Iterator[tuple[str, str]]:
        """Names and values of the cookies, in order."""
        for header in self.headers.getall("Cookie", []):
            for pair in header.split(";"):
                name, separator, value = pair.strip().partition("=")
                if separator:
                    yield name, value.strip('"')


@dataclass(slots=True)
class Response(_Message):
    """A member's answer."""

    status: int = 200
    reason: str = "OK"


@dataclass(frozen=True, slots=True)
class ToPool:
    """To a pool by its full path, and there to one member (address without route domain, port) if one is named."""

    pool: str
    member: Endpoint | None = None


@dataclass(frozen=True, slots=True)
class ToNode:
    """To an address and port past every pool; port 0 is the virtual server's own."""

    address: str
    port: int = 0


@dataclass(frozen=True, slots=True)
class ToVirtual:
    """To another virtual server of the device, by its full path."""

    virtual: str


@dataclass(frozen=True, slots=True)
class Respond:
    """The device itself answers. `server`: with a Server header of the name that the http profile gives."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    reason: str | None = None
    server: bool = True


@dataclass(frozen=True, slots=True)
class Reset:
    """The client's connection ends with RST."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The client hears nothing any more; its connection ends when the idle time is over."""


Verdict = ToPool | ToNode | ToVirtual | Respond | Reset | Drop
"""What is to happen to a request or connection; None where one may stand means the virtual server's own pool."""


def redirect(location: str, status: int = 302) -> Respond:
    """An answer that sends the client elsewhere."""
    return Respond(status, (("Location", location), ("Connection", "Keep-Alive")))


class Part(Protocol):
    """Something that is attached to a virtual server and has a say in its traffic.

    One object stands for one version of its configuration. What it remembers of a connection (the variables of an
    iRule) it keeps in the handler that it makes for it; a part that compares equal goes on with that handler.
    """

    def handler(self, connection: Connection) -> Handler:
        """What hears the events of one connection; made before the first event that the part hears of it."""
        ...


@dataclass(slots=True)
class HeldBytes:
    """The bytes of a connection as far as parts have to do with them.

    While it is `held`, what the client sends is kept in `payload`, CLIENT_DATA is fired each time at least `wanted`
    bytes are there, and no member is chosen. What parts have to say themselves waits in `to_client` and `to_server`;
    `closed`, with the verdict Reset, ends the connection in good order once that is said.
    """

    held: bool = False
    closed: bool = False
    wanted: int = 0
    payload: bytearray = field(default_factory=bytearray)
    to_client: bytearray = field(default_factory=bytearray)
    to_server: bytearray = field(default_factory=bytearray)


@dataclass(slots=True, eq=False)
class Connection:
    """One client connection: its ends as the client sees them, and what TLS settled (None in clear).

    `handlers` are those of the parts that have heard of it so far; see `Traffic.fire`. `before` are those of the
    connection on which this one is a stream: a part that makes a handler lets it begin with what that one knows.
    """

    client: Endpoint
    local: Endpoint
    tls: ClientTls | None = None
    stream: HeldBytes = field(default_factory=HeldBytes)
    handlers: dict[Part, Handler] = field(default_factory=dict)
    before: Mapping[Part, Handler] = field(default_factory=dict)


@dataclass(slots=True)
class Traffic:
    """One connection, or one request on it, on its way through a virtual server, as the parts see and change it.

    `request` is None outside HTTP, `response` before the member has answered. `verdict` is what is to happen.
    `selected` is the member that was chosen last; `failed` the verdict whose member could not be reached, set while
    LB_FAILED is fired (`verdict` is Reset then, and a part that wants another try puts a verdict, or `failed` again).
    At the events of the answer `verdict` is None, which lets it pass; Respond takes its place, Reset and Drop hold.
    `persistence`, `fallback` and `snat` are those of the virtual server until a part sets others; `server_tls` says
    whether its server-ssl profile is used. `variables` are those that policies have set and that no iRule has seen yet.
    """

    connection: Connection
    virtual: VirtualSpec
    parts: tuple[Part, ...] = ()
    request: Request | None = None
    response: Response | None = None
    verdict: Verdict | None = None
    selected: Choice | None = None
    failed: Verdict | None = None
    server_tls: bool = True
    variables: dict[str, str] = field(default_factory=dict)
    persistence: Persistence | None = field(init=False)
    fallback: Persistence | None = field(init=False)
    snat: Snat = field(init=False)

    def __post_init__(self) -> None:
        self.persistence = self.virtual.persistence
        self.fallback = self.virtual.fallback
        self.snat = self.virtual.snat

    @property
    def answered(self) -> bool:
        """Whether the device answers the request itself, so that nothing of it can be changed any more."""
        return isinstance(self.verdict, Respond)

    @property
    def over(self) -> bool:
        """Whether the connection is to end."""
        return isinstance(self.verdict, Reset | Drop)

    def fire(self, event: Event) -> None:
        """Tells each part in turn; whoever ends the connection is the last to be heard.

        Of the end of a connection everybody hears who has heard of it, also the parts of other virtual servers.
        """
        handlers = self.connection.handlers
        parts = (*self.parts, *handlers) if event in _ENDS else self.parts
        for part in dict.fromkeys(parts):
            handler = handlers.get(part)
            if handler is None:
                handler = handlers[part] = part.handler(self.connection)
            ended = self.over
            handler(event, self)
            if self.over and not ended:
                return

    def enter(self, virtual: VirtualSpec, parts: tuple[Part, ...]) -> None:
        """Goes on in another virtual server, as if the client had come there."""
        self.virtual, self.parts, self.verdict = virtual, parts, None
        self.persistence, self.fallback, self.snat = virtual.persistence, virtual.fallback, virtual.snat

    def carrying(self, request: Request, virtual: VirtualSpec, parts: tuple[Part, ...]) -> Traffic:
        """A request on this connection, by the virtual server as it is now; what was said of the connection holds."""
        made = Traffic(self.connection, virtual, parts, request, verdict=self.verdict, server_tls=self.server_tls)
        made.variables = self.variables
        before = self.virtual
        if self.snat != before.snat:
            made.snat = self.snat
        if (self.persistence, self.fallback) != (before.persistence, before.fallback):
            made.persistence, made.fallback = self.persistence, self.fallback
        return made

    def stream(self) -> Traffic:
        """This connection for one of several requests at a time, which know nothing of each other."""
        made = copy(self)
        made.connection = replace(self.connection, handlers={}, before=self.connection.handlers)
        made.variables = {**self.variables}
        return made

    def choose(self, selection: Selection, tried: frozenset[str] = frozenset()) -> Choice | None:
        """The member that the verdict leads to; None when there is none, or when the verdict leads to no member."""
        verdict = self.verdict
        if isinstance(verdict, ToNode):
            return None if tried else selection.direct(verdict.address, verdict.port or self.virtual.port)
        if isinstance(verdict, ToPool) and verdict.member is not None:
            return None if tried else selection.member(verdict.pool, *verdict.member)
        if verdict is not None and not isinstance(verdict, ToPool):
            return None
        pool = verdict.pool if verdict is not None else self.virtual.pool
        spec = self.virtual
        if (pool, self.persistence, self.fallback) != (spec.pool, spec.persistence, spec.fallback):
            spec = replace(spec, pool=pool, persistence=self.persistence, fallback=self.fallback)
        cookies: Iterable[str] = self.request.headers.getall("Cookie", []) if self.request is not None else ()
        return selection.choose(spec, self.connection.client.host, cookies, tried)


Handler = Callable[[Event, Traffic], None]
"""Hears the events of one connection and changes the traffic. It must not raise: what goes wrong in it is its own to
tell (an iRule's error is logged, and the verdict becomes Reset)."""
