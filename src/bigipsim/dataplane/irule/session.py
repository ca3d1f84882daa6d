"""Decides what the commands of a rule see: one connection, what happens on it now, and the device around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from bigipsim.clock import Clock
from bigipsim.dataplane.irule.groups import Group, Groups
from bigipsim.dataplane.irule.messages import DnsMessage, ResourceRecord
from bigipsim.dataplane.irule.table import Table
from bigipsim.dataplane.selection import Selection
from bigipsim.dataplane.traffic import Request, Response, Traffic, Verdict
from bigipsim.tree import Tree

Side = Literal["client", "server"]
Result = str | int | Sequence[str]
Function = Callable[["Session", Sequence[str]], Result]
Functions = Mapping[str, Function]

SERVER_SIDE: Final = frozenset(
    {"SERVER_CONNECTED", "HTTP_RESPONSE", "HTTP_RESPONSE_DATA", "HTTP_RESPONSE_RELEASE", "DNS_RESPONSE"}
)
RESPONSE: Final = frozenset({"HTTP_RESPONSE", "HTTP_RESPONSE_DATA", "HTTP_RESPONSE_RELEASE"})
ANSWERED: Final = "Operation not supported. Multiple redirect/respond invocations not allowed"
UNSUPPORTED: Final = "Operation not supported"


class Failed(Exception):
    """A command fails; the text is what `catch` gets, or what is logged before the connection is reset."""


@dataclass(frozen=True, slots=True)
class Device:
    """What rules reach beyond their connection: the configuration, members, data groups and the session table."""

    tree: Tree
    selection: Selection
    clock: Clock
    groups: Groups
    table: Table


@dataclass(slots=True)
class Session:
    """One connection as rules see it while one event is fired; `current` is None in RULE_INIT, where there is none.

    rule is the full path of the rule that runs. side is whose end of the proxy is meant. muted are the events that
    rules have disabled on this connection, "" for all of them. records are the DNS records that were handed to rules,
    by the text under which they were; searches, where each search through a data group stands.
    """

    device: Device
    current: Traffic | None = None
    event: str = ""
    rule: str = ""
    side: Side = "client"
    muted: set[str] = field(default_factory=set)
    dns: DnsMessage | None = None
    records: dict[str, ResourceRecord] = field(default_factory=dict)
    searches: list[int] = field(default_factory=list)

    def enter(self, event: str, traffic: Traffic | None, dns: DnsMessage | None = None) -> None:
        """Goes on to another event."""
        self.event, self.current, self.dns = event, traffic, dns
        self.side = "server" if event in SERVER_SIDE else "client"

    @property
    def traffic(self) -> Traffic:
        """The traffic.

        Raises:
            Failed: there is none.
        """
        if self.current is None:
            raise Failed(UNSUPPORTED)
        return self.current

    @property
    def request(self) -> Request:
        """The request.

        Raises:
            Failed: there is none.
        """
        if self.traffic.request is None:
            raise Failed(UNSUPPORTED)
        return self.traffic.request

    @property
    def response(self) -> Response:
        """The member's answer.

        Raises:
            Failed: there is none.
        """
        if self.traffic.response is None:
            raise Failed(UNSUPPORTED)
        return self.traffic.response

    @property
    def message(self) -> Request | Response:
        """What headers are read from in this event."""
        return self.response if self.event in RESPONSE else self.request

    def unanswered(self) -> None:
        """Makes sure that the message can still be changed.

        Raises:
            Failed: the client is being answered already.
        """
        if self.traffic.answered:
            raise Failed(ANSWERED)

    def decide(self, verdict: Verdict) -> None:
        """Says where the traffic goes; has no effect once the client is being answered."""
        if not self.traffic.answered:
            self.traffic.verdict = verdict

    def named(self, family: str, word: str, name: str) -> str:
        """The full path of an object that a rule names.

        Raises:
            Failed: there is none.
        """
        for path in candidates(self.rule, name):
            if self.device.tree.kind_of(family, path) is not None:
                return path
        raise Failed(f"no such {word}: {name}")

    def group(self, name: str) -> Group | None:
        """A data group that a rule names, or None."""
        for path in candidates(self.rule, name):
            found = self.device.groups.get(path)
            if found is not None:
                return found
        return None


def candidates(rule: str, name: str) -> list[str]:
    """The full paths that a name in a rule may stand for: in the rule's folder, in its partition, in /Common."""
    if name.startswith("/"):
        return [name]
    folder = rule.rpartition("/")[0]
    partition = "/" + rule[1:].partition("/")[0]
    return [f"{place}/{name}" for place in dict.fromkeys((folder, partition, "/Common"))]


def number(text: str) -> int:
    """A whole number.

    Raises:
        Failed: it is none, in Tcl's words.
    """
    try:
        return int(text, 0) if text[:2].lower() == "0x" else int(text)
    except ValueError:
        raise Failed(f'expected integer but got "{text}"') from None


def wrong_arguments(usage: str) -> Failed:
    """What a command says to words that it cannot take."""
    return Failed(f'wrong # args: should be "{usage}"')


def bad_option(given: str, allowed: Sequence[str], what: str = "option") -> Failed:
    """What a command says to a word that is not in its list."""
    return Failed(f'bad {what} "{given}": must be {", ".join(allowed[:-1])}, or {allowed[-1]}')


def octets(text: str) -> bytes:
    """The bytes that a text stands for."""
    return text.encode("utf-8", "surrogateescape")


def text_of(content: bytes) -> str:
    """Bytes as a text; those that are no UTF-8 are kept too."""
    return content.decode("utf-8", "surrogateescape")
