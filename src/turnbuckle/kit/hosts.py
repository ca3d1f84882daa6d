"""Which requests a host and a path stand for: as conditions of a policy's rule, and as its place among the rules.

A rule's ordinal is a function of what it matches, so that one more never renumbers the others: a host by its name comes
before a wildcard, a longer wildcard before a shorter one, every host last; below a host an exact path comes before a
prefix, and of two prefixes the one with more elements first. Two rules with one ordinal never match the same request.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Literal

from turnbuckle.kit.wildcards import is_wildcard
from turnbuckle.model.policy import Condition

PathType = Literal["Exact", "Prefix"]
PATH_TYPES = frozenset({"Exact", "Prefix", "ImplementationSpecific", ""})
"""What an Ingress may say; what is left out counts as ImplementationSpecific, as it did before it was asked for."""


_MOST_LABELS = 127
_MOST_ELEMENTS = 998
_EVERY_HOST = _MOST_LABELS + 1
_PLACES_BELOW_A_HOST = 2 * (_MOST_ELEMENTS + 2)

BEHIND_ALL = (_EVERY_HOST + 1) * _PLACES_BELOW_A_HOST
"""The ordinal of the rule for what no other rule matches."""


@dataclass(frozen=True, slots=True)
class Place:
    """A host and a path below it. host: empty for every host; "*.example.com" for every name one label below.

    path: of type Prefix, without a slash at its end; empty for every path.
    """

    host: str
    path_type: PathType
    path: str

    @property
    def text(self) -> str:
        """The path as it is shown, and told apart from others below its host."""
        return f"= {self.path}" if self.path_type == "Exact" else self.path or "/"

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What a request has to fulfil."""
        return (*_of_host(self.host), *self._of_path())

    @property
    def ordinal(self) -> int:
        """Its place among the rules of a policy; even, so that there is room for one right behind it."""
        return _rank_of_host(self.host) * _PLACES_BELOW_A_HOST + 2 * self._rank_of_path()

    def _of_path(self) -> tuple[Condition, ...]:
        if self.path_type == "Exact":
            return (Condition("path", "equals", (self.path,), case_sensitive=True),)
        return tuple(
            Condition("path-segment", "equals", (element,), index=index, case_sensitive=True)
            for index, element in enumerate(elements(self.path), 1)
        )

    def _rank_of_path(self) -> int:
        if self.path_type == "Exact":
            return 0
        return 1 + max(_MOST_ELEMENTS - len(elements(self.path)), 0)


def place(host: str, path_type: str | None, path: str) -> Place:
    """The place of an Ingress's path. ImplementationSpecific, or no type, is Prefix, as it was with the original.

    Source: Kubernetes, "Ingress", Path types: a prefix is compared element by element, a slash at its end is ignored.
    """
    if path_type == "Exact":
        return Place(host, "Exact", path)
    return Place(host, "Prefix", "".join(f"/{element}" for element in elements(path)))


def elements(path: str) -> tuple[str, ...]:
    """The elements of a path between its slashes."""
    return tuple(element for element in path.split("/") if element)


def from_networks(networks: tuple[str, ...]) -> tuple[Condition, ...]:
    """The client's address is in one of the networks; nothing to fulfil without any."""
    return (Condition("client-address", "matches", networks),) if networks else ()


def networks_of(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Networks from a list with commas, and what in it is none. An address alone is a network of one."""
    found: set[str] = set()
    wrong: list[str] = []
    for item in (part.strip() for part in text.split(",")):
        try:
            found.add(str(ipaddress.ip_network(item, strict=False)))
        except ValueError:
            wrong.append(item)
    return tuple(sorted(found)), tuple(wrong)


def _of_host(host: str) -> tuple[Condition, ...]:
    if not host:
        return ()
    if is_wildcard(host):
        return (Condition("http-host", "ends-with", (host[1:],)),)
    return (Condition("http-host", "equals", (host,)),)


def _rank_of_host(host: str) -> int:
    if not host:
        return _EVERY_HOST
    if is_wildcard(host):
        return 1 + max(_MOST_LABELS - 1 - host.count("."), 0)
    return 0
