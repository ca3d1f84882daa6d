"""Node, as far as pools in node port mode read it. Every node has the facet ("node", "any")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from turnbuckle.engine.protocol import Resource
from turnbuckle.kinds.meta import ref_of, source_object
from turnbuckle.kit.addresses import plain_address
from turnbuckle.kit.wire import Wire, read
from turnbuckle.model import issue as issues_of
from turnbuckle.model.ref import Event, Facet, Flawed, Put

EVERY_NODE: Facet = ("node", "any")


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """Addresses by type, and whether the node takes traffic: not when its Ready condition says other than True.

    Whether it is cordoned does not matter: pods that run there go on serving.
    """

    internal: tuple[str, ...]
    external: tuple[str, ...]
    ready: bool


class _Address(Wire):
    type: Annotated[str, Meta(description="the type of the address", examples=["InternalIP"])]
    address: Annotated[str, Meta(description="the address itself", examples=["192.0.2.10"])]


class _Condition(Wire):
    type: str | None = None
    status: str | None = None


class _Status(Wire):
    addresses: list[_Address] | None = None
    conditions: list[_Condition] | None = None


class _Node(Wire):
    status: _Status | None = None


class NodeKind:
    """Decodes a Node; heartbeats leave no trace."""

    name = "Node"
    resource = Resource("", "v1", "nodes", namespaced=False)

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The Node as pools read it."""
        ref = ref_of(self.name, raw)
        wire = read(_Node, raw, ref)
        if isinstance(wire, Flawed):
            return wire
        status = wire.status or _Status()
        by_type: dict[str, list[str]] = {"InternalIP": [], "ExternalIP": []}
        flaws = []
        for index, one in enumerate(status.addresses or ()):
            if one.type not in by_type:
                continue
            address = plain_address(one.address)
            if address is None:
                field = f"status.addresses[{index}].address"
                flaws.append(issues_of.bad_address(ref, field, one.address, extended=False))
            else:
                by_type[one.type].append(address)
        if flaws:
            return Flawed(ref, tuple(flaws))
        ready = [c.status for c in status.conditions or () if c.type == "Ready"]
        spec = NodeSpec(
            tuple(by_type["InternalIP"]), tuple(by_type["ExternalIP"]), all(state == "True" for state in ready)
        )
        return Put(source_object(self.name, raw, spec, facets={EVERY_NODE}, labels=True))


KIND = NodeKind()
