"""A folder of manifests as it is now, and how it differs from what was told of it before.

What cannot be read has not gone: a broken file keeps its objects, and so does a folder that vanished. Files are read
in the order of their paths; of an object that stands in two of them the first counts.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from turnbuckle.engine.protocol import Kind
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Event, Gone, Grounds, Origin, Ref
from turnbuckle.sources.files.manifests import LARGEST_FILE, FileReading, Item, file_ref, read_text

_ENDINGS = (".yaml", ".yml", ".json")

_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class FolderContent:
    """What a folder says.

    issues: about files, and objects that stand there twice; those about a single object travel in its Flawed event.
    origins: where each object stands, the flawed ones too, and each file that an issue is about (Ref("", "File", "",
    its path)); Origin.line_of(issue.field) is the line of an issue.
    complete: what is not in it is not there; else the folder, or a part of it, could not be read at all.
    """

    events: tuple[Event, ...] = ()
    issues: tuple[Issue, ...] = ()
    origins: Mapping[Ref, Origin] = field(default_factory=dict)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """A folder at one moment. complete: what is not in it is not there; else parts could not be read."""

    stamps: Mapping[str, _Stamp] = field(default_factory=dict)
    readings: Mapping[str, FileReading] = field(default_factory=dict)
    items: Mapping[Ref, Item] = field(default_factory=dict)
    issues: tuple[Issue, ...] = ()
    complete: bool = True


def read_folder(folder: Path, kinds: Sequence[Kind]) -> FolderContent:
    """Reads a folder, or a single file, once. Whatever is wrong with it is an issue, never an exception."""
    reader = Folder(folder, kinds)
    return reader.take(reader.look())


class Folder:
    """Looks at a folder, or a single file, again and again."""

    def __init__(self, folder: Path, kinds: Sequence[Kind]) -> None:
        self._folder = folder
        self._kinds = tuple(kinds)
        self._picture = Picture()

    def look(self) -> Picture:
        """What is there now; only files that changed since the last picture taken are read."""
        old = self._picture
        files, lost, issues = _scan(self._folder)
        stamps: dict[str, _Stamp] = {}
        readings: dict[str, FileReading] = {}
        for name, path in files.items():
            stamp = _stamp(path)
            before = old.readings.get(name)
            if before is not None and stamp is not None and old.stamps.get(name) == stamp:
                reading = before
            else:
                reading = _with_what_was(_read(name, path, self._kinds), before)
            readings[name] = reading
            if stamp is not None:
                stamps[name] = stamp
        for name, reading in old.readings.items():
            if name not in readings and any(name.startswith(place) for place in lost):
                # Without a stamp it is read anew when it is back; until then only the folder has to be mended.
                readings[name] = replace(reading, issues=())
        items, twice = _merged(readings)
        found = [one for name in sorted(readings) for one in readings[name].issues]
        complete = not lost and all(reading.known for reading in readings.values())
        said = (*issues, *found, *twice)
        if not items and not said:
            said = (self._nothing(readings.values()),)
        return Picture(stamps, readings, items, said, complete)

    def _nothing(self, readings: Collection[FileReading]) -> Issue:
        """Why there is nothing to read: most often it is another folder that was meant."""
        others = sum(reading.others for reading in readings)
        if not readings:
            reason = f"no file in it ends with {', '.join(_ENDINGS)}"
        elif others:
            reason = f"it holds {others} Kubernetes object{'s' * (others > 1)}, none of them for Turnbuckle"
        else:
            reason = "it holds no Kubernetes object"
        kinds = [f"{kind.name} ({sel})" if (sel := kind.resource.selector) else kind.name for kind in self._kinds]
        return issues_of.nothing_to_read(file_ref(str(self._folder)), reason, kinds)

    def loses(self, picture: Picture) -> bool:
        """Whether objects that were told are not in a picture."""
        return not (self._picture.items.keys() <= picture.items.keys())

    def take(self, picture: Picture) -> FolderContent:
        """Makes a picture the one that is told; answers how it differs from the one before."""
        old, self._picture = self._picture, picture
        events: list[Event] = [item.event for ref, item in picture.items.items() if old.items.get(ref) is not item]
        # A folder that is empty all at once may be a mount that is not there, which nobody told.
        grounds = Grounds.WATCHED if picture.items else Grounds.LISTED
        events.extend(Gone(ref, grounds) for ref in old.items if ref not in picture.items)
        origins = {ref: item.origin for ref, item in picture.items.items()}
        for name, reading in picture.readings.items():
            if reading.issues:
                first = min(reading.lines.values(), default=1)
                origins[file_ref(name)] = Origin(name, first, reading.lines)
        return FolderContent(tuple(events), picture.issues, origins, picture.complete)


def _with_what_was(reading: FileReading, before: FileReading | None) -> FileReading:
    """A reading with the objects that its file held before, where parts of it are wrong now."""
    if reading.whole or before is None:
        return reading
    items = {item.ref: item for item in before.items}
    items.update((item.ref, item) for item in reading.items if not item.guessed or item.ref not in items)
    return replace(reading, items=tuple(items.values()), known=reading.known or before.known)


def _merged(readings: Mapping[str, FileReading]) -> tuple[dict[Ref, Item], list[Issue]]:
    """The objects of all files, and those that stand there twice."""
    items: dict[Ref, Item] = {}
    twice: list[Issue] = []
    for name in sorted(readings):
        for item in readings[name].items:
            first = items.get(item.ref)
            if first is None or (first.guessed and not item.guessed):
                items[item.ref] = item
            elif not item.guessed:
                where = f"{item.origin.file}, line {item.origin.line}"
                twice.append(issues_of.duplicate_object(item.ref, where))
    return items, twice


def _scan(folder: Path) -> tuple[dict[str, Path], tuple[str, ...], tuple[Issue, ...]]:
    """Files by their path in the folder; the beginnings of paths below which nothing is known; and why."""
    if is_file(folder):
        return {folder.name: folder}, (), ()
    files: dict[str, Path] = {}
    lost: list[str] = []
    issues: list[Issue] = []

    def unreadable(error: OSError) -> None:
        place = os.path.relpath(error.filename, folder)
        lost.append("" if place == "." else f"{place}{os.sep}")
        name = str(folder) if place == "." else place
        issues.append(issues_of.unreadable(file_ref(name), (error.strerror or str(error)).lower()))

    for here, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if name.endswith(_ENDINGS) and not name.startswith("."):
                path = Path(here, name)
                files[str(path.relative_to(folder))] = path
    return files, tuple(lost), tuple(issues)


def is_file(path: Path) -> bool:
    """Whether there is a file, as far as can be seen."""
    try:
        return path.is_file()
    except OSError:
        return False


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(name: str, path: Path, kinds: Sequence[Kind]) -> FileReading:
    try:
        if path.is_file():
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                return read_text(name, file.read(LARGEST_FILE + 1), kinds, size)
        reason = "it is no file" if path.exists() else "it points to nothing"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
    found = issues_of.unreadable(file_ref(name), reason)
    return FileReading((), (found,), whole=False, known=False, lines={"": 1})
