"""Times as the device writes them into objects."""

from __future__ import annotations

from datetime import UTC, datetime

from bigipsim.clock import Clock


def utc_text(clock: Clock) -> str:
    """Now, as in "2019-11-13T22:00:04Z"."""
    return datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
