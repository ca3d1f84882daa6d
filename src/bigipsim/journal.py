"""Decides what is remembered of the requests that a simulated device has seen, so that tests can count them."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from bigipsim.exchange import Request
from bigipsim.faults import COORDINATION, sort_of

REMEMBERED_REQUESTS: Final = 200_000
CHANGING: Final = frozenset({"queued", "write", "commit"})


class Entry(msgspec.Struct, frozen=True):
    """One request.

    n counts from 1 since the last clearing; time is when it arrived (epoch seconds) and took_s how long it took;
    status 0 means that no answer was sent. header_bytes are those of the request line and the headers,
    body_bytes those of the body. sort is "read", "login", "open", "queued", "write" or "commit"; write is
    true for the last three. transaction is the id in the coordination header or "".
    """

    n: int
    time: float
    took_s: float
    method: str
    path: str
    query: str
    status: int
    header_bytes: int
    body_bytes: int
    answer_bytes: int
    sort: str
    write: bool
    transaction: str


class Journal:
    """The requests that were seen, oldest first; the oldest go when there are very many."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=REMEMBERED_REQUESTS)
        self._last = 0

    def write(
        self, request: Request, query: str, arrived_s: float, took_s: float, status: int, answer_bytes: int
    ) -> None:
        """Adds a request; status 0 when it was left without an answer."""
        self._last += 1
        sort = sort_of(request)
        line_bytes = len(request.method) + len(request.path) + len(query) + 12
        header_bytes = sum(len(name) + len(value) + 4 for name, value in request.headers.items())
        self._entries.append(
            Entry(
                n=self._last,
                time=arrived_s,
                took_s=took_s,
                method=request.method,
                path=request.path,
                query=query,
                status=status,
                header_bytes=line_bytes + header_bytes + 2,
                body_bytes=len(request.body),
                answer_bytes=answer_bytes,
                sort=sort,
                write=sort in CHANGING,
                transaction=request.headers.get(COORDINATION, ""),
            )
        )

    def since(self, n: int) -> list[Entry]:
        """The requests after number n."""
        return [entry for entry in self._entries if entry.n > n]

    def clear(self) -> None:
        """Forgets everything and counts from 1 again."""
        self._entries.clear()
        self._last = 0
