"""What a server can: which of our kinds it has, and whether it sends lists as streams.

A kind that it lacks is left out. Of two forms of endpoints one is read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

import msgspec

from turnbuckle.engine.protocol import Kind, Resource
from turnbuckle.sources.kubernetes.connection import Connection
from turnbuckle.sources.kubernetes.errors import KubernetesError, NotFound

log = logging.getLogger(__name__)

_FIRST_WITH_STREAMS = (1, 27)
"""Older servers answer 422 at best (1.19 and later); before, they take the question for one that they know."""

_SLICES = ("discovery.k8s.io", "endpointslices")
_ENDPOINTS = ("", "endpoints")
_CORE = "/api/v1"


class _Named(msgspec.Struct):
    name: str


class _ResourceList(msgspec.Struct):
    resources: list[_Named] | None = None


class _Version(msgspec.Struct):
    major: str = ""
    minor: str = ""


def root_path(resource: Resource) -> str:
    """The path of a resource's group and version."""
    return f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"


async def served(connection: Connection, kinds: Sequence[Kind]) -> tuple[Kind, ...]:
    """The kinds to read from this server, in their order.

    EndpointSlices and Endpoints say the same; Endpoints are read only where the server has no EndpointSlices.

    Raises:
        KubernetesError: the server did not tell.
    """
    plurals: dict[str, frozenset[str]] = {}
    for path in dict.fromkeys(root_path(kind.resource) for kind in kinds):
        plurals[path] = await _plurals(connection, path)
    lacking = [k.resource.plural for k in kinds if not k.resource.group and k.resource.plural not in plurals[_CORE]]
    if lacking:
        # Every server has these: whatever answers is none, and what it lacks is not "gone".
        what = ", ".join(lacking)
        raise KubernetesError(f"What answers at {_CORE} does not know {what}: it is no API server. Check its URL.")
    there = [kind for kind in kinds if kind.resource.plural in plurals[root_path(kind.resource)]]
    for kind in kinds:
        if kind not in there:
            log.info("the API server has no %s %s; left out", root_path(kind.resource), kind.resource.plural)
    if any((kind.resource.group, kind.resource.plural) == _SLICES for kind in there):
        there = [kind for kind in there if (kind.resource.group, kind.resource.plural) != _ENDPOINTS]
    return tuple(there)


def twins(one: Resource, other: Resource) -> bool:
    """Whether two kinds say the same in two forms, of which one is to be in force."""
    return {(one.group, one.plural), (other.group, other.plural)} == {_SLICES, _ENDPOINTS}


class Streams:
    """Whether a server sends lists as streams, by its version; what it refused is forgotten when that changes."""

    def __init__(self) -> None:
        self._version: tuple[int, int] | None = None

    async def learn(self, connection: Connection) -> None:
        """Asks the server for its version. One that does not tell is taken for an old one."""
        try:
            found = await connection.get("/version", {}, _Version)
        except KubernetesError as error:
            log.debug("the API server does not tell its version: %s", error)
            found = _Version()
        version = (_number(found.major), _number(found.minor))
        if version != self._version:
            self._version = version
            connection.streams = version >= _FIRST_WITH_STREAMS


def _number(text: str) -> int:
    """The digits at the beginning: some servers say "27+"."""
    digits = re.match(r"\d{1,9}", text)
    return int(digits[0]) if digits else 0


async def _plurals(connection: Connection, path: str) -> frozenset[str]:
    try:
        found = await connection.get(path, {}, _ResourceList)
    except NotFound:
        return frozenset()
    return frozenset(resource.name for resource in found.resources or ())
