"""The command line. Its door is light, so that a signal finds it ready almost from the process's first moment."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TextIO


def main() -> None:
    """Runs the command that the process was started with, and ends the process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    if sys.stderr is None:
        sys.stderr = _nowhere()
    if sys.stdout is None:
        if sys.argv[1:2] != ["run"]:
            sys.stderr.write("turnbuckle: The standard output is closed, and there is something to write there.\n")
            sys.exit(1)
        sys.stdout = _nowhere()
    # Imported here: what the commands need takes a while, and a signal may come meanwhile.
    from turnbuckle.cli.commands import commands

    commands(prog_name="turnbuckle")


def _nowhere() -> TextIO:
    """A stream in place of one that was closed before the process began."""
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(exit_code(number, sys.argv[1:]))


def exit_code(number: int, words: Sequence[str]) -> int:
    """What a process ends with when a signal ends it: 0 for what runs until then, else as shells tell it."""
    endless = words[:1] in (["run"], ["demo"]) and "--once" not in words
    return 0 if endless else 128 + number
