"""What the log says about an outcome, and what a person is advised when a device fails."""

from __future__ import annotations

import logging

from turnbuckle.drivers.base import CertificateRefused, DriverError, PartitionMissing, Unauthorized
from turnbuckle.model.plan import Outcome, Result
from turnbuckle.planner.render import change

log = logging.getLogger("turnbuckle.device")


def advice(error: DriverError) -> str:
    """What a person has to do; these errors say already what to do about the device."""
    if isinstance(error, Unauthorized):
        return "Correct the user or the password, on the BIG-IP or here; files are read again when they change."
    if isinstance(error, CertificateRefused | PartitionMissing):
        return ""
    return "It is tried again; nothing is lost."


def write_down(outcome: Outcome) -> None:
    """One line: what was done to which object, because of what, and how long it took."""
    operation = outcome.operation
    if outcome.result is Result.DONE:
        because = " ".join(sorted(map(str, operation.because)))
        fields = " ".join(f"{name}: {change(operation, name)}" for name in sorted(operation.fields))
        log.info(
            "%s %s%s took_ms=%.0f because=%s",
            operation.verb,
            operation.path,
            f" {fields}" if fields else "",
            outcome.took_s * 1000,
            because,
        )
    elif outcome.result is Result.UNREACHED:
        log.warning("%s %s: not known whether it was done: %s", operation.verb, operation.path, outcome.answer)
