"""What an API server says in lists and watches, read once: objects by name, versions, ends and errors."""

from __future__ import annotations

from collections.abc import Iterator
from sys import intern
from typing import Any

import msgspec

from turnbuckle.sources.kubernetes.errors import Busy, Expired, KubernetesError

Raw = dict[str, Any]

_OBJECTS = msgspec.json.Decoder(Raw)
_END_OF_START = "k8s.io/initial-events-end"
_LONGEST_QUOTE = 256


class Unusable(KubernetesError):
    """A list or a watch said something that cannot be followed; only a new list helps."""


class ListMeta(msgspec.Struct, rename="camel"):
    """Where a list stands in time, and how to ask for its next page."""

    resource_version: str = ""
    continue_: str = msgspec.field(name="continue", default="")


class Page(msgspec.Struct):
    """A list, or a page of one."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None

    def objects(self) -> Iterator[Raw]:
        """The objects, each read when it is asked for.

        Raises:
            Unusable: one is none.
        """
        # Read all at once they are so many small parts that the garbage collector costs more than the reading.
        for text in self.items or ():
            try:
                yield _OBJECTS.decode(text)
            except msgspec.DecodeError as error:
                raise Unusable(f"An object of the list cannot be read: {error}.") from error


class Line(msgspec.Struct):
    """A line of a watch. type: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR; others may come to be and say nothing."""

    type: str
    object: Raw

    @property
    def version(self) -> str:
        """The resource version of the object, or that of the bookmark; empty where there is none."""
        return str(_metadata(self.object).get("resourceVersion") or "")

    @property
    def ends_start(self) -> bool:
        """Whether all objects that were there have been told.

        Source: Kubernetes API concepts, "Streaming lists": a bookmark bears the annotation k8s.io/initial-events-end.
        """
        if self.type != "BOOKMARK":
            return False
        annotations = _metadata(self.object).get("annotations")
        return isinstance(annotations, dict) and annotations.get(_END_OF_START) == "true"


_LINES = msgspec.json.Decoder(Line)


def line_of(text: bytes) -> Line:
    """A line of a watch that is no error.

    Raises:
        Expired: the version that was asked for is too old.
        Busy: the server asks to come back later, and to go on where the watch was.
        Unusable: it cannot be read, or is an error of another sort.
    """
    try:
        line = _LINES.decode(text)
    except msgspec.DecodeError as error:
        raise Unusable(f"A line of the watch cannot be read: {error}.") from error
    if line.type == "ERROR":
        raise _error(line.object)
    return line


def name_of(raw: Raw) -> tuple[str, str]:
    """Namespace and name of an object.

    Raises:
        Unusable: it has none.
    """
    metadata = _metadata(raw)
    namespace, name = metadata.get("namespace") or "", metadata.get("name")
    if not isinstance(name, str) or not isinstance(namespace, str):
        raise Unusable("The API server sent an object without a name.")
    return intern(namespace), name


def retry_after_s(status: Any) -> float:
    """The seconds that a Status asks to wait; 0 where it asks for none."""
    details = status.get("details") if isinstance(status, dict) else None
    seconds = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    return float(seconds) if isinstance(seconds, int) and seconds > 0 else 0.0


def _metadata(raw: Raw) -> Raw:
    metadata = raw.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _error(status: Raw) -> KubernetesError:
    message = str(status.get("message", ""))[:_LONGEST_QUOTE].rstrip(".")
    if status.get("code") == 410 or status.get("reason") in ("Expired", "Gone"):
        return Expired(f"The watch is too old: {message}.")
    if status.get("code") == 429 or status.get("reason") == "TooManyRequests":
        return Busy(f"The API server has too much to do: {message}.", retry_after_s(status))
    return Unusable(f"The watch ended with an error: {message}.")
