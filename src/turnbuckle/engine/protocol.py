"""What the engine asks of a kind and of a composer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from turnbuckle.model.claim import Claim, Key
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.ref import Event, Facet, Ref, SourceObject
from turnbuckle.model.state import Path


class Look(Protocol):
    """The only way to read the store; every read is recorded, also of what is not there."""

    def get(self, ref: Ref) -> SourceObject | None:
        """The object of that name, or None."""
        ...

    def having(self, kind: str, namespace: str, facet: Facet) -> tuple[SourceObject, ...]:
        """The objects of a kind that bear a facet, sorted by name; namespace "" asks across all of them."""
        ...

    def made(self, key: Key) -> Any:
        """What the composer of a key of a lower level left for others to read, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Translation:
    """What a root object wants. An issue of severity ERROR means that the claims are not to be trusted as a whole.

    frozen: whether nothing is to be written on its account for now. waits: whether the claims lack something that
    somebody was asked for, and that comes by itself; until then what was good before stays in force.
    """

    claims: tuple[Claim, ...] = ()
    issues: tuple[Issue, ...] = ()
    frozen: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Composition:
    """What became of the claims on a key.

    claims: for keys of a higher level. made: for others to read with Look.made.
    failed: nothing can be made of the claims as things are (issues say why), so what was made last stays in force.
    stays: paths of what cannot be made as things are; what the device has there, or as parts of it, is not taken away.
    """

    objects: tuple[LtmObject, ...] = ()
    issues: tuple[Issue, ...] = ()
    claims: tuple[Claim, ...] = ()
    made: Any = None
    failed: bool = False
    stays: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class Resource:
    """Where objects of a kind are found in a Kubernetes API server.

    selector: a label selector, applied by the server. root: whether the kind has a translator.
    """

    group: str
    version: str
    plural: str
    namespaced: bool = True
    selector: str = ""


class Kind(Protocol):
    """One kind of object; a file of kinds/ each, which exports one as KIND."""

    name: str
    resource: Resource

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """Put, Gone (the object is not for us), or Flawed."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """What became of a root object. objects: what the device has of it. issues: what is said about it now."""

    objects: tuple[LtmObject, ...] = ()
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """What is to be changed in an object of the cluster.

    subresource: "status", or empty for the object itself. body: a merge patch, in which None takes a field away; that
    is done only where the server notes the field as written by us.
    """

    ref: Ref
    subresource: str
    body: Mapping[str, Any]


class Root(Kind, Protocol):
    """A kind whose objects want something."""

    def translate(self, obj: SourceObject, look: Look) -> Translation:
        """The claims and the issues of an object."""
        ...

    def status(self, obj: SourceObject, served: Served) -> Patch | None:
        """What the object should say about itself and does not yet; None when it says that already."""
        ...


class Composer(Protocol):
    """How claims on one type of key become LTM objects; a file of compose/ each, which exports one as COMPOSER.

    when_owner_errs: "follow" composers (pools: facts) are asked even for a root that was never good; "hold" ones
    (listeners: intent) are not.
    """

    key: type[Key]
    when_owner_errs: Literal["follow", "hold"]

    def compose(self, key: Any, claims: Sequence[Claim], look: Look) -> Composition:
        """The LTM objects of a key; claims come oldest first."""
        ...
