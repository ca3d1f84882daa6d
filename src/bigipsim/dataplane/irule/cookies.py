"""Decides what HTTP::cookie does to the cookies of a request, and to those that an answer sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Final

from bigipsim.dataplane.irule.session import (
    RESPONSE,
    Functions,
    Result,
    Session,
    bad_option,
    number,
    wrong_arguments,
)

Options = dict[str, str]


@dataclass(slots=True)
class Cookie:
    """One cookie; attributes are those of Set-Cookie under their names in lower case ("" for a mere flag)."""

    name: str
    value: str
    attributes: dict[str, str] = field(default_factory=dict)


WRITTEN: Final = {
    "domain": "Domain", "path": "Path", "expires": "Expires", "max-age": "Max-Age", "secure": "Secure",
    "httponly": "HttpOnly", "version": "Version", "samesite": "SameSite",
}  # fmt: skip
FLAGS: Final = {"secure": "secure", "httponly": "httponly"}
TEXTS: Final = {"domain": "domain", "path": "path", "maxage": "max-age", "version": "version"}


def _read(session: Session) -> list[Cookie]:
    headers = session.message.headers
    if session.event in RESPONSE:
        return [_set_cookie(header) for header in headers.getall("Set-Cookie", [])]
    return [Cookie(name, value) for name, value in session.request.cookies]


def _set_cookie(header: str) -> Cookie:
    first, *rest = header.split(";")
    name, _, value = first.strip().partition("=")
    pairs = (one.strip().partition("=") for one in rest if one.strip())
    return Cookie(name, value, {key.lower(): text for key, _, text in pairs})


def _write(session: Session, cookies: list[Cookie]) -> None:
    session.unanswered()
    headers = session.message.headers
    if session.event in RESPONSE:
        headers.popall("Set-Cookie", None)
        for one in cookies:
            headers.add("Set-Cookie", "; ".join([f"{one.name}={one.value}", *map(_written, one.attributes.items())]))
        return
    headers.popall("Cookie", None)
    if cookies:
        headers["Cookie"] = "; ".join(f"{one.name}={one.value}" for one in cookies)


def _written(attribute: tuple[str, str]) -> str:
    name, text = WRITTEN.get(attribute[0], attribute[0]), attribute[1]
    return f"{name}={text}" if text else name


def _cookie(session: Session, words: Sequence[str]) -> Result:
    verb, rest = words[0], list(words[1:])
    if not rest and verb not in ("names", "count"):
        verb, rest = "value", [verb]
    if verb not in VERBS:
        raise bad_option(verb, tuple(VERBS))
    return VERBS[verb](session, rest)


def _names(session: Session, words: list[str]) -> Result:
    return [one.name for one in _read(session)]


def _count(session: Session, words: list[str]) -> Result:
    return sum(1 for one in _read(session) if not words or one.name == words[0])


def _exists(session: Session, words: list[str]) -> Result:
    return int(any(one.name == words[0] for one in _read(session)))


def _value(session: Session, words: list[str]) -> Result:
    cookies = _read(session)
    found = [one for one in cookies if one.name == words[0]]
    if len(words) > 1 and found:
        found[0].value = words[1]
        _write(session, cookies)
    return found[0].value if found else ""


def _insert(session: Session, words: list[str]) -> Result:
    """`insert name N value V` with the words in any order, or `insert N V`."""
    known = ("name", "value", *TEXTS)
    if len(words) == 2 and words[0] not in known:
        words = ["name", words[0], "value", words[1]]
    if len(words) % 2:
        raise wrong_arguments("HTTP::cookie insert name name value value ?path path? ?domain domain?")
    given = dict(zip(words[::2], words[1::2], strict=True))
    for word in given:
        if word not in known:
            raise bad_option(word, known)
    attributes = {TEXTS[word]: text for word, text in given.items() if word in TEXTS}
    if session.event not in RESPONSE:
        attributes = {}
    cookie = Cookie(given.get("name", ""), given.get("value", ""), attributes)
    _write(session, [*_read(session), cookie])
    return ""


def _remove(session: Session, words: list[str]) -> Result:
    _write(session, [one for one in _read(session) if one.name != words[0]])
    return ""


def _sanitize(session: Session, words: list[str]) -> Result:
    """Keeps those cookies only that are named."""
    _write(session, [one for one in _read(session) if one.name in words])
    return ""


def _attribute(key: str) -> Callable[[Session, list[str]], Result]:
    def attribute(session: Session, words: list[str]) -> Result:
        cookies = _read(session)
        found = [one for one in cookies if one.name == words[0]]
        if len(words) > 1 and found:
            found[0].attributes[key] = words[1]
            _write(session, cookies)
        return found[0].attributes.get(key, "") if found else ""

    return attribute


def _flag(key: str) -> Callable[[Session, list[str]], Result]:
    def flag(session: Session, words: list[str]) -> Result:
        cookies = _read(session)
        found = [one for one in cookies if one.name == words[0]]
        if len(words) > 1:
            for one in found:
                one.attributes.pop(key, None)
                if words[1] == "enable":
                    one.attributes[key] = ""
            _write(session, cookies)
        return int(bool(found) and key in found[0].attributes)

    return flag


def _expires(session: Session, words: list[str]) -> Result:
    """In so many seconds from now, or at a time since 1970 with the word "absolute"."""
    cookies = _read(session)
    found = [one for one in cookies if one.name == words[0]]
    if len(words) > 1 and found:
        start = 0.0 if words[2:] == ["absolute"] else session.device.clock.now()
        found[0].attributes["expires"] = formatdate(start + number(words[1]), usegmt=True)
        _write(session, cookies)
    return found[0].attributes.get("expires", "") if found else ""


VERBS: Final[dict[str, Callable[[Session, list[str]], Result]]] = {
    "names": _names,
    "count": _count,
    "exists": _exists,
    "value": _value,
    "insert": _insert,
    "remove": _remove,
    "sanitize": _sanitize,
    "expires": _expires,
    **{word: _flag(key) for word, key in FLAGS.items()},
    **{word: _attribute(key) for word, key in TEXTS.items()},
}

FUNCTIONS: Final[Functions] = {"HTTP::cookie": _cookie}
