"""The demo's URL as people open it: in a browser."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from patience import PATIENCE_S
from real.kube import missing

pytestmark = pytest.mark.real

_READY = re.compile(r"Ready after .*\. Open (\S+)")
_WITHOUT_THE_WORLD = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def demo_url(tmp_path: Path) -> Iterator[str]:
    """The URL that a running demo prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "turnbuckle", "demo", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        assert process.stdout is not None
        found = next(filter(None, map(_READY.search, process.stdout)), None)
        assert found is not None, "the demo ended before it was ready"
        yield found[1]
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def visit(url: str, profile: Path) -> str:
    """The backend whose page Chromium shows."""
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("a browser: chromium is not installed (Debian: chromium)")
    command = [chromium, *_WITHOUT_THE_WORLD, f"--user-data-dir={profile}", "--dump-dom", url]
    page = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    shown = re.search(r">Hello from (backend-\d+)<", page)
    assert shown is not None, page
    return shown[1]


def test_a_browser_is_served_by_the_backends_in_turn(demo_url: str, tmp_path: Path) -> None:
    backends = {visit(demo_url, tmp_path / f"profile-{number}") for number in range(3)}
    assert len(backends) > 1
