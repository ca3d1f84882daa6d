"""Rules of policies: each a resource of its own within its policy, with conditions and actions in flags.

What somebody wrote into a rule of ours that the model has no words for is read as a condition or an action that none of
ours equals, so that it is seen and put right.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, cast

from turnbuckle.drivers.icontrol import values
from turnbuckle.drivers.icontrol.codec import DESCRIPTION, Body, Change, Codec, Field, Scene, plain
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.policy import Act, Action, Condition, Match, Operand, Policy, PolicyRule

_OPERANDS: Mapping[Operand, frozenset[str]] = {
    "http-host": frozenset({"httpHost", "host"}),
    "path": frozenset({"httpUri", "path"}),
    "path-segment": frozenset({"httpUri", "pathSegment"}),
    "client-address": frozenset({"tcp", "address"}),
    "peer-address": frozenset({"tcp", "address", "clientAccepted"}),
}
"""What is looked at: its flags, with the event where it is not the request."""

_ADDRESSES = ("client-address", "peer-address")
_MATCHES: Mapping[Match, str] = {
    "equals": "equals",
    "starts-with": "startsWith",
    "ends-with": "endsWith",
    "matches": "matches",
}
_ACTS: Mapping[Act, tuple[frozenset[str], str]] = {
    "forward": (frozenset({"forward", "select"}), "pool"),
    "forward-peer": (frozenset({"forward", "select", "clientAccepted"}), "pool"),
    "redirect": (frozenset({"httpReply", "redirect"}), "location"),
    "replace-host": (frozenset({"httpHost", "replace"}), "value"),
    "replace-uri": (frozenset({"httpUri", "replace"}), "value"),
    "reset": (frozenset({"forward", "reset"}), ""),
    "set-variable": (frozenset({"tcl", "setVariable"}), "expression"),
}
"""What is to be done: its flags, and the key of its value.

Source: BIG-IP iControl REST, ltm policy rules actions.
"""

_UNTOLD = frozenset({"request", "present", "external", "remote", "caseInsensitive"})
"""Flags that a condition or an action has when nothing is said."""

_ELSEWHERE = frozenset(
    {"name", "fullPath", "generation", "kind", "selfLink", "index", "values", "not", "caseSensitive"}
)
_OTHER = "other"


def _in_order(found: object) -> Iterable[Wire]:
    return sorted(values.listed(found), key=lambda item: values.number(item.get("name")))


def _told(raw: Wire) -> dict[str, Any]:
    """What an item says: no zeros and other defaults, no links."""
    quiet = _UNTOLD | _ELSEWHERE
    return {k: v for k, v in raw.items() if v and v != "none" and k not in quiet and not k.endswith("Reference")}


def _read_conditions(raw: Wire, _: Scene) -> tuple[Condition, ...]:
    return tuple(_condition(item) for item in _in_order(raw.get("conditionsReference") or raw.get("conditions")))


def _condition(raw: Wire) -> Condition:
    told = _told(raw)
    match: Match = next((match for match, flag in _MATCHES.items() if told.pop(flag, False) is True), "equals")
    operand = next((operand for operand, flags in _OPERANDS.items() if _is_just(told, flags)), None)
    found = raw.get("values")
    texts = [str(value) for value in found] if isinstance(found, list) else []
    if operand is None:
        return Condition(cast(Operand, _OTHER), match, tuple(sorted(f"{key}={value}" for key, value in told.items())))
    return Condition(
        operand,
        match,
        tuple(sorted(_prefix(text) for text in texts) if operand in _ADDRESSES else sorted(texts)),
        values.number(raw.get("index")) if operand == "path-segment" else 0,
        raw.get("not") is True,
        raw.get("caseSensitive") is True,
    )


def _is_just(told: Mapping[str, Any], flags: frozenset[str]) -> bool:
    return told.keys() == flags and all(value is True for value in told.values())


def _prefix(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return text


def _write_conditions(rule: PolicyRule, _: Change) -> Body:
    return {"conditions": [_condition_item(number, one) for number, one in enumerate(rule.conditions)]}


def _condition_item(number: int, one: Condition) -> dict[str, Any]:
    operand = _OPERANDS[one.operand]
    flags = [*sorted(operand), _MATCHES[one.match], *_event(operand)]
    flags += ["not"] * one.negated + ["caseSensitive"] * one.case_sensitive
    place = {"index": one.index} if one.index else {}
    return {"name": str(number), **dict.fromkeys(flags, True), **place, "values": list(one.values)}


def _read_actions(raw: Wire, _: Scene) -> tuple[Action, ...]:
    return tuple(_action(item) for item in _in_order(raw.get("actionsReference") or raw.get("actions")))


def _action(raw: Wire) -> Action:
    told = _told(raw)
    code, variable = values.number(told.pop("code", 0)), str(told.pop("tmName", ""))
    for act, (flags, key) in _ACTS.items():
        value = told.get(key, "")
        if isinstance(value, str) and _is_just({k: v for k, v in told.items() if k != key}, flags):
            return Action(act, value, code, variable)
    return Action(cast(Act, _OTHER), " ".join(sorted(f"{key}={value}" for key, value in told.items())), code, variable)


def _write_actions(rule: PolicyRule, _: Change) -> Body:
    return {"actions": [_action_item(number, one) for number, one in enumerate(rule.actions)]}


def _action_item(number: int, one: Action) -> dict[str, Any]:
    flags, key = _ACTS[one.act]
    found: dict[str, Any] = {"name": str(number), **dict.fromkeys((*sorted(flags), *_event(flags)), True)}
    found |= {key: one.value} if key else {}
    return found | ({"code": one.code} if one.code else {}) | ({"tmName": one.variable} if one.variable else {})


def _event(flags: frozenset[str]) -> tuple[str, ...]:
    return () if "clientAccepted" in flags else ("request",)


RULE = Codec(
    kind=PolicyRule.KIND,
    type=PolicyRule,
    fields=(
        DESCRIPTION,
        plain("ordinal", "ordinal", 0),
        Field("conditions", ("conditionsReference",), _read_conditions, _write_conditions),
        Field("actions", ("actionsReference",), _read_actions, _write_actions),
    ),
    naming=lambda rule: {"name": rule.rule},
)


def name_in(policy: Policy, raw: Wire) -> str:
    """What a rule of a policy is called in the model."""
    return f"{policy.name}:{raw.get('name', '')}"
