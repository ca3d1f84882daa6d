"""The claim on a partition: a data group that says whose controller writes there, so that two of them do not.

The form is a promise to every later version: the data group `/<partition>/turnbuckle` of type string, with the records
`controller-id`, `cluster-id` and `version`. The version is that of the form, so that an upgrade writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from turnbuckle.model import mark as marks
from turnbuckle.model.ltm import DataGroup, LtmObject
from turnbuckle.model.state import Path


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose partition it is; empty is what the data group does not say."""

    controller_id: str
    cluster_id: str


def path_in(partition: str) -> Path:
    """Where the claim on a partition is on the device."""
    return Path(DataGroup.KIND, f"/{partition}/{marks.NAME}")


def is_claim(path: Path) -> bool:
    """Whether the claim on a partition has its place there."""
    return path.kind == DataGroup.KIND and path == path_in(path.partition)


def claim(partition: str, holder: Holder) -> DataGroup:
    """The data group that says who holds a partition."""
    records = {
        "controller-id": holder.controller_id,
        "cluster-id": holder.cluster_id,
        "version": marks.FORMAT_VERSION,
    }
    return DataGroup(path_in(partition).name, None, "string", frozenset(records.items()))


def holder_of(found: LtmObject) -> Holder:
    """Who holds a partition, by what is at the place of the claim."""
    records = dict(found.records) if isinstance(found, DataGroup) else {}
    return Holder(records.get("controller-id", ""), records.get("cluster-id", ""))
