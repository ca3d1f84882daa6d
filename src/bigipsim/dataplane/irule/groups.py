"""Decides how iRules find what is in data groups; a changed group is seen at the next look."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from bigipsim.objects.data_group import records
from bigipsim.objects.model import Item
from bigipsim.tree import Tree

FAMILY: Final = "ltm/data-group"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadOperand(Exception):
    """A value cannot be compared with the keys of a group; the text says why."""


@dataclass(frozen=True)
class Group:
    """One data group: what its keys are ("string", "ip", "integer") and its records in the device's order."""

    sort: str
    records: Mapping[str, str]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where each key stands in the order."""
        return {key: place for place, key in enumerate(self.records)}

    @cached_property
    def networks(self) -> tuple[tuple[Network, str], ...]:
        """The keys of an address group, longest prefix first."""
        found = ((ipaddress.ip_network(key.partition("%")[0], strict=False), key) for key in self.records)
        return tuple(sorted(found, key=lambda pair: -pair[0].prefixlen))

    def hits(self, item: str, operator: str, reverse: bool = False) -> Iterator[tuple[int, str, str]]:
        """The records for which "item operator key" holds ("key operator item" when reversed): index, key, value.

        Raises:
            BadOperand: the item is no address or number where keys are.
        """
        if self.sort == "ip":
            yield from self._containing(item)
            return
        wanted = self._normal(item)
        if operator == "equals":
            if wanted in self.records:
                yield self.places[wanted], wanted, self.records[wanted]
            return
        for index, (key, value) in enumerate(self.records.items()):
            left, right = (key, wanted) if reverse else (wanted, key)
            if COMPARE[operator](left, right):
                yield index, key, value

    def _containing(self, item: str) -> Iterator[tuple[int, str, str]]:
        try:
            wanted = ipaddress.ip_network(item.partition("%")[0], strict=False)
        except ValueError:
            raise BadOperand(f'invalid IP address "{item}"') from None
        for network, key in self.networks:
            if wanted.prefixlen >= network.prefixlen and wanted.network_address in network:
                yield self.places[key], key, self.records[key]

    def _normal(self, item: str) -> str:
        if self.sort != "integer":
            return item
        try:
            return str(int(item))
        except ValueError:
            raise BadOperand(f'expected integer but got "{item}"') from None


COMPARE: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "equals": lambda left, right: left == right,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": str.__contains__,
}


class Groups:
    """The data groups of one device, read when they are first needed and again when they have changed."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._known: dict[str, tuple[Item, Group]] = {}

    def get(self, path: str) -> Group | None:
        """The group of that full path, or None."""
        item = self._tree.find(FAMILY, path)
        if item is None:
            self._known.pop(path, None)
            return None
        known = self._known.get(path)
        if known is not None and known[0] is item and item.type.collection.endswith("internal"):
            return known[1]
        group = Group(str(item.values.get("type", "string")), records(self._tree, path) or {})
        self._known[path] = item, group
        return group
