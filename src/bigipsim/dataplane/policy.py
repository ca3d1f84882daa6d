"""Decides which rules of a policy hold for traffic; pure, it changes nothing.

A rule holds when all its conditions do. It is looked at when the last of what they look at is known: the address with
the connection, the server name with the TLS handshake, the request, or the answer. Of the rules that are looked at
together, the strategy chooses: the first, the best, or all that hold.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Final, Literal

from bigipsim.dataplane.addresses import Network, network_of
from bigipsim.dataplane.policy_subjects import Find, Where, bare_host
from bigipsim.dataplane.policy_text import Text
from bigipsim.dataplane.traffic import Event, Traffic

Lookup = Callable[[str], Iterable[str]]
"""The keys of a data group by its full path; none for one that is not there."""

Strategy = Literal["first-match", "best-match", "all-match"]

ORDER: Final = (Event.CLIENT_ACCEPTED, Event.CLIENTSSL_CLIENTHELLO, Event.HTTP_REQUEST, Event.HTTP_RESPONSE)
"""The events at which policies are evaluated, in the order in which they happen."""


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def compared(found: str, value: str) -> bool:
        try:
            return compare(float(found), float(value))
        except ValueError:
            return False

    return compared


COMPARISONS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "equals": str.__eq__,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
    "less": _number(float.__lt__),
    "lessOrEqual": _number(float.__le__),
    "greater": _number(float.__gt__),
    "greaterOrEqual": _number(float.__ge__),
}
WEIGHTS: Final[Mapping[str, int]] = {"equals": 4, "matches": 3, "startsWith": 2, "endsWith": 2, "contains": 1}
"""How much a comparison says, for the best match."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. `values` are in lower case where case makes no difference (`folded`); `networks` are what an
    address is compared with. Without values and data group the condition is that there is something at all; a negated
    one holds only where there is something, too (assumed: "present" is the default)."""

    event: Event
    operand: str
    selector: str
    find: Find
    where: Where
    comparison: str = "equals"
    values: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    group: str = ""
    folded: bool = True
    negated: bool = False
    missing: bool = False

    def holds(self, traffic: Traffic, lookup: Lookup) -> bool:
        """Whether the condition holds."""
        found = self.find(traffic, self.where)
        if self.missing:
            return not found
        return bool(found) and any(self._fits(text, lookup) for text in found) != self.negated

    def _fits(self, text: str, lookup: Lookup) -> bool:
        if self.selector == "address":
            return not (self.values or self.group) or _within(text, self.networks or _networks(lookup(self.group)))
        compare = COMPARISONS.get(self.comparison, str.__eq__)
        text = text.lower() if self.folded else text
        if self.group:
            return any(compare(text, key.lower() if self.folded else key) for key in lookup(self.group))
        return not self.values or any(compare(text, value) for value in self.values)


def _within(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(network for network in map(network_of, texts) if network is not None)


@dataclass(frozen=True, slots=True)
class Action:
    """One action: what it does something to, how, with which words, and when. See `policy_actions`.

    `words` are its other properties: texts that are filled in when it is carried out, numbers as text.
    """

    event: Event
    target: str
    verb: str
    words: Mapping[str, Text]

    def word(self, name: str, traffic: Traffic) -> str:
        """One of the words, filled in; "" when it is not there.

        Raises:
            TextError: it cannot be filled in.
        """
        text = self.words.get(name)
        return text.filled_in(traffic) if text is not None else ""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule; `event` is when it is looked at."""

    name: str
    event: Event
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]

    def holds(self, traffic: Traffic, lookup: Lookup) -> bool:
        """Whether all conditions hold."""
        return all(condition.holds(traffic, lookup) for condition in self.conditions)

    @property
    def weight(self) -> tuple[int, int, int]:
        """How much its conditions say: their number, their comparisons, the length of what they compare with."""
        longest = (max(map(len, one.values), default=0) for one in self.conditions)
        return len(self.conditions), sum(WEIGHTS.get(one.comparison, 1) for one in self.conditions), sum(longest)


class Policy:
    """One policy: its rules by their ordinals, filed by the host that they ask for, so that many cost no more."""

    def __init__(self, path: str, strategy: Strategy, rules: Iterable[Rule], notes: Iterable[str] = ()) -> None:
        self.path = path
        self.strategy = strategy
        self.rules = tuple(rules)
        self.notes = tuple(notes)
        self._filed: dict[tuple[str, str], list[int]] = {}
        self._anywhere: list[int] = []
        for place, rule in enumerate(self.rules):
            asked = _hosts(rule)
            for key in asked:
                self._filed.setdefault(key, []).append(place)
            if not asked:
                self._anywhere.append(place)

    def holding(self, event: Event, traffic: Traffic, lookup: Lookup) -> list[Rule]:
        """The rules that are looked at now and whose actions are to be carried out, in their order."""
        holding = (rule for rule in self._candidates(traffic) if rule.event is event and rule.holds(traffic, lookup))
        if self.strategy == "all-match":
            return list(holding)
        if self.strategy == "best-match":
            best = max(holding, key=lambda rule: rule.weight, default=None)
            return [best] if best is not None else []
        first = next(holding, None)
        return [first] if first is not None else []

    def _candidates(self, traffic: Traffic) -> Iterator[Rule]:
        filed: list[list[int]] = [self._anywhere]
        if self._filed and traffic.request is not None:
            host = traffic.request.host.lower()
            filed += [self._filed.get(("all", host), []), self._filed.get(("host", bare_host(host)), [])]
        last = -1
        for place in merge(*filed):
            if place != last:
                yield self.rules[place]
            last = place


def _hosts(rule: Rule) -> set[tuple[str, str]]:
    """Under which hosts a rule is filed: one of them must be asked for; none when it may hold for any host."""
    for one in rule.conditions:
        plain = one.comparison == "equals" and not (one.negated or one.missing or one.group)
        if one.operand == "httpHost" and one.selector in ("all", "host") and plain and one.values:
            return {(one.selector, value.lower()) for value in one.values}
    return set()
