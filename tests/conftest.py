"""What every test runs in: a home for state of its own, so that nothing is left in that of whoever runs it; the levels
of the log as they were; and the worker that it shares with whoever has the same addresses.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Says which tests belong to one worker, and leaves out what takes its time where not everything has to be run."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item.path.relative_to(TESTS))))
    if os.environ.get("TURNBUCKLE_REQUIRE_REAL") == "1":
        return
    skipped = pytest.mark.skip(reason="takes its time; TURNBUCKLE_REQUIRE_REAL=1 runs it")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skipped)


def _group(module: Path) -> str:
    """A module starts once what its tests share. Those of the simulator listen at the same loopback addresses, and
    those with real components share the servers that they start.
    """
    return module.parts[0] if module.parts[0] in ("bigipsim", "real") else str(module)


@pytest.fixture(autouse=True)
def levels_of_the_log() -> Iterator[None]:
    """Commands set them for the process that they are."""
    loggers = [logging.getLogger(name) for name in ("", "turnbuckle", "bigipsim")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The directory below which programs keep what outlives them."""
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    if before is None:
        del os.environ["XDG_STATE_HOME"]
    else:
        os.environ["XDG_STATE_HOME"] = before
