"""The arguments of a request after "?": what they select, and what the reply repeats of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from bigipsim.rest import errors
from bigipsim.rest.render import HOST
from bigipsim.tree import Tree

_PARTITION = re.compile(r"\s*partition\s+eq\s+['\"]?([^\s'\"]+)['\"]?\s*", re.IGNORECASE)

UNFILTERED = frozenset({"net/fdb/tunnel", "auth/partition"})
"""Collections that take no notice of $filter."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a GET asks for; `top` is None without paging."""

    partition: str | None = None
    expand: bool = False
    select: tuple[str, ...] = ()
    top: int | None = None
    skip: int = 0


def parse(tree: Tree, kind: str, arguments: Mapping[str, str]) -> Query:
    """Reads the arguments; those that are not known are ignored, as the device does.

    Raises:
        Refused: $filter names an unknown partition, or filters by something else; $top or $skip is no number.
    """
    select = tuple(filter(None, (name.strip() for name in arguments.get("$select", "").split(","))))
    return Query(
        partition=_partition(tree, kind, arguments.get("$filter")),
        expand=arguments.get("expandSubcollections") == "true",
        select=select,
        top=_number("$top", arguments.get("$top")),
        skip=_number("$skip", arguments.get("$skip")) or 0,
    )


def _partition(tree: Tree, kind: str, text: str | None) -> str | None:
    if not text or kind in UNFILTERED:
        return None
    match = _PARTITION.fullmatch(text)
    if match is None:
        raise errors.not_implemented(f'the filter "{text}"; write "partition eq <name>"')
    if tree.get("auth/partition", match[1]) is None:
        raise errors.folder_not_found(f"/{match[1]}", 404)
    return match[1]


def _number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal():
        raise errors.refusal(400, f'invalid value "{text}" of {name}: it must be a whole number', errors.REST)
    return int(text)


def select(query: Query, document: dict[str, Any]) -> dict[str, Any]:
    """The keys of a document that were asked for."""
    if not query.select:
        return document
    return {key: document[key] for key in query.select if key in document}


def page(query: Query, uri: str, arguments: Mapping[str, str], total: int) -> dict[str, Any]:
    """What a reply says about where it stands in the whole; nothing without paging."""
    if query.top is None:
        return {}
    size = max(query.top, 1)
    here = max(0, min(query.top, total - query.skip))
    told: dict[str, Any] = {
        "currentItemCount": here,
        "itemsPerPage": query.top,
        "pageIndex": query.skip // size + 1,
        "startIndex": query.skip + 1,
        "totalItems": total,
        "totalPages": -(-total // size),
    }
    if query.skip + here < total:
        following = {**arguments, "$skip": str(query.skip + here)}
        told["nextLink"] = f"{HOST}/{uri}?{urlencode(sorted(following.items()), safe='$')}"
    return told


def window(query: Query, items: Sequence[Any]) -> Sequence[Any]:
    """The part of a list that was asked for."""
    end = None if query.top is None else query.skip + query.top
    return items[query.skip : end]
