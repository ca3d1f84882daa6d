"""What every test runs in: a home for state of its own, so that nothing is left in that of whoever runs it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out what takes its time, where not everything has to be run."""
    if os.environ.get("TURNBUCKLE_REQUIRE_REAL") == "1":
        return
    skipped = pytest.mark.skip(reason="takes its time; TURNBUCKLE_REQUIRE_REAL=1 runs it")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skipped)


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
