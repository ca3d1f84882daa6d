"""Decides what the DNS commands do to the message that DNS_REQUEST or DNS_RESPONSE is about.

A rule holds a record as its text; the record behind a text that was handed out is found again when it is to be changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bigipsim.dataplane.irule.messages import RCODES, SECTIONS, DnsMessage, ResourceRecord
from bigipsim.dataplane.irule.session import (
    UNSUPPORTED,
    Failed,
    Function,
    Functions,
    Result,
    Session,
    bad_option,
    number,
    wrong_arguments,
)

FLAGS: Final = ("qr", "aa", "tc", "rd", "ra", "ad", "cd")
HEADER: Final = ("id", *FLAGS, "opcode", "rcode", "qdcount", "ancount", "nscount", "arcount")
LAST_ACTS: Final = ("hint", "allow", "drop", "reject", "noerror")
PARTS: Final = frozenset({"gtm", "dnsx", "dnscache", "dnsdrop", "dns", "all"})


def _message(session: Session) -> DnsMessage:
    if session.dns is None:
        raise Failed(UNSUPPORTED)
    return session.dns


def _record(session: Session, text: str) -> ResourceRecord:
    """The record behind a text, or a new one made of it."""
    known = session.records.get(text)
    if known is not None:
        return known
    try:
        return ResourceRecord.parse(text)
    except ValueError:
        raise Failed(f'invalid resource record "{text}"') from None


def _handed(session: Session, record: ResourceRecord) -> str:
    text = str(record)
    session.records[text] = record
    return text


def _question(session: Session, words: Sequence[str]) -> Result:
    message = _message(session)
    names = {"name": "name", "type": "rtype", "class": "rclass"}
    if not words or words[0] not in names:
        raise bad_option(words[0] if words else "", tuple(names))
    if len(words) > 1:
        setattr(message, names[words[0]], words[1])
    return str(getattr(message, names[words[0]])).removesuffix(".")


def _section(name: str) -> Function:
    def section(session: Session, words: Sequence[str]) -> Result:
        records = _message(session).section(name)
        if not words:
            return [_handed(session, one) for one in records]
        verb, given = words[0], [_record(session, text) for text in words[1:]]
        if verb == "insert":
            records.extend(given)
        elif verb == "remove":
            records[:] = [one for one in records if not any(one is other or one == other for other in given)]
        elif verb == "clear":
            records.clear()
        else:
            raise bad_option(verb, ("insert", "remove", "clear"))
        return ""

    return section


def _rr(session: Session, words: Sequence[str]) -> Result:
    if len(words) not in (1, 5):
        raise wrong_arguments("DNS::rr text | DNS::rr name ttl class type rdata")
    return _handed(session, _record(session, " ".join(words)))


def _field(name: str) -> Function:
    def read_or_write(session: Session, words: Sequence[str]) -> Result:
        if not words:
            raise wrong_arguments(f"DNS::{name} record ?value?")
        record = _record(session, words[0])
        session.records[words[0]] = record
        if len(words) > 1:
            setattr(record, name, number(words[1]) if name == "ttl" else words[1])
        return str(getattr(record, name))

    return read_or_write


def _header(session: Session, words: Sequence[str]) -> Result:
    message = _message(session)
    if not words or words[0] not in HEADER:
        raise bad_option(words[0] if words else "", HEADER)
    name = words[0]
    counted = {"ancount": message.answer, "nscount": message.authority, "arcount": message.additional}
    if name in counted:
        return len(counted[name])
    if len(words) > 1:
        if name == "rcode" and words[1].upper() not in RCODES:
            raise bad_option(words[1], RCODES, "rcode")
        message.header[name] = words[1].upper() if name == "rcode" else words[1]
    return message.header.get(name, "NOERROR" if name == "rcode" else "1" if name == "qdcount" else "0")


def _return(session: Session, words: Sequence[str]) -> Result:
    _message(session).returned = True
    return ""


def _drop(session: Session, words: Sequence[str]) -> Result:
    _message(session).dropped = True
    return ""


def _switch(on: bool) -> Function:
    def switch(session: Session, words: Sequence[str]) -> Result:
        strange = set(words) - PARTS
        if strange:
            raise bad_option(min(strange), sorted(PARTS))
        meant = PARTS if "all" in words or not words else set(words)
        disabled = _message(session).disabled
        disabled.difference_update(meant) if on else disabled.update(meant)
        return ""

    return switch


def _origin(session: Session, words: Sequence[str]) -> Result:
    return _message(session).origin


def _ptype(session: Session, words: Sequence[str]) -> Result:
    message = _message(session)
    return "ANSWER" if message.answer else message.header.get("rcode", "QUESTION")


def _len(session: Session, words: Sequence[str]) -> Result:
    return _message(session).octets


def _is_wideip(session: Session, words: Sequence[str]) -> Result:
    """No wide IP exists here."""
    return 0


def _last_act(session: Session, words: Sequence[str]) -> Result:
    message = _message(session)
    if words:
        if words[0] not in LAST_ACTS:
            raise bad_option(words[0], LAST_ACTS)
        message.last_act = words[0]
    return message.last_act


def _tsig(session: Session, words: Sequence[str]) -> Result:
    """No query is signed here."""
    if list(words) != ["exists"]:
        raise Failed("bigipsim does not implement DNS::tsig but for exists")
    return 0


def _rrname(session: Session, words: Sequence[str]) -> Result:
    return _message(session).name.removesuffix(".")


def _rrtype(session: Session, words: Sequence[str]) -> Result:
    return _message(session).rtype


FUNCTIONS: Final[Functions] = {
    "DNS::question": _question,
    **{f"DNS::{name}": _section(name) for name in SECTIONS},
    "DNS::rr": _rr,
    "DNS::name": _field("name"),
    "DNS::ttl": _field("ttl"),
    "DNS::class": _field("rclass"),
    "DNS::type": _field("rtype"),
    "DNS::rdata": _field("rdata"),
    "DNS::header": _header,
    "DNS::return": _return,
    "DNS::drop": _drop,
    "DNS::disable": _switch(on=False),
    "DNS::enable": _switch(on=True),
    "DNS::origin": _origin,
    "DNS::ptype": _ptype,
    "DNS::len": _len,
    "DNS::is_wideip": _is_wideip,
    "DNS::last_act": _last_act,
    "DNS::tsig": _tsig,
    "DNS::rrname": _rrname,
    "DNS::rrtype": _rrtype,
}
