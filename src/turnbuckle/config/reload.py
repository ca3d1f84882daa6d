"""The configuration file while a controller runs: what takes effect when it changes, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from turnbuckle.config.load import Loaded, Mistake, load
from turnbuckle.config.needs import Difference, difference, needs_of_run
from turnbuckle.config.settings import SETTINGS, Config

Stamp = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of a changed file. With mistakes nothing of it takes effect.

    config: what is in force from now on. restart: names whose new value needs a restart.
    """

    config: Config
    live: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()


class Reloader:
    """Looks whether the configuration file has changed; flags and environment stay what they were."""

    def __init__(self, flags: Mapping[str, Sequence[str]], environ: Mapping[str, str], loaded: Loaded) -> None:
        self._flags = flags
        self._environ = environ
        self._config = loaded.config
        self._stamp = _stamp(self._config.config)

    def look(self) -> Reloaded | None:
        """None when the file is as it was, or is not there; else what came of it."""
        stamp = _stamp(self._config.config)
        if stamp is None or stamp == self._stamp:
            return None
        self._stamp = stamp
        loaded = load(self._flags, self._environ)
        mistakes = (*loaded.mistakes, *needs_of_run(loaded))
        if mistakes:
            return Reloaded(self._config, mistakes=mistakes)
        found: Difference = difference(self._config, loaded.config)
        values = {s.attribute: getattr(loaded.config, s.attribute) for s in SETTINGS if s.name in found.live}
        self._config = replace(self._config, **values)
        return Reloaded(self._config, found.live, found.restart)


def _stamp(path: Path | None) -> Stamp:
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)
