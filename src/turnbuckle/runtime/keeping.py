"""Restore files: what a device had before the first write, and before more than one virtual server goes.

They are a way back for people (`turnbuckle restore`). One that cannot be kept is told and stops nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path as FilePath
from urllib.parse import urlsplit

from turnbuckle.model import issue as issues_of
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path, State
from turnbuckle.planner.archive import Archive, to_bytes
from turnbuckle.runtime.report import Report

log = logging.getLogger(__name__)

MOST_FILES = 20
"""So many are kept of one device; the oldest go."""


def default_directory() -> FilePath:
    """Where restore files lie unless the settings say otherwise. Source: XDG Base Directory Specification."""
    home = os.environ.get("XDG_STATE_HOME")
    return (FilePath(home) if home else FilePath.home() / ".local" / "state") / "turnbuckle"


class Keeper:
    """Keeps restore files of one device. now: the time of day."""

    def __init__(
        self,
        directory: FilePath,
        device: Ref,
        controller_id: str,
        report: Report,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._directory, self._device, self._controller_id = directory, device, controller_id
        self._report, self._now = report, now
        self._begun = False
        self._kept_for: frozenset[Path] = frozenset()

    async def before(self, operations: Collection[Operation], observed: State) -> FilePath | None:
        """Keeps a file if what is about to be written calls for one; answers where it is."""
        if not operations:
            return None
        going = frozenset(op.path for op in operations if op.verb is Verb.DELETE and op.path.kind == VirtualServer.KIND)
        several = len(going) > 1 and not going <= self._kept_for
        if self._begun and not several:
            return None
        reason = f"before {len(going)} virtual servers are deleted" if several else "before the first write"
        self._begun, self._kept_for = True, going
        if not observed:
            return None
        return await self._keep(observed, reason)

    async def _keep(self, observed: State, reason: str) -> FilePath | None:
        now = self._now()
        archive = Archive(self._device.name, self._controller_id, now.strftime("%Y-%m-%dT%H:%M:%SZ"), reason, observed)
        host = re.sub(r"[^A-Za-z0-9.-]", "_", urlsplit(self._device.name).netloc or self._device.name)
        path = self._directory / f"{host}-{now.strftime('%Y%m%dT%H%M%S.%f')}.json"
        try:
            await asyncio.to_thread(self._write, path, archive, host)
        except OSError as error:
            reason = f"{error.strerror or error} ({self._directory})"
            self._report.tell("restore", [issues_of.not_kept(self._device, reason)])
            return None
        self._report.tell("restore", ())
        log.info("kept %s reason=%s objects=%d", path, reason.replace(" ", "-"), len(observed))
        return path

    def _write(self, path: FilePath, archive: Archive, host: str) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = path.with_suffix(".part")
        beside.write_bytes(to_bytes(archive))
        beside.chmod(0o600)
        beside.rename(path)
        for old in sorted(self._directory.glob(f"{host}-*.json"))[:-MOST_FILES]:
            old.unlink(missing_ok=True)
