"""What an answer of the device means: the one place that reads its statuses, codes and words.

Source: BIG-IP iControl REST, versions 13 to 17; the texts are the device's own. Codes of eight hex digits are matched
rather than the English around them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypedDict

import msgspec

from turnbuckle.drivers.base import DriverError, Unauthorized, Unreachable
from turnbuckle.drivers.icontrol.transport import Reply

_LONGEST_TEXT = 500

FOLDER_MISSING = re.compile(r"The requested folder \(/?(?P<partition>[^)/]+)\) was not found")


class Sense(StrEnum):
    """What follows from an answer.

    GONE: the object that was addressed, or one that it refers to, is not there. STALE: what was to be created is there.
    BUSY: refused before anything was done; it may be sent again. UNKNOWN: what was asked for may have been done.
    DENIED: the role behind the credentials does not suffice. LOST: the transaction is not known.
    """

    OK = "OK"
    GONE = "GONE"
    STALE = "STALE"
    BUSY = "BUSY"
    UNKNOWN = "UNKNOWN"
    DENIED = "DENIED"
    LOST = "LOST"
    REFUSED = "REFUSED"


_BY_WORDS: tuple[tuple[re.Pattern[str], Sense], ...] = (
    (re.compile(r"not registered"), Sense.BUSY),
    (re.compile(r"active asynchronous task"), Sense.BUSY),
    (re.compile(r"connection to mcpd has been lost|AsyncContext timeout|TimeoutException"), Sense.UNKNOWN),
    (re.compile(r"updated successfully but could not be retrieved"), Sense.OK),
    (re.compile(r"^(?!transaction failed:).*\btransaction\b.*(does not exist|not found|expired)", re.I), Sense.LOST),
    (re.compile(r"01020066:"), Sense.STALE),
    (re.compile(r"01020036:|^(transaction failed:)?Object not found"), Sense.GONE),
)

_BY_STATUS = {
    200: Sense.OK,
    201: Sense.OK,
    202: Sense.OK,
    204: Sense.OK,
    401: Sense.DENIED,
    403: Sense.DENIED,
    404: Sense.GONE,
    409: Sense.STALE,
    500: Sense.UNKNOWN,
    502: Sense.UNKNOWN,
    503: Sense.BUSY,
    504: Sense.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply that has been read: its sense, the device's words if it refused, its text if that is JSON.

    The text is decoded when it is asked for, since a collection as Python objects takes ten times its text in memory.
    """

    status: int
    sense: Sense
    words: str
    text: bytes = b""

    @property
    def value(self) -> Any:
        """The JSON; None when there is none."""
        return msgspec.json.decode(self.text) if self.text else None

    @property
    def ok(self) -> bool:
        """Whether the device did what was asked for."""
        return self.sense is Sense.OK

    @property
    def items(self) -> list[dict[str, Any]]:
        """The objects of a collection; what is no object is left out."""
        value = self.value
        found = value.get("items") if isinstance(value, dict) else None
        return [item for item in found or () if isinstance(item, dict)]

    def listed(self, what: str) -> list[dict[str, Any]]:
        """The objects of a collection that was answered as a whole.

        Raises:
            DriverError: it was not, or it is no collection; that is never an empty one. `what` as in required.
        """
        value = self.required(what).value
        items = value.get("items", []) if isinstance(value, dict) and value else None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise _no_list(what)
        return items

    def pieces(self, what: str) -> list[msgspec.Raw]:
        """The objects of a collection that was answered as a whole, each still a text, to be read with `piece`.

        Raises:
            DriverError: as in listed.
        """
        try:
            return msgspec.json.decode(self.required(what).text, type=_Collection).items
        except msgspec.MsgspecError as error:
            raise _no_list(what) from error

    def required(self, what: str) -> Answer:
        """The answer itself when it is OK.

        Raises:
            DriverError: it is not; `what` says in the sentence what the device would not do ("list the pools").
        """
        if self.ok:
            return self
        text = f"The BIG-IP does not {what}: {self.words.rstrip('.')} (HTTP {self.status})."
        if self.sense is Sense.DENIED:
            raise Unauthorized(text)
        if self.sense in (Sense.BUSY, Sense.UNKNOWN):
            raise Unreachable(text)
        raise DriverError(text)


class _Collection(msgspec.Struct):
    kind: str
    items: list[msgspec.Raw] = []


def piece(raw: msgspec.Raw) -> dict[str, Any]:
    """An object of a collection.

    Raises:
        ValueError: it is none.
    """
    return msgspec.json.decode(raw, type=dict[str, Any])


class _Outline(TypedDict, total=False):
    fullPath: Any
    name: Any
    partition: Any
    subPath: Any
    generation: Any
    membersReference: _Outlines
    profilesReference: _Outlines
    policiesReference: _Outlines
    rulesReference: _Outlines
    conditionsReference: _Outlines
    actionsReference: _Outlines


class _Outlines(TypedDict, total=False):
    items: list[_Outline]


_OUTLINES = msgspec.json.Decoder(_Outline)


def outline(raw: msgspec.Raw) -> dict[str, Any]:
    """Of an object of a collection only where it is, and its generation, with those of its subcollections' items.

    What else an answer has is skipped: a scan is told all members of all pools.

    Raises:
        ValueError: it is none.
    """
    try:
        return dict(_OUTLINES.decode(raw))
    except msgspec.ValidationError:
        return piece(raw)


def _no_list(what: str) -> DriverError:
    return DriverError(f"The BIG-IP does not {what}: it answers something that is no list of objects.")


def read(reply: Reply) -> Answer:
    """The answer that a reply holds.

    Raises:
        Unreachable: the reply says that all is well and its body is no JSON, so it has been cut.
    """
    try:
        text = bytes(msgspec.json.decode(reply.body, type=msgspec.Raw)) if reply.body.strip() else b""
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if reply.status < 300:
            raise Unreachable("The BIG-IP broke off in the middle of an answer.") from error
        text = b""
    if reply.status < 300:
        return Answer(reply.status, Sense.OK, "", text)
    words = _words(reply, msgspec.json.decode(text) if text else None)
    by_words = next((sense for pattern, sense in _BY_WORDS if pattern.search(words)), None)
    # A 401 or 403 speaks of the caller, whatever its text repeats of the request.
    sense = _BY_STATUS[reply.status] if reply.status in (401, 403) else by_words
    return Answer(reply.status, sense or _BY_STATUS.get(reply.status, Sense.REFUSED), words, text)


def outcome(reply: Reply) -> str:
    """How a request ended, in one word: its sense in lower case; of a good reply the body is not looked at."""
    return str((Sense.OK if reply.status < 300 else read(reply).sense).value).lower()


def _words(reply: Reply, value: Any) -> str:
    if isinstance(value, dict) and isinstance(value.get("message"), str):
        return str(value["message"])[:_LONGEST_TEXT]
    page = re.sub(r"<(style|script|head)\b.*?</\1>|<[^>]*>", " ", reply.body.decode("utf-8", "replace"), flags=re.S)
    return " ".join(page.split())[:_LONGEST_TEXT] or f"HTTP {reply.status} without a word"
