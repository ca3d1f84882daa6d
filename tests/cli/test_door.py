"""The process itself: signals that come early, and standard streams that cannot be written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from turnbuckle.cli import exit_code

# It sends the signal to itself in the middle of the first import of what the commands need.
_EARLY = """
import os, sys
class Early:
    def find_spec(self, name, path=None, target=None):
        if name == "turnbuckle.cli.commands":
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Early())
sys.argv = ["turnbuckle", *{words}]
from turnbuckle.cli import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("words", "code"), [(["run"], 0), (["demo"], 0), (["demo", "--once"], None), (["plan"], None)])
def test_a_signal_that_comes_before_the_command_has_begun_ends_it_without_a_traceback(
    words: list[str], code: int | None, number: int
) -> None:
    program = _EARLY.format(number=int(number), words=words)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    assert done.returncode == (128 + number if code is None else code)


def test_only_what_runs_until_it_is_ended_has_worked_when_it_is_ended() -> None:
    assert exit_code(signal.SIGTERM, ["run", "--once"]) == 143
    assert exit_code(signal.SIGTERM, []) == 143
    assert exit_code(signal.SIGTERM, ["run", "-f", "x"]) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [["--help"], ["plan", "--help"], ["config"]])
def test_a_full_disk_behind_the_output_is_one_sentence(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = _run(words, stdout=full)
    assert done.returncode == 1
    assert done.stderr == "turnbuckle: The output cannot be written: No space left on device.\n"


def test_a_closed_output_is_one_sentence() -> None:
    done = _run(["config"], preexec_fn=_close_output)
    assert done.returncode == 1
    assert done.stderr == "turnbuckle: The standard output is closed, and there is something to write there.\n"


def _close_output() -> None:
    os.close(1)


def _run(words: list[str], **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-m", "turnbuckle", *words],
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
        **how,
    )
