"""The demo: the tour proves what it says, fails when a part is broken, and nothing is left behind."""

from __future__ import annotations

import functools
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable

import pytest
from click.testing import CliRunner

from bigipsim.faults import Fault
from patience import PATIENCE_S
from turnbuckle.cli import demo as demo_module
from turnbuckle.cli.commands import commands as main
from turnbuckle.cli.demo import Demo


@pytest.fixture
def in_a_process(tmp_path):
    """Starts `turnbuckle demo` with a temporary directory of its own, and ends it when a test forgets to."""
    started = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "turnbuckle", "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_the_tour_takes_five_steps_and_leaves_nothing_behind(in_a_process, tmp_path):
    process = in_a_process("--once")
    out, err = process.communicate(timeout=2 * PATIENCE_S)
    assert process.returncode == 0, out + err
    assert out.count("✓") == 5
    assert "1 request of " in out
    assert "virtualAddress.port is 80800" in out
    assert "All of it worked" in out
    assert err == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_demo_and_leaves_nothing_behind(in_a_process, tmp_path, number):
    process = in_a_process("--port", "0")
    url = re.search(r"Ready after .*\. Open (\S+)", read_until(process, "Ctrl-C ends it")).group(1)
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as reply:
        assert reply.read().startswith(b"Hello from backend-")
    assert [path.name for path in tmp_path.glob("*/manifests/*.yaml")] != []
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out + err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=5)


def read_until(process: subprocess.Popen[str], words: str) -> str:
    lines, deadline = [], time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        lines.append(line)
        if words in line or not line:
            break
    return "".join(lines)


async def the_controller(stage: Demo) -> None:
    stage.controller.cancel()


async def writing_by_rest(stage: Demo) -> None:
    # Of a refused transaction the controller sends the parts one by one, so both ways have to be closed.
    stage.device.box.faults.add(Fault("commit-refused"))
    stage.device.box.faults.add(Fault("write-refused"))


async def reading_by_rest(stage: Demo) -> None:
    stage.device.box.faults.add(Fault("restarting"))


async def the_data_plane(stage: Demo) -> None:
    await stage.device.plane.stop()


async def the_backends(stage: Demo) -> None:
    await stage.sample_servers.stop()


BROKEN = (the_controller, writing_by_rest, reading_by_rest, the_data_plane, the_backends)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda part: part.__name__)
def test_the_tour_fails_when_a_part_is_broken(monkeypatch, broken):
    monkeypatch.setattr(demo_module, "Demo", broken_by(broken))
    monkeypatch.setattr(demo_module, "take_tour", functools.partial(demo_module.take_tour, patience_s=1.0))
    ran = CliRunner().invoke(main, ["demo", "--once"])
    assert ran.exit_code == 1, ran.output
    assert "✗ publish 2 backends" in ran.output
    assert "All of it worked" not in ran.output


def broken_by(act: Callable[[Demo], Awaitable[None]]) -> type[Demo]:
    class BrokenDemo(Demo):
        async def __aenter__(self) -> Demo:
            await super().__aenter__()
            await act(self)
            return self

    return BrokenDemo


def test_a_member_that_the_bigip_loses_fails_the_tour(monkeypatch):
    """Traffic that happens to flow is no proof: what the REST interface tells has to agree."""

    class Forgetful(Demo):
        async def __aenter__(self) -> Demo:
            await super().__aenter__()
            self.device.box.faults.add(Fault("not-registered", method="GET", path="/pool/[^/]+/members$"))
            return self

    monkeypatch.setattr(demo_module, "Demo", Forgetful)
    monkeypatch.setattr(demo_module, "take_tour", functools.partial(demo_module.take_tour, patience_s=2.0))
    ran = CliRunner().invoke(main, ["demo", "--once"])
    assert ran.exit_code == 1, ran.output
    assert "should have the members 198.51.100.1, 198.51.100.2 and has none" in ran.output


@pytest.mark.parametrize("once", [(), ("--once",)], ids=["play", "once"])
def test_a_port_in_use_is_one_sentence(once):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ran = CliRunner().invoke(main, ["demo", "--port", port, *once])
    assert ran.exit_code == 1
    assert ran.stderr == (
        f"turnbuckle: --port {port} is in use by another process; choose another one, or leave --port out.\n"
    )


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(port):
    ran = CliRunner().invoke(main, ["demo", "--port", port])
    assert ran.exit_code == 1
    assert "--port is" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_tour_that_is_ended_in_the_middle_has_not_worked(in_a_process, tmp_path, number):
    process = in_a_process("--once")
    read_until(process, "✓")
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1, out + err
    assert "ended before every step was taken" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
