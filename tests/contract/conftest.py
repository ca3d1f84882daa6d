"""Says aloud how much of the contract is assumed."""

from __future__ import annotations

import exchanges as contract
import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    names = contract.assumed()
    terminalreporter.write_line(
        f"contract: {len(names)} of {len(contract.scenarios())} exchanges are assumed, not seen at a device: "
        + ", ".join(names)
    )
