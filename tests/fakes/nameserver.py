"""A DNS server on the loopback interface that knows what tests tell it, in UDP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Self

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """records: addresses by name, in the order in which they are told; an empty list is a name without addresses.

    A name that is not there is unknown (NXDOMAIN). rcode: what every query is answered with in place of that. With
    `silent` none is answered, with `garbage` with something that is no message.
    """

    def __init__(self, records: Mapping[str, list[str]] | None = None, ttl_s: int = 60) -> None:
        self.records, self.ttl_s = dict(records or {}), ttl_s
        self.rcode, self.silent, self.garbage = "", False, False
        self.queries: list[tuple[str, str]] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._transport.abort()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text().rstrip("."), question.rdtype.name
        self.queries.append((name, kind))
        if self.silent:
            return
        if self.garbage:
            self._transport.sendto(data[:2] + b"\xff" * 20, addr)
            return
        answer = dns.message.make_response(query)
        if self.rcode or name not in self.records:
            answer.set_rcode(dns.rcode.from_text(self.rcode or "NXDOMAIN"))
        else:
            of_kind = [one for one in self.records[name] if (":" in one) is (kind == "AAAA")]
            if of_kind:
                answer.answer.append(dns.rrset.from_text(question.name, self.ttl_s, "IN", kind, *of_kind))
        self._transport.sendto(answer.to_wire(), addr)
