"""The command: what it prints, what it refuses, and how it ends."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bigipsim.cli import main
from patience import PATIENCE_S

TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname = False
TRUSTING.verify_mode = ssl.CERT_NONE
BASIC = "Basic YWRtaW46YWRtaW4="


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The command in a process of its own, and what it printed at its start, by first word."""
    command = [sys.executable, "-m", "bigipsim", "serve", "--listen", "127.0.0.1:0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed: dict[str, str] = {}
        while "control" not in printed:
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            name, _, rest = line.strip().partition(" ")
            printed[name] = rest.split("(")[0].strip()
        try:
            yield process, printed
        finally:
            if process.poll() is None:
                process.kill()


def call(url: str, method: str = "GET", body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": BASIC, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, context=TRUSTING, timeout=PATIENCE_S) as answer:
        text = answer.read()
        return json.loads(text) if text else None


def eventually(condition: Callable[[], bool]) -> None:
    """Waits until a condition holds; fails at the deadline."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end_and_leaves_nothing_behind(number: signal.Signals) -> None:
    with running("--partition", "k8s", "--log-level", "warning") as (process, printed):
        assert printed["user"] == "admin"
        assert len(printed["fingerprint"]) == 95
        partitions = call(f"{printed['BIG-IP']}/mgmt/tm/auth/partition")
        assert {one["name"] for one in partitions["items"]} == {"Common", "k8s"}
        assert call(printed["control"])["bigipsim"]["version"] == "16.1.3"
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, errors) == (0, "")


def test_what_is_saved_is_kept_in_the_state_file_and_nothing_else(tmp_path: Path) -> None:
    state = tmp_path / "lab.json"
    arguments = ("--state", str(state), "--no-dataplane", "--partition", "k8s")
    with running(*arguments) as (_, printed):
        url = f"{printed['BIG-IP']}/mgmt/tm"
        call(f"{url}/ltm/pool", "POST", {"name": "kept", "partition": "k8s"})
        assert not state.exists()
        call(f"{url}/sys/config", "POST", {"command": "save"})
        call(f"{url}/ltm/pool", "POST", {"name": "lost", "partition": "k8s"})
    with running(*arguments) as (_, printed):
        pools = call(f"{printed['BIG-IP']}/mgmt/tm/ltm/pool")
        assert [one["name"] for one in pools["items"]] == ["kept"]
    assert [path.name for path in tmp_path.iterdir()] == ["lab.json"]


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["serve", *arguments])
    assert result.exit_code == 1, result.output
    assert result.output.count("\n") == 1
    return result.output


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port} is in use by another process" in refused("--listen", f"127.0.0.1:{port}")


def test_a_listen_address_that_is_none_is_one_sentence() -> None:
    assert '--listen "8443" is not HOST:PORT' in refused("--listen", "8443")


def test_a_map_that_is_wrong_is_one_sentence() -> None:
    assert "must be of one size" in refused("--map", "198.51.100.0/24=127.0.0.0/8")


@pytest.mark.parametrize("content", ["not json", '"neither"'])
def test_a_state_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, content: str) -> None:
    state = tmp_path / "lab.json"
    state.write_text(content)
    assert "cannot be read as a saved configuration" in refused("--state", str(state))


def test_a_state_file_in_no_folder_is_one_sentence(tmp_path: Path) -> None:
    assert "there is no folder" in refused("--state", str(tmp_path / "absent" / "lab.json"))


def test_a_version_that_is_none_is_one_sentence() -> None:
    assert "is not a version; write it like 16.1.3" in refused("--version-of-tmos", "newest")


def test_a_partition_that_the_device_refuses_is_one_sentence() -> None:
    assert '--partition "" is refused by the device' in refused("--partition", "")


def test_the_help_has_examples_of_one_device_and_of_a_pair() -> None:
    output = CliRunner().invoke(main, ["serve", "--help"]).output
    assert output.count("  bigipsim serve") == 4


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--peer", "https://127.0.0.1:8443"], "--peer is of use in a device group only; add --device-group NAME"),
        (["--auto-sync"], "--auto-sync is of use in a device group only"),
        (["--standby"], "--standby is of use in a device group only"),
        (["--device-group", "gtm"], 'a device group cannot be called "gtm"'),
        (["--device-group", "dg 1"], 'a device group cannot be called "dg 1"'),
        (["--device-group", "dg1", "--peer", "127.0.0.1:8443"], 'the peer "127.0.0.1:8443" is not a URL of a bigipsim'),
        (["--device-group", "dg1", *(["--peer", "https://127.0.0.1:1"] * 8)], "8 peers are too many"),
        (["--hostname", "big ip"], '--hostname "big ip" is not a host name'),
    ],
)
def test_what_is_wrong_with_a_group_is_one_sentence(words: list[str], sentence: str) -> None:
    assert sentence in refused(*words)


def test_two_processes_are_a_pair_and_the_death_of_the_active_one_is_noticed() -> None:
    group = ("--device-group", "dg1", "--no-dataplane", "--log-level", "warning")
    with running(*group) as (first, active):
        others = ("--hostname", "bigip2.example.net", "--peer", active["BIG-IP"])
        with running(*group, *others) as (_, standby):
            where = f"{standby['BIG-IP']}/mgmt/tm/cm/device/~Common~bigip2.example.net"
            eventually(lambda: call(where)["failoverState"] == "standby")
            assert len(call(f"{active['BIG-IP']}/mgmt/tm/cm/device")["items"]) == 2
            first.kill()
            eventually(lambda: call(where)["failoverState"] == "active")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--user", ""], "--user is empty"),
        (["--usr", "x"], "No such option '--usr'"),
        (["--log-level", "loud"], '--log-level is "loud"; write one of debug'),
        (["--listen"], "requires an argument"),
        (["stray"], "unexpected extra argument"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_and_exit_1(words: list[str], sentence: str) -> None:
    result = CliRunner().invoke(main, ["serve", *words])
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("bigipsim: ")
    assert sentence in result.stderr


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("bigipsim ")
