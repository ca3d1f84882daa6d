"""Every type of configuration object that the simulator has, by collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bigipsim.objects import (
    application,
    data_group,
    files,
    inherited,
    net,
    node,
    partition,
    policy,
    pool,
    rule,
    snat,
    virtual,
    virtual_address,
)
from bigipsim.objects.model import ObjectType

__all__ = ["TYPES", "Types"]


class Types:
    """The types by the collection that they are in; those of children are found with their parents."""

    def __init__(self, types: Iterable[ObjectType]) -> None:
        self._types = {one.collection: one for one in types}

    def __getitem__(self, collection: str) -> ObjectType:
        """The type of a collection that exists."""
        return self._types[collection]

    def __iter__(self) -> Iterator[str]:
        """The collections."""
        return iter(self._types)

    def get(self, collection: str) -> ObjectType | None:
        """The type of a collection, or None."""
        return self._types.get(collection)

    def base(self, collection: str) -> str:
        """Full path of the object that others of an inheriting type are built on."""
        return inherited.base_path(collection)


TYPES = Types(
    [
        *partition.TYPES,
        *application.TYPES,
        *files.TYPES,
        *node.TYPES,
        *pool.TYPES,
        *virtual_address.TYPES,
        *virtual.TYPES,
        *inherited.TYPES,
        *rule.TYPES,
        *data_group.TYPES,
        *snat.TYPES,
        *policy.TYPES,
        *net.TYPES,
    ]
)
