"""Kubernetes label selectors: equality and sets, as `kubectl get -l` takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_TERM = re.compile(
    r"\s*(?:(?P<absent>!)\s*)?(?P<key>[A-Za-z0-9][A-Za-z0-9_./-]*)\s*"
    r"(?:(?P<operator>==|=|!=)\s*(?P<value>[A-Za-z0-9_.-]*)|(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?\s*(?:,|$)"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term of a selector: the label must (or must not) have one of the values; no values: must exist (or not)."""

    key: str
    wanted: bool
    values: frozenset[str] | None

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet it; a missing label meets every "not"."""
        if self.values is None:
            return (self.key in labels) is self.wanted
        return (labels.get(self.key) in self.values) is self.wanted


@lru_cache(maxsize=64)
def parse(text: str) -> tuple[Requirement, ...]:
    """The requirements of a selector; none for an empty one.

    Raises:
        ValueError: it is no label selector; the message names the place.
    """
    found: list[Requirement] = []
    at = 0
    while at < len(text) and text[at:].strip():
        term = _TERM.match(text, at)
        if term is None:
            raise ValueError(f"{text[at:]!r} is no label selector")
        if term["set"]:
            values = frozenset(v.strip() for v in term["values"].split(","))
            found.append(Requirement(term["key"], term["set"] == "in", values))
        elif term["operator"]:
            found.append(Requirement(term["key"], term["operator"] != "!=", frozenset({term["value"]})))
        else:
            found.append(Requirement(term["key"], not term["absent"], None))
        at = term.end()
    return tuple(found)


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether labels meet a selector."""
    return all(requirement.matches(labels) for requirement in parse(selector))
