"""A folder of manifests as a source: told once, then followed as its files change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

from watchfiles import awatch
from watchfiles._rust_notify import WatchfilesRustInternalError

from turnbuckle.engine.protocol import Kind
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Event, Synced
from turnbuckle.sources.base import PutEvents
from turnbuckle.sources.files.folder import Folder, Picture, is_file

log = logging.getLogger(__name__)

_SETTLE_S = 0.2
_LOOK_AGAIN_S = 5.0
_LOOK_FOR_FOLDER_S = 1.0


class FolderSource:
    """Objects in the files of a folder, or in a single file.

    report: told all issues of the folder (about files, and objects that stand there twice) whenever they change.
    """

    def __init__(
        self,
        folder: Path,
        kinds: Sequence[Kind],
        report: Callable[[Sequence[Issue]], None],
        *,
        name: str = "files",
    ) -> None:
        self.name = name
        self._path = folder
        self._folder = Folder(folder, kinds)
        self._report = report
        self._reported: tuple[Issue, ...] = ()
        self._synced = False

    async def run(self, put: PutEvents) -> None:
        """Tells what the folder says, then Synced, then what changes, until it is cancelled.

        A folder or file that cannot be read holds Synced back: what it says is not known.
        """
        await self._tell(put)
        while True:
            async with aclosing(self._changes()) as changes:
                async for _ in changes:
                    await self._tell(put)

    async def confirm(self) -> None:
        """See Source.confirm. The folder is looked at every few seconds anyway."""
        self._synced = False

    async def _changes(self) -> AsyncGenerator[None, None]:
        """One item for each change, and now and then one without: some file systems do not tell.

        It ends when it has to begin anew: the folder is another one, or cannot be watched.
        """
        # An editor replaces a file by another one of its name, which only the folder around it sees.
        single = is_file(self._path)
        place = self._path.parent if single else self._path
        identity = _identity(place)
        changes = awatch(
            place,
            watch_filter=None,
            debounce=100,
            step=20,
            rust_timeout=int(_LOOK_AGAIN_S * 1000),
            yield_on_timeout=True,
            recursive=not single,
            ignore_permission_denied=True,
        )
        waiting = None
        try:
            while identity is not None and _identity(place) == identity:
                waiting = asyncio.ensure_future(anext(changes))
                # The watch begins before the next look, so that no change falls between the two.
                await asyncio.sleep(0)
                yield
                await waiting
        except (OSError, WatchfilesRustInternalError, ExceptionGroup) as error:
            # What fails inside awatch's own task group comes as a group.
            log.warning("%s cannot be watched, it is read every %g s: %s", place, _LOOK_AGAIN_S, error)
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.wait((waiting,))
            await changes.aclose()
        await asyncio.sleep(_LOOK_AGAIN_S if _identity(self._path) else _LOOK_FOR_FOLDER_S)
        yield

    async def _tell(self, put: PutEvents) -> None:
        picture = await self._settled()
        content = self._folder.take(picture)
        if content.issues != self._reported:
            self._reported = content.issues
            self._report(content.issues)
        events: list[Event] = list(content.events)
        if content.complete and not self._synced:
            self._synced = True
            events.append(Synced(self.name))
        if events:
            await put(events)

    async def _settled(self) -> Picture:
        """The folder as it is; when objects seem to have gone, as it still is a moment later.

        Programs empty a file before they write it, and delete one before they make it anew.
        """
        picture = await asyncio.to_thread(self._folder.look)
        while self._folder.loses(picture):
            await asyncio.sleep(_SETTLE_S)
            again = await asyncio.to_thread(self._folder.look)
            if again.stamps == picture.stamps:
                return again
            picture = again
        return picture


def _identity(place: Path) -> tuple[int, int] | None:
    try:
        status = place.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
