"""An API server that has Leases and nothing else, in memory: a transport for elections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnbuckle.engine.protocol import Resource
from turnbuckle.sources.kubernetes import NotFound, Unreachable
from turnbuckle.sources.kubernetes.errors import KubernetesError
from turnbuckle.sources.kubernetes.writing import Conflict

Object = Mapping[str, Any]


class FakeLeases:
    """Leases by name. failure: raised by every request while it is set."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.failure: KubernetesError | None = None
        self.requests = 0
        self._version = 0

    async def __aenter__(self) -> FakeLeases:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    def unreachable(self) -> None:
        """Nobody answers any more."""
        self.failure = Unreachable("The API server cannot be reached: refused.")

    def _ask(self) -> None:
        self.requests += 1
        if self.failure is not None:
            raise self.failure

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        self._ask()
        if name not in self.objects:
            raise NotFound(f"There is no {resource.plural} {namespace}/{name}.")
        return self.objects[name]

    async def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        self._ask()
        name = body["metadata"]["name"]
        if name in self.objects:
            raise Conflict(f"{name} exists already.")
        return self._put(name, body)

    async def replace(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        self._ask()
        if body["metadata"]["resourceVersion"] != self.objects[name]["metadata"]["resourceVersion"]:
            raise Conflict(f"{name} is another one by now.")
        return self._put(name, body)

    def _put(self, name: str, body: Object) -> Object:
        self._version += 1
        self.objects[name] = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version)}}
        return self.objects[name]
