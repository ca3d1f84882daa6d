"""The ledger of a partition: whose the files and iRules are there, which have no room for a mark, and what is in them.

The form is a promise to every later version: a data group `/<partition>/turnbuckle_ledger` of type string. A record is
called `<kind>:<full path>`, and its value is the mark, the digest of the model and, for what is public, the checksum
that the device has to show, separated by blanks. Without a record a file or an iRule is nobody's of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from turnbuckle.model import mark as marks
from turnbuckle.model.ltm import DataGroup
from turnbuckle.model.mark import Mark
from turnbuckle.model.state import Path

NAME = f"{marks.NAME}_ledger"

_MARK_WORDS = 4


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one. digest: SHA-256 of the text in hex. checksum: as the device shows it; may be empty."""

    mark: Mark
    digest: str
    checksum: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.mark), self.digest, self.checksum)))


def path_in(partition: str) -> Path:
    """Where the ledger of a partition is on the device."""
    return Path(DataGroup.KIND, f"/{partition}/{NAME}")


def is_ledger(full_path: str) -> bool:
    """Whether a data group is one of these, which are nobody's configuration."""
    parts = full_path.split("/")
    return len(parts) == 3 and parts[2] == NAME


def name_of(path: Path) -> str:
    """The name of an object's record, in lower case as the device may write it."""
    return f"{path.kind}:{path.name}".lower()


def parse(records: Mapping[str, str]) -> dict[str, Row]:
    """Name of a record -> what it says; a record that this version cannot read is left out."""
    found = {}
    for name, text in records.items():
        words = text.split(" ")
        mark = marks.parse(" ".join(words[:_MARK_WORDS]))
        if mark is not None and len(words) in (_MARK_WORDS + 1, _MARK_WORDS + 2):
            found[name.lower()] = Row(mark, *words[_MARK_WORDS:])
    return found
