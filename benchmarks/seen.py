"""What the device's log of requests says: how many, how large, and when a change was done."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.objects import server_of

Entry = dict[str, Any]
_COMMIT = re.compile(r"/mgmt/tm/transaction/(\d+)/?$")
CREATED = ("/ltm/pool", "/ltm/virtual")
"""The collections that get an object for each virtual server."""


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]


def is_housekeeping(entry: Entry) -> bool:
    """Whether a request belongs to what is done when it is quiet: collecting nodes that nobody uses any more."""
    return "/ltm/node" in entry["path"]


def tally(entries: Sequence[Entry]) -> dict[str, Any]:
    """Counts and bytes, by sort as well."""
    sorts = sorted({entry["sort"] for entry in entries})
    return {
        "requests": len(entries),
        "writes": sum(entry["write"] for entry in entries),
        "transactions": sum(entry["sort"] == "commit" for entry in entries),
        "body_bytes": sum(entry["body_bytes"] for entry in entries),
        "header_bytes": sum(entry["header_bytes"] for entry in entries),
        "answer_bytes": sum(entry["answer_bytes"] for entry in entries),
        "by_sort": {sort: sum(entry["sort"] == sort for entry in entries) for sort in sorts},
    }


def committed(entries: Iterable[Entry]) -> dict[str, float]:
    """When each transaction that succeeded was done (epoch seconds), by its id."""
    found = {}
    for entry in entries:
        match = _COMMIT.search(entry["path"]) if entry["sort"] == "commit" else None
        if match and entry["status"] == 200:
            found[match[1]] = entry["time"] + entry["took_s"]
    return found


def created(entries: Sequence[Entry], collections: Sequence[str] = CREATED) -> int:
    """How many objects were created, by themselves or in transactions that succeeded."""
    done = committed(entries)
    posted = [entry for entry in entries if entry["method"] == "POST" and entry["path"].endswith(tuple(collections))]
    return sum(entry["transaction"] in done if entry["transaction"] else entry["status"] == 200 for entry in posted)


def refused_commits(entries: Iterable[Entry]) -> int:
    """How many transactions the device did not take."""
    return sum(entry["sort"] == "commit" and entry["status"] != 200 for entry in entries)


def latencies_s(changes: Sequence[tuple[int, float]], entries: Sequence[Entry]) -> list[float | None]:
    """For each change how long it took to the device's answer that it is done; None when it never was.

    changes: the server, and when its endpoints were put at the API server (epoch seconds). Done is the end of the
    direct write, or of the commit of the transaction that carries the command.
    """
    commits = committed(entries)
    by_server: dict[int, list[tuple[float, float]]] = {}
    for entry in entries:
        server = server_of(entry["path"])
        if server is None or not entry["write"] or not 200 <= entry["status"] < 300:
            continue
        ended = entry["time"] + entry["took_s"]
        done_at = commits.get(entry["transaction"]) if entry["transaction"] else ended
        if done_at is not None:
            by_server.setdefault(server, []).append((entry["time"], done_at))
    return [_first_after(by_server.get(server, []), at) for server, at in changes]


def _first_after(writes: Sequence[tuple[float, float]], at: float) -> float | None:
    number = bisect_left(writes, (at,))
    return writes[number][1] - at if number < len(writes) else None


def distribution_s(found: Sequence[float | None]) -> dict[str, Any]:
    """Percentiles of latencies; None for each of them when there are none."""
    known = [value for value in found if value is not None]
    return {
        "changes": len(found),
        "lost": len(found) - len(known),
        "p50_s": percentile(known, 0.50) if known else None,
        "p99_s": percentile(known, 0.99) if known else None,
        "worst_s": max(known, default=None),
    }
