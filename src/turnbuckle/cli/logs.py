"""The log: `2026-11-22T10:00:00Z INFO  sentence key=value`, a line a record, never a secret or a traceback."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from turnbuckle.cli.progress import WIPE
from turnbuckle.runtime.secrecy import Secrets, starred

LEVELS: Mapping[str, int] = {
    "AS3DEBUG": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
}
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class OneLine(logging.Formatter):
    """A record on one line; `secrets` answers the texts that must not appear in it. before: is put in front of it."""

    def __init__(self, secrets: Secrets = tuple, before: str = "") -> None:
        super().__init__()
        self._secrets, self._before = secrets, before

    def format(self, record: logging.LogRecord) -> str:
        """The line, without line breaks."""
        text = f"{time.strftime(_TIME, time.gmtime(record.created))} {record.levelname:<5} {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            text += f" error={type(error).__name__}: {error}"
        text = starred(text, self._secrets)
        if not text.isprintable():
            text = "".join(c if c.isprintable() else " " for c in text)
        return self._before + text


def start(level: str, file: Path | None = None, secrets: Secrets = tuple, *, over: bool = False) -> None:
    """Sends the log to a file, or to standard error.

    over: a line of progress may stand on the terminal, which a record has to wipe first. level: one of the words of
    --log-level. Other libraries are heard from WARNING on.

    Raises:
        OSError: the file cannot be written.
    """
    handler = logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler()
    wipes = over and file is None and sys.stderr.isatty()
    handler.setFormatter(OneLine(secrets, WIPE if wipes else ""))
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old.formatter, OneLine):
            root.removeHandler(old)
            old.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    set_level(level)


def set_level(level: str) -> None:
    """Changes how much is logged while the process runs."""
    logging.getLogger("turnbuckle").setLevel(LEVELS[level])
