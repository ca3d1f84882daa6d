"""Pools of addresses as people write them: ranges by label, in numeric order, whatever the order they stand in.

`{"Dev": "10.0.0.1-10.0.0.10, 10.0.1.0/24, !10.0.1.9, 2001:db8::/112"}`: a range with both ends, a CIDR with its hosts
(an IPv4 one without its network and broadcast address, an IPv6 one without its first), a single address, and after "!"
what is left out of the label's other parts.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import pairwise

from turnbuckle.kinds.lease import Family
from turnbuckle.kit import json_text
from turnbuckle.model.issue import quoted

Address = IPv4Address | IPv6Address
Span = tuple[int, int]
"""The numbers of the first and the last address."""

FAMILIES: tuple[Family, Family] = ("IPv4", "IPv6")
EXAMPLE = """{"Dev": "10.0.0.1-10.0.0.10,10.0.1.0/24,!10.0.1.9"}"""


class BadPools(ValueError):
    """A text describes no pools; the text is a clause: `Dev has "10.0.0", which is …`."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The spans of addresses of a label by family, sorted, without overlaps and without what is excluded."""

    spans: Mapping[Family, tuple[Span, ...]] = field(default_factory=dict)

    def has(self, address: str) -> bool:
        """Whether an address is one of the pool's."""
        number, family = number_of(address)
        return any(low <= number <= high for low, high in self.spans.get(family, ()))

    def size(self, family: Family) -> int:
        """How many addresses there are."""
        return sum(high - low + 1 for low, high in self.spans.get(family, ()))

    def first_free(self, family: Family, used: set[int], start: int = 0) -> int | None:
        """The lowest number, from `start` on, that is not used; None when there is none."""
        for low, high in self.spans.get(family, ()):
            number = max(low, start)
            while number <= high and number in used:
                number += 1
            if number <= high:
                return number
        return None


Pools = Mapping[str, Pool]

NO_POOLS: Pools = {}


@lru_cache(2**16)
def number_of(address: str) -> tuple[int, Family]:
    """An address as a number, and its family; a route domain does not count."""
    plain = ipaddress.ip_address(address.partition("%")[0])
    return int(plain), "IPv6" if plain.version == 6 else "IPv4"


def text_of(number: int, family: Family) -> str:
    """The canonical text of an address."""
    return str(IPv6Address(number) if family == "IPv6" else IPv4Address(number))


def parse(text: str) -> Pools:
    """The pools by their labels; none for an empty text.

    Raises:
        BadPools: it describes none.
    """
    if not text.strip():
        return {}
    try:
        said, twice = json_text.parse(text, "")
    except (json_text.NotJson, UnicodeEncodeError) as error:
        raise BadPools(f"it is not JSON: {error}") from error
    if twice:
        raise BadPools(f"the label {quoted(twice[0].lstrip('.'))} stands there twice")
    if not isinstance(said, dict):
        raise BadPools(f"it is {quoted(json.dumps(said))}, not an object")
    pools = {label: _pool(label, ranges) for label, ranges in said.items()}
    _refuse_overlaps(pools)
    return pools


def _pool(label: str, ranges: object) -> Pool:
    if not label or label != label.strip():
        raise BadPools(f"the label {quoted(label)} is empty or has blanks around it")
    if not isinstance(ranges, str):
        raise BadPools(f"{label} has {quoted(json.dumps(ranges))}, which is no text")
    within: dict[Family, list[Span]] = {}
    without: dict[Family, list[Span]] = {}
    for part in ranges.split(","):
        text = part.strip()
        excluded, text = text.startswith("!"), text.removeprefix("!").strip()
        family, span = _span(label, text, excluded)
        (without if excluded else within).setdefault(family, []).append(span)
    if not within:
        raise BadPools(f"{label} has no address")
    return Pool({family: tuple(_less(_joined(spans), without.get(family, []))) for family, spans in within.items()})


def _span(label: str, text: str, excluded: bool) -> tuple[Family, Span]:
    try:
        if "/" in text:
            return _of_network(ipaddress.ip_network(text), excluded)
        first, dash, last = text.partition("-")
        low, family = number_of(first.strip())
        high, other = number_of(last.strip()) if dash else (low, family)
    except ValueError as error:
        raise BadPools(f"{label} has {quoted(text)}, which is no address, no range and no CIDR") from error
    if "%" in text:
        raise BadPools(f"{label} has {quoted(text)}, and route domains are not for pools")
    if family != other:
        raise BadPools(f"{label} has {quoted(text)}, whose ends are of different families")
    if low > high:
        raise BadPools(f"{label} has {quoted(text)}, whose end comes before its beginning")
    return family, (low, high)


def _of_network(network: IPv4Network | IPv6Network, excluded: bool) -> tuple[Family, Span]:
    low, high = int(network.network_address), int(network.broadcast_address)
    whole = excluded or network.num_addresses <= 2
    if isinstance(network, IPv6Network):
        return "IPv6", (low if whole else low + 1, high)
    return "IPv4", (low, high) if whole else (low + 1, high - 1)


def _joined(spans: list[Span]) -> Iterator[Span]:
    """The same addresses in sorted spans that do not touch."""
    low, high = (ordered := sorted(spans))[0]
    for first, last in ordered[1:]:
        if first <= high + 1:
            high = max(high, last)
        else:
            yield low, high
            low, high = first, last
    yield low, high


def _less(spans: Iterator[Span], without: list[Span]) -> Iterator[Span]:
    holes = sorted(without)
    for low, high in spans:
        start = low
        for first, last in holes:
            if last < start or first > high:
                continue
            if first > start:
                yield start, first - 1
            start = max(start, last + 1)
        if start <= high:
            yield start, high


def _refuse_overlaps(pools: Pools) -> None:
    """An address in two pools could be granted twice, so no two may share one."""
    for family in FAMILIES:
        spans = sorted((span, label) for label, pool in pools.items() for span in pool.spans.get(family, ()))
        for ((_, high), label), ((low, _), other) in pairwise(spans):
            if low <= high:
                raise BadPools(f"{label} and {other} both have {text_of(low, family)}")
