"""A device without sockets on which tests attach iRules to a virtual server and fire events."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from multidict import CIMultiDict

from bigipsim.box import Box
from bigipsim.clock import ManualClock
from bigipsim.dataplane.addresses import Addresses
from bigipsim.dataplane.config import VirtualSpec, virtual_spec
from bigipsim.dataplane.irule.messages import DnsMessage
from bigipsim.dataplane.irule.rules import Conversation, Rules
from bigipsim.dataplane.irule.tcl import why_no_tcl
from bigipsim.dataplane.parts import Parts
from bigipsim.dataplane.selection import Selection
from bigipsim.dataplane.traffic import ClientTls, Connection, Endpoint, Event, Request, Response, Traffic

NEEDS_TCL = pytest.mark.skipif(
    bool(why_no_tcl()) and os.environ.get("TURNBUCKLE_REQUIRE_REAL") != "1", reason=why_no_tcl() or "Tcl is here"
)
"""Skips where Python has no Tcl; where every component has to be there, the tests fail instead."""

GROUPS = {
    "hosts": (
        "string",
        {"www.example.com": "/k8s/web", "api.example.com": "/k8s/api", "*.apps.example.com": "/k8s/web"},
    ),
    "paths": ("string", {"/img": "static", "/img/big": "large", "/login": ""}),
    "endings": ("string", {".css": "", ".js": "script"}),
    "nets": ("ip", {"10.0.0.0/8": "inside", "10.1.0.0/16": "near", "2001:db8::/32": "six"}),
    "numbers": ("integer", {"404": "missing", "503": "busy"}),
}


class RuleLab:
    """A box with partition k8s, pools web (two members) and api, data groups, and one HTTP virtual server v."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.box = Box(self.clock)
        self.tree = self.box.tree
        self.tree.create("auth/partition", {"name": "k8s"})
        self.pool("web", "198.51.100.1:80", "198.51.100.2:80")
        self.pool("api", "198.51.100.3:8080")
        for name, (sort, records) in GROUPS.items():
            self.group(name, sort, records)
        self.selection = Selection(self.tree, self.box.runtime, self.clock, Addresses([]))
        self.parts = Parts(self.tree, self.box.runtime, self.clock, self.selection)
        body = {"name": "v", "partition": "k8s", "destination": "/k8s/203.0.113.7:80", "ipProtocol": "tcp"}
        self.tree.create("ltm/virtual", {**body, "profiles": ["/Common/tcp", "/Common/http"], "pool": "/k8s/web"})

    def pool(self, name: str, *members: str) -> None:
        """Creates a pool."""
        listed = [{"name": one, "partition": "k8s"} for one in members]
        self.tree.create("ltm/pool", {"name": name, "partition": "k8s", "members": listed})

    def group(self, name: str, sort: str, records: dict[str, str]) -> None:
        """Creates a data group."""
        listed = [{"name": key, "data": value} for key, value in records.items()]
        body = {"name": name, "partition": "k8s", "type": sort, "records": listed}
        self.tree.create("ltm/data-group/internal", body)

    def attach(self, *texts: str) -> None:
        """Saves rules r0, r1, … and attaches them to the virtual server in this order."""
        for number, text in enumerate(texts):
            if self.tree.get("ltm/rule", f"/k8s/r{number}") is None:
                self.tree.create("ltm/rule", {"name": f"r{number}", "partition": "k8s", "apiAnonymous": text})
            else:
                self.tree.modify("ltm/rule", f"/k8s/r{number}", {"apiAnonymous": text})
        paths = [f"/k8s/r{number}" for number in range(len(texts))]
        self.tree.modify("ltm/virtual", "/k8s/v", {"rules": paths})

    @property
    def spec(self) -> VirtualSpec:
        """The virtual server."""
        found = virtual_spec(self.tree, "/k8s/v")
        assert found is not None
        return found

    def client(self, tls: ClientTls | None = None, host: str = "192.0.2.9") -> Client:
        """A new connection."""
        return Client(self, Connection(Endpoint(host, 40001), Endpoint("203.0.113.7", 80), tls))


class Client:
    """One connection to the virtual server, to fire events at."""

    def __init__(self, lab: RuleLab, connection: Connection) -> None:
        self._lab = lab
        self._connection = connection
        self._arrival = Traffic(connection, lab.spec, tuple(self._rules()))
        self.traffic = self._arrival

    def _rules(self) -> Iterator[Rules]:
        for part in self._lab.parts.of(self._lab.spec):
            if isinstance(part, Rules):
                yield part

    def fire(self, *events: Event) -> Traffic:
        """Fires events one after another."""
        for event in events:
            self.traffic.fire(event)
        return self.traffic

    def get(self, uri: str = "/", method: str = "GET", **headers: str) -> Traffic:
        """Fires HTTP_REQUEST for a request; underscores in the names of headers stand for dashes."""
        given = {"Host": "www.example.com", **{name.replace("_", "-"): value for name, value in headers.items()}}
        request = Request(CIMultiDict(given), method=method, uri=uri)
        self.traffic = self._arrival.carrying(request, self._lab.spec, self._arrival.parts)
        return self.fire(Event.HTTP_REQUEST)

    def answer(self, status: int = 200, **headers: str) -> Response:
        """Fires HTTP_RESPONSE for an answer; gives it back as the rules leave it."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.traffic.response, self.traffic.verdict = Response(CIMultiDict(given), status=status), None
        self.fire(Event.HTTP_RESPONSE)
        return self.traffic.response

    def ask(self, name: str, rtype: str = "A", **fields: Any) -> DnsMessage:
        """Fires DNS_REQUEST for a query; gives it back as the rules leave it."""
        message = DnsMessage(name, rtype, **fields)
        [rules] = self._rules()
        conversation = rules.handler(self._connection)
        assert isinstance(conversation, Conversation)
        conversation.fire(Event.DNS_REQUEST, self.traffic, message)
        conversation.over()
        return message


@contextmanager
def rule_lab() -> Iterator[RuleLab]:
    """A device whose interpreter is freed in the end."""
    lab = RuleLab()
    try:
        yield lab
    finally:
        lab.parts.close()
