"""The ownership mark: how an object on the device says who made it, and because of which object.

The form is a promise to every later version: one metadata entry called `turnbuckle`, or the description of types that
have no metadata, with the value `1 <controller-id> <cluster-id> <Kind/namespace/name of the oldest owner>`.
"""

from __future__ import annotations

from dataclasses import dataclass

NAME = "turnbuckle"
FORMAT_VERSION = "1"

DRAINING = f"{NAME}-draining"
"""The metadata entry, with FORMAT_VERSION as its value, of a pool member that we disabled because its endpoint ends.

Who is disabled and bears none was disabled by somebody else, and stays so.
"""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """Who owns an object on the device: a controller, never a process or a unit of a pair."""

    controller_id: str
    cluster_id: str
    owner: str

    def __str__(self) -> str:
        return f"{FORMAT_VERSION} {self.controller_id} {self.cluster_id} {self.owner}"


def parse(text: str | None) -> Mark | None:
    """The mark that a metadata value or a description holds; None when it holds none that this version can read."""
    parts = (text or "").split(" ")
    if len(parts) != 4 or parts[0] != FORMAT_VERSION or not all(parts):
        return None
    return Mark(*parts[1:])
