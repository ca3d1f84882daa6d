"""What a person sees when something takes longer than two seconds: one line on a terminal, gone when it is done."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

QUIET_S = 2.0
_EVERY_S = 0.5
WIPE = "\r\x1b[K"
"""Takes back what stands on the terminal's line."""


class Progress:
    """The line; `say` changes what it tells."""

    def __init__(self, stream: TextIO, text: str) -> None:
        self._stream = stream
        self._text = text
        self._since = time.monotonic()
        self._done = threading.Event()
        self._shown = False

    def say(self, text: str) -> None:
        """What is being done now."""
        self._text = text

    def draw(self) -> None:
        """Shows the line until it is done; runs in a thread of its own, for the work may hold up everything else."""
        wait_s = QUIET_S
        while not self._done.wait(wait_s):
            wait_s = _EVERY_S
            self._shown = True
            self._stream.write(f"{WIPE}{self._text} … {time.monotonic() - self._since:.0f} s")
            self._stream.flush()

    def finish(self) -> None:
        """Takes the line away."""
        self._done.set()

    def clear(self) -> None:
        """Wipes what was drawn."""
        if self._shown:
            self._stream.write(WIPE)
            self._stream.flush()


@contextmanager
def progress(text: str) -> Iterator[Progress]:
    """Tells what is being done while the body runs, when standard error is a terminal and it takes long."""
    stream = sys.stderr
    line = Progress(stream, text)
    if not stream.isatty():
        yield line
        return
    thread = threading.Thread(target=line.draw, name="progress", daemon=True)
    thread.start()
    try:
        yield line
    finally:
        line.finish()
        thread.join()
        line.clear()
