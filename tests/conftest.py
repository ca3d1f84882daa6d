"""What every test runs in: a home for state of its own, so that nothing is left in that of whoever runs it; the levels
of the log as they were; and the worker that it shares with whoever has the same addresses.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out what takes its time, where not everything has to be run."""
    if os.environ.get("TURNBUCKLE_REQUIRE_REAL") == "1":
        return
    skipped = pytest.mark.skip(reason="takes its time; TURNBUCKLE_REQUIRE_REAL=1 runs it")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skipped)


class SharedOut(LoadFileScheduling):
    """Each module is run by one worker, so that what its tests share is started once. All modules of the simulator are
    run by the same one, since they listen at the same loopback addresses, and so are those with real components.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return next((alike for alike in ("tests/bigipsim/", "tests/real/") if module.startswith(alike)), module)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedOut:
    """How tests are shared out among workers."""
    return SharedOut(config, log)


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
