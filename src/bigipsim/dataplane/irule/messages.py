"""Decides what a DNS message is to iRules: its question, its header, and records in three sections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SECTIONS: Final = ("answer", "authority", "additional")
RCODES: Final = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET")


@dataclass(slots=True)
class ResourceRecord:
    """One record, as text: the owner's name with its final dot, the TTL in seconds, class, type, data."""

    name: str
    ttl: int
    rclass: str
    rtype: str
    rdata: str

    @classmethod
    def parse(cls, text: str) -> ResourceRecord:
        """Reads "name ttl class type rdata".

        Raises:
            ValueError: it is not written so.
        """
        name, ttl, rclass, rtype, rdata = text.split(None, 4)
        return cls(name, int(ttl), rclass.upper(), rtype.upper(), rdata.strip())

    def __str__(self) -> str:
        return f"{self.name} {self.ttl} {self.rclass} {self.rtype} {self.rdata}"


@dataclass(slots=True)
class DnsMessage:
    """A query, or the answer to it, while rules look at it.

    The name has no final dot. returned says that a rule has made the answer, which is then sent as it is; dropped, that
    nothing is sent. disabled are the parts of the device that are not to answer ("gtm", "dnsx", "dnscache"). last_act
    is what is to happen to a query that nobody has answered: "allow", "hint", "drop", "reject" or "noerror".
    """

    name: str
    rtype: str = "A"
    rclass: str = "IN"
    header: dict[str, str] = field(default_factory=dict)
    answer: list[ResourceRecord] = field(default_factory=list)
    authority: list[ResourceRecord] = field(default_factory=list)
    additional: list[ResourceRecord] = field(default_factory=list)
    origin: str = "CLIENT"
    octets: int = 0
    returned: bool = False
    dropped: bool = False
    disabled: set[str] = field(default_factory=set)
    last_act: str = "allow"

    def section(self, name: str) -> list[ResourceRecord]:
        """The records of "answer", "authority" or "additional"."""
        return {"answer": self.answer, "authority": self.authority, "additional": self.additional}[name]
