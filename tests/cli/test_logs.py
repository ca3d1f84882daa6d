"""The log: one line a record, in UTC, without secrets and without tracebacks."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from turnbuckle.cli import logs, progress


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """Where the log goes; afterwards logging is as it was."""
    yield tmp_path / "log"
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler.formatter, logs.OneLine):
            root.removeHandler(handler)
            handler.close()
    logging.getLogger("turnbuckle").setLevel(logging.NOTSET)


def test_a_record_is_one_line_with_time_and_level(log_file: Path) -> None:
    logs.start("INFO", log_file)
    logging.getLogger("turnbuckle.x").info("pool changed path=%s", "/k8s/a\nb")
    line = log_file.read_text()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO  pool changed path=/k8s/a b\n", line)


def test_an_exception_is_a_part_of_the_line(log_file: Path) -> None:
    logs.start("INFO", log_file)
    try:
        raise OSError("no\nway")
    except OSError:
        logging.getLogger("turnbuckle.x").exception("failed")
    assert log_file.read_text().endswith("ERROR failed error=OSError: no way\n")


def test_a_password_that_slips_into_a_message_is_starred(log_file: Path) -> None:
    logs.start("INFO", log_file, lambda: ("hunter22",))
    logging.getLogger("turnbuckle.x").info("answer=%s", "bad hunter22!")
    assert "hunter22" not in log_file.read_text()
    assert "answer=bad ***!" in log_file.read_text()


def test_the_level_decides_what_is_logged_and_may_change(log_file: Path) -> None:
    logs.start("WARNING", log_file)
    log = logging.getLogger("turnbuckle.x")
    log.info("unheard")
    logs.set_level("AS3DEBUG")
    log.debug("heard")
    logging.getLogger("another.library").info("chatter")
    assert "unheard" not in log_file.read_text()
    assert "chatter" not in log_file.read_text()
    assert "DEBUG heard" in log_file.read_text()


def test_a_log_file_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="absent"):
        logs.start("INFO", tmp_path / "absent" / "log")


def test_a_record_wipes_the_line_of_progress_before_it() -> None:
    record = logging.LogRecord("turnbuckle", logging.INFO, "", 0, "hello", (), None)
    assert logs.OneLine(before=progress.WIPE).format(record).startswith("\r\x1b[K")
