"""Decides what the session table remembers: entries with an idle timeout and a lifetime, in subtables or in none."""

from __future__ import annotations

from dataclasses import dataclass

from bigipsim.clock import Clock

TIMEOUT_S = 180.0


@dataclass(slots=True)
class Entry:
    """One entry; a timeout or lifetime of None is indefinite. Times are seconds since 1970-01-01 UTC."""

    value: str
    timeout_s: float | None
    lifetime_s: float | None
    created: float
    touched: float

    def gone(self, now: float) -> bool:
        """Whether it has expired."""
        idle = self.timeout_s is not None and now - self.touched >= self.timeout_s
        return idle or (self.lifetime_s is not None and now - self.created >= self.lifetime_s)


class Table:
    """The session table of one device; the subtable "" stands for none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, dict[str, Entry]] = {}

    @property
    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return self._clock.now()

    def get(self, subtable: str, key: str, touch: bool = True) -> Entry | None:
        """The entry, if it is still there; a look starts its timeout anew unless touch is False."""
        entry = self._entries.get(subtable, {}).get(key)
        if entry is None:
            return None
        if entry.gone(self.now):
            self.delete(subtable, key)
            return None
        if touch:
            entry.touched = self.now
        return entry

    def put(
        self, subtable: str, key: str, value: str, timeout_s: float | None = TIMEOUT_S, lifetime_s: float | None = None
    ) -> Entry:
        """Stores an entry in the place of any other of that key."""
        entry = Entry(value, timeout_s, lifetime_s, self.now, self.now)
        self._entries.setdefault(subtable, {})[key] = entry
        return entry

    def delete(self, subtable: str, key: str) -> None:
        """Removes an entry, if it is there."""
        self._entries.get(subtable, {}).pop(key, None)

    def clear(self, subtable: str) -> None:
        """Removes all entries of a subtable."""
        self._entries.pop(subtable, None)

    def keys(self, subtable: str) -> list[str]:
        """The keys of the entries in a subtable that have not expired."""
        return [key for key in list(self._entries.get(subtable, {})) if self.get(subtable, key, False) is not None]
