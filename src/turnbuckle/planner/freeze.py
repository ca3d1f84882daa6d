"""What nobody may write for now: a brake that a person pulls, on a device, a partition, an object or an owner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from turnbuckle.model.plan import Operation
from turnbuckle.model.ref import Ref
from turnbuckle.planner.diff import owners
from turnbuckle.planner.parts import whole_of

DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Freeze:
    """What is frozen. paths: full paths on the device, such as /k8s/default_web."""

    device: bool = False
    partitions: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()

    def holds(self, operation: Operation, frozen_owners: frozenset[Ref] = frozenset()) -> str:
        """What is frozen that keeps an operation from being done, in words; empty: nothing does."""
        path = operation.path
        if self.device:
            return "the device"
        if path.partition in self.partitions:
            return f"partition {path.partition}"
        for place in (path, whole_of(operation)):
            if place is not None and place.name in self.paths:
                return place.name
        about = (owners(operation.before) | owners(operation.after)) & frozen_owners if frozen_owners else ()
        return str(min(about)) if about else ""

    def __bool__(self) -> bool:
        return self.device or bool(self.partitions or self.paths)

    def __str__(self) -> str:
        return ",".join([DEVICE] * self.device + sorted(self.partitions) + sorted(self.paths))


def parse(words: Iterable[str]) -> Freeze:
    """What words freeze: `device` or `true`, names of partitions, full paths. A word that is none is a partition's."""
    found = [part.strip() for word in words for part in word.split(",") if part.strip()]
    return Freeze(
        device=any(word.casefold() in (DEVICE, "true") for word in found),
        partitions=frozenset(w for w in found if not w.startswith("/") and w.casefold() not in (DEVICE, "true")),
        paths=frozenset(word for word in found if word.startswith("/")),
    )
