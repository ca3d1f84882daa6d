"""Node, as far as pools in node port mode read it. Every node has the facet ("node", "any")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turnbuckle.engine.protocol import Resource
from turnbuckle.kinds.meta import source_object
from turnbuckle.kit.addresses import canonical
from turnbuckle.model.ref import Event, Facet, Put

EVERY_NODE: Facet = ("node", "any")


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """Addresses by type, and whether the node takes traffic: not when its Ready condition says other than True.

    Whether it is cordoned does not matter: pods that run there go on serving.
    """

    internal: tuple[str, ...]
    external: tuple[str, ...]
    ready: bool


class NodeKind:
    """Decodes a Node; heartbeats leave no trace."""

    name = "Node"
    resource = Resource("", "v1", "nodes", namespaced=False)

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The Node as pools read it."""
        status = raw.get("status") or {}
        by_type: dict[str, list[str]] = {"InternalIP": [], "ExternalIP": []}
        for address in status.get("addresses") or ():
            by_type.setdefault(str(address.get("type")), []).append(canonical(str(address.get("address"))))
        ready = [c.get("status") for c in status.get("conditions") or () if c.get("type") == "Ready"]
        spec = NodeSpec(
            tuple(by_type["InternalIP"]), tuple(by_type["ExternalIP"]), all(state == "True" for state in ready)
        )
        return Put(source_object(self.name, raw, spec, facets={EVERY_NODE}, labels=True))


KIND = NodeKind()
