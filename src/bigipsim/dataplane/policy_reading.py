"""Decides what a policy means to the data plane, and what it says of conditions and actions that are not evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from bigipsim.dataplane.addresses import network_of
from bigipsim.dataplane.policy import ORDER, Action, Condition, Policy, Rule, Strategy
from bigipsim.dataplane.policy_actions import EFFECTS
from bigipsim.dataplane.policy_subjects import SUBJECTS, Where
from bigipsim.dataplane.policy_text import Text, text_of
from bigipsim.dataplane.traffic import Event
from bigipsim.objects import policy_grammar as grammar
from bigipsim.objects.model import Item
from bigipsim.tree import Tree

Values = Mapping[str, Any]

EVENTS: Final[Mapping[str, Event]] = {
    "clientAccepted": Event.CLIENT_ACCEPTED,
    "sslClientHello": Event.CLIENTSSL_CLIENTHELLO,
    "request": Event.HTTP_REQUEST,
    "response": Event.HTTP_RESPONSE,
}
USUAL_SELECTOR: Final = "all"
STRATEGIES: Final[Mapping[str, Strategy]] = {
    "first-match": "first-match",
    "best-match": "best-match",
    "all-match": "all-match",
}


class Reading(NamedTuple):
    """What a rule means, None when it can never hold; and words on what in it is not evaluated."""

    rule: Rule | None
    notes: tuple[str, ...]


def readings(item: Item, known: Mapping[Item, Reading]) -> dict[Item, Reading]:
    """What the rules of a policy mean, in their order; those that are known already are not read again."""
    listed = item.children.get("rules", {}).values()
    ordered = sorted(listed, key=lambda rule: rule.values.get("ordinal", 0))
    return {rule: known.get(rule) or _read(item.full_path, rule) for rule in ordered}


def policy_of(tree: Tree, item: Item, read: Mapping[Item, Reading]) -> Policy:
    """The policy of an item whose rules have been read."""
    rules = [one.rule for one in read.values() if one.rule is not None]
    return Policy(item.full_path, _strategy(tree, item), rules, [note for one in read.values() for note in one.notes])


def _strategy(tree: Tree, item: Item) -> Strategy:
    path = str(item.values.get("strategy", ""))
    found = tree.get("ltm/policy-strategy", path)
    word = found.values.get("strategy") if found is not None else path.rpartition("/")[2]
    return STRATEGIES.get(str(word), "first-match")


def _read(policy: str, item: Item) -> Reading:
    notes: list[str] = []
    conditions: list[Condition] = []
    for one in item.children.get("conditions", {}).values():
        condition = _condition(one.values)
        if condition is None:
            return Reading(None, (f"{_of(policy, item)} never holds: condition {one.name} is not evaluated",))
        conditions.append(condition)
    actions: list[Action] = []
    for one in item.children.get("actions", {}).values():
        action = _action(one.values)
        if action is None:
            notes.append(f"action {one.name} of {_of(policy, item)} is not evaluated")
            continue
        notes += [
            f"{text.unknown} in {_of(policy, item)} is not evaluated" for text in action.words.values() if text.unknown
        ]
        actions.append(action)
    events = [one.event for one in conditions] or [one.event for one in actions] or [Event.HTTP_REQUEST]
    choose = max if conditions else min
    rule = Rule(item.name, choose(events, key=ORDER.index), tuple(conditions), tuple(actions))
    return Reading(rule, tuple(notes))


def _of(policy: str, rule: Item) -> str:
    return f"rule {rule.name} of policy {policy}"


def _event(values: Values) -> Event | None:
    return EVENTS.get(grammar.flag(values, grammar.EVENT_FLAGS, "request"))


def _condition(values: Values) -> Condition | None:
    event = _event(values)
    operand = grammar.flag(values, grammar.OPERAND_FLAGS)
    selector = grammar.flag(values, grammar.SELECTORS, USUAL_SELECTOR)
    find = SUBJECTS.get((operand, selector))
    comparison = grammar.flag(values, grammar.COMPARISONS, "equals")
    if event is None or find is None or (comparison == "matches" and selector != "address"):
        return None
    folded = values.get("caseSensitive") is not True
    given = tuple(str(value) for value in values.get("values") or ())
    return Condition(
        event=event,
        operand=operand,
        selector=selector,
        find=find,
        where=_where(values),
        comparison=comparison,
        values=tuple(value.lower() for value in given) if folded else given,
        networks=tuple(filter(None, map(network_of, given))) if selector == "address" else (),
        group=str(values.get("datagroup") or ""),
        folded=folded,
        negated=values.get("not") is True,
        missing=values.get("missing") is True,
    )


def _where(values: Values) -> Where:
    return Where(
        name=str(values.get("tmName") or ""),
        index=int(values.get("index") or 0),
        remote=values.get("local") is not True,
        normalized=values.get("normalized") is True,
    )


def _action(values: Values) -> Action | None:
    event = _event(values)
    target = grammar.flag(values, grammar.TARGET_FLAGS)
    verb = grammar.flag(values, grammar.VERBS)
    if event is None or (target, verb) not in EFFECTS:
        return None
    return Action(event, target, verb, dict(_words(values)))


def _words(values: Values) -> Iterator[tuple[str, Text]]:
    for name, value in values.items():
        if isinstance(value, str):
            yield name, text_of(value)
        elif value and not isinstance(value, bool) and isinstance(value, int):
            yield name, Text((str(value),))
