"""Decides what the HTTP commands do to the request or answer that an event is about.

Where several headers have one name, `value` and `replace` mean the last (assumed for `value`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from multidict import CIMultiDict

from bigipsim.dataplane.irule.session import (
    RESPONSE,
    UNSUPPORTED,
    Failed,
    Function,
    Functions,
    Result,
    Session,
    bad_option,
    number,
    octets,
    text_of,
    wrong_arguments,
)
from bigipsim.dataplane.irule.vocabulary import words as listed
from bigipsim.dataplane.traffic import COLLECT_BYTES, Respond, redirect

Headers = CIMultiDict[str]


def _host(session: Session, words: Sequence[str]) -> Result:
    if words:
        session.unanswered()
        session.request.host = words[0]
    return session.request.host


def _part(name: str) -> Function:
    """A part of the address, to be read or, with a word, replaced."""

    def part(session: Session, words: Sequence[str]) -> Result:
        given = [word for word in words if word != "-normalized"]
        if given:
            session.unanswered()
            setattr(session.request, name, given[0])
        return str(getattr(session.request, name))

    return part


def _method(session: Session, words: Sequence[str]) -> Result:
    if words:
        session.unanswered()
        session.request.method = words[0]
    return session.request.method


def _version(session: Session, words: Sequence[str]) -> Result:
    if words:
        session.unanswered()
        session.message.version = words[0]
    return session.message.version


def _status(session: Session, words: Sequence[str]) -> Result:
    if words:
        session.response.status = number(words[0])
    return session.response.status


def _is_keepalive(session: Session, words: Sequence[str]) -> Result:
    message = session.message
    tokens = message.headers.get("Connection", "").lower()
    return int("keep-alive" in tokens if message.version == "1.0" else "close" not in tokens)


def _is_redirect(session: Session, words: Sequence[str]) -> Result:
    return int(session.response.status in (301, 302, 303, 305, 307, 308))


def _credentials(session: Session) -> tuple[str, str]:
    scheme, _, value = session.request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = text_of(base64.b64decode(value)).partition(":")
    except binascii.Error:
        return "", ""
    return name, password


def _username(session: Session, words: Sequence[str]) -> Result:
    return _credentials(session)[0]


def _password(session: Session, words: Sequence[str]) -> Result:
    return _credentials(session)[1]


def _request(session: Session, words: Sequence[str]) -> Result:
    """The head of the request as it is now."""
    request = session.request
    lines = [f"{request.method} {request.uri} HTTP/{request.version}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in request.headers.items()), "", ""])


def _header(session: Session, words: Sequence[str]) -> Result:
    headers = session.message.headers
    verb, rest = words[0], list(words[1:])
    if verb in CHANGES:
        session.unanswered()
        return CHANGES[verb](headers, rest)
    if verb not in READS:
        if rest:
            raise bad_option(verb, (*READS, *CHANGES))
        verb, rest = "value", [verb]
    return READS[verb](headers, rest)


def _value(headers: Headers, words: list[str]) -> Result:
    return headers.getall(words[0], [""])[-1] if words else ""


def _names(headers: Headers, words: list[str]) -> Result:
    return list(headers.keys())


def _count(headers: Headers, words: list[str]) -> Result:
    return len(headers.getall(words[0], [])) if words else len(headers)


def _exists(headers: Headers, words: list[str]) -> Result:
    return int(bool(words) and words[0] in headers)


def _values(headers: Headers, words: list[str]) -> Result:
    return headers.getall(words[0], []) if words else ""


def _at(headers: Headers, words: list[str]) -> Result:
    names = list(headers.keys())
    place = number(words[0]) if words else -1
    return names[place] if 0 <= place < len(names) else ""


def _insert(headers: Headers, words: list[str]) -> Result:
    given = words[1:] if words[:1] == ["lws"] else words
    if len(given) == 1:
        given = given[0].split()
    if not given or len(given) % 2:
        raise wrong_arguments("HTTP::header insert name value ?name value ...?")
    for name, value in zip(given[::2], given[1::2], strict=True):
        headers.add(name, _one_line(value))
    return ""


def _replace(headers: Headers, words: list[str]) -> Result:
    if not words:
        raise wrong_arguments("HTTP::header replace name ?value?")
    name, value = words[0], _one_line(words[1] if len(words) > 1 else "")
    kept = headers.getall(name, [])
    if len(kept) < 2:
        headers[name] = value
        return ""
    pairs = list(headers.items())
    last = max(place for place, (key, _) in enumerate(pairs) if key.lower() == name.lower())
    pairs[last] = (pairs[last][0], value)
    headers.clear()
    headers.extend(pairs)
    return ""


def _remove(headers: Headers, words: list[str]) -> Result:
    for name in words:
        headers.popall(name, None)
    return ""


def _sanitize(headers: Headers, words: list[str]) -> Result:
    """Removes all headers but those that are named and those that a message cannot do without."""
    keep = {name.lower() for name in words} | ESSENTIAL
    for name in {name for name in headers if name.lower() not in keep}:
        headers.popall(name, None)
    return ""


def _one_line(value: str) -> str:
    """A header's value; a line break would begin another header."""
    return value.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")


ESSENTIAL: Final = listed(
    "connection content-encoding content-length content-type host proxy-connection set-cookie set-cookie2 "
    "transfer-encoding"
)
READS: Final = {"value": _value, "names": _names, "count": _count, "exists": _exists, "values": _values, "at": _at}
CHANGES: Final = {"insert": _insert, "replace": _replace, "remove": _remove, "sanitize": _sanitize}


def _respond(session: Session, words: Sequence[str]) -> Result:
    session.unanswered()
    status = number(words[0])
    rest = list(words[1:])
    content, server = b"", True
    headers: list[tuple[str, str]] = []
    while rest:
        word = rest.pop(0)
        if word == "noserver":
            server = False
        elif word in ("content", "-version") and rest:
            value = rest.pop(0)
            content = octets(value) if word == "content" else content
        elif word in ("ifile", "-reset"):
            raise Failed(f"bigipsim does not implement HTTP::respond {word}")
        elif rest:
            headers.append((word, _one_line(rest.pop(0))))
        else:
            raise wrong_arguments("HTTP::respond status ?content text? ?noserver? ?name value ...?")
    session.traffic.verdict = Respond(status, tuple(headers), content, server=server)
    return ""


def _redirect(session: Session, words: Sequence[str]) -> Result:
    session.unanswered()
    session.traffic.verdict = redirect(_one_line(words[0]))
    return ""


def _has_responded(session: Session, words: Sequence[str]) -> Result:
    return int(session.traffic.answered)


def _collect(session: Session, words: Sequence[str]) -> Result:
    session.message.collect(number(words[0]) if words else COLLECT_BYTES)
    return ""


def _payload(session: Session, words: Sequence[str]) -> Result:
    message = session.message
    payload = message.payload or b""
    if not words:
        return text_of(payload)
    if words[0] == "length":
        return len(payload)
    if words[0] == "replace" and len(words) == 4:
        if message.payload is None:
            raise Failed(UNSUPPORTED)
        offset, length = number(words[1]), number(words[2])
        message.payload = payload[:offset] + octets(words[3]) + payload[offset + length :]
        return ""
    if words[0] == "replace":
        raise wrong_arguments("HTTP::payload replace offset length text")
    first = number(words[0]) if len(words) > 1 else 0
    return text_of(payload[first : first + number(words[-1])])


def _nothing(session: Session, words: Sequence[str]) -> Result:
    return ""


def _close(session: Session, words: Sequence[str]) -> Result:
    if session.event in RESPONSE:
        session.response.headers["Connection"] = "close"
    return ""


FUNCTIONS: Final[Functions] = {
    "HTTP::host": _host,
    "HTTP::uri": _part("uri"),
    "HTTP::path": _part("path"),
    "HTTP::query": _part("query"),
    "HTTP::method": _method,
    "HTTP::version": _version,
    "HTTP::status": _status,
    "HTTP::header": _header,
    "HTTP::is_keepalive": _is_keepalive,
    "HTTP::is_redirect": _is_redirect,
    "HTTP::username": _username,
    "HTTP::password": _password,
    "HTTP::request": _request,
    "HTTP::respond": _respond,
    "HTTP::redirect": _redirect,
    "HTTP::has_responded": _has_responded,
    "HTTP::collect": _collect,
    "HTTP::payload": _payload,
    "HTTP::release": _nothing,
    "HTTP::enable": _nothing,
    "HTTP::close": _close,
}
