"""The pages as `turnbuckle run` serves them."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from turnbuckle.cli.commands import commands
from turnbuckle.cli.logs import OneLine


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    yield
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one.formatter, OneLine)]:
        root.removeHandler(handler)
        handler.close()
    logging.getLogger("turnbuckle").setLevel(logging.NOTSET)


def test_a_port_in_use_ends_the_start_with_a_sentence_and_1(tmp_path: Path):
    log = tmp_path / "log"
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        plug.listen()
        address = f"127.0.0.1:{plug.getsockname()[1]}"
        words = ["run", "-f", str(tmp_path), "--bigip-url=192.0.2.1", "--bigip-partition=k8s", f"--log-file={log}"]
        login = ["--bigip-username=admin", "--bigip-password=s3cret-word"]
        result = CliRunner().invoke(commands, [*words, *login, f"--http-listen-address={address}"])
    assert result.exit_code == 1
    assert f"--http-listen-address is {address}, and another program listens there." in log.read_text()
    assert "Traceback" not in log.read_text() + result.output


@pytest.mark.parametrize("address", ["8080", "0.0.0.0:99999", "::1:8080", "OFF"])
def test_an_address_that_is_none_is_refused_with_what_to_write(address: str):
    result = CliRunner().invoke(commands, ["config", f"--http-listen-address={address}"])
    assert result.exit_code == 1
    assert "--http-listen-address" in result.stderr
