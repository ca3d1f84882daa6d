"""What a person sees while something takes long."""

from __future__ import annotations

import io
import threading

import pytest

from turnbuckle.cli import progress as module


class Terminal(io.StringIO):
    """Standard error as a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


def test_a_long_step_is_told_on_a_terminal_and_wiped_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(module, "QUIET_S", 0.01)
    with module.progress("reading"):
        assert terminal.written.wait(10)
    assert "reading … 0 s" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_quick_step_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with module.progress("reading") as line:
        line.say("writing")
    assert terminal.getvalue() == ""


def test_nothing_is_drawn_into_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(module, "QUIET_S", 0.0)
    with module.progress("reading"):
        pass
    assert stream.getvalue() == ""
