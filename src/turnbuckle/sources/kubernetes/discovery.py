"""Which of our kinds a server has: what it lacks is left out, and of two forms of endpoints one is read."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from turnbuckle.engine.protocol import Kind, Resource
from turnbuckle.sources.kubernetes.connection import Connection
from turnbuckle.sources.kubernetes.errors import KubernetesError, NotFound

log = logging.getLogger(__name__)

_SLICES = ("discovery.k8s.io", "endpointslices")
_ENDPOINTS = ("", "endpoints")
_CORE = "/api/v1"


class _Named(msgspec.Struct):
    name: str


class _ResourceList(msgspec.Struct):
    resources: list[_Named] | None = None


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


async def _plurals(connection: Connection, path: str) -> frozenset[str]:
    try:
        found = await connection.get(path, {}, _ResourceList)
    except NotFound:
        return frozenset()
    return frozenset(resource.name for resource in found.resources or ())
